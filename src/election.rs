//! Which relay carries the call, and when to move.

mod elector;
pub mod event;
pub use elector::*;

pub use event::*;
