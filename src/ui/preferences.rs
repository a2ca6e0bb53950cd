//! Owns the settings' page: a column of tabs, and one tab at its side.
//!
//! [`super::shell`] shows it on a sheet over the lobby or the call. A change is asked for at once by an
//! [`Action::Settings`] that holds all of them; text waits until its box is left, and a name is an [`Action::Name`].
//!
//! | module | owns |
//! | --- | --- |
//! | `audio`, `video`, `network`, `keys`, `look`, `privacy`, `about` | a tab each |
//! | [`devices`] | which device is used, in the same words as in the lobby and the call |
//! | `relays` | the lists of relays |
//! | `draft` | text that is being typed |
//! | [`diagnostics`], [`licences`] | what the tab about the program copies and shows |

mod about;
mod audio;
pub mod devices;
pub mod diagnostics;
mod draft;
mod keys;
pub mod licences;
mod look;
mod network;
mod privacy;
mod relays;
mod video;

use std::path::PathBuf;

use eframe::egui::{Align, Layout, ScrollArea, Ui, vec2};

pub(super) use self::draft::Draft;
use super::model::{Action, Model};
use super::theme::{self, Type, space};
use super::{icons, widgets};
use crate::settings::{Settings, ZOOM};

/// What the page itself remembers.
#[derive(Debug, Default)]
pub struct Memory {
    file: Option<PathBuf>,
    tab: Tab,
    name: Draft,
    list: String,
    keys: keys::Memory,
    licences: bool,
}

impl Memory {
    /// `file` is where the settings are kept.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Whether the next key belongs to an action that is given one.
    pub fn listens(&self) -> bool {
        self.keys.listens()
    }

    /// Turns to a tab.
    pub fn turn_to(&mut self, tab: Tab) {
        self.tab = tab;
        self.keys = keys::Memory::default();
    }

    /// As if a key that another action has were pressed for one: for pictures of it.
    pub fn ask_for_a_key(&mut self) {
        self.turn_to(Tab::Keys);
        self.keys = keys::Memory::asking();
    }

    /// The page is closed: what waited for a key waits no longer.
    pub fn close(&mut self) {
        self.keys = keys::Memory::default();
    }
}

/// The parts of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    #[default]
    Audio,
    Video,
    Network,
    Keys,
    Look,
    Privacy,
    About,
}

impl Tab {
    /// Every tab, as they stand.
    pub const ALL: [Self; 7] =
        [Self::Audio, Self::Video, Self::Network, Self::Keys, Self::Look, Self::Privacy, Self::About];

    /// Its icon and its name.
    fn face(self) -> (&'static str, &'static str) {
        match self {
            Self::Audio => (icons::MIC, "Audio"),
            Self::Video => (icons::CAMERA, "Video"),
            Self::Network => (icons::REGIONS, "Network"),
            Self::Keys => (icons::KEYBOARD, "Keys"),
            Self::Look => (icons::SUN, "Look"),
            Self::Privacy => (icons::SHIELD, "Privacy"),
            Self::About => (icons::INFO, "About"),
        }
    }
}

/// How much larger or smaller a press makes everything.
const ZOOM_STEP: f32 = 0.1;
/// Of the page where there is room, points: it keeps its place while one leafs through it.
const HEIGHT: f32 = 500.0;
/// Around the page: the window's edge and the sheet's head, points.
const AROUND: f32 = 172.0;
/// Of the column of tabs, and of the least that a tab needs beside it, points.
const COLUMN: f32 = 160.0;
const BESIDE: f32 = 360.0;

/// The settings with everything so many steps larger, or as large as at first for 0; `None` where nothing changes.
pub fn zoomed(model: &Model, steps: f32) -> Option<Action> {
    let zoom = model.settings.zoom;
    let wanted = if steps == 0.0 { 1.0 } else { ((zoom + steps * ZOOM_STEP) * 10.0).round() / 10.0 };
    let wanted = wanted.clamp(*ZOOM.start(), *ZOOM.end());
    let settings = Settings { zoom: wanted, ..model.settings.clone() };
    (settings != model.settings).then(|| Action::Settings(Box::new(settings)))
}

/// Draws the page, as wide as there is room.
pub fn preferences_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    let height = (ui.ctx().content_rect().height() - AROUND).clamp(120.0, HEIGHT);
    let mut chosen = Tab::ALL.iter().position(|tab| *tab == memory.tab).unwrap_or(0);
    if ui.available_width() < COLUMN + BESIDE {
        let names = Tab::ALL.map(|tab| (tab.face().1.to_owned(), tab == memory.tab));
        let (icon, name) = memory.tab.face();
        chosen = widgets::picker(ui, "Part of the settings", icon, name, &names).unwrap_or(chosen);
        ui.add_space(space::S);
        tab_ui(ui, model, memory, actions, height - theme::CONTROL - 2.0 * space::S);
    } else {
        ui.horizontal_top(|ui| {
            let column = vec2(COLUMN, height);
            ui.allocate_ui_with_layout(column, Layout::top_down(Align::Min), |ui| {
                ui.set_width(COLUMN);
                widgets::tabs(ui, "Parts of the settings", &Tab::ALL.map(Tab::face), &mut chosen);
            });
            ui.add_space(space::L);
            ui.vertical(|ui| tab_ui(ui, model, memory, actions, height));
        });
    }
    if memory.tab != Tab::ALL[chosen] {
        memory.turn_to(Tab::ALL[chosen]);
    }
}

fn tab_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>, height: f32) {
    let scroll = ScrollArea::vertical().id_salt(memory.tab.face().1).max_height(height).min_scrolled_height(height);
    scroll.auto_shrink(false).show(ui, |ui| {
        // The bar floats over the right edge.
        ui.set_max_width(ui.available_width() - space::L);
        match memory.tab {
            Tab::Audio => audio::audio_ui(ui, model, actions),
            Tab::Video => video::video_ui(ui, model, actions),
            Tab::Network => network::network_ui(ui, model, &mut memory.list, actions),
            Tab::Keys => keys::keys_ui(ui, model, &mut memory.keys, actions),
            Tab::Look => look::look_ui(ui, model, actions),
            Tab::Privacy => privacy::privacy_ui(ui, model, &mut memory.name, actions),
            Tab::About => about::about_ui(ui, model, memory, actions),
        }
    });
}

/// Asks for the settings as they are but for `edit`.
fn change(model: &Model, actions: &mut Vec<Action>, edit: impl FnOnce(&mut Settings)) {
    let mut settings = model.settings.clone();
    edit(&mut settings);
    if settings != model.settings {
        actions.push(Action::Settings(Box::new(settings)));
    }
}

/// A switch for one of the settings, and below it what it does. `of` finds it among them.
fn switch(
    ui: &mut Ui,
    model: &Model,
    actions: &mut Vec<Action>,
    label: &str,
    note: &str,
    of: fn(&mut Settings) -> &mut bool,
) {
    let mut on = *of(&mut model.settings.clone());
    if switch_of(ui, &mut on, label, note) {
        change(model, actions, |settings| *of(settings) = on);
    }
}

/// A switch for something else that looks the same; whether it was pressed.
fn switch_of(ui: &mut Ui, on: &mut bool, label: &str, note: &str) -> bool {
    let pressed = ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let pressed = widgets::switch(ui, on, label).changed();
        hint(ui, note);
        pressed
    });
    ui.add_space(space::XS);
    pressed.inner
}

/// A note below a switch, under its words; none where it is empty.
fn hint(ui: &mut Ui, note: &str) {
    const UNDER: f32 = 48.0;
    if note.is_empty() {
        return;
    }
    ui.horizontal(|ui| {
        ui.add_space(UNDER);
        ui.vertical(|ui| paragraph(ui, note));
    });
}

/// A note of more than one line.
fn paragraph(ui: &mut Ui, note: &str) {
    ui.add(eframe::egui::Label::new(theme::note(ui.ctx(), note)).wrap());
}

/// A setting: its name and a note at the left, its control in a column of controls.
fn row(ui: &mut Ui, name: &str, note: &str, control: impl FnOnce(&mut Ui)) {
    const ROW: f32 = 48.0;
    const NAMES: f32 = 176.0;
    ui.horizontal(|ui| {
        ui.set_min_height(ROW);
        ui.allocate_ui_with_layout(vec2(NAMES, ROW), Layout::top_down(Align::Min), |ui| {
            ui.set_min_width(NAMES);
            ui.spacing_mut().item_spacing.y = space::XS / 2.0;
            ui.add_space(if note.is_empty() { 14.0 } else { 5.0 });
            ui.label(Type::Body.text(name));
            if !note.is_empty() {
                ui.label(theme::note(ui.ctx(), note));
            }
        });
        control(ui);
    });
}

#[cfg(test)]
mod tests;
