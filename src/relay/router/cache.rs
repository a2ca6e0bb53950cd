//! The frames of a stream's current group: what a newcomer gets at once, and what a moved subscriber goes on from.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::proto::FrameNumber;
use crate::proto::subgroup::VideoFrame;

/// Frames that are kept of a group.
const FRAMES: usize = 600;
/// Bytes that are kept of a group.
const BYTES: usize = 4 * 1024 * 1024;

/// The last frame that a receiver has of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    pub group: FrameNumber,
    pub frame: FrameNumber,
}

/// Frames of one group by their distance from its key frame. A group that outgrows the bounds is dropped whole: half
/// a group serves nobody.
#[derive(Debug, Default)]
pub struct Cache {
    group: Option<FrameNumber>,
    frames: BTreeMap<u16, VideoFrame>,
    bytes: usize,
    outgrown: bool,
}

impl Cache {
    /// Takes a frame in. Frames of an older group are left out; the first frame of a newer one drops what there was.
    pub fn insert(&mut self, frame: &VideoFrame) {
        let group = frame.header.group();
        match self.group {
            Some(current) if current == group => {}
            Some(current) if group.wrapping_sub(current).cast_signed() < 0 => return,
            _ => {
                self.clear();
                self.group = Some(group);
            }
        }
        if self.outgrown || self.frames.contains_key(&frame.header.since_key) {
            return;
        }
        if self.frames.len() == FRAMES || self.bytes + frame.bytes.len() > BYTES {
            self.clear();
            self.outgrown = true;
            return;
        }
        self.bytes += frame.bytes.len();
        self.frames.insert(frame.header.since_key, frame.clone());
    }

    /// Drops the frames; their group stays known.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
        self.outgrown = false;
    }

    /// Number of the current group.
    pub fn group(&self) -> Option<FrameNumber> {
        self.group
    }

    /// Capture time of the key frame, µs, where it is kept.
    pub fn key_capture_us(&self) -> Option<u64> {
        self.frames.get(&0).map(|frame| frame.header.capture_us)
    }

    /// Whether the group spans no more than so much time, or so many bytes.
    pub fn is_fresh(&self, span: Duration, bytes: usize) -> bool {
        let times = self.frames.values().map(|frame| frame.header.capture_us);
        let passed = times.max().zip(self.key_capture_us()).map(|(newest, key)| newest.saturating_sub(key));
        self.bytes <= bytes || passed.is_some_and(|passed| Duration::from_micros(passed) <= span)
    }

    /// The frames with which a subscriber that has `after` can go on, in order; `None` where a frame that it needs is not here.
    pub fn serve(&self, after: Option<After>) -> Option<impl Iterator<Item = &VideoFrame>> {
        let (first, _) = self.frames.first_key_value()?;
        let whole = *first == 0;
        let from = match after {
            Some(after) if Some(after.group) == self.group => {
                let next = u16::try_from(after.frame.wrapping_sub(after.group).checked_add(1)?).ok()?;
                (whole || *first <= next).then_some(next)?
            }
            // It is ahead of us: what it lacks is still to come.
            Some(after) if self.group.is_none_or(|group| group.wrapping_sub(after.group).cast_signed() < 0) => {
                return None;
            }
            _ => whole.then_some(0)?,
        };
        Some(self.frames.range(from..).map(|(_, frame)| frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Layer, MediaHeader, ParticipantId, Track};

    fn frame(number: u32, group: u32, bytes: usize) -> VideoFrame {
        let header = MediaHeader {
            track: Track::Camera,
            layer: Layer::default(),
            key: number == group,
            discardable: false,
            dtx: false,
            participant: ParticipantId(1),
            frame: number,
            since_key: (number - group) as u16,
            capture_us: 0,
        };
        VideoFrame::new(header, &vec![0; bytes])
    }

    fn served(cache: &Cache, after: Option<(u32, u32)>) -> Option<Vec<u32>> {
        let after = after.map(|(group, frame)| After { group, frame });
        cache.serve(after).map(|frames| frames.map(|frame| frame.header.frame).collect())
    }

    #[test]
    fn what_is_served_depends_on_what_the_subscriber_has() {
        let mut cache = Cache::default();
        for number in [10, 12, 11, 13] {
            cache.insert(&frame(number, 10, 10));
        }
        let table = [
            (None, Some(vec![10, 11, 12, 13])),
            (Some((10, 11)), Some(vec![12, 13])),
            (Some((10, 13)), Some(vec![])),
            (Some((4, 7)), Some(vec![10, 11, 12, 13])),
            (Some((20, 22)), None),
        ];
        for (after, expected) in table {
            assert_eq!(served(&cache, after), expected, "{after:?}");
        }
    }

    #[test]
    fn half_a_group_serves_only_who_has_the_other_half() {
        let mut cache = Cache::default();
        cache.insert(&frame(15, 10, 10));
        cache.insert(&frame(16, 10, 10));
        assert_eq!(served(&cache, None), None);
        assert_eq!(served(&cache, Some((10, 13))), None);
        assert_eq!(served(&cache, Some((10, 14))), Some(vec![15, 16]));
    }

    #[test]
    fn a_new_group_drops_the_old_one_and_late_frames_of_the_old_one_stay_out() {
        let mut cache = Cache::default();
        cache.insert(&frame(10, 10, 10));
        cache.insert(&frame(20, 20, 10));
        cache.insert(&frame(11, 10, 10));
        assert_eq!(served(&cache, None), Some(vec![20]));
    }

    #[test]
    fn a_group_that_outgrows_the_bounds_is_gone_until_the_next_key_frame() {
        let mut cache = Cache::default();
        for number in 0..9 {
            cache.insert(&frame(number, 0, 500_000));
        }
        assert_eq!(served(&cache, None), None);
        cache.insert(&frame(9, 9, 10));
        assert_eq!(served(&cache, None), Some(vec![9]));
        for number in 10..10 + FRAMES as u32 {
            cache.insert(&frame(number, 9, 10));
        }
        assert_eq!(served(&cache, None), None);
    }
}
