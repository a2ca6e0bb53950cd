//! Which relay carries the call, and when to move.

pub mod event;

pub use event::*;
