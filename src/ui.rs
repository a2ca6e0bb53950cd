//! The window: draws the state of a call, and sends commands.
//!
//! [`app`] is what eframe runs: `logic()` takes in what happened and carries out what was asked; `ui()` draws and asks.
//! Media and network run without it, on the [`desk`]'s task and below.
//!
//! | module | owns |
//! | --- | --- |
//! | [`app`], `deeds`, `saver` | the model, what the user's actions do, and the settings' way to the disk |
//! | [`desk`], `pace` | the call, the hosted relay, lists of devices; when to draw |
//! | `desktop` | what the desktop prefers: dark or light, contrast, no motion |
//! | [`model`] | what screens read, and the actions that they answer with |
//! | [`shell`] | which screen, and the keys that work everywhere |
//! | [`lobby`], [`stage`], [`preferences`], [`toasts`] | the screens |
//! | [`regions`], [`export`] | the race, the region panel, and what is taken out of it |
//! | [`picture`] | pictures, drawn from their planes |
//! | [`theme`], [`icons`], [`widgets`] | how all of it looks |
//! | [`renderer`] | wgpu or OpenGL |
//! | [`room`], `links` | a link or a name; links in a text |
//! | `news`, `sounds` | events in words and in sounds |
//! | [`options`], [`host`] | flags; a relay here |
//! | `awake` | the screen stays on during a call |
//! | [`fixtures`], [`gallery`], [`offscreen`] | every screen as an image |

mod app;
mod awake;
mod deeds;
pub mod desk;
mod desktop;
pub mod export;
pub mod fixtures;
pub mod gallery;
pub mod host;
pub mod icons;
mod links;
pub mod lobby;
pub mod model;
mod news;
pub mod offscreen;
pub mod options;
mod pace;
pub mod picture;
pub mod preferences;
pub mod regions;
pub mod renderer;
pub mod room;
mod saver;
pub mod shell;
mod sounds;
pub mod stage;
pub mod theme;
pub mod toasts;
pub mod widgets;

use std::cell::Cell;

use eframe::{NativeOptions, egui};
use tokio::runtime::Handle;

use self::options::Options;
pub use self::renderer::RunError;
use crate::settings;

/// The window as it opens first, points.
const SIZE: [f32; 2] = [1100.0, 720.0];
/// Everything has its place in this much.
const LEAST: [f32; 2] = [640.0, 480.0];

/// Opens the window, and returns when it was closed. On the main thread, outside of the runtime.
///
/// # Errors
/// There is no display, or nothing that draws: see [`RunError`].
pub fn run(runtime: &Handle, options: Options) -> Result<(), RunError> {
    let loaded = settings::load();
    let choice = options.renderer.unwrap_or(match loaded.settings.renderer {
        settings::Renderer::Auto => renderer::Choice::Auto,
        settings::Renderer::Wgpu => renderer::Choice::Wgpu,
        settings::Renderer::Glow => renderer::Choice::Glow,
    });
    let viewport = egui::ViewportBuilder::default()
        .with_title("Nearcall")
        .with_app_id("nearcall")
        .with_inner_size(loaded.settings.window.unwrap_or(SIZE))
        .with_min_inner_size(LEAST);
    // `theme::fallback` finds what no shipped font has.
    let native = NativeOptions { viewport, system_font_fallback: false, ..NativeOptions::default() };
    let given = Cell::new(Some((options, loaded)));
    renderer::run(choice, "nearcall", native, |cc| {
        let (options, loaded) = given.take().ok_or("the window was made twice")?;
        Ok(Box::new(app::App::new(cc, runtime, options, loaded)))
    })
}
