//! From what arrived to figures: pure, and about the receiver alone.
//!
//! A gap is the longest time between two frames that had not come before, read off the link; a frame is lost whose number
//! never came although a later one did. Playout buffers have no say in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::call::arrivals::{Arrival, Record};
use crate::proto::{ParticipantId, Track};

/// Frames count from so long before the cause on, so that the last ones before it can be seen to be missing.
const LEAD: Duration = Duration::from_secs(1);
/// What came in this time before the end may still be followed by an older frame.
const TAIL: Duration = Duration::from_millis(300);
/// A stream of which something came so shortly before the end goes on.
const ALIVE: Duration = Duration::from_millis(500);

/// From the cause to the end of what is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub cause: Instant,
    pub end: Instant,
}

/// One track of one sender as one listener received it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stream {
    /// Longest time without a new frame, ms.
    pub gap_ms: f64,
    /// What lies between the two frames around it on the sender's capture clock, ms: what was missed, where `gap_ms` minus
    /// this came late; `None` where nothing came any more.
    pub captured_ms: Option<f64>,
    pub received: u64,
    pub lost: u64,
    /// Something came until the end.
    pub alive: bool,
}

impl Stream {
    /// This stretch and the one that followed it.
    pub fn then(self, later: Self) -> Self {
        let worse = if later.gap_ms > self.gap_ms { &later } else { &self };
        let (gap_ms, captured_ms) = (worse.gap_ms, worse.captured_ms);
        let (received, lost) = (self.received + later.received, self.lost + later.lost);
        Self { gap_ms, captured_ms, received, lost, alive: later.alive }
    }
}

/// What a listener received of a track of a sender. `None` where nothing came before the cause: there is nothing to miss.
pub fn stream(records: &[Record], peer: ParticipantId, track: Track, window: Window) -> Option<Stream> {
    let Window { cause, end } = window;
    let begin = cause.checked_sub(LEAD)?;
    let mut seen = BTreeSet::new();
    let mut fresh: Vec<&Arrival> = records
        .iter()
        .filter_map(|record| match record {
            Record::Frame(frame) => Some(frame),
            _ => None,
        })
        .filter(|frame| frame.peer == peer && frame.track == track && frame.at >= begin && frame.at <= end)
        .filter(|frame| seen.insert((frame.spatial, frame.number)))
        .collect();
    fresh.sort_by_key(|frame| frame.at);
    fresh.first().filter(|first| first.at <= cause)?;
    let last = fresh.last()?;
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let between = |pair: &[&Arrival]| {
        let captured_us = pair[1].capture_us.saturating_sub(pair[0].capture_us);
        (ms(pair[1].at - pair[0].at), Some(captured_us as f64 / 1000.0))
    };
    let gaps = fresh.windows(2).filter(|pair| pair[1].at > cause).map(between);
    let silence = (ms(end.saturating_duration_since(last.at)), None);
    let (gap_ms, captured_ms) = gaps.chain([silence]).max_by(|one, other| one.0.total_cmp(&other.0))?;
    let alive = end.saturating_duration_since(last.at) <= ALIVE;
    Some(Stream { gap_ms, captured_ms, received: fresh.len() as u64, lost: lost(&fresh, end), alive })
}

/// Numbers that never came, size by size.
fn lost(fresh: &[&Arrival], end: Instant) -> u64 {
    let mut sizes: BTreeMap<u8, Vec<&Arrival>> = BTreeMap::new();
    fresh.iter().for_each(|frame| sizes.entry(frame.spatial).or_default().push(frame));
    let of = |frames: &Vec<&Arrival>| {
        let settled = frames.iter().filter(|frame| end.saturating_duration_since(frame.at) >= TAIL);
        let (Some(first), Some(last)) =
            (frames.iter().map(|frame| frame.number).min(), settled.map(|frame| frame.number).max())
        else {
            return 0;
        };
        let came = frames.iter().filter(|frame| (first..=last).contains(&frame.number)).count() as u64;
        (u64::from(last.saturating_sub(first)) + 1).saturating_sub(came)
    };
    sizes.values().map(of).sum()
}

/// Key frames of `peer` that were asked for in the window.
pub fn key_frames_asked(records: &[Record], peer: ParticipantId, window: Window) -> u64 {
    let asked = |record: &&Record| {
        matches!(record, Record::KeyFrameAsked { at, peer: of, .. }
            if *of == peer && *at >= window.cause && *at <= window.end)
    };
    records.iter().filter(asked).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: ParticipantId = ParticipantId(7);

    fn start() -> Instant {
        crate::clock::now() + Duration::from_secs(100)
    }

    fn audio(at: Instant, number: u32) -> Record {
        let capture_us = u64::from(number) * 20_000;
        let (peer, track) = (PEER, Track::Microphone);
        Record::Frame(Arrival { at, peer, track, spatial: 0, number, capture_us, key: true, dtx: false })
    }

    /// A packet each 20 ms for 4 s, the cause after 2 s.
    fn steady(start: Instant) -> (Vec<(Instant, u32)>, Window) {
        let packets = (0..200).map(|n| (start + Duration::from_millis(20) * n, n)).collect();
        (packets, Window { cause: start + Duration::from_secs(2), end: start + Duration::from_secs(4) })
    }

    fn of(packets: &[(Instant, u32)], window: Window) -> Stream {
        let records: Vec<_> = packets.iter().map(|(at, number)| audio(*at, *number)).collect();
        stream(&records, PEER, Track::Microphone, window).unwrap()
    }

    #[test]
    fn a_steady_stream_has_the_gap_of_its_packets_and_doubles_are_nothing() {
        let (mut packets, window) = steady(start());
        let whole = of(&packets, window);
        assert_eq!((whole.gap_ms.round(), whole.lost, whole.alive), (20.0, 0, true));
        let doubles: Vec<_> = packets.iter().map(|(at, n)| (*at + Duration::from_millis(7), *n)).collect();
        packets.extend(doubles);
        assert_eq!(of(&packets, window), whole);
    }

    #[test]
    fn what_is_missing_is_lost_and_what_is_late_is_a_gap_alone() {
        let (packets, window) = steady(start());
        let is_hit = |n: u32| (110..125).contains(&n);
        let lossy: Vec<_> = packets.iter().filter(|(_, n)| !is_hit(*n)).copied().collect();
        let stream = of(&lossy, window);
        assert_eq!((stream.gap_ms.round(), stream.lost, stream.captured_ms), (320.0, 15, Some(320.0)));
        let back = packets[125].0;
        let late: Vec<_> = packets.iter().map(|(at, n)| (if is_hit(*n) { back } else { *at }, *n)).collect();
        let stream = of(&late, window);
        assert_eq!((stream.gap_ms.round(), stream.lost, stream.captured_ms), (320.0, 0, Some(20.0)));
    }

    #[test]
    fn a_stream_that_ends_is_silent_until_the_end() {
        let (packets, window) = steady(start());
        let stream = of(&packets[..110], window);
        assert_eq!((stream.gap_ms.round(), stream.lost, stream.alive), (1820.0, 0, false));
        assert_eq!(stream.captured_ms, None);
    }

    #[test]
    fn who_never_was_heard_is_not_missed() {
        let (packets, window) = steady(start());
        let records: Vec<_> = packets[150..].iter().map(|(at, number)| audio(*at, *number)).collect();
        assert_eq!(stream(&records, PEER, Track::Microphone, window), None);
        assert_eq!(stream(&records, ParticipantId(8), Track::Microphone, window), None);
    }
}
