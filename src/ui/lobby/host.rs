//! A relay on this machine: for who has none.

use eframe::egui::{Label, Ui};

use crate::ui::model::{Action, Hosting, Model};
use crate::ui::theme::{self, Type};
use crate::ui::{icons, widgets};

/// Draws the card from which a call is hosted here.
pub(super) fn host_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    widgets::card(ui, |ui| match &model.hosting {
        Hosting::No => start_ui(ui, actions, "Host a call here"),
        Hosting::Starting => {
            ui.add_enabled_ui(false, |ui| widgets::secondary_icon(ui, icons::SPINNER, "Starting…"));
        }
        Hosting::Failed(why) => {
            let colour = theme::palette(ui.ctx()).danger_text;
            ui.add(Label::new(Type::Body.text(format!("Hosting did not start: {why}")).color(colour)).wrap());
            start_ui(ui, actions, "Try again");
        }
        Hosting::Yes { invite, reach } => running_ui(ui, invite, reach, actions),
    });
}

fn start_ui(ui: &mut Ui, actions: &mut Vec<Action>, words: &str) {
    if widgets::secondary_icon(ui, icons::HOST, words).clicked() {
        actions.push(Action::Host);
    }
    ui.label(theme::note(ui.ctx(), "No relay at hand? This computer carries the call."));
}

fn running_ui(ui: &mut Ui, invite: &str, reach: &str, actions: &mut Vec<Action>) {
    let colours = theme::palette(ui.ctx());
    widgets::label_icon(ui, icons::BROADCAST, "You are hosting", colours.good);
    ui.add(Label::new(Type::Figures.text(invite)).truncate());
    ui.label(theme::note(ui.ctx(), reach));
    ui.horizontal_wrapped(|ui| {
        if widgets::primary_icon(ui, icons::COPY, "Copy invite").clicked() {
            actions.push(Action::Copy { text: invite.to_owned(), said: "Invite copied" });
        }
        if widgets::secondary(ui, "Stop hosting").clicked() {
            actions.push(Action::StopHosting);
        }
    });
}
