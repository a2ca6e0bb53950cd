//! Owns the controls that every screen is made of: buttons, meters, pickers, switches, cards, banners, toasts.
//!
//! Each draws itself from [`super::theme`], names itself in the accessibility tree with the label that it is given,
//! shows a ring while the keyboard is on it, and asks for no repaint while nothing changes. None of them knows a call.
//! [`super::theme::install`] comes first.

mod badge;
mod banner;
mod button;
mod choice;
mod field;
mod hints;
mod menu;
mod meter;
mod paint;
mod picker;
mod quality;
mod round;
mod surface;
mod tabs;
mod toast;

pub use badge::{badge, key_hint, label_icon};
pub use banner::{Kind, banner, drill_banner};
pub use button::{
    danger, danger_icon, icon_button, primary, primary_icon, primary_wide, quiet, quiet_icon, secondary, secondary_icon,
};
pub use choice::{segmented, switch};
pub use field::field;
pub use hints::{key_now, set_key_hints};
pub use menu::{menu_row, picture_button};
pub use meter::meter;
pub use paint::focus_ring;
pub use picker::picker;
pub use quality::{Quality, quality};
pub use round::{Tone, round, round_toggle};
pub use surface::{card, divider, section};
pub use tabs::tabs;
pub use toast::{Toast, ToastAnswer, toast_ui};

#[cfg(test)]
mod board;
#[cfg(test)]
mod tests;
