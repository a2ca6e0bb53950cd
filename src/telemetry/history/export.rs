//! The history as one JSON object and as one CSV table. Keys and columns are added, never renamed; a lost probe is `null`
//! in JSON and `lost` in CSV, and a figure that was not measured is `null` or an empty cell.
//!
//! Printed by `nearcall history`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Election, Figures, Line, Log, SCHEMA, What};
use crate::telemetry::csv::{Table, guarded};
use crate::telemetry::utc;

/// The columns.
const COLUMNS: [&str; 30] = [
    "record",
    "t_utc",
    "election",
    "program",
    "relay",
    "region",
    "provider",
    "transport",
    "state",
    "relay_state",
    "sample",
    "rtt_ms",
    "mean_ms",
    "jitter_ms",
    "loss",
    "score_ms",
    "sent",
    "received",
    "event",
    "from",
    "to",
    "candidate",
    "reason",
    "margin_ms",
    "runner_up",
    "rtt_before_ms",
    "rtt_after_ms",
    "audio_gap_ms",
    "video_gap_ms",
    "detail",
];

/// Everything as one JSON object; `at` is the moment of the export.
pub fn json(log: &Log, at: SystemTime) -> String {
    let value = json!({
        "schema_version": SCHEMA,
        "app": "nearcall",
        "app_version": env!("CARGO_PKG_VERSION"),
        "exported_utc": utc(at),
        "broken_lines": log.broken,
        "lines_of_other_versions": log.strange,
        "elections": log.elections.iter().map(election).collect::<Vec<_>>(),
    });
    let mut text =
        serde_json::to_string_pretty(&value).unwrap_or_else(|error| json!({ "error": error.to_string() }).to_string());
    text.push('\n');
    text
}

fn election(election: &Election) -> Value {
    let winner = election.winner();
    json!({
        "id": election.id,
        "at_utc": election.at_utc(),
        "program": election.program(),
        "winner": winner.map(|(way, _, _)| way),
        "mean_ms": winner.and_then(|(_, mean_ms, _)| mean_ms),
        "margin_ms": winner.and_then(|(_, _, margin_ms)| margin_ms),
        "moves": election.moves(),
        "worst_gap_ms": election.worst_gap().map(|(gap_ms, _)| gap_ms),
        "decisions": election.lines,
    })
}

/// Everything as CSV: an `event` row for each decision, then a `candidate` row for each candidate that it was made on, and
/// behind each its `sample` rows, the oldest first.
pub fn csv(log: &Log) -> String {
    let mut table = Table::new(COLUMNS);
    for election in &log.elections {
        let program = election.program().map(guarded).unwrap_or_default();
        for line in &election.lines {
            let every =
                [("t_utc", guarded(&line.at_utc)), ("election", election.id.clone()), ("program", program.clone())];
            event(&mut table, &every, line);
            for figures in line.what.candidates() {
                candidate(&mut table, &every, figures);
            }
        }
    }
    table.into_text()
}

/// The keys of the JSON that have a column of their own go there.
fn event<const N: usize>(table: &mut Table<N>, every: &[(&str, String)], line: &Line) {
    let Ok(Value::Object(keys)) = serde_json::to_value(&line.what) else { return };
    let mut cells = [&[("record", "event".to_owned())], every].concat();
    let mut detail = Vec::new();
    for (key, value) in &keys {
        match (table.column(key), value) {
            (_, Value::Null | Value::Array(_)) => {}
            (Some(column), value) => cells.push((column, cell(value))),
            (None, value) => detail.push(format!("{key}: {}", cell(value))),
        }
    }
    cells.push(("detail", detail.join("; ")));
    table.line(&cells);
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => guarded(text),
        Value::Object(way) => {
            let part = |key: &str| way.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            guarded(format!("{} {}", part("relay"), part("transport")).trim())
        }
        other => other.to_string(),
    }
}

fn candidate<const N: usize>(table: &mut Table<N>, every: &[(&str, String)], row: &Figures) {
    let figure = |figure: Option<f64>| figure.map_or_else(String::new, |figure| figure.to_string());
    let way = [
        ("relay", guarded(&row.way.relay)),
        ("region", guarded(&row.way.region)),
        ("provider", guarded(&row.way.provider)),
        ("transport", row.way.transport.to_string()),
    ];
    let own = [
        ("record", "candidate".to_owned()),
        ("state", guarded(&row.state)),
        ("relay_state", row.relay_state.as_deref().map(guarded).unwrap_or_default()),
        ("mean_ms", figure(row.mean_ms)),
        ("jitter_ms", figure(row.jitter_ms)),
        ("loss", figure(row.loss)),
        ("score_ms", figure(row.score_ms)),
        ("sent", row.sent.to_string()),
        ("received", row.received.to_string()),
    ];
    table.line(&[every, &way, &own].concat());
    for (n, sample) in row.recent_ms.iter().enumerate() {
        let rtt = sample.map_or_else(|| "lost".to_owned(), |ms| ms.to_string());
        let own = [("record", "sample".to_owned()), ("sample", (n + 1).to_string()), ("rtt_ms", rtt)];
        table.line(&[every, &way, &own].concat());
    }
}

impl What {
    /// The candidates that the decision was made on.
    pub fn candidates(&self) -> &[Figures] {
        match self {
            Self::Race { candidates, .. }
            | Self::Moving { candidates, .. }
            | Self::Elected { candidates, .. }
            | Self::Kept { candidates, .. }
            | Self::MoveFailed { candidates, .. }
            | Self::Suspect { candidates, .. }
            | Self::Unmet { candidates, .. }
            | Self::Reconnecting { candidates } => candidates,
            Self::Started { .. } | Self::Moved { .. } | Self::Standby { .. } | Self::Ended { .. } | Self::Unknown => {
                &[]
            }
        }
    }
}
