//! Short notices that come and go. Whoever keeps them says when they end; here they are drawn.

use eframe::egui::{
    Align, Align2, Area, Context, CornerRadius, Frame, Id, Label, Layout, Margin, Order, Shadow, Stroke, Ui, vec2,
};

use super::banner::{Kind, announce};
use super::button::{icon_button, secondary};
use super::paint::{line, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Type};

/// Width of a toast in points.
const WIDTH: f32 = 340.0;

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What it is about.
    pub kind: Kind,
    /// What it says: one sentence or two.
    pub text: String,
    /// The words of its button, if it has one.
    pub action: Option<String>,
}

impl Toast {
    /// A notice without a button.
    #[must_use]
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), action: None }
    }

    /// The same with a button.
    #[must_use]
    pub fn with_action(self, words: impl Into<String>) -> Self {
        Self { action: Some(words.into()), ..self }
    }
}

/// What was done to a toast, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToastAnswer {
    /// Closed by hand.
    Dismissed(usize),
    /// Its button was pressed.
    Acted(usize),
}

/// Stacks `toasts` above `bottom` points at the right of the window, the newest (the last) lowest. Each is announced
/// politely; danger at once.
pub fn toast_ui(ctx: &Context, toasts: &[Toast], bottom: f32) -> Option<ToastAnswer> {
    if toasts.is_empty() {
        return None;
    }
    let mut answer = None;
    Area::new(Id::unique("toasts"))
        .order(Order::Foreground)
        .anchor(Align2::LEFT_BOTTOM, vec2(theme::space::L, -bottom - theme::space::L))
        .show(ctx, |ui| {
            ui.set_width(WIDTH.min(ctx.content_rect().width() - 2.0 * theme::space::L));
            ui.spacing_mut().item_spacing.y = theme::space::S;
            for (index, toast) in toasts.iter().enumerate() {
                ui.push_id(index, |ui| {
                    answer = one(ui, index, toast).or(answer);
                });
            }
        });
    answer
}

fn one(ui: &mut Ui, index: usize, toast: &Toast) -> Option<ToastAnswer> {
    let colours = theme::palette(ui.ctx());
    let mut answer = None;
    Frame::new()
        .fill(colours.panel)
        .stroke(Stroke::new(theme::stroke::HAIR, colours.line))
        .corner_radius(CornerRadius::same(theme::radius::L))
        .shadow(Shadow { offset: [0, 6], blur: 20, spread: 0, color: colours.shadow })
        .inner_margin(Margin { left: 14, right: 8, top: 8, bottom: 8 })
        .show(ui, |ui| {
            ui.horizontal_top(|ui| {
                let (_, mark) = ui.allocate_space(vec2(22.0, 32.0));
                put_left(ui, mark, line(ui, toast.kind.icon(), icons::font(20.0), 24.0), toast.kind.colour(colours));
                let room = ui.available_width() - 40.0;
                ui.allocate_ui_with_layout(vec2(room, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(room);
                    ui.add_space(6.0);
                    let words = ui.add(Label::new(Type::Body.text(&toast.text)).wrap());
                    announce(ui, words.id, &toast.text, toast.kind == Kind::Danger);
                    match &toast.action {
                        Some(action) => {
                            if secondary(ui, action).clicked() {
                                answer = Some(ToastAnswer::Acted(index));
                            }
                            ui.add_space(theme::space::XS);
                        }
                        None => ui.add_space(6.0),
                    }
                });
                if icon_button(ui, icons::CLOSE, "Close notice").clicked() {
                    answer = Some(ToastAnswer::Dismissed(index));
                }
            });
        });
    answer
}
