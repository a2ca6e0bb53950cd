//! What a host can do, in the list of people. The relays carry it out, and refuse it to anybody else.

use eframe::egui::{Frame, Popup, PopupCloseBehavior, RectAlign, Ui};

use crate::call::Moderation;
use crate::call::conversation::Conversation;
use crate::call::state::{Peer, State};
use crate::proto::{ParticipantId, Track};
use crate::ui::model::Action;
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// Of the list of deeds, points.
const WIDTH: f32 = 260.0;

/// Whether anybody new comes in: a switch for hosts, a word for everybody else while it is so.
pub(super) fn lock_ui(ui: &mut Ui, talk: &Conversation, actions: &mut Vec<Action>) {
    let mut locked = talk.locked;
    if talk.host {
        if widgets::switch(ui, &mut locked, "Lock the room: nobody new comes in").changed() {
            let order = if locked { Moderation::Lock } else { Moderation::Unlock };
            actions.push(Action::Moderate(order));
        }
        ui.add_space(space::XS);
    } else if locked {
        let colour = theme::palette(ui.ctx()).fair;
        widgets::label_icon(ui, icons::LOCK, "The room is locked: nobody new comes in.", colour);
        ui.add_space(space::XS);
    }
}

/// The button in the row of somebody else.
pub(super) fn button_ui(
    ui: &mut Ui,
    state: &State,
    peer: &Peer,
    removal: &mut Option<ParticipantId>,
    actions: &mut Vec<Action>,
) {
    let button = widgets::icon_button(ui, icons::MORE, &format!("What a host can do about {}", peer.label()));
    Popup::from_toggle_button_response(&button)
        .align(RectAlign::BOTTOM_END)
        .close_behavior(PopupCloseBehavior::CloseOnClick)
        .show(|ui| {
            Frame::new().inner_margin(8).show(ui, |ui| {
                ui.set_width(WIDTH);
                ui.add(eframe::egui::Label::new(theme::strong_text(peer.label())).truncate());
                menu_ui(ui, state, peer, removal, actions);
            });
        });
}

fn menu_ui(ui: &mut Ui, state: &State, peer: &Peer, removal: &mut Option<ParticipantId>, actions: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing.y = 2.0;
    let mut offer = |ui: &mut Ui, icon: &str, words: &str, action: Action| {
        if widgets::quiet_icon(ui, icon, words).clicked() {
            actions.push(action);
        }
    };
    for (icon, words, order) in deeds(state, peer) {
        offer(ui, icon, words, Action::Moderate(order));
    }
    if state.conversation.place(peer.id).is_some() {
        offer(ui, icons::HAND, "Lower the hand", Action::LowerHands(Some(peer.id)));
    }
    ui.add_space(space::XS);
    widgets::divider(ui);
    ui.add_space(space::XS);
    if widgets::danger_icon(ui, icons::BLOCK, "Remove from the call…").clicked() {
        *removal = Some(peer.id);
    }
    ui.label(Type::Small.text("You are asked before anybody is removed.").color(theme::palette(ui.ctx()).weak));
}

/// What may be done to somebody now. Nobody's microphone or camera is turned on from here: that is theirs.
fn deeds(state: &State, peer: &Peer) -> Vec<(&'static str, &'static str, Moderation)> {
    let muted = |track| state.conversation.mute(peer.id, track);
    let mute = |track, firm| Moderation::Mute { peer: peer.id, track, firm };
    let unmute = |track| Moderation::Unmute { peer: peer.id, track };
    let mut deeds = Vec::new();
    match muted(Track::Microphone) {
        Some(_) => deeds.push((icons::MIC, "Let them unmute", unmute(Track::Microphone))),
        None if !peer.muted => deeds.push((icons::MIC_OFF, "Mute", mute(Track::Microphone, false))),
        None => {}
    }
    if muted(Track::Microphone) != Some(true) {
        deeds.push((icons::MIC_OFF, "Mute until a host lifts it", mute(Track::Microphone, true)));
    }
    match muted(Track::Camera) {
        Some(_) => deeds.push((icons::CAMERA, "Let them turn the camera on", unmute(Track::Camera))),
        None if peer.camera => deeds.push((icons::CAMERA_OFF, "Turn their camera off", mute(Track::Camera, false))),
        None => {}
    }
    match muted(Track::Screen) {
        Some(_) => deeds.push((icons::MONITOR, "Let them share a screen", unmute(Track::Screen))),
        None if state.screens.contains(&peer.id) => {
            deeds.push((icons::MONITOR, "Stop what they share", mute(Track::Screen, false)));
        }
        None => {}
    }
    deeds
}
