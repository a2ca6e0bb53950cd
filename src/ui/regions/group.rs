//! The candidates of one relay as one row: the better way first, the other one below it. Pure.

use crate::call::state::{State, Wish, Wished};
use crate::election::{LinkState, Standing, rules};
use crate::proto::Transport;

use super::words::known;

/// A relay and the ways to it.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    pub relay: &'a str,
    /// The better way first; never empty.
    pub ways: Vec<&'a Standing>,
    /// Whether another relay is in the same region, so that the region alone does not name this one.
    pub shared: bool,
}

/// The relays in the order in which they were given.
pub fn groups(state: &State) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for standing in &state.candidates {
        let relay = standing.candidate.relay.as_str();
        match groups.iter_mut().find(|group| group.relay == relay) {
            Some(group) => group.ways.push(standing),
            None => groups.push(Group { relay, ways: vec![standing], shared: false }),
        }
    }
    let regions: Vec<&str> = groups.iter().map(Group::region).collect();
    for (n, group) in groups.iter_mut().enumerate() {
        group.shared = regions.iter().enumerate().any(|(other, region)| other != n && *region == regions[n]);
        group.ways.sort_by_key(|way| rank(way));
        settle_tie(&mut group.ways);
    }
    groups
}

impl<'a> Group<'a> {
    /// The better way.
    pub fn best(&self) -> &'a Standing {
        self.ways[0]
    }

    pub fn region(&self) -> &'a str {
        &self.best().candidate.region
    }

    /// What a wish for this row is called: the region, or the relay where the region has several.
    pub fn wish_name(&self) -> &'a str {
        if self.shared { self.relay } else { self.region() }
    }

    /// What it is ranked by, ms: the score, which has the loss in it.
    pub fn score_ms(&self) -> Option<f64> {
        score_ms(self.best())
    }

    /// Probes that were answered, on the way that is shown first.
    pub fn samples(&self) -> u32 {
        self.best().received
    }

    /// The wish of this kind that concerns this row.
    pub fn wish<'w>(&self, wishes: &'w [Wish], what: Wished) -> Option<&'w Wish> {
        wishes.iter().find(|wish| wish.what == what && concerns(wish, self.best()))
    }
}

/// Whether a wish names a candidate's relay or region.
pub fn concerns(wish: &Wish, standing: &Standing) -> bool {
    wish.name == standing.candidate.relay || wish.name == standing.candidate.region
}

fn score_ms(standing: &Standing) -> Option<f64> {
    known(standing.score_ms).or(known(standing.mean_ms))
}

/// What carries the call comes first, then what answers, then WebTransport.
fn rank(way: &Standing) -> (bool, bool, bool) {
    (way.state != LinkState::Active, score_ms(way).is_none(), way.candidate.transport != Transport::WebTransport)
}

/// WebSocket takes the first line only where it is better by more than a near tie.
fn settle_tie(ways: &mut [&Standing]) {
    let [first, second, ..] = ways else { return };
    if first.state == LinkState::Active {
        return;
    }
    if let (Some(one), Some(other)) = (score_ms(first), score_ms(second))
        && one > other + rules::tie_ms(other)
    {
        std::mem::swap(first, second);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn both_ways_to_a_relay_stand_together_and_webtransport_wins_a_near_tie() {
        let mut model = fixtures::lobby(Duration::from_secs(5));
        fixtures::change(&mut model, |state, _| {
            state.candidates[0].score_ms = Some(49.0);
            state.candidates[1].score_ms = Some(40.0);
            state.candidates[2].score_ms = Some(95.0);
            state.candidates[3].score_ms = Some(74.0);
        });
        let state = model.call.as_deref().unwrap();
        let groups = groups(state);
        assert_eq!(groups.len(), 6);
        assert!(groups.iter().all(|group| group.ways.len() == 2 && !group.shared));
        assert_eq!(groups[0].best().candidate.transport, Transport::WebTransport);
        assert_eq!(groups[1].best().candidate.transport, Transport::WebSocket);
    }

    #[test]
    fn two_relays_of_one_region_are_told_apart_by_their_ids() {
        let mut model = fixtures::lobby(Duration::from_secs(5));
        fixtures::change(&mut model, |state, _| {
            state.candidates[2].candidate.region = "singapore".into();
            state.candidates[3].candidate.region = "singapore".into();
        });
        let state = model.call.as_deref().unwrap();
        let names: Vec<&str> = groups(state).iter().map(Group::wish_name).collect();
        assert_eq!(names[..3], ["singapore-1", "tokyo-1", "frankfurt"]);
    }
}
