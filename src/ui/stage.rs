//! Owns the screen of a call: everybody's tiles, oneself, the bars above and below, the drawer at the right.
//!
//! [`super::shell`] shows it from the first link on. The order of tiles is the order in which people came: nobody jumps
//! because somebody speaks. What is asked for goes out as actions.
//!
//! | module | owns |
//! | --- | --- |
//! | `view`, `scene`, `grid` | what is large, and where everything lies |
//! | `tiles`, `tile`, `own`, `screens`, `face` | everybody, oneself, what is shared |
//! | `quality` | whose doing it is when somebody comes badly |
//! | `menu`, `volume` | what a right click on a tile offers |
//! | `toolbar`, `more`, `top`, `people`, `chat`, `reconnect` | what stands around them |
//! | `signs` | hands and reactions |

mod chat;
pub(super) mod face;
mod grid;
mod menu;
mod more;
mod own;
mod people;
mod quality;
mod reconnect;
mod scene;
mod screens;
mod signs;
mod tile;
mod tiles;
mod toolbar;
mod top;
mod view;
mod volume;

use std::collections::BTreeMap;

use eframe::egui::{
    Align2, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, accesskit, pos2, vec2,
};

use self::view::{Large, View, Who};
use super::icons;
use super::model::{Action, Model};
use super::picture::Painter;
use super::regions;
use super::theme::{self, space};
use super::widgets;
use crate::call::state::State;
use crate::call::views;
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
    /// The sheet of keys was asked for; the caller opens it and takes this back.
    pub(super) keys_asked: bool,
    /// The menu of what the bar has no room for is to open.
    pub(super) more_asked: bool,
    /// What is large.
    view: View,
    /// Figures stand on every tile.
    figures: bool,
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
    pub(super) shown: BTreeMap<ParticipantId, views::View>,
}

/// What is shown, and what draws its pictures.
#[derive(Debug, Clone, Copy)]
struct Show<'a> {
    model: &'a Model,
    state: &'a State,
    painter: &'a Painter,
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

    /// Closes what stands at the right; `false` where nothing did.
    pub(super) fn close_drawer(&mut self) -> bool {
        self.drawer.take().is_some()
    }

    /// Whether somebody reads figures.
    pub(super) fn figures_open(&self) -> bool {
        self.figures || self.drawer == Some(Drawer::Regions)
    }

    /// Who speaks large, or everybody alike.
    pub(super) fn toggle_view(&mut self) {
        self.view.toggle();
    }

    /// Pins somebody.
    pub(super) fn pin(&mut self, who: ParticipantId) {
        self.view.pin(Large::Person(Who::Peer(who)));
    }

    /// Shows figures on every tile, or none.
    pub(super) fn toggle_figures(&mut self) {
        self.figures = !self.figures;
    }

    /// Turns a page on, or back.
    pub(super) fn turn_page(&mut self, on: bool) {
        self.page = if on { self.page.saturating_add(1) } else { self.page.saturating_sub(1) };
    }

    /// Pins the person of this number, from 1 in the order of the tiles, or oneself (0); or takes that pin away.
    pub(super) fn focus(&mut self, state: &State, number: u8) {
        let who = match number.checked_sub(1) {
            None => Some(Who::Own),
            Some(index) => state.peers.get(usize::from(index)).map(|peer| Who::Peer(peer.id)),
        };
        if let Some(who) = who {
            self.view.toggle_pin(Large::Person(who));
        }
    }

    /// Opens a drawer, or closes it.
    pub(super) fn toggle(&mut self, drawer: Drawer) {
        match self.drawer == Some(drawer) {
            true => drop(self.drawer.take()),
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
    let show = Show { model, state: &state, painter };
    within(ui, "tools", bottom, |ui| toolbar::toolbar_ui(ui, show, memory, actions));

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
        reconnect::reconnecting_ui(ui, model, &state, actions);
        screens::sharing_ui(ui, &state, actions);
        deaf_ui(ui, &state, actions);
        scene::scene_ui(ui, show, memory, actions);
        microphone_ui(ui, &state);
    });
}

/// Whether the window fills its screen.
pub(super) fn is_full(ui: &Ui) -> bool {
    ui.input(|input| input.viewport().fullscreen.unwrap_or(false))
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

/// Who hears nobody is told so for as long as that lasts, with the way back.
fn deaf_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    if !state.own.deaf {
        return;
    }
    widgets::banner(ui, widgets::Kind::Info, "You hear nobody, and nobody hears you.", |ui| {
        if widgets::secondary_icon(ui, icons::HEADPHONES, "Hear everybody again").clicked() {
            actions.push(Action::Deafen(false));
        }
    });
    ui.add_space(space::XS);
}

/// What somebody who is muted has to know of the microphone: over the tiles, so that nothing moves when it comes and goes.
fn microphone_ui(ui: &Ui, state: &State) {
    let own = &state.own;
    let [mute, talk] = ["M", "Space"].map(|key| widgets::key_now(ui.ctx(), key));
    let (icon, words) = if own.holds_to_talk {
        (icons::MIC, format!("You are heard while you hold {talk}"))
    } else if own.talks_unheard && !own.deaf {
        let words = match (mute.as_str(), talk.as_str()) {
            ("", "") => "You are muted".to_owned(),
            (mute, "") => format!("You are muted: press {mute} to be heard"),
            ("", talk) => format!("You are muted: hold {talk} to be heard"),
            (mute, talk) => format!("You are muted: press {mute}, or hold {talk}, to be heard"),
        };
        (icons::MIC_OFF, words)
    } else {
        return;
    };
    let area = ui.max_rect();
    // Above the numbers of the pages.
    let at = area.center_bottom() - vec2(0.0, 44.0);
    let colour = theme::palette(ui.ctx()).on_tile;
    face::pill(ui, at, Align2::CENTER_BOTTOM, &words, &[(icon, colour)], area.width() - 16.0);
    let place = Rect::from_center_size(at, Vec2::ZERO);
    let response = ui.interact(place, ui.scope_id().with("microphone"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &words));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
}

#[cfg(test)]
mod tests;
