//! Stands in until the region panel is merged.

use eframe::egui::Ui;

use super::model::{Action, Model};
use super::widgets::Quality;

#[derive(Debug, Default)]
pub struct Memory;

#[derive(Debug)]
pub struct JoinLine {
    pub text: String,
    pub quality: Option<Quality>,
}

pub fn line(_model: &Model) -> JoinLine {
    JoinLine { text: "singapore – 40 ms – good".into(), quality: Some(Quality::Good) }
}

pub fn race_ui(ui: &mut Ui, _model: &Model, _memory: &mut Memory, _actions: &mut Vec<Action>) {
    ui.label("The race");
}

pub fn panel_ui(ui: &mut Ui, _model: &Model, _memory: &mut Memory, _actions: &mut Vec<Action>) {
    ui.label("The regions");
}

pub fn banner_ui(_ui: &mut Ui, _model: &Model, _actions: &mut Vec<Action>) {}
