//! Any rate to any other, mono. Pure: no device, no clock.

use std::collections::VecDeque;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use super::RATE;

/// Why samples could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum ResampleError {
    #[error("no conversion from {from} to {to} Hz: {reason}")]
    Rate { from: u32, to: u32, reason: String },
    #[error("resampling failed: {0}")]
    Process(String),
}

/// A stream of samples from one rate to another. Delay: about 5 ms where the rates differ, none where they do not.
pub struct Resampler {
    /// `None` where the rates are equal.
    convert: Option<Fft<f32>>,
    waiting: VecDeque<f32>,
    chunk: Vec<f32>,
    made: Vec<f32>,
}

impl Resampler {
    /// # Errors
    /// A rate of 0 Hz.
    pub fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let convert = if from == to { None } else { Some(fft(from, to)?) };
        let made = convert.as_ref().map_or(0, |convert| convert.output_frames_max());
        Ok(Self { convert, waiting: VecDeque::new(), chunk: Vec::new(), made: vec![0.0; made] })
    }

    /// Takes in samples and appends what they make to `out`; a remainder under 10 ms is kept for the next time.
    ///
    /// # Errors
    /// The library refuses, which leaves the stream as it was.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<(), ResampleError> {
        let Some(convert) = &mut self.convert else {
            out.extend_from_slice(samples);
            return Ok(());
        };
        self.waiting.extend(samples);
        loop {
            let need = convert.input_frames_next();
            if self.waiting.len() < need {
                return Ok(());
            }
            self.chunk.clear();
            self.chunk.extend(self.waiting.drain(..need));
            let error = |error: &dyn std::fmt::Display| ResampleError::Process(error.to_string());
            let input = InterleavedSlice::new(&self.chunk, 1, need).map_err(|e| error(&e))?;
            let room = self.made.len();
            let mut output = InterleavedSlice::new_mut(&mut self.made, 1, room).map_err(|e| error(&e))?;
            let (_, made) = convert.process_into_buffer(&input, &mut output, None).map_err(|e| error(&e))?;
            out.extend_from_slice(&self.made[..made]);
        }
    }
}

/// A whole recording to 48 kHz, in time with the original: the converter's delay is cut off.
///
/// # Errors
/// A rate of 0 Hz.
pub fn whole(samples: &[f32], from: u32) -> Result<Vec<f32>, ResampleError> {
    let error = |error: &dyn std::fmt::Display| ResampleError::Process(error.to_string());
    if samples.is_empty() {
        return Ok(Vec::new());
    }
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|e| error(&e))?;
    let made = fft(from, RATE)?.process_all(&input, samples.len(), None).map_err(|e| error(&e))?;
    let mut made = made.take_data();
    // The library rounds the length up in floating point.
    let len = (samples.len() as u64 * u64::from(RATE)).div_ceil(u64::from(from));
    made.truncate(len as usize);
    Ok(made)
}

fn fft(from: u32, to: u32) -> Result<Fft<f32>, ResampleError> {
    let chunk = (from / 100).max(1) as usize;
    Fft::new(from as usize, to as usize, chunk, 1, FixedSync::Input).map_err(|error| ResampleError::Rate {
        from,
        to,
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_odd_pieces_loses_no_time() {
        for (from, to) in [(44_100, 48_000), (48_000, 44_100), (16_000, 48_000), (48_000, 48_000), (48_000, 11_025)] {
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut out = Vec::new();
            let samples: Vec<f32> = (0..from * 2).map(|n| (n as f32 * 0.01).sin() * 0.5).collect();
            samples.chunks(317).for_each(|piece| resampler.process(piece, &mut out).unwrap());
            let (have, want) = (out.len() as i64, i64::from(to) * 2);
            assert!((want - have).abs() <= i64::from(to) / 40, "{from} to {to}: {have} of {want}");
        }
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        assert!(Resampler::new(0, 48_000).is_err());
        assert!(whole(&[0.0; 10], 0).is_err());
    }
}
