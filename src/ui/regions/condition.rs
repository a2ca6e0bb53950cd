//! The state of a candidate in a word, a shape and a colour. Pure.

use eframe::egui::Color32;

use crate::call::state::{Phase, State, Wished};
use crate::election::{LinkState, Standing};
use crate::proto::probe::RelayState;
use crate::ui::icons;
use crate::ui::theme::Palette;

use super::group::concerns;
use super::words::known;

/// What to say of a candidate. The worst news wins: a relay that is blocked is blocked whatever it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Idle,
    Connecting,
    Measuring,
    Ready,
    Standby,
    InUse,
    /// Carries the call, and wants to be rid of it.
    InUseDraining,
    Draining,
    Full,
    Isolated,
    Failed,
    NoAnswer,
    Blocked,
}

impl Condition {
    /// What `standing` is in; `racing` while the race's window is open.
    pub fn of(state: &State, standing: &Standing, racing: bool) -> Self {
        let blocked = |wish: &&crate::call::state::Wish| wish.what == Wished::Block && concerns(wish, standing);
        if state.wishes.iter().find(blocked).is_some() {
            return Self::Blocked;
        }
        match standing.state {
            LinkState::Active if standing.relay_state == Some(RelayState::Draining) => Self::InUseDraining,
            LinkState::Active => Self::InUse,
            LinkState::Failed if standing.received == 0 && standing.sent > 0 => Self::NoAnswer,
            LinkState::Failed => Self::Failed,
            LinkState::Dialling => Self::Connecting,
            LinkState::Standby | LinkState::Connected | LinkState::Idle => Self::of_answers(standing, racing),
        }
    }

    fn of_answers(standing: &Standing, racing: bool) -> Self {
        match (standing.relay_state, standing.state) {
            _ if standing.received > 0 && standing.loss == Some(1.0) => Self::NoAnswer,
            (Some(RelayState::Draining), _) => Self::Draining,
            (Some(RelayState::Full), _) => Self::Full,
            (Some(RelayState::Isolated), _) => Self::Isolated,
            (_, LinkState::Standby) => Self::Standby,
            (_, LinkState::Idle) => Self::Idle,
            _ if racing => Self::Measuring,
            _ if known(standing.mean_ms).is_none() && standing.sent > 0 => Self::NoAnswer,
            _ if known(standing.mean_ms).is_none() => Self::Measuring,
            _ => Self::Ready,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Measuring => "measuring",
            Self::Ready => "ready",
            Self::Standby => "standby",
            Self::InUse => "in use",
            Self::InUseDraining => "in use, draining",
            Self::Draining => "draining",
            Self::Full => "full",
            Self::Isolated => "isolated",
            Self::Failed => "failed",
            Self::NoAnswer => "no answer",
            Self::Blocked => "blocked",
        }
    }

    /// What it means, for a tooltip.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Idle => "Not connected now. It is looked at again every few minutes.",
            Self::Connecting => "Being dialled.",
            Self::Measuring => "Connected. A probe goes out every 200 ms.",
            Self::Ready => "Connected, and takes newcomers.",
            Self::Standby => "Connected and warm: takes over at once when the relay in use fails.",
            Self::InUse => "Carries the call.",
            Self::InUseDraining => "Carries the call, but goes away soon: the call moves before that.",
            Self::Draining => "Goes away soon. Taken only if nothing else answers.",
            Self::Full => "At its limit. Taken only if nothing else answers.",
            Self::Isolated => "Cut off from the other relays. Taken only if nothing else answers.",
            Self::Failed => "The connection failed. It is tried again.",
            Self::NoAnswer => "Nothing came back. It is tried again.",
            Self::Blocked => "You blocked it: the call keeps away.",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Idle => icons::MINUS,
            Self::Connecting => icons::PLUGS,
            Self::Measuring => icons::PULSE,
            Self::Ready => icons::CHECK,
            Self::Standby => icons::SHIELD,
            Self::InUse => icons::GOOD,
            Self::InUseDraining | Self::Draining => icons::DRAIN,
            Self::Full => icons::PEOPLE,
            Self::Isolated => icons::OFFLINE,
            Self::Failed | Self::NoAnswer => icons::DOWN,
            Self::Blocked => icons::BLOCK,
        }
    }

    pub fn colour(self, colours: &Palette) -> Color32 {
        match self {
            Self::Idle | Self::Connecting | Self::Measuring | Self::Ready => colours.weak,
            Self::Standby => colours.fastest,
            Self::InUse => colours.in_use,
            Self::InUseDraining | Self::Draining | Self::Full | Self::Isolated => colours.fair,
            Self::Failed | Self::NoAnswer | Self::Blocked => colours.down,
        }
    }

    /// Whether its figures say nothing about a call that would run over it now.
    pub fn is_out(self) -> bool {
        matches!(self, Self::Failed | Self::NoAnswer | Self::Blocked)
    }
}

/// Whether the race's window is open.
pub fn racing(state: &State, now: std::time::Instant) -> bool {
    matches!(state.phase, Phase::Lobby | Phase::Joining) && now < state.race.ends
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::state::Wish;
    use crate::ui::fixtures;

    #[test]
    fn each_state_of_a_candidate_has_its_word() {
        use Condition::*;
        let cases = [
            (LinkState::Idle, None, 9, false, Idle),
            (LinkState::Dialling, None, 9, false, Connecting),
            (LinkState::Connected, None, 0, true, Measuring),
            (LinkState::Connected, Some(RelayState::Ready), 9, true, Measuring),
            (LinkState::Connected, Some(RelayState::Ready), 9, false, Ready),
            (LinkState::Connected, None, 0, false, NoAnswer),
            (LinkState::Connected, Some(RelayState::Draining), 9, true, Draining),
            (LinkState::Connected, Some(RelayState::Full), 9, false, Full),
            (LinkState::Standby, Some(RelayState::Isolated), 9, false, Isolated),
            (LinkState::Standby, Some(RelayState::Ready), 9, false, Standby),
            (LinkState::Active, Some(RelayState::Ready), 9, false, InUse),
            (LinkState::Active, Some(RelayState::Draining), 9, false, InUseDraining),
            (LinkState::Failed, None, 0, false, NoAnswer),
            (LinkState::Failed, Some(RelayState::Ready), 9, false, Failed),
        ];
        let model = fixtures::lobby(Duration::from_secs(5));
        let state = model.call.as_deref().unwrap();
        for (link, relay_state, received, racing, wanted) in cases {
            let mut standing = state.candidates[0].clone();
            (standing.state, standing.relay_state, standing.received) = (link, relay_state, received);
            if received == 0 {
                standing.mean_ms = None;
            }
            assert_eq!(Condition::of(state, &standing, racing), wanted, "{link:?} {relay_state:?} {received} {racing}");
        }
    }

    #[test]
    fn a_block_wins_over_whatever_the_relay_answers() {
        let mut model = fixtures::lobby(Duration::from_secs(5));
        fixtures::change(&mut model, |state, _| {
            state.wishes = vec![Wish { what: Wished::Block, name: "tokyo".into(), until: None }];
        });
        let state = model.call.as_deref().unwrap();
        assert_eq!(Condition::of(state, &state.candidates[2], false), Condition::Blocked);
        assert_ne!(Condition::of(state, &state.candidates[0], false), Condition::Blocked);
    }
}
