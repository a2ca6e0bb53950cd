//! How many bits a second a stream has, by temporal layer, measured from what comes in.

use std::time::{Duration, Instant};

use super::choice::Rates;
use crate::proto::Layer;

/// A slot of the measurement: a few frames of the slowest camera.
const SLOT: Duration = Duration::from_secs(1);
/// What a new slot counts against those before: key frames come every second slot or so, and should not show.
const WEIGHT: f64 = 0.4;

/// Bytes by temporal layer, and what they come to. Time in which nothing comes does not count: a screen that stands
/// still costs what it costs when it moves.
#[derive(Debug, Default)]
pub(super) struct Meter {
    since: Option<Instant>,
    bytes: [usize; TEMPORAL],
    bps: Option<[f64; TEMPORAL]>,
}

const TEMPORAL: usize = Layer::MAX_TEMPORAL as usize + 1;

impl Meter {
    pub fn take(&mut self, now: Instant, temporal: u8, bytes: usize) {
        self.since.get_or_insert(now);
        if let Some(sum) = self.bytes.get_mut(usize::from(temporal)) {
            *sum += bytes;
        }
    }

    /// Ends a slot that is over. Call it every 50 ms or so.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        let time = now.saturating_duration_since(since);
        if time < SLOT {
            return;
        }
        let measured = std::mem::take(&mut self.bytes).map(|bytes| bytes as f64 * 8.0 / time.as_secs_f64());
        self.since = None;
        let bps = self.bps.get_or_insert(measured);
        bps.iter_mut().zip(measured).for_each(|(bps, measured)| *bps += (measured - *bps) * WEIGHT);
    }

    /// Bits a second up to each temporal layer; `None` before a second was measured.
    pub fn rates(&self) -> Option<Rates> {
        let mut sum = 0.0;
        self.bps.map(|bps| {
            bps.map(|bps| {
                sum += bps;
                sum as u64
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_summed_up_to_each_layer_and_silence_does_not_count() {
        let start = crate::clock::now();
        let mut meter = Meter::default();
        let mut now = start;
        for frame in 0..120_u32 {
            now = start + Duration::from_millis(25) * frame;
            meter.take(now, [0, 2, 1, 2][frame as usize % 4], 1000);
            meter.handle_timeout(now);
        }
        let near = |rates: Rates| {
            let [base, half, all] = rates.map(|rate| rate / 1000);
            (70..=90).contains(&base) && (150..=170).contains(&half) && (310..=335).contains(&all)
        };
        assert!(meter.rates().is_some_and(near), "{:?}", meter.rates());
        for _ in 0..100 {
            now += Duration::from_millis(50);
            meter.handle_timeout(now);
        }
        let kept = meter.rates();
        for _ in 0..100 {
            now += Duration::from_millis(50);
            meter.handle_timeout(now);
        }
        assert_eq!(meter.rates(), kept);
    }
}
