//! From what cameras give to [`I420`]. Called by [`super::capture`]'s encoder thread; bytes come from a device and may be
//! short, so every length is checked.

use bytes::Bytes;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, rgb_to_yuv420,
    yuyv422_to_yuv420,
};

use super::picture::{self, I420, I420View};

/// How the bytes of a camera's picture are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// 4:2:0, luma, then blue and red difference by turns.
    Nv12,
    /// 4:2:0, three planes.
    I420,
    /// 4:2:2, packed.
    Yuyv,
    /// A JPEG of its own.
    Mjpeg,
    /// Three bytes a pixel.
    Rgb,
}

/// A picture as the camera gave it.
#[derive(Debug, Clone)]
pub struct RawPicture {
    pub format: PixelFormat,
    pub width: u32,
    pub height: u32,
    pub data: Bytes,
}

/// Converts a picture; odd sides are cut.
///
/// # Errors
/// Too few bytes for the size, a size that cannot be encoded, a broken JPEG: the picture is left out.
pub fn to_i420(raw: &RawPicture) -> Result<I420, String> {
    if !picture::size_is_sound(raw.width, raw.height) {
        return Err(format!("a size of {} x {} pixels", raw.width, raw.height));
    }
    match raw.format {
        PixelFormat::Nv12 => from_nv12(&raw.data, raw.width, raw.height),
        PixelFormat::I420 => from_i420(&raw.data, raw.width, raw.height),
        PixelFormat::Yuyv => from_yuyv(&raw.data, raw.width, raw.height),
        PixelFormat::Rgb => from_rgb(&raw.data, raw.width, raw.height),
        PixelFormat::Mjpeg => from_mjpeg(&raw.data, raw.width, raw.height),
    }
}

/// A device's rows are as long as the bytes say, where they are padded.
fn stride(len: usize, rows: usize, least: usize) -> Result<usize, String> {
    let stride = len / rows.max(1);
    if stride < least {
        return Err(format!("{len} bytes are too few for {rows} rows of {least}"));
    }
    // A tail behind the picture is no padding of its rows.
    Ok(if stride <= least + 256 { stride } else { least })
}

fn from_nv12(data: &[u8], width: u32, height: u32) -> Result<I420, String> {
    let rows = height as usize;
    let chroma_rows = rows.div_ceil(2);
    let least = (width as usize).next_multiple_of(2);
    let stride = stride(data.len(), rows + chroma_rows, least)?;
    let (luma, chroma) = data.split_at(stride * rows);
    let (mut u, mut v) = (Vec::with_capacity(chroma.len() / 2), Vec::with_capacity(chroma.len() / 2));
    for line in chroma.chunks_exact(stride).take(chroma_rows) {
        for pair in line[..least].chunks_exact(2) {
            u.push(pair[0]);
            v.push(pair[1]);
        }
    }
    let view = I420View { width, height, y: luma, u: &u, v: &v, y_stride: stride, uv_stride: least / 2 };
    view.to_picture().ok_or_else(|| "planes too short".into())
}

/// Rows of chroma are half as long as those of luma, their padding included.
fn from_i420(data: &[u8], width: u32, height: u32) -> Result<I420, String> {
    let (rows, chroma_rows) = (height as usize, (height as usize).div_ceil(2));
    let least = (width as usize).next_multiple_of(2);
    let y_stride = stride(data.len(), rows + chroma_rows, least)? & !1;
    let uv_stride = y_stride / 2;
    let (y, chroma) = data.split_at(y_stride * rows);
    let (u, v) = chroma.split_at(uv_stride * chroma_rows);
    let view = I420View { width, height, y, u, v, y_stride, uv_stride };
    view.to_picture().ok_or_else(|| "planes too short".into())
}

fn from_yuyv(data: &[u8], width: u32, height: u32) -> Result<I420, String> {
    let mut out = I420::black(width, height);
    let stride = stride(data.len(), height as usize, width as usize * 2)?;
    let (width, height) = (out.width(), out.height());
    let packed = YuvPackedImage { yuy: &data[..stride * height as usize], yuy_stride: stride as u32, width, height };
    yuyv422_to_yuv420(&mut planar(&mut out), &packed).map_err(|error| error.to_string())?;
    Ok(out)
}

fn from_rgb(data: &[u8], width: u32, height: u32) -> Result<I420, String> {
    let mut out = I420::black(width, height);
    let stride = stride(data.len(), height as usize, width as usize * 3)?;
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    let rows = out.height() as usize;
    let mode = YuvConversionMode::Balanced;
    rgb_to_yuv420(&mut planar(&mut out), &data[..stride * rows], stride as u32, range, matrix, mode)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

/// The library reports a broken JPEG by unwinding, which is caught here: the picture is lost and nothing else. What
/// cameras really send now and then (nothing, or half a header) is told before.
fn from_mjpeg(data: &[u8], width: u32, height: u32) -> Result<I420, String> {
    let found = jpeg_size(data).ok_or("no JPEG")?;
    if found != (width, height) {
        return Err(format!("a JPEG of {found:?} pixels instead of {width} x {height}"));
    }
    let decoded = std::panic::catch_unwind(|| nokhwa::utils::mjpeg_to_rgb(data, false))
        .map_err(|_| "a broken JPEG".to_owned())?
        .map_err(|error| error.to_string())?;
    from_rgb(&decoded, width, height)
}

/// The size in a JPEG's frame header, if there is one and a scan behind it, every segment whole.
fn jpeg_size(data: &[u8]) -> Option<(u32, u32)> {
    let mut rest = data.strip_prefix(&[0xFF, 0xD8])?;
    let mut size = None;
    loop {
        let [0xFF, marker, high, low, ..] = *rest else { return None };
        let len = usize::from(u16::from_be_bytes([high, low]));
        let segment = rest.get(4..2 + len)?;
        match marker {
            0xC0 | 0xC1 => {
                let [8, h1, h0, w1, w0, 3, ..] = *segment else { return None };
                size = Some((u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()));
            }
            0xDA => return size,
            _ => {}
        }
        rest = &rest[2 + len..];
    }
}

/// The planes as the conversions write them.
pub fn planar(picture: &mut I420) -> YuvPlanarImageMut<'_, u8> {
    let (width, height) = (picture.width(), picture.height());
    let [y, u, v] = picture.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: width / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: width / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::video::{PictureSource, barcode, pattern::Pattern};

    fn drawn(number: u64) -> I420 {
        let mut picture = I420::black(2, 2);
        Pattern::new(320, 180).draw(number, &mut picture).unwrap();
        picture
    }

    fn raw(format: PixelFormat, data: Vec<u8>) -> RawPicture {
        RawPicture { format, width: 320, height: 180, data: data.into() }
    }

    /// A level of each plane that no neighbour has, within what the range allows.
    fn levels(column: usize, row: usize) -> [u8; 3] {
        let (half_column, half_row) = (column / 2, row / 2);
        [16 + ((column * 7 + row * 13) % 200) as u8, 90 + (half_column % 60) as u8, 100 + (half_row % 70) as u8]
    }

    /// A picture of any size as a camera of this format would give it, each row with so many bytes more.
    fn shot(format: PixelFormat, width: u32, height: u32, padding: usize) -> RawPicture {
        let (columns, rows) = (width as usize, height as usize);
        let even = columns.next_multiple_of(2);
        let mut data = Vec::new();
        let mut row_of = |bytes: &mut dyn Iterator<Item = u8>, padding: usize| {
            data.extend(bytes);
            data.extend(std::iter::repeat_n(0xEE, padding));
        };
        let chroma = |row: usize, plane: usize| (0..even / 2).map(move |column| levels(column * 2, row * 2)[plane]);
        let luma = |row: usize| (0..even).map(move |column| levels(column, row)[0]);
        match format {
            PixelFormat::Nv12 => {
                (0..rows).for_each(|row| row_of(&mut luma(row), padding));
                for row in 0..rows.div_ceil(2) {
                    row_of(&mut chroma(row, 1).zip(chroma(row, 2)).flat_map(|(u, v)| [u, v]), padding);
                }
            }
            PixelFormat::I420 => {
                (0..rows).for_each(|row| row_of(&mut luma(row), padding));
                for plane in [1, 2] {
                    (0..rows.div_ceil(2)).for_each(|row| row_of(&mut chroma(row, plane), padding / 2));
                }
            }
            PixelFormat::Yuyv => {
                for row in 0..rows {
                    let pairs = (0..even / 2).flat_map(|pair| {
                        let [y, u, v] = levels(pair * 2, row);
                        [y, u, levels(pair * 2 + 1, row)[0], v]
                    });
                    row_of(&mut pairs.into_iter(), padding);
                }
            }
            PixelFormat::Rgb => {
                let grey = |column, row| ((f32::from(levels(column, row)[0]) - 16.0) * 255.0 / 219.0).round() as u8;
                for row in 0..rows {
                    row_of(&mut (0..columns).flat_map(|column| [grey(column, row); 3]), padding);
                }
            }
            PixelFormat::Mjpeg => unreachable!("a JPEG has no rows"),
        }
        RawPicture { format, width, height, data: data.into() }
    }

    #[test]
    fn every_format_is_read_in_every_size_with_and_without_padding() {
        let sizes = [(320, 180), (640, 480), (322, 182), (321, 181), (319, 179), (17, 16), (16, 17), (1279, 719)];
        for format in [PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Yuyv, PixelFormat::Rgb] {
            for (width, height) in sizes {
                for padding in [0, 2, 64, 128] {
                    let what = format!("{format:?} {width}x{height} +{padding}");
                    let picture = to_i420(&shot(format, width, height, padding)).expect(&what);
                    assert_eq!((picture.width(), picture.height()), (width & !1, height & !1), "{what}");
                    compare(&picture, format, &what);
                }
            }
        }
    }

    fn compare(picture: &I420, format: PixelFormat, what: &str) {
        let width = picture.width() as usize;
        let slack = u8::from(format == PixelFormat::Rgb);
        for (at, found) in picture.y().iter().enumerate() {
            let [expected, ..] = levels(at % width, at / width);
            assert!(found.abs_diff(expected) <= slack, "{what}: luma {at} is {found}, not {expected}");
        }
        for (plane, found) in [(1, picture.u()), (2, picture.v())] {
            for (at, found) in found.iter().enumerate() {
                let (column, row) = (at % (width / 2) * 2, at / (width / 2) * 2);
                let expected = if format == PixelFormat::Rgb { 128 } else { levels(column, row)[plane] };
                assert!(found.abs_diff(expected) <= slack, "{what}: plane {plane}, {at} is {found}, not {expected}");
            }
        }
    }

    /// A grey JPEG of 16 x 16 pixels: one block, tables of one code each (ITU-T T.81, annex B).
    fn jpeg() -> Vec<u8> {
        let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
        jpeg.extend([1; 64]);
        jpeg.extend([0xFF, 0xC0, 0, 17, 8, 0, 16, 0, 16, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
        // Of each class the code 0 alone: no difference, and the end of a block.
        for class in [0x00, 0x10] {
            jpeg.extend([0xFF, 0xC4, 0, 20, class, 1]);
            jpeg.extend([0; 16]);
        }
        jpeg.extend([0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
        // Six blocks of two codes of one bit, then ones.
        jpeg.extend([0x00, 0x0F, 0xFF, 0xD9]);
        jpeg
    }

    #[test]
    fn a_jpeg_is_read() {
        let picture = to_i420(&RawPicture { format: PixelFormat::Mjpeg, width: 16, height: 16, data: jpeg().into() });
        let picture = picture.unwrap();
        let near = |plane: &[u8], level: u8| plane.iter().all(|pixel| pixel.abs_diff(level) <= 1);
        assert!(near(picture.y(), 126) && near(picture.u(), 128) && near(picture.v(), 128), "{:?}", &picture.y()[..4]);
    }

    #[test]
    fn the_number_of_a_picture_survives_each_format() {
        let picture = drawn(11);
        let nv12: Vec<u8> = picture.u().iter().zip(picture.v()).flat_map(|(u, v)| [*u, *v]).collect();
        let yuyv = picture.y().chunks_exact(2).flat_map(|pair| [pair[0], 128, pair[1], 128]).collect();
        let rgb = picture.y().iter().flat_map(|level| [*level; 3]).collect();
        for (format, data) in [
            (PixelFormat::Nv12, [picture.y(), &nv12].concat()),
            (PixelFormat::I420, [picture.y(), picture.u(), picture.v()].concat()),
            (PixelFormat::Yuyv, yuyv),
            (PixelFormat::Rgb, rgb),
        ] {
            let converted = to_i420(&raw(format, data)).unwrap();
            assert_eq!(barcode::read(&converted.view()), Some(11), "{format:?}");
        }
    }

    #[test]
    fn a_jpeg_without_its_parts_is_refused_before_the_library_sees_it() {
        assert_eq!(jpeg_size(&[]), None);
        assert_eq!(jpeg_size(&[0xFF, 0xD8, 0xFF, 0xD9]), None);
        let mut jpeg = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 180, 1, 64, 3, 0, 0, 0];
        assert_eq!(jpeg_size(&jpeg), None, "no scan");
        jpeg.extend([0xFF, 0xDA, 0, 2]);
        assert_eq!(jpeg_size(&jpeg), Some((320, 180)));
        assert!(to_i420(&raw(PixelFormat::Mjpeg, jpeg)).is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_any_length_never_panic(len in 0usize..200_000, side in 14u32..330, which in 0usize..5) {
            let formats =
                [PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Yuyv, PixelFormat::Rgb, PixelFormat::Mjpeg];
            let format = formats[which];
            let _ = to_i420(&RawPicture { format, width: side, height: side / 2 + 9, data: vec![0xFF; len].into() });
        }
    }
}
