//! What a person asked for and is in force: wishes and drills, their countdowns, and the banner that says so.

use std::time::Instant;

use eframe::egui::{Align, Align2, Color32, Layout, Rangef, Role, Sense, Ui, WidgetInfo, vec2};

use crate::call::state::{Wish, Wished};
use crate::election::Command;
use crate::ui::icons;
use crate::ui::model::{Action, Drill, DrillRelay, DrillState, Model};
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets;

use super::controls::{chip, note, write};
use super::words::{left, next_second};

/// The banner over the call.
pub(super) fn banner_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let wishes = model.call.as_deref().map_or(&[][..], |state| &state.wishes);
    let mut parts: Vec<String> =
        wishes.iter().filter(|wish| is_drill(wish)).map(|wish| wish_words(wish, model.now)).collect();
    parts.extend(model.drills.iter().filter_map(|relay| {
        let (word, _, _) = drill_words(relay.state, theme::palette(ui.ctx()));
        Some(format!("{} {word} – {}", relay.region, left(model.now, ends(relay.state)?)))
    }));
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

/// What can be done to the relays of a demo.
pub(super) fn drills_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    if model.drills.is_empty() {
        return;
    }
    repaint_for(ui, model);
    widgets::section(ui, "Drill");
    note(ui, "Do something to a relay of this demo, and watch the call move. It ends by itself.");
    for relay in &model.drills {
        relay_ui(ui, model.now, relay, actions);
    }
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
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), size.y), Sense::hover());
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
