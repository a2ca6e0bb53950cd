//! The drawer in the call: where it runs and why, who stands by, the rows, what can be done, what happened.

use eframe::egui::{Align, Layout, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, accesskit, vec2};

use crate::call::state::{Phase, State};
use crate::election::{LinkState, Standing, rules};
use crate::ui::model::{Action, Entry, Format, Model, What};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, quality};
use crate::ui::{export, icons};

use super::controls::{chip, fitted, note, remark};
use super::scale::Scale;
use super::{Memory, chart, delay, drill, list, matrix, places, timeline, words};

pub(super) fn panel_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    ScrollArea::vertical().id_salt("regions").auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        let Some(state) = model.call.as_deref() else {
            note(ui, "Starting…");
            return;
        };
        in_use_ui(ui, model, state);
        ui.add_space(2.0);
        drill::wishes_ui(ui, model, &state.wishes, actions);
        relays_ui(ui, model, state, memory, actions);
        matrix::members_ui(ui, state, &memory.order);
        delay::delays_ui(ui, state);
        matrix::relays_ui(ui, state);
        drill::drills_ui(ui, model, state, actions);
        timeline::timeline_ui(ui, model);
        export_ui(ui, model, actions);
    });
}

/// All that the panel shows, without anything to press, as high as it needs to be: for a picture of it.
pub(super) fn sheet_ui(ui: &mut Ui, model: &Model, memory: &mut Memory) {
    let Some(state) = model.call.as_deref() else {
        note(ui, "Nothing is known yet.");
        return;
    };
    ui.spacing_mut().item_spacing.y = 6.0;
    if matches!(state.phase, Phase::Lobby | Phase::Joining) {
        super::race::race_ui(ui, model, memory, &mut Vec::new());
    } else {
        in_use_ui(ui, model, state);
        ui.add_space(2.0);
        drill::in_force_ui(ui, model, state);
        widgets::section(ui, "Relays");
        list::list_ui(ui, model, state, memory, &mut Vec::new());
    }
    matrix::members_ui(ui, state, &memory.order);
    delay::delays_ui(ui, state);
    matrix::relays_ui(ui, state);
    if !model.timeline.is_empty() {
        timeline::timeline_ui(ui, model);
    }
}

fn relays_ui(ui: &mut Ui, model: &Model, state: &State, memory: &mut Memory, actions: &mut Vec<Action>) {
    widgets::section(ui, "Relays");
    if state.candidates.is_empty() {
        note(ui, "No relay is known.");
    } else {
        list::list_ui(ui, model, state, memory, actions);
        note(ui, "Select a row to pin, to block, or to move there.");
    }
}

/// Where the call runs, how well, since when, why, and who would take over.
fn in_use_ui(ui: &mut Ui, model: &Model, state: &State) {
    let active = state.candidates.iter().find(|standing| standing.state == LinkState::Active);
    let Some(active) = active else {
        let (text, more) = match state.phase {
            Phase::Lobby => ("Not in a call", ""),
            Phase::Joining => ("Joining…", "The relay that leads the race is asked to take us in."),
            Phase::InCall { .. } => ("Moving…", ""),
            Phase::Reconnecting { .. } => {
                ("Reconnecting…", "Every link is lost. All relays are tried until one answers; nothing has to be done.")
            }
        };
        ui.label(Type::Heading.text(text));
        if !more.is_empty() {
            note(ui, more);
        }
        places::places_ui(ui, model, state);
        return;
    };
    headline_ui(ui, active);
    figures_ui(ui, model, state, active);
    ui.add_space(2.0);
    places::places_ui(ui, model, state);
    ui.add_space(2.0);
    graph_ui(ui, active);
    why_ui(ui, model, state);
    next_ui(ui, model, state, active);
}

/// The region in large, its quality in a word.
fn headline_ui(ui: &mut Ui, active: &Standing) {
    let colours = theme::palette(ui.ctx());
    let quality = quality(active.mean_ms, active.jitter_ms, active.loss);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            widgets::badge(ui, quality.icon(), quality.word(), quality.colour(colours));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let region = active.candidate.region.as_str();
                let galley = fitted(ui, region, Type::Title.font(), ui.available_width());
                let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::hover());
                ui.painter().galley(rect.min, galley, colours.text);
                let said = format!("In use: {region}");
                response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &said));
                ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
            });
        });
    });
}

/// `aws · WebTransport · 40 ms ± 1.3 · no loss · for 12:41`.
fn figures_ui(ui: &mut Ui, model: &Model, state: &State, active: &Standing) {
    let mut parts = vec![active.candidate.provider.clone(), words::transport(active.candidate.transport).to_owned()];
    let jitter = words::known(active.jitter_ms).map(|jitter| format!(" ± {jitter:.1}")).unwrap_or_default();
    parts.push(format!("{}{jitter}", words::ms(active.mean_ms)));
    parts.push(words::loss_words(active.loss));
    parts.retain(|part| !part.is_empty());
    if let Some(since) = here_since(model, state) {
        parts.push(format!("for {}", words::span(since)));
        let begun = model.now.checked_sub(since).unwrap_or(model.now);
        ui.ctx().request_repaint_after(words::next_second(model.now, begun));
    }
    // A line ends between two figures, never within one.
    let parts: Vec<String> = parts.iter().map(|part| part.replace(' ', "\u{a0}")).collect();
    ui.add(eframe::egui::Label::new(Type::Figures.text(parts.join("\u{a0}\u{a0}·  "))).wrap());
}

/// How long the call has run where it runs.
fn here_since(model: &Model, state: &State) -> Option<std::time::Duration> {
    let arrival = model.timeline.iter().rev().find(|entry| arrived(entry));
    let by_entry = arrival.and_then(|entry| model.wall.duration_since(entry.at).ok());
    let by_call = match state.phase {
        Phase::InCall { since } => Some(model.now.saturating_duration_since(since)),
        _ => None,
    };
    by_entry.or(by_call)
}

fn arrived(entry: &Entry) -> bool {
    matches!(entry.what, What::Moved(_) | What::Joined { .. } | What::Reconnected { .. })
}

/// The last answers of the link in use, large, on a scale of its own.
fn graph_ui(ui: &mut Ui, active: &Standing) {
    let colours = theme::palette(ui.ctx());
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::hover());
    let most = active.recent_ms.iter().copied().flatten().fold(1.0, f64::max);
    let scale = Scale::to(most);
    let plot = Rect::from_min_max(rect.min + vec2(0.0, 6.0), rect.max - vec2(34.0, 6.0));
    let figure = eframe::egui::FontId::new(11.0, theme::figures());
    for (share, ms) in [(0.0, scale.end_ms), (0.5, scale.end_ms / 2.0), (1.0, 0.0)] {
        let y = plot.top() + plot.height() * share;
        ui.painter().hline(plot.x_range(), y, eframe::egui::Stroke::new(1.0, colours.line));
        let at = eframe::egui::pos2(rect.right(), y);
        ui.painter().text(at, eframe::egui::Align2::RIGHT_CENTER, format!("{ms:.0}"), figure.clone(), colours.weak);
    }
    chart::sparkline(ui, plot, &active.recent_ms, 60, scale, colours.in_use);
    let lost = active.recent_ms.iter().filter(|sample| sample.is_none()).count();
    let said = format!("Round trips of the last {} probes, {lost} lost", active.recent_ms.len());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
}

/// Why here, what would change it, and who stands by.
fn why_ui(ui: &mut Ui, model: &Model, state: &State) {
    let colours = theme::palette(ui.ctx());
    let why = state.outcome.as_ref().map(|outcome| words::plain(&outcome.reason));
    let last = model.timeline.iter().rev().find_map(|entry| match &entry.what {
        What::Moved(moved) => Some(format!("moved here: {}", words::reason(moved.reason))),
        What::Elected { .. } => Some("won the race".to_owned()),
        _ => None,
    });
    let text = [last, why].into_iter().flatten().collect::<Vec<_>>().join("; now ");
    if !text.is_empty() {
        remark(ui, icons::INFO, colours.weak, Type::Small.text(format!("Why: {text}.")));
    }
    let standby = state.candidates.iter().find(|standing| standing.state == LinkState::Standby);
    let text = match standby {
        Some(next) => format!(
            "Standby: {} by {}, {} – takes over at once.",
            next.candidate.region,
            words::transport(next.candidate.transport),
            words::ms(next.mean_ms)
        ),
        None => "No standby: if this relay fails, the call has to reconnect.".to_owned(),
    };
    remark(ui, icons::SHIELD, colours.weak, Type::Small.text(text));
}

/// What would move the call, and when that is looked at next.
fn next_ui(ui: &mut Ui, model: &Model, state: &State, active: &Standing) {
    let colours = theme::palette(ui.ctx());
    let text = next(model, state, active);
    let waits = [state.outlook.rests_until, state.outlook.next_round].into_iter().flatten();
    if let Some(wait) = waits.map(|until| words::next_second(model.now, until)).min() {
        ui.ctx().request_repaint_after(wait);
    }
    if !text.is_empty() {
        remark(ui, icons::TIMER, colours.weak, Type::Small.text(format!("Next: {text}")));
    }
}

/// In words, one sentence after the other.
fn next(model: &Model, state: &State, active: &Standing) -> String {
    let mut said = Vec::new();
    let outlook = &state.outlook;
    let rising = outlook.rising.and_then(|(id, checks)| Some((state.candidate(id)?, checks)));
    if let Some((rising, checks)) = rising.filter(|(rising, _)| rising.id != active.id) {
        said.push(format!(
            "{} by {} was better in {} of {} checks in a row.",
            rising.candidate.region,
            words::transport(rising.candidate.transport),
            checks.min(rules::CHECKS),
            rules::CHECKS
        ));
    } else if let Some(mean) = words::known(active.mean_ms) {
        let (gain, checks) = (rules::gain_ms(mean), rules::CHECKS);
        said.push(format!(
            "stays unless another relay is {gain:.0} ms better in {checks} checks in a row, one a second."
        ));
    }
    if let Some(until) = outlook.rests_until.filter(|until| *until > model.now) {
        said.push(format!("The last move was recent: none for the better for {}.", words::left(model.now, until)));
    }
    if let Some(at) = outlook.next_round.filter(|at| *at > model.now) {
        said.push(format!("A relay that is not connected is measured in {}.", words::left(model.now, at)));
    }
    said.join(" ")
}

fn export_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    widgets::section(ui, "Export");
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        if chip(ui, icons::EXPORT, "JSON", "Export JSON").clicked() {
            actions.push(Action::Export(Format::Json));
        }
        if chip(ui, icons::EXPORT, "CSV", "Export CSV").clicked() {
            actions.push(Action::Export(Format::Csv));
        }
        if chip(ui, icons::EXPORT, "PNG", "Export PNG").clicked() {
            actions.push(Action::Export(Format::Png));
        }
        if chip(ui, icons::COPY, "Copy as text", "Copy as text").clicked() {
            actions.push(Action::Copy { text: export::text(model), said: "Figures copied" });
        }
    });
    note(ui, "Figures and decisions only: no names, no room, no keys.");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::election::Outlook;
    use crate::ui::fixtures;

    #[test]
    fn what_comes_next_is_who_is_better_what_holds_it_back_and_when_others_are_measured() {
        let mut model = fixtures::call(2);
        let said = |model: &Model| {
            let state = model.call.as_deref().unwrap();
            next(model, state, &state.candidates[0])
        };
        assert!(
            said(&model).starts_with("stays unless another relay is 10 ms better in 3 checks in a row, one a second.")
        );
        let now = model.now;
        fixtures::change(&mut model, |state, _| {
            state.outlook = Outlook {
                rising: Some((state.candidates[2].id, 2)),
                rests_until: Some(now + Duration::from_secs(18)),
                next_round: Some(now + Duration::from_secs(100)),
            };
        });
        let expected = "tokyo by WebTransport was better in 2 of 3 checks in a row. The last move was recent: none for \
                        the better for 0:18. A relay that is not connected is measured in 1:40.";
        assert_eq!(said(&model), expected);
        model.now += Duration::from_secs(101);
        assert!(said(&model).ends_with("in a row."), "what is over is not told");
    }
}
