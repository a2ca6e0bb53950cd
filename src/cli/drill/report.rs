//! What a drill prints: a table for people, one JSON object for programs.

use serde::Serialize;

use super::case::Case;

use super::take::{Bar, Leaving, Sample, Take, bars};
use crate::cli::stats::percentile;

/// How a case went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// A bar was missed, or the case failed.
    Missed,
    NotPossible,
}

/// A line of the table, and all that it was made from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub cause: &'static str,
    pub verdict: Verdict,
    /// Why it was not possible, or what failed.
    pub why: Option<String>,
    /// Runs that came about: the figures are over these.
    pub runs: usize,
    /// Runs that did not come to their end.
    pub failed_runs: usize,
    /// In each run.
    pub clients: usize,
    /// Participants whom the cause concerned, and how many of them went to another link.
    pub concerned: usize,
    pub moved: usize,
    pub moves: usize,
    /// Of those concerned, whose call went over WebSocket before.
    pub over_websocket: usize,
    /// Longest time without new audio at the listener, ms, over all samples.
    pub audio_gap_ms: Spread,
    /// From the cause to the new link, ms.
    pub left_after_ms: Spread,
    pub audio_lost: u64,
    /// `null` where nobody showed a picture.
    pub video_lost: Option<u64>,
    pub key_frames_asked: Option<u64>,
    /// How often somebody lost every link.
    pub lost_every_link: usize,
    /// How late this program's own timers were at most, ms: what is measured includes it.
    pub late_ms: f64,
    /// From the cause to the first doubt, ms.
    pub doubted_after_ms: Spread,
    /// What belongs to one case alone.
    pub figures: std::collections::BTreeMap<&'static str, Vec<f64>>,
    pub bars: Vec<Bar>,
    pub notes: Vec<String>,
    pub departures: Vec<Leaving>,
    pub samples: Vec<Sample>,
}

/// How a figure is spread; `null` where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    pub count: usize,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let at = |share| percentile(values, share).map(|value| (value * 10.0).round() / 10.0);
        Self { count: values.len(), p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

impl Row {
    /// A case that was to be run `asked` times; `failed` says of each run that did not come to its end why.
    pub fn played(case: Case, asked: usize, take: Take, failed: &[String]) -> Self {
        let bars = bars(case, &take);
        let met = failed.is_empty() && bars.iter().all(|bar| bar.met);
        Self {
            scenario: case.name(),
            cause: case.cause(),
            verdict: if met { Verdict::Ok } else { Verdict::Missed },
            why: failed.first().map(|first| format!("{} of {asked} runs failed; {first}", failed.len())),
            runs: asked - failed.len(),
            failed_runs: failed.len(),
            clients: take.clients,
            concerned: take.leavings.len(),
            moved: take.leavings.iter().filter(|leaving| leaving.to.is_some()).count(),
            moves: take.moves,
            over_websocket: take.over_tcp(),
            audio_gap_ms: Spread::of(&take.gaps()),
            left_after_ms: Spread::of(&take.departures()),
            audio_lost: take.audio_lost(),
            video_lost: take.video_lost(),
            key_frames_asked: take.key_frames_asked(),
            lost_every_link: take.fell_out,
            late_ms: take.late_ms,
            doubted_after_ms: Spread::of(&take.doubts()),
            bars,
            figures: take.figures,
            notes: take.notes,
            departures: take.leavings,
            samples: take.samples,
        }
    }

    /// A case that cannot be run.
    pub fn not_possible(case: Case, why: String) -> Self {
        let row = Self::played(case, 0, Take::default(), &[]);
        Self { verdict: Verdict::NotPossible, why: Some(why), bars: Vec::new(), ..row }
    }
}

/// Everything.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Something could be run, and every bar of it was met.
    pub passed: bool,
    pub elapsed_ms: u64,
    /// Relays of this process, or of others.
    pub relays: &'static str,
    pub scenarios: Vec<Row>,
}

/// Timers that are later than this are told of, ms.
const LATE_MS: f64 = 30.0;
const WIDTHS: [usize; 10] = [16, 4, 7, 7, 7, 15, 13, 6, 6, 6];

/// The head of the table.
pub fn head() -> String {
    let titles =
        ["scenario", "runs", "clients", "samples", "moved", "audio gap ms", "left after ms", "audio", "video", "key"];
    let units = ["", "", "", "", "", "p50/p99/max", "p50/max", "lost", "lost", "frames"];
    format!("{}  verdict\n{}\n", columns(&titles.map(String::from)), columns(&units.map(String::from)).trim_end())
}

fn columns(cells: &[String; 10]) -> String {
    let cell = |(n, (text, width)): (usize, (&String, usize))| match n {
        0 => format!("{text:<width$}"),
        _ => format!("{text:>width$}"),
    };
    cells.iter().zip(WIDTHS).enumerate().map(cell).collect::<Vec<_>>().join(" ")
}

/// A row for people: the figures, and below them the bars in words.
pub fn row(row: &Row) -> String {
    if row.verdict == Verdict::NotPossible {
        return format!("{:<16} not possible: {}\n", row.scenario, row.why.as_deref().unwrap_or_default());
    }
    let ms = |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.0}"));
    let count = |value: Option<u64>| value.map_or_else(|| "-".into(), |value| value.to_string());
    let (gap, left) = (row.audio_gap_ms, row.left_after_ms);
    let measured = gap.count > 0;
    let cells = [
        row.scenario.to_owned(),
        row.runs.to_string(),
        row.clients.to_string(),
        if measured { gap.count.to_string() } else { "-".into() },
        if measured { format!("{}/{}", row.moved, row.concerned) } else { "-".into() },
        if measured { format!("{}/{}/{}", ms(gap.p50), ms(gap.p99), ms(gap.max)) } else { "-".into() },
        if left.count > 0 { format!("{}/{}", ms(left.p50), ms(left.max)) } else { "-".into() },
        count(measured.then_some(row.audio_lost)),
        count(row.video_lost),
        count(row.key_frames_asked),
    ];
    let verdict = if row.verdict == Verdict::Ok { "ok" } else { "MISSED" };
    let mut out = format!("{}  {verdict}\n", columns(&cells));
    out += &format!("    {}\n", row.cause);
    for bar in &row.bars {
        let is = ms(bar.measured);
        let word = if bar.met { "ok" } else { "MISSED" };
        out += &format!("    {word:<6} {}: {is} (at most {})\n", bar.what, ms(Some(bar.at_most)));
    }
    if row.late_ms > LATE_MS {
        out += &format!(
            "    note   this machine was busy: timers were up to {:.0} ms late, and so are the figures\n",
            row.late_ms
        );
    }
    if row.over_websocket > 0 {
        out += &format!(
            "    note   {} of {} went over WebSocket before, where silence is weather for longer\n",
            row.over_websocket, row.concerned
        );
    }
    for note in row.why.iter().chain(&row.notes) {
        out += &format!("    note   {note}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_failed_is_missed_and_one_that_cannot_be_run_is_neither() {
        let failures = ["run 4: nobody came".into(), "run 7: no port".into()];
        let failed = Row::played(Case::Kill, 9, Take::default(), &failures);
        assert_eq!((failed.verdict, failed.runs, failed.failed_runs), (Verdict::Missed, 7, 2));
        let text = row(&failed);
        assert!(text.contains("MISSED") && text.contains("2 of 9 runs failed; run 4: nobody came"), "{text}");
        let outside = Row::not_possible(Case::Drain, "only who runs the relay can".into());
        assert!(outside.bars.is_empty());
        assert_eq!(row(&outside), "drain            not possible: only who runs the relay can\n");
    }
}
