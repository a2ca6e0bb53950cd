//! A frame number drawn into the picture, so that a test at the other end of a call can tell which frame it sees.
//!
//! Two rows of 22 black and white cells along the top, a sixth of the height together. The first and the last cell of a
//! row are a reference (white and black in the upper row, black and white in the lower); between them stand, most
//! significant bit first, the 32 bits of the number and the 8 bits of its checksum. A cell is so large that H.264
//! keeps it apart at any rate, and everything is relative to the picture's size, so it survives scaling.

use super::picture::{I420, I420View};

const ROWS: usize = 2;
const COLUMNS: usize = 22;
const BITS: usize = ROWS * (COLUMNS - 2);
const WHITE: u8 = 235;
const BLACK: u8 = 16;
/// Least difference between the white and the black reference.
const CONTRAST: i32 = 60;

/// Smallest picture that a number fits in, pixels.
pub const MIN_WIDTH: u32 = 88;
/// See [`MIN_WIDTH`].
pub const MIN_HEIGHT: u32 = 48;

/// Draws `number` over the top of the picture. A picture under [`MIN_WIDTH`] x [`MIN_HEIGHT`] is left as it is.
pub fn write(picture: &mut I420, number: u32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if picture.width() < MIN_WIDTH || picture.height() < MIN_HEIGHT {
        return;
    }
    let [y, u, v] = picture.planes_mut();
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let level = if cell(number, row, column) { WHITE } else { BLACK };
            let (left, right) = edges(column, width);
            let (top, bottom) = (row * row_height(height), (row + 1) * row_height(height));
            for line in top..bottom {
                y[line * width + left..line * width + right].fill(level);
            }
        }
    }
    let chroma = (ROWS * row_height(height)).div_ceil(2) * (width / 2);
    u[..chroma].fill(128);
    v[..chroma].fill(128);
}

/// Reads a number that [`write`] drew; `None` if there is none or it cannot be told.
pub fn read(picture: &I420View<'_>) -> Option<u32> {
    if picture.width < MIN_WIDTH || picture.height < MIN_HEIGHT {
        return None;
    }
    let mut levels = [[0; COLUMNS]; ROWS];
    for (row, line) in levels.iter_mut().enumerate() {
        for (column, level) in line.iter_mut().enumerate() {
            *level = mean(picture, row, column)?;
        }
    }
    let white = (levels[0][0] + levels[1][COLUMNS - 1]) / 2;
    let black = (levels[1][0] + levels[0][COLUMNS - 1]) / 2;
    let (middle, contrast) = ((white + black) / 2, white - black);
    if contrast < CONTRAST {
        return None;
    }
    let mut bits = 0u64;
    for line in &levels {
        for level in &line[1..COLUMNS - 1] {
            if (level - middle).abs() < contrast / 8 {
                return None;
            }
            bits = bits << 1 | u64::from(*level > middle);
        }
    }
    let number = (bits >> 8) as u32;
    (checksum(number) == bits as u8).then_some(number)
}

/// True if the cell is white.
fn cell(number: u32, row: usize, column: usize) -> bool {
    match column {
        0 => row == 0,
        column if column == COLUMNS - 1 => row != 0,
        _ => {
            let bits = u64::from(number) << 8 | u64::from(checksum(number));
            let bit = row * (COLUMNS - 2) + column - 1;
            bits >> (BITS - 1 - bit) & 1 == 1
        }
    }
}

fn edges(column: usize, width: usize) -> (usize, usize) {
    (column * width / COLUMNS, (column + 1) * width / COLUMNS)
}

fn row_height(height: usize) -> usize {
    height / 12
}

/// Mean luma of the middle of a cell: its edges bleed into each other.
fn mean(picture: &I420View<'_>, row: usize, column: usize) -> Option<i32> {
    let (left, right) = edges(column, picture.width as usize);
    let height = row_height(picture.height as usize);
    let (inset, top) = ((right - left) / 4, row * height);
    let (mut sum, mut count) = (0, 0);
    for line in top + height / 4..top + height - height / 4 {
        let start = line * picture.y_stride;
        let pixels = picture.y.get(start + left + inset..start + right - inset)?;
        sum += pixels.iter().map(|pixel| i32::from(*pixel)).sum::<i32>();
        count += pixels.len() as i32;
    }
    (count > 0).then(|| sum / count)
}

/// CRC-8, polynomial 0x07, started at 0xFF so that no number and no checksum are all alike.
fn checksum(number: u32) -> u8 {
    number.to_be_bytes().iter().fold(0xFF, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_any_size() {
        for (width, height) in [(88, 48), (160, 90), (320, 180), (640, 360), (1280, 720), (854, 480)] {
            let mut picture = I420::black(width, height);
            for number in [0, 1, 29, 300, 0x8000_0001, u32::MAX] {
                write(&mut picture, number);
                assert_eq!(read(&picture.view()), Some(number), "{width}x{height}");
                let scaled = picture.scaled(width * 3 / 2, height * 3 / 2);
                assert_eq!(read(&scaled.view()), Some(number), "{width}x{height} scaled");
            }
        }
    }

    #[test]
    fn a_picture_without_a_number_reads_as_none() {
        assert_eq!(read(&I420::black(640, 360).view()), None);
        assert_eq!(read(&I420::black(16, 16).view()), None);
        let mut picture = I420::black(640, 360);
        for (at, pixel) in picture.planes_mut()[0].iter_mut().enumerate() {
            *pixel = (at * 7 % 256) as u8;
        }
        assert_eq!(read(&picture.view()), None);
    }

    #[test]
    fn one_wrong_cell_is_noticed() {
        let mut picture = I420::black(640, 360);
        write(&mut picture, 1234);
        let (left, right) = edges(5, 640);
        for line in 0..row_height(360) {
            for pixel in &mut picture.planes_mut()[0][line * 640 + left..line * 640 + right] {
                *pixel = WHITE + BLACK - *pixel;
            }
        }
        assert_eq!(read(&picture.view()), None);
    }
}
