//! The level meter beside a microphone and a loudspeaker.

use eframe::egui::{CornerRadius, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::ui::theme;

/// The quietest level that lights a segment, in dB of full scale.
const FLOOR_DB: f32 = -54.0;
/// From here on speech is loud, in dB of full scale.
const LOUD_DB: f32 = -12.0;
/// From here on it may clip, in dB of full scale.
const HOT_DB: f32 = -4.0;
const SEGMENT: f32 = 6.0;
const GAP: f32 = 3.0;
const HEIGHT: f32 = 8.0;

/// A horizontal meter as wide as there is room. `level` is an amplitude, 0..=1 of full scale, drawn in dB; what is not
/// a number counts as silence. `label` is its accessible name, and its value is in percent of the scale.
pub fn meter(ui: &mut Ui, level: f32, label: &str) -> Response {
    let width = ui.available_width().clamp(40.0, 480.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::hover());
    let share = on_scale(level);
    if ui.is_rect_visible(rect) {
        segments(ui, rect, share);
    }
    response.widget_info(|| WidgetInfo {
        value: Some(f64::from((share * 100.0).round())),
        ..WidgetInfo::labeled(Role::Meter, true, label)
    });
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(100.0);
    });
    response
}

/// Where an amplitude stands on the scale, 0..=1.
fn on_scale(level: f32) -> f32 {
    if !level.is_finite() || level <= 0.0 {
        return 0.0;
    }
    let decibels = 20.0 * level.log10();
    ((decibels - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0)
}

fn segments(ui: &Ui, rect: Rect, share: f32) {
    let colours = theme::palette(ui.ctx());
    let count = (((rect.width() + GAP) / (SEGMENT + GAP)).floor() as usize).max(1);
    let step = (rect.width() + GAP) / count as f32;
    for index in 0..count {
        let from = index as f32 / count as f32;
        let decibels = FLOOR_DB * (1.0 - (index as f32 + 0.5) / count as f32);
        let lit = if decibels >= HOT_DB {
            colours.poor
        } else if decibels >= LOUD_DB {
            colours.fair
        } else {
            colours.good
        };
        // The last segment fades in, so that the meter moves smoothly on few segments.
        let glow = ((share - from) * count as f32).clamp(0.0, 1.0);
        let left = rect.left() + index as f32 * step;
        let segment = Rect::from_min_max(pos2(left, rect.top()), pos2(left + step - GAP, rect.bottom()));
        ui.painter().rect_filled(segment, CornerRadius::same(2), theme::mix(colours.line, lit, glow));
    }
}

#[cfg(test)]
mod tests {
    use super::on_scale;

    #[test]
    fn silence_nothing_and_nonsense_light_no_segment_and_full_scale_lights_all() {
        for nothing in [0.0, -1.0, f32::NAN, f32::NEG_INFINITY, 0.0001] {
            assert_eq!(on_scale(nothing), 0.0);
        }
        assert_eq!(on_scale(1.0), 1.0);
        assert_eq!(on_scale(7.0), 1.0);
        assert!((0.5..0.9).contains(&on_scale(0.1)));
    }
}
