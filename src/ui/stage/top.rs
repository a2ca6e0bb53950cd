//! The bar above the tiles: the room, how long, how near, how many, how it is shown. And the head of the drawer.

use std::time::Duration;

use eframe::egui::{
    Align, Context, CornerRadius, Label, Layout, Response, Role, Sense, Ui, ViewportCommand, WidgetInfo, pos2, vec2,
};

use super::{Drawer, Memory, face, is_full, more};
use crate::call::state::{Phase, State};
use crate::ui::model::Model;
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// Draws the bar.
pub(super) fn top_ui(ui: &mut Ui, model: &Model, state: &State, memory: &mut Memory) {
    let height = ui.available_height();
    ui.allocate_ui_with_layout(vec2(ui.available_width(), height), Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let colours = theme::palette(ui.ctx());
        let lock = ui.label(icons::text(icons::LOCK, 16.0).color(colours.good));
        lock.on_hover_text("Sound and pictures are encrypted from end to end.");
        let room = model.room.name.as_deref().unwrap_or("Call");
        let most = (ui.available_width() - 500.0).max(60.0);
        ui.scope(|ui| {
            ui.set_max_width(most);
            ui.add(Label::new(Type::Heading.text(room)).truncate());
        });
        time_ui(ui, model, state);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            shown_ui(ui, memory);
            people_chip_ui(ui, state, memory);
            region_chip_ui(ui, state, memory);
        });
    });
}

/// How the call is shown: the window as large as the screen, and the other view.
fn shown_ui(ui: &mut Ui, memory: &mut Memory) {
    let full = is_full(ui);
    let (icon, label) = if full {
        (icons::FULLSCREEN_EXIT, "Leave full screen (F11)")
    } else {
        (icons::FULLSCREEN, "Full screen (F11)")
    };
    if widgets::icon_button(ui, icon, label).clicked() {
        ui.ctx().send_viewport_cmd(ViewportCommand::Fullscreen(!full));
    }
    let (icon, label) = more::view_looks(memory);
    if widgets::icon_button(ui, icon, &format!("{label} (W)")).clicked() {
        memory.toggle_view();
    }
}

/// How long the call lasts; the next second is drawn when it comes.
fn time_ui(ui: &mut Ui, model: &Model, state: &State) {
    let Phase::InCall { since } = state.phase else {
        return;
    };
    let lasted = model.now.saturating_duration_since(since);
    let colour = theme::palette(ui.ctx()).weak;
    ui.label(theme::figure(clock(lasted)).color(colour)).on_hover_text("Time in the call");
    repaint_next_second(ui.ctx(), lasted);
}

/// Asks for a frame when `lasted` is a full second again.
pub(super) fn repaint_next_second(ctx: &Context, lasted: Duration) {
    ctx.request_repaint_after(Duration::from_millis(1000 - u64::from(lasted.subsec_millis())));
}

/// `12:41`, or `1:02:41` from an hour on.
pub(super) fn clock(lasted: Duration) -> String {
    let (minutes, seconds) = (lasted.as_secs() / 60, lasted.as_secs() % 60);
    match minutes / 60 {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

/// Where the call runs and how good that is; a click opens the regions.
fn region_chip_ui(ui: &mut Ui, state: &State, memory: &mut Memory) {
    let colours = theme::palette(ui.ctx());
    let (icon, colour, text) = match (&state.active, state.leader()) {
        (Some(active), Some(row)) => {
            let quality = widgets::quality(row.mean_ms, row.jitter_ms, row.loss);
            let delay = row.mean_ms.map_or("–".to_owned(), |ms| format!("{ms:.0} ms"));
            (quality.icon(), quality.colour(colours), format!("{} · {delay} · {}", active.region, quality.word()))
        }
        (Some(active), None) => (icons::SIGNAL, colours.weak, active.region.clone()),
        (None, _) => (icons::OFFLINE, colours.down, "no region".to_owned()),
    };
    let open = memory.drawer == Some(Drawer::Regions);
    if chip(ui, icon, colour, &text, &format!("Regions: {text}"), "N", open).clicked() {
        memory.toggle(Drawer::Regions);
    }
}

fn people_chip_ui(ui: &mut Ui, state: &State, memory: &mut Memory) {
    let count = (state.peers.len() + 1).to_string();
    let colour = theme::palette(ui.ctx()).text;
    let open = memory.drawer == Some(Drawer::People);
    if chip(ui, icons::PEOPLE, colour, &count, &format!("People: {count}"), "P", open).clicked() {
        memory.toggle(Drawer::People);
    }
}

/// A pill that opens a drawer. `label` is its accessible name, `key` the key that does the same.
fn chip(
    ui: &mut Ui,
    icon: &str,
    colour: eframe::egui::Color32,
    text: &str,
    label: &str,
    key: &str,
    open: bool,
) -> Response {
    let colours = theme::palette(ui.ctx());
    let glyph = face::line(ui, icon, icons::font(16.0), 24.0);
    let words = face::line(ui, text, Type::Figures.font(), 260.0);
    let size = vec2(glyph.size().x + words.size().x + 6.0 + 24.0, 32.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if ui.is_rect_visible(rect) {
        let fill = if response.hovered() || open { colours.hover } else { colours.raised };
        ui.painter().rect_filled(rect, CornerRadius::same(16), fill);
        widgets::focus_ring(ui, &response, rect, 16);
        let left = rect.left() + 12.0;
        let middle = |height: f32| rect.center().y - height / 2.0;
        let after = left + glyph.size().x + 6.0;
        ui.painter().galley(pos2(left, middle(glyph.size().y)), glyph, colour);
        ui.painter().galley(pos2(after, middle(words.size().y)), words, colours.text);
    }
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, open, label));
    response.on_hover_ui(|ui| {
        ui.horizontal(|ui| {
            ui.label(label);
            widgets::key_hint(ui, key);
        });
    })
}

/// The name of a drawer, and a button that closes it: `true` when it was pressed.
pub(super) fn drawer_head_ui(ui: &mut Ui, title: &str) -> bool {
    ui.horizontal(|ui| {
        ui.label(Type::Heading.text(title));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            widgets::icon_button(ui, icons::CLOSE, "Close the drawer").clicked()
        })
        .inner
    })
    .inner
}
