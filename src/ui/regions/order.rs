//! In which order the rows stand. Pure.
//!
//! Rows that jump cannot be read or clicked: they stand as they came until there are figures, and change places only
//! for a difference that matters (Mumble's rule for its list of servers).

use super::group::Group;

/// A row may be re-sorted from so many answers on, or when the window is over.
const SAMPLES: u32 = 10;
/// The least difference for which two rows change places: ms, and a share of the better one.
const LEAST_MS: f64 = 5.0;
const LEAST: f64 = 0.05;

/// Brings `order` up to date: relays that are new stand last, those that are gone leave. Unless `hold` (the pointer is
/// over the rows), neighbours change places where the lower one is better by enough.
pub fn update(order: &mut Vec<String>, groups: &[Group<'_>], over: bool, hold: bool) {
    order.retain(|relay| groups.iter().any(|group| group.relay == relay));
    for group in groups {
        if !order.iter().any(|relay| relay == group.relay) {
            order.push(group.relay.to_owned());
        }
    }
    if hold {
        return;
    }
    let find = |relay: &str| groups.iter().find(|group| group.relay == relay);
    // Each exchange brings a better row up, so this ends; as many passes as rows are enough.
    for _ in 0..order.len() {
        let mut calm = true;
        for n in 1..order.len() {
            let (Some(upper), Some(lower)) = (find(&order[n - 1]), find(&order[n])) else { continue };
            if overtakes(lower, upper, over) {
                order.swap(n - 1, n);
                calm = false;
            }
        }
        if calm {
            break;
        }
    }
}

fn overtakes(lower: &Group<'_>, upper: &Group<'_>, over: bool) -> bool {
    let settled = |group: &Group<'_>| over || group.samples() >= SAMPLES;
    match (lower.score_ms(), upper.score_ms()) {
        (Some(lower_ms), Some(upper_ms)) => {
            settled(lower) && settled(upper) && upper_ms - lower_ms >= (lower_ms * LEAST).max(LEAST_MS)
        }
        // Nobody knows yet how soon the other one will answer.
        (Some(_), None) => settled(lower) && (over || upper.best().error.is_some()),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::group::groups;
    use super::*;
    use crate::ui::{fixtures, model::Model};

    fn order(model: &Model, order: &mut Vec<String>, over: bool, hold: bool) -> String {
        let groups = groups(model.call.as_deref().unwrap());
        update(order, &groups, over, hold);
        order.iter().map(|relay| relay.trim_end_matches("-1")).collect::<Vec<_>>().join(" ")
    }

    fn score(model: &mut Model, region: &str, ms: f64) {
        fixtures::change(model, |state, _| {
            for standing in state.candidates.iter_mut().filter(|standing| standing.candidate.region == region) {
                standing.score_ms = Some(ms);
            }
        });
    }

    #[test]
    fn rows_stand_as_they_came_until_there_are_ten_answers() {
        let mut rows = Vec::new();
        let given = "singapore tokyo frankfurt us-east us-west sao-paulo";
        assert_eq!(order(&fixtures::lobby(Duration::from_secs(1)), &mut rows, false, false), given);
        let late = fixtures::lobby(Duration::from_secs(5));
        assert_eq!(order(&late, &mut rows, false, true), given, "held while the pointer is over them");
        let ranked = "singapore tokyo frankfurt us-west us-east sao-paulo";
        assert_eq!(order(&late, &mut rows, false, false), ranked);
    }

    #[test]
    fn a_difference_that_nobody_notices_changes_no_places() {
        let mut model = fixtures::lobby(Duration::from_secs(5));
        let mut rows = Vec::new();
        score(&mut model, "singapore", 40.0);
        score(&mut model, "tokyo", 36.0);
        assert!(order(&model, &mut rows, true, false).starts_with("singapore tokyo"), "4 ms");
        score(&mut model, "singapore", 300.0);
        score(&mut model, "tokyo", 290.0);
        assert!(order(&model, &mut rows, true, false).contains("singapore tokyo"), "10 ms of 290: less than 5 %");
        score(&mut model, "tokyo", 34.0);
        score(&mut model, "singapore", 40.0);
        assert!(order(&model, &mut rows, true, false).starts_with("tokyo singapore"));
    }

    #[test]
    fn a_relay_that_left_leaves_and_a_new_one_comes_last() {
        let mut model = fixtures::lobby(Duration::from_secs(1));
        let mut rows = vec!["gone-1".to_owned(), "tokyo-1".to_owned()];
        let shown = order(&model, &mut rows, false, false);
        assert_eq!(shown, "tokyo singapore frankfurt us-east us-west sao-paulo");
        fixtures::change(&mut model, |state, _| state.candidates.clear());
        assert_eq!(order(&model, &mut rows, true, false), "");
    }
}
