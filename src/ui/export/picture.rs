//! The region panel as a picture: everything that it shows, one below the other, with a line that says when that was.

use std::io::Cursor;

use eframe::egui::{self, Context, Frame, Margin, RawInput, Rect, Ui, Vec2, ViewportId, vec2};
use image::ImageFormat;

use super::raster::{self, Textures};
use super::{Model, utc};
use crate::ui::regions;
use crate::ui::theme::{self, Type, space};

/// Width, points.
const WIDTH: f32 = 900.0;
/// Highest, points; what is below is left out.
const HIGHEST: f32 = 4000.0;
/// Sharp enough to be printed.
const PIXELS_PER_POINT: f32 = 2.0;
/// Passes that are drawn: the first ones measure, and what they measured moves the next.
const PASSES: usize = 4;

/// What the panel shows, as PNG. Takes some tenths of a second.
///
/// # Errors
/// In words; there is no memory for it.
pub fn png(model: &Model, dark: bool) -> Result<Vec<u8>, String> {
    let ctx = Context::default();
    theme::install(&ctx);
    theme::set(&ctx, if dark { theme::Look::Dark } else { theme::Look::Light });
    let model = super::nameless(model);
    let (mut memory, mut textures) = (regions::Memory::default(), Textures::default());
    let (mut height, mut shapes) = (0.0_f32, Vec::new());
    for pass in 0..PASSES {
        let mut output = ctx.run_ui(input(pass), |ui| height = sheet_ui(ui, &model, &mut memory));
        textures.apply(std::mem::take(&mut output.textures_delta));
        shapes = std::mem::take(&mut output.shapes);
    }
    let primitives = ctx.tessellate(shapes, PIXELS_PER_POINT);
    let size = vec2(WIDTH, height.clamp(1.0, HIGHEST)) * PIXELS_PER_POINT;
    let size = [size.x.round() as usize, size.y.ceil() as usize];
    let ground = theme::palette(&ctx).panel;
    let picture = raster::draw(&primitives, &textures, size, PIXELS_PER_POINT, ground);
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|error| error.to_string())?;
    Ok(bytes.into_inner())
}

fn input(pass: usize) -> RawInput {
    let mut input = RawInput {
        screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(WIDTH, HIGHEST))),
        // Animations stand still at their end.
        time: Some(pass as f64 * 10.0),
        ..RawInput::default()
    };
    if let Some(viewport) = input.viewports.get_mut(&ViewportId::ROOT) {
        viewport.native_pixels_per_point = Some(PIXELS_PER_POINT);
    }
    input
}

/// Draws it, and says how high it is.
fn sheet_ui(ui: &mut Ui, model: &Model, memory: &mut regions::Memory) -> f32 {
    let shown = Frame::new().inner_margin(Margin::same(24)).show(ui, |ui| {
        ui.set_width(WIDTH - 48.0);
        ui.label(Type::Title.text("Regions"));
        let version = env!("CARGO_PKG_VERSION");
        ui.label(theme::note(ui.ctx(), format!("Nearcall {version} · {} · round trips in ms", utc(model.wall))));
        ui.add_space(space::S);
        regions::sheet_ui(ui, model, memory);
    });
    shown.response.rect.bottom()
}
