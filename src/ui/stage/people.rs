//! Everybody in the room, oneself first, with how they are.

mod host;

use eframe::egui::{Align, Label, Layout, Sense, Ui, vec2};

use super::{face, volume};
use crate::call::Moderation;
use crate::call::conversation::Conversation;
use crate::call::state::{Peer, State};
use crate::proto::{ParticipantId, Track};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// The room of the button with which others are made louder: one's own row has none, points.
const VOLUME: f32 = 32.0;

/// Draws the list, the raised hands before it, what hosts can do, and the invite for those who are missing. `removal` is whom a
/// host wants to remove: to be asked about.
pub(super) fn people_ui(
    ui: &mut Ui,
    model: &Model,
    state: &State,
    removal: &mut Option<ParticipantId>,
    actions: &mut Vec<Action>,
) {
    let talk = &state.conversation;
    let mutes = talk.host && !state.peers.is_empty();
    if model.room.invite.is_some() || mutes {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            if let Some(invite) = &model.room.invite
                && widgets::secondary_icon(ui, icons::COPY, "Copy invite").clicked()
            {
                actions.push(Action::Copy { text: invite.clone(), said: "Invite copied" });
            }
            if mutes && widgets::secondary_icon(ui, icons::MIC_OFF, "Mute everyone").clicked() {
                actions.push(Action::Moderate(Moderation::MuteEveryone));
            }
        });
    }
    host::lock_ui(ui, talk, actions);
    hands_ui(ui, state, actions);
    let own = &state.own;
    let name = own_name(state);
    let note = if talk.host { "host" } else { "" };
    // As wide as the buttons of the others.
    let width = (VOLUME + space::S) * if talk.host { 2.0 } else { 1.0 };
    row(ui, name, &format!("{name} (you)"), own.muted, own.camera, note, |ui| ui.add_space(width));
    for peer in &state.peers {
        let name = peer.name.as_deref().unwrap_or("?");
        let more = |ui: &mut Ui| {
            if talk.host {
                host::button_ui(ui, state, peer, removal, actions);
            }
            volume::button_ui(ui, peer, actions);
        };
        row(ui, name, peer.label(), peer.muted, peer.camera, &note_of(peer, talk), more);
    }
}

fn own_name(state: &State) -> &str {
    let name = state.own.name.trim();
    if name.is_empty() { "Guest" } else { name }
}

/// Whose hand is up, in their order; a host may lower them.
fn hands_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let talk = &state.conversation;
    if talk.hands.is_empty() {
        return;
    }
    widgets::section(ui, &format!("Raised hands ({})", talk.hands.len()));
    for (index, who) in talk.hands.iter().enumerate() {
        let me = *who == state.own.id;
        let peer = state.peers.iter().find(|peer| peer.id == *who);
        let name = match peer {
            _ if me => format!("{} (you)", own_name(state)),
            Some(peer) => peer.label().to_owned(),
            None => continue,
        };
        ui.horizontal(|ui| {
            ui.set_min_height(36.0);
            ui.spacing_mut().item_spacing.x = space::S;
            let colours = theme::palette(ui.ctx());
            let turn = ui.label(theme::figure(format!("{}.", index + 1)).color(colours.weak));
            ui.label(icons::text(icons::HAND, 18.0).color(colours.fair));
            let spoken = format!("{name}: hand raised, number {} in the order", index + 1);
            ui.ctx().accesskit_node_builder(turn.id, |node| {
                node.set_label(spoken.as_str());
                node.set_value(spoken.as_str());
            });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if (me || talk.host)
                    && widgets::icon_button(ui, icons::ARROW_DOWN, &format!("Lower the hand of {name}")).clicked()
                {
                    actions.push(if me { Action::Hand(false) } else { Action::LowerHands(Some(*who)) });
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(Type::Body.text(name.as_str())).truncate());
                });
            });
        });
    }
    if talk.host && talk.hands.iter().any(|who| *who != state.own.id) && widgets::quiet(ui, "Lower all hands").clicked()
    {
        actions.push(Action::LowerHands(None));
    }
    ui.add_space(space::XS);
    widgets::divider(ui);
}

/// What else is to be known of somebody.
fn note_of(peer: &Peer, talk: &Conversation) -> String {
    let mut notes = Vec::new();
    if talk.hosts.contains(&peer.id) {
        notes.push("host");
    }
    if peer.name.is_none() {
        notes.push("compare your invites");
    } else if peer.reconnecting {
        notes.push("reconnecting…");
    } else if volume::is_silent(peer) {
        notes.push("muted for you");
    } else if talk.mute(peer.id, Track::Microphone).is_some() {
        notes.push("muted by a host");
    } else if peer.speaking {
        notes.push("speaking");
    }
    notes.join(" · ")
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
