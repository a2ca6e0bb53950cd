//! What is known of one track of one peer: counts, gaps, the newest picture's size. Pure; [`super`] keeps it behind a lock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::media::sync::Offsets;
use crate::proto::FrameNumber;

/// Figures of a peer, its tracks together. Times are this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VideoPeerStats {
    /// Frames that came, each counted once.
    pub received: u64,
    /// Pictures that were decoded, those included that came too late to be shown.
    pub decoded: u64,
    /// Frames that never came, or came too late.
    pub lost: u64,
    /// Time in which the picture stood still: of each interval over max(3 x mean, mean + 150 ms), what is beyond the mean
    /// (the limit is that of the W3C's `totalFreezesDuration`).
    pub frozen_ms: u64,
    /// Longest time between two pictures, the running one included; 30 s and more is a pause and does not count.
    pub longest_gap_ms: u64,
    pub key_frames_requested: u64,
    /// Of the newest picture; 0 before the first one.
    pub width: u32,
    pub height: u32,
    /// Pictures a second over the last two seconds.
    pub fps: f32,
    /// How far the camera's pictures are shown from the sound of their moment, ms, positive where the picture is later:
    /// lately, the median of all, and what 95 % are within to either side. `None` where no sound goes with them.
    pub lip_offset_ms: Option<f64>,
    pub lip_median_ms: Option<f64>,
    pub lip_p95_ms: Option<f64>,
    /// How much later than their sound the camera's pictures are ready to be shown, ms; negative where they wait for it.
    pub late_ms: Option<f64>,
}

/// After this the peer has stopped sending, whatever the reason: it is no gap in a picture that runs.
const PAUSE: Duration = Duration::from_secs(30);
/// Intervals that the mean is taken of.
const MEMORY: usize = 30;
/// What [`VideoPeerStats::fps`] looks back on.
const RATE_WINDOW: Duration = Duration::from_secs(2);
/// More instants than any rate has in [`RATE_WINDOW`].
const MOST_DRAWN: usize = 256;

/// One track.
#[derive(Debug, Default)]
pub struct TrackView {
    pub received: u64,
    pub decoded: u64,
    pub lost: u64,
    pub key_frames_requested: u64,
    /// Width and height of the newest picture.
    pub size: Option<(u32, u32)>,
    /// The last frame that came with everything before it: spatial index, group, frame.
    pub last_frame: Option<(u8, FrameNumber, FrameNumber)>,
    /// Pictures against sound.
    pub lips: Offsets,
    /// See [`VideoPeerStats::late_ms`].
    pub late_ms: Option<f64>,
    frozen: Duration,
    longest_gap: Duration,
    longest_since_taken: Duration,
    drawn: VecDeque<Instant>,
    resting: bool,
}

impl TrackView {
    /// A picture of this size was decoded.
    pub fn drew(&mut self, size: (u32, u32), now: Instant) {
        if let Some(gap) = self.gap(now) {
            self.longest_gap = self.longest_gap.max(gap);
            self.longest_since_taken = self.longest_since_taken.max(gap);
            if let Some(mean) = self.mean()
                && gap > (mean * 3).max(mean + Duration::from_millis(150))
            {
                self.frozen += gap - mean;
            }
        } else {
            self.drawn.clear();
        }
        if self.drawn.len() == MOST_DRAWN {
            self.drawn.pop_front();
        }
        self.drawn.push_back(now);
        self.decoded += 1;
        self.size = Some(size);
    }

    /// Pictures end on purpose (`on`), or begin again: what is still on its way counts for nothing and is not shown.
    pub fn rest(&mut self, on: bool) {
        self.resting = on;
        self.drawn.clear();
    }

    /// Whether pictures are not to be shown.
    pub fn is_resting(&self) -> bool {
        self.resting
    }

    /// Longest gap since the last call, the running one included.
    pub fn take_longest_gap(&mut self, now: Instant) -> Option<Duration> {
        self.drawn.back()?;
        Some(std::mem::take(&mut self.longest_since_taken).max(self.gap(now).unwrap_or_default()))
    }

    /// Adds this track to a peer's figures. Size and rate are of the track that was drawn last to be added.
    pub fn add_to(&self, stats: &mut VideoPeerStats, now: Instant) {
        self.add_counts_to(stats, now);
        stats.frozen_ms += self.frozen.as_millis() as u64;
        let gap = self.longest_gap.max(self.gap(now).unwrap_or_default());
        stats.longest_gap_ms = stats.longest_gap_ms.max(gap.as_millis() as u64);
    }

    /// The same without gaps, for what may stand still.
    pub fn add_counts_to(&self, stats: &mut VideoPeerStats, now: Instant) {
        stats.received += self.received;
        stats.decoded += self.decoded;
        stats.lost += self.lost;
        stats.key_frames_requested += self.key_frames_requested;
        if let Some((width, height)) = self.size {
            (stats.width, stats.height, stats.fps) = (width, height, self.fps(now));
        }
        stats.late_ms = stats.late_ms.or(self.late_ms);
        if let Some(recent) = self.lips.recent_ms() {
            stats.lip_offset_ms = Some(recent);
            (stats.lip_median_ms, stats.lip_p95_ms) = (self.lips.median_ms(), self.lips.p95_ms());
        }
    }

    /// Time since the last picture, unless it is a pause.
    fn gap(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(*self.drawn.back()?)).filter(|gap| *gap < PAUSE)
    }

    fn mean(&self) -> Option<Duration> {
        let first = self.drawn.len().saturating_sub(MEMORY + 1);
        let intervals = (self.drawn.len() - first).checked_sub(1).filter(|count| *count > 0)?;
        Some(self.drawn.back()?.duration_since(*self.drawn.get(first)?) / intervals as u32)
    }

    fn fps(&self, now: Instant) -> f32 {
        let recent = self.drawn.iter().filter(|at| now.saturating_duration_since(**at) <= RATE_WINDOW);
        let (count, first) = recent.fold((0u32, now), |(count, first), at| (count + 1, first.min(*at)));
        let span = now.saturating_duration_since(first).as_secs_f32();
        // Of a young track the span is short: the last picture's own time belongs to it.
        if count < 2 { 0.0 } else { (count - 1) as f32 / span.max(0.001) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_counted_as_frozen_and_the_running_one_as_longest() {
        let start = crate::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut view = TrackView::default();
        for ms in (0..1000).step_by(40) {
            view.drew((32, 16), at(ms));
        }
        view.drew((32, 16), at(1460));
        let mut stats = VideoPeerStats::default();
        view.add_to(&mut stats, at(1460));
        assert_eq!((stats.decoded, stats.frozen_ms, stats.longest_gap_ms), (26, 460, 500));
        assert_eq!((stats.width, stats.height), (32, 16));
        let mut take = |ms| view.take_longest_gap(at(ms)).unwrap().as_millis();
        assert_eq!(take(1460), 500);
        assert_eq!(take(1760), 300, "the running gap");
        view.drew((32, 16), at(2060));
        let mut take = |ms| view.take_longest_gap(at(ms)).unwrap().as_millis();
        assert_eq!(take(2060), 600, "the whole gap once it ended");
        assert_eq!(take(60_000), 0, "a pause");
        view.drew((32, 16), at(60_000));
        assert_eq!(view.take_longest_gap(at(60_000)), Some(Duration::ZERO));
        assert_eq!(TrackView::default().take_longest_gap(at(0)), None);
    }

    #[test]
    fn the_rate_is_that_of_the_last_two_seconds() {
        let start = crate::clock::now();
        let mut view = TrackView::default();
        let mut stats = VideoPeerStats::default();
        view.add_to(&mut stats, start);
        assert_eq!(stats.fps, 0.0);
        for frame in 0..150 {
            view.drew((32, 16), start + Duration::from_millis(33) * frame);
        }
        view.add_to(&mut stats, start + Duration::from_millis(33) * 149);
        assert!((stats.fps - 30.3).abs() < 0.5, "{}", stats.fps);
        view.add_to(&mut stats, start + Duration::from_secs(60));
        assert_eq!(stats.fps, 0.0);
    }

    #[test]
    fn a_camera_that_was_turned_off_leaves_no_gap() {
        let start = crate::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut view = TrackView::default();
        view.drew((64, 36), at(0));
        view.drew((64, 36), at(33));
        view.rest(true);
        assert_eq!(view.take_longest_gap(at(20_000)), None, "nothing runs");
        view.rest(false);
        view.drew((64, 36), at(20_000));
        view.drew((64, 36), at(20_040));
        assert_eq!(view.take_longest_gap(at(20_040)), Some(Duration::from_millis(40)));
    }
}
