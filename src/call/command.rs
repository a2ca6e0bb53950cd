//! What the outside may ask of a call.

use crate::election;

/// An order. Orders are carried out in turn; none of them fails: what cannot be done is told as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Pin, force, block: see [`election::Command`].
    Elect(election::Command),
    /// The microphone sends silence, or what it hears.
    Mute(bool),
    /// Says something to everybody, sealed.
    Chat(String),
    /// Ends the call.
    Leave,
}
