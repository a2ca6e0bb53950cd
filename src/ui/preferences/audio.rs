//! The tab of the microphone, the speaker and what is done to a voice.

use eframe::egui::{Align, Layout, Ui, vec2};

use super::{devices, switch};
use crate::media::Device;
use crate::ui::model::{Action, Model};
use crate::ui::theme;
use crate::ui::widgets;

pub(super) fn audio_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    widgets::section(ui, "Microphone");
    devices::picker_ui(ui, model, Device::Microphone, actions);
    if let Some(own) = model.call.as_ref().map(|state| &state.own) {
        widgets::meter(ui, own.level, "Level of your microphone");
    }
    widgets::section(ui, "Speaker");
    let room = vec2(ui.available_width(), theme::CONTROL);
    ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Center), |ui| {
        if widgets::secondary(ui, "Test").on_hover_text("Plays a short sound").clicked() {
            actions.push(Action::TestSound);
        }
        devices::picker_ui(ui, model, Device::Speaker, actions);
    });
    widgets::section(ui, "Your voice");
    let echo = "Others do not hear themselves from your speaker. With headphones it may be off.";
    switch(ui, model, actions, "Take out echo", echo, |settings| &mut settings.echo);
    let noise = "Fans, engines, a street. Turn it off for music.";
    switch(ui, model, actions, "Hold down noise", noise, |settings| &mut settings.noise);
    let gain = "Raises a quiet voice to that of the others.";
    switch(ui, model, actions, "Even out my loudness", gain, |settings| &mut settings.gain);
    let sounds = "Somebody came or left; the call is lost, or back.";
    switch(ui, model, actions, "Sounds of the call", sounds, |settings| &mut settings.sounds);
}
