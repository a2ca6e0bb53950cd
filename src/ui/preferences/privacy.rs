//! The tab of what others see and of what this computer remembers.

use eframe::egui::Ui;

use super::{Draft, paragraph, switch, switch_of};
use crate::ui::model::{Action, Model};
use crate::ui::theme::space;
use crate::ui::{icons, widgets};

pub(super) fn privacy_ui(ui: &mut Ui, model: &Model, name: &mut Draft, actions: &mut Vec<Action>) {
    widgets::section(ui, "What others see");
    name.follow(model.name());
    let left = widgets::field(ui, "Your name", "Guest", &mut name.text).lost_focus();
    if left && let Some(name) = name.take() {
        actions.push(Action::Name(name));
    }
    paragraph(ui, "It is sealed with the call's key: relays do not see it.");
    ui.add_space(space::S);
    rooms_ui(ui, model, actions);
    ui.add_space(space::S);
    widgets::section(ui, "Measurements on this computer");
    let keeps = "Which relay was elected, and why; never a room's name, a person's or a key.";
    switch(ui, model, actions, "Keep the last elections", keeps, |settings| &mut settings.history);
    if widgets::secondary_icon(ui, icons::TRASH, "Clear the measurements").clicked() {
        actions.push(Action::ClearHistory);
    }
}

/// The rooms that were joined before: they are no settings, for they hold secrets.
fn rooms_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    widgets::section(ui, "Recent rooms");
    let mut remember = model.rooms.remember;
    let note =
        "The lobby offers them again. They are kept on this computer alone: whoever uses your account can join them.";
    if switch_of(ui, &mut remember, "Remember the rooms that I join", note) {
        actions.push(Action::RememberRooms(remember));
    }
    ui.add_enabled_ui(!model.rooms.rooms.is_empty(), |ui| {
        if widgets::secondary_icon(ui, icons::TRASH, "Forget the recent rooms").clicked() {
            actions.push(Action::Forget(None));
        }
    });
}
