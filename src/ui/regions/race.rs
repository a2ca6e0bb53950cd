//! The race in the lobby: how long it goes on, who leads, who won and why; the rows below it.

use std::time::Duration;

use eframe::egui::{Align, CornerRadius, Layout, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use crate::call::state::{Phase, Relays, State};
use crate::election::Standing;
use crate::proto::Transport;
use crate::ui::icons;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type};

use super::condition::racing;
use super::controls::{chip, note, remark};
use super::group::groups;
use super::{Memory, list, words};

/// How often the countdown changes: it shows tenths of a second.
const TICK: Duration = Duration::from_millis(100);

pub(super) fn race_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        let Some(state) = model.call.as_deref() else {
            title(ui, None, actions);
            note(ui, "Starting…");
            return;
        };
        let running = racing(state, model.now);
        let again = state.relays == Relays::Known && state.phase == Phase::Lobby && !state.candidates.is_empty();
        title(ui, again.then_some(!running), actions);
        match &state.relays {
            Relays::Loading => drop(note(ui, "Reading the list of relays…")),
            Relays::Failed(why) => {
                let colours = theme::palette(ui.ctx());
                remark(
                    ui,
                    icons::DOWN,
                    colours.poor,
                    Type::Body.text("No list of relays could be read. It is tried again."),
                );
                note(ui, why.as_str());
            }
            Relays::None => {
                note(
                    ui,
                    "No relays yet. Paste an invite link, add a list of relays in the settings, or host the call here.",
                );
            }
            Relays::Known if state.candidates.is_empty() => drop(note(ui, "The list names no relay.")),
            Relays::Known => {
                header_ui(ui, model, state, running);
                ui.add_space(2.0);
                list::list_ui(ui, model, state, memory, actions);
            }
        }
    });
}

/// `again`: whether all may be measured once more now; `None` where there is nothing to measure.
fn title(ui: &mut Ui, again: Option<bool>, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.set_min_height(30.0);
        let heading = ui.label(Type::Heading.text("Relays"));
        ui.ctx().accesskit_node_builder(heading.id, |node| node.set_role(Role::Heading));
        if let Some(enabled) = again {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add_enabled_ui(enabled, |ui| {
                    if chip(ui, icons::REFRESH, "Measure again", "Measure again").clicked() {
                        actions.push(Action::RaceAgain);
                    }
                });
            });
        }
    });
}

fn header_ui(ui: &mut Ui, model: &Model, state: &State, running: bool) {
    let colours = theme::palette(ui.ctx());
    if running {
        let left = state.race.ends.saturating_duration_since(model.now);
        ui.ctx().request_repaint_after(TICK);
        progress(ui, state, left);
    }
    match state.leader() {
        Some(leader) => {
            let verb = if running { "leads" } else { "won" };
            let text = format!("{} {verb} – {}", leader.candidate.region, words::ms(leader.mean_ms));
            remark(ui, icons::TROPHY_FILL, colours.fair, Type::Strong.text(text));
            if !running {
                note(ui, why(state, leader));
            }
        }
        None if running => drop(remark(ui, icons::PULSE, colours.weak, Type::Body.text("Nobody leads yet."))),
        None => {
            remark(ui, icons::DOWN, colours.poor, Type::Strong.text("No relay answers."));
            note(
                ui,
                "Check the network: UDP and TCP to the relays' ports may be blocked. It is tried again by itself.",
            );
        }
    }
    if !running && udp_blocked(&state.candidates) {
        let text = "No relay answers over QUIC: UDP seems to be blocked here. Calls go over TCP.";
        remark(ui, icons::WARNING_FILL, colours.fair, Type::Small.text(text));
    }
}

/// Why the winner won: the election's words, and the way it answers by.
fn why(state: &State, leader: &Standing) -> String {
    let by = words::transport(leader.candidate.transport);
    match &state.outcome {
        Some(outcome) if outcome.elected == leader.id => format!("By {by}: {}.", words::plain(&outcome.reason)),
        _ => format!("By {by}."),
    }
}

/// Whether relays answer by WebSocket alone.
fn udp_blocked(candidates: &[Standing]) -> bool {
    let answers = |wanted| {
        candidates
            .iter()
            .any(|standing| standing.candidate.transport == wanted && words::known(standing.mean_ms).is_some())
    };
    let tried = candidates
        .iter()
        .any(|s| s.candidate.transport == Transport::WebTransport && (s.sent > 0 || s.error.is_some()));
    tried && answers(Transport::WebSocket) && !answers(Transport::WebTransport)
}

/// How much of the window is left.
fn progress(ui: &mut Ui, state: &State, left: Duration) {
    let colours = theme::palette(ui.ctx());
    let window = state.race.ends.saturating_duration_since(state.race.started).max(TICK);
    let share = 1.0 - (left.as_secs_f32() / window.as_secs_f32()).clamp(0.0, 1.0);
    let tenths = left.as_millis().div_ceil(100);
    let relays = groups(state).len();
    let what = if relays == 1 { "Measuring 1 relay".to_owned() } else { format!("Measuring {relays} relays") };
    let count = format!("{}.{} s left", tenths / 10, tenths % 10);
    ui.horizontal(|ui| {
        ui.label(Type::Body.text(&what));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(Type::Figures.text(&count).color(colours.weak))
        });
    });
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
    let corner = CornerRadius::same(2);
    ui.painter().rect_filled(rect, corner, colours.line);
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
    ui.painter().rect_filled(done, corner, colours.accent_text);
    response.widget_info(|| WidgetInfo {
        value: Some(f64::from((share * 100.0).round())),
        ..WidgetInfo::labeled(Role::ProgressIndicator, true, format!("{what}, {count}"))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn udp_seems_blocked_only_where_websocket_answers_and_webtransport_was_tried() {
        let model = fixtures::lobby(Duration::from_secs(5));
        let mut candidates = model.call.as_deref().unwrap().candidates.clone();
        assert!(!udp_blocked(&candidates));
        for standing in candidates.iter_mut().filter(|s| s.candidate.transport == Transport::WebTransport) {
            (standing.mean_ms, standing.received) = (None, 0);
        }
        assert!(udp_blocked(&candidates));
        candidates.retain(|standing| standing.candidate.transport == Transport::WebSocket);
        assert!(!udp_blocked(&candidates), "the list names no WebTransport");
        assert!(!udp_blocked(&[]));
    }
}
