//! Nearcall: video calls over the relay that the client measured to be the nearest.
//!
//! # Layout
//!
//! Modules lie on levels, and a level imports only levels below it. `tests/it/layering.rs` reads `src/` and
//! fails on a forbidden import.
//!
//! | level | module | owns |
//! | --- | --- | --- |
//! | L0 | [`proto`] | the wire: ids, limits, headers, control messages, probes, manifest |
//! | L0 | [`election`] | which relay carries the call, and when to move: sans-IO, the heart |
//! | L0 | [`crypto`] | frame encryption, keys from the invite, tokens and tickets |
//! | L0 | [`jitter`] | playout buffers for audio and video |
//! | L0 | [`rate`] | how much may be on its way |
//! | L0 | [`clock`] | the only reader of the clock |
//! | L1 | [`net`] | a `Link`, whatever it rides on; dialling, TLS, emulated distance |
//! | L1 | `media` | devices, codecs, pictures and sound |
//! | L1 | [`sim`] | nights of weather in virtual time: elections, relays and the ways between them |
//! | L1 | [`telemetry`] | logs, the history of elections, tables for exports |
//! | L1 | `settings` | what the user chose, kept in a file |
//! | L1 | `instance` | one window a user: links go to the one that runs |
//! | L2 | `call` | the app's core: controller, roster, publish, subscribe |
//! | L2 | `relay` | the regional server |
//! | L3 | `ui` | the window: draws the state of a call, and sends commands |
//! | L4 | `cli` | one file a sub-command |
//!
//! L0 modules know nobody but `proto`'s ids, and hold no clock, no tokio, no socket and no random source of
//! their own. `net` and `media` do not know each other; nor do `call` and `relay`. `relay` never sees `media`,
//! `jitter` or a frame key. `cli` puts them together.

pub mod clock;
pub mod crypto;
pub mod election;
pub mod jitter;
pub mod net;
pub mod proto;
pub mod rate;
pub mod sim;
pub mod telemetry;

#[cfg(feature = "app")]
pub mod call;
#[cfg(feature = "app")]
pub mod instance;
#[cfg(feature = "app")]
pub mod media;
#[cfg(feature = "app")]
pub mod settings;
#[cfg(feature = "app")]
pub mod ui;

#[cfg(feature = "relay")]
pub mod relay;

#[cfg(feature = "app")]
pub mod cli;
