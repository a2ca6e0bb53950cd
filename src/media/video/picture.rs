//! A picture in memory: I420, three planes without padding, even sides.
//!
//! Used by every file of [`super`]; knows nothing but bytes.

/// Longest side that the encoder takes.
pub const MAX_SIDE: u32 = 3840;
/// Most pixels that a picture may have, whoever made it.
pub const MAX_PIXELS: u64 = 3840 * 2160;
/// Shortest side that the encoder takes.
pub const MIN_SIDE: u32 = 16;

/// True if a picture of this size may be held, encoded and decoded.
pub fn size_is_sound(width: u32, height: u32) -> bool {
    (MIN_SIDE..=MAX_SIDE).contains(&width)
        && (MIN_SIDE..=MAX_SIDE).contains(&height)
        && u64::from(width) * u64::from(height) <= MAX_PIXELS
}

/// A picture that owns its planes. Limited range, BT.601, as H.264 has it where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct I420 {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl I420 {
    /// A black picture. Odd sides are cut to the even one below, sides under 2 are 2.
    pub fn black(width: u32, height: u32) -> Self {
        let (width, height) = ((width & !1).max(2), (height & !1).max(2));
        let pixels = width as usize * height as usize;
        let mut data = vec![128; pixels * 3 / 2];
        data[..pixels].fill(16);
        Self { width, height, data }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// Luma, `width` bytes a row.
    pub fn y(&self) -> &[u8] {
        &self.data[..self.pixels()]
    }

    /// Blue difference, `width / 2` bytes a row, `height / 2` rows.
    pub fn u(&self) -> &[u8] {
        &self.data[self.pixels()..self.pixels() * 5 / 4]
    }

    /// Red difference, laid out like [`I420::u`].
    pub fn v(&self) -> &[u8] {
        &self.data[self.pixels() * 5 / 4..]
    }

    /// The three planes, to be written.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let pixels = self.pixels();
        let (y, chroma) = self.data.split_at_mut(pixels);
        let (u, v) = chroma.split_at_mut(pixels / 4);
        [y, u, v]
    }

    pub fn view(&self) -> I420View<'_> {
        let width = self.width as usize;
        I420View {
            width: self.width,
            height: self.height,
            y: self.y(),
            u: self.u(),
            v: self.v(),
            y_stride: width,
            uv_stride: width / 2,
        }
    }

    /// The picture in another size, each pixel taken from the nearest one.
    pub fn scaled(&self, width: u32, height: u32) -> I420 {
        let mut out = I420::black(width, height);
        let (to_w, to_h) = (out.width as usize, out.height as usize);
        let (from_w, from_h) = (self.width as usize, self.height as usize);
        let [y, u, v] = out.planes_mut();
        for (from, to, half) in [(self.y(), y, 1), (self.u(), u, 2), (self.v(), v, 2)] {
            let (from_w, from_h, to_w, to_h) = (from_w / half, from_h / half, to_w / half, to_h / half);
            for (row, line) in to.chunks_exact_mut(to_w).enumerate() {
                let source = &from[row * from_h / to_h * from_w..][..from_w];
                for (column, pixel) in line.iter_mut().enumerate() {
                    *pixel = source[column * from_w / to_w];
                }
            }
        }
        out
    }

    fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// A picture that somebody else owns, with padding at the end of its rows.
#[derive(Debug, Clone, Copy)]
pub struct I420View<'a> {
    pub width: u32,
    pub height: u32,
    pub y: &'a [u8],
    pub u: &'a [u8],
    pub v: &'a [u8],
    /// Bytes from one row of luma to the next.
    pub y_stride: usize,
    /// Bytes from one row of chroma to the next.
    pub uv_stride: usize,
}

impl I420View<'_> {
    /// A copy without padding; odd sides are cut. `None` if the planes are shorter than their size says.
    pub fn to_picture(&self) -> Option<I420> {
        let mut out = I420::black(self.width, self.height);
        let width = out.width as usize;
        let [y, u, v] = out.planes_mut();
        copy_rows(self.y, self.y_stride, y, width)?;
        copy_rows(self.u, self.uv_stride, u, width / 2)?;
        copy_rows(self.v, self.uv_stride, v, width / 2)?;
        Some(out)
    }
}

fn copy_rows(from: &[u8], stride: usize, to: &mut [u8], width: usize) -> Option<()> {
    for (row, line) in to.chunks_exact_mut(width).enumerate() {
        line.copy_from_slice(from.get(row * stride..)?.get(..width)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_shorter_than_it_says_is_refused() {
        let picture = I420::black(32, 16);
        let mut view = picture.view();
        assert_eq!(view.to_picture(), Some(picture.clone()));
        view.v = &view.v[1..];
        assert_eq!(view.to_picture(), None);
    }

    #[test]
    fn odd_sides_are_cut_and_padding_is_left_out() {
        let y: Vec<u8> = (0..5 * 8).collect();
        let chroma = vec![7; 3 * 8];
        let view = I420View { width: 5, height: 5, y: &y, u: &chroma, v: &chroma, y_stride: 8, uv_stride: 8 };
        let picture = view.to_picture().unwrap();
        assert_eq!((picture.width(), picture.height()), (4, 4));
        assert_eq!(picture.y()[..8], [0, 1, 2, 3, 8, 9, 10, 11]);
    }

    #[test]
    fn scaling_up_and_down_again_gives_the_same_picture() {
        let mut picture = I420::black(16, 16);
        for plane in picture.planes_mut() {
            plane.iter_mut().enumerate().for_each(|(at, pixel)| *pixel = at as u8);
        }
        assert_eq!(picture.scaled(48, 32).scaled(16, 16), picture);
    }
}
