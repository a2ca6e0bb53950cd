//! Small things that the rows and the panel share: a line of text in a cell, a small button, a line of note.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Rangef, Rect, Response, RichText, Role, Sense, Stroke, StrokeKind,
    TextWrapMode, Ui, WidgetInfo, WidgetText, pos2, vec2,
};

use crate::ui::widgets::focus_ring;
use crate::ui::{icons, theme};

/// Height of a small button, points.
const CHIP: f32 = 30.0;

/// `text` in one line of at most `width` points, cut with an ellipsis.
pub fn fitted(ui: &Ui, text: impl Into<String>, font: FontId, width: f32) -> Arc<Galley> {
    let text: WidgetText = RichText::new(text).font(font.clone()).into();
    text.into_galley(ui, Some(TextWrapMode::Truncate), width.max(0.0), font)
}

/// Writes into a cell of a row, half way down at `y`, aligned as `align` says; returns what it took.
pub fn write(ui: &Ui, cell: Rangef, y: f32, align: Align2, text: &str, font: FontId, colour: Color32) -> Rect {
    let galley = fitted(ui, text, font, cell.span());
    let cell = Rect::from_x_y_ranges(cell, Rangef::point(y));
    let rect = Align2([align.x(), eframe::egui::Align::Center]).align_size_within_rect(galley.size(), cell);
    ui.painter().galley(rect.min, galley, colour);
    rect
}

/// A button of 30 points for the second rank: `text` stands on it, `name` is what it does without its surroundings.
pub fn chip(ui: &mut Ui, icon: &str, text: &str, name: &str) -> Response {
    const PADDING: f32 = 10.0;
    let words = fitted(ui, text, FontId::new(13.0, theme::medium()), 240.0);
    let glyph = (!icon.is_empty()).then(|| fitted(ui, icon, icons::font(15.0), 24.0));
    let lead = glyph.as_ref().map_or(0.0, |glyph| glyph.size().x + 6.0);
    let size = vec2(lead + words.size().x + 2.0 * PADDING, CHIP);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let over = response.enabled() && response.hovered();
        let share = ui.ctx().animate_bool_with_time(response.id.with("hover"), over, theme::quick(ui.ctx()));
        let fill = match response.is_pointer_button_down_on() {
            true => colours.pressed,
            false => theme::mix(colours.raised, colours.hover, share),
        };
        let corner = CornerRadius::same(theme::radius::M - 1);
        ui.painter().rect(rect, corner, fill, Stroke::new(1.0, colours.line), StrokeKind::Inside);
        focus_ring(ui, &response, rect, theme::radius::M - 1);
        let mut left = rect.left() + PADDING;
        if let Some(glyph) = glyph {
            ui.painter().galley(pos2(left, rect.center().y - glyph.size().y / 2.0), glyph, colours.weak);
            left += lead;
        }
        ui.painter().galley(pos2(left, rect.center().y - words.size().y / 2.0), words, colours.text);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    response
}

/// A note that may take several lines.
pub fn note(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = theme::note(ui.ctx(), text);
    ui.add(eframe::egui::Label::new(text).wrap())
}

/// An icon at the left of words that may take several lines.
pub fn remark(ui: &mut Ui, icon: &str, colour: Color32, text: impl Into<RichText>) -> Response {
    let text: RichText = text.into();
    let height = ui.fonts_mut(|fonts| text.font_height(fonts, ui.style()));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = theme::space::S;
        let (_, mark) = ui.allocate_space(vec2(16.0, height));
        let glyph = fitted(ui, icon, icons::font(16.0), 20.0);
        ui.painter().galley(mark.center() - glyph.size() / 2.0, glyph, colour);
        ui.add(eframe::egui::Label::new(text).wrap())
    })
    .inner
}
