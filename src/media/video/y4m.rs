//! Reading and writing YUV4MPEG2 files: 4:2:0, 8 bits.
//!
//! [`Reader`] feeds [`super::capture`], [`Writer`] is the recording of [`super::receiver`]. A file is untrusted: its header
//! is checked here before the `y4m` crate multiplies the sizes in it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ::y4m::Colorspace;

use super::picture::{self, I420, I420View};
use super::{PictureSource, VideoError};

/// Reads a file over and over.
pub struct Reader {
    path: PathBuf,
    decoder: ::y4m::Decoder<BufReader<File>>,
    /// Pictures read since the file was last opened.
    at: u64,
    /// Pictures in the file, known once its end was reached.
    length: Option<u64>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).field("at", &self.at).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, is no y4m file, is not 4:2:0 with 8 bits, or its size or rate is out of range
    /// (16 to 3840 pixels a side, 1 to 120 pictures a second).
    pub fn open(path: &Path) -> Result<Self, VideoError> {
        let decoder = open(path)?;
        let (width, height) = (decoder.get_width() as u32, decoder.get_height() as u32);
        if !picture::size_is_sound(width, height) {
            return Err(wrong(path, format!("{width} x {height} pixels cannot be encoded")));
        }
        if !matches!(
            decoder.get_colorspace(),
            Colorspace::C420 | Colorspace::C420jpeg | Colorspace::C420paldv | Colorspace::C420mpeg2
        ) {
            let found = decoder.get_colorspace();
            return Err(wrong(path, format!("its pictures are {found:?}; only 4:2:0 with 8 bits is read")));
        }
        let rate = decoder.get_framerate();
        if rate.den == 0 || rate.den > 1_000_000 || !(1..=120).contains(&(rate.num / rate.den)) {
            return Err(wrong(path, format!("a rate of {rate} pictures a second")));
        }
        Ok(Self { path: path.to_owned(), decoder, at: 0, length: None })
    }

    /// Pictures a second as a fraction.
    pub fn rate(&self) -> (u32, u32) {
        let rate = self.decoder.get_framerate();
        (u32::try_from(rate.num).unwrap_or(30), u32::try_from(rate.den).unwrap_or(1))
    }

    /// The next picture, or `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub fn next_picture(&mut self) -> Result<Option<I420>, VideoError> {
        let mut picture = I420::black(2, 2);
        Ok(self.next_into(&mut picture)?.then_some(picture))
    }

    /// Reads the next picture; false at the end. A picture cut short is the end.
    fn next_into(&mut self, into: &mut I420) -> Result<bool, VideoError> {
        let (width, height) = (self.decoder.get_width(), self.decoder.get_height());
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(::y4m::Error::EOF) => return Ok(false),
            Err(error) => return Err(wrong(&self.path, error.to_string())),
        };
        let view = I420View {
            width: width as u32,
            height: height as u32,
            y: frame.get_y_plane(),
            u: frame.get_u_plane(),
            v: frame.get_v_plane(),
            y_stride: width,
            uv_stride: width.div_ceil(2),
        };
        *into = view.to_picture().expect("the crate's planes have the size that it says");
        self.at += 1;
        Ok(true)
    }
}

impl PictureSource for Reader {
    fn size(&self) -> (u32, u32) {
        (self.decoder.get_width() as u32 & !1, self.decoder.get_height() as u32 & !1)
    }

    /// Picture `number` modulo the length of the file.
    fn draw(&mut self, number: u64, into: &mut I420) -> Result<(), VideoError> {
        loop {
            let wanted = self.length.map_or(number, |length| number % length);
            if wanted < self.at {
                self.decoder = open(&self.path)?;
                self.at = 0;
            }
            while self.at <= wanted {
                if !self.next_into(into)? {
                    break;
                }
            }
            if self.at > wanted {
                return Ok(());
            }
            if self.at == 0 || self.length.is_some_and(|length| self.at < length) {
                return Err(wrong(&self.path, "it holds no picture, or fewer than before".into()));
            }
            self.length = Some(self.at);
        }
    }
}

fn wrong(path: &Path, message: String) -> VideoError {
    VideoError::File { path: path.to_owned(), message }
}

fn open(path: &Path) -> Result<::y4m::Decoder<BufReader<File>>, VideoError> {
    let file = File::open(path).map_err(|error| wrong(path, error.to_string()))?;
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let head = reader.fill_buf().map_err(|error| wrong(path, error.to_string()))?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !line.starts_with(b"YUV4MPEG2 ") {
        return Err(wrong(path, "it is no y4m file".into()));
    }
    for field in line.split(|byte| *byte == b' ').filter(|field| matches!(field.first(), Some(b'W' | b'H'))) {
        let side = std::str::from_utf8(&field[1..]).ok().and_then(|side| side.parse::<u32>().ok());
        if side.is_none_or(|side| side > picture::MAX_SIDE) {
            return Err(wrong(path, format!("a size of {} pixels", String::from_utf8_lossy(&field[1..]))));
        }
    }
    let limits = ::y4m::Limits { bytes: picture::MAX_PIXELS as usize * 6 };
    ::y4m::Decoder::new_with_limits(reader, limits).map_err(|error| wrong(path, error.to_string()))
}

/// Writes pictures of one size into a file; the first picture decides the size. Nothing is held back: a picture that
/// was written is in the file.
pub struct Writer {
    path: PathBuf,
    fps: u32,
    file: File,
    open: Option<Open>,
    failed: bool,
}

/// What is known once there was a picture.
struct Open {
    width: u32,
    height: u32,
    encoder: ::y4m::Encoder<File>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writer {
    /// Creates the file, or empties it. `fps` is what its header will say.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(path: &Path, fps: u32) -> Result<Self, VideoError> {
        let file = File::create(path).map_err(|error| wrong(path, error.to_string()))?;
        Ok(Self { path: path.to_owned(), fps, file, open: None, failed: false })
    }

    /// Appends a picture; one of another size than the first is scaled to that.
    ///
    /// # Errors
    /// The disk is full or gone. The file then ends with its last whole picture, and every later call fails too.
    pub fn write(&mut self, picture: &I420) -> Result<(), VideoError> {
        let whole = self.file.metadata().map_or(0, |metadata| metadata.len());
        let result = if self.failed { Err("the recording has ended".into()) } else { self.append(picture) };
        if result.is_err() && !self.failed {
            self.failed = true;
            if let Err(error) = self.file.set_len(whole) {
                tracing::debug!(%error, "the recording ends with half a picture");
            }
        }
        result.map_err(|message| wrong(&self.path, message))
    }

    fn append(&mut self, picture: &I420) -> Result<(), String> {
        if self.open.is_none() {
            let (width, height) = (picture.width(), picture.height());
            let file = self.file.try_clone().map_err(|error| error.to_string())?;
            let encoder = ::y4m::encode(width as usize, height as usize, ::y4m::Ratio::new(self.fps as usize, 1))
                .with_colorspace(Colorspace::C420jpeg)
                .write_header(file)
                .map_err(|error| error.to_string())?;
            self.open = Some(Open { width, height, encoder });
        }
        let Some(open) = &mut self.open else { return Err("the file has no header".into()) };
        let scaled;
        let picture = if (picture.width(), picture.height()) == (open.width, open.height) {
            picture
        } else {
            scaled = picture.scaled(open.width, open.height);
            &scaled
        };
        let frame = ::y4m::Frame::new([picture.y(), picture.u(), picture.v()], None);
        open.encoder.write_frame(&frame).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::video::{barcode, pattern::Pattern};

    fn recording(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    #[test]
    fn what_is_written_is_read_and_starts_again_at_the_end() {
        let (_dir, path) = recording("round.y4m", b"");
        let mut writer = Writer::create(&path, 30).unwrap();
        let mut pattern = Pattern::new(160, 90);
        let mut written = Vec::new();
        for number in 0..5 {
            let mut picture = I420::black(2, 2);
            pattern.draw(number, &mut picture).unwrap();
            writer.write(&picture).unwrap();
            written.push(picture);
        }
        let mut reader = Reader::open(&path).unwrap();
        assert_eq!((reader.size(), reader.rate()), ((160, 90), (30, 1)));
        let mut picture = I420::black(2, 2);
        for number in [0, 1, 2, 3, 4, 5, 6, 12, 40] {
            reader.draw(number, &mut picture).unwrap();
            assert_eq!(picture, written[number as usize % 5], "picture {number}");
        }
    }

    #[test]
    fn a_picture_of_another_size_is_scaled_to_the_first() {
        let (_dir, path) = recording("sizes.y4m", b"");
        let mut writer = Writer::create(&path, 30).unwrap();
        for (number, width, height) in [(0, 320, 180), (1, 640, 360)] {
            let mut picture = I420::black(2, 2);
            Pattern::new(width, height).draw(number, &mut picture).unwrap();
            writer.write(&picture).unwrap();
        }
        let mut reader = Reader::open(&path).unwrap();
        let mut picture = I420::black(2, 2);
        reader.draw(1, &mut picture).unwrap();
        assert_eq!((picture.width(), barcode::read(&picture.view())), (320, Some(1)));
    }

    #[test]
    fn a_file_that_is_missing_or_not_what_it_should_be_says_so() {
        let missing = Reader::open(Path::new("nowhere.y4m")).unwrap_err().to_string();
        assert!(missing.contains("nowhere.y4m") && missing.contains("No such file"), "{missing}");
        for (head, says) in [
            ("RIFF....", "no y4m file"),
            ("YUV4MPEG2 W160 H90 F30:1 C444\n", "4:2:0"),
            ("YUV4MPEG2 W160 H90 F30:1 C420p10\n", "4:2:0"),
            ("YUV4MPEG2 W8 H8 F30:1 C420\n", "8 x 8"),
            ("YUV4MPEG2 W160 H90 F30:0 C420\n", "rate"),
            ("YUV4MPEG2 W160 H90 F0:1 C420\n", "rate"),
            ("YUV4MPEG2 W18446744073709551615 H2 F30:1\n", "size"),
            ("YUV4MPEG2 W160", "End of file"),
        ] {
            let (_dir, path) = recording("wrong.y4m", head.as_bytes());
            let error = Reader::open(&path).unwrap_err().to_string();
            assert!(error.contains(says), "{head:?}: {error}");
        }
    }

    #[test]
    fn a_file_without_a_whole_picture_is_an_error_and_no_endless_loop() {
        for tail in ["", "FRAME\n123", "JUNK\n"] {
            let (_dir, path) = recording("short.y4m", format!("YUV4MPEG2 W160 H90 F30:1 C420\n{tail}").as_bytes());
            let mut reader = Reader::open(&path).unwrap();
            assert!(reader.draw(0, &mut I420::black(2, 2)).is_err(), "{tail:?}");
        }
    }
}
