//! Which relay carries the call, and when to move.

mod contender;
mod doubt;
mod dwell;
mod elector;
pub mod event;
mod improve;
mod links;
mod migration;
mod probes;
mod race;
mod reconnect;
mod report;
mod rng;
mod rtt;
mod score;
mod standby;
mod wishes;

pub use elector::{Config, Elector};
pub use event::*;
pub use report::Outcome;
