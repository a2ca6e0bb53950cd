//! WAV files: one read whole as 48 kHz mono, one written as the call goes.
//!
//! Called by `audio` for a file that stands in for a microphone and for `--record-audio`. Never trusts a header: a
//! file is a stranger's bytes.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::audio::resample;
use super::audio::{RATE, SECOND_FRAMES};

/// The longest file that is read, s: it is held in memory.
pub const LONGEST_S: u64 = 30 * 60;

/// Sample rates that are read, Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// The sizes in a WAV header are 32 bits wide; a second below that.
const MOST_SAMPLES: u32 = u32::MAX / 2 - 48_000;

/// Why a WAV file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file cannot be opened, read, created or written.
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    /// Not a WAV file, or damaged.
    #[error("{path} is not a WAV file that can be read: {reason}")]
    Format { path: String, reason: String },
    /// Longer than [`LONGEST_S`].
    #[error("{path} is longer than {} minutes", LONGEST_S / 60)]
    TooLong { path: String },
    /// The recording reached what a WAV header can say (12 hours).
    #[error("{path} is as long as a WAV file can be")]
    Full { path: String },
}

impl WavError {
    fn of(path: &Path, error: hound::Error) -> Self {
        let path = path.display().to_string();
        match error {
            // A file that ends early is damaged; the disk is fine.
            hound::Error::IoError(error)
                if matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::Other) =>
            {
                Self::Format { path, reason: "it is cut short".into() }
            }
            hound::Error::IoError(error) => Self::Io { path, error },
            other => Self::Format { path, reason: other.to_string() },
        }
    }
}

/// Reads a file of any rate, any number of channels, 8 to 32 bit integers or 32 bit floats, as 48 kHz mono in
/// -1.0..=1.0. Channels are averaged.
///
/// # Errors
/// The file is missing, not a WAV file, damaged, or too long.
pub fn read_mono(path: &Path) -> Result<Vec<f32>, WavError> {
    let name = || path.display().to_string();
    let format = |reason: &str| WavError::Format { path: name(), reason: reason.into() };
    let file = File::open(path).map_err(|error| WavError::Io { path: name(), error })?;
    let reader = WavReader::new(std::io::BufReader::new(file)).map_err(|error| WavError::of(path, error))?;
    let spec = reader.spec();
    if !RATES.contains(&spec.sample_rate) {
        return Err(format(&format!("a sample rate of {} Hz", spec.sample_rate)));
    }
    if u64::from(reader.duration()) > LONGEST_S * u64::from(spec.sample_rate) {
        return Err(WavError::TooLong { path: name() });
    }
    let mono = match spec.sample_format {
        SampleFormat::Float => mix(reader.into_samples::<f32>(), spec.channels),
        SampleFormat::Int => {
            let scale = 1.0 / 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            mix(reader.into_samples::<i32>().map(|sample| sample.map(|sample| sample as f32 * scale)), spec.channels)
        }
    }
    .map_err(|error| WavError::of(path, error))?;
    if spec.sample_rate == RATE {
        return Ok(mono);
    }
    resample::whole(&mono, spec.sample_rate).map_err(|error| format(&error.to_string()))
}

/// Averages the channels; a sample that is not a number is silence.
fn mix(samples: impl Iterator<Item = hound::Result<f32>>, channels: u16) -> hound::Result<Vec<f32>> {
    let channels = usize::from(channels.max(1));
    let (mut mono, mut sum) = (Vec::new(), 0.0);
    for (at, sample) in samples.enumerate() {
        let sample = sample?;
        sum += if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        if at % channels == channels - 1 {
            mono.push(sum / channels as f32);
            sum = 0.0;
        }
    }
    Ok(mono)
}

/// Writes 48 kHz mono, 16 bit. The header is brought up to date each second, so a killed process leaves a file that
/// can be read up to there; dropping it completes the file.
pub struct Recorder {
    writer: WavWriter<BufWriter<File>>,
    path: String,
    frames: u64,
}

impl Recorder {
    /// Creates or overwrites `path`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self, WavError> {
        let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let io = |error| WavError::Io { path: path.display().to_string(), error };
        let file = File::create(path).map_err(io)?;
        let mut writer = WavWriter::new(BufWriter::new(file), spec).map_err(|error| WavError::of(path, error))?;
        writer.flush().map_err(|error| WavError::of(path, error))?;
        Ok(Self { writer, path: path.display().to_string(), frames: 0 })
    }

    /// Appends a frame of samples in -1.0..=1.0.
    ///
    /// # Errors
    /// The disk is full or gone, or the file has reached its limit: drop the recorder.
    pub fn write(&mut self, frame: &[f32]) -> Result<(), WavError> {
        if self.writer.duration() > MOST_SAMPLES {
            return Err(WavError::Full { path: self.path.clone() });
        }
        self.append(frame).map_err(|error| match error {
            hound::Error::IoError(error) => WavError::Io { path: self.path.clone(), error },
            other => WavError::Format { path: self.path.clone(), reason: other.to_string() },
        })
    }

    fn append(&mut self, frame: &[f32]) -> hound::Result<()> {
        for sample in frame {
            // The conversion saturates, and takes what is not a number as 0.
            self.writer.write_sample((sample * 32_767.0).round() as i16)?;
        }
        self.frames += 1;
        if self.frames.is_multiple_of(SECOND_FRAMES) {
            self.writer.flush()?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).field("frames", &self.frames).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write<S: hound::Sample + Copy>(path: &Path, spec: WavSpec, samples: &[S]) {
        let mut writer = WavWriter::create(path, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    #[test]
    fn every_sample_format_is_read_at_its_own_scale() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.wav");
        for bits in [8u16, 16, 24, 32] {
            let half = 1i64 << (bits - 2);
            write(&path, spec(1, RATE, bits, SampleFormat::Int), &[0, half as i32, -half as i32]);
            assert_eq!(read_mono(&path).unwrap(), [0.0, 0.5, -0.5], "{bits} bits");
        }
        write(&path, spec(1, RATE, 32, SampleFormat::Float), &[0.25f32, f32::NAN, 7.0]);
        assert_eq!(read_mono(&path).unwrap(), [0.25, 0.0, 1.0]);
    }

    #[test]
    fn stereo_at_another_rate_becomes_48_khz_mono_of_the_same_length_and_pitch() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.wav");
        let samples: Vec<i16> = (0..44_100)
            .flat_map(|n| {
                let tone = (f64::from(n) / 44_100.0 * 440.0 * std::f64::consts::TAU).sin();
                [(tone * 16_000.0) as i16, 0]
            })
            .collect();
        write(&path, spec(2, 44_100, 16, SampleFormat::Int), &samples);
        let mono = read_mono(&path).unwrap();
        assert_eq!(mono.len(), 48_000);
        let wanted = |n: usize| (n as f64 / 48_000.0 * 440.0 * std::f64::consts::TAU).sin() * 8_000.0 / 32_768.0;
        let worst = (2_000..46_000).map(|n| (f64::from(mono[n]) - wanted(n)).abs()).fold(0.0, f64::max);
        let step = 440.0 / 48_000.0 * std::f64::consts::TAU * 8_000.0 / 32_768.0;
        assert!(worst < step, "off by {worst}, a whole sample or more");
    }

    #[test]
    fn a_missing_file_garbage_and_a_cut_file_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.wav");
        assert!(matches!(read_mono(&path), Err(WavError::Io { .. })));
        std::fs::write(&path, b"this is not sound, whatever its name says").unwrap();
        assert!(matches!(read_mono(&path), Err(WavError::Format { .. })));
        write(&path, spec(1, RATE, 16, SampleFormat::Int), &[1i16; 1000]);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..1000]).unwrap();
        let error = read_mono(&path).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{error}");
    }

    #[test]
    fn no_header_makes_the_reader_panic() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.wav");
        write(&path, spec(1, RATE, 16, SampleFormat::Int), &[1i16; 100]);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..44 {
            for value in [0, 1, 2, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                std::fs::write(&path, bytes).unwrap();
                let _ = read_mono(&path);
            }
        }
    }

    #[test]
    fn a_recording_is_readable_while_it_is_still_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let mut recorder = Recorder::create(&path).unwrap();
        assert_eq!(read_mono(&path).unwrap().len(), 0);
        for _ in 0..SECOND_FRAMES + 1 {
            recorder.write(&[0.5; 960]).unwrap();
        }
        assert_eq!(read_mono(&path).unwrap().len(), 48_000);
        drop(recorder);
        assert_eq!(read_mono(&path).unwrap().len(), 48_960);
    }

    #[test]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        let recorder = Recorder::create(Path::new("/dev/full"));
        let error = recorder.and_then(|mut recorder| (0..100).try_for_each(|_| recorder.write(&[0.5; 960])));
        assert!(error.is_err());
    }
}
