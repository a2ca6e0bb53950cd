//! Owns the settings' page: devices, what others see, lists of relays, the look, and what this program is.
//!
//! [`super::shell`] shows it on a sheet over the lobby or the call. A change is asked for at once by an
//! [`Action::Settings`] that holds all of them; text waits until its box is left, and a name is an [`Action::Name`].

pub mod devices;
mod relays;

use std::path::PathBuf;

use eframe::egui::{Align, Label, Layout, RichText, Ui, vec2};

use super::model::{Action, Model};
use super::theme::{self, Type};
use super::widgets;
use super::{icons, theme::space};
use crate::media::Device;
use crate::settings::{Look, Renderer, Settings, ZOOM};

/// What the page itself remembers.
#[derive(Debug, Default)]
pub struct Memory {
    file: Option<PathBuf>,
    tab: usize,
    name: Draft,
    list: String,
    /// An action waits for the keys that it is given.
    listens: bool,
}

/// Text that is being typed, of which somebody else keeps the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub text: String,
    seen: Option<String>,
    /// What was asked for since: egui may tell twice that a box was left.
    asked: Option<String>,
}

impl Draft {
    /// What was typed, once, where it is not the truth already.
    fn take(&mut self) -> Option<String> {
        let typed = Some(self.text.trim().to_owned());
        if typed == self.seen || typed == self.asked {
            return None;
        }
        self.asked.clone_from(&typed);
        typed
    }

    /// Takes the truth over when it changed, and otherwise leaves what is being typed.
    pub fn follow(&mut self, truth: &str) {
        if self.seen.as_deref() != Some(truth) {
            truth.clone_into(&mut self.text);
            (self.seen, self.asked) = (Some(truth.to_owned()), None);
        }
    }
}

impl Memory {
    /// `file` is where the settings are kept.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Whether the next key belongs to an action that is given one.
    pub fn listens(&self) -> bool {
        self.listens
    }
}

/// How much larger or smaller a press makes everything.
const ZOOM_STEP: f32 = 0.1;

/// The settings with everything so many steps larger, or as large as at first for 0; `None` where nothing changes.
pub fn zoomed(model: &Model, steps: f32) -> Option<Action> {
    let zoom = model.settings.zoom;
    let wanted = if steps == 0.0 { 1.0 } else { ((zoom + steps * ZOOM_STEP) * 10.0).round() / 10.0 };
    let wanted = wanted.clamp(*ZOOM.start(), *ZOOM.end());
    let settings = Settings { zoom: wanted, ..model.settings.clone() };
    (settings != model.settings).then(|| Action::Settings(Box::new(settings)))
}

/// Of the tallest part, points.
const HEIGHT: f32 = 340.0;

const TABS: [&str; 5] = ["You and devices", "Sound", "Relays", "Look", "About"];

/// Draws the page, as wide as there is room.
pub fn preferences_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    // The sheet keeps its place while one leafs through it.
    ui.set_min_height(HEIGHT);
    widgets::segmented(ui, "Part of the settings", &TABS, &mut memory.tab);
    ui.add_space(space::M);
    match memory.tab {
        0 => you_ui(ui, model, memory, actions),
        1 => sound_ui(ui, model, actions),
        2 => relays::relays_ui(ui, model, &mut memory.list, actions),
        3 => look_ui(ui, model, actions),
        _ => about_ui(ui, memory, actions),
    }
}

/// Asks for the settings as they are but for `edit`.
fn change(model: &Model, actions: &mut Vec<Action>, edit: impl FnOnce(&mut Settings)) {
    let mut settings = model.settings.clone();
    edit(&mut settings);
    if settings != model.settings {
        actions.push(Action::Settings(Box::new(settings)));
    }
}

fn you_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    memory.name.follow(model.name());
    let left = widgets::field(ui, "Your name", "Guest", &mut memory.name.text).lost_focus();
    if left && let Some(name) = memory.name.take() {
        actions.push(Action::Name(name));
    }
    ui.add_space(space::S);
    devices::picker_ui(ui, model, Device::Microphone, actions);
    ui.horizontal(|ui| {
        let button = 96.0;
        let width = (ui.available_width() - button - space::S).max(120.0);
        ui.allocate_ui(vec2(width, theme::CONTROL), |ui| {
            devices::picker_ui(ui, model, Device::Speaker, actions);
        });
        if widgets::secondary(ui, "Test").on_hover_text("Plays a short sound").clicked() {
            actions.push(Action::TestSound);
        }
    });
    devices::picker_ui(ui, model, Device::Camera, actions);
    ui.add_space(space::S);
    let settings = &model.settings;
    let (mut mirror, mut own) = (settings.mirror, settings.self_view);
    if widgets::switch(ui, &mut mirror, "Mirror my picture").changed() {
        change(model, actions, |settings| settings.mirror = mirror);
    }
    ui.label(theme::note(ui.ctx(), "Only for you: others see you as you are."));
    if widgets::switch(ui, &mut own, "Show my picture in calls").changed() {
        change(model, actions, |settings| settings.self_view = own);
    }
}

fn sound_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let settings = &model.settings;
    let (mut echo, mut noise, mut gain) = (settings.echo, settings.noise, settings.gain);
    if widgets::switch(ui, &mut echo, "Take out echo").changed() {
        change(model, actions, |settings| settings.echo = echo);
    }
    ui.label(theme::note(ui.ctx(), "Others do not hear themselves from your speaker. With headphones it may be off."));
    ui.add_space(space::S);
    if widgets::switch(ui, &mut noise, "Hold down noise").changed() {
        change(model, actions, |settings| settings.noise = noise);
    }
    ui.label(theme::note(ui.ctx(), "Fans, engines, a street. Turn it off for music."));
    ui.add_space(space::S);
    if widgets::switch(ui, &mut gain, "Even out my loudness").changed() {
        change(model, actions, |settings| settings.gain = gain);
    }
    ui.label(theme::note(ui.ctx(), "Raises a quiet voice to that of the others."));
}

fn look_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    const LOOKS: [Look; 3] = [Look::System, Look::Dark, Look::Light];
    const RENDERERS: [Renderer; 3] = [Renderer::Auto, Renderer::Wgpu, Renderer::Glow];
    row(ui, "Colours", "", |ui| {
        let mut look = LOOKS.iter().position(|look| *look == model.settings.look).unwrap_or(0);
        if widgets::segmented(ui, "Colours", &["System", "Dark", "Light"], &mut look).changed() {
            change(model, actions, |settings| settings.look = LOOKS[look]);
        }
    });
    widgets::divider(ui);
    row(ui, "Size", "Also Ctrl with +, - and 0", |ui| zoom_ui(ui, model, actions));
    widgets::divider(ui);
    row(ui, "Drawn by", "From the next start", |ui| {
        let mut chosen = RENDERERS.iter().position(|renderer| *renderer == model.settings.renderer).unwrap_or(0);
        if widgets::segmented(ui, "Drawn by", &["Auto", "wgpu", "OpenGL"], &mut chosen).changed() {
            change(model, actions, |settings| settings.renderer = RENDERERS[chosen]);
        }
    });
}

fn zoom_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let zoom = model.settings.zoom;
    if widgets::icon_button(ui, icons::MINUS, "Smaller").clicked() {
        actions.extend(zoomed(model, -1.0));
    }
    ui.label(theme::figure(format!("{:.0} %", zoom * 100.0)));
    if widgets::icon_button(ui, icons::PLUS, "Larger").clicked() {
        actions.extend(zoomed(model, 1.0));
    }
    if (zoom - 1.0).abs() > 0.01 && widgets::quiet(ui, "100 %").clicked() {
        actions.extend(zoomed(model, 0.0));
    }
}

/// A setting: its name and a note at the left, its control in a column of controls.
fn row(ui: &mut Ui, name: &str, note: &str, control: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.set_min_height(48.0);
        let size = vec2(200.0, 48.0);
        ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
            ui.set_min_width(size.x);
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(if note.is_empty() { 14.0 } else { 5.0 });
            ui.label(Type::Body.text(name));
            if !note.is_empty() {
                ui.label(theme::note(ui.ctx(), note));
            }
        });
        control(ui);
    });
}

fn about_ui(ui: &mut Ui, memory: &Memory, actions: &mut Vec<Action>) {
    let version = format!("Nearcall {}", env!("CARGO_PKG_VERSION"));
    ui.label(theme::strong_text(&version));
    let about = "Video calls over the relay that answers you soonest. Sound and pictures are encrypted from end to end: \
                 relays pass them on and cannot read them.";
    ui.label(about);
    if widgets::secondary_icon(ui, icons::COPY, "Copy version").clicked() {
        let system = format!("{version}, {} {}", std::env::consts::OS, std::env::consts::ARCH);
        actions.push(Action::Copy { text: system, said: "Version copied" });
    }
    widgets::section(ui, "Settings file");
    match &memory.file {
        Some(path) => {
            let path = path.display().to_string();
            ui.add(Label::new(RichText::new(&path).font(Type::Figures.font())).wrap().selectable(true));
            if widgets::secondary_icon(ui, icons::COPY, "Copy path").clicked() {
                actions.push(Action::Copy { text: path, said: "Path copied" });
            }
        }
        None => {
            ui.label("There is no folder to keep settings in: they last until you quit.");
        }
    }
}

#[cfg(test)]
mod tests;
