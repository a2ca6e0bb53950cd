//! Nights of weather in virtual time: elections, relays and the ways between them, from a seed.
//!
//! Pure: no thread, no socket, no clock. `cli simulate` compares strategies with it, the tests prove the election's rules
//! with it, and a bench runs crowds on it. A [`Scene`] is data and decides a run entirely; a [`World`] runs it on a
//! virtual clock that jumps exactly to the next delivery or deadline; a [`Client`] is an
//! [`Elector`](crate::election::Elector) with the part of a call that serves it, and remembers what was told and said.
//!
//! ```
//! use nearcall::sim::{ClientSpec, Kind, Route, Scene, Step, World, ms};
//!
//! // A race between two relays, over both transports, without media.
//! let mut world = World::new(nearcall::clock::now(), &Scene::rtts(1, &[("near", 40.0), ("far", 170.0)]));
//! world.run_to(ms(3000.0));
//! assert_eq!(world.client(0).leader().unwrap().relay, "near");
//! assert!(world.client(0).decided().unwrap() <= ms(4.0 * 40.0 + 200.0));
//!
//! // Two people talk; the relay of both falls silent. How long was it before the second heard the first again?
//! let person = || ClientSpec::new(vec![Route::rtt_ms(50.0).into(), Route::rtt_ms(60.0).into()]).talking();
//! let scene = Scene::new(1, ["a", "b"], vec![person(), person()]).at(ms(8000.0), Step::Blackhole(0, true));
//! let mut world = World::new(nearcall::clock::now(), &scene);
//! world.run_to(ms(12_000.0));
//! assert_eq!(world.client(1).carrier().unwrap().0, "b");
//! let gap = world.client(1).receiver().stream(0, Kind::Audio).unwrap().longest_gap(ms(8000.0), world.now());
//! assert!(gap < ms(700.0), "{gap:?}");
//! ```
//!
//! # What is modelled
//!
//! * A way ([`Path`](Condition)): delay, jitter, reordering, a slow swing, random and Gilbert-Elliott loss, a bottleneck
//!   with a drop-tail queue, outages; each direction by itself, by transport, over time.
//! * WebTransport: datagrams for probes and audio, reliable lanes for control and video. WebSocket: one reliable lane, so
//!   that a lost packet delays those behind it. Round trips of the handshakes; retransmission with back-off.
//! * Relays: their states, drains, refusals, kills and new processes; who gets which frame; a bus with its delays.
//! * Clients: everything that a call does for its election, media on both links during a move, what arrives twice.
//!
//! Not modelled: congestion windows, TCP's fast retransmission, what a decoder makes of missing frames, what relays ask
//! of the bus. All of them are tested on real sockets.

mod client;
mod media;
mod path;
mod queue;
mod relay;
mod rng;
mod scene;
mod wire;
mod world;

use std::time::Duration;

pub use client::{Client, Record, What};
pub use media::{Gap, Receiver, Stream};
pub use path::{Condition, Course, Jitter, Loss, Rate, Reorder, Swing};
pub use rng::Rng;
pub use scene::{Bus, ClientSpec, Reach, RelaySpec, Route, Scene, Step};
pub use wire::Kind;
pub use world::{Unexplained, World};

/// A moment of a run: how long after its start.
pub type Time = Duration;

/// Milliseconds, as a moment or a length; nothing negative.
pub fn ms(ms: f64) -> Time {
    Duration::from_secs_f64(ms.max(0.0) / 1e3)
}
