//! Screens larger than 1080p are made smaller: each pixel is the mean of the area that it covers, so that thin strokes get
//! paler and not lost. Pure.

use crate::media::video::picture::I420;

/// The largest picture that is sent.
const MOST: (u32, u32) = (1920, 1080);

/// The size in which a screen is sent: its own up to 1080p, and its shape in that above.
pub fn sent(width: u32, height: u32) -> (u32, u32) {
    let fit = (f64::from(MOST.0) / f64::from(width.max(1))).min(f64::from(MOST.1) / f64::from(height.max(1)));
    if fit >= 1.0 {
        return (width, height);
    }
    let side = |side: u32| ((f64::from(side) * fit).round() as u32 & !1).max(16);
    (side(width), side(height))
}

/// The picture made smaller into `into`, whose size says how small.
pub fn shrink(from: &I420, into: &mut I420) {
    let (from_size, to_size) = ((from.width(), from.height()), (into.width(), into.height()));
    let sources = [from.y(), from.u(), from.v()];
    for (plane, (source, target)) in sources.into_iter().zip(into.planes_mut()).enumerate() {
        let half = |(width, height): (u32, u32)| {
            let half = if plane == 0 { 1 } else { 2 };
            ((width / half) as usize, (height / half) as usize)
        };
        shrink_plane(source, half(from_size), target, half(to_size));
    }
}

fn shrink_plane(from: &[u8], from_size: (usize, usize), to: &mut [u8], to_size: (usize, usize)) {
    let columns = Axis::new(from_size.0, to_size.0);
    let rows = Axis::new(from_size.1, to_size.1);
    let mut sums = vec![0u32; from_size.0];
    for (row, line) in to.chunks_exact_mut(to_size.0).enumerate() {
        sums.fill(0);
        for (at, weight) in rows.covers(row) {
            let source = &from[at * from_size.0..][..from_size.0];
            sums.iter_mut().zip(source).for_each(|(sum, pixel)| *sum += weight * u32::from(*pixel));
        }
        for (column, pixel) in line.iter_mut().enumerate() {
            let sum: u32 = columns.covers(column).map(|(at, weight)| (sums[at] >> 8) * weight).sum();
            *pixel = ((sum + 128) >> 8).min(255) as u8;
        }
    }
}

/// What each pixel of a side covers of a longer side: pixels with weights that sum up to 256.
struct Axis {
    first: Vec<usize>,
    weights: Vec<Vec<u32>>,
}

impl Axis {
    fn new(from: usize, to: usize) -> Self {
        let (mut first, mut weights) = (Vec::with_capacity(to), Vec::with_capacity(to));
        for index in 0..to {
            // In parts of 1/to of a source's pixel.
            let (start, end) = (index * from, (index + 1) * from);
            let cover = |at: usize| ((at + 1) * to).min(end) - (at * to).max(start);
            let (low, high) = (start / to, (end - 1) / to);
            let mut of: Vec<u32> = (low..=high).map(|at| (cover(at) * 256 / from) as u32).collect();
            let missing = 256 - of.iter().sum::<u32>();
            let middle = of.len() / 2;
            of[middle] += missing;
            first.push(low);
            weights.push(of);
        }
        Self { first, weights }
    }

    fn covers(&self, index: usize) -> impl Iterator<Item = (usize, u32)> {
        let first = self.first[index];
        self.weights[index].iter().enumerate().map(move |(at, weight)| (first + at, *weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_keeps_its_size_up_to_1080p_and_its_shape_above() {
        assert_eq!(sent(1280, 800), (1280, 800));
        assert_eq!(sent(1920, 1080), (1920, 1080));
        assert_eq!(sent(3840, 2160), (1920, 1080));
        assert_eq!(sent(3440, 1440), (1920, 804));
        assert_eq!(sent(1080, 1920), (608, 1080));
        assert_eq!(sent(1, 60_000), (16, 1080));
    }

    #[test]
    fn half_the_size_is_the_mean_of_four_and_flat_stays_flat() {
        let mut picture = I420::black(32, 32);
        picture.planes_mut()[0].iter_mut().enumerate().for_each(|(at, level)| *level = [10, 30][at % 2]);
        let mut half = I420::black(16, 16);
        shrink(&picture, &mut half);
        assert!(half.y().iter().all(|level| level.abs_diff(20) <= 1), "{:?}", &half.y()[..8]);
        picture.planes_mut()[0].fill(235);
        let mut odd = I420::black(22, 18);
        shrink(&picture, &mut odd);
        assert!(odd.y().iter().all(|level| level.abs_diff(235) <= 1), "{:?}", &odd.y()[..8]);
        assert!(odd.u().iter().all(|level| level.abs_diff(128) <= 1));
    }
}
