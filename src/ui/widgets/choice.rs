//! On or off, and one of a few.

use std::sync::Arc;

use eframe::egui::{
    CornerRadius, Galley, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, lerp, pos2, vec2,
};

use super::paint::{focus_ring, hover, line, put_centre, put_left};
use crate::ui::theme::{self, Type, stroke};

/// A switch with its label at its right; a click on either turns it.
pub fn switch(ui: &mut Ui, on: &mut bool, label: &str) -> Response {
    let track = vec2(38.0, 22.0);
    let gap = theme::space::S + 2.0;
    let words = line(ui, label, Type::Body.font(), ui.available_width() - track.x - gap);
    let size = vec2(track.x + gap + words.size().x, 28.0_f32.max(words.size().y));
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let rail = Rect::from_center_size(pos2(rect.left() + track.x / 2.0, rect.center().y), track);
        let share = ui.ctx().animate_bool_with_time(response.id, *on, theme::quick(ui.ctx()));
        let over = hover(ui, &response) * 0.12;
        let fill = theme::mix(theme::mix(colours.raised, colours.text, over), colours.accent, share);
        let edge = theme::mix(colours.edge, colours.accent, share);
        ui.painter().rect(rail, CornerRadius::same(11), fill, Stroke::new(stroke::MARK, edge), StrokeKind::Inside);
        let knob = pos2(lerp(rail.left() + 11.0..=rail.right() - 11.0, share), rail.center().y);
        let colour = theme::mix(colours.edge, colours.on_accent, share);
        ui.painter().circle_filled(knob, lerp(6.0..=7.5, share), colour);
        focus_ring(ui, &response, rail, 11);
        put_left(ui, rect.with_min_x(rail.right() + gap), words, colours.text);
    }
    response.widget_info(|| WidgetInfo::selected(Role::Switch, ui.is_enabled(), *on, label));
    response
}

/// A row of a few short options of which one is chosen. `label` is the accessible name of the row; each option is named
/// by its own words. The response is marked as changed in the frame of a choice. An index out of range chooses nothing.
pub fn segmented(ui: &mut Ui, label: &str, options: &[&str], chosen: &mut usize) -> Response {
    let builder = UiBuilder::new().accessibility_role(Role::RadioGroup).accessibility_label(label);
    let mut changed = false;
    let mut response = ui
        .scope_builder(builder, |ui| {
            let cells: Vec<_> = options.iter().map(|option| line(ui, *option, Type::Chip.font(), 200.0)).collect();
            let widths: Vec<f32> = cells.iter().map(|cell| (cell.size().x + 28.0).max(48.0)).collect();
            let size = vec2(widths.iter().sum::<f32>() + 6.0, theme::CONTROL);
            let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
            let colours = theme::palette(ui.ctx());
            let corner = CornerRadius::same(theme::radius::M);
            ui.painter().rect(
                rect,
                corner,
                colours.raised,
                Stroke::new(stroke::HAIR, colours.line),
                StrokeKind::Inside,
            );
            let mut left = rect.left() + 3.0;
            for (index, cell) in cells.into_iter().enumerate() {
                let place = Rect::from_min_size(pos2(left, rect.top() + 3.0), vec2(widths[index], rect.height() - 6.0));
                left = place.right();
                let response = ui.interact(place, ui.unique_id().with(("segment", index)), Sense::click());
                if response.clicked() && *chosen != index {
                    *chosen = index;
                    changed = true;
                }
                segment(ui, place, &response, cell, *chosen == index);
                response.widget_info(|| {
                    WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), *chosen == index, options[index])
                });
            }
        })
        .response;
    if changed {
        response.mark_changed();
    }
    response
}

fn segment(ui: &Ui, place: Rect, response: &Response, cell: Arc<Galley>, chosen: bool) {
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::M - 2);
    let share = hover(ui, response);
    if chosen {
        let edge = Stroke::new(stroke::HAIR, colours.edge);
        ui.painter().rect(place, corner, colours.panel, edge, StrokeKind::Inside);
    } else if share > 0.0 {
        ui.painter().rect_filled(place, corner, colours.hover.gamma_multiply(share));
    }
    focus_ring(ui, response, place.shrink(3.0), theme::radius::M - 5);
    put_centre(ui, place, cell, if chosen { colours.text } else { colours.weak });
}
