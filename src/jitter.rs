//! Playout buffers, one a participant and track: they put back in order what the network mixed up, drop what came
//! twice, decide how long to wait for what is missing, and keep the figures that a listener would complain about.
//!
//! The receiving side of `call` pushes what it has authenticated; the mixer pulls audio as it plays, the video
//! decoder pops frames whenever it has time. Pure: no clock, no thread, no codec; `now` is an argument.
//!
//! Never here: decoding, mixing, or a decision about links. The buffers know nothing of a move but that a packet may
//! come twice, late or after a gap.

pub mod audio;
mod numbers;
pub mod video;

pub use audio::{AudioBuffer, AudioIn, AudioStats, Haste, Pull, Stretch};
pub use video::{KeyRequest, VideoBuffer, VideoIn, VideoStats};
