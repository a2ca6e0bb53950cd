//! Smaller copies of a picture, for the smaller sizes that are sent: each pixel is the mean of a square of the larger
//! picture's. Pure.
//!
//! Called by [`super::capture`] for each picture and size, step by step: the smallest is made of the one above it. The usual step
//! is a half, which is done eight pixels at a time in one register, so that it costs little in a build without optimisation too.

use super::picture::I420;

/// Every second byte of a register: four sums of four pixels fit beside each other.
const LANES: u64 = 0x00FF_00FF_00FF_00FF;
/// What rounds the mean of four.
const HALVES: u64 = 0x0002_0002_0002_0002;

/// Writes the picture into `into`, each side divided by `factor` (2 and more; what is left over at the right and the lower edge is
/// cut). `into` takes the size that this gives.
pub fn shrink(from: &I420, factor: u32, into: &mut I420) {
    let factor = factor.max(2);
    let (width, height) = (((from.width() / factor) & !1).max(2), ((from.height() / factor) & !1).max(2));
    if (into.width(), into.height()) != (width, height) {
        *into = I420::black(width, height);
    }
    if from.width() < 2 * factor || from.height() < 2 * factor {
        return;
    }
    let (from_width, to_width) = (from.width() as usize, width as usize);
    let [y, u, v] = into.planes_mut();
    for (plane, to, half) in [(from.y(), y, 1), (from.u(), u, 2), (from.v(), v, 2)] {
        let (stride, to_width) = (from_width / half, to_width / half);
        for (row, line) in to.chunks_exact_mut(to_width).enumerate() {
            let rows = &plane[row * factor as usize * stride..][..factor as usize * stride];
            if factor == 2 {
                halve(&rows[..stride], &rows[stride..], line);
            } else {
                mean(rows, stride, factor as usize, line);
            }
        }
    }
}

/// A row of means of two by two pixels.
fn halve(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("chunks of eight"));
    let done = out.len() / 4 * 4;
    let words = upper.chunks_exact(8).zip(lower.chunks_exact(8)).zip(out.chunks_exact_mut(4));
    for ((upper, lower), out) in words {
        let (upper, lower) = (word(upper), word(lower));
        let sum = (upper & LANES) + (upper >> 8 & LANES) + (lower & LANES) + (lower >> 8 & LANES) + HALVES;
        let mean = sum >> 2 & LANES;
        let pairs = (mean | mean >> 8) & 0x0000_FFFF_0000_FFFF;
        out.copy_from_slice(&((pairs | pairs >> 16) as u32).to_le_bytes());
    }
    for (column, pixel) in out.iter_mut().enumerate().skip(done) {
        let sum: u32 = [upper, lower].iter().flat_map(|row| &row[2 * column..][..2]).map(|byte| u32::from(*byte)).sum();
        *pixel = ((sum + 2) / 4) as u8;
    }
}

/// A row of means of squares of any side.
fn mean(rows: &[u8], stride: usize, side: usize, out: &mut [u8]) {
    let area = (side * side) as u32;
    for (column, pixel) in out.iter_mut().enumerate() {
        let lines = rows.chunks_exact(stride).map(|row| &row[column * side..][..side]);
        let sum: u32 = lines.flatten().map(|byte| u32::from(*byte)).sum();
        *pixel = ((sum + area / 2) / area) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::video::pattern::Pattern;
    use crate::media::video::{PictureSource, barcode};

    fn noise(width: u32, height: u32) -> I420 {
        let mut picture = I420::black(width, height);
        let mut seed = 7u32;
        for plane in picture.planes_mut() {
            for pixel in plane {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *pixel = (seed >> 24) as u8;
            }
        }
        picture
    }

    #[test]
    fn a_pixel_is_the_rounded_mean_of_its_square_whatever_the_size() {
        for (width, height, factor) in [(64, 32, 2), (70, 38, 2), (94, 50, 3), (34, 34, 4), (1366, 20, 3)] {
            let (from, mut into) = (noise(width, height), I420::black(2, 2));
            shrink(&from, factor, &mut into);
            assert_eq!((into.width(), into.height()), ((width / factor) & !1, (height / factor) & !1));
            for (plane, small, half) in [(from.y(), into.y(), 1), (from.u(), into.u(), 2), (from.v(), into.v(), 2)] {
                let (stride, width) = ((width / half) as usize, (into.width() / half) as usize);
                let side = factor as usize;
                for (at, pixel) in small.iter().enumerate() {
                    let (row, column) = (at / width * side, at % width * side);
                    let square = (0..side * side).map(|n| plane[(row + n / side) * stride + column + n % side]);
                    let sum: u32 = square.map(u32::from).sum();
                    let area = factor * factor;
                    assert_eq!(u32::from(*pixel), (sum + area / 2) / area, "{width} {factor} {half} {at}");
                }
            }
        }
    }

    #[test]
    fn the_number_of_a_test_picture_is_read_from_its_small_copies() {
        let (mut large, mut half, mut quarter) = (I420::black(2, 2), I420::black(2, 2), I420::black(2, 2));
        for (width, height) in [(1280, 720), (640, 480), (854, 480), (1920, 1080)] {
            Pattern::new(width, height).draw(77, &mut large).unwrap();
            shrink(&large, 2, &mut half);
            shrink(&half, 2, &mut quarter);
            assert_eq!([&half, &quarter].map(|picture| barcode::read(&picture.view())), [Some(77); 2]);
        }
    }

    #[test]
    fn a_picture_too_small_for_it_gives_a_black_one() {
        let mut into = noise(64, 64);
        shrink(&noise(4, 2), 3, &mut into);
        assert_eq!((into.width(), into.height()), (2, 2));
    }
}
