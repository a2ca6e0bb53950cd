//! Owns the screen of a call: everybody's tiles, oneself, the bars above and below, the drawer at the right.
//!
//! [`super::shell`] shows it from the first link on. The order of tiles is the order in which people came: nobody jumps
//! because somebody speaks. What is asked for goes out as actions.

mod chat;
pub(super) mod face;
mod grid;
mod people;
mod screens;
mod signs;
mod tiles;
mod toolbar;
mod top;
mod volume;

use std::collections::BTreeMap;

use eframe::egui::{
    Align2, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, accesskit, pos2, vec2,
};

use super::icons;
use super::model::{Action, Model};
use super::picture::Painter;
use super::regions;
use super::theme::{self, space};
use crate::call::state::{Phase, State};
use crate::call::views::View;
use crate::proto::ParticipantId;

/// Height of the bar with the tools, points: notices stay above it.
pub(super) const BOTTOM: f32 = 68.0;
/// Height of the bar at the top, points.
const TOP: f32 = 52.0;

/// What the call's screen itself remembers.
#[derive(Debug, Default)]
pub struct Memory {
    /// The gear was pressed; the caller opens the settings and takes this back.
    pub(super) settings_asked: bool,
    /// The button for sharing was pressed; the caller sees to it and takes this back.
    pub(super) share_asked: bool,
    /// The screen that was pressed, to be the large one.
    screen: Option<ParticipantId>,
    /// The list of a device is open.
    pub(super) picking: bool,
    drawer: Option<Drawer>,
    chat: chat::Memory,
    /// Whom a host wants to remove; the caller asks, and takes this back.
    pub(super) removal: Option<ParticipantId>,
    regions: regions::Memory,
    /// Of the tiles, from 0.
    page: usize,
    /// How everybody's camera was drawn last.
    pub(super) shown: BTreeMap<ParticipantId, View>,
}

/// What stands at the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawer {
    Regions,
    People,
    Chat,
}

impl Memory {
    pub(super) fn open(&mut self, drawer: Drawer) {
        self.drawer = Some(drawer);
        self.chat.focus = drawer == Drawer::Chat;
    }

    pub(super) fn close_drawer(&mut self) {
        self.drawer = None;
    }

    pub(super) fn regions_open(&self) -> bool {
        self.drawer == Some(Drawer::Regions)
    }

    /// Opens a drawer, or closes it.
    pub(super) fn toggle(&mut self, drawer: Drawer) {
        match self.drawer == Some(drawer) {
            true => self.close_drawer(),
            false => self.open(drawer),
        }
    }
}

/// Draws the call in the whole of `ui`; nothing before there is a snapshot.
pub fn stage_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, painter: &Painter, actions: &mut Vec<Action>) {
    let Some(state) = model.call.clone() else {
        return;
    };
    memory.chat.take_in(&state.conversation, memory.drawer == Some(Drawer::Chat));
    chat::announce_ui(ui, &memory.chat);
    let whole = ui.max_rect();
    let (top, rest) = whole.split_top_bottom_at_y(whole.top() + TOP);
    let (middle, bottom) = rest.split_top_bottom_at_y(rest.bottom() - BOTTOM);
    within(ui, "top", top.shrink2(vec2(space::L, 0.0)), |ui| {
        top::top_ui(ui, model, &state, memory);
    });
    within(ui, "tools", bottom, |ui| toolbar::toolbar_ui(ui, model, &state, memory, actions));

    let middle = match memory.drawer {
        Some(drawer) => {
            let edge = middle.right() - drawer_width(drawer, middle.width());
            let place = Rect::from_min_max(pos2(edge, middle.top()), middle.max - vec2(space::S, 0.0));
            within(ui, "drawer", place, |ui| drawer_ui(ui, drawer, model, &state, memory, actions));
            middle.with_max_x(edge)
        }
        None => middle,
    };
    within(ui, "middle", middle.shrink2(vec2(space::S, 0.0)), |ui| {
        regions::banner_ui(ui, model, actions);
        reconnecting_ui(ui, model, &state, actions);
        screens::sharing_ui(ui, &state, actions);
        let people = screens::screens_ui(ui, model, &state, memory, painter);
        within(ui, "people", people, |ui| {
            memory.shown = tiles::tiles_ui(ui, model, &state, &mut memory.page, painter, actions);
        });
        microphone_ui(ui, &state);
    });
}

fn drawer_width(drawer: Drawer, room: f32) -> f32 {
    match drawer {
        Drawer::Regions => (room * 0.46).clamp(360.0, 560.0).min(room - 160.0),
        Drawer::People => 340.0_f32.min(room - 160.0),
        Drawer::Chat => (room * 0.3).clamp(320.0, 420.0).min(room - 160.0),
    }
}

/// Draws in `place`, under a name of its own: what is under the keyboard stays so when something beside it changes.
fn within(ui: &mut Ui, name: &str, place: Rect, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().id_salt(name).max_rect(place));
    add(&mut child);
}

fn drawer_ui(
    ui: &mut Ui,
    drawer: Drawer,
    model: &Model,
    state: &State,
    memory: &mut Memory,
    actions: &mut Vec<Action>,
) {
    let colours = theme::palette(ui.ctx());
    let place = ui.max_rect();
    let corner = CornerRadius::same(theme::radius::L);
    ui.painter().rect(place, corner, colours.panel, Stroke::new(1.0, colours.line), StrokeKind::Inside);
    let title = match drawer {
        Drawer::Regions => "Regions".to_owned(),
        Drawer::People => format!("People ({})", state.peers.len() + 1),
        Drawer::Chat => "Chat".to_owned(),
    };
    within(ui, "inside", place.shrink(space::L), |ui| {
        if top::drawer_head_ui(ui, &title) {
            memory.drawer = None;
        }
        if drawer == Drawer::Chat {
            return chat::panel_ui(ui, model, state, &mut memory.chat, actions);
        }
        let scroll = eframe::egui::ScrollArea::vertical().id_salt(title).auto_shrink(false);
        scroll.show(ui, |ui| match drawer {
            Drawer::Regions => regions::panel_ui(ui, model, &mut memory.regions, actions),
            Drawer::People => people::people_ui(ui, model, state, &mut memory.removal, actions),
            // Scrolls by itself, above its box.
            Drawer::Chat => {}
        });
    });
}

/// What somebody who is muted has to know of the microphone: over the tiles, so that nothing moves when it comes and goes.
fn microphone_ui(ui: &Ui, state: &State) {
    let own = &state.own;
    let (icon, words) = if own.holds_to_talk {
        (icons::MIC, "You are heard while you hold Space")
    } else if own.talks_unheard {
        (icons::MIC_OFF, "You are muted: press M, or hold Space, to be heard")
    } else {
        return;
    };
    let area = ui.max_rect();
    // Above the numbers of the pages.
    let at = area.center_bottom() - vec2(0.0, 44.0);
    let colour = theme::palette(ui.ctx()).on_tile;
    face::pill(ui, at, Align2::CENTER_BOTTOM, words, &[(icon, colour)], area.width() - 16.0);
    let place = Rect::from_center_size(at, Vec2::ZERO);
    let response = ui.interact(place, ui.scope_id().with("microphone"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, words));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
}

/// Every link is lost: said at once, with what it means.
fn reconnecting_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) {
    let Phase::Reconnecting { since } = state.phase else {
        return;
    };
    let lasted = model.now.saturating_duration_since(since);
    let text = "Reconnecting… Everybody stays; you need not do anything.";
    super::widgets::banner(ui, super::widgets::Kind::Warning, text, |ui| {
        // The seconds stand apart: a screen reader says the sentence once, not every second.
        ui.label(theme::figure(format!("{} s", lasted.as_secs())));
        if super::widgets::danger(ui, "Leave").clicked() {
            actions.push(Action::Leave);
        }
    });
    top::repaint_next_second(ui.ctx(), lasted);
    ui.add_space(space::XS);
}

#[cfg(test)]
mod tests;
