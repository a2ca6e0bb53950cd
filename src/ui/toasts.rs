//! Owns where the notices stand that come and go, and how one is closed.
//!
//! [`super::shell`] calls it last, above everything else. It decides neither what is said nor for how long.

use eframe::egui::Context;

use super::model::{Action, Model, Notice, NoticeKind};
use super::widgets::{Kind, Toast, ToastAnswer, toast_ui};

/// Notices that are drawn at once, the newest; more would cover the window.
const SHOWN: usize = 4;

/// Draws the notices `bottom` points above the lower edge of the window, each with a button that closes it.
pub fn toasts_ui(ctx: &Context, model: &Model, bottom: f32, actions: &mut Vec<Action>) {
    let lasting: Vec<&Notice> = model.toasts.iter().filter(|notice| notice.until > model.now).collect();
    let shown = &lasting[lasting.len().saturating_sub(SHOWN)..];
    let toasts: Vec<Toast> = shown.iter().map(|notice| Toast::new(kind(notice.kind), &notice.text)).collect();
    if let Some(ToastAnswer::Dismissed(index) | ToastAnswer::Acted(index)) = toast_ui(ctx, &toasts, bottom)
        && let Some(notice) = shown.get(index)
    {
        actions.push(Action::Dismiss(notice.id));
    }
    if let Some(next) = lasting.iter().map(|notice| notice.until.saturating_duration_since(model.now)).min() {
        ctx.request_repaint_after(next);
    }
}

fn kind(kind: NoticeKind) -> Kind {
    match kind {
        NoticeKind::Info => Kind::Info,
        NoticeKind::Good => Kind::Good,
        NoticeKind::Warning => Kind::Warning,
        NoticeKind::Danger => Kind::Danger,
    }
}

#[cfg(test)]
mod tests;
