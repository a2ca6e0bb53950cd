//! The tab of the keys: every action with its keys, other keys by pressing them, and what stands against one.

use eframe::egui::{self, Align, Event, Layout, Ui};

use super::{change, paragraph, switch};
use crate::settings::Settings;
use crate::ui::model::{Action, Model};
use crate::ui::shell::keys::{self, Chord, FIXED, Group, MOST, Row, TABLE, Taken};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// What the tab remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    asks: Option<Ask>,
}

impl Memory {
    pub fn listens(&self) -> bool {
        self.asks.is_some()
    }

    /// Ctrl+D was pressed for the first action but one, and the first one has it.
    pub fn asking() -> Self {
        let chord = Chord::read("Ctrl+D").map(|chord| (chord, Against::Other(&TABLE[0])));
        Self { asks: Some(Ask { row: &TABLE[1], beside: false, pressed: chord }) }
    }
}

/// An action waits for a key.
#[derive(Debug)]
struct Ask {
    row: &'static Row,
    /// Beside the keys that it has, and not in their place.
    beside: bool,
    /// What was pressed, where something stands against it.
    pressed: Option<(Chord, Against)>,
}

/// What stands against a key.
#[derive(Debug, Clone, Copy)]
enum Against {
    /// An action that may lose it.
    Other(&'static Row),
    /// Nobody may have it, for this reason.
    Reason(&'static str),
}

pub(super) fn keys_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    listen(ui, model, memory, actions);
    let off = "Turn this off where speech input, or a hand that slips, presses them. Keys with Ctrl or Alt stay.";
    let label = "Letters, digits and signs by themselves are keys";
    switch(ui, model, actions, label, off, |settings| &mut settings.single_keys);
    for group in Group::ALL {
        widgets::section(ui, group.words());
        for row in TABLE.iter().filter(|row| row.group == group) {
            row_ui(ui, model, memory, row, actions);
        }
        for (words, _, keys) in FIXED.iter().filter(|(_, of, _)| *of == group) {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            line_ui(ui, words, &keys, false, |ui| {
                ui.label(theme::note(ui.ctx(), "fixed"));
            });
        }
    }
    ui.add_space(space::S);
    let changed = !model.settings.keys.is_empty();
    let all =
        ui.add_enabled_ui(changed, |ui| widgets::secondary_icon(ui, icons::REFRESH, "All keys as at first")).inner;
    if all.clicked() {
        change(model, actions, |settings| settings.keys.clear());
    }
}

/// Takes the key that an action waits for.
fn listen(ui: &Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    let Some(ask) = &mut memory.asks else { return };
    let pressed = ui.input(|input| input.events.iter().find_map(heard));
    match pressed {
        None => {}
        Some(chord) if chord.key == egui::Key::Escape => memory.asks = None,
        // The buttons of the question are pressed by the keyboard too.
        Some(_) if matches!(ask.pressed, Some((_, Against::Other(_)))) => {}
        Some(chord) => match against(&model.settings, ask.row, chord) {
            Some(against) => ask.pressed = Some((chord, against)),
            None => {
                give(model, ask, chord, actions);
                memory.asks = None;
            }
        },
    }
}

/// A key that went down, if it is one by itself.
fn heard(event: &Event) -> Option<Chord> {
    use egui::Key::{AltLeft, AltRight, ControlLeft, ControlRight, ShiftLeft, ShiftRight, SuperLeft, SuperRight};
    let Event::Key { key, pressed: true, repeat: false, modifiers, .. } = event else { return None };
    let held = [AltLeft, AltRight, ControlLeft, ControlRight, ShiftLeft, ShiftRight, SuperLeft, SuperRight];
    (!held.contains(key)).then(|| Chord::pressed(*key, *modifiers)).flatten()
}

fn against(settings: &Settings, row: &'static Row, chord: Chord) -> Option<Against> {
    let reason = chord.reserved().map(Against::Reason);
    let off = (chord.is_single() && !settings.single_keys).then_some(Against::Reason("Single keys are off, above."));
    reason.or(off).or_else(|| match keys::taken(settings, row, chord)? {
        Taken::By(other) => Some(Against::Other(other)),
        Taken::Fixed(_) => Some(Against::Reason("This key is fixed, as below.")),
    })
}

fn give(model: &Model, ask: &Ask, chord: Chord, actions: &mut Vec<Action>) {
    let mut chords = if ask.beside { keys::chords(&model.settings, ask.row) } else { Vec::new() };
    if !chords.contains(&chord) {
        chords.push(chord);
    }
    change(model, actions, |settings| keys::give(settings, ask.row, &chords));
}

fn row_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, row: &'static Row, actions: &mut Vec<Action>) {
    let mac = ui.ctx().os().is_mac();
    let settings = &model.settings;
    let chords = keys::chords(settings, row);
    let shown: Vec<String> = chords.iter().map(|chord| chord.shown(mac)).collect();
    let own = settings.keys.contains_key(row.id);
    let mut ask = None;
    line_ui(ui, row.words, &shown, own, |ui| {
        if widgets::icon_button(ui, icons::EDIT, &format!("Other keys: {}", row.words)).clicked() {
            ask = Some(false);
        }
        let more = chords.len() < MOST && !chords.is_empty();
        let name = format!("One more key: {}", row.words);
        if ui.add_enabled_ui(more, |ui| widgets::icon_button(ui, icons::PLUS, &name)).inner.clicked() {
            ask = Some(true);
        }
        let name = format!("No key: {}", row.words);
        let any = !chords.is_empty();
        if ui.add_enabled_ui(any, |ui| widgets::icon_button(ui, icons::TRASH, &name)).inner.clicked() {
            change(model, actions, |settings| keys::give(settings, row, &[]));
        }
        let name = format!("Keys as at first: {}", row.words);
        if ui.add_enabled_ui(own, |ui| widgets::icon_button(ui, icons::REFRESH, &name)).inner.clicked() {
            change(model, actions, |settings| keys::reset(settings, row));
        }
    });
    if let Some(beside) = ask {
        // Or Space would press the button again.
        ui.memory_mut(|memory| memory.focused().into_iter().for_each(|id| memory.surrender_focus(id)));
        memory.asks = Some(Ask { row, beside, pressed: None });
    }
    ask_ui(ui, model, memory, row, actions);
}

/// The question below the action that waits.
fn ask_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, row: &Row, actions: &mut Vec<Action>) {
    let Some(ask) = memory.asks.as_ref().filter(|ask| ask.row.id == row.id) else { return };
    let mac = ui.ctx().os().is_mac();
    let mut done = false;
    widgets::card(ui, |ui| {
        match &ask.pressed {
            None => {
                ui.label(Type::Strong.text(format!("Press the key for “{}”.", row.words)));
                paragraph(ui, "Esc leaves it as it is.");
            }
            Some((chord, Against::Reason(reason))) => {
                let key = chord.shown(mac);
                ui.label(Type::Strong.text(format!("{key} cannot be given. {reason}")));
                paragraph(ui, "Press another key, or Esc.");
            }
            Some((chord, Against::Other(other))) => {
                let key = chord.shown(mac);
                ui.label(Type::Strong.text(format!("{key} is the key for “{}” already.", other.words)));
            }
        }
        ui.horizontal(|ui| {
            if let Some((chord, Against::Other(_))) = &ask.pressed
                && widgets::primary(ui, "Take it from there").clicked()
            {
                give(model, ask, *chord, actions);
                done = true;
            }
            done |= widgets::secondary(ui, "Leave it as it is").clicked();
        });
    });
    if done {
        memory.asks = None;
    }
}

/// An action's words at the left, its keys and what can be done with them at the right.
fn line_ui(ui: &mut Ui, words: &str, keys: &[String], own: bool, buttons: impl FnOnce(&mut Ui)) {
    const BUTTONS: f32 = 152.0;
    ui.horizontal(|ui| {
        ui.set_min_height(theme::CONTROL);
        ui.spacing_mut().item_spacing.x = space::XS;
        let text = if own { Type::Strong.text(words) } else { Type::Body.text(words) };
        let response = ui.label(text);
        if own {
            response.on_hover_text("You chose these keys.");
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.allocate_ui_with_layout(
                egui::vec2(BUTTONS, theme::CONTROL),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.set_min_width(BUTTONS);
                    buttons(ui);
                },
            );
            if keys.is_empty() {
                ui.label(theme::note(ui.ctx(), "no key"));
            }
            for key in keys.iter().rev() {
                widgets::key_hint(ui, key);
            }
        });
    });
}
