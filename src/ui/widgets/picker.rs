//! A drop-down of a few choices, such as the microphones.

use eframe::egui::{
    CornerRadius, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role, ScrollArea, Sense, Stroke, StrokeKind,
    Ui, WidgetInfo, pos2, vec2,
};

use super::paint::{Fill, focus_ring, line, put_centre, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Type};

/// Height of a row of the list, in points.
const ROW: f32 = theme::ROW;

/// A drop-down as wide as there is room. `label` is its accessible name, `current` what stands on it (and its value),
/// `icon` may be empty. Each choice is its text and whether it is the selected one. Returns the index of the choice that
/// was made in this frame.
pub fn picker(ui: &mut Ui, label: &str, icon: &str, current: &str, choices: &[(String, bool)]) -> Option<usize> {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), theme::CONTROL), Sense::click());
    let open = Popup::is_id_open(ui.ctx(), Popup::default_response_id(&response));
    if ui.is_rect_visible(rect) {
        closed(ui, rect, &response, icon, current, open);
    }
    response.widget_info(|| WidgetInfo {
        current_text_value: Some(current.to_owned()),
        ..WidgetInfo::labeled(Role::ComboBox, ui.is_enabled(), label)
    });
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(open));
    Popup::menu(&response)
        .width(rect.width())
        .gap(4.0)
        .align(RectAlign::BOTTOM_START)
        .close_behavior(PopupCloseBehavior::CloseOnClick)
        .accessible_name(label)
        .show(|ui| list(ui, choices))
        .and_then(|shown| shown.inner)
}

/// The picker while its list is away.
fn closed(ui: &Ui, rect: Rect, response: &Response, icon: &str, current: &str, open: bool) {
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::M);
    let edge = if open { colours.accent_text } else { colours.line };
    let fill = Fill::raised(colours).at(ui, response);
    ui.painter().rect(rect, corner, fill, Stroke::new(theme::stroke::HAIR, edge), StrokeKind::Inside);
    focus_ring(ui, response, rect, theme::radius::M);

    let inner = rect.shrink2(vec2(theme::space::M, 0.0));
    let mut left = inner.left();
    if !icon.is_empty() {
        let glyph = line(ui, icon, icons::font(theme::icon::L), 24.0);
        left += glyph.size().x + theme::space::S;
        put_left(ui, inner, glyph, colours.weak);
    }
    let chevron = line(ui, icons::CHEVRON_DOWN, icons::font(theme::icon::S), 20.0);
    let right = inner.right() - chevron.size().x;
    put_left(ui, inner.with_min_x(right), chevron, colours.weak);
    let words = line(ui, current, Type::Body.font(), right - theme::space::S - left);
    put_left(ui, inner.with_min_x(left), words, colours.text);
}

fn list(ui: &mut Ui, choices: &[(String, bool)]) -> Option<usize> {
    let mut chosen = None;
    ui.spacing_mut().item_spacing.y = 2.0;
    ScrollArea::vertical().max_height(ui.spacing().combo_height).show(ui, |ui| {
        for (index, (text, selected)) in choices.iter().enumerate() {
            if row(ui, text, *selected).clicked() {
                chosen = Some(index);
            }
        }
    });
    if chosen.is_some() {
        ui.close();
    }
    chosen
}

fn row(ui: &mut Ui, text: &str, selected: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let fill = Fill { rest: colours.panel, hover: colours.hover, pressed: colours.pressed };
        let fill = if response.has_focus() { colours.hover } else { fill.at(ui, &response) };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::radius::S + 2), fill);
        let mark = Rect::from_min_size(rect.min, vec2(34.0, ROW));
        if selected {
            let glyph = line(ui, icons::CHECK, icons::font(theme::icon::M), 24.0);
            put_centre(ui, mark, glyph, colours.accent_text);
        }
        let room = Rect::from_min_max(pos2(mark.right(), rect.top()), rect.max - vec2(theme::space::S, 0.0));
        let font = if selected { Type::Strong.font() } else { Type::Body.font() };
        put_left(ui, room, line(ui, text, font, room.width()), colours.text);
    }
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, selected, text));
    response
}
