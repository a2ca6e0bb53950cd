//! A text box with its label above it.

use eframe::egui::{Margin, Response, TextEdit, Ui, vec2};

use crate::ui::theme::{self, Type};

/// A labelled text box as wide as there is room. `label` stands above it and is its accessible name; `hint` stands in
/// it while it is empty.
pub fn field(ui: &mut Ui, label: &str, hint: &str, text: &mut String) -> Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = theme::space::XS;
        let colours = theme::palette(ui.ctx());
        let name = ui.label(Type::Small.text(label).color(colours.weak));
        let edit = TextEdit::singleline(text)
            .hint_text(hint)
            .font(Type::Body.font())
            .margin(Margin::symmetric(12, 9))
            .min_size(vec2(0.0, theme::CONTROL))
            .desired_width(f32::INFINITY);
        ui.add(edit).labelled_by(name.id)
    })
    .inner
}
