//! What a device's callbacks say about it, without a lock: they write, [`super::super::retry`] reads.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cpal::ErrorKind;

use crate::clock;
use crate::media::Problem;

/// What callbacks say about a running device, without a lock.
#[derive(Debug)]
pub struct Health {
    fault: AtomicU8,
    beats: AtomicU32,
    /// Samples that came or went in one callback, at most since somebody asked, and in the last one.
    period: AtomicU32,
    last: AtomicU32,
    /// When the last callback was, µs after `made`.
    at_us: AtomicU64,
    made: Instant,
    /// From a callback to the first of its sound, as the system says, µs.
    latency_us: AtomicU32,
    missed: AtomicU32,
    rerouted: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            fault: AtomicU8::default(),
            beats: AtomicU32::default(),
            period: AtomicU32::default(),
            last: AtomicU32::default(),
            at_us: AtomicU64::default(),
            made: clock::now(),
            latency_us: AtomicU32::default(),
            missed: AtomicU32::default(),
            rerouted: AtomicBool::default(),
        }
    }
}

impl Health {
    /// Counts callbacks: a device that stands still is broken, whatever it says.
    pub fn beats(&self) -> u32 {
        self.beats.load(Ordering::Relaxed)
    }

    /// The largest callback since this was last asked, samples a channel.
    pub fn take_period(&self) -> usize {
        self.period.swap(0, Ordering::Relaxed) as usize
    }

    /// How much of what the last callback took a device with this rate in Hz still has to play, samples.
    pub fn unplayed(&self, now: Instant, rate: u32) -> usize {
        let since = self.us_at(now).saturating_sub(self.at_us.load(Ordering::Relaxed));
        let played = since.saturating_mul(rate.into()) / 1_000_000;
        u64::from(self.last.load(Ordering::Relaxed)).saturating_sub(played) as usize
    }

    /// From a callback to the first of its sound at the device, as the system said last. 0 where it does not say.
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed).into())
    }

    /// What the system says of [`Health::latency`].
    pub fn set_latency(&self, latency: Duration) {
        let us = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.latency_us.store(us, Ordering::Relaxed);
    }

    fn us_at(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.made).as_micros()).unwrap_or(u64::MAX)
    }

    /// How often a callback found the ring full (input) or short (output).
    pub fn missed(&self) -> u32 {
        self.missed.load(Ordering::Relaxed)
    }

    /// A callback found the ring full or short.
    pub fn miss(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the system sent the stream to another device since this was last asked.
    pub fn take_rerouted(&self) -> bool {
        self.rerouted.swap(false, Ordering::Relaxed)
    }

    /// What went wrong for good.
    pub fn fault(&self) -> Option<Problem> {
        match self.fault.load(Ordering::Relaxed) {
            1 => Some(Problem::Unplugged),
            2 => Some(Problem::Denied),
            _ => None,
        }
    }

    /// What went wrong, if the callbacks have ended: many systems go on after an error.
    pub fn trouble(&self) -> Option<Problem> {
        match self.fault.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Problem::Unplugged),
            2 => Some(Problem::Denied),
            3 => Some(Problem::Busy),
            _ => Some(Problem::Other("the sound system reported an error".into())),
        }
    }

    /// The device went on after what it reported.
    pub fn forgive(&self) {
        self.fault.store(0, Ordering::Relaxed);
    }

    /// A callback moved this many samples a channel.
    pub fn beat(&self, frames: usize) {
        self.beat_at(frames, clock::now());
    }

    /// The same at a time.
    pub fn beat_at(&self, frames: usize, at: Instant) {
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.period.fetch_max(frames, Ordering::Relaxed);
        self.last.store(frames, Ordering::Relaxed);
        self.at_us.store(self.us_at(at), Ordering::Relaxed);
    }

    /// The sound system reports an error.
    pub fn fail(&self, kind: ErrorKind) {
        let fault = match kind {
            // The stream goes on by itself after these.
            ErrorKind::Xrun | ErrorKind::RealtimeDenied => return,
            ErrorKind::DeviceChanged => return self.rerouted.store(true, Ordering::Relaxed),
            ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => 1,
            ErrorKind::PermissionDenied => 2,
            ErrorKind::DeviceBusy => 3,
            _ => 4,
        };
        self.fault.store(fault, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hiccup_is_no_fault_and_an_unplugged_device_is() {
        let health = Health::default();
        health.fail(ErrorKind::Xrun);
        assert_eq!((health.fault(), health.trouble()), (None, None));
        health.fail(ErrorKind::BackendError);
        assert_eq!(health.fault(), None);
        assert!(health.trouble().is_some());
        health.forgive();
        assert_eq!(health.trouble(), None);
        health.fail(ErrorKind::DeviceNotAvailable);
        assert_eq!(health.fault(), Some(Problem::Unplugged));
    }

    #[test]
    fn what_the_last_callback_took_is_played_as_time_passes() {
        let health = Health::default();
        let at = |ms| health.made + std::time::Duration::from_millis(ms);
        assert_eq!(health.unplayed(at(0), 48_000), 0);
        health.beat_at(960, at(100));
        health.beat_at(480, at(100));
        assert_eq!([100, 105, 110, 500].map(|ms| health.unplayed(at(ms), 48_000)), [480, 240, 0, 0]);
        assert_eq!((health.take_period(), health.take_period()), (960, 0));
    }

    #[test]
    fn a_stream_that_was_sent_elsewhere_is_no_fault_and_told_once() {
        let health = Health::default();
        health.fail(ErrorKind::DeviceChanged);
        assert_eq!(health.trouble(), None);
        assert!(health.take_rerouted() && !health.take_rerouted());
    }
}
