//! The regions: the race in the lobby, the one line beside Join, the panel in the call, and the banner while a drill runs.
//!
//! Screens call the `*_ui` functions with the [`Model`] of the moment; what the user asks for is pushed as an
//! [`Action`]. Nothing here decides anything: the figures and the reasons are the election's own.
//!
//! | module | owns |
//! | --- | --- |
//! | `group` | the candidates of one relay as one row |
//! | `order` | in which order the rows stand, and when that may change |
//! | `condition` | the state of a candidate in a word, a shape and a colour |
//! | `scale` | the one scale of all bars and sparklines |
//! | `chart` | painting a bar, a sparkline, an axis |
//! | `columns` | where the cells of a row stand in a given width |
//! | `list` | the rows, their accessible names, and what opens below a row |
//! | `race` | the header above the rows in the lobby |
//! | `line` | the words beside Join |
//! | `delay` | what each peer's delay is made of |
//! | `panel` | the drawer in the call |
//! | `places` | in use, fastest, pinned: three things |
//! | `matrix` | how far everybody is from every region, and relays from one another |
//! | `drill` | wishes, drills and the banner |
//! | `timeline` | what happened and what did not |
//! | `words` | figures, spans of time and reasons in words |

mod chart;
mod columns;
mod condition;
mod controls;
mod delay;
mod drill;
mod group;
mod line;
mod list;
mod matrix;
mod order;
mod panel;
mod places;
mod race;
mod scale;
mod timeline;
pub(super) mod words;

use eframe::egui::{Rect, Ui};

pub(super) use self::controls::chip;
pub use self::line::{JoinLine, line};
pub(super) use self::matrix::{Cell, members};
pub(super) use self::timeline::{start as call_start, time as call_time};
use super::model::{Action, Entry, Model};
use crate::call::state::State;

/// What the list of regions keeps from frame to frame. One for a window, for the lobby and the call together.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Relays from the top down.
    order: Vec<String>,
    /// The relay whose row is open.
    open: Option<String>,
    /// Where the rows lay in the last frame: they stay as they are while the pointer is over them.
    rows: Option<Rect>,
}

/// The race as the lobby shows it: how far it is, who leads and why, and a row for each relay. As wide as there is room
/// (340 points at least) and as high as it needs to be.
pub fn race_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    race::race_ui(ui, model, memory, actions);
}

/// The drawer in the call: where it runs and why, who stands by, the rows, drills, what happened, the export. Scrolls by
/// itself in the height that there is.
pub fn panel_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    panel::panel_ui(ui, model, memory, actions);
}

/// All that the panel shows, or the race before a call, without anything to press. For a picture of it.
pub(super) fn sheet_ui(ui: &mut Ui, model: &Model, memory: &mut Memory) {
    panel::sheet_ui(ui, model, memory);
}

/// A striped banner while a block, a pin that ends by itself or a drill is in force; nothing otherwise.
pub fn banner_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    drill::banner_ui(ui, model, actions);
}

/// The word of each candidate's state, in their order. For the export.
pub(super) fn states(model: &Model, state: &State) -> Vec<&'static str> {
    let racing = condition::racing(state, model.now);
    state.candidates.iter().map(|standing| condition::Condition::of(state, standing, racing).word()).collect()
}

/// The timeline in words, the oldest first. For the export.
pub(super) fn happened(model: &Model) -> Vec<String> {
    let zero = timeline::start(model);
    let line = |entry: &Entry| {
        let told = timeline::tell(&entry.what);
        let note = if told.note.is_empty() { String::new() } else { format!(" ({})", told.note) };
        format!("{:>8}  {}{note}", timeline::time(entry.at, zero), told.text)
    };
    model.timeline.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
