//! How large everybody's picture is shown, and what the relay is asked for because of it. Pure.
//!
//! The window says it with [`Command::View`](super::command::Command::View); the controller asks on every link
//! that carries the call. Must never: hide somebody of whom the window has said nothing.

use std::collections::BTreeMap;

use crate::proto::control::Wish;
use crate::proto::{Layer, ParticipantId, Track};

/// How a participant's camera is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Not at all.
    Hidden,
    /// So high, in the display's own pixels.
    Height(u32),
}

/// A picture may be drawn by so much larger than it is, in percent, before the next size is worth its bits.
const STRETCH: u32 = 125;
/// Heights of the sizes that senders offer, pixels; the largest is for all that is higher.
const HEIGHTS: [u32; 2] = [180, 360];

impl View {
    /// The largest size of use; `None`: no picture.
    fn spatial(self) -> Option<u8> {
        let View::Height(height) = self else { return None };
        let fits = |size: &u32| height <= size * STRETCH / 100;
        Some(HEIGHTS.iter().position(fits).map_or(Layer::MAX_SPATIAL, |size| size as u8))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// The largest size of use of each participant that something was said of.
    of: BTreeMap<ParticipantId, Option<u8>>,
}

impl Views {
    /// Replaces what was said before. True if the relay is to be asked for something else.
    pub fn set(&mut self, shown: &BTreeMap<ParticipantId, View>) -> bool {
        let of = shown.iter().map(|(participant, shown)| (*participant, shown.spatial())).collect();
        let before = std::mem::replace(&mut self.of, of);
        before != self.of
    }

    pub fn is_hidden(&self, participant: ParticipantId) -> bool {
        self.of.get(&participant) == Some(&None)
    }

    /// Somebody is hidden: a wish is needed for each of the others, and one more for who joins.
    pub fn names_each(&self) -> bool {
        self.of.values().any(Option::is_none)
    }

    /// Everything that is to be received, while these are in the room.
    pub fn wishes(&self, present: impl Iterator<Item = ParticipantId>) -> Vec<Wish> {
        let wish = |participant: u64, track: Track, spatial: u8| Wish {
            participant,
            track: track as u32,
            max_spatial: spatial.into(),
            max_temporal: Layer::MAX_TEMPORAL.into(),
        };
        let all = |track| wish(0, track, Layer::MAX_SPATIAL);
        let mut wishes = vec![all(Track::Microphone), all(Track::Screen)];
        if self.names_each() {
            let spatial = |of: &ParticipantId| self.of.get(of).copied().unwrap_or(Some(Layer::MAX_SPATIAL));
            wishes.extend(present.filter_map(|of| Some(wish(of.0, Track::Camera, spatial(&of)?))));
        } else {
            wishes.push(all(Track::Camera));
            let smaller = self.of.iter().filter_map(|(of, spatial)| Some((of, (*spatial)?)));
            let smaller = smaller.filter(|(_, spatial)| *spatial < Layer::MAX_SPATIAL);
            wishes.extend(smaller.map(|(of, spatial)| wish(of.0, Track::Camera, spatial)));
        }
        wishes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: [ParticipantId; 3] = [ParticipantId(1), ParticipantId(2), ParticipantId(3)];

    /// (participant, size) of each wish for a camera.
    fn cameras(views: &Views) -> Vec<(u64, u32)> {
        let wishes = views.wishes(PEOPLE.into_iter());
        assert_eq!(wishes.iter().filter(|wish| wish.participant == 0 && wish.track != 1).count(), 2);
        let cameras = wishes.iter().filter(|wish| wish.track == Track::Camera as u32);
        cameras.map(|wish| (wish.participant, wish.max_spatial)).collect()
    }

    #[test]
    fn before_anything_is_said_everything_is_wanted() {
        assert_eq!(cameras(&Views::default()), [(0, 2)]);
    }

    #[test]
    fn the_height_of_a_tile_chooses_the_size() {
        for (height, size) in [(0, 0), (100, 0), (225, 0), (226, 1), (450, 1), (451, 2), (4000, 2)] {
            assert_eq!(View::Height(height).spatial(), Some(size), "{height}");
        }
    }

    #[test]
    fn small_tiles_are_named_and_the_others_are_not() {
        let mut views = Views::default();
        let shown = BTreeMap::from([(PEOPLE[0], View::Height(700)), (PEOPLE[1], View::Height(150))]);
        assert!(views.set(&shown));
        assert_eq!(cameras(&views), [(0, 2), (2, 0)]);
        assert!(!views.set(&BTreeMap::from([(PEOPLE[0], View::Height(800)), (PEOPLE[1], View::Height(200))])));
    }

    #[test]
    fn who_is_hidden_is_not_asked_for_and_who_is_new_is() {
        let mut views = Views::default();
        views.set(&BTreeMap::from([(PEOPLE[0], View::Hidden), (PEOPLE[1], View::Height(300))]));
        assert!(views.is_hidden(PEOPLE[0]) && !views.is_hidden(PEOPLE[2]) && views.names_each());
        assert_eq!(cameras(&views), [(2, 1), (3, 2)]);
    }
}
