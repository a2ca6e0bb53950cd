//! The round buttons of the toolbar.

use eframe::egui::{Color32, CornerRadius, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::hints::key_now;
use super::key_hint;
use super::paint::{Fill, focus_ring, line, put_centre};
use crate::ui::icons;
use crate::ui::theme::{self, Palette};

/// Diameter in points.
const DIAMETER: f32 = 44.0;

/// What a round button says by its ground.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular: an action, or a device that is on.
    #[default]
    Plain,
    /// Its panel is open, its mode is on.
    Active,
    /// The device is off; give it the crossed-out icon.
    Off,
    /// Leave. Wider than the others, so that its shape tells it too.
    Danger,
}

/// A round button with an icon. `label` is its accessible name, `key` the first key that does the same ("" for none), in
/// whose place the user's own is shown; both stand in the tooltip. [`Tone::Active`] and [`Tone::Off`] are announced as a
/// toggle that is on or off.
pub fn round(ui: &mut Ui, icon: &str, label: &str, key: &str, tone: Tone) -> Response {
    let on = match tone {
        Tone::Active => Some(true),
        Tone::Off => Some(false),
        Tone::Plain | Tone::Danger => None,
    };
    draw(ui, icon, label, key, tone, on)
}

/// [`round`] that is announced as a toggle in every tone: `on` or off.
pub fn round_toggle(ui: &mut Ui, icon: &str, label: &str, key: &str, tone: Tone, on: bool) -> Response {
    draw(ui, icon, label, key, tone, Some(on))
}

fn draw(ui: &mut Ui, icon: &str, label: &str, key: &str, tone: Tone, on: Option<bool>) -> Response {
    let width = if tone == Tone::Danger { DIAMETER * 1.45 } else { DIAMETER };
    let (rect, response) = ui.allocate_exact_size(vec2(width, DIAMETER), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let (fill, colour) = dress(colours, tone);
        let radius = (DIAMETER / 2.0) as u8;
        let edge = if tone == Tone::Plain { colours.line } else { Color32::TRANSPARENT };
        let stroke = Stroke::new(theme::stroke::HAIR, edge);
        ui.painter().rect(rect, CornerRadius::same(radius), fill.at(ui, &response), stroke, StrokeKind::Inside);
        focus_ring(ui, &response, rect, radius);
        let glyph = line(ui, icon, icons::font(theme::icon::XL), width);
        put_centre(ui, rect, glyph, colour);
    }
    response.widget_info(|| WidgetInfo { selected: on, ..WidgetInfo::labeled(Role::Button, ui.is_enabled(), label) });
    let tip = |ui: &mut Ui| {
        ui.horizontal(|ui| {
            ui.label(label);
            let key = key_now(ui.ctx(), key);
            if !key.is_empty() {
                key_hint(ui, &key);
            }
        });
    };
    response.on_hover_ui(tip).on_disabled_hover_ui(tip)
}

fn dress(colours: &Palette, tone: Tone) -> (Fill, Color32) {
    match tone {
        Tone::Plain => (Fill::raised(colours), colours.text),
        Tone::Active => (Fill::strong(colours.accent), colours.on_accent),
        Tone::Off => (Fill::tinted(colours, colours.danger_text), colours.danger_text),
        Tone::Danger => (Fill::strong(colours.danger), colours.on_danger),
    }
}
