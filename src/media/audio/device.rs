//! The system's sound devices: how they are opened, and what is wrong with them. [`list`] knows which there are.
//!
//! Streams are made here; what runs on the system's real-time thread is in [`callback`].

mod callback;
mod downmix;
mod health;
mod list;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, I24, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig};

pub use self::health::Health;
pub use self::list::{AudioDevice, DeviceKind, default_id, devices, find};

use self::callback::{Giver, Taker};
use self::list::{default_config, missing};
use super::RATE;
use super::processing::played::{self, Heard, Tap};
use crate::media::Problem;

/// Lengths of a callback's buffer to ask for, 1/100 s, before the system's own, which can be 85 ms.
const BUFFERS: [u32; 2] = [1, 2];
/// How long a system may take to open a device, where it can be told.
const OPENING: Duration = Duration::from_secs(5);

/// Why a device could not be opened.
pub fn problem(error: &cpal::Error) -> Problem {
    match error.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => missing(),
        ErrorKind::PermissionDenied => Problem::Denied,
        ErrorKind::DeviceBusy => Problem::Busy,
        // A sound server that does not run; a card that went away while it was opened; a device that a server lacks.
        _ if ["Connection refused", "No such device", "I/O error"]
            .iter()
            .any(|says| error.to_string().contains(says)) =>
        {
            missing()
        }
        _ => Problem::Other(error.to_string()),
    }
}

/// Lower is better; `None` cannot be used.
fn rank(format: SampleFormat) -> Option<u8> {
    const USABLE: [SampleFormat; 7] = [
        SampleFormat::F32,
        SampleFormat::I16,
        SampleFormat::I32,
        SampleFormat::I24,
        SampleFormat::F64,
        SampleFormat::U16,
        SampleFormat::U8,
    ];
    USABLE.iter().position(|usable| *usable == format).map(|at| at as u8)
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
    pub health: Arc<Health>,
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
        let end = Input { samples, rate: config.sample_rate, health: health.clone() };
        let health = health.clone();
        let stream = match format {
            SampleFormat::F32 => input::<f32>(device, config, producer, health),
            SampleFormat::I16 => input::<i16>(device, config, producer, health),
            SampleFormat::I24 => input::<I24>(device, config, producer, health),
            SampleFormat::F64 => input::<f64>(device, config, producer, health),
            SampleFormat::U16 => input::<u16>(device, config, producer, health),
            SampleFormat::I32 => input::<i32>(device, config, producer, health),
            SampleFormat::U8 => input::<u8>(device, config, producer, health),
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        }?;
        Ok((stream, end))
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
            SampleFormat::I24 => output::<I24>(device, config, consumer, tap, health),
            SampleFormat::F64 => output::<f64>(device, config, consumer, tap, health),
            SampleFormat::U16 => output::<u16>(device, config, consumer, tap, health),
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
    let asked = BUFFERS.map(|hundredths| BufferSize::Fixed(hundredths * (picked.sample_rate() / 100).max(1)));
    for buffer_size in asked.into_iter().chain([BufferSize::Default]) {
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
    ring: rtrb::Producer<f32>,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let failing = health.clone();
    let mut taker = Taker::new(ring, health, config.sample_rate, config.channels);
    let callback = move |data: &[T], _: &cpal::InputCallbackInfo| taker.take(data);
    device.build_input_stream(config, callback, move |error| failing.fail(error.kind()), Some(OPENING))
}

fn output<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    ring: rtrb::Consumer<f32>,
    tap: Tap,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error> {
    let (failing, timed) = (health.clone(), health.clone());
    let mut giver = Giver::new(ring, Some(tap), health, config.channels);
    let callback = move |data: &mut [T], info: &cpal::OutputCallbackInfo| {
        let times = info.timestamp();
        timed.set_latency(times.playback.duration_since(times.callback));
        giver.fill(data);
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
            (cpal::Error::with_message(ErrorKind::BackendError, "snd_pcm_hw_params: I/O error (5)"), missing()),
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
}
