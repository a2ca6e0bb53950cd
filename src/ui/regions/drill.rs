//! What a person asked for and is in force: wishes and drills, their countdowns, and the banner that says so.

use std::time::{Duration, Instant};

use eframe::egui::{Align, Align2, Color32, Layout, Rangef, Role, Sense, Ui, WidgetInfo, vec2};

use crate::call::state::{Phase, State, Wish, Wished};
use crate::election::Command;
use crate::ui::icons;
use crate::ui::model::{Action, Drill, DrillRelay, DrillState, Model, What};
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets;

use super::controls::{chip, note, write};
use super::words::{self, left, next_second};

/// The banner over the call.
pub(super) fn banner_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let wishes = model.call.as_deref().map_or(&[][..], |state| &state.wishes);
    let mut parts: Vec<String> =
        wishes.iter().filter(|wish| is_drill(wish)).map(|wish| wish_words(wish, model.now)).collect();
    parts.extend(model.drills.iter().filter_map(|relay| drilled(ui, model, relay)));
    if parts.is_empty() {
        return;
    }
    repaint_for(ui, model);
    widgets::drill_banner(ui, &format!("Drill: {}", parts.join(" · ")), |ui| {
        if widgets::secondary(ui, "Stop all").clicked() {
            stop_all(model, actions);
        }
    });
}

/// What is done to a relay of a demo now, and until when.
fn drilled(ui: &Ui, model: &Model, relay: &DrillRelay) -> Option<String> {
    let (word, _, _) = drill_words(relay.state, theme::palette(ui.ctx()));
    Some(format!("{} {word} – {}", relay.region, left(model.now, ends(relay.state)?)))
}

/// A pin for good is a choice and no drill.
fn is_drill(wish: &Wish) -> bool {
    wish.what == Wished::Block || wish.until.is_some()
}

fn stop_all(model: &Model, actions: &mut Vec<Action>) {
    if model.call.as_deref().is_some_and(|state| !state.wishes.is_empty()) {
        actions.push(Action::StopWishes);
    }
    let touched = model.drills.iter().filter(|relay| ends(relay.state).is_some());
    actions.extend(touched.map(|relay| Action::Drill(relay.region.clone(), Drill::Revive)));
}

/// Wakes the window when the next second of a countdown shows.
fn repaint_for(ui: &Ui, model: &Model) {
    let wishes = model.call.as_deref().map_or(&[][..], |state| &state.wishes);
    let wishes = wishes.iter().filter_map(|wish| wish.until);
    let drills = model.drills.iter().filter_map(|relay| ends(relay.state));
    if let Some(wait) = wishes.chain(drills).map(|until| next_second(model.now, until)).min() {
        ui.ctx().request_repaint_after(wait);
    }
}

/// The wishes in force, each with its end. Nothing where there is none.
pub(super) fn wishes_ui(ui: &mut Ui, model: &Model, wishes: &[Wish], actions: &mut Vec<Action>) {
    if wishes.is_empty() {
        return;
    }
    repaint_for(ui, model);
    let colours = theme::palette(ui.ctx());
    for wish in wishes {
        let (icon, colour, verb, command) = match wish.what {
            Wished::Pin => (icons::PIN_FILL, colours.accent_text, "Unpin", Command::Pin(None)),
            Wished::Block => (icons::BLOCK, colours.fair, "Unblock", Command::Unblock(wish.name.clone())),
        };
        line(ui, icon, colour, &wish_words(wish, model.now), |ui| {
            if chip(ui, "", verb, &format!("{verb} {} now", wish.name)).clicked() {
                actions.push(Action::Elect(command, None));
            }
        });
    }
}

fn wish_words(wish: &Wish, now: Instant) -> String {
    let what = match wish.what {
        Wished::Pin => "pinned",
        Wished::Block => "blocked",
    };
    match (wish.until, wish.what) {
        (Some(until), _) => format!("{} {what} – {}", wish.name, left(now, until)),
        (None, Wished::Pin) => format!("{} {what}", wish.name),
        (None, Wished::Block) => format!("{} {what} until stopped", wish.name),
    }
}

/// The wishes and drills in force, in words.
pub(super) fn in_force_ui(ui: &mut Ui, model: &Model, state: &State) {
    let wishes = state.wishes.iter().map(|wish| wish_words(wish, model.now));
    let drills = model.drills.iter().filter_map(|relay| drilled(ui, model, relay));
    let said: Vec<String> = wishes.chain(drills).collect();
    if !said.is_empty() {
        note(ui, format!("In force: {}", said.join(" · ")));
    }
}

/// How long a rehearsal keeps the call away from its relay.
const AWAY: [(&str, u64); 2] = [("30 s", 30), ("2 min", 120)];

/// A failure to rehearse, what it cost the last time, and in a demo what can be done to its relays.
pub(super) fn drills_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) {
    let in_call = matches!(state.phase, Phase::InCall { .. });
    if !in_call && model.drills.is_empty() {
        return;
    }
    repaint_for(ui, model);
    widgets::section(ui, "Drill");
    if in_call {
        rehearse_ui(ui, model, state, actions);
    }
    if !model.drills.is_empty() {
        note(ui, "Do something to a relay of this demo, and watch the call move. It ends by itself.");
        for relay in &model.drills {
            relay_ui(ui, model.now, relay, actions);
        }
    }
}

/// Only this computer keeps away from the relay: nobody else in the call is touched.
fn rehearse_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) {
    let Some(active) = &state.active else { return };
    note(
        ui,
        "Rehearse a failure: you keep away from the relay in use for a while, the others do not. It ends by itself.",
    );
    let region = &active.region;
    let colours = theme::palette(ui.ctx());
    line(ui, icons::DRILL, colours.fair, &format!("Leave {region} for"), |ui| {
        // From the right.
        for (span, seconds) in AWAY.into_iter().rev() {
            if chip(ui, "", span, &format!("Leave {region} for {span}")).clicked() {
                let lasts = Some(Duration::from_secs(seconds));
                actions.push(Action::Elect(Command::Block(active.relay.clone()), lasts));
            }
        }
    });
    if let Some(result) = result(model) {
        note(ui, result);
    }
}

/// What the last thing that a person did cost; `None` while it moved nothing.
fn result(model: &Model) -> Option<String> {
    let asked = model.timeline.iter().rposition(|entry| matches!(entry.what, What::Drill(_)))?;
    let moved = model.timeline[asked..].iter().find_map(|entry| match &entry.what {
        What::Moved(moved) => Some(moved),
        _ => None,
    })?;
    let gap = |ms: Option<u64>| ms.map_or_else(|| words::NOTHING.to_owned(), |ms| format!("{ms} ms"));
    Some(format!(
        "The last one: to {} – {} before, {} after, audio gap {}, video gap {}.",
        moved.to.region,
        words::ms(moved.rtt_before_ms),
        words::ms(moved.rtt_after_ms),
        gap(moved.audio_gap_ms),
        gap(moved.video_gap_ms)
    ))
}

fn relay_ui(ui: &mut Ui, now: Instant, relay: &DrillRelay, actions: &mut Vec<Action>) {
    let (word, icon, colour) = drill_words(relay.state, theme::palette(ui.ctx()));
    let region = &relay.region;
    let mut ask = |drill| actions.push(Action::Drill(region.clone(), drill));
    match ends(relay.state) {
        Some(until) => line(ui, icon, colour, &format!("{region} {word} – {}", left(now, until)), |ui| {
            if chip(ui, icons::PLAY, "Revive", &format!("Revive {region}")).clicked() {
                ask(Drill::Revive);
            }
        }),
        None => line(ui, icon, colour, region, |ui| {
            // From the right.
            let slow = chip(ui, "", "Slow down", &format!("Slow down {region}"));
            if slow.on_hover_text("150 ms more, and 5 % loss").clicked() {
                ask(Drill::Degrade);
            }
            let drain = chip(ui, "", "Drain", &format!("Drain {region}"));
            if drain.on_hover_text("It says that it goes away: the call moves without a gap").clicked() {
                ask(Drill::Drain);
            }
            let kill = chip(ui, "", "Kill", &format!("Kill {region}"));
            if kill.on_hover_text("It stops at once and says nothing: the call fails over").clicked() {
                ask(Drill::Kill);
            }
        }),
    }
}

/// Words at the left, buttons at the right (added from the right), on one centre line.
fn line(ui: &mut Ui, icon: &str, colour: Color32, text: &str, buttons: impl FnOnce(&mut Ui)) {
    let size = vec2(ui.available_width(), 32.0);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_height(size.y);
        ui.spacing_mut().item_spacing.x = 6.0;
        buttons(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width().max(0.0), size.y), Sense::hover());
        let y = rect.center().y;
        let mark = Rangef::new(rect.left(), rect.left() + 18.0);
        write(ui, mark, y, Align2::LEFT_CENTER, icon, icons::font(16.0), colour);
        let words = Rangef::new(rect.left() + 24.0, rect.right());
        let ink = theme::palette(ui.ctx()).text;
        write(ui, words, y, Align2::LEFT_CENTER, text, Type::Body.font(), ink);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    });
}

fn ends(state: DrillState) -> Option<Instant> {
    match state {
        DrillState::Running => None,
        DrillState::Dead { until } | DrillState::Draining { until } | DrillState::Slow { until } => Some(until),
    }
}

fn drill_words(state: DrillState, colours: &Palette) -> (&'static str, &'static str, Color32) {
    match state {
        DrillState::Running => ("running", icons::GOOD, colours.good),
        DrillState::Dead { .. } => ("dead", icons::DOWN, colours.down),
        DrillState::Draining { .. } => ("draining", icons::DRAIN, colours.fair),
        DrillState::Slow { .. } => ("slowed down", icons::FAIR, colours.fair),
    }
}
