//! A sheet that lies over the window and takes the keyboard: a title, a button that closes it, and what is in it.

use eframe::egui::{Align, Context, Frame, Id, Layout, Margin, Modal, ScrollArea, Shadow, Stroke, Ui};

use crate::ui::theme::{self, Type};
use crate::ui::{icons, widgets};

/// Draws a sheet of at most `width` points; `add` says whether it stays open. `false` once it is to be closed: by its
/// button, by a click beside it, or by `add`. Esc is the caller's, as all keys are.
pub(super) fn show(ctx: &Context, title: &str, width: f32, add: impl FnOnce(&mut Ui) -> bool) -> bool {
    let colours = theme::palette(ctx);
    let room = ctx.content_rect().size();
    let frame = Frame::new()
        .fill(colours.panel)
        .stroke(Stroke::new(theme::stroke::HAIR, colours.line))
        .corner_radius(theme::radius::L)
        .inner_margin(Margin::same(20))
        .shadow(Shadow { offset: [0, 12], blur: 40, spread: 0, color: colours.shadow });
    let mut open = true;
    let shown = Modal::new(Id::unique("sheet")).frame(frame).backdrop_color(colours.veil).show(ctx, |ui| {
        ui.set_width(width.min(room.x - 80.0));
        ui.horizontal(|ui| {
            ui.label(Type::Title.text(title));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if widgets::icon_button(ui, icons::CLOSE, "Close").clicked() {
                    open = false;
                }
            });
        });
        ui.add_space(theme::space::S);
        let height = (room.y - 160.0).max(120.0);
        ScrollArea::vertical().id_salt(title).max_height(height).min_scrolled_height(height).show(ui, |ui| {
            open &= add(ui);
        });
    });
    open && !shown.backdrop_response.clicked()
}
