//! Which sound tells of what happened. Pure; the app plays it where the switch for sounds is on.

use crate::call::Event;
use crate::call::state::{Phase, State};
use crate::media::audio::Sound;

/// In a room with more others than this nobody wants to hear each of them come and go.
const CROWD: usize = 10;

/// Of an event of the call that is `state`. Who was there before us is no news: `settled` says that they have been told.
pub fn of_event(event: &Event, state: &State, settled: bool) -> Option<Sound> {
    let few = state.peers.len() <= CROWD;
    match event {
        Event::PeerJoined { .. } if settled && few => Some(Sound::Joined),
        Event::PeerLeft { .. } if settled && few => Some(Sound::Left),
        _ => None,
    }
}

/// Of the step from one snapshot to the next.
pub fn of_phases(before: Phase, now: Phase) -> Option<Sound> {
    match (before, now) {
        (Phase::InCall { .. }, Phase::Reconnecting { .. }) => Some(Sound::Lost),
        (Phase::Reconnecting { .. }, Phase::InCall { .. }) => Some(Sound::Back),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn coming_and_going_is_heard_in_a_small_room_that_one_has_settled_in() {
        let came = Event::PeerJoined { peer: "1".into(), name: Some("Ben".into()), readable: true };
        let left = Event::PeerLeft { peer: "1".into(), name: None };
        let heard = |event, others, settled| of_event(event, fixtures::call(others).call.as_ref().unwrap(), settled);
        assert_eq!(heard(&came, 3, true), Some(Sound::Joined));
        assert_eq!(heard(&left, 3, true), Some(Sound::Left));
        assert_eq!(heard(&came, 3, false), None, "they were there before");
        assert_eq!(heard(&came, 11, true), None, "a crowd");
        assert_eq!(heard(&Event::Reconnecting, 3, true), None, "a phase tells it");
    }

    #[test]
    fn a_call_that_is_cut_off_and_one_that_is_back_sound_different_and_joining_is_silent() {
        let since = crate::clock::now();
        let (call, cut) = (Phase::InCall { since }, Phase::Reconnecting { since });
        assert_eq!([of_phases(call, cut), of_phases(cut, call)], [Some(Sound::Lost), Some(Sound::Back)]);
        assert_eq!([of_phases(Phase::Joining, call), of_phases(call, call)], [None, None]);
        assert_eq!(of_phases(cut, Phase::Lobby), None);
    }
}
