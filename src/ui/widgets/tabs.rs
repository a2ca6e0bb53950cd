//! A column of tabs, for a page of more parts than fit into a row.

use eframe::egui::{CornerRadius, Rect, Response, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};

use super::paint::{Fill, focus_ring, line, put_centre, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Type};

/// Width of the stripe at the chosen tab, points.
const STRIPE: f32 = 3.0;

/// One tab below the other, each with its icon and its name; `label` is the accessible name of the column. As wide as
/// there is room. An index out of range chooses nothing.
pub fn tabs(ui: &mut Ui, label: &str, tabs: &[(&str, &str)], chosen: &mut usize) {
    let builder = UiBuilder::new().accessibility_role(Role::TabList).accessibility_label(label);
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing.y = theme::space::XS / 2.0;
        for (index, (icon, name)) in tabs.iter().enumerate() {
            if tab(ui, icon, name, *chosen == index).clicked() {
                *chosen = index;
            }
        }
    });
}

fn tab(ui: &mut Ui, icon: &str, name: &str, chosen: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), theme::CONTROL), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let corner = CornerRadius::same(theme::radius::M);
        let rest = if chosen { colours.raised } else { colours.panel };
        let fill = Fill { rest, hover: colours.hover, pressed: colours.pressed }.at(ui, &response);
        ui.painter().rect_filled(rect, corner, fill);
        if chosen {
            let stripe = Rect::from_min_size(rect.min + vec2(0.0, theme::space::S), vec2(STRIPE, rect.height() - 16.0));
            ui.painter().rect_filled(stripe, CornerRadius::same(theme::radius::S / 2), colours.accent_text);
        }
        focus_ring(ui, &response, rect.shrink(STRIPE), theme::radius::M - 3);
        let colour = if chosen { colours.text } else { colours.weak };
        let inner = rect.shrink2(vec2(theme::space::M, 0.0));
        let mark = inner.with_max_x(inner.left() + theme::icon::XL);
        put_centre(ui, mark, line(ui, icon, icons::font(theme::icon::L), theme::icon::XL), colour);
        let words = inner.with_min_x(mark.right() + theme::space::S);
        put_left(ui, words, line(ui, name, Type::Button.font(), words.width()), colour);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Tab, ui.is_enabled(), name));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_selected(chosen));
    response
}
