//! The call is cut off: said at once, with which attempt comes when, and what can be done meanwhile.

use std::time::{Duration, Instant};

use eframe::egui::{Context, Ui};

use super::top;
use crate::call::state::{Phase, Redial, State};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, space};
use crate::ui::widgets;

/// Draws the banner while the call is cut off.
pub(super) fn reconnecting_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) {
    let Phase::Reconnecting { since } = state.phase else {
        return;
    };
    let text = "Reconnecting… Everybody stays; you need not do anything.";
    widgets::banner(ui, widgets::Kind::Warning, text, |ui| {
        // What changes each second stands apart: a screen reader says the sentence once.
        ui.label(theme::figure(attempt(state.redial, model.now)));
        if widgets::secondary(ui, "Retry now").clicked() {
            actions.push(Action::Retry);
        }
        if widgets::danger(ui, "Leave").clicked() {
            actions.push(Action::Leave);
        }
    });
    repaint(ui.ctx(), state.redial, since, model.now);
    ui.add_space(space::XS);
}

/// Which attempt, and when.
fn attempt(redial: Option<Redial>, now: Instant) -> String {
    match redial {
        Some(Redial { attempt, next: Some(next) }) if next > now => {
            format!("Attempt {attempt} in {} s", seconds(next, now))
        }
        Some(Redial { attempt, .. }) => format!("Attempt {attempt} now"),
        None => "Looking for a way".to_owned(),
    }
}

/// Whole seconds that are left, the one that has begun among them.
fn seconds(until: Instant, now: Instant) -> u64 {
    until.saturating_duration_since(now).as_millis().div_ceil(1000) as u64
}

/// Asks for a frame when the countdown, or else the time, is a full second again.
fn repaint(ctx: &Context, redial: Option<Redial>, since: Instant, now: Instant) {
    match redial.and_then(|redial| redial.next) {
        Some(next) if next > now => {
            let rest = u64::from(next.saturating_duration_since(now).subsec_millis());
            ctx.request_repaint_after(Duration::from_millis(if rest == 0 { 1000 } else { rest }));
        }
        _ => top::repaint_next_second(ctx, now.saturating_duration_since(since)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_says_which_attempt_comes_when() {
        let now = crate::clock::now();
        let of = |attempt, next: Option<u64>| {
            attempt_words(Redial { attempt, next: next.map(|ms| now + Duration::from_millis(ms)) }, now)
        };
        assert_eq!(of(1, None), "Attempt 1 now");
        assert_eq!(of(2, Some(3200)), "Attempt 2 in 4 s");
        assert_eq!(of(3, Some(1000)), "Attempt 3 in 1 s");
        assert_eq!(of(3, Some(1)), "Attempt 3 in 1 s");
        assert_eq!(of(3, Some(0)), "Attempt 3 now");
        assert_eq!(attempt(None, now), "Looking for a way");
    }

    fn attempt_words(redial: Redial, now: Instant) -> String {
        attempt(Some(redial), now)
    }
}
