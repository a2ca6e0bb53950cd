//! The region panel as a file: JSON, CSV, a picture and aligned text.
//!
//! `regions` copies the text, `deeds` writes the files. Never in here: the room, its link, the name of a person, a key.
//! The schema is stable: keys and columns are added, never renamed, and a figure that was not measured is `null` or an
//! empty cell, never 0.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::model::{DrillState, Entry, Model, What};
use crate::call::event::CandidateRow;
use crate::call::reach::Reach;
use crate::call::state::{Phase, State, Wished};
use crate::election::{LinkState, Standing, rules};
use crate::telemetry::utc;

mod csv;
mod picture;
mod raster;
mod text;

pub use self::csv::csv;
pub use self::picture::png;
pub use self::text::text;

/// Version of the keys and the columns.
pub const SCHEMA: u32 = 1;

/// A candidate as `probe --json` has it, and what only a window knows.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    row: CandidateRow,
    link: LinkState,
    score_ms: Option<f64>,
    /// The last answers, newest last; `null` is a lost probe.
    recent_ms: Vec<Option<f64>>,
}

impl Row {
    fn of(state: &State, standing: &Standing) -> Self {
        let hundredth = |ms: f64| (ms * 100.0).round() / 100.0;
        Self {
            link: standing.state,
            score_ms: standing.score_ms.map(hundredth),
            recent_ms: standing.recent_ms.iter().map(|sample| sample.map(hundredth)).collect(),
            row: CandidateRow { answered: state.hops.of(standing.id), ..standing.clone().into() },
        }
    }
}

/// The same model, without the room and without anybody's name: people are numbered.
pub fn nameless(model: &Model) -> Model {
    let mut model = model.clone();
    (model.room, model.rooms, model.given_name) = Default::default();
    (model.offered, model.hosting, model.motion) = (None, Default::default(), false);
    model.settings.name.clear();
    if let Some(state) = &mut model.call {
        let state = std::sync::Arc::make_mut(state);
        state.own.name.clear();
        for (n, peer) in state.peers.iter_mut().enumerate() {
            peer.name = Some(member(n));
        }
    }
    model
}

/// What the others are called in an export, in the order in which they came.
fn member(n: usize) -> String {
    format!("Member {}", n + 2)
}

/// Everything that the panel shows, as one JSON object.
pub fn json(model: &Model) -> String {
    let state = model.call.as_deref();
    let value = json!({
        "schema_version": SCHEMA,
        "app": "nearcall",
        "app_version": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "exported_utc": utc(model.wall),
        "phase": state.map(|state| phase(state.phase)),
        "in_call_ms": state.and_then(|state| in_call_ms(model, state)),
        "rules": rules(state),
        "elected": state.and_then(elected),
        "active": state.and_then(|state| state.active.as_ref()),
        "standby": state.and_then(|state| state.standby.as_ref()),
        "wishes": state.map_or_else(Vec::new, |state| wishes(model, state)),
        "drills": model.drills.iter().map(|relay| drill(model, &relay.region, relay.state)).collect::<Vec<_>>(),
        "candidates": state.map_or_else(Vec::new, |state| {
            state.candidates.iter().map(|standing| Row::of(state, standing)).collect()
        }),
        "members": state.map_or_else(Vec::new, members),
        "relay_distances": state.map_or(&[][..], |state| &state.manifest.distances[..]),
        "next": state.map(|state| next(model, state)),
        "race": model.race,
        "timeline": model.timeline.iter().map(entry).collect::<Vec<_>>(),
    });
    let mut text =
        serde_json::to_string_pretty(&value).unwrap_or_else(|error| json!({ "error": error.to_string() }).to_string());
    text.push('\n');
    text
}

/// Everybody, ourselves first: where the call runs, how far every relay is, and what the delay of a voice is made of.
fn members(state: &State) -> Vec<Value> {
    let tenth = |ms: f64| (ms * 10.0).round() / 10.0;
    let told = |reach: Option<&Reach>| {
        let way = |way: &crate::call::reach::Way| {
            let rtt_ms = way.rtt_ms.map(tenth);
            json!({ "relay": way.relay, "region": way.region, "transport": way.transport, "rtt_ms": rtt_ms })
        };
        json!({
            "place": reach.and_then(|reach| reach.place.as_ref()),
            "rtt_ms": reach.and_then(Reach::rtt_ms).map(tenth),
            "ways": reach.map_or_else(Vec::new, |reach| reach.ways.iter().map(way).collect::<Vec<_>>()),
        })
    };
    let mut own = told(Some(&Reach::of(&state.candidates)));
    own["member"] = "You".into();
    let peer = |(n, peer): (usize, &crate::call::state::Peer)| {
        let mut value = told(state.reaches.get(&peer.id));
        value["member"] = member(n).into();
        value["mouth_to_ear"] = json!(peer.quality.mouth_to_ear);
        value["mouth_to_ear_ms"] = json!(peer.quality.mouth_to_ear.sum_ms());
        value
    };
    std::iter::once(own).chain(state.peers.iter().enumerate().map(peer)).collect()
}

/// What stands between the call and its next move for the better.
fn next(model: &Model, state: &State) -> Value {
    let outlook = &state.outlook;
    let until = |at: Option<std::time::Instant>| at.map(|at| ms(at.saturating_duration_since(model.now)));
    let rising = outlook.rising.and_then(|(id, checks)| Some((state.candidate(id)?, checks)));
    json!({
        "better": rising.map(|(row, _)| format!("{} {}", row.candidate.relay, row.candidate.transport)),
        "checks_in_a_row": rising.map_or(0, |(_, checks)| checks),
        "rests_ms": until(outlook.rests_until),
        "next_round_ms": until(outlook.next_round),
    })
}

/// What the election holds to, so that a reader can judge its decisions.
fn rules(state: Option<&State>) -> Value {
    let window = state.map(|state| state.race.ends.saturating_duration_since(state.race.started));
    json!({
        "race_window_ms": window.map(ms),
        "probe_interval_ms": ms(rules::PROBE_INTERVAL),
        "score": "mean + loss * (mean + 100 ms)",
        "webtransport_wins_within_ms": rules::NOTICEABLE_MS,
        "webtransport_wins_within_share": rules::TIE_SHARE,
        "improve_gain_ms": rules::NOTICEABLE_MS,
        "improve_gain_share": rules::GAIN_SHARE,
        "improve_checks_in_a_row": rules::CHECKS,
        "improve_dwell_ms": ms(rules::DWELL),
    })
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Lobby => "lobby",
        Phase::Joining => "joining",
        Phase::InCall { .. } => "in_call",
        Phase::Reconnecting { .. } => "reconnecting",
    }
}

fn in_call_ms(model: &Model, state: &State) -> Option<u64> {
    match state.phase {
        Phase::InCall { since } => Some(ms(model.now.saturating_duration_since(since))),
        _ => None,
    }
}

/// As in `probe --json`.
fn elected(state: &State) -> Option<Value> {
    let outcome = state.outcome.as_ref()?;
    let winner = state.candidate(outcome.elected)?;
    let row = CandidateRow::from(winner.clone());
    let second = outcome.runner_up.and_then(|id| state.candidate(id));
    Some(json!({
        "region": row.region,
        "provider": row.provider,
        "transport": row.transport,
        "mean_ms": row.mean_ms,
        "margin_ms": outcome.margin_ms.map(|margin| (margin * 100.0).round() / 100.0),
        "runner_up": second.map(|other| format!("{} {}", other.candidate.relay, other.candidate.transport)),
        "reason": outcome.reason,
    }))
}

fn wishes(model: &Model, state: &State) -> Vec<Value> {
    let wish = |wish: &crate::call::state::Wish| {
        let kind = match wish.what {
            Wished::Pin => "pin",
            Wished::Block => "block",
        };
        let ends_in = wish.until.map(|until| ms(until.saturating_duration_since(model.now)));
        json!({ "kind": kind, "name": wish.name, "ends_in_ms": ends_in })
    };
    state.wishes.iter().map(wish).collect()
}

fn drill(model: &Model, region: &str, state: DrillState) -> Value {
    let (state, until) = match state {
        DrillState::Running => ("running", None),
        DrillState::Dead { until } => ("dead", Some(until)),
        DrillState::Draining { until } => ("draining", Some(until)),
        DrillState::Slow { until } => ("slow", Some(until)),
    };
    let ends_in = until.map(|until| ms(until.saturating_duration_since(model.now)));
    json!({ "region": region, "state": state, "ends_in_ms": ends_in })
}

/// An entry of the timeline, named as in `call --events`.
fn entry(entry: &Entry) -> Value {
    let mut value = match &entry.what {
        What::Elected { region, transport, mean_ms, runner_up, margin_ms } => json!({
            "event": "elected", "region": region, "transport": transport, "mean_ms": mean_ms,
            "runner_up": runner_up, "margin_ms": margin_ms,
        }),
        What::Joined { region, since_join_ms } => {
            json!({ "event": "joined", "region": region, "since_join_ms": since_join_ms })
        }
        What::Moved(moved) => {
            let mut value = json!(moved);
            value["event"] = "moved".into();
            value
        }
        What::Kept { candidate, reason } => json!({ "event": "kept", "candidate": candidate, "reason": reason }),
        What::Suspect { region, on } => json!({ "event": "suspect", "region": region, "on": on }),
        What::Standby { region } => json!({ "event": "standby", "region": region }),
        What::Reconnecting => json!({ "event": "reconnecting" }),
        What::Reconnected { region } => json!({ "event": "reconnected", "region": region }),
        What::Refused { relay, message } => json!({ "event": "refused", "relay": relay, "message": message }),
        What::Drill(text) => json!({ "event": "drill", "text": text }),
    };
    value["at_utc"] = utc(entry.at).into();
    value
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
