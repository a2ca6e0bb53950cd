//! The tab of the camera, and of how one sees oneself.

use eframe::egui::Ui;

use super::{devices, row, switch};
use crate::media::Device;
use crate::settings::Renderer;
use crate::ui::model::{Action, Model};
use crate::ui::widgets;

pub(super) fn video_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    const RENDERERS: [Renderer; 3] = [Renderer::Auto, Renderer::Wgpu, Renderer::Glow];
    widgets::section(ui, "Camera");
    devices::picker_ui(ui, model, Device::Camera, actions);
    widgets::section(ui, "Your picture");
    let mirror = "Only for you: others see you as you are.";
    switch(ui, model, actions, "Mirror my picture", mirror, |settings| &mut settings.mirror);
    let own = "Others see you whether it is shown to you or not.";
    switch(ui, model, actions, "Show my picture in calls", own, |settings| &mut settings.self_view);
    widgets::section(ui, "Drawing");
    row(ui, "Drawn by", "From the next start on.", |ui| {
        let mut chosen = RENDERERS.iter().position(|renderer| *renderer == model.settings.renderer).unwrap_or(0);
        if widgets::segmented(ui, "Drawn by", &["Auto", "wgpu", "OpenGL"], &mut chosen).changed() {
            super::change(model, actions, |settings| settings.renderer = RENDERERS[chosen]);
        }
    });
}
