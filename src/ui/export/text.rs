//! The panel as text in columns, for a message or a ticket.

use std::fmt::Write;

use super::{Model, utc};
use crate::call::state::State;
use crate::ui::regions::words::{self, figure};
use crate::ui::regions::{happened, states};

/// What the panel shows, aligned for a monospaced font, without a line longer than its longest words.
pub fn text(model: &Model) -> String {
    let mut lines = vec![format!("Nearcall {}, {}", env!("CARGO_PKG_VERSION"), utc(model.wall))];
    if let Some(state) = model.call.as_deref() {
        lines.extend(summary(state));
        lines.push(String::new());
        lines.extend(table(model, state));
    }
    if !model.timeline.is_empty() {
        lines.push(String::new());
        lines.extend(happened(model));
    }
    let mut text = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn summary(state: &State) -> Vec<String> {
    let place =
        |place: &crate::call::event::Place| format!("{} by {}", place.region, words::transport(place.transport));
    let mut lines = Vec::new();
    lines.extend(state.active.as_ref().map(|active| format!("In use:  {}", place(active))));
    lines.extend(state.outcome.as_ref().map(|outcome| format!("Why:     {}", words::plain(&outcome.reason))));
    lines.extend(state.standby.as_ref().map(|standby| format!("Standby: {}", place(standby))));
    lines
}

/// The rows, best first, each column as wide as its widest cell.
fn table(model: &Model, state: &State) -> Vec<String> {
    const HEADS: [&str; 10] = ["relay", "region", "transport", "mean", "min", "p95", "jitter", "loss", "n", "state"];
    /// The columns that hold words, at the left of their cell.
    const WORDS: [bool; 10] = [true, true, true, false, false, false, false, false, false, true];
    let mut candidates: Vec<_> = state.candidates.iter().zip(states(model, state)).collect();
    let rank = |ms: Option<f64>| words::known(ms).unwrap_or(f64::INFINITY);
    candidates.sort_by(|one, other| rank(one.0.score_ms).total_cmp(&rank(other.0.score_ms)));
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(candidates.into_iter().map(|(standing, word)| {
        let error = standing.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        [
            standing.candidate.relay.clone(),
            standing.candidate.region.clone(),
            words::transport(standing.candidate.transport).to_owned(),
            figure(standing.mean_ms),
            figure(standing.min_ms),
            figure(standing.p95_ms),
            figure(standing.jitter_ms),
            words::loss(standing.loss),
            format!("{}/{}", standing.received, standing.sent),
            format!("{word}{error}"),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 10] = std::array::from_fn(width);
    rows.iter().map(|row| aligned(row, &widths, &WORDS)).collect()
}

fn aligned(row: &[String], widths: &[usize], words: &[bool]) -> String {
    let mut line = String::new();
    for ((cell, width), left) in row.iter().zip(widths).zip(words) {
        // Writing to a string cannot fail.
        let _ = if *left { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
    }
    line
}
