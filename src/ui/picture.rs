//! Pictures in the window: an [`I420`](crate::media::video::I420) in a rectangle, its three planes turned into colours by
//! a shader.
//!
//! Whoever draws a tile calls [`Painter::paint`]. Planes are uploaded once a picture, kept for each [`Of`], and freed
//! when that `Of` was not drawn for [`KEPT`]. `place` says what goes where, `cache` what is kept; `on_wgpu` and `on_glow`
//! are the only two files that know a renderer. Never: a copy of a picture, or a panic because of a driver.

mod cache;
mod on_glow;
mod on_wgpu;
mod place;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eframe::{egui, egui_wgpu};

use crate::media::video::{Of, Shown};

/// How long the planes of somebody who is no longer drawn are kept.
pub const KEPT: Duration = Duration::from_secs(2);

/// What fills a rectangle that its picture leaves free, and what stands for a picture where nothing can draw one.
const BARS: egui::Color32 = egui::Color32::BLACK;

/// How a picture of another shape fills its rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// It fills the rectangle; what stands over is cut, the same on both sides.
    #[default]
    Cover,
    /// All of it is seen, between black bars.
    Contain,
}

/// How a picture lies in its rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Placement {
    /// Left is right, as in a mirror.
    pub mirrored: bool,
    pub fit: Fit,
    /// Radius of the rectangle's corners, in points.
    pub rounding: f32,
    /// Frozen: without colours, and dimmed.
    pub greyed: bool,
}

/// Draws pictures. One for a window; clones are the same one.
#[derive(Debug, Clone)]
pub struct Painter(Backend);

#[derive(Debug, Clone)]
enum Backend {
    None,
    Wgpu(Arc<Mutex<on_wgpu::Store>>),
    Glow(Arc<Mutex<on_glow::Store>>),
}

/// One call of [`Painter::paint`], on its way to the renderer.
#[derive(Debug, Clone)]
struct Asked {
    rect: egui::Rect,
    of: Of,
    shown: Shown,
    placement: Placement,
    /// Seconds of [`egui::InputState::time`].
    at: f64,
}

impl Painter {
    /// A painter for the renderer that the window was made with. It needs a window without multisampling and depth
    /// buffer, which is what [`super::renderer::run`] makes.
    pub fn new(cc: &eframe::CreationContext<'_>) -> Self {
        let painter = match (&cc.wgpu_render_state, &cc.gl) {
            (Some(state), _) => Self::on_wgpu(state),
            (None, Some(_)) => Self(Backend::Glow(Arc::default())),
            (None, None) => Self::none(),
        };
        painter.tidy_after_passes(&cc.egui_ctx);
        painter
    }

    /// Whether a processor draws the window that was made, and no graphics card.
    pub fn is_software(cc: &eframe::CreationContext<'_>) -> bool {
        match (&cc.wgpu_render_state, &cc.gl) {
            (Some(state), _) => state.adapter.get_info().device_type == eframe::wgpu::DeviceType::Cpu,
            (None, Some(gl)) => on_glow::is_software(gl),
            (None, None) => false,
        }
    }

    /// A painter that draws plain rectangles, for tests without a GPU.
    pub fn none() -> Self {
        Self(Backend::None)
    }

    /// A painter for a renderer of our own; [`Painter::tidy_after_passes`] is the caller's.
    pub(super) fn on_wgpu(state: &egui_wgpu::RenderState) -> Self {
        on_wgpu::log_errors(&state.device);
        Self(Backend::Wgpu(Arc::new(Mutex::new(on_wgpu::Store::new(&state.device, state.target_format)))))
    }

    /// Draws the picture, clipped like everything that `painter` draws. A rectangle without area draws nothing.
    pub fn paint(&self, painter: &egui::Painter, rect: egui::Rect, of: Of, shown: &Shown, placement: &Placement) {
        if !rect.is_positive() || !rect.is_finite() || !painter.clip_rect().intersects(rect) {
            return;
        }
        if placement.fit == Fit::Contain || matches!(self.0, Backend::None) {
            painter.rect_filled(rect, placement.rounding, BARS);
        }
        let at = painter.ctx().input(|input| input.time);
        let asked = Asked { rect, of, shown: shown.clone(), placement: *placement, at };
        match &self.0 {
            Backend::None => {}
            Backend::Wgpu(store) => {
                lock(store).planes.mark(of, at);
                painter.add(on_wgpu::callback(store.clone(), asked));
            }
            Backend::Glow(store) => {
                lock(store).planes.mark(of, at);
                painter.add(on_glow::callback(store.clone(), asked));
            }
        }
    }

    /// Has the planes of those who left freed at the end of a pass.
    pub(super) fn tidy_after_passes(&self, ctx: &egui::Context) {
        let painter = self.clone();
        ctx.on_end_pass("pictures that nobody draws", Arc::new(move |ui| painter.tidy(ui.ctx())));
    }

    fn tidy(&self, ctx: &egui::Context) {
        let now = ctx.input(|input| input.time);
        let next = match &self.0 {
            Backend::None => None,
            Backend::Wgpu(store) => {
                let mut store = lock(store);
                let freed = store.planes.take_stale(now).len();
                if freed > 0 {
                    tracing::trace!(freed, "pictures that nobody draws");
                }
                store.planes.next_stale(now)
            }
            Backend::Glow(store) => on_glow::tidy(store, ctx, now),
        };
        // The window may rest from now on: then nothing else would free what is still kept.
        if let Some(wait) = next {
            ctx.request_repaint_after(wait);
        }
    }
}

/// A store is only a cache: after a panic elsewhere it is as good as before.
fn lock<T>(store: &Mutex<T>) -> MutexGuard<'_, T> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
