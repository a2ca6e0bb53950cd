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
    /// Who speaks large, or everybody alike.
    View,
    /// Figures on every tile.
    Figures,
    /// Pins the person of this number; 0 is oneself.
    Focus(u8),
    Earlier,
    Later,
    Deafen,
    /// Microphone and camera off, whatever is open.
    Panic,
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
        .filter(|key| !sheet || matches!(key, Key::Close | Key::Help | Key::Settings | Key::FullScreen | Key::Panic))
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
        egui::Key::D if bare => (Key::Share, true),
        egui::Key::S if bare => (Key::FullScreen, true),
        egui::Key::N if bare => (Key::Regions, true),
        egui::Key::P if bare => (Key::People, true),
        egui::Key::W if bare => (Key::View, true),
        egui::Key::A if bare => (Key::Figures, true),
        egui::Key::PageUp if bare => (Key::Earlier, true),
        egui::Key::PageDown if bare => (Key::Later, true),
        egui::Key::Questionmark if !held.command && !held.alt => (Key::Help, true),
        egui::Key::Slash if held.shift_only() => (Key::Help, true),
        egui::Key::F1 if bare => (Key::Help, false),
        egui::Key::F11 if bare => (Key::FullScreen, false),
        egui::Key::Escape if bare => (Key::Close, false),
        egui::Key::D if command && held.shift => (Key::Deafen, false),
        egui::Key::D if command => (Key::Mute, false),
        egui::Key::Space if command && held.shift => (Key::Panic, false),
        egui::Key::E if command && !held.shift => (Key::Camera, false),
        egui::Key::L if command && held.shift => (Key::Leave, false),
        egui::Key::Comma if command => (Key::Settings, false),
        egui::Key::Q if command => (Key::Quit, false),
        _ => return digit(key).filter(|_| bare).map(|digit| (Key::Focus(digit), true)),
    })
}

fn digit(key: egui::Key) -> Option<u8> {
    const DIGITS: [egui::Key; 10] = [
        egui::Key::Num0,
        egui::Key::Num1,
        egui::Key::Num2,
        egui::Key::Num3,
        egui::Key::Num4,
        egui::Key::Num5,
        egui::Key::Num6,
        egui::Key::Num7,
        egui::Key::Num8,
        egui::Key::Num9,
    ];
    DIGITS.iter().position(|digit| *digit == key).map(|digit| digit as u8)
}

/// Every key, and what it does.
pub(super) fn table_ui(ui: &mut Ui) {
    let command = if ui.ctx().os().is_mac() { "Cmd" } else { "Ctrl" };
    let with = |rest: &str| format!("{command}+{rest}");
    let rows: [(&str, Vec<String>); 20] = [
        ("Microphone on or off", vec!["M".into(), with("D")]),
        ("Hold to talk while muted", vec!["Space".into()]),
        ("Camera on or off", vec!["V".into(), with("E")]),
        ("Microphone and camera off at once", vec![with("Shift+Space")]),
        ("Hear nobody, or everybody again", vec![with("Shift+D")]),
        ("Share a screen, or stop", vec!["D".into()]),
        ("People", vec!["P".into()]),
        ("Regions", vec!["N".into()]),
        ("Who speaks large, or everybody alike", vec!["W".into()]),
        ("Pin a person, or yourself", vec!["1 to 9".into(), "0".into()]),
        ("Earlier people, more people", vec!["Page Up".into(), "Page Down".into()]),
        ("Figures on tiles", vec!["A".into()]),
        ("Full screen", vec!["F11".into(), "S".into()]),
        ("Join", vec!["Enter".into()]),
        ("Leave the call", vec![with("Shift+L")]),
        ("Settings", vec![with(",")]),
        ("These keys", vec!["?".into(), "F1".into()]),
        ("Larger, smaller, as it was", vec![with("+"), with("-"), with("0")]),
        ("Quit", vec![with("Q")]),
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
