//! A piece of the window drawn into an image, without a display: for tests and for looking at it.
//!
//! Called by tests and by a command that writes images. Never: a window, a panic where no driver is.

use eframe::{egui, egui_wgpu};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, default_wgpu_setup};
use futures_util::FutureExt as _;
use image::RgbaImage;

use super::picture::Painter;

/// Longest side of an image, in pixels.
pub const MAX_SIDE: f32 = 8192.0;

/// Passes that are drawn: the first ones measure, and what they measured moves the next.
const PASSES: usize = 4;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum OffscreenError {
    #[error("No driver draws without a display ({0}). On Debian and Ubuntu: install mesa-vulkan-drivers.")]
    NoDriver(String),
    #[error("An image of {0} x {1} pixels cannot be drawn: 1 to 8192 a side.")]
    Size(f32, f32),
    #[error("The driver failed: {0}")]
    Draw(String),
}

/// Draws what `draw` draws, `size_points` large, in the dark or the light theme, and gives the last of a few passes.
///
/// `draw` is called once a pass. Animations stand still at their end.
///
/// # Errors
/// See [`OffscreenError`].
pub fn render(
    size_points: egui::Vec2,
    pixels_per_point: f32,
    dark: bool,
    mut draw: impl FnMut(&mut egui::Ui, &Painter),
) -> Result<RgbaImage, OffscreenError> {
    let pixels = size_points * pixels_per_point;
    if ![pixels.x, pixels.y].iter().all(|side| (1.0..=MAX_SIDE).contains(side)) {
        return Err(OffscreenError::Size(pixels.x, pixels.y));
    }
    let state = render_state()?;
    let painter = Painter::on_wgpu(&state);
    let tidied = painter.clone();
    let mut harness = Harness::builder()
        .with_size(size_points)
        .with_pixels_per_point(pixels_per_point)
        .with_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light })
        // What is drawn may have any words in it, and tests look at names on their own.
        .allow_missing_glyphs()
        .with_accessibility_check(false)
        .with_render_cursor(false)
        .with_context_setup(move |ctx| tidied.tidy_after_passes(ctx))
        .renderer(WgpuTestRenderer::from_render_state(state))
        .build_ui(move |ui| draw(ui, &painter));
    harness.run_steps(PASSES);
    harness.render().map_err(OffscreenError::Draw)
}

/// A device of its own, a software driver where there is one: its pictures are the same everywhere.
fn render_state() -> Result<egui_wgpu::RenderState, OffscreenError> {
    let setup = default_wgpu_setup();
    // Both are ready at once, outside a browser.
    let silent = || OffscreenError::NoDriver("it does not answer".to_owned());
    let instance = setup.new_instance().now_or_never().ok_or_else(silent)?;
    let config = egui_wgpu::WgpuConfiguration { wgpu_setup: setup, ..Default::default() };
    let options = egui_wgpu::RendererOptions::PREDICTABLE;
    let state = egui_wgpu::RenderState::create(&config, &instance, None, options).now_or_never().ok_or_else(silent)?;
    state.map_err(|error| OffscreenError::NoDriver(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_no_driver_draws_is_an_error() {
        for size in [egui::Vec2::ZERO, egui::vec2(9000.0, 10.0), egui::vec2(f32::NAN, 10.0)] {
            assert!(matches!(render(size, 1.0, true, |_, _| {}), Err(OffscreenError::Size(..))), "{size}");
        }
    }
}
