//! The tab of the window's look: colours, size, motion.

use eframe::egui::Ui;

use super::{change, row, zoomed};
use crate::settings::{Look, Motion};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, space};
use crate::ui::{icons, widgets};

pub(super) fn look_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    widgets::section(ui, "Colours");
    let mut look = Look::ALL.iter().position(|look| *look == model.settings.look).unwrap_or(0);
    let names = Look::ALL.map(|look| look.to_string());
    if widgets::segmented(ui, "Colours", &names.each_ref().map(String::as_str), &mut look).changed() {
        change(model, actions, |settings| settings.look = Look::ALL[look]);
    }
    ui.label(theme::note(
        ui.ctx(),
        "System: dark, light or with more contrast, as your desktop is, and when it changes.",
    ));
    ui.add_space(space::S);
    widgets::section(ui, "Size");
    ui.horizontal(|ui| zoom_ui(ui, model, actions));
    ui.label(theme::note(ui.ctx(), "The keys for it are Ctrl with +, - and 0, unless you gave it others."));
    ui.add_space(space::S);
    widgets::section(ui, "Motion");
    row(ui, "Let things move", "", |ui| {
        let mut chosen = Motion::ALL.iter().position(|motion| *motion == model.settings.motion).unwrap_or(0);
        if widgets::segmented(ui, "Let things move", &["System", "Yes", "No"], &mut chosen).changed() {
            change(model, actions, |settings| settings.motion = Motion::ALL[chosen]);
        }
    });
    let now = if model.motion { "Things move now." } else { "Nothing moves now that could as well jump." };
    ui.label(theme::note(ui.ctx(), now));
}

fn zoom_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let zoom = model.settings.zoom;
    if widgets::icon_button(ui, icons::MINUS, "Smaller").clicked() {
        actions.extend(zoomed(model, -1.0));
    }
    ui.label(theme::figure(format!("{:.0} %", zoom * 100.0)));
    if widgets::icon_button(ui, icons::PLUS, "Larger").clicked() {
        actions.extend(zoomed(model, 1.0));
    }
    if (zoom - 1.0).abs() > 0.01 && widgets::quiet(ui, "100 %").clicked() {
        actions.extend(zoomed(model, 0.0));
    }
}
