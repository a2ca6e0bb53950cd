//! The system's sound devices: how they are opened, and what is wrong with them. [`list`] knows which there are.
//!
//! The callbacks are made here. They run on the system's real-time thread: a ring, a few atomics, and nothing else.

mod list;
mod rows;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig};

pub use self::list::{AudioDevice, DeviceKind, devices, find};

use self::list::{default_config, missing};
use super::RATE;
use super::processing::played::{self, Heard, Tap};
use crate::clock;
use crate::media::Problem;

/// Sizes of a callback's buffer to ask for, frames: what a system takes by default can be 85 ms.
const BUFFERS: [BufferSize; 3] = [BufferSize::Fixed(480), BufferSize::Fixed(960), BufferSize::Default];
/// How long a system may take to open a device, where it can be told.
const OPENING: Duration = Duration::from_secs(5);

/// What callbacks say about a running device, without a lock.
#[derive(Debug, Default)]
pub struct Health {
    fault: AtomicU8,
    beats: AtomicU32,
    /// Samples that came or went in one callback, at most so far.
    period: AtomicU32,
    missed: AtomicU32,
}

impl Health {
    /// Counts callbacks: a device that stands still is broken, whatever it says.
    pub fn beats(&self) -> u32 {
        self.beats.load(Ordering::Relaxed)
    }

    /// The largest callback so far, samples a channel.
    pub fn period(&self) -> usize {
        self.period.load(Ordering::Relaxed) as usize
    }

    /// How often a callback found the ring full (input) or short (output).
    pub fn missed(&self) -> u32 {
        self.missed.load(Ordering::Relaxed)
    }

    /// What went wrong for good.
    pub fn fault(&self) -> Option<Problem> {
        match self.fault.load(Ordering::Relaxed) {
            1 => Some(Problem::Unplugged),
            2 => Some(Problem::Denied),
            _ => None,
        }
    }

    /// What went wrong, if the callbacks have ended: many systems go on after an error.
    pub fn trouble(&self) -> Option<Problem> {
        match self.fault.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Problem::Unplugged),
            2 => Some(Problem::Denied),
            3 => Some(Problem::Busy),
            _ => Some(Problem::Other("the sound system reported an error".into())),
        }
    }

    /// The device went on after what it reported.
    pub fn forgive(&self) {
        self.fault.store(0, Ordering::Relaxed);
    }

    /// A callback moved this many samples a channel.
    pub fn beat(&self, frames: usize) {
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.period.fetch_max(u32::try_from(frames).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// The sound system reports an error.
    pub fn fail(&self, kind: ErrorKind) {
        let fault = match kind {
            // The stream goes on by itself after these.
            ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => return,
            ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => 1,
            ErrorKind::PermissionDenied => 2,
            ErrorKind::DeviceBusy => 3,
            _ => 4,
        };
        self.fault.store(fault, Ordering::Relaxed);
    }
}

/// Why a device could not be opened.
pub fn problem(error: &cpal::Error) -> Problem {
    match error.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => missing(),
        ErrorKind::PermissionDenied => Problem::Denied,
        ErrorKind::DeviceBusy => Problem::Busy,
        // A sound server that does not run; a card that went away while it was opened.
        _ if ["Connection refused", "No such device"].iter().any(|says| error.to_string().contains(says)) => missing(),
        _ => Problem::Other(error.to_string()),
    }
}

/// Lower is better; `None` cannot be used.
fn rank(format: SampleFormat) -> Option<u8> {
    [SampleFormat::F32, SampleFormat::I16, SampleFormat::I32, SampleFormat::U8]
        .iter()
        .position(|usable| *usable == format)
        .map(|at| at as u8)
}

/// The format nearest to ours: 48 kHz, float, mono in and stereo out.
fn pick(kind: DeviceKind, device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
    let ranges: Vec<_> = match kind {
        DeviceKind::Input => device.supported_input_configs().map(Iterator::collect),
        DeviceKind::Output => device.supported_output_configs().map(Iterator::collect),
    }?;
    let wanted = if kind == DeviceKind::Input { 1 } else { 2u16 };
    let best = ranges
        .into_iter()
        .filter(|range| range.channels() > 0 && range.min_sample_rate() <= range.max_sample_rate())
        .filter_map(|range| {
            let rate = RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
            let cost = (rate.abs_diff(RATE), rank(range.sample_format())?, range.channels().abs_diff(wanted));
            Some((cost, range.try_with_sample_rate(rate)?))
        })
        .min_by_key(|(cost, _)| *cost);
    match best {
        Some((_, config)) => Ok(config),
        None => default_config(kind, device),
    }
}

/// A running microphone's end of the ring: mono samples at `rate`.
pub struct Input {
    pub samples: rtrb::Consumer<f32>,
    pub rate: u32,
}

/// A running speaker's end of the ring: mono samples at `rate`.
pub struct Feed {
    pub samples: rtrb::Producer<f32>,
    pub rate: u32,
    pub health: Arc<Health>,
    /// What the callback takes out of the ring.
    pub heard: Option<Heard>,
}

/// Opens and starts a microphone.
pub fn open_input(device: &cpal::Device, health: &Arc<Health>) -> Result<(cpal::Stream, Input), cpal::Error> {
    open(DeviceKind::Input, device, |format, config| {
        // Half a second: the reader wakes each 5 ms, a machine in trouble much later.
        let (producer, samples) = rtrb::RingBuffer::new(config.sample_rate as usize / 2);
        let health = health.clone();
        let stream = match format {
            SampleFormat::F32 => input::<f32>(device, config, producer, health),
            SampleFormat::I16 => input::<i16>(device, config, producer, health),
            SampleFormat::I32 => input::<i32>(device, config, producer, health),
            SampleFormat::U8 => input::<u8>(device, config, producer, health),
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        }?;
        Ok((stream, Input { samples, rate: config.sample_rate }))
    })
}

/// Opens and starts a speaker.
pub fn open_output(device: &cpal::Device, health: &Arc<Health>) -> Result<(cpal::Stream, Feed), cpal::Error> {
    open(DeviceKind::Output, device, |format, config| {
        let (samples, consumer) = rtrb::RingBuffer::new(config.sample_rate as usize / 2);
        let (tap, heard) = played::tap(config.sample_rate);
        let feed = Feed { samples, rate: config.sample_rate, health: health.clone(), heard: Some(heard) };
        let health = health.clone();
        let stream = match format {
            SampleFormat::F32 => output::<f32>(device, config, consumer, tap, health),
            SampleFormat::I16 => output::<i16>(device, config, consumer, tap, health),
            SampleFormat::I32 => output::<i32>(device, config, consumer, tap, health),
            SampleFormat::U8 => output::<u8>(device, config, consumer, tap, health),
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        }?;
        Ok((stream, feed))
    })
}

/// Tries one buffer size after the other; the first error is the one that says what is wrong.
fn open<E>(
    kind: DeviceKind,
    device: &cpal::Device,
    mut build: impl FnMut(SampleFormat, StreamConfig) -> Result<(cpal::Stream, E), cpal::Error>,
) -> Result<(cpal::Stream, E), cpal::Error> {
    let picked = pick(kind, device)?;
    let mut first = None;
    for buffer_size in BUFFERS {
        let config = StreamConfig { buffer_size, ..picked.config() };
        let started = build(picked.sample_format(), config).and_then(|(stream, end)| {
            stream.play()?;
            Ok((stream, end))
        });
        match started {
            Ok(opened) => {
                tracing::debug!(?kind, ?config, format = ?picked.sample_format(), "sound device runs");
                return Ok(opened);
            }
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| ErrorKind::UnsupportedConfig.into()))
}

fn input<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: rtrb::Producer<f32>,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels.max(1));
    let failing = health.clone();
    let callback = move |data: &[T], _: &cpal::InputCallbackInfo| {
        let frames = data.len() / channels;
        health.beat(frames);
        let room = frames.min(ring.slots());
        if room < frames {
            health.missed.fetch_add(1, Ordering::Relaxed);
        }
        if let Ok(chunk) = ring.write_chunk_uninit(room) {
            let scale = 1.0 / channels as f32;
            let mono = |frame: &[T]| frame.iter().map(|sample| f32::from_sample_(*sample)).sum::<f32>() * scale;
            chunk.fill_from_iter(data.chunks_exact(channels).map(mono));
        }
    };
    device.build_input_stream(config, callback, move |error| failing.fail(error.kind()), Some(OPENING))
}

fn output<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: rtrb::Consumer<f32>,
    mut tap: Tap,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error> {
    let channels = usize::from(config.channels.max(1));
    let failing = health.clone();
    let callback = move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
        let frames = data.len() / channels;
        health.beat(frames);
        let ready = frames.min(ring.slots());
        if ready < frames {
            health.missed.fetch_add(1, Ordering::Relaxed);
        }
        let (sound, silence) = data.split_at_mut(ready * channels);
        if let Ok(chunk) = ring.read_chunk(ready) {
            tap.took(clock::now(), chunk.as_slices(), frames);
            for (frame, sample) in sound.chunks_exact_mut(channels).zip(chunk) {
                frame.fill(T::from_sample_(sample));
            }
        }
        silence.fill(T::EQUILIBRIUM);
    };
    device.build_output_stream(config, callback, move |error| failing.fail(error.kind()), Some(OPENING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sound_system_reports_is_told_apart() {
        for (error, expected) in [
            (ErrorKind::DeviceNotAvailable.into(), missing()),
            (ErrorKind::HostUnavailable.into(), missing()),
            (ErrorKind::PermissionDenied.into(), Problem::Denied),
            (ErrorKind::DeviceBusy.into(), Problem::Busy),
            (cpal::Error::with_message(ErrorKind::BackendError, "Connection refused"), missing()),
            (cpal::Error::with_message(ErrorKind::BackendError, "No such device or address"), missing()),
            (cpal::Error::with_message(ErrorKind::BackendError, "it hums"), Problem::Other("it hums".into())),
        ] {
            let problem = problem(&error);
            let same = match (&problem, &expected) {
                (Problem::Other(said), Problem::Other(says)) => said.contains(says.as_str()),
                (one, other) => one == other,
            };
            assert!(same, "{error}: {problem:?}");
        }
    }

    #[test]
    fn a_hiccup_is_no_fault_and_an_unplugged_device_is() {
        let health = Health::default();
        health.fail(ErrorKind::Xrun);
        assert_eq!((health.fault(), health.trouble()), (None, None));
        health.fail(ErrorKind::BackendError);
        assert_eq!(health.fault(), None);
        assert!(health.trouble().is_some());
        health.forgive();
        assert_eq!(health.trouble(), None);
        health.fail(ErrorKind::DeviceNotAvailable);
        assert_eq!(health.fault(), Some(Problem::Unplugged));
    }
}
