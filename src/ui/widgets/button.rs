//! Buttons with words: one main thing to do, others beside it, and what cannot be taken back.

use eframe::egui::{
    Color32, CornerRadius, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::paint::{Fill, focus_ring, line, put_centre, put_left};
use crate::ui::{icons, theme};

/// Size of an icon beside a word, in points.
const ICON: f32 = theme::icon::L;
/// From the edge to the words, in points.
const PADDING: f32 = theme::space::L;

/// The weight that a button has on its screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Primary,
    Secondary,
    Danger,
    Quiet,
}

/// The one thing to do on a screen.
pub fn primary(ui: &mut Ui, label: &str) -> Response {
    button(ui, Weight::Primary, "", label, None)
}

/// The one thing to do on a screen, with an icon.
pub fn primary_icon(ui: &mut Ui, icon: &str, label: &str) -> Response {
    button(ui, Weight::Primary, icon, label, None)
}

/// The one thing to do on a screen, as wide as there is room. `icon` may be empty.
pub fn primary_wide(ui: &mut Ui, icon: &str, label: &str) -> Response {
    let width = ui.available_width();
    button(ui, Weight::Primary, icon, label, Some(width))
}

/// Something else to do.
pub fn secondary(ui: &mut Ui, label: &str) -> Response {
    button(ui, Weight::Secondary, "", label, None)
}

/// Something else to do, with an icon.
pub fn secondary_icon(ui: &mut Ui, icon: &str, label: &str) -> Response {
    button(ui, Weight::Secondary, icon, label, None)
}

/// What cannot be taken back.
pub fn danger(ui: &mut Ui, label: &str) -> Response {
    button(ui, Weight::Danger, "", label, None)
}

/// What cannot be taken back, with an icon.
pub fn danger_icon(ui: &mut Ui, icon: &str, label: &str) -> Response {
    button(ui, Weight::Danger, icon, label, None)
}

/// Something to do that keeps in the background: no ground until the pointer is on it.
pub fn quiet(ui: &mut Ui, label: &str) -> Response {
    button(ui, Weight::Quiet, "", label, None)
}

/// [`quiet`] with an icon.
pub fn quiet_icon(ui: &mut Ui, icon: &str, label: &str) -> Response {
    button(ui, Weight::Quiet, icon, label, None)
}

/// A square of 32 points that holds an icon alone; `label` is its accessible name and its tooltip.
pub fn icon_button(ui: &mut Ui, icon: &str, label: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(32.0), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let fill = Fill { rest: Color32::TRANSPARENT, hover: colours.hover, pressed: colours.pressed };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::radius::M), fill.at(ui, &response));
        focus_ring(ui, &response, rect, theme::radius::M);
        let glyph = line(ui, icon, icons::font(ICON), 32.0);
        let colour = if response.hovered() { colours.text } else { colours.weak };
        put_centre(ui, rect, glyph, colour);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), label));
    response.on_hover_text(label)
}

fn button(ui: &mut Ui, weight: Weight, icon: &str, label: &str, width: Option<f32>) -> Response {
    let glyph = (!icon.is_empty()).then(|| line(ui, icon, icons::font(ICON), ICON * 2.0));
    let lead = glyph.as_ref().map_or(0.0, |glyph| glyph.size().x + theme::space::S);
    let room = width.unwrap_or_else(|| ui.available_width()) - 2.0 * PADDING - lead;
    let words = line(ui, label, theme::Type::Button.font(), room.max(24.0));
    let content = lead + words.size().x;
    let size = vec2(width.unwrap_or(content + 2.0 * PADDING).max(theme::CONTROL), theme::CONTROL);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if ui.is_rect_visible(rect) {
        let text = ground(ui, weight, rect, &response);
        let left = rect.center().x - content / 2.0;
        let inner = Rect::from_min_max(pos2(left, rect.top()), pos2(left + content, rect.bottom()));
        if let Some(glyph) = glyph {
            put_left(ui, inner, glyph, text);
        }
        put_left(ui, inner.with_min_x(left + lead), words, text);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), label));
    response
}

/// Paints the ground of a button, and says in which colour to write on it.
fn ground(ui: &Ui, weight: Weight, rect: Rect, response: &Response) -> Color32 {
    let colours = theme::palette(ui.ctx());
    let (fill, edge, text) = match weight {
        Weight::Primary => (Fill::strong(colours.accent), None, colours.on_accent),
        Weight::Secondary => (Fill::raised(colours), Some(colours.line), colours.text),
        Weight::Danger => (Fill::strong(colours.danger), None, colours.on_danger),
        Weight::Quiet => {
            let fill = Fill { rest: Color32::TRANSPARENT, hover: colours.hover, pressed: colours.pressed };
            (fill, None, colours.text)
        }
    };
    let stroke = edge.map_or(Stroke::NONE, |edge| Stroke::new(theme::stroke::HAIR, edge));
    let corner = CornerRadius::same(theme::radius::M);
    ui.painter().rect(rect, corner, fill.at(ui, response), stroke, StrokeKind::Inside);
    focus_ring(ui, response, rect, theme::radius::M);
    text
}
