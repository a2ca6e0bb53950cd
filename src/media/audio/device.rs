//! The system's sound devices: which there are, how they are opened, and what is wrong with them.
//!
//! The callbacks are made here. They run on the system's real-time thread: a ring, a few atomics, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig};

use super::RATE;
use crate::media::Problem;

/// Sizes of a callback's buffer to ask for, frames: what a system takes by default can be 85 ms.
const BUFFERS: [BufferSize; 3] = [BufferSize::Fixed(480), BufferSize::Fixed(960), BufferSize::Default];
/// How long a system may take to open a device, where it can be told.
const OPENING: Duration = Duration::from_secs(5);

/// Plug-ins of ALSA that its list shows beside devices; they can be asked for, but nobody looks for them.
const PLUGINS: [&str; 9] = ["null", "lavrate", "samplerate", "speexrate", "jack", "oss", "speex", "upmix", "vdownmix"];

/// Sound servers that ALSA's list shows whether they run or not.
const SERVERS: [&str; 2] = ["pulse", "pipewire"];

/// Which way a device goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    Input,
    Output,
}

/// A device that can be picked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AudioDevice {
    pub kind: DeviceKind,
    /// Stays the same from run to run where the system allows it. What `AudioSource` and `Output` take.
    pub id: String,
    /// For people.
    pub name: String,
    /// What the system uses unless told otherwise.
    pub default: bool,
}

/// Every device of the system, inputs first; empty where there is none or no sound system. May take a second.
pub fn devices() -> Vec<AudioDevice> {
    quiet();
    let mut all = Vec::new();
    for kind in [DeviceKind::Input, DeviceKind::Output] {
        // A default is named even where nothing stands behind it: it counts if it can be asked for its format.
        let default = default_device(kind).filter(|device| default_config(kind, device).is_ok());
        let default = default.and_then(|device| describe(kind, &device));
        let mut listed = list(kind);
        listed.retain(|device| !is_server(device) || default_config(kind, device).is_ok());
        all.extend(listed.iter().filter_map(|device| describe(kind, device)).map(|mut device| {
            device.default = default.as_ref().is_some_and(|default| default.id == device.id);
            device
        }));
        if let Some(default) =
            default.filter(|default| !all.iter().any(|device| device.kind == kind && device.id == default.id))
        {
            all.push(AudioDevice { default: true, ..default });
        }
    }
    all
}

fn describe(kind: DeviceKind, device: &cpal::Device) -> Option<AudioDevice> {
    let id = device.id().ok().filter(|id| !PLUGINS.contains(&id.id()))?;
    Some(AudioDevice { kind, id: id.to_string(), name: name(device), default: false })
}

fn is_server(device: &cpal::Device) -> bool {
    device.id().is_ok_and(|id| SERVERS.contains(&id.id()))
}

/// A device's name for people.
pub fn name(device: &cpal::Device) -> String {
    device.description().map_or_else(|_| "unnamed".to_owned(), |description| description.name().to_owned())
}

fn list(kind: DeviceKind) -> Vec<cpal::Device> {
    let host = cpal::default_host();
    let found = match kind {
        DeviceKind::Input => host.input_devices().map(|devices| devices.collect()),
        DeviceKind::Output => host.output_devices().map(|devices| devices.collect()),
    };
    found.unwrap_or_else(|error| {
        tracing::debug!(%error, ?kind, "sound devices cannot be listed");
        Vec::new()
    })
}

/// The device with this id or name.
pub fn find(kind: DeviceKind, wanted: &str) -> Option<cpal::Device> {
    quiet();
    list(kind).into_iter().find(|device| {
        let id = device.id().ok();
        id.is_some_and(|id| id.id() == wanted || id.to_string() == wanted) || name(device) == wanted
    })
}

/// Keeps what ALSA writes to stderr on this thread to ourselves: its errors come back as values too. Each call empties what
/// was kept.
fn quiet() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        tracing::debug!(%error, "ALSA writes its errors to stderr");
    }
}

/// What the system uses unless told otherwise. Given even where there is none: opening it tells.
pub fn default_device(kind: DeviceKind) -> Option<cpal::Device> {
    quiet();
    let host = cpal::default_host();
    match kind {
        DeviceKind::Input => host.default_input_device(),
        DeviceKind::Output => host.default_output_device(),
    }
}

fn default_config(kind: DeviceKind, device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
    match kind {
        DeviceKind::Input => device.default_input_config(),
        DeviceKind::Output => device.default_output_config(),
    }
}

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

    fn beat(&self, frames: usize) {
        self.beats.fetch_add(1, Ordering::Relaxed);
        self.period.fetch_max(u32::try_from(frames).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn fail(&self, kind: ErrorKind) {
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
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => Problem::Missing,
        ErrorKind::PermissionDenied => Problem::Denied,
        ErrorKind::DeviceBusy => Problem::Busy,
        // A sound server that does not run.
        _ if error.to_string().contains("Connection refused") => Problem::Missing,
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
        let feed = Feed { samples, rate: config.sample_rate, health: health.clone() };
        let health = health.clone();
        let stream = match format {
            SampleFormat::F32 => output::<f32>(device, config, consumer, health),
            SampleFormat::I16 => output::<i16>(device, config, consumer, health),
            SampleFormat::I32 => output::<i32>(device, config, consumer, health),
            SampleFormat::U8 => output::<u8>(device, config, consumer, health),
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
    fn listing_devices_works_with_and_without_any() {
        for kind in [DeviceKind::Input, DeviceKind::Output] {
            let defaults = devices().into_iter().filter(|device| device.kind == kind && device.default).count();
            assert!(defaults <= 1);
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
