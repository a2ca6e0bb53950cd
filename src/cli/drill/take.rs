//! What runs of a case came to, and the bars that they are held against (section 10 of the design). Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::Case;
use super::measure::Stream;
use crate::cli::stats::percentile;
use crate::election::Reason;
use crate::proto::Transport;

/// Longest gap of audio at the listener after a relay died, ms: half of all, and 99 of 100.
const GAP_P50: f64 = 350.0;
const GAP_P99: f64 = 700.0;
/// Nobody is out of the call for longer, once one relay works, ms.
const BACK: f64 = 5_000.0;
/// A relay that is new in the list is measured within this time, ms.
const RACED: f64 = 20_000.0;
/// What blocked UDP may cost a join beyond the same without, ms.
const BLOCKED: f64 = 250.0;
/// From Join to the first frame: so many round trips, and so many ms.
const JOIN: (f64, f64) = (4.0, 200.0);

/// One sender as one listener received it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// From 0.
    pub run: usize,
    pub listener: String,
    pub sender: String,
    pub audio: Stream,
    /// `None` where the sender shows nothing.
    pub video: Option<Stream>,
    pub key_frames_asked: u64,
}

/// What a participant did whom the cause concerns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leaving {
    pub run: usize,
    pub client: String,
    pub from: Option<String>,
    /// Of the link that it had at the cause.
    pub transport: Option<Transport>,
    /// `None` where it stayed.
    pub to: Option<String>,
    pub reason: Option<Reason>,
    /// From the cause to the first doubt, ms: from then on audio goes both ways.
    pub doubted_ms: Option<f64>,
    /// From the cause to the new link, ms.
    pub after_ms: Option<f64>,
}

/// One run, or several.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Take {
    /// Participants of a run.
    pub clients: usize,
    /// From the start to the last call that was steady, ms.
    pub settled_ms: f64,
    pub samples: Vec<Sample>,
    pub leavings: Vec<Leaving>,
    /// Moves of everybody after the cause.
    pub moves: usize,
    /// How often somebody lost every link.
    pub fell_out: usize,
    /// How late this program's own timers were at most, ms: what is measured includes it.
    pub late_ms: f64,
    /// What belongs to one case alone, by name.
    pub figures: BTreeMap<&'static str, Vec<f64>>,
    pub notes: Vec<String>,
}

impl Take {
    pub fn figure(&mut self, name: &'static str, value: f64) {
        self.figures.entry(name).or_default().push(value);
    }

    /// Adds another run.
    pub fn add(&mut self, run: usize, other: Take) {
        self.clients = self.clients.max(other.clients);
        self.settled_ms = self.settled_ms.max(other.settled_ms);
        self.samples.extend(other.samples.into_iter().map(|sample| Sample { run, ..sample }));
        self.leavings.extend(other.leavings.into_iter().map(|leaving| Leaving { run, ..leaving }));
        self.moves += other.moves;
        self.fell_out += other.fell_out;
        self.late_ms = self.late_ms.max(other.late_ms);
        for (name, mut values) in other.figures {
            self.figures.entry(name).or_default().append(&mut values);
        }
        self.notes.extend(other.notes.into_iter().map(|note| format!("run {}: {note}", run + 1)));
    }

    /// Longest times without new audio, ms, one a sample.
    pub fn gaps(&self) -> Vec<f64> {
        self.samples.iter().map(|sample| sample.audio.gap_ms).collect()
    }

    /// Participants whose call went over WebSocket at the cause.
    pub fn over_tcp(&self) -> usize {
        self.leavings.iter().filter(|leaving| leaving.transport == Some(Transport::WebSocket)).count()
    }

    /// From the cause to the new link, ms.
    pub fn departures(&self) -> Vec<f64> {
        self.leavings.iter().filter_map(|leaving| leaving.after_ms).collect()
    }

    /// From the cause to the first doubt, ms.
    pub fn doubts(&self) -> Vec<f64> {
        self.leavings.iter().filter_map(|leaving| leaving.doubted_ms).collect()
    }

    pub fn audio_lost(&self) -> u64 {
        self.samples.iter().map(|sample| sample.audio.lost).sum()
    }

    /// `None` where nobody showed anything.
    pub fn video_lost(&self) -> Option<u64> {
        let lost: Vec<u64> = self.samples.iter().filter_map(|sample| Some(sample.video.as_ref()?.lost)).collect();
        (!lost.is_empty()).then(|| lost.iter().sum())
    }

    pub fn key_frames_asked(&self) -> Option<u64> {
        self.video_lost()?;
        Some(self.samples.iter().map(|sample| sample.key_frames_asked).sum())
    }

    /// Streams of which nothing came at the end.
    fn silent(&self) -> usize {
        self.samples.iter().filter(|sample| !sample.audio.alive).count()
    }

    fn stayed(&self) -> usize {
        self.leavings.iter().filter(|leaving| leaving.to.is_none()).count()
    }

    fn of(&self, name: &str) -> &[f64] {
        self.figures.get(name).map_or(&[], Vec::as_slice)
    }

    fn worst(&self, name: &str) -> Option<f64> {
        self.of(name).iter().copied().max_by(f64::total_cmp)
    }

    fn median(&self, name: &str) -> Option<f64> {
        percentile(self.of(name), 0.5)
    }
}

/// A figure and what it may be at most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    pub what: &'static str,
    pub at_most: f64,
    /// `None` where there was nothing to measure; that is no bar met.
    pub measured: Option<f64>,
    pub met: bool,
}

impl Bar {
    fn new(what: &'static str, measured: Option<f64>, at_most: f64) -> Self {
        let measured = measured.map(|value| (value * 10.0).round() / 10.0);
        Self { what, at_most, measured, met: measured.is_some_and(|value| value <= at_most) }
    }

    fn none(what: &'static str, count: usize) -> Self {
        Self::new(what, Some(count as f64), 0.0)
    }
}

/// What a move that was planned costs.
fn lost(take: &Take) -> [Bar; 3] {
    let lost = |count: Option<u64>| count.map(|count| count as f64);
    [
        Bar::new("audio packets lost", lost(Some(take.audio_lost())), 0.0),
        Bar::new("video frames lost", lost(take.video_lost()), 0.0),
        Bar::new("key frames asked for", lost(take.key_frames_asked()), 0.0),
    ]
}

/// What a case is held against.
pub fn bars(case: Case, take: &Take) -> Vec<Bar> {
    let silent = Bar::none("streams silent at the end", take.silent());
    let stayed = Bar::none("clients that stayed", take.stayed());
    let gap = |what, share, at_most| Bar::new(what, percentile(&take.gaps(), share), at_most);
    let halves = || [gap("audio gap p50, ms", 0.5, GAP_P50), gap("audio gap p99, ms", 0.99, GAP_P99)];
    let p99 = || gap("audio gap p99, ms", 0.99, GAP_P99);
    let back = || Bar::new("time out of the call, ms", take.worst("back_ms"), BACK);
    let fell_out = || Bar::none("clients that lost every link", take.fell_out);
    match case {
        Case::Blackhole | Case::Kill => [halves().into(), vec![stayed, silent]].concat(),
        Case::Token => {
            let refused = Bar::new("tickets refused", take.worst("tickets_refused"), 0.0);
            [halves().into(), vec![stayed, silent, refused]].concat()
        }
        Case::Crowd => {
            let behind = Bar::new("clients on a relay that is gone", take.worst("left_behind"), 0.0);
            [halves().into(), vec![behind, silent]].concat()
        }
        Case::Drain | Case::Longer | Case::Block | Case::Force => [lost(take).into(), vec![stayed, silent]].concat(),
        Case::Rolling => {
            let behind = Bar::new("sessions left when a relay stopped", take.worst("left_behind"), 0.0);
            [lost(take).into(), vec![behind, stayed, silent]].concat()
        }
        Case::Lossy => vec![p99(), stayed, silent],
        Case::Flap => vec![Bar::none("moves", take.moves), silent],
        Case::UdpInCall => vec![back(), silent],
        Case::Outage => vec![Bar::none("moves", take.moves), back(), silent],
        Case::Rebind => vec![p99(), fell_out(), silent],
        Case::RegionAdded => {
            let mut bars =
                vec![Bar::new("time to the first measurement by all, ms", take.worst("raced_ms"), RACED), silent];
            if !take.of("not_raced").is_empty() {
                bars.push(Bar::none("runs in which it was not measured", take.of("not_raced").len()));
            }
            bars
        }
        Case::UdpAtStart => {
            let more = take.median("start_blocked_ms").zip(take.median("start_open_ms"));
            vec![
                Bar::new(
                    "p50 from the start to a frame beyond UDP open, ms",
                    more.map(|(one, other)| one - other),
                    BLOCKED,
                ),
                Bar::new("calls that went over UDP", take.worst("over_udp"), 0.0),
            ]
        }
        Case::Join => {
            let bar = take.median("rtt_ms").map_or(0.0, |rtt| JOIN.0 * rtt + JOIN.1);
            let p99 = |name| percentile(take.of(name), 0.99);
            vec![
                Bar::new("p99 from Join to sound, ms", p99("first_audio_ms"), bar),
                Bar::new("p99 from Join to a picture, ms", p99("first_video_ms"), bar),
            ]
        }
        Case::Suspend => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(gap_ms: f64, lost: u64) -> Sample {
        let audio = Stream { gap_ms, captured_ms: Some(gap_ms), received: 100, lost, alive: true };
        Sample { run: 0, listener: "p1".into(), sender: "p2".into(), audio, video: None, key_frames_asked: 0 }
    }

    #[test]
    fn a_bar_is_missed_by_what_exceeds_it_and_by_what_was_not_measured() {
        let take = Take { samples: vec![sample(340.0, 3), sample(760.0, 9)], ..Take::default() };
        let met: Vec<bool> = bars(Case::Kill, &take).iter().map(|bar| bar.met).collect();
        assert_eq!(met, [true, false, true, true]);
        assert!(bars(Case::Join, &Take::default()).iter().all(|bar| !bar.met));
        let met: Vec<bool> = bars(Case::Drain, &take).iter().map(|bar| bar.met).collect();
        assert_eq!(met, [false, false, false, true, true], "nobody showed a picture");
    }

    #[test]
    fn runs_add_up() {
        let mut all = Take::default();
        for run in 0..3 {
            let mut one = Take { samples: vec![sample(100.0, 1)], moves: 2, ..Take::default() };
            one.figure("back_ms", 10.0 * run as f64);
            all.add(run, one);
        }
        assert_eq!((all.samples.len(), all.moves, all.audio_lost()), (3, 6, 3));
        assert_eq!(all.samples[2].run, 2);
        assert_eq!(all.worst("back_ms"), Some(20.0));
    }
}
