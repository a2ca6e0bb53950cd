//! One spatial size of a track: its frames in order, and which of them can be decoded next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::pattern::Pattern;
use super::{VideoConfig, VideoIn};
use crate::jitter::numbers::{Numbering, Place, Seen, Sight, signed_us};
use crate::proto::{FrameNumber, MediaHeader};

/// A size of which nothing came for so long does not run beside another one.
const SILENCE: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Held {
    at: Instant,
    video: VideoIn,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Held,
    Duplicate,
    Late,
}

/// What was left out before a frame that is handed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Never came and were needed, or may have been.
    pub lost: u64,
    /// Never came and nothing needs them.
    pub skipped: u64,
    /// Came, and could not be decoded.
    pub undecodable: u64,
}

/// The last frame that was handed on.
#[derive(Debug, Clone, Copy)]
struct Last {
    position: i64,
    header: MediaHeader,
}

/// What the layer can do now.
enum Step {
    /// Hand on the frame at this position; `spared` if nothing needs what is missing before it.
    Take {
        position: i64,
        spared: bool,
    },
    /// The frame at this position cannot be decoded and nothing needs it.
    Leave(i64),
    Wait,
    /// Nothing more of this group.
    Broken,
}

#[derive(Debug, Default)]
pub(super) struct SpatialLayer {
    numbering: Option<Numbering>,
    seen: Seen,
    frames: BTreeMap<i64, Held>,
    bytes: usize,
    last: Option<Last>,
    /// A needed frame of the last one's group is gone: only a key frame helps.
    broken: bool,
    pattern: Pattern,
    /// Since when something is missing while later frames are there.
    stuck_since: Option<Instant>,
    /// The sender of this group gave frames up: what is missing of it will not come.
    given_up: Option<FrameNumber>,
    /// The last frames that could be done without did not come: whoever sends leaves them out, and waiting is idle.
    thinned: bool,
    /// When a frame last came.
    heard: Option<Instant>,
    /// The newest key frame came after a silence: whoever sends has changed to this size.
    begins: bool,
    /// Frames that came and were dropped since the last one that was handed on.
    dropped: u64,
}

impl SpatialLayer {
    pub fn push(&mut self, now: Instant, video: VideoIn) -> Taken {
        let header = video.header;
        let capture = signed_us(header.capture_us);
        let numbering = self.numbering.get_or_insert(Numbering::new(header.frame, capture));
        let position = match numbering.place(header.frame, capture) {
            Place::At(position) => position,
            Place::Restart(position) => {
                self.broken = true;
                self.pattern = Pattern::default();
                position
            }
            Place::Stale => return Taken::Late,
        };
        match self.seen.insert(position, capture) {
            Sight::First => {}
            Sight::Again => return Taken::Duplicate,
            Sight::Strange => return Taken::Late,
        }
        if self.last.is_some_and(|last| position <= last.position) {
            self.thinned = false;
            return Taken::Late;
        }
        self.pattern.learn(&header);
        if header.key {
            self.begins = self.heard.is_none_or(|heard| now.saturating_duration_since(heard) >= SILENCE);
        }
        self.heard = Some(now);
        self.bytes += video.payload.len();
        self.frames.insert(position, Held { at: now, video });
        Taken::Held
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// True if nothing but a key frame that has not come helps.
    pub fn wants_key(&self) -> bool {
        (self.broken || self.last.is_none()) && self.newest_key().is_none()
    }

    /// Capture time of the newest frame that came, µs.
    pub fn newest_capture(&self) -> Option<u64> {
        let held = self.frames.last_key_value().map(|(_, held)| held.video.header.capture_us);
        held.max(self.last.map(|last| last.header.capture_us))
    }

    /// Frames of this group and temporal layer that are missing will not come.
    pub fn gave_up(&mut self, group: FrameNumber, temporal: u8) {
        if temporal == 0 {
            self.given_up = Some(group);
        } else {
            self.thinned = true;
        }
    }

    /// Capture time of the frame that can be handed on without waiting, µs.
    pub fn ready_capture(&self) -> Option<u64> {
        let last = self.last.filter(|_| !self.broken)?;
        let held = self.frames.get(&(last.position + 1))?;
        Some(held.video.header.capture_us)
    }

    /// The newest key frame held: its position, arrival and capture time.
    pub fn newest_key(&self) -> Option<(i64, Instant, u64)> {
        let newest = self.frames.iter().rev().find(|(_, held)| held.video.header.key);
        newest.map(|(position, held)| (*position, held.at, held.video.header.capture_us))
    }

    /// The newest key frame came after a silence of this size.
    pub fn begins(&self) -> bool {
        self.begins
    }

    /// Whoever sends has changed to this size: the capture time of the first frame that it has beyond `shown`, µs.
    pub fn goes_on_from(&self, shown: u64) -> Option<u64> {
        let (key, ..) = self.newest_key().filter(|_| self.begins)?;
        let captures = self.frames.range(key..).map(|(_, held)| held.video.header.capture_us);
        captures.filter(|capture| *capture > shown).min()
    }

    /// The last frame that was handed on, or the last of those held that follow it without a hole: group and number.
    pub fn contiguous(&self) -> Option<(FrameNumber, FrameNumber)> {
        let last = self.last.filter(|_| !self.broken)?;
        let run = self.frames.iter().zip(last.position + 1..).take_while(|((position, _), next)| **position == *next);
        let header = run.last().map_or(last.header, |((_, held), _)| held.video.header);
        Some((header.group(), header.frame))
    }

    /// Begins anew at the newest key frame.
    pub fn start(&mut self) -> Option<(VideoIn, LeftOut)> {
        let (position, ..) = self.newest_key()?;
        Some(self.take(position, false))
    }

    /// The next frame in decode order, if there is one.
    pub fn next(&mut self, now: Instant, config: &VideoConfig, patience: Duration) -> Option<(VideoIn, LeftOut)> {
        loop {
            if self.broken || self.last.is_none() {
                return self.start();
            }
            match self.step(now, config, patience) {
                Step::Take { position, spared } => return Some(self.take(position, spared)),
                Step::Leave(position) => self.drop_frame(position),
                Step::Wait => return None,
                Step::Broken => self.broken = true,
            }
        }
    }

    fn step(&mut self, now: Instant, config: &VideoConfig, patience: Duration) -> Step {
        let (Some(last), Some((&first, head))) = (self.last, self.frames.first_key_value()) else {
            self.stuck_since = None;
            return Step::Wait;
        };
        let header = head.video.header;
        let same_group = header.group() == last.header.group();
        if first == last.position + 1 {
            return if header.key || same_group { Step::Take { position: first, spared: true } } else { Step::Broken };
        }
        let missing = first - last.position - 1;
        let spared = |distance: i64| {
            let Ok(distance) = u16::try_from(distance) else { return false };
            if header.key {
                self.pattern.is_upper(&last.header, distance)
            } else {
                same_group && self.pattern.spares(&header, distance)
            }
        };
        // Lazy: a sender's number may jump by billions, and then the first distance already says no.
        let all_spared = (1..=missing).all(spared);
        if all_spared && self.thinned {
            return Step::Take { position: first, spared: true };
        }
        let stuck = now.saturating_duration_since(*self.stuck_since.get_or_insert(now));
        let hopeless = self.given_up.is_some_and(|group| group == last.header.group());
        if stuck < config.reorder && !hopeless {
            return Step::Wait;
        }
        if all_spared {
            return Step::Take { position: first, spared: true };
        }
        if same_group && header.discardable && stuck >= patience {
            return Step::Leave(first);
        }
        // A picture that goes on at a key frame is better than a whole one that stands still.
        match self.frames.iter().find(|(_, held)| held.video.header.key) {
            Some((key, _)) => Step::Take { position: *key, spared: false },
            None if stuck >= patience || hopeless => Step::Broken,
            None => Step::Wait,
        }
    }

    /// Takes out the frame at `position` and drops what is before it.
    fn take(&mut self, position: i64, spared: bool) -> (VideoIn, LeftOut) {
        self.drop_before(position);
        let video = self.remove(position).expect("the position was looked up among the frames").video;
        let mut left_out = LeftOut { undecodable: std::mem::take(&mut self.dropped), ..LeftOut::default() };
        if let Some(last) = self.last {
            let gap = u64::try_from(position - last.position - 1).unwrap_or(0).saturating_sub(left_out.undecodable);
            // Numbers may jump where nothing was lost; 120 frames a second are the most to believe in.
            let time = video.header.capture_us.saturating_sub(last.header.capture_us) / 8_000 + 1;
            let missing = gap.min(time);
            (left_out.lost, left_out.skipped) = if spared { (0, missing) } else { (missing, 0) };
        }
        self.last = Some(Last { position, header: video.header });
        self.thinned |= left_out.skipped > 0;
        self.broken = false;
        self.stuck_since = None;
        (video, left_out)
    }

    fn remove(&mut self, position: i64) -> Option<Held> {
        let held = self.frames.remove(&position)?;
        self.bytes -= held.video.payload.len();
        Some(held)
    }

    fn drop_frame(&mut self, position: i64) {
        self.dropped += u64::from(self.remove(position).is_some());
    }

    fn drop_before(&mut self, position: i64) {
        while let Some((&before, _)) = self.frames.first_key_value().filter(|(before, _)| **before < position) {
            self.drop_frame(before);
        }
    }

    /// Makes room: drops everything before the newest key frame, or everything.
    pub fn shed(&mut self) {
        let oldest = self.frames.first_key_value().map(|(position, _)| *position);
        match self.newest_key() {
            Some((key, ..)) if Some(key) != oldest => self.drop_before(key),
            _ => self.drop_before(i64::MAX),
        }
        self.broken = true;
    }

    /// For a layer that does not play: drops what is before the newest key frame, or, without one, what has waited for it
    /// since before `expiry`.
    pub fn tidy(&mut self, expiry: Option<Instant>) {
        if let Some((key, ..)) = self.newest_key() {
            self.drop_before(key);
            return;
        }
        while let Some((&position, held)) = self.frames.first_key_value() {
            if expiry.is_none_or(|expiry| held.at >= expiry) {
                return;
            }
            self.drop_frame(position);
        }
    }

    /// Another layer plays from here on.
    pub fn leave(&mut self) {
        self.broken = true;
        self.stuck_since = None;
    }
}
