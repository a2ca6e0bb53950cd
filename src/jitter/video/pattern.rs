//! Which frames can be done without, learned from those that came.

use crate::proto::MediaHeader;

/// Temporal layers repeat with a period of 1, 2 or 4 frames from the key frame on, so a frame's place in four says
/// what it is. A place counts as known once two frames in a row agreed on it.
///
/// Holds for the usual dyadic layers: a frame refers to the latest one of a lower temporal layer, a base frame to the
/// base frame before it.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    places: [Option<Known>; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    temporal: u8,
    discardable: bool,
    agreed: bool,
}

impl Pattern {
    pub fn learn(&mut self, header: &MediaHeader) {
        let place = &mut self.places[usize::from(header.since_key % 4)];
        let (temporal, discardable) = (header.layer.temporal, header.discardable);
        let agreed = place.is_some_and(|known| known.temporal == temporal && known.discardable == discardable);
        *place = Some(Known { temporal, discardable, agreed });
    }

    /// True if the frame that is `before` frames before `header`, in its group, is not needed to decode it.
    pub fn spares(&self, header: &MediaHeader, before: u16) -> bool {
        let Some(since_key) = header.since_key.checked_sub(before) else { return false };
        self.known(since_key).is_some_and(|known| known.discardable || known.temporal > header.layer.temporal)
    }

    /// True if the frame that is `after` frames after `header`, in its group, is above the base layer.
    pub fn is_upper(&self, header: &MediaHeader, after: u16) -> bool {
        let Some(since_key) = header.since_key.checked_add(after) else { return false };
        self.known(since_key).is_some_and(|known| known.discardable || known.temporal > 0)
    }

    fn known(&self, since_key: u16) -> Option<Known> {
        self.places[usize::from(since_key % 4)].filter(|known| known.agreed)
    }
}
