//! How good somebody is received, and whose doing it is where it is not: theirs, ours, or this computer's. Pure.
//!
//! Nobody is blamed on one figure: our own side is at fault where the way to the relay shows it, or where everybody else
//! comes badly as well.

use crate::call::state::{Own, Peer, Phase, State};
use crate::media::video::Limit;
use crate::ui::widgets::{self, Quality};

/// A queue on the way to us that is longer than this is felt, ms.
const QUEUE_MS: f64 = 100.0;
/// Of our sound that everybody misses: from here on it is in the way.
const LOST: f64 = 0.03;
/// Loss below this is none: what is wrong then is no network's doing.
const NOTHING_LOST: f64 = 0.005;

/// Where it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Theirs,
    Ours,
    Computer,
}

impl Fault {
    pub fn word(self) -> &'static str {
        match self {
            Self::Theirs => "their network",
            Self::Ours => "your network",
            Self::Computer => "this computer",
        }
    }
}

/// What is wrong with how somebody is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trouble {
    pub quality: Quality,
    pub fault: Fault,
}

/// How somebody's sound came in the last seconds. Its delay is not known from one side.
fn received(peer: &Peer) -> Quality {
    widgets::quality(Some(0.0), peer.quality.jitter_ms, peer.quality.recent_loss)
}

/// How good our own way to the relay is.
fn own_way(state: &State) -> Quality {
    let queue = state.own.rates.downlink_queue_ms.filter(|ms| *ms > QUEUE_MS).map(|_| Quality::Poor);
    let row = state.leader().filter(|row| row.mean_ms.is_some());
    let way = row.map_or(Quality::Good, |row| widgets::quality(Some(0.0), row.jitter_ms, row.loss));
    way.max(queue.unwrap_or(Quality::Good))
}

/// What is wrong with how `peer` is received; `None` where nothing is, or all of the call is cut off.
pub(super) fn of(state: &State, peer: &Peer) -> Option<Trouble> {
    let quality = received(peer);
    if quality == Quality::Good || matches!(state.phase, Phase::Reconnecting { .. }) {
        return None;
    }
    let mut others = state.peers.iter().filter(|other| other.id != peer.id && other.quality.recent_loss.is_some());
    let crowd = others.clone().next().is_some() && others.all(|other| received(other) != Quality::Good);
    let lost = peer.quality.recent_loss.is_some_and(|loss| loss >= NOTHING_LOST);
    let fault = match own_way(state) {
        Quality::Good if state.own.limited == Some(Limit::Computer) && !lost => Fault::Computer,
        Quality::Good if !crowd => Fault::Theirs,
        _ => Fault::Ours,
    };
    Some(Trouble { quality, fault })
}

/// What is wrong with how others have us: a word for the tile, and a sentence.
pub(super) fn own(own: &Own) -> Option<(&'static str, &'static str)> {
    let lost = own.sent_loss.is_some_and(|loss| loss >= LOST);
    match own.limited {
        _ if lost => Some(("your network", "your network loses much of what you say")),
        Some(Limit::Computer) => Some(("this computer", "this computer is too slow for more")),
        Some(Limit::Network) => Some(("your network", "your network carries no more")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    fn call(peers: usize, edit: impl FnOnce(&mut State)) -> State {
        let mut state = State::clone(fixtures::call(peers).call.as_ref().unwrap());
        for peer in &mut state.peers {
            (peer.quality.recent_loss, peer.quality.jitter_ms) = (Some(0.0), Some(2.0));
        }
        edit(&mut state);
        state
    }

    fn first(state: &State) -> Option<(Quality, Fault)> {
        of(state, &state.peers[0]).map(|trouble| (trouble.quality, trouble.fault))
    }

    #[test]
    fn trouble_is_theirs_unless_our_own_way_or_everybody_else_shows_that_it_is_ours() {
        let bad = |peer: &mut Peer| peer.quality.recent_loss = Some(0.1);
        let poor = |fault| Some((Quality::Poor, fault));
        assert_eq!(first(&call(3, |_| {})), None);
        assert_eq!(first(&call(3, |state| bad(&mut state.peers[0]))), poor(Fault::Theirs));
        assert_eq!(first(&call(1, |state| bad(&mut state.peers[0]))), poor(Fault::Theirs), "nobody to compare with");
        assert_eq!(first(&call(3, |state| state.peers.iter_mut().for_each(bad))), poor(Fault::Ours));
        let two = call(3, |state| state.peers[..2].iter_mut().for_each(bad));
        assert_eq!(first(&two), poor(Fault::Theirs), "the third comes well");
        let queue = |state: &mut State| {
            bad(&mut state.peers[0]);
            state.own.rates.downlink_queue_ms = Some(180.0);
        };
        assert_eq!(first(&call(3, queue)), poor(Fault::Ours));
        let probes = |state: &mut State| {
            bad(&mut state.peers[0]);
            state.candidates[0].loss = Some(0.05);
        };
        assert_eq!(first(&call(3, probes)), poor(Fault::Ours));
        let cut_off = |state: &mut State| {
            bad(&mut state.peers[0]);
            state.phase = Phase::Reconnecting { since: crate::clock::now() };
        };
        assert_eq!(first(&call(3, cut_off)), None, "the banner says it");
    }

    #[test]
    fn a_computer_that_is_too_slow_is_at_fault_where_nothing_is_lost() {
        let slow = |state: &mut State, loss| {
            state.own.limited = Some(Limit::Computer);
            (state.peers[0].quality.jitter_ms, state.peers[0].quality.recent_loss) = (Some(40.0), Some(loss));
        };
        assert_eq!(first(&call(2, |state| slow(state, 0.0))), Some((Quality::Poor, Fault::Computer)));
        assert_eq!(first(&call(2, |state| slow(state, 0.1))), Some((Quality::Poor, Fault::Theirs)));
    }

    #[test]
    fn what_others_have_of_us_says_why_it_is_less() {
        let word = |edit: fn(&mut Own)| own(&call(1, |state| edit(&mut state.own)).own).map(|(word, _)| word);
        assert_eq!(word(|_| {}), None);
        assert_eq!(word(|own| own.limited = Some(Limit::Computer)), Some("this computer"));
        assert_eq!(word(|own| own.sent_loss = Some(0.02)), None);
        assert_eq!(word(|own| (own.limited, own.sent_loss) = (Some(Limit::Computer), Some(0.2))), Some("your network"));
    }
}
