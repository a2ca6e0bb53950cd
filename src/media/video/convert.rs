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

    #[test]
    fn nv12_is_taken_apart_exactly() {
        let picture = drawn(9);
        let mut data = picture.y().to_vec();
        data.extend(picture.u().iter().zip(picture.v()).flat_map(|(u, v)| [*u, *v]));
        assert_eq!(to_i420(&raw(PixelFormat::Nv12, data)).unwrap(), picture);
    }

    #[test]
    fn yuyv_and_rgb_keep_the_number_and_the_grey() {
        let picture = drawn(11);
        let yuyv = picture.y().chunks_exact(2).flat_map(|pair| [pair[0], 128, pair[1], 128]).collect();
        let converted = to_i420(&raw(PixelFormat::Yuyv, yuyv)).unwrap();
        assert_eq!(converted.y(), picture.y());
        assert_eq!(barcode::read(&converted.view()), Some(11));
        let rgb = picture.y().iter().flat_map(|level| [*level; 3]).collect();
        let converted = to_i420(&raw(PixelFormat::Rgb, rgb)).unwrap();
        assert_eq!(barcode::read(&converted.view()), Some(11));
        assert!(converted.u().iter().all(|level| level.abs_diff(128) <= 1));
    }

    #[test]
    fn padded_rows_are_read_without_their_padding() {
        let picture = drawn(12);
        let rows = picture.y().chunks_exact(320);
        let yuyv = rows.flat_map(|row| row.iter().flat_map(|level| [*level, 128]).chain([0; 64])).collect();
        assert_eq!(to_i420(&raw(PixelFormat::Yuyv, yuyv)).unwrap().y(), picture.y());
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
        fn bytes_of_any_length_never_panic(len in 0usize..200_000, side in 14u32..330, which in 0usize..4) {
            let format = [PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Rgb, PixelFormat::Mjpeg][which];
            let _ = to_i420(&RawPicture { format, width: side, height: side / 2 + 9, data: vec![0xFF; len].into() });
        }
    }
}
