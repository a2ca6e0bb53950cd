//! Rows of a menu that opens over the screen.

use eframe::egui::{Color32, CornerRadius, FontId, Response, Role, Sense, Ui, WidgetInfo, vec2};

use super::paint::{Fill, focus_ring, line, put_centre, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Type};

/// Height of a row, and room for its icon, points.
const HEIGHT: f32 = 34.0;
const ICON: f32 = 30.0;

/// A row as wide as there is room: an icon, words, and the key that does the same ("" for none). `on` makes it a toggle
/// that is on or off, which a check mark at its end shows; `label` is its accessible name.
pub fn menu_row(ui: &mut Ui, icon: &str, label: &str, key: &str, on: Option<bool>) -> Response {
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let fill = Fill { rest: Color32::TRANSPARENT, hover: colours.hover, pressed: colours.pressed };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::radius::M), fill.at(ui, &response));
        focus_ring(ui, &response, rect, theme::radius::M);
        let inner = rect.shrink2(vec2(8.0, 0.0));
        put_left(ui, inner, line(ui, icon, icons::font(18.0), ICON), colours.weak);
        let mut right = inner.right();
        if on == Some(true) {
            let mark = line(ui, icons::CHECK, icons::font(16.0), ICON);
            right -= mark.size().x;
            put_left(ui, inner.with_min_x(right), mark, colours.accent_text);
            right -= theme::space::S;
        }
        if !key.is_empty() {
            let cap = line(ui, key, FontId::new(11.5, theme::medium()), 120.0);
            right -= cap.size().x;
            put_left(ui, inner.with_min_x(right), cap, colours.weak);
            right -= theme::space::S;
        }
        let words = line(ui, label, Type::Body.font(), right - inner.left() - ICON);
        put_left(ui, inner.with_min_x(inner.left() + ICON), words, colours.text);
    }
    response.widget_info(|| WidgetInfo { selected: on, ..WidgetInfo::labeled(Role::Button, ui.is_enabled(), label) });
    response
}

/// A small round button on a picture, with an icon alone; `label` is its accessible name and its tooltip.
pub fn picture_button(ui: &mut Ui, rect: eframe::egui::Rect, icon: &str, label: &str) -> Response {
    let response = ui.interact(rect, ui.scope_id().with((label, "on a picture")), Sense::click());
    let colours = theme::palette(ui.ctx());
    let radius = (rect.height() / 2.0) as u8;
    let over = if response.hovered() { Color32::WHITE } else { colours.scrim };
    let fill = theme::mix(colours.scrim, over, if response.hovered() { 0.2 } else { 0.0 });
    ui.painter().rect_filled(rect, CornerRadius::same(radius), fill);
    focus_ring(ui, &response, rect, radius);
    put_centre(ui, rect, line(ui, icon, icons::font(15.0), rect.width()), colours.on_tile);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    response.on_hover_text(label)
}
