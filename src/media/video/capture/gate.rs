//! When a key frame is due: at the start, when one is asked for, and every ten seconds. Pure.

use std::time::{Duration, Instant};

/// Requests are served no closer together than this: one lost frame makes several receivers ask.
const FORCED_APART: Duration = Duration::from_millis(300);
/// And no closer than so many times what the last key frame takes on its way: on a path that carries little, key frames that
/// answer the loss of key frames would be all that is sent.
const SENT_FIRST: u32 = 3;
/// A key frame keeps others back for so long at most.
const KEPT_BACK: Duration = Duration::from_secs(3);
/// The longest group.
const LONGEST_GROUP: Duration = Duration::from_secs(10);

/// Decides about key frames.
#[derive(Debug, Default)]
pub struct KeyGate {
    wanted: bool,
    last: Option<Instant>,
    last_served: Option<Instant>,
    /// How far apart requests are served after the last one.
    apart: Duration,
    early: Duration,
}

impl KeyGate {
    /// A gate whose first group is shorter by so much: key frames of several sizes do not fall together for ever.
    pub fn early(by: Duration) -> Self {
        Self { early: by, ..Self::default() }
    }

    /// Somebody asks for a key frame. A request that comes too soon is kept, not forgotten: it may stand for the loss
    /// of the very key frame that made it too soon.
    pub fn request(&mut self) {
        self.wanted = true;
    }

    /// True if the next frame is to be a key frame.
    pub fn due(&self, now: Instant) -> bool {
        let Some(last) = self.last else { return true };
        let served_long_ago = self.last_served.is_none_or(|served| now.duration_since(served) >= self.apart);
        self.wanted && served_long_ago || now.duration_since(last) >= LONGEST_GROUP
    }

    /// A frame was made that takes so long to be sent at the rate of its size.
    pub fn made(&mut self, now: Instant, key: bool, takes: Duration) {
        if key {
            self.apart = (takes * SENT_FIRST).clamp(FORCED_APART, KEPT_BACK);
            let early = std::mem::take(&mut self.early);
            self.last = now.checked_sub(early).or(Some(now));
            if std::mem::take(&mut self.wanted) {
                self.last_served = Some(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds at which a frame every 20 ms is a key frame, with requests at `asked`.
    fn keys(asked: &[u64], until_ms: u64) -> Vec<u64> {
        keys_that_take(Duration::ZERO, asked, until_ms)
    }

    fn keys_that_take(takes: Duration, asked: &[u64], until_ms: u64) -> Vec<u64> {
        let start = crate::clock::now();
        let mut gate = KeyGate::default();
        let mut keys = Vec::new();
        for at in (0..until_ms).step_by(20) {
            if asked.contains(&at) {
                gate.request();
            }
            let now = start + Duration::from_millis(at);
            let key = gate.due(now);
            gate.made(now, key, takes);
            keys.extend(key.then_some(at));
        }
        keys
    }

    #[test]
    fn the_first_request_is_served_at_once_and_a_burst_by_two_key_frames() {
        assert_eq!(keys(&[100], 1000), [0, 100]);
        assert_eq!(keys(&[100, 120, 200, 380], 1000), [0, 100, 400]);
    }

    #[test]
    fn on_a_path_that_carries_little_one_key_frame_is_sent_before_the_next_is_made() {
        let takes = Duration::from_millis(500);
        let asked: Vec<u64> = (100..3000).step_by(100).collect();
        assert_eq!(keys_that_take(takes, &asked, 3500), [0, 100, 1600, 3100]);
        assert_eq!(keys_that_take(Duration::from_secs(9), &[100, 200], 5000), [0, 100, 3100]);
    }

    #[test]
    fn the_first_group_may_be_shorter() {
        let start = crate::clock::now() + Duration::from_secs(60);
        let mut gate = KeyGate::early(Duration::from_secs(3));
        let at = |seconds| start + Duration::from_secs(seconds);
        for (seconds, due) in [(0, true), (6, false), (7, true), (16, false), (17, true)] {
            assert_eq!(gate.due(at(seconds)), due, "after {seconds} s");
            gate.made(at(seconds), due, Duration::ZERO);
        }
    }

    #[test]
    fn there_is_a_key_frame_every_ten_seconds() {
        assert_eq!(keys(&[4000], 25_000), [0, 4000, 14_000, 24_000]);
    }
}
