//! Owns the screen before a call: what one looks and sounds like, where the call is, and how near the relays are.
//!
//! [`super::shell`] shows it while there is no call. Nothing on it needs a device or a network: what is missing is said
//! where it would stand.

mod host;
mod join;
mod preview;
mod recent;
mod sound;

use std::time::Instant;

use eframe::egui::{Align, Layout, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::model::{Action, Model};
use super::picture::Painter;
use super::preferences::Draft;
use super::regions;
use super::theme::{Type, space};
use super::{icons, widgets};

/// What the lobby itself remembers.
#[derive(Debug, Default)]
pub struct Memory {
    /// The gear was pressed; the caller opens the settings and takes this back.
    pub(super) settings_asked: bool,
    /// The keyboard was pressed; likewise.
    pub(super) keys_asked: bool,
    regions: regions::Memory,
    name: Draft,
    room: Draft,
    /// The list of recent rooms is open.
    recent_open: bool,
    /// The microphone that gives nothing, and since when.
    silent: Option<(String, Instant)>,
}

impl Memory {
    /// As if nothing had come from this microphone since then: for pictures of it.
    pub fn heard_nothing(&mut self, microphone: &str, since: Instant) {
        self.silent = Some((microphone.to_owned(), since));
    }

    /// Opens the list of recent rooms.
    pub fn open_recent(&mut self) {
        self.recent_open = true;
    }
}

/// Widest that the content is drawn, in points.
const WIDEST: f32 = 1160.0;
/// From here on there are two columns, in points.
const TWO_COLUMNS: f32 = 700.0;
/// The column with the race: from all figures of a row up to what bars gain from, in points.
const RACE: std::ops::RangeInclusive<f32> = 440.0..=596.0;
/// The column with the preview, in points.
const PREVIEW: std::ops::RangeInclusive<f32> = 340.0..=540.0;

/// Draws the lobby in the whole of `ui`.
pub fn lobby_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, painter: &Painter, actions: &mut Vec<Action>) {
    ScrollArea::vertical().id_salt("lobby").auto_shrink(false).show(ui, |ui| {
        let room = ui.available_width();
        let width = (room - 2.0 * space::XL).min(WIDEST);
        let left = ui.max_rect().left() + (room - width) / 2.0;
        let top = ui.cursor().top();
        let place = Rect::from_min_size(pos2(left, top), vec2(width, f32::INFINITY));
        let inner = ui.scope_builder(UiBuilder::new().max_rect(place).id_salt("content"), |ui| {
            head_ui(ui, memory);
            regions::banner_ui(ui, model, actions);
            if width >= TWO_COLUMNS {
                columns_ui(ui, model, memory, painter, actions);
            } else {
                preview::preview_ui(ui, model, painter);
                sound::devices_ui(ui, model, memory, actions);
                ui.add_space(space::S);
                join::join_ui(ui, model, memory, actions);
                ui.add_space(space::S);
                host::host_ui(ui, model, actions);
                race_ui(ui, model, memory, actions);
            }
            ui.add_space(space::L);
        });
        ui.expand_to_include_rect(inner.response.rect);
    });
}

fn head_ui(ui: &mut Ui, memory: &mut Memory) {
    ui.add_space(space::M);
    ui.horizontal(|ui| {
        ui.label(Type::Title.text("Nearcall"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            memory.settings_asked |= widgets::icon_button(ui, icons::SETTINGS, "Settings").clicked();
            memory.keys_asked |= widgets::icon_button(ui, icons::KEYBOARD, "Keys").clicked();
        });
    });
    ui.add_space(space::XS);
}

/// One's picture and devices at the left; the name, the room and Join at the right; the race where its figures have room.
fn columns_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, painter: &Painter, actions: &mut Vec<Action>) {
    let (width, top) = (ui.available_width(), ui.cursor().min);
    let beside = width - space::XL - PREVIEW.start() >= *RACE.start();
    let left = (width - space::XL - RACE.end()).clamp(*PREVIEW.start(), *PREVIEW.end());
    let right = top.x + left + space::XL;
    let column = |x: f32, width: f32| Rect::from_min_size(pos2(x, top.y), vec2(width, f32::INFINITY));
    let first = ui.scope_builder(UiBuilder::new().max_rect(column(top.x, left)).id_salt("you"), |ui| {
        preview::preview_ui(ui, model, painter);
        ui.add_space(space::XS);
        sound::devices_ui(ui, model, memory, actions);
        if beside {
            ui.add_space(space::S);
            host::host_ui(ui, model, actions);
        }
    });
    let place = column(right, top.x + width - right);
    let second = ui.scope_builder(UiBuilder::new().max_rect(place).id_salt("where"), |ui| {
        join::join_ui(ui, model, memory, actions);
        if beside {
            race_ui(ui, model, memory, actions);
        } else {
            ui.add_space(space::M);
            host::host_ui(ui, model, actions);
        }
    });
    let bottom = first.response.rect.bottom().max(second.response.rect.bottom());
    ui.advance_cursor_after_rect(Rect::from_min_max(top, pos2(top.x + width, bottom)));
    if !beside {
        race_ui(ui, model, memory, actions);
    }
}

fn race_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    ui.add_space(space::S);
    widgets::card(ui, |ui| regions::race_ui(ui, model, &mut memory.regions, actions));
}

#[cfg(test)]
mod tests;
