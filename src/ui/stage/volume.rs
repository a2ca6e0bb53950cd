//! How loud somebody is played here: a slider and a switch, behind a button in the list of people and behind a right click
//! on a tile. Nobody else hears of it.

use eframe::egui::{Frame, Popup, PopupCloseBehavior, RectAlign, Slider, Ui};

use crate::call::state::{Peer, Volume};
use crate::ui::model::Action;
use crate::ui::theme::{self, Type};
use crate::ui::{icons, widgets};

/// Of the slider with its figure, points.
const WIDTH: f32 = 240.0;
/// Of one press of an arrow key, percent.
const STEP: f64 = 5.0;

/// Whether somebody is not played at all.
pub(super) fn is_silent(peer: &Peer) -> bool {
    peer.volume.played() == 0
}

/// The button in the list of people.
pub(super) fn button_ui(ui: &mut Ui, peer: &Peer, actions: &mut Vec<Action>) {
    let name = peer.label();
    let (icon, words) = match peer.volume {
        volume if is_silent(peer) && volume.muted => (icons::SPEAKER_OFF, format!("Volume of {name}: muted for you")),
        volume if is_silent(peer) => (icons::SPEAKER_OFF, format!("Volume of {name}: {} %", volume.percent)),
        volume => (icons::SPEAKER, format!("Volume of {name}: {} %", volume.percent)),
    };
    let button = widgets::icon_button(ui, icon, &words);
    Popup::from_toggle_button_response(&button)
        .align(RectAlign::BOTTOM_END)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            Frame::new().inner_margin(8).show(ui, |ui| controls_ui(ui, peer, actions));
        });
}

/// The slider, the switch, and the way back.
pub(super) fn controls_ui(ui: &mut Ui, peer: &Peer, actions: &mut Vec<Action>) {
    ui.set_width(WIDTH);
    ui.add(eframe::egui::Label::new(theme::strong_text(peer.label())).truncate());
    let mut volume = peer.volume;
    ui.spacing_mut().slider_width = WIDTH - 70.0;
    let slider = Slider::new(&mut volume.percent, 0..=200).suffix(" %").step_by(STEP);
    let slider = ui.add_enabled(!volume.muted, slider);
    ui.ctx().accesskit_node_builder(slider.id, |node| node.set_label(format!("Volume of {}", peer.label())));
    widgets::switch(ui, &mut volume.muted, "Mute for me");
    if volume != Volume::default() && widgets::quiet(ui, "As it was").clicked() {
        volume = Volume::default();
    }
    ui.label(Type::Small.text("Only you hear it so.").color(theme::palette(ui.ctx()).weak));
    if volume != peer.volume {
        actions.push(Action::Volume(peer.id, volume));
    }
}
