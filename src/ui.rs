//! The window: draws the state of a call, and sends commands.
//!
//! `logic()` drains events and carries out what was asked; `ui()` draws and asks. Media and network run without it.

pub mod fixtures;
pub mod icons;
pub mod lobby;
pub mod model;
pub mod offscreen;
pub mod picture;
pub mod preferences;
pub mod regions;
pub mod renderer;
pub mod shell;
pub mod stage;
pub mod theme;
pub mod toasts;
pub mod widgets;
