//! stub
use super::{model::*, picture::Painter};
use eframe::egui;
#[derive(Default)]
pub struct Memory;
impl Memory {
    pub fn open_settings(&mut self) {}
    pub fn open_regions(&mut self) {}
    pub fn open_people(&mut self) {}
    pub fn settings_open(&self) -> bool {
        false
    }
    pub fn figures_open(&self) -> bool {
        false
    }
}
pub fn shell_ui(_: &mut egui::Ui, _: &Model, _: &mut Memory, _: &Painter, _: &mut Vec<Action>) {}
