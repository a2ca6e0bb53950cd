//! Small marks: badges of states, the caps of keys, an icon with its word.

use eframe::egui::{Color32, CornerRadius, Response, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::paint::{line, put_centre, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Type};

/// A small pill in `colour` with an icon and a word. `icon` may be empty; `text` is its accessible name.
pub fn badge(ui: &mut Ui, icon: &str, text: &str, colour: Color32) -> Response {
    let words = line(ui, text, Type::Badge.font(), 240.0);
    let glyph = (!icon.is_empty()).then(|| line(ui, icon, icons::font(theme::icon::S), 20.0));
    let lead = glyph.as_ref().map_or(0.0, |glyph| glyph.size().x + theme::space::XS);
    let size = vec2(lead + words.size().x + 16.0, 22.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        ui.painter().rect_filled(rect, CornerRadius::same(11), colours.tint(colour));
        let inner = rect.shrink2(vec2(8.0, 0.0));
        if let Some(glyph) = glyph {
            put_left(ui, inner, glyph, colour);
        }
        put_left(ui, inner.with_min_x(inner.left() + lead), words, colour);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    response
}

/// The cap of a key, such as "M" or "Ctrl+D".
pub fn key_hint(ui: &mut Ui, key: &str) {
    let words = line(ui, key, Type::Badge.font(), 200.0);
    let size = vec2((words.size().x + 12.0).max(20.0), 20.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let corner = CornerRadius::same(theme::radius::S);
        ui.painter().rect(
            rect,
            corner,
            colours.raised,
            Stroke::new(theme::stroke::HAIR, colours.edge),
            StrokeKind::Inside,
        );
        put_centre(ui, rect, words, colours.text);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, key));
}

/// An icon and a word in one colour, without a ground. `text` is the accessible name of both.
pub fn label_icon(ui: &mut Ui, icon: &str, text: &str, colour: Color32) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = theme::space::XS + 1.0;
        ui.horizontal(|ui| {
            let (_, rect) = ui.allocate_space(vec2(16.0, 20.0));
            put_left(ui, rect, line(ui, icon, icons::font(theme::icon::M), 20.0), colour);
            ui.label(RichText::new(text).font(Type::Body.font()).color(colour))
        })
        .inner
    })
    .inner
}
