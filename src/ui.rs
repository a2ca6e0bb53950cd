//! The window: draws the state of a call, and sends commands.
//!
//! `logic()` drains events and carries out what was asked; `ui()` draws and asks. Media and network run without it.

pub mod export;
pub mod fixtures;
pub mod icons;
pub mod model;
pub mod picture;
pub mod regions;
pub mod renderer;
pub mod theme;
pub mod widgets;
