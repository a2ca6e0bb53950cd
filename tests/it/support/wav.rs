//! WAV files of the tests' own making, and recordings read as they are. Taken in by the benches too.

use std::path::{Path, PathBuf};

/// Writes samples of -1.0 to 1.0 as 16 bit mono, and gives the path back.
pub fn write(path: &Path, rate: u32, samples: impl IntoIterator<Item = impl Into<f64>>) -> PathBuf {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.into_iter().for_each(|sample| writer.write_sample((sample.into() * 32_767.0) as i16).unwrap());
    writer.finalize().unwrap();
    path.to_owned()
}

/// Samples a second, and the samples, of a mono file of 16 bit.
pub fn read(path: &Path) -> (u32, Vec<f32>) {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    assert_eq!(spec.channels, 1, "{}", path.display());
    (spec.sample_rate, reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect())
}
