//! What a participant received, kept within bounds: a long drill folds what is behind it into a few figures.
//!
//! Pure. Clients fill it, `run` reads it. Never: what the figures are held against.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::measure::{Stream, Window, stream};
use crate::call::arrivals::Record;
use crate::proto::{ParticipantId, Track};

/// Frames that are kept when all before them are folded: the next stretch needs to know what came just before it.
const KEPT: Duration = Duration::from_secs(10);

/// The records of one listener.
#[derive(Debug, Default)]
pub struct Log {
    pub records: Vec<Record>,
    folded: BTreeMap<(ParticipantId, Track), Stream>,
    /// Until when streams are folded.
    seam: Option<Instant>,
}

impl Log {
    /// Folds what came until now, `window.end`, into figures, and drops what the next stretch does not need.
    ///
    /// To be called where every stream flows, so that no gap lies across the seam. What was lost within a second before it
    /// may count in both stretches.
    pub fn fold(&mut self, window: Window) {
        let streams: BTreeSet<_> =
            self.records.iter().filter_map(|record| frame(record, |one| (one.peer, one.track))).collect();
        let now: Vec<_> = streams
            .into_iter()
            .filter_map(|(peer, track)| Some(((peer, track), self.stream(peer, track, window)?)))
            .collect();
        self.folded.extend(now);
        self.seam = Some(window.end);
        let is_old = |record: &Record| {
            frame(record, |one| window.end.saturating_duration_since(one.at)).is_some_and(|age| age > KEPT)
        };
        self.records.retain(|record| !is_old(record));
    }

    /// As [`stream`], with what was folded.
    pub fn stream(&self, peer: ParticipantId, track: Track, window: Window) -> Option<Stream> {
        let Some(earlier) = self.folded.get(&(peer, track)) else { return stream(&self.records, peer, track, window) };
        let rest = Window { cause: self.seam.unwrap_or(window.cause), ..window };
        match stream(&self.records, peer, track, rest) {
            Some(later) => Some(earlier.clone().then(later)),
            None => Some(Stream { alive: false, ..earlier.clone() }),
        }
    }
}

fn frame<T>(record: &Record, of: impl FnOnce(&crate::call::arrivals::Arrival) -> T) -> Option<T> {
    match record {
        Record::Frame(one) => Some(of(one)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::arrivals::Arrival;

    const PEER: ParticipantId = ParticipantId(7);

    fn audio(at: Instant, number: u32) -> Record {
        let (peer, track, capture_us) = (PEER, Track::Microphone, u64::from(number) * 20_000);
        Record::Frame(Arrival { at, peer, track, spatial: 0, number, capture_us, key: true, dtx: false })
    }

    #[test]
    fn a_log_that_was_folded_says_the_same_and_stays_small() {
        let start = crate::clock::now() + Duration::from_secs(100);
        let at = |n: u32| start + Duration::from_millis(20) * n;
        // Five minutes; a hole of 16 packets in the first, one of 6 in the fourth.
        let came = (0..15_000).filter(|n| !(1_000..1_016).contains(n) && !(10_000..10_006).contains(n));
        let (mut whole, mut folded, mut largest) = (Log::default(), Log::default(), 0);
        let cause = at(100);
        let mut since = cause;
        for number in came {
            whole.records.push(audio(at(number), number));
            folded.records.push(audio(at(number), number));
            if number % 3_000 == 2_990 {
                folded.fold(Window { cause: since, end: at(number) });
                since = at(number);
            }
            largest = largest.max(folded.records.len());
        }
        let window = Window { cause, end: at(15_000) };
        let [whole, folded] = [whole, folded].map(|log| log.stream(PEER, Track::Microphone, window).unwrap());
        assert_eq!((whole.gap_ms.round(), whole.lost, whole.alive), (340.0, 22, true));
        assert_eq!(Stream { received: whole.received, ..folded }, whole);
        assert!(largest < 4_000, "{largest}");
    }

    #[test]
    fn a_stream_that_ends_after_a_fold_is_silent() {
        let start = crate::clock::now() + Duration::from_secs(100);
        let records = (0..500).map(|n| audio(start + Duration::from_millis(20) * n, n)).collect();
        let mut log = Log { records, ..Log::default() };
        let second = |n| start + Duration::from_secs(n);
        log.fold(Window { cause: second(2), end: second(10) });
        let stream = log.stream(PEER, Track::Microphone, Window { cause: second(2), end: second(14) }).unwrap();
        assert_eq!((stream.gap_ms.round(), stream.alive), (4_020.0, false));
    }
}
