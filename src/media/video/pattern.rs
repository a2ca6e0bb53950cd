//! The test picture: a still gradient, a moving box, and the frame's number as a barcode. Cheap to draw.
//!
//! Called by [`super::capture`], read back by tests and drills at the other end.

use super::picture::I420;
use super::{PictureSource, VideoError, barcode};

/// Draws frame after frame.
#[derive(Debug)]
pub struct Pattern {
    background: I420,
}

impl Pattern {
    /// A pattern of this size; odd sides are cut.
    pub fn new(width: u32, height: u32) -> Self {
        let mut background = I420::black(width, height);
        let (width, height) = (background.width() as usize, background.height() as usize);
        let [y, u, v] = background.planes_mut();
        gradient(y, width, |column, row| 40 + (column * 80 / width + row * 80 / height) as u8);
        gradient(u, width / 2, |column, _| 96 + (column * 128 / width) as u8);
        gradient(v, width / 2, |_, row| 160 - (row * 128 / height) as u8);
        Self { background }
    }
}

impl PictureSource for Pattern {
    fn size(&self) -> (u32, u32) {
        (self.background.width(), self.background.height())
    }

    fn draw(&mut self, number: u64, into: &mut I420) -> Result<(), VideoError> {
        into.clone_from(&self.background);
        draw_box(into, number);
        barcode::write(into, number as u32);
        Ok(())
    }
}

/// A box that goes to and fro below the barcode, once in four seconds of 30 frames.
fn draw_box(picture: &mut I420, number: u64) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = (height / 6) & !1;
    let phase = (number % 120) as usize;
    let phase = if phase < 60 { phase } else { 120 - phase };
    let left = ((width - side) * phase / 60) & !1;
    let top = (height / 2) & !1;
    let [y, u, v] = picture.planes_mut();
    for (plane, width, half, level) in [(y, width, 1, 200), (u, width / 2, 2, 80), (v, width / 2, 2, 200)] {
        for line in top / half..(top + side) / half {
            plane[line * width + left / half..][..side / half].fill(level);
        }
    }
}

fn gradient(plane: &mut [u8], width: usize, level: impl Fn(usize, usize) -> u8) {
    for (row, line) in plane.chunks_exact_mut(width).enumerate() {
        for (column, pixel) in line.iter_mut().enumerate() {
            *pixel = level(column, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_carry_their_number_and_move() {
        let mut pattern = Pattern::new(640, 360);
        let (mut first, mut second) = (I420::black(2, 2), I420::black(2, 2));
        pattern.draw(41, &mut first).unwrap();
        pattern.draw(42, &mut second).unwrap();
        assert_eq!(barcode::read(&second.view()), Some(42));
        let below = 640 * 100;
        assert_ne!(first.y()[below..], second.y()[below..]);
    }

    #[test]
    fn the_smallest_picture_is_drawn_without_a_number() {
        let mut picture = I420::black(2, 2);
        Pattern::new(16, 16).draw(7, &mut picture).unwrap();
        assert_eq!(barcode::read(&picture.view()), None);
    }
}
