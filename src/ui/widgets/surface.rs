//! Grounds that hold other things: cards, their sections, the line between two.

use eframe::egui::{CornerRadius, Frame, InnerResponse, Margin, Role, Stroke, Ui, accesskit, vec2};

use crate::ui::theme::{self, Type};

/// A panel with round corners as wide as there is room.
pub fn card<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let colours = theme::palette(ui.ctx());
    Frame::new()
        .fill(colours.panel)
        .stroke(Stroke::new(theme::stroke::HAIR, colours.line))
        .corner_radius(CornerRadius::same(theme::radius::L))
        .inner_margin(Margin::same(theme::space::L as i8))
        .show(ui, |ui| {
            ui.take_available_width();
            add(ui)
        })
}

/// The name of a group of rows; a heading in the accessibility tree.
pub fn section(ui: &mut Ui, title: &str) {
    if ui.cursor().top() > ui.min_rect().top() + 1.0 {
        ui.add_space(theme::space::S);
    }
    let response = ui.label(Type::Heading.text(title));
    ui.ctx().accesskit_node_builder(response.id, |node: &mut accesskit::Node| {
        node.set_role(Role::Heading);
        node.set_label(title);
        node.clear_value();
    });
}

/// A hair line across.
pub fn divider(ui: &mut Ui) {
    let colours = theme::palette(ui.ctx());
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), 1.0));
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(theme::stroke::HAIR, colours.line));
}
