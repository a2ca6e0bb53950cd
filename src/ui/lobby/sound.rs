//! The switches of microphone and camera, the pickers beside them, the level, and what is wrong with each.

use std::time::{Duration, Instant};

use eframe::egui::{Ui, vec2};

use super::Memory;
use crate::call::state::{DeviceState, Own};
use crate::media::Device;
use crate::ui::model::{Action, Model};
use crate::ui::preferences::devices;
use crate::ui::theme::{self, space};
use crate::ui::{icons, widgets};
use widgets::Tone;

/// A microphone that works and hears nothing at all may be switched off somewhere. Told after so long: as long as it takes to
/// wonder. A level of 0 is below the least step of 16 bits; rooms are louder than that.
const DEAF_AFTER: Duration = Duration::from_secs(5);
/// The button that plays a second of sound where the others will be heard.
const TEST: &str = "Play a test sound";
/// Of the round buttons, points.
const BUTTON: f32 = 44.0;

/// Draws the rows of the three devices.
pub(super) fn devices_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    let Some(own) = model.call.as_ref().map(|state| &state.own) else {
        return;
    };
    let (icon, label, tone) = match own.muted {
        true => (icons::MIC_OFF, "Turn the microphone on", Tone::Off),
        false => (icons::MIC, "Turn the microphone off", Tone::Plain),
    };
    row(ui, |ui| {
        if widgets::round_toggle(ui, icon, label, "M", tone, !own.muted).clicked() {
            actions.push(Action::Mute(!own.muted));
        }
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            devices::picker_ui(ui, model, Device::Microphone, actions);
            widgets::meter(ui, own.level, "Microphone level");
        });
    });
    microphone_note(ui, model, own, deaf(ui, model.now, own, memory));

    let (icon, label, tone) = match own.camera {
        false => (icons::CAMERA_OFF, "Turn the camera on", Tone::Off),
        true => (icons::CAMERA, "Turn the camera off", Tone::Plain),
    };
    row(ui, |ui| {
        if widgets::round_toggle(ui, icon, label, "V", tone, own.camera).clicked() {
            actions.push(Action::Camera(!own.camera));
        }
        devices::picker_ui(ui, model, Device::Camera, actions);
    });
    stand_in_note(ui, model, own, Device::Camera);

    row(ui, |ui| {
        if widgets::round(ui, icons::PLAY, TEST, "", Tone::Plain).clicked() {
            actions.push(Action::TestSound);
        }
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            devices::picker_ui(ui, model, Device::Speaker, actions);
            widgets::meter(ui, own.output_level, "Speaker level");
        });
    });
    trouble_note(ui, model, own, Device::Speaker);
    if devices::trouble(own, &model.settings, Device::Speaker).is_none() {
        ui.horizontal(|ui| {
            ui.add_space(BUTTON + space::M);
            ui.label(theme::note(ui.ctx(), "Press the arrow to play a test sound."));
        });
    }
}

/// A round button, and beside it what fills the rest.
fn row(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), BUTTON),
        eframe::egui::Layout::left_to_right(eframe::egui::Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            add(ui);
        },
    );
}

/// Whether nothing was heard for so long that something may be wrong.
fn deaf(ui: &Ui, now: Instant, own: &Own, memory: &mut Memory) -> bool {
    let listening = match own.device(Device::Microphone) {
        DeviceState::InUse { name, .. } if !own.muted && own.level == 0.0 => name,
        _ => {
            memory.silent = None;
            return false;
        }
    };
    let since = match &memory.silent {
        Some((name, since)) if name == listening => *since,
        _ => {
            memory.silent = Some((listening.clone(), now));
            now
        }
    };
    let left = DEAF_AFTER.saturating_sub(now.saturating_duration_since(since));
    if !left.is_zero() {
        ui.ctx().request_repaint_after(left);
    }
    left.is_zero()
}

fn microphone_note(ui: &mut Ui, model: &Model, own: &Own, deaf: bool) {
    if deaf {
        let name = match own.device(Device::Microphone) {
            DeviceState::InUse { name, .. } => name.as_str(),
            _ => "the microphone",
        };
        note(ui, &format!("We can't hear you. Is {name} switched off? Try another one, or its own switch."));
    } else {
        trouble_note(ui, model, own, Device::Microphone);
    }
}

/// The camera's trouble stands in the picture's place; here is only which other one stands in.
fn stand_in_note(ui: &mut Ui, model: &Model, own: &Own, device: Device) {
    if matches!(own.device(device), DeviceState::InUse { .. }) {
        trouble_note(ui, model, own, device);
    }
}

fn trouble_note(ui: &mut Ui, model: &Model, own: &Own, device: Device) {
    if let Some((what, remedy)) = devices::trouble(own, &model.settings, device) {
        note(ui, &format!("{what}. {remedy}"));
    }
}

fn note(ui: &mut Ui, text: &str) {
    let colour = theme::palette(ui.ctx()).fair;
    ui.horizontal(|ui| {
        ui.add_space(BUTTON + space::M);
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(icons::text(icons::WARNING, 16.0).color(colour));
        ui.add(eframe::egui::Label::new(theme::Type::Small.text(text).color(colour)).wrap());
    });
}
