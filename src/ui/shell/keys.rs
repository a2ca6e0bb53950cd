//! The keys that work everywhere, and the table that tells them.
//!
//! Bare letters are for who has no text box under the keyboard and holds nothing else down, so that a name may have an m.

use eframe::egui::{self, Context, Event, Modifiers, Popup, Ui};

use crate::ui::theme::{self, Type};
use crate::ui::widgets;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Mute,
    Camera,
    Share,
    Regions,
    People,
    Chat,
    Hand,
    /// One of the reactions, counted from 1.
    React(u8),
    Leave,
    FullScreen,
    Settings,
    Help,
    Close,
    Quit,
}

/// What was pressed since the last frame. With a sheet open, only what works on sheets.
pub(super) fn pressed(ctx: &Context, sheet: bool) -> Vec<Key> {
    let typing = ctx.text_edit_focused();
    let popup = Popup::is_any_open(ctx);
    let of = |event: &Event| match event {
        Event::Key { key, pressed: true, repeat: false, modifiers, .. } => meaning(*key, *modifiers),
        _ => None,
    };
    let all: Vec<(Key, bool)> = ctx.input(|input| input.events.iter().filter_map(of).collect());
    all.into_iter()
        .filter(|(key, bare)| !(*bare && (typing || popup || (sheet && *key != Key::Help))))
        .map(|(key, _)| key)
        .filter(|key| !sheet || matches!(key, Key::Close | Key::Help | Key::Settings | Key::FullScreen))
        // Esc closes one thing at a time: the list of a picker first.
        .filter(|key| *key != Key::Close || !popup)
        .collect()
}

/// What a key means, and whether it is a bare letter.
fn meaning(key: egui::Key, held: Modifiers) -> Option<(Key, bool)> {
    let bare = !held.any();
    let command = held.command && !held.alt;
    Some(match key {
        egui::Key::M if bare => (Key::Mute, true),
        egui::Key::V if bare => (Key::Camera, true),
        egui::Key::S if bare => (Key::Share, true),
        egui::Key::N if bare => (Key::Regions, true),
        egui::Key::P if bare => (Key::People, true),
        egui::Key::C if bare => (Key::Chat, true),
        egui::Key::R | egui::Key::H if bare => (Key::Hand, true),
        key if held.alt && !held.shift && !held.command => (Key::React(digit(key)?), false),
        egui::Key::Questionmark if !held.command && !held.alt => (Key::Help, true),
        egui::Key::Slash if held.shift_only() => (Key::Help, true),
        egui::Key::F1 if bare => (Key::Help, false),
        egui::Key::F11 if bare => (Key::FullScreen, false),
        egui::Key::Escape if bare => (Key::Close, false),
        egui::Key::D if command && !held.shift => (Key::Mute, false),
        egui::Key::E if command && !held.shift => (Key::Camera, false),
        egui::Key::L if command && held.shift => (Key::Leave, false),
        egui::Key::Comma if command => (Key::Settings, false),
        egui::Key::Q if command => (Key::Quit, false),
        _ => return None,
    })
}

/// The digit of a key, 1 to 6.
fn digit(key: egui::Key) -> Option<u8> {
    use egui::Key::{Num1, Num2, Num3, Num4, Num5, Num6};
    (1..).zip([Num1, Num2, Num3, Num4, Num5, Num6]).find(|(_, digit)| *digit == key).map(|(number, _)| number)
}

/// Every key, and what it does.
pub(super) fn table_ui(ui: &mut Ui) {
    let command = if ui.ctx().os().is_mac() { "Cmd" } else { "Ctrl" };
    let with = |rest: &str| format!("{command}+{rest}");
    let rows: [(&str, Vec<String>); 16] = [
        ("Microphone on or off", vec!["M".into(), with("D")]),
        ("Hold to talk while muted", vec!["Space".into()]),
        ("Camera on or off", vec!["V".into(), with("E")]),
        ("Share a screen, or stop", vec!["S".into()]),
        ("Raise your hand, or lower it", vec!["R".into(), "H".into()]),
        ("React", vec!["Alt+1".into(), "Alt+6".into()]),
        ("Chat", vec!["C".into()]),
        ("Regions", vec!["N".into()]),
        ("People", vec!["P".into()]),
        ("Join", vec!["Enter".into()]),
        ("Leave the call", vec![with("Shift+L")]),
        ("Full screen", vec!["F11".into()]),
        ("Settings", vec![with(",")]),
        ("These keys", vec!["?".into(), "F1".into()]),
        ("Larger, smaller, as it was", vec![with("+"), with("-"), with("0")]),
        ("Close what is open", vec!["Esc".into()]),
    ];
    for (index, (what, keys)) in rows.iter().enumerate() {
        if index > 0 {
            widgets::divider(ui);
        }
        ui.horizontal(|ui| {
            ui.label(Type::Body.text(*what));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                for key in keys.iter().rev() {
                    widgets::key_hint(ui, key);
                }
            });
        });
    }
    ui.add_space(theme::space::XS);
    ui.label(theme::note(ui.ctx(), "Single letters rest while you type."));
}
