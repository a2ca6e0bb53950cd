//! What is large: nothing, who speaks, a screen, or what was pinned. Pure.
//!
//! A pin is this window's own: nobody else hears of it.

use std::time::{Duration, Instant};

use crate::call::state::State;
use crate::proto::ParticipantId;

/// Somebody else has the floor for so long before the large tile is theirs: a "yes" moves nobody.
const HOLD: Duration = Duration::from_millis(1500);

/// Somebody in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Own,
    Peer(ParticipantId),
}

/// What is large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Large {
    Person(Who),
    /// The screen of this participant.
    Screen(ParticipantId),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Who speaks is large; otherwise all are equal.
    speaker: bool,
    pin: Option<Large>,
    floor: Option<Floor>,
}

/// Who is large because of what was said.
#[derive(Debug, Clone, Copy)]
struct Floor {
    who: ParticipantId,
    /// Who may be next, and since when.
    next: Option<(ParticipantId, Instant)>,
}

impl View {
    /// What is large now; `None`: all are equal. Once a frame.
    pub fn large(&mut self, state: &State, now: Instant) -> Option<Large> {
        self.pin = self.pin.filter(|pin| is_there(state, *pin));
        self.floor = if self.speaker { follow(self.floor, state, now) } else { None };
        let screen = state.screens.first().map(|screen| Large::Screen(*screen));
        let speaker = self.floor.map(|floor| Large::Person(Who::Peer(floor.who)));
        self.pin.or(screen).or(speaker)
    }

    /// When [`View::large`] may say something else although nothing happened.
    pub fn due(&self) -> Option<Instant> {
        self.floor?.next.map(|(_, since)| since + HOLD)
    }

    /// Who will be large in a moment unless they fall silent: worth having in full by then.
    pub fn coming(&self) -> Option<ParticipantId> {
        self.floor?.next.map(|(who, _)| who)
    }

    /// Whether who speaks is large.
    pub fn is_speaker(&self) -> bool {
        self.speaker
    }

    /// The other view. A pin goes: it would hide the difference.
    pub fn toggle(&mut self) {
        self.speaker = self.pin.take().is_none() && !self.speaker;
    }

    pub fn is_pinned(&self, what: Large) -> bool {
        self.pin == Some(what)
    }

    /// Pins, in place of what was pinned before.
    pub fn pin(&mut self, what: Large) {
        self.pin = Some(what);
    }

    /// Pins, or takes the pin away.
    pub fn toggle_pin(&mut self, what: Large) {
        self.pin = (self.pin != Some(what)).then_some(what);
    }
}

fn is_there(state: &State, what: Large) -> bool {
    match what {
        Large::Person(Who::Own) => true,
        Large::Person(Who::Peer(id)) => state.peers.iter().any(|peer| peer.id == id),
        Large::Screen(id) => state.screens.contains(&id),
    }
}

/// Who has the floor in this frame.
fn follow(floor: Option<Floor>, state: &State, now: Instant) -> Option<Floor> {
    let there = |id: &ParticipantId| state.peers.iter().any(|peer| peer.id == *id);
    let speaks = state.speaker.filter(there);
    let Some(floor) = floor.filter(|floor| there(&floor.who)) else {
        // Before anybody spoke, somebody who can be seen.
        let seen = state.peers.iter().find(|peer| peer.camera).or(state.peers.first()).map(|peer| peer.id);
        return speaks.or(seen).map(|who| Floor { who, next: None });
    };
    let Some(other) = speaks.filter(|id| *id != floor.who) else { return Some(Floor { next: None, ..floor }) };
    match floor.next {
        Some((next, since)) if next == other && now.saturating_duration_since(since) >= HOLD => {
            Some(Floor { who: other, next: None })
        }
        Some((next, _)) if next == other => Some(floor),
        _ => Some(Floor { next: Some((other, now)), ..floor }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    fn of(n: usize) -> ParticipantId {
        ParticipantId(n as u64 + 2)
    }

    fn person(n: usize) -> Option<Large> {
        Some(Large::Person(Who::Peer(of(n))))
    }

    fn state(peers: usize, speaker: Option<usize>) -> State {
        let mut state = State::clone(fixtures::call(peers).call.as_ref().unwrap());
        state.speaker = speaker.map(of);
        state
    }

    #[test]
    fn the_large_one_changes_after_a_second_and_a_half_of_somebody_else_and_not_for_a_yes() {
        let start = crate::clock::now();
        let mut view = View::default();
        assert_eq!(view.large(&state(3, Some(0)), start), None, "a gallery has none");
        view.toggle();
        let steps = [
            (0, Some(0), 0, "who speaks at the start is large at once"),
            (100, Some(1), 0, "a yes"),
            (900, Some(0), 0, "was one"),
            (1000, Some(2), 0, "somebody else begins"),
            (2400, Some(2), 0, "and goes on"),
            (2500, Some(2), 2, "for long enough"),
            (2600, None, 2, "silence changes nothing"),
            (2700, Some(0), 2, "somebody begins"),
            (3000, Some(1), 2, "somebody else does"),
            (4300, Some(1), 2, "each counts for themselves"),
            (4500, Some(1), 1, "long enough"),
        ];
        for (ms, speaker, large, why) in steps {
            let at = start + Duration::from_millis(ms);
            assert_eq!(view.large(&state(3, speaker), at), person(large), "{ms} ms: {why}");
        }
        assert_eq!(view.due(), None);
        view.large(&state(3, Some(0)), start + Duration::from_secs(5));
        assert_eq!(view.due(), Some(start + Duration::from_millis(6500)), "a frame is wanted then");
        assert_eq!(view.coming(), Some(of(0)));
        assert_eq!(view.large(&state(1, Some(0)), start + Duration::from_secs(5)), person(0), "who left is not large");
        assert_eq!(view.large(&state(0, None), start), None, "alone");
    }

    #[test]
    fn before_anybody_spoke_somebody_is_large_who_can_be_seen() {
        let mut silent = state(3, None);
        silent.peers[0].camera = false;
        let mut view = View::default();
        view.toggle();
        assert_eq!(view.large(&silent, crate::clock::now()), person(1));
    }

    #[test]
    fn a_pin_counts_more_than_a_screen_and_a_screen_more_than_who_speaks_until_they_go() {
        let now = crate::clock::now();
        let mut view = View::default();
        view.toggle();
        let mut shared = state(3, Some(0));
        shared.screens = vec![of(1), of(2)];
        assert_eq!(view.large(&shared, now), Some(Large::Screen(of(1))));
        view.toggle_pin(Large::Screen(of(2)));
        assert_eq!(view.large(&shared, now), Some(Large::Screen(of(2))));
        view.toggle_pin(Large::Person(Who::Peer(of(2))));
        assert_eq!(view.large(&shared, now), person(2));
        shared.peers.pop();
        assert_eq!(view.large(&shared, now), Some(Large::Screen(of(1))), "a pin ends with whom it is about");
        shared.screens.clear();
        assert_eq!(view.large(&shared, now), person(0));
        view.toggle_pin(Large::Person(Who::Own));
        assert_eq!(view.large(&shared, now), Some(Large::Person(Who::Own)));
        view.toggle();
        assert_eq!((view.large(&shared, now), view.is_speaker()), (None, false), "the other view takes the pin along");
    }
}
