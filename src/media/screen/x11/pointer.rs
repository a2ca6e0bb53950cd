//! The pointer, which the server keeps out of its pictures: its shape by XFixes, blended into the pixels.

use x11rb::protocol::xfixes::ConnectionExt as _;

use super::X11;

/// Whether pointers can be had; asks for the version of XFixes that has them.
pub fn is_there(x11: &X11) -> bool {
    x11.connection.xfixes_query_version(4, 0).ok().and_then(|cookie| cookie.reply().ok()).is_some()
}

/// Draws the pointer into a picture whose left upper corner lies at `origin`. Where it cannot be had, the picture stays as it is.
pub fn draw(x11: &X11, pixels: &mut [u8], size: (u32, u32), origin: (i32, i32)) {
    let shape = x11.connection.xfixes_get_cursor_image().ok().and_then(|cookie| cookie.reply().ok());
    if let Some(shape) = shape {
        let left = i32::from(shape.x) - i32::from(shape.xhot) - origin.0;
        let top = i32::from(shape.y) - i32::from(shape.yhot) - origin.1;
        blend(pixels, size, (left, top), usize::from(shape.width), &shape.cursor_image);
    }
}

/// Lays a shape of `width` pixels a row (32 bits: alpha, red, green, blue, multiplied by alpha) over a picture (blue, green, red, unused
/// byte).
fn blend(pixels: &mut [u8], size: (u32, u32), (left, top): (i32, i32), width: usize, shape: &[u32]) {
    for (row, line) in shape.chunks_exact(width.max(1)).enumerate() {
        let Some(y) = u32::try_from(top + row as i32).ok().filter(|y| *y < size.1) else { continue };
        for (column, argb) in line.iter().enumerate() {
            let Some(x) = u32::try_from(left + column as i32).ok().filter(|x| *x < size.0) else { continue };
            let at = (y as usize * size.0 as usize + x as usize) * 4;
            let [blue, green, red, alpha] = argb.to_le_bytes();
            let Some(pixel) = pixels.get_mut(at..at + 3) else { continue };
            for (level, over) in pixel.iter_mut().zip([blue, green, red]) {
                let under = u32::from(*level) * (255 - u32::from(alpha)) / 255;
                *level = (under + u32::from(over)).min(255) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_blended_in_and_cut_at_the_edges() {
        let mut pixels = vec![100; 4 * 4 * 4];
        // Solid white, half of black, nothing.
        let shape = [0xFFFF_FFFF, 0x8000_0000, 0, 0];
        blend(&mut pixels, (4, 4), (3, 0), 2, &shape);
        assert_eq!(pixels[12..15], [255; 3]);
        blend(&mut pixels, (4, 4), (-1, 3), 2, &shape);
        assert_eq!(pixels[48..51], [49; 3]);
        assert_eq!(pixels.iter().filter(|level| **level != 100).count(), 6);
        blend(&mut pixels, (4, 4), (i32::from(i16::MIN), 9000), 2, &shape);
        blend(&mut pixels, (4, 4), (0, 0), 0, &[]);
    }
}
