//! The menu behind "more": what the bar has no room for, how the call is shown, and what is rarely needed.

use eframe::egui::{Ui, ViewportCommand};

use super::toolbar::{Tool, command_key};
use super::{Memory, Show, is_full};
use crate::ui::icons;
use crate::ui::model::Action;
use crate::ui::widgets::{divider, menu_row};

/// Of the menu, points.
pub(super) const WIDTH: f32 = 300.0;

/// Draws its rows.
pub(super) fn more_ui(ui: &mut Ui, show: Show, hidden: &[Tool], memory: &mut Memory, actions: &mut Vec<Action>) {
    let command = command_key(ui);
    for tool in hidden {
        let (icon, label, key, on) = tool.looks(show.state, memory);
        if menu_row(ui, icon, label, key, Some(on)).clicked() {
            tool.press(memory);
        }
    }
    if !hidden.is_empty() {
        divider(ui);
    }
    shown_ui(ui, show, memory, actions);
    divider(ui);
    let deaf = show.state.own.deaf;
    let hear = if deaf { "Hear everybody again" } else { "Hear nobody" };
    if menu_row(ui, icons::HEADPHONES, hear, &format!("{command}+Shift+D"), Some(deaf)).clicked() {
        actions.push(Action::Deafen(!deaf));
    }
    let mut settings = show.model.settings.clone();
    let sounds = settings.sounds;
    if menu_row(ui, icons::SPEAKER, "Sounds of the call", "", Some(sounds)).clicked() {
        settings.sounds = !sounds;
        actions.push(Action::Settings(Box::new(settings)));
    }
    divider(ui);
    memory.keys_asked |= menu_row(ui, icons::KEYBOARD, "Keys", "?", None).clicked();
    memory.settings_asked |= menu_row(ui, icons::SETTINGS, "Settings", &format!("{command}+,"), None).clicked();
}

/// How the call is shown.
fn shown_ui(ui: &mut Ui, show: Show, memory: &mut Memory, actions: &mut Vec<Action>) {
    let (icon, label) = view_looks(memory);
    if menu_row(ui, icon, label, "W", None).clicked() {
        memory.view.toggle();
    }
    let full = is_full(ui);
    let (icon, label) =
        if full { (icons::FULLSCREEN_EXIT, "Leave full screen") } else { (icons::FULLSCREEN, "Full screen") };
    if menu_row(ui, icon, label, "F11", None).clicked() {
        ui.ctx().send_viewport_cmd(ViewportCommand::Fullscreen(!full));
    }
    let own = show.model.settings.self_view;
    let (icon, label) = if own { (icons::EYE_OFF, "Hide my picture") } else { (icons::EYE, "Show my picture") };
    if menu_row(ui, icon, label, "", None).clicked() {
        let mut settings = show.model.settings.clone();
        settings.self_view = !own;
        actions.push(Action::Settings(Box::new(settings)));
    }
    if menu_row(ui, icons::PULSE, "Figures on tiles", "A", Some(memory.figures)).clicked() {
        memory.figures = !memory.figures;
    }
}

/// The icon and the words of the view that is not shown now.
pub(super) fn view_looks(memory: &Memory) -> (&'static str, &'static str) {
    if memory.view.is_speaker() {
        (icons::GRID, "Show everybody alike")
    } else {
        (icons::SPEAKER_VIEW, "Show who speaks large")
    }
}
