//! Who sent a message and when, behind its payload, so that what was held up somewhere is known to be old.
//!
//! Between two relays lie queues that neither sees: sockets, NATS servers, gateways. A server that was frozen and goes on
//! delivers seconds of media and membership that were true once. Relays share no clock; but the smallest difference ever seen
//! between a sender's clock and ours is the fastest way from there to here, and whatever comes much later than that was held up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};

use crate::proto::RelayInstance;

/// Bytes of a stamp: instance u64, milliseconds u64, both big-endian.
pub const STAMP_BYTES: usize = 16;
/// The smallest difference is of this long and the one before: clocks drift, at worst by some ms in it.
const WINDOW: Duration = Duration::from_secs(60);
/// If nothing but old messages came for this long, the sender's clock was set back (its machine slept): it counts anew. Longer
/// than a burst of what was held up takes.
const CLOCK_JUMPED: Duration = Duration::from_secs(3);
/// Relays that are remembered.
const RELAYS: usize = 1024;

/// Appends who and when. One copy of the payload.
pub fn stamp(payload: &[u8], from: RelayInstance, at_ms: u64) -> Bytes {
    let mut stamped = BytesMut::with_capacity(payload.len() + STAMP_BYTES);
    stamped.put_slice(payload);
    stamped.put_u64(from.0);
    stamped.put_u64(at_ms);
    stamped.freeze()
}

/// The payload, who sent it and when by the sender's clock; `None` where there is no stamp.
pub fn split(mut stamped: Bytes) -> Option<(Bytes, RelayInstance, u64)> {
    let at = stamped.len().checked_sub(STAMP_BYTES)?;
    let stamp = stamped.split_off(at);
    let (from, at_ms) = stamp.split_first_chunk()?;
    Some((stamped, RelayInstance(u64::from_be_bytes(*from)), u64::from_be_bytes(*at_ms.first_chunk()?)))
}

/// How long messages of each relay take, more than the fastest of them.
#[derive(Debug, Default)]
pub struct Delays {
    relays: HashMap<RelayInstance, Delay>,
}

#[derive(Debug)]
struct Delay {
    /// Smallest difference of the clocks, ms, in this window and in the last.
    least: [i64; 2],
    window: Instant,
    heard: Instant,
    old_since: Option<Instant>,
}

impl Delays {
    /// How much longer a message took than the fastest lately. `now_ms` is `now` by our own clock's count.
    pub fn excess(
        &mut self,
        now: Instant,
        now_ms: u64,
        from: RelayInstance,
        at_ms: u64,
        patience: Duration,
    ) -> Duration {
        let difference = now_ms.wrapping_sub(at_ms).cast_signed();
        self.forget(now);
        let new = || Delay { least: [difference; 2], window: now, heard: now, old_since: None };
        let delay = self.relays.entry(from).or_insert_with(new);
        delay.heard = now;
        if now.saturating_duration_since(delay.window) >= WINDOW {
            delay.least = [difference, delay.least[0]];
            delay.window = now;
        }
        let excess = |least: &[i64; 2]| {
            Duration::from_millis(u64::try_from(difference.saturating_sub(least[0].min(least[1]))).unwrap_or_default())
        };
        if excess(&delay.least) <= patience {
            delay.least[0] = delay.least[0].min(difference);
            delay.old_since = None;
        } else if now.saturating_duration_since(*delay.old_since.get_or_insert(now)) >= CLOCK_JUMPED {
            *delay = new();
        }
        excess(&delay.least)
    }

    fn forget(&mut self, now: Instant) {
        if self.relays.len() >= RELAYS {
            self.relays.retain(|_, delay| now.saturating_duration_since(delay.heard) < WINDOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LIMA: RelayInstance = RelayInstance(7);
    const PATIENCE: Duration = Duration::from_millis(500);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_stamp_comes_off_as_it_went_on() {
        let stamped = stamp(b"picture", LIMA, 12_345);
        assert_eq!(split(stamped), Some((Bytes::from_static(b"picture"), LIMA, 12_345)));
        assert_eq!(split(Bytes::from_static(b"too short")), None);
    }

    #[test]
    fn what_was_held_up_is_late_whatever_the_clocks_say() {
        let (mut delays, start) = (Delays::default(), clock::now());
        // The sender's clock is at 1,000,000 when ours is at 0; the way takes 80 ms.
        let mut excess = |sent: u64, took: u64| {
            delays.excess(start + ms(sent + took), sent + took, LIMA, 1_000_000 + sent, PATIENCE)
        };
        assert_eq!(excess(0, 90), ms(0));
        assert_eq!(excess(100, 80), ms(0));
        assert_eq!(excess(200, 130), ms(50));
        assert_eq!(excess(300, 5_080), ms(5_000));
        assert_eq!(excess(5_400, 81), ms(1));
    }

    #[test]
    fn a_slower_way_is_the_new_measure_after_two_windows_and_a_clock_that_jumped_after_seconds() {
        let (mut delays, start) = (Delays::default(), clock::now());
        let mut excess =
            |sent: u64, took: u64| delays.excess(start + ms(sent + took), sent + took, LIMA, sent, PATIENCE);
        excess(0, 10);
        for second in 1..=121 {
            excess(second * 1000, 110);
        }
        assert_eq!(excess(122_000, 110), ms(0));
        assert!(excess(123_000, 60_000) > PATIENCE);
        for tenth in 1..40 {
            excess(123_000 + tenth * 100, 60_000);
        }
        assert_eq!(excess(128_000, 60_000), ms(0));
    }
}
