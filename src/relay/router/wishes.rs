//! What a subscriber wants, and what all subscribers of a room want together.

use std::collections::BTreeMap;

use crate::proto::control::Wish;
use crate::proto::{Layer, ParticipantId, Track};

/// A subscription, ready to be asked about each frame. A wish for one participant goes before the wish for all.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Wishes {
    all: Limits,
    of: BTreeMap<ParticipantId, Limits>,
}

/// The highest layer of each track that is wanted.
type Limits = [Option<Layer>; Track::ALL.len()];

impl Wishes {
    /// Reads the wishes of a message. Tracks of later versions are skipped, layers cut to the highest that there is.
    pub fn new(wishes: &[Wish]) -> Self {
        let mut read = Self::default();
        for wish in wishes {
            let Some(track) = u8::try_from(wish.track).ok().and_then(|track| Track::try_from(track).ok()) else {
                continue;
            };
            let limits = match wish.participant {
                0 => &mut read.all,
                participant => read.of.entry(ParticipantId(participant)).or_default(),
            };
            limits[track as usize] = Some(Layer {
                spatial: cut(wish.max_spatial, Layer::MAX_SPATIAL),
                temporal: cut(wish.max_temporal, Layer::MAX_TEMPORAL),
            });
        }
        read
    }

    /// The highest layer that is wanted of a participant's track; `None`: nothing of it.
    pub fn limit(&self, participant: ParticipantId, track: Track) -> Option<Layer> {
        let own = self.of.get(&participant).and_then(|limits| limits[track as usize]);
        own.or(self.all[track as usize])
    }

    /// What has to come from other relays for this. `strained`: smaller sizes may be of use too.
    pub fn interest(&self, strained: bool) -> Interest {
        let every = std::iter::once(&self.all).chain(self.of.values());
        every.flat_map(|limits| Track::ALL.iter().zip(limits)).fold(Interest::NONE, |sum, (track, limit)| match limit {
            None => sum,
            Some(limit) => {
                let sum = (0..=limit.spatial).fold(sum, |sum, spatial| sum.with(*track, spatial));
                sum.demanding(*track, sizes(*limit, strained))
            }
        })
    }

    /// The highest layer of a track that is wanted of everybody.
    pub(super) fn of_all(&self, track: Track) -> Option<Layer> {
        self.all[track as usize]
    }

    /// The same of those of whom something else is wanted.
    pub(super) fn of_each(&self, track: Track) -> impl Iterator<Item = (ParticipantId, Layer)> {
        self.of.iter().filter_map(move |(participant, limits)| Some((*participant, limits[track as usize]?)))
    }
}

/// The sizes that a wish is for, as bits: the one that it names; on a strained link any below it may be what fits.
pub(super) fn sizes(limit: Layer, strained: bool) -> u8 {
    let largest = 1 << limit.spatial;
    if strained { (largest << 1) - 1 } else { largest }
}

fn cut(value: u32, max: u8) -> u8 {
    u8::try_from(value).unwrap_or(max).min(max)
}

/// A set of (track, spatial size): what a relay wants of a room from the others. Audio has one size. Beside it, which sizes of
/// pictures somebody has a use for: fewer than come, since what a sender offers is not known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest(pub u32);

impl Interest {
    pub const NONE: Interest = Interest(0);

    /// This and one more.
    #[must_use]
    pub fn with(self, track: Track, spatial: u8) -> Self {
        Self(self.0 | bit(track, spatial))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Interest) -> Self {
        Self(self.spoken().0 | other.spoken().0)
    }

    /// The same, with the demand in it where it was not said.
    fn spoken(self) -> Self {
        Track::ALL.into_iter().fold(self, |sum, track| sum.demanding(track, self.demand(track)))
    }

    pub fn contains(self, track: Track, spatial: u8) -> bool {
        self.0 & bit(track, spatial) != 0
    }

    /// This, with these sizes of a track in demand.
    #[must_use]
    fn demanding(self, track: Track, sizes: u8) -> Self {
        let of_pictures = if track.is_audio() { 0 } else { u32::from(sizes & SIZES) };
        Self(self.0 | of_pictures << (u32::from(track as u8) * 8 + DEMAND))
    }

    /// The sizes of a track that are in demand, as bits. Of a relay that does not say: all that it wants.
    pub fn demand(self, track: Track) -> u8 {
        let bits = (self.0 >> (u32::from(track as u8) * 8)) as u8;
        let demand = bits >> DEMAND & SIZES;
        if demand == 0 { bits & SIZES } else { demand }
    }

    /// Its members, audio first.
    pub fn iter(self) -> impl Iterator<Item = (Track, u8)> {
        let layers = Track::ALL.into_iter().flat_map(|track| (0..=Layer::MAX_SPATIAL).map(move |size| (track, size)));
        layers.filter(move |(track, spatial)| self.contains(*track, *spatial) && !(track.is_audio() && *spatial > 0))
    }
}

/// Bits of all sizes.
const SIZES: u8 = (1 << (Layer::MAX_SPATIAL + 1)) - 1;
/// Where the bits of a track's demand begin among its eight.
const DEMAND: u32 = 4;

fn bit(track: Track, spatial: u8) -> u32 {
    let spatial = if track.is_audio() { 0 } else { spatial.min(Layer::MAX_SPATIAL) };
    1 << (u32::from(track as u8) * 8 + u32::from(spatial))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(participant: u64, track: Track, max_spatial: u32) -> Wish {
        Wish { participant, track: track as u32, max_spatial, max_temporal: 9 }
    }

    #[test]
    fn a_wish_for_one_goes_before_the_wish_for_all() {
        let wishes =
            Wishes::new(&[wish(0, Track::Camera, 0), wish(7, Track::Camera, 2), wish(0, Track::Microphone, 0)]);
        let spatial = |participant| wishes.limit(ParticipantId(participant), Track::Camera).map(|limit| limit.spatial);
        assert_eq!((spatial(1), spatial(7)), (Some(0), Some(2)));
        assert!(wishes.limit(ParticipantId(7), Track::Microphone).is_some());
        assert_eq!(wishes.limit(ParticipantId(7), Track::Screen), None);
    }

    #[test]
    fn layers_beyond_the_highest_are_cut_and_unknown_tracks_skipped() {
        let mut unknown = wish(0, Track::Screen, 0);
        unknown.track = 77;
        let wishes = Wishes::new(&[wish(0, Track::Camera, 4_000_000_000), unknown]);
        let limit = wishes.limit(ParticipantId(1), Track::Camera);
        assert_eq!(limit, Some(Layer { spatial: Layer::MAX_SPATIAL, temporal: Layer::MAX_TEMPORAL }));
        assert_eq!(wishes.limit(ParticipantId(1), Track::Screen), None);
    }

    #[test]
    fn interest_lists_every_size_up_to_the_largest_wish() {
        let wishes =
            Wishes::new(&[wish(0, Track::Microphone, 0), wish(0, Track::Camera, 0), wish(3, Track::Camera, 1)]);
        let interest: Vec<_> = wishes.interest(false).iter().collect();
        assert_eq!(interest, [(Track::Microphone, 0), (Track::Camera, 0), (Track::Camera, 1)]);
    }

    #[test]
    fn demand_is_for_the_size_that_is_named_and_on_a_strained_link_for_all_below() {
        let wishes = Wishes::new(&[wish(0, Track::Camera, 2), wish(3, Track::Camera, 0), wish(0, Track::Screen, 1)]);
        let demand = |strained| [Track::Camera, Track::Screen].map(|track| wishes.interest(strained).demand(track));
        assert_eq!((demand(false), demand(true)), ([0b101, 0b010], [0b111, 0b011]));
        let plain = Interest::NONE.with(Track::Camera, 0).with(Track::Camera, 1);
        assert_eq!((plain.demand(Track::Camera), plain.demand(Track::Screen)), (0b011, 0), "an older relay");
        assert_eq!(plain.and(wishes.interest(false)).demand(Track::Camera), 0b111);
    }
}
