//! What the controls share: the ring of the keyboard, the blend to hover, one line of text in a given width.

use std::sync::Arc;

use eframe::egui::{
    Color32, CornerRadius, FontId, Galley, Rect, Response, RichText, Stroke, StrokeKind, TextWrapMode, Ui, WidgetText,
    pos2,
};

use crate::ui::theme::{self, Palette};

/// Rings `rect` while the keyboard is on `response`. `radius` is that of the control's own corners, in points.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, radius: u8) {
    if !response.has_focus() {
        return;
    }
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(radius.saturating_add(3));
    ui.painter().rect_stroke(
        rect.expand(3.0),
        corner,
        Stroke::new(theme::stroke::RING, colours.accent_text),
        StrokeKind::Inside,
    );
}

/// How far `response` is into being hovered, 0..=1. Asks for frames only on the way there and back.
pub(super) fn hover(ui: &Ui, response: &Response) -> f32 {
    let over = response.enabled() && (response.hovered() || response.is_pointer_button_down_on());
    ui.ctx().animate_bool_with_time(response.id.with("hover"), over, theme::quick(ui.ctx()))
}

/// The three grounds of a control: at rest, under the pointer, pressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fill {
    pub rest: Color32,
    pub hover: Color32,
    pub pressed: Color32,
}

impl Fill {
    /// Grey, for what is not the main thing to do.
    pub fn raised(colours: &Palette) -> Self {
        Self { rest: colours.raised, hover: colours.hover, pressed: colours.pressed }
    }

    /// A full colour with light text on it: it darkens, so that the text stays readable.
    pub fn strong(colour: Color32) -> Self {
        Self {
            rest: colour,
            hover: theme::mix(colour, Color32::BLACK, 0.12),
            pressed: theme::mix(colour, Color32::BLACK, 0.25),
        }
    }

    /// A quiet ground in `colour`.
    pub fn tinted(colours: &Palette, colour: Color32) -> Self {
        let rest = colours.tint(colour);
        Self { rest, hover: theme::mix(rest, colour, 0.10), pressed: theme::mix(rest, colours.ground, 0.35) }
    }

    /// The one that `response` is at.
    pub fn at(self, ui: &Ui, response: &Response) -> Color32 {
        let share = hover(ui, response);
        if response.is_pointer_button_down_on() { self.pressed } else { theme::mix(self.rest, self.hover, share) }
    }
}

/// `text` in one line of at most `width` points, cut with an ellipsis; without a colour of its own.
pub(super) fn line(ui: &Ui, text: impl Into<String>, font: FontId, width: f32) -> Arc<Galley> {
    let text: WidgetText = RichText::new(text).font(font.clone()).into();
    text.into_galley(ui, Some(TextWrapMode::Truncate), width.max(0.0), font)
}

/// Paints `galley` in `rect`, at its left edge and half way down.
pub(super) fn put_left(ui: &Ui, rect: Rect, galley: Arc<Galley>, colour: Color32) {
    let pos = pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(pos, galley, colour);
}

/// Paints `galley` in the middle of `rect`.
pub(super) fn put_centre(ui: &Ui, rect: Rect, galley: Arc<Galley>, colour: Color32) {
    let pos = rect.center() - galley.size() / 2.0;
    ui.painter().galley(pos, galley, colour);
}
