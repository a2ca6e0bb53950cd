//! The tab of the program itself: its version, what it is made of, what helps whoever looks for a fault.

use eframe::egui::{Label, RichText, ScrollArea, Ui};

use super::{Memory, diagnostics, licences, paragraph};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// Of the list of licences, points.
const LIST: f32 = 260.0;

pub(super) fn about_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    widgets::section(ui, "This program");
    ui.label(theme::strong_text(diagnostics::version()));
    let about = "Video calls over the relay that answers you soonest. Sound and pictures are encrypted from end to end: \
                 relays pass them on and cannot read them.";
    ui.add(Label::new(about).wrap());
    ui.horizontal(|ui| {
        if widgets::secondary_icon(ui, icons::COPY, "Copy version").clicked() {
            actions.push(Action::Copy { text: diagnostics::system(), said: "Version copied" });
        }
        if widgets::secondary_icon(ui, icons::COPY, "Copy diagnostics").clicked() {
            actions.push(Action::Copy { text: diagnostics::text(model), said: "Diagnostics copied" });
        }
    });
    paragraph(ui, "Diagnostics hold figures and settings; no name, no room, no link and no address.");
    ui.add_space(space::S);
    widgets::section(ui, "Settings file");
    match &memory.file {
        Some(path) => {
            let path = path.display().to_string();
            ui.add(Label::new(RichText::new(&path).font(Type::Figures.font())).wrap().selectable(true));
            if widgets::secondary_icon(ui, icons::COPY, "Copy path").clicked() {
                actions.push(Action::Copy { text: path, said: "Path copied" });
            }
        }
        None => {
            ui.label("There is no folder to keep settings in: they last until you quit.");
        }
    }
    ui.add_space(space::S);
    widgets::section(ui, "What it is made of");
    licences_ui(ui, &mut memory.licences, actions);
}

fn licences_ui(ui: &mut Ui, open: &mut bool, actions: &mut Vec<Action>) {
    let fonts = licences::FONTS.len();
    let crates = licences::crates().count();
    ui.label(format!("{fonts} fonts and {crates} libraries, each under its own licence."));
    ui.horizontal(|ui| {
        let words = if *open { "Hide the list" } else { "Show the list" };
        if widgets::secondary_icon(ui, icons::INFO, words).clicked() {
            *open = !*open;
        }
        if widgets::secondary_icon(ui, icons::COPY, "Copy the list").clicked() {
            actions.push(Action::Copy { text: licences::text(), said: "List copied" });
        }
    });
    if !*open {
        return;
    }
    let lines: Vec<[&str; 3]> = licences::fonts().chain(licences::crates()).collect();
    let row = Type::Small.font().size + space::XS;
    ScrollArea::vertical().id_salt("licences").max_height(LIST).auto_shrink(false).show_rows(
        ui,
        row,
        lines.len(),
        |ui, rows| {
            for [name, version, licence] in lines.get(rows).unwrap_or_default() {
                let text = Type::Small.text(format!("{name} {version} · {licence}"));
                ui.add(Label::new(text).truncate().selectable(true));
            }
        },
    );
}
