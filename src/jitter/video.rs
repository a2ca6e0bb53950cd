//! The buffer of one participant's camera or screen: frames in as they arrive, out in decode order.
//!
//! A frame is handed on as soon as it can be decoded; there is no smoothing delay. Numbers count per spatial size,
//! a key frame heads a group, and a frame needs the ones before it in its group, but for those that [`pattern`] knows
//! to be spare. A missing frame is waited for; then the picture goes on at a key frame that is there, or one is asked for.
//!
//! One spatial size plays at a time. A relay sends one of several and changes at a key frame, or with a group that began
//! shortly before: such a size takes over at once where its frames follow on what was shown. Around a move two links may
//! bring two sizes that both flow. The largest wins; a smaller one takes over when the one that plays has nothing more.

mod layer;
mod pattern;
mod tally;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use bytes::Bytes;

use self::layer::{LeftOut, SpatialLayer, Taken};
use self::tally::Tally;
pub use self::tally::VideoStats;
use crate::proto::{FrameNumber, Layer, MediaHeader, SubgroupHead};

/// How the buffer behaves.
#[derive(Debug, Clone, Copy)]
pub struct VideoConfig {
    /// A spare frame, or the rest of a group whose successor is there, is waited for this long. Default 30 ms.
    pub reorder: Duration,
    /// A needed frame is waited for this long. Default 150 ms.
    pub patience: Duration,
    /// The same around a move, when two links bring frames in turn. Default 500 ms.
    pub patience_moving: Duration,
    /// The larger picture may come this much later than the smaller before it counts as stopped; and a first key
    /// frame this much later than frames that need it. Default 100 ms.
    pub change: Duration,
    /// Least time between two requests for a key frame. Default 300 ms.
    pub key_retry: Duration,
    /// Most frames held. Default 256.
    pub frames: usize,
    /// Most bytes of payload held. Default 8 MB.
    pub bytes: usize,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self {
            reorder: Duration::from_millis(30),
            patience: Duration::from_millis(150),
            patience_moving: Duration::from_millis(500),
            change: Duration::from_millis(100),
            key_retry: Duration::from_millis(300),
            frames: 256,
            bytes: 8_000_000,
        }
    }
}

/// A frame, decrypted and authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoIn {
    pub header: MediaHeader,
    pub payload: Bytes,
}

/// Ask the sender for a key frame of this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRequest {
    pub spatial: u8,
}

/// What still comes of a size that was left comes within this time.
const LEFT: Duration = Duration::from_secs(1);

const LAYERS: usize = Layer::MAX_SPATIAL as usize + 1;

/// See the [module](self).
#[derive(Debug)]
pub struct VideoBuffer {
    config: VideoConfig,
    layers: [SpatialLayer; LAYERS],
    /// The layer that plays.
    playing: Option<usize>,
    /// Capture time of the last frame handed on, µs, and when that was.
    popped: Option<(u64, Instant)>,
    /// When a smaller layer took over, if that was the last change.
    shrunk: Option<Instant>,
    /// Since when frames arrive that nothing can be made of.
    waiting_since: Option<Instant>,
    asked: Option<Instant>,
    moving_until: Option<Instant>,
    tally: Tally,
}

impl VideoBuffer {
    pub fn new(config: VideoConfig) -> Self {
        Self {
            config,
            layers: Default::default(),
            playing: None,
            popped: None,
            shrunk: None,
            waiting_since: None,
            asked: None,
            moving_until: None,
            tally: Tally::default(),
        }
    }

    /// Takes in a frame that arrived at `now`. One that came before, or too late, is counted and dropped.
    pub fn push(&mut self, now: Instant, video: VideoIn) {
        let spatial = usize::from(video.header.layer.spatial);
        let Some(layer) = self.layers.get_mut(spatial) else { return };
        match layer.push(now, video) {
            Taken::Duplicate => return self.tally.stats.duplicates += 1,
            Taken::Late => self.tally.stats.late += 1,
            Taken::Held => {}
        }
        self.tally.stats.received += 1;
        if self.playing != Some(spatial) {
            layer.tidy(now.checked_sub(Duration::from_secs(1)));
        }
        if self.playing.is_none() {
            self.waiting_since.get_or_insert(now);
        }
        self.bound();
    }

    /// The next frame in decode order. Call after every [`push`](Self::push) until it returns `None`, and every 20 ms
    /// or so: waiting for a missing frame ends by itself.
    ///
    /// Capture times may go back where a smaller picture takes over: such a frame is to be decoded and not shown.
    pub fn pop(&mut self, now: Instant) -> Option<VideoIn> {
        if let Some(spatial) = self.change(now) {
            if let Some(before) = self.playing.replace(spatial) {
                self.shrunk = (spatial < before).then_some(now);
                self.layers[before].leave();
            }
            let (video, _) = self.layers[spatial].start()?;
            return Some(self.hand_on(now, video, None));
        }
        let patience = if self.moving_until.is_some_and(|until| now < until) {
            self.config.patience_moving
        } else {
            self.config.patience
        };
        let (video, left_out) = self.layers[self.playing?].next(now, &self.config, patience)?;
        Some(self.hand_on(now, video, Some(left_out)))
    }

    /// A key frame to ask for: at once when the picture cannot go on without one, then again every
    /// [`VideoConfig::key_retry`]. Call after [`pop`](Self::pop) returned `None`.
    pub fn needs_key(&mut self, now: Instant) -> Option<KeyRequest> {
        if (0..LAYERS).any(|spatial| self.usable_key(spatial).is_some()) {
            return None;
        }
        let wanted = match self.playing {
            Some(playing) => self.layers[playing].wants_key() || self.is_stranded(now, playing),
            None => self.waiting_since.is_some_and(|since| now.saturating_duration_since(since) >= self.config.change),
        };
        let asked_lately = self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < self.config.key_retry);
        if !wanted || asked_lately {
            return None;
        }
        let newest = (0..LAYERS).filter_map(|spatial| Some((self.layers[spatial].newest_capture()?, spatial))).max();
        let (_, spatial) = newest?;
        self.asked = Some(now);
        self.tally.stats.key_frames_requested += 1;
        Some(KeyRequest { spatial: spatial as u8 })
    }

    /// The sender or relay gave up a subgroup: what is missing of it is not waited for.
    pub fn gave_up(&mut self, head: &SubgroupHead) {
        if let Some(layer) = self.layers.get_mut(usize::from(head.layer.spatial)) {
            layer.gave_up(head.group, head.layer.temporal);
        }
    }

    /// The call moves between links until `until`: missing frames are waited for longer.
    pub fn moving(&mut self, until: Instant) {
        self.moving_until = Some(until);
    }

    /// The sender is known to have stopped (camera off, share ended, gone): the picture that stands still is no freeze.
    pub fn pause(&mut self) {
        self.tally.pause();
    }

    /// Spatial size, group and number of the last frame that came with everything before it: where another link is to
    /// go on. `None` before the first and while a key frame is needed.
    pub fn last(&self) -> Option<(u8, FrameNumber, FrameNumber)> {
        let playing = self.playing?;
        self.layers[playing].contiguous().map(|(group, frame)| (playing as u8, group, frame))
    }

    /// The longest interval between two frames, ms, since this was last asked, the one that runs now included: what a
    /// move cost.
    pub fn take_longest_gap_ms(&mut self, now: Instant) -> u64 {
        self.tally.take_longest_gap_ms(now)
    }

    /// The figures, with the interval that runs now.
    pub fn stats(&self, now: Instant) -> VideoStats {
        self.tally.stats(now)
    }

    /// Frames of another size come, without their key frame, and no more of the one that plays.
    fn is_stranded(&self, now: Instant, playing: usize) -> bool {
        let Some((shown, popped_at)) = self.popped else { return false };
        let newer = |spatial: usize| spatial != playing && self.layers[spatial].newest_capture() > Some(shown);
        now.saturating_duration_since(popped_at) >= 2 * self.config.patience && (0..LAYERS).any(newer)
    }

    fn hand_on(&mut self, now: Instant, video: VideoIn, left_out: Option<LeftOut>) -> VideoIn {
        let stats = &mut self.tally.stats;
        // What was left out around a change of size was never meant to be played.
        let LeftOut { lost, skipped, undecodable } = left_out.unwrap_or_default();
        stats.lost += lost;
        stats.skipped += skipped;
        stats.undecodable += undecodable;
        let capture = super::numbers::signed_us(video.header.capture_us);
        self.tally.popped(now, capture, left_out == Some(LeftOut::default()));
        self.popped = Some((video.header.capture_us, now));
        self.waiting_since = None;
        video
    }

    /// Arrival and capture time of a key frame from which the layer can go on from what was shown, or show the same
    /// larger.
    fn usable_key(&self, spatial: usize) -> Option<(Instant, u64)> {
        let layer = &self.layers[spatial];
        let (_, at, capture) = layer.newest_key()?;
        let larger = self.playing.is_some_and(|playing| spatial > playing);
        let newest = layer.newest_capture()?;
        let usable = self.popped.is_none_or(|(shown, _)| newest > shown || larger && newest == shown);
        usable.then_some((at, capture))
    }

    /// The layer to change to now, if any.
    fn change(&self, now: Instant) -> Option<usize> {
        let mut candidates = (0..LAYERS).rev().filter_map(|spatial| {
            let (at, capture) = self.usable_key(spatial)?;
            Some((spatial, at, capture))
        });
        let (Some(playing), Some((shown, popped_at))) = (self.playing, self.popped) else {
            return candidates.next().map(|(spatial, ..)| spatial);
        };
        let current = &self.layers[playing];
        let ready = current.ready_capture();
        let usual = self.tally.usual_us();
        let silent = now.saturating_duration_since(popped_at) >= self.config.patience && ready.is_none();
        candidates.filter(|(spatial, ..)| *spatial != playing).find_map(|(spatial, at, capture)| {
            let waited = now.saturating_duration_since(at) >= self.config.change;
            let first = ready.is_some_and(|ready| ready < capture);
            // The end of a larger picture that was left does not bring it back.
            let left = self.shrunk.is_some_and(|at| now.saturating_duration_since(at) < LEFT);
            let comes = !left || self.layers[spatial].begins();
            let larger = spatial > playing && capture >= shown && !first && comes;
            let stopped = waited && capture > shown && current.newest_capture() < Some(capture);
            let dead = silent && current.newest_key().is_none();
            let next = self.layers[spatial].goes_on_from(shown).filter(|_| ready.is_none());
            let follows = next.is_some_and(|next| next - shown <= usual * 3 / 2);
            (larger || stopped || dead || follows).then_some(spatial)
        })
    }

    /// Keeps to the limits; a layer that does not play goes first.
    fn bound(&mut self) {
        let over = |layers: &[SpatialLayer; LAYERS], config: &VideoConfig| {
            layers.iter().map(SpatialLayer::len).sum::<usize>() > config.frames
                || layers.iter().map(SpatialLayer::bytes).sum::<usize>() > config.bytes
        };
        while over(&self.layers, &self.config) {
            let idle = (0..LAYERS).filter(|spatial| Some(*spatial) != self.playing);
            let fullest = idle.filter(|spatial| self.layers[*spatial].len() > 0);
            let fullest = fullest.max_by_key(|spatial| self.layers[*spatial].bytes()).or(self.playing);
            let Some(spatial) = fullest else { return };
            self.layers[spatial].shed();
        }
    }
}
