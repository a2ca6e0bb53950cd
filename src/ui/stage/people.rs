//! Everybody in the room, oneself first, with how they are.

use eframe::egui::{Align, Label, Layout, Sense, Ui, vec2};

use super::{face, volume};
use crate::call::state::{Peer, State};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// The room of the button with which others are made louder: one's own row has none, points.
const VOLUME: f32 = 32.0;

/// Draws the list, and the invite for those who are missing.
pub(super) fn people_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) {
    if let Some(invite) = &model.room.invite
        && widgets::secondary_icon(ui, icons::COPY, "Copy invite").clicked()
    {
        actions.push(Action::Copy { text: invite.clone(), said: "Invite copied" });
    }
    let own = &state.own;
    let name = if own.name.trim().is_empty() { "Guest" } else { own.name.trim() };
    row(ui, name, &format!("{name} (you)"), own.muted, own.camera, "", |ui| ui.add_space(VOLUME));
    for peer in &state.peers {
        let name = peer.name.as_deref().unwrap_or("?");
        let more = |ui: &mut Ui| volume::button_ui(ui, peer, actions);
        row(ui, name, peer.label(), peer.muted, peer.camera, note(peer), more);
    }
}

/// What else is to be known of somebody.
fn note(peer: &Peer) -> &'static str {
    if peer.name.is_none() {
        "compare your invites"
    } else if peer.reconnecting {
        "reconnecting…"
    } else if volume::is_silent(peer) {
        "muted for you"
    } else if peer.speaking {
        "speaking"
    } else {
        ""
    }
}

/// `more` is what else can be done, at the right.
fn row(ui: &mut Ui, name: &str, label: &str, muted: bool, camera: bool, note: &str, more: impl FnOnce(&mut Ui)) {
    let colours = theme::palette(ui.ctx());
    ui.horizontal(|ui| {
        ui.set_min_height(44.0);
        ui.spacing_mut().item_spacing.x = space::S;
        let (place, _) = ui.allocate_exact_size(vec2(32.0, 44.0), Sense::hover());
        face::disc(ui.painter(), colours, place.center(), 16.0, name);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            more(ui);
            let state = |ui: &mut Ui, on: bool, icons: [&str; 2], words: [&str; 2]| {
                let (icon, word) = if on { (icons[0], words[0]) } else { (icons[1], words[1]) };
                let colour = if on { colours.weak } else { colours.danger_text };
                let mark = ui.label(icons::text(icon, 18.0).color(colour));
                ui.ctx().accesskit_node_builder(mark.id, |node| {
                    node.set_label(format!("{label}: {word}"));
                    node.set_value(format!("{label}: {word}"));
                });
                mark.on_hover_text(word);
            };
            state(ui, camera, [icons::CAMERA, icons::CAMERA_OFF], ["camera on", "camera off"]);
            state(ui, !muted, [icons::MIC, icons::MIC_OFF], ["microphone on", "muted"]);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.add_space(if note.is_empty() { 12.0 } else { 4.0 });
                    ui.add(Label::new(Type::Body.text(label)).truncate());
                    if !note.is_empty() {
                        ui.add(Label::new(theme::note(ui.ctx(), note)).truncate());
                    }
                });
            });
        });
    });
}
