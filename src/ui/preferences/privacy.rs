//! The tab of what others see and of what this computer remembers.

use eframe::egui::Ui;

use super::{Draft, paragraph, switch};
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
    widgets::section(ui, "Measurements on this computer");
    let keeps = "Which relay was elected, and why; never a room's name, a person's or a key.";
    switch(ui, model, actions, "Keep the last elections", keeps, |settings| &mut settings.history);
    if widgets::secondary_icon(ui, icons::TRASH, "Clear the measurements").clicked() {
        actions.push(Action::ClearHistory);
    }
}
