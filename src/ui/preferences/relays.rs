//! The lists of relays: which there are, one more, one less.

use eframe::egui::{Align, Key, Label, Layout, Ui, vec2};

use super::change;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// Draws the lists; `typed` is the one that may be added.
pub(super) fn relays_ui(ui: &mut Ui, model: &Model, typed: &mut String, actions: &mut Vec<Action>) {
    ui.label("Files or https:// addresses that list relays. All of them are measured, and the call takes the nearest.");
    ui.add_space(space::XS);
    let lists = &model.settings.manifests;
    if lists.is_empty() {
        ui.label(theme::note(ui.ctx(), "No list yet. An invite link may name relays too."));
    }
    for (index, list) in lists.iter().enumerate() {
        ui.push_id(index, |ui| {
            if list_ui(ui, list) {
                change(model, actions, |settings| {
                    settings.manifests.remove(index);
                });
            }
        });
        widgets::divider(ui);
    }
    ui.add_space(space::XS);
    add_ui(ui, model, typed, actions);
}

/// A row; `true` when it is to be removed.
fn list_ui(ui: &mut Ui, list: &str) -> bool {
    ui.horizontal(|ui| {
        ui.set_min_height(theme::CONTROL);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let remove = widgets::icon_button(ui, icons::TRASH, &format!("Remove {list}")).clicked();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(Type::Body.text(list)).truncate());
            });
            remove
        })
        .inner
    })
    .inner
}

fn add_ui(ui: &mut Ui, model: &Model, typed: &mut String, actions: &mut Vec<Action>) {
    let mut add = false;
    let wanted = typed.trim().to_owned();
    let reason = refused(&wanted, &model.settings.manifests);
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 88.0 - space::S).max(120.0);
        ui.allocate_ui(vec2(width, 0.0), |ui| {
            let field = widgets::field(ui, "Another list", "https://calls.example.org/regions.json", typed);
            add = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        });
        ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
            let enabled = !wanted.is_empty() && reason.is_none();
            add |= ui.add_enabled_ui(enabled, |ui| widgets::secondary_icon(ui, icons::PLUS, "Add")).inner.clicked();
        });
    });
    if let Some(reason) = reason {
        let colours = theme::palette(ui.ctx());
        widgets::label_icon(ui, icons::WARNING, reason, colours.danger_text);
    }
    if add && !wanted.is_empty() && reason.is_none() {
        change(model, actions, |settings| settings.manifests.push(wanted));
        typed.clear();
    }
}

/// Why a list is not taken.
fn refused(wanted: &str, lists: &[String]) -> Option<&'static str> {
    if lists.iter().any(|list| list == wanted) {
        Some("This list is there already.")
    } else if wanted.starts_with("http://") {
        Some("An address must begin with https://.")
    } else {
        None
    }
}
