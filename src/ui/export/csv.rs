//! One table (RFC 4180) for candidates, their samples and the timeline: the first column says what a row is, and a cell
//! that has no figure is empty.

use serde_json::Value;

use super::{Model, SCHEMA, entry, member, utc};
use crate::call::event::CandidateRow;
use crate::call::reach::Reach;
use crate::call::state::State;
use crate::telemetry::csv::{self, guarded};
use crate::ui::regions::words;

/// The columns.
const COLUMNS: [&str; 28] = [
    "record",
    "t_utc",
    "relay",
    "region",
    "provider",
    "transport",
    "state",
    "sample",
    "rtt_ms",
    "lost",
    "mean_ms",
    "median_ms",
    "min_ms",
    "p95_ms",
    "jitter_ms",
    "loss",
    "sent",
    "received",
    "connect_ms",
    "event",
    "from",
    "to",
    "rtt_before_ms",
    "rtt_after_ms",
    "audio_gap_ms",
    "video_gap_ms",
    "detail",
    "member",
];

type Table = csv::Table<{ COLUMNS.len() }>;

/// What the panel shows, as CSV: an `about` row, then `candidate`, `sample` (the oldest first), `way` (of each member to each
/// relay), `distance` (between relays) and `event` rows.
pub fn csv(model: &Model) -> String {
    let mut out = Table::new(COLUMNS);
    let exported = utc(model.wall);
    let about = format!("nearcall {}, {}, schema {SCHEMA}", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    out.line(&[("record", "about".into()), ("t_utc", exported.clone()), ("detail", about)]);
    let candidates = model.call.as_deref().map_or(&[][..], |state| &state.candidates);
    for standing in candidates {
        candidate(&mut out, &exported, &standing.clone().into());
    }
    for standing in candidates {
        samples(&mut out, standing);
    }
    if let Some(state) = model.call.as_deref() {
        ways(&mut out, state);
        distances(&mut out, state);
    }
    for happened in &model.timeline {
        event(&mut out, &entry(happened));
    }
    out.into_text()
}

fn candidate(out: &mut Table, at: &str, row: &CandidateRow) {
    let ms = |figure: Option<f64>| words::known(figure).map_or_else(String::new, |figure| figure.to_string());
    out.line(&[
        ("record", "candidate".into()),
        ("t_utc", at.into()),
        ("relay", guarded(&row.relay)),
        ("region", guarded(&row.region)),
        ("provider", guarded(&row.provider)),
        ("transport", row.transport.to_string()),
        ("state", row.state.into()),
        ("mean_ms", ms(row.mean_ms)),
        ("median_ms", ms(row.median_ms)),
        ("min_ms", ms(row.min_ms)),
        ("p95_ms", ms(row.p95_ms)),
        ("jitter_ms", ms(row.jitter_ms)),
        ("loss", ms(row.loss)),
        ("sent", row.sent.to_string()),
        ("received", row.received.to_string()),
        ("connect_ms", ms(row.connect_ms)),
        ("detail", row.error.as_deref().map(guarded).unwrap_or_default()),
    ]);
}

fn samples(out: &mut Table, standing: &crate::election::Standing) {
    for (n, sample) in standing.recent_ms.iter().enumerate() {
        let rtt = words::known(*sample).map_or_else(String::new, |ms| format!("{ms:.2}"));
        out.line(&[
            ("record", "sample".into()),
            ("relay", guarded(&standing.candidate.relay)),
            ("region", guarded(&standing.candidate.region)),
            ("provider", guarded(&standing.candidate.provider)),
            ("transport", standing.candidate.transport.to_string()),
            ("sample", (n + 1).to_string()),
            ("lost", u8::from(sample.is_none()).to_string()),
            ("rtt_ms", rtt),
        ]);
    }
}

fn ways(out: &mut Table, state: &State) {
    let own = Reach::of(&state.candidates);
    let told = state.peers.iter().enumerate().map(|(n, peer)| (member(n), state.reaches.get(&peer.id)));
    for (name, reach) in std::iter::once(("You".to_owned(), Some(&own))).chain(told) {
        let Some(reach) = reach else { continue };
        for way in &reach.ways {
            let used = reach.place.as_ref().is_some_and(|place| place.relay == way.relay);
            let rtt = words::known(way.rtt_ms).map_or_else(String::new, |ms| format!("{ms:.1}"));
            out.line(&[
                ("record", "way".into()),
                ("member", name.clone()),
                ("relay", guarded(&way.relay)),
                ("region", guarded(&way.region)),
                ("transport", way.transport.to_string()),
                ("state", if used { "in use" } else { "" }.into()),
                ("rtt_ms", rtt),
            ]);
        }
    }
}

fn distances(out: &mut Table, state: &State) {
    for way in &state.manifest.distances {
        out.line(&[
            ("record", "distance".into()),
            ("from", guarded(&way.from)),
            ("to", guarded(&way.to)),
            ("rtt_ms", format!("{:.1}", way.rtt_ms)),
        ]);
    }
}

/// The keys of the JSON that have a column of their own go there, the words into `detail`.
fn event(out: &mut Table, value: &Value) {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => guarded(text),
        Value::Object(place) => place.get("region").and_then(Value::as_str).map(guarded).unwrap_or_default(),
        other => other.to_string(),
    };
    let mut cells = vec![("record", "event".to_owned())];
    let mut detail = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        match key.as_str() {
            "at_utc" => cells.push(("t_utc", cell(value))),
            "reason" | "message" | "text" | "candidate" | "runner_up" | "on" | "margin_ms" | "since_join_ms"
                if !value.is_null() =>
            {
                detail.push(format!("{key}: {}", cell(value)));
            }
            key => cells.extend(out.column(key).map(|column| (column, cell(value)))),
        }
    }
    cells.push(("detail", detail.join("; ")));
    out.line(&cells);
}
