//! Sound: 48 kHz, 20 ms, mono, Opus.
//!
//! [`Capture`] turns a microphone, a tone or a file into [`super::Encoded`] packets; [`Mixer`] turns every peer's packets
//! into one mix for the speaker and the recording. `call` owns one of each and carries packets between them and the
//! network.
//!
//! Threads: one holds the microphone, one encodes, one mixes, one holds the speaker. A device's callback touches a
//! ring and an atomic and nothing else: it never allocates, locks, logs or waits. Devices come and go; the call does not.

mod capture;
mod chime;
mod codec;
mod device;
mod gain;
mod level;
mod libopus;
mod line;
mod microphone;
mod mixer;
mod pace;
pub mod processing;
pub(super) mod resample;
mod retry;
mod source;
mod speaker;
pub mod stretch;
mod took;
mod voice;

pub use capture::Capture;
pub use chime::Sound;
pub use codec::{Decoder, Encoder};
pub use device::{AudioDevice, DeviceKind, devices};
pub use mixer::{Mixer, MixerConfig, Output};
pub use processing::{Cleaning, Speech, Switches};
pub use source::AudioSource;
pub use voice::Voice;

/// Samples a second, everywhere behind a device or a file.
pub const RATE: u32 = 48_000;
/// Samples in a frame, 20 ms.
pub const FRAME: usize = 960;
/// Length of a frame, µs.
pub const FRAME_US: u64 = 20_000;
/// Sound comes out of Opus so much later than its packet's capture time says: the encoder looks ahead.
pub const LOOKAHEAD: std::time::Duration = std::time::Duration::from_micros(6_500);
/// Frames in a second.
pub(super) const SECOND_FRAMES: u64 = 1_000_000 / FRAME_US;

/// A frame of samples in -1.0..=1.0.
type Frame = [f32; FRAME];

/// Why sound could not be started. A device that does not work is not among these: see [`super::Event::Device`].
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The caller's file: input or recording.
    #[error(transparent)]
    File(#[from] super::wav::WavError),
    /// The caller's choice of a source makes no sense.
    #[error("{0}")]
    Source(String),
    /// The codec library refused its settings.
    #[error("Opus: {0}")]
    Codec(#[from] opus::Error),
    /// The codec library gives no decoder.
    #[error("Opus: {0}")]
    Decoder(#[from] libopus::Refusal),
    /// The system gives no thread.
    #[error("no thread for sound: {0}")]
    Thread(std::io::Error),
}
