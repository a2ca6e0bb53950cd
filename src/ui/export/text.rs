//! The panel as text in columns, for a message or a ticket.

use std::fmt::Write;

use super::{Model, member, utc};
use crate::call::state::State;
use crate::ui::regions::words::{self, figure};
use crate::ui::regions::{Cell, happened, members, states};

/// What the panel shows, aligned for a monospaced font, without a line longer than its longest words.
pub fn text(model: &Model) -> String {
    let mut lines = vec![format!("Nearcall {}, {}", env!("CARGO_PKG_VERSION"), utc(model.wall))];
    if let Some(state) = model.call.as_deref() {
        lines.extend(summary(state));
        lines.push(String::new());
        lines.extend(table(model, state));
        if !state.peers.is_empty() {
            lines.push(String::new());
            lines.extend(everybody(state));
        }
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

/// Everybody and every region, the farthest last.
fn everybody(state: &State) -> Vec<String> {
    let members = members(state, &[]);
    let ms = |ms: f64| format!("{ms:.0}");
    let cell = |cell: &Cell| match cell {
        Cell::Unknown => words::NOTHING.to_owned(),
        Cell::NoAnswer => "no answer".to_owned(),
        Cell::Ms(figure) => ms(*figure),
    };
    let mut rows = vec![[&["ms to".to_owned(), "in use".to_owned()][..], &members.regions[..]].concat()];
    for (n, row) in members.rows.iter().enumerate() {
        let name = if n == 0 { row.name.clone() } else { member(n - 1) };
        let place = row.place.as_ref().map_or(words::NOTHING.to_owned(), |(place, _)| {
            format!("{} by {}", place.region, words::transport(place.transport))
        });
        rows.push([name, place].into_iter().chain(row.cells.iter().map(cell)).collect());
    }
    let farthest = members.farthest.iter().map(|far| far.map_or(words::NOTHING.to_owned(), ms));
    rows.push(["farthest".to_owned(), String::new()].into_iter().chain(farthest).collect());
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let words: Vec<bool> = (0..columns).map(|column| column < 2).collect();
    rows.iter().map(|row| aligned(row, &widths, &words)).collect()
}

fn aligned(row: &[String], widths: &[usize], words: &[bool]) -> String {
    let mut line = String::new();
    for ((cell, width), left) in row.iter().zip(widths).zip(words) {
        // Writing to a string cannot fail.
        let _ = if *left { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
    }
    line
}
