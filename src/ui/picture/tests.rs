//! Pictures drawn by a real driver, compared with what they ought to be.

use std::sync::Arc;

use eframe::egui::{Rect, Vec2, pos2, vec2};
use image::RgbaImage;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgba};

use super::*;
use crate::media::video::I420;
use crate::ui::offscreen::{self, OffscreenError};

/// What shows where nothing was drawn.
const GROUND: [u8; 4] = [40, 80, 120, 255];

/// Smooth in all three planes, and different at every corner.
fn gradient(width: u32, height: u32) -> I420 {
    let mut picture = I420::black(width, height);
    let width = picture.width() as usize;
    let [y, u, v] = picture.planes_mut();
    let lines = y.chunks_exact_mut(width).chain(u.chunks_exact_mut(width / 2)).chain(v.chunks_exact_mut(width / 2));
    for (row, line) in lines.enumerate() {
        let len = line.len();
        for (column, level) in line.iter_mut().enumerate() {
            *level = (20 + column * 190 / len + (row % 40).abs_diff(20)) as u8;
        }
    }
    picture
}

/// One level in each plane.
fn flat(width: u32, height: u32, levels: [u8; 3]) -> I420 {
    let mut picture = I420::black(width, height);
    for (plane, level) in picture.planes_mut().into_iter().zip(levels) {
        plane.fill(level);
    }
    picture
}

fn expected(picture: &I420) -> Vec<u8> {
    let (width, height) = (picture.width(), picture.height());
    let planar = YuvPlanarImage {
        y_plane: picture.y(),
        y_stride: width,
        u_plane: picture.u(),
        u_stride: width / 2,
        v_plane: picture.v(),
        v_stride: width / 2,
        width,
        height,
    };
    let mut rgba = vec![0; (width * height * 4) as usize];
    yuv420_to_rgba(&planar, &mut rgba, width * 4, YuvRange::Limited, YuvStandardMatrix::Bt601).unwrap();
    rgba
}

/// Draws pictures on a ground; `None`, said aloud, where no driver is.
fn drawn(size: Vec2, scale: f32, pictures: &[(Of, Rect, Arc<I420>, Placement)], clip: Rect) -> Option<RgbaImage> {
    let draw = |ui: &mut egui::Ui, painter: &Painter| {
        let [r, g, b, _] = GROUND;
        let whole = ui.ctx().content_rect();
        ui.painter().rect_filled(whole, 0.0, egui::Color32::from_rgb(r, g, b));
        let clipped = ui.painter().with_clip_rect(clip);
        for (number, (of, rect, picture, placement)) in (0..).zip(pictures) {
            let shown = Shown { picture: picture.clone(), number, at: crate::clock::now() };
            painter.paint(&clipped, *rect, *of, &shown, placement);
        }
    };
    match offscreen::render(size, scale, true, draw) {
        Ok(image) => Some(image),
        Err(OffscreenError::NoDriver(reason)) => {
            println!("not tested: no driver that draws without a display ({reason})");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn peer(number: u8) -> Of {
    use crate::proto::{ParticipantId, Track};
    Of::Peer(ParticipantId(u64::from(number)), Track::Camera)
}

fn assert_near(found: &[u8], expected: &[u8], tolerance: u8, what: &str) {
    let near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(*expected) <= tolerance);
    assert!(near, "{what}: {found:?} instead of {expected:?}");
}

#[test]
fn colours_are_those_of_the_conversion_that_everybody_uses() {
    let picture = Arc::new(gradient(642, 362));
    let size = vec2(642.0, 362.0);
    let whole = Rect::from_min_size(pos2(0.0, 0.0), size);
    let Some(image) = drawn(size, 1.0, &[(Of::Own, whole, picture.clone(), Placement::default())], whole) else {
        return;
    };
    let expected = expected(&picture);
    let differences = image.as_raw().iter().zip(&expected).map(|(found, expected)| found.abs_diff(*expected));
    let (worst, sum) = differences.fold((0, 0), |(worst, sum), it| (it.max(worst), sum + u64::from(it)));
    let mean = sum as f64 / expected.len() as f64;
    // Between two rows of colour the other one does not blend.
    assert!(worst <= 4 && mean < 1.0, "worst {worst}, mean {mean}");
}

#[test]
fn pure_colours_are_exact() {
    let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(16.0, 16.0));
    for levels in [[16, 128, 128], [235, 128, 128], [81, 90, 240], [145, 54, 34], [41, 240, 110], [170, 166, 16]] {
        let picture = Arc::new(flat(16, 16, levels));
        let pictures = [(Of::Own, whole, picture.clone(), Placement::default())];
        let Some(image) = drawn(whole.size(), 1.0, &pictures, whole) else { return };
        assert_near(&image.get_pixel(8, 8).0, &expected(&picture)[..4], 2, "levels");
    }
}

#[test]
fn a_mirrored_picture_has_its_left_on_the_right() {
    let picture = Arc::new(gradient(64, 32));
    let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(64.0, 32.0));
    let mirrored = Placement { mirrored: true, ..Default::default() };
    let both = [
        (Of::Own, rect, picture.clone(), Placement::default()),
        // The same picture twice in a frame: a preview and a tile.
        (Of::Own, rect.translate(vec2(64.0, 0.0)), picture, mirrored),
    ];
    let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(128.0, 32.0));
    let Some(image) = drawn(whole.size(), 1.0, &both, whole) else { return };
    for (column, row) in [(0, 0), (10, 5), (40, 20), (63, 31)] {
        let plain = image.get_pixel(column, row).0;
        assert_near(&image.get_pixel(127 - column, row).0, &plain, 2, "mirrored");
    }
    assert!(image.get_pixel(60, 16).0[0].abs_diff(image.get_pixel(3, 16).0[0]) > 50);
}

#[test]
fn cover_fills_contain_leaves_bars_and_corners_show_the_ground() {
    let white = Arc::new(flat(64, 32, [235, 128, 128]));
    let square = Rect::from_min_size(pos2(10.0, 10.0), vec2(40.0, 40.0));
    let cover = Placement { rounding: 10.0, ..Default::default() };
    let contain = Placement { fit: Fit::Contain, rounding: 10.0, ..Default::default() };
    let both = [(Of::Own, square, white.clone(), cover), (peer(1), square.translate(vec2(50.0, 0.0)), white, contain)];
    let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(110.0, 60.0));
    let Some(image) = drawn(whole.size(), 2.0, &both, whole) else { return };
    let at = |x: f32, y: f32| image.get_pixel((x * 2.0) as u32, (y * 2.0) as u32).0;
    for (x, y, colour, what) in [
        (30.0, 10.5, [255; 4], "the upper edge of cover"),
        (10.5, 30.0, [255; 4], "the left edge of cover"),
        (11.0, 11.0, GROUND, "a corner"),
        (48.5, 48.5, GROUND, "another corner"),
        (9.0, 30.0, GROUND, "beside it"),
        (80.0, 15.0, [0, 0, 0, 255], "a bar"),
        (80.0, 30.0, [255; 4], "between the bars"),
        (61.0, 11.0, GROUND, "a corner of the bars"),
    ] {
        assert_near(&at(x, y), &colour, 2, what);
    }
}

#[test]
fn a_frozen_picture_has_no_colours_and_is_dim() {
    let red = Arc::new(flat(32, 32, [81, 90, 240]));
    let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(32.0, 32.0));
    let greyed = Placement { greyed: true, ..Default::default() };
    let Some(image) = drawn(whole.size(), 1.0, &[(Of::Own, whole, red, greyed)], whole) else { return };
    let [r, g, b, a] = image.get_pixel(16, 16).0;
    assert!(r == g && g == b && a == 255 && (20..70).contains(&r), "{r} {g} {b} {a}");
}

#[test]
fn a_picture_that_is_partly_outside_or_clipped_is_cut_and_not_squeezed() {
    let picture = Arc::new(gradient(128, 64));
    let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(64.0, 64.0));
    let outside = Rect::from_min_size(pos2(-64.0, 0.0), vec2(128.0, 64.0));
    let pictures = [(Of::Own, outside, picture.clone(), Placement::default())];
    let clip = Rect::from_min_max(pos2(0.0, 0.0), pos2(64.0, 40.0));
    let Some(image) = drawn(whole.size(), 1.0, &pictures, clip) else { return };
    let expected = expected(&picture);
    for (column, row) in [(0, 10), (20, 20), (60, 39)] {
        let from = (row * 128 + column + 64) * 4;
        assert_near(&image.get_pixel(column as u32, row as u32).0, &expected[from..from + 4], 6, "cut");
    }
    assert_near(&image.get_pixel(20, 41).0, &GROUND, 0, "below the clip");
}

#[test]
fn more_tiles_than_the_first_buffer_holds_are_all_drawn() {
    let size = vec2(250.0, 20.0);
    let tiles: Vec<_> = (0..50u8)
        .map(|at| {
            let rect =
                Rect::from_min_size(pos2(f32::from(at % 25) * 10.0, f32::from(at / 25) * 10.0), Vec2::splat(10.0));
            (peer(at + 1), rect, Arc::new(flat(16, 16, [16 + at * 4, 128, 128])), Placement::default())
        })
        .collect();
    let Some(image) = drawn(size, 1.0, &tiles, Rect::from_min_size(pos2(0.0, 0.0), size)) else { return };
    for (_, rect, picture, _) in &tiles {
        let centre = image.get_pixel(rect.center().x as u32, rect.center().y as u32).0;
        assert_near(&centre, &expected(picture)[..4], 2, "a tile");
    }
}

#[test]
fn a_picture_drawn_small_is_the_mean_of_what_it_covers() {
    let mut picture = flat(256, 256, [16, 128, 128]);
    // One white column in four: a single sample would find it everywhere or nowhere.
    picture.planes_mut()[0].iter_mut().step_by(4).for_each(|level| *level = 235);
    let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(32.0, 32.0));
    let pictures = [(Of::Own, whole, Arc::new(picture), Placement::default())];
    let Some(image) = drawn(whole.size(), 1.0, &pictures, whole) else { return };
    assert_near(&image.get_pixel(16, 16).0, &[64, 64, 64, 255], 4, "a quarter white");
}

#[test]
fn without_a_renderer_a_plain_rectangle_is_drawn() {
    let ctx = egui::Context::default();
    let shown = Shown { picture: Arc::new(I420::black(16, 16)), number: 1, at: crate::clock::now() };
    let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(16.0, 16.0));
        Painter::none().paint(ui.painter(), rect, Of::Own, &shown, &Placement::default());
        Painter::none().paint(ui.painter(), Rect::NOTHING, Of::Own, &shown, &Placement::default());
    });
    output.textures_delta.clear();
    let filled = output.shapes.iter().filter(|clipped| matches!(clipped.shape, egui::Shape::Rect(_)));
    assert_eq!(filled.count(), 1);
}
