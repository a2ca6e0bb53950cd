//! Which sizes a picture is sent in, by its own. Pure.
//!
//! The largest is the picture itself. Sizes have fixed numbers, as relays and receivers understand them: 0 is about 180 pixels
//! high, 1 about 360, 2 is anything larger. Each is a whole fraction of the one above it, so that a plain mean of squares makes it.

use super::picture;
use crate::proto::Layer;

/// Sizes there are at most.
pub const MOST: usize = Layer::MAX_SPATIAL as usize + 1;
/// Heights of the two smaller sizes, pixels.
const HEIGHTS: [u32; 2] = [180, 360];
/// A picture over so many times such a height is of the next size, in percent.
const STRETCH: u32 = 150;

/// One size of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its number: see [`Layer::spatial`].
    pub spatial: u8,
    pub width: u32,
    pub height: u32,
    /// What divides the sides of the next larger one; 1 for the largest.
    pub factor: u32,
}

/// The sizes of a picture, the largest first.
pub fn of(width: u32, height: u32) -> Vec<Size> {
    let fits = |usual: &u32| height <= usual * STRETCH / 100;
    let largest = HEIGHTS.iter().position(fits).unwrap_or(HEIGHTS.len());
    let mut sizes = vec![Size { spatial: largest as u8, width, height, factor: 1 }];
    let (mut width, mut height) = (width, height);
    for spatial in (0..largest).rev() {
        let factor = (height / HEIGHTS[spatial]).max(2);
        (width, height) = ((width / factor) & !1, (height / factor) & !1);
        if picture::size_is_sound(width, height) {
            sizes.push(Size { spatial: spatial as u8, width, height, factor });
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_sizes() {
        for (source, expected) in [
            ((1920, 1080), vec![(2, 1920, 1080), (1, 640, 360), (0, 320, 180)]),
            ((1280, 720), vec![(2, 1280, 720), (1, 640, 360), (0, 320, 180)]),
            ((960, 540), vec![(1, 960, 540), (0, 320, 180)]),
            ((1024, 768), vec![(2, 1024, 768), (1, 512, 384), (0, 256, 192)]),
            ((640, 480), vec![(1, 640, 480), (0, 320, 240)]),
            ((640, 360), vec![(1, 640, 360), (0, 320, 180)]),
            ((320, 180), vec![(0, 320, 180)]),
            ((1366, 766), vec![(2, 1366, 766), (1, 682, 382), (0, 340, 190)]),
            ((3840, 2160), vec![(2, 3840, 2160), (1, 640, 360), (0, 320, 180)]),
            ((16, 2160), vec![(2, 16, 2160)]),
        ] {
            let sizes: Vec<_> = of(source.0, source.1).iter().map(|it| (it.spatial, it.width, it.height)).collect();
            assert_eq!(sizes, expected, "{source:?}");
        }
    }
}
