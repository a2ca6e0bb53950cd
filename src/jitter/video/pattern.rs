//! Which frames can be done without, learned from those that came, or said by their sender.

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

/// Temporal layer, and whether nothing refers to it, of four frames in a row of a sender that says that it is layered.
const LAYERED: [(u8, bool); 4] = [(0, false), (2, true), (1, false), (2, true)];

impl Pattern {
    pub fn learn(&mut self, header: &MediaHeader) {
        if header.is_layered() {
            self.places = LAYERED.map(|(temporal, discardable)| Some(Known { temporal, discardable, agreed: true }));
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Layer, ParticipantId, Track};

    /// A base frame, four after its key frame.
    fn base(dtx: bool) -> MediaHeader {
        MediaHeader {
            track: Track::Camera,
            layer: Layer::default(),
            key: false,
            discardable: false,
            dtx,
            participant: ParticipantId(1),
            frame: 104,
            since_key: 4,
            capture_us: 0,
        }
    }

    #[test]
    fn a_base_frame_alone_tells_what_is_not_missing_where_its_sender_says_so() {
        for (layered, spared) in [(false, [false; 4]), (true, [true, true, true, false])] {
            let mut pattern = Pattern::default();
            pattern.learn(&base(layered));
            assert_eq!([1, 2, 3, 4].map(|before| pattern.spares(&base(layered), before)), spared);
            assert_eq!(pattern.is_upper(&base(layered), 2), layered);
        }
    }
}
