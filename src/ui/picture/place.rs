//! Where a picture lies: which part of it goes to which pixels. Pure.

use eframe::egui::{Rect, Vec2, pos2, vec2};

use super::{Asked, Fit};

/// Floats that a shader takes for one picture.
pub const FLOATS: usize = 20;

/// What a shader is told of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Five vectors of four.
    pub floats: [f32; FLOATS],
    pub taps: Taps,
}

/// Samples along each side for one pixel: more than one for a picture that is drawn much smaller than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taps {
    One = 1,
    Two = 2,
    Four = 4,
}

impl Draw {
    /// `rect` in points, on a screen of `screen` pixels.
    pub fn new(asked: &Asked, rect: Rect, pixels_per_point: f32, screen: [u32; 2]) -> Self {
        let picture = &asked.shown.picture;
        let size = vec2(picture.width() as f32, picture.height() as f32);
        let frame = pixels(rect, pixels_per_point);
        let Lying { quad, uv } = lie(size, frame, asked.placement.fit, asked.placement.mirrored);
        // How much of the picture a pixel covers, as a part of the whole.
        let step = uv.size() / quad.size();
        let taps = Taps::of(step * size);
        let radius = (asked.placement.rounding * pixels_per_point).clamp(0.0, frame.size().min_elem() / 2.0);
        let (centre, half) = (frame.center(), frame.size() / 2.0);
        let grey = f32::from(u8::from(asked.placement.greyed));
        let floats = [
            // Pixels of the quad.
            [quad.min.x, quad.min.y, quad.max.x, quad.max.y],
            // The same edges in the picture, 0 to 1.
            [uv.min.x, uv.min.y, uv.max.x, uv.max.y],
            // The rounded frame in pixels: its centre and half its size.
            [centre.x, centre.y, half.x, half.y],
            [radius, grey, 0.0, 0.0],
            // The screen in pixels, and what a pixel covers.
            [screen[0] as f32, screen[1] as f32, step.x, step.y],
        ];
        let mut all = [0.0; FLOATS];
        all.as_chunks_mut().0.copy_from_slice(&floats);
        Self { floats: all, taps }
    }

    /// The floats as bytes, in the order of this machine.
    pub fn bytes(&self) -> impl Iterator<Item = u8> {
        self.floats.into_iter().flat_map(f32::to_ne_bytes)
    }
}

/// Which part of the picture lies on which pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Lying {
    quad: Rect,
    /// 0 to 1; left of right where it is mirrored.
    uv: Rect,
}

fn lie(picture: Vec2, frame: Rect, fit: Fit, mirrored: bool) -> Lying {
    let ratios = frame.size() / picture;
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let (quad, uv) = match fit {
        Fit::Cover => {
            let part = frame.size() / (picture * ratios.max_elem());
            (frame, Rect::from_center_size(whole.center(), part.min(Vec2::splat(1.0))))
        }
        Fit::Contain => {
            let size = (picture * ratios.min_elem()).round().max(Vec2::splat(1.0)).min(frame.size());
            let min = frame.min + ((frame.size() - size) / 2.0).floor();
            (Rect::from_min_size(min, size), whole)
        }
    };
    let uv = if mirrored { Rect::from_min_max(pos2(uv.max.x, uv.min.y), pos2(uv.min.x, uv.max.y)) } else { uv };
    Lying { quad, uv }
}

impl Taps {
    /// One sample takes two pixels of the picture in each direction, so that one is enough down to half its size.
    fn of(covered: Vec2) -> Self {
        match covered.abs().max_elem() {
            ..=2.02 => Taps::One,
            ..=4.04 => Taps::Two,
            _ => Taps::Four,
        }
    }
}

/// The rectangle in whole pixels, as everything else is drawn, and never without area.
fn pixels(rect: Rect, pixels_per_point: f32) -> Rect {
    let min = (rect.min.to_vec2() * pixels_per_point).round();
    let max = (rect.max.to_vec2() * pixels_per_point).round().max(min + Vec2::splat(1.0));
    Rect::from_min_max(min.to_pos2(), max.to_pos2())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(left: f32, top: f32, right: f32, bottom: f32) -> Rect {
        Rect::from_min_max(pos2(left, top), pos2(right, bottom))
    }

    #[test]
    fn a_picture_covers_its_frame_or_is_contained_in_it() {
        let whole = rect(0.0, 0.0, 1.0, 1.0);
        let frame = rect(10.0, 20.0, 110.0, 120.0);
        let table = [
            // Picture, fit, mirrored, pixels, part of the picture.
            ((100.0, 100.0), Fit::Cover, false, frame, whole),
            ((200.0, 100.0), Fit::Cover, false, frame, rect(0.25, 0.0, 0.75, 1.0)),
            ((100.0, 400.0), Fit::Cover, false, frame, rect(0.0, 0.375, 1.0, 0.625)),
            ((200.0, 100.0), Fit::Cover, true, frame, rect(0.75, 0.0, 0.25, 1.0)),
            ((200.0, 100.0), Fit::Contain, false, rect(10.0, 45.0, 110.0, 95.0), whole),
            ((100.0, 400.0), Fit::Contain, false, rect(47.0, 20.0, 72.0, 120.0), whole),
            ((100.0, 400.0), Fit::Contain, true, rect(47.0, 20.0, 72.0, 120.0), rect(1.0, 0.0, 0.0, 1.0)),
            // So narrow that nothing would be left: one pixel is.
            ((2.0, 4000.0), Fit::Contain, false, rect(59.0, 20.0, 60.0, 120.0), whole),
        ];
        for (size, fit, mirrored, quad, uv) in table {
            let lying = lie(size.into(), frame, fit, mirrored);
            assert_eq!(lying, Lying { quad, uv }, "{size:?} {fit:?} mirrored {mirrored}");
        }
    }

    #[test]
    fn a_pixel_takes_as_many_samples_as_it_covers() {
        let table = [
            (0.2, Taps::One),
            (1.0, Taps::One),
            (2.0, Taps::One),
            (3.0, Taps::Two),
            (4.0, Taps::Two),
            (7.0, Taps::Four),
            (90.0, Taps::Four),
        ];
        for (covered, taps) in table {
            assert_eq!(Taps::of(vec2(covered, 0.5)), taps, "{covered} pixels");
            assert_eq!(Taps::of(vec2(-0.5, covered)), taps, "{covered} pixels");
        }
    }

    #[test]
    fn edges_lie_on_whole_pixels_and_a_sliver_keeps_one() {
        assert_eq!(pixels(rect(0.3, 0.3, 10.2, 10.4), 1.5), rect(0.0, 0.0, 15.0, 16.0));
        assert_eq!(pixels(rect(5.0, 5.0, 5.1, 9.0), 1.0), rect(5.0, 5.0, 6.0, 9.0));
    }
}
