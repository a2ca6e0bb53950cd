//! What a right click on a tile offers.

use eframe::egui::{Frame, Popup, PopupCloseBehavior, Response, Ui};

use super::view::{Large, View, Who};
use super::volume;
use crate::call::state::Peer;
use crate::ui::model::{Action, Model};
use crate::ui::{icons, theme, widgets};

/// Of what opens, points.
const WIDTH: f32 = 248.0;

/// For somebody else: the pin, and how loud.
pub(super) fn of_peer(response: &Response, peer: &Peer, view: &mut View, actions: &mut Vec<Action>) {
    open(response, |ui| {
        pin_row(ui, view, Large::Person(Who::Peer(peer.id)), peer.label());
        widgets::divider(ui);
        volume::controls_ui(ui, peer, actions);
    });
}

/// For oneself: the pin, the mirror, and out of sight.
pub(super) fn of_own(response: &Response, model: &Model, view: &mut View, actions: &mut Vec<Action>) {
    open(response, |ui| {
        pin_row(ui, view, Large::Person(Who::Own), "yourself");
        let mut settings = model.settings.clone();
        let mirror = settings.mirror;
        if widgets::menu_row(ui, icons::SWAP, "Mirror my picture", "", Some(mirror)).clicked() {
            settings.mirror = !mirror;
        }
        if widgets::menu_row(ui, icons::EYE_OFF, "Hide my picture", "", None).clicked() {
            settings.self_view = false;
            ui.close();
        }
        ui.label(theme::note(ui.ctx(), "Others see you as before."));
        if settings != model.settings {
            actions.push(Action::Settings(Box::new(settings)));
        }
    });
}

fn open(response: &Response, add: impl FnOnce(&mut Ui)) {
    Popup::context_menu(response).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        Frame::new().inner_margin(8).show(ui, |ui| {
            ui.set_width(WIDTH);
            add(ui);
        });
    });
}

fn pin_row(ui: &mut Ui, view: &mut View, what: Large, name: &str) {
    let (icon, label) = match view.is_pinned(what) {
        true => (icons::PIN_OFF, format!("Unpin {name}")),
        false => (icons::PIN, format!("Pin {name}")),
    };
    if widgets::menu_row(ui, icon, &label, "", None).clicked() {
        view.toggle_pin(what);
        ui.close();
    }
}
