//! Every screen and state as a PNG, for whoever wants to look at them all: the hidden `nearcall gallery`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui;

use super::model::Model;
use super::offscreen::{self, OffscreenError};
use super::preferences::Tab;
use super::{export, fixtures, shell, theme};

/// What is rendered at each size.
const SIZES: [[u16; 2]; 2] = [[1280, 800], [900, 600]];

/// Why the gallery is not complete.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    #[error(transparent)]
    Draw(#[from] OffscreenError),
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: String },
}

/// One screen in one state.
pub struct Piece {
    pub name: &'static str,
    pub model: Model,
    pub memory: shell::Memory,
}

/// Somebody who is muted talks, and has muted somebody else.
fn unheard() -> Model {
    let mut model = fixtures::call(4);
    fixtures::change(&mut model, |state, _| {
        (state.own.muted, state.own.talks_unheard) = (true, true);
        state.peers[1].volume.muted = true;
    });
    model
}

/// Two lists of relays and a region that is preferred.
fn listed() -> Model {
    let mut model = fixtures::lobby(Duration::from_secs(6));
    let lists = ["https://calls.example.org/regions.json", "/home/ada/relays/frankfurt.json"];
    model.settings.manifests = lists.map(str::to_owned).into();
    model.settings.pin = Some("tokyo".into());
    model
}

/// Some keys are the user's own.
fn own_keys() -> Model {
    let mut model = fixtures::lobby(Duration::from_secs(6));
    model.settings.keys = [("talk".to_owned(), vec!["F8".to_owned()]), ("share".to_owned(), Vec::new())].into();
    model
}

/// A microphone from which nothing came for a while, and a test sound that plays.
fn unheard_in_lobby() -> Piece {
    let mut model = fixtures::lobby(Duration::from_secs(6));
    fixtures::change(&mut model, |state, _| (state.own.level, state.own.output_level) = (0.0, 0.31));
    let mut memory = shell::Memory::default();
    let since = model.now.checked_sub(Duration::from_secs(6)).unwrap_or(model.now);
    memory.lobby.heard_nothing("Built-in microphone", since);
    Piece { name: "lobby-unheard", model, memory }
}

/// Rooms are not remembered.
fn forgetful() -> Model {
    let mut model = fixtures::lobby(Duration::from_secs(6));
    model.rooms.remember(false);
    model
}

/// Raised hands of whom the network fails, and our own.
fn hands_in_trouble() -> Model {
    let mut model = fixtures::hands();
    fixtures::change(&mut model, |state, _| {
        state.peers[0].quality.recent_loss = Some(0.08);
        state.own.limited = Some(crate::media::video::Limit::Computer);
    });
    model
}

/// All of them.
pub fn pieces() -> Vec<Piece> {
    let piece = |name, model| Piece { name, model, memory: shell::Memory::default() };
    let with = |name, model, open: fn(&mut shell::Memory)| {
        let mut memory = shell::Memory::default();
        open(&mut memory);
        Piece { name, model, memory }
    };
    vec![
        piece("lobby-racing", fixtures::lobby(Duration::from_millis(1300))),
        piece("lobby-decided", fixtures::lobby(Duration::from_secs(6))),
        piece("lobby-first-start", fixtures::lobby_first_start()),
        piece("lobby-without-anything", fixtures::lobby_without_anything()),
        piece("lobby-hosting", fixtures::hosting()),
        piece("lobby-consent", fixtures::consent()),
        unheard_in_lobby(),
        piece("lobby-recent", fixtures::lobby_with_rooms()),
        with("lobby-rooms", fixtures::lobby_with_rooms(), |memory| memory.lobby.open_recent()),
        with("lobby-forgetful", forgetful(), |memory| memory.lobby.open_recent()),
        piece("lobby-drill", fixtures::lobby_blocked()),
        with("settings-audio", fixtures::lobby(Duration::from_secs(6)), |memory| memory.open_settings_at(Tab::Audio)),
        with("settings-video", fixtures::lobby(Duration::from_secs(6)), |memory| memory.open_settings_at(Tab::Video)),
        with("settings-network", listed(), |memory| memory.open_settings_at(Tab::Network)),
        with("settings-keys", own_keys(), |memory| memory.open_settings_at(Tab::Keys)),
        with("settings-keys-asked", own_keys(), shell::Memory::open_a_question_of_keys),
        with("settings-look", fixtures::lobby(Duration::from_secs(6)), |memory| memory.open_settings_at(Tab::Look)),
        with("settings-privacy", fixtures::lobby_with_rooms(), |memory| memory.open_settings_at(Tab::Privacy)),
        with("settings-about", fixtures::call(2), |memory| memory.open_settings_at(Tab::About)),
        piece("call-alone", fixtures::call(0)),
        piece("call-two", fixtures::call(1)),
        piece("call-four", fixtures::call(4)),
        piece("call-nine", fixtures::call(9)),
        with("call-regions", fixtures::call(2), shell::Memory::open_regions),
        with("call-people", fixtures::call(4), shell::Memory::open_people),
        with("call-drill", fixtures::drill(), shell::Memory::open_regions),
        with("call-unheard", unheard(), shell::Memory::open_people),
        piece("call-reconnecting", fixtures::reconnecting()),
        piece("call-twenty", fixtures::call(20)),
        with("call-speaker", fixtures::call(9), shell::Memory::show_speaker),
        with("call-speaker-two", fixtures::call(1), shell::Memory::show_speaker),
        with("call-pinned", fixtures::call(20), shell::Memory::pin_somebody),
        with("call-pinned-screen", fixtures::screens(2), shell::Memory::pin_somebody),
        with("call-figures", fixtures::call(9), shell::Memory::show_figures),
        with("call-more", fixtures::call(4), shell::Memory::open_more),
        piece("call-their-network", fixtures::their_network()),
        piece("call-your-network", fixtures::your_network()),
        piece("call-slow-computer", fixtures::slow_computer()),
        piece("call-deaf", fixtures::deaf()),
        piece("call-without-oneself", fixtures::without_oneself()),
        with("call-odd", fixtures::odd_call(), shell::Memory::open_people),
        with("call-keys", fixtures::call(2), shell::Memory::open_keys),
        piece("call-offered", fixtures::offered()),
        with("call-quit", fixtures::call(2), shell::Memory::ask_to_quit),
        piece("call-screen", fixtures::screens(1)),
        piece("call-screens", fixtures::screens(3)),
        piece("call-sharing", fixtures::sharing()),
        with("call-share", fixtures::picking_a_screen(), shell::Memory::open_share),
        piece("lobby-joining", fixtures::joining()),
        piece("call-unread", fixtures::chatting()),
        with("call-chat", fixtures::chatting_with_trouble(), shell::Memory::open_chat),
        with("call-chat-empty", fixtures::call(2), shell::Memory::open_chat),
        with("call-hands", fixtures::hands(), shell::Memory::open_people),
        with("call-hands-trouble", hands_in_trouble(), shell::Memory::open_people),
        with("call-host", fixtures::hosted(), shell::Memory::open_people),
        with("call-remove", fixtures::hosted(), |memory| memory.ask_to_remove(crate::proto::ParticipantId(3))),
    ]
}

/// Renders every piece into a folder, in each size, dark, light and with high contrast; gives the number of images.
///
/// # Errors
/// Nothing draws here, or the folder cannot be written to.
pub fn render(folder: &Path) -> Result<usize, GalleryError> {
    render_some(folder, |_| true)
}

/// [`render`] for the pieces of these names.
///
/// # Errors
/// As there.
pub fn render_some(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<usize, GalleryError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| GalleryError::Write { path: folder.to_owned(), error: error.to_string() })?;
    let mut count = 0;
    for [width, height] in SIZES {
        for look in [theme::Look::Dark, theme::Look::Light, theme::Look::HighContrast] {
            let dark = look != theme::Look::Light;
            for mut piece in pieces().into_iter().filter(|piece| wanted(piece.name)) {
                let size = egui::vec2(f32::from(width), f32::from(height));
                let mut first = true;
                let image = offscreen::render(size, 1.0, dark, |ui, painter| {
                    if std::mem::take(&mut first) {
                        theme::install(ui.ctx());
                        theme::set(ui.ctx(), look);
                    }
                    shell::shell_ui(ui, &piece.model, &mut piece.memory, painter, &mut Vec::new());
                })?;
                let shade = match look {
                    theme::Look::Light => "light",
                    theme::Look::HighContrast => "contrast",
                    theme::Look::Dark | theme::Look::System => "dark",
                };
                let path = folder.join(format!("{}-{width}x{height}-{shade}.png", piece.name));
                image.save(&path).map_err(|error| GalleryError::Write { path, error: error.to_string() })?;
                count += 1;
            }
        }
    }
    Ok(count + exports(folder)?)
}

/// The region panel as it is exported, whole, and in every other form: a window shows only the top of it.
fn exports(folder: &Path) -> Result<usize, GalleryError> {
    let models = [("call", fixtures::call(4)), ("drill", fixtures::drill()), ("alone", fixtures::call(0))];
    let mut count = 0;
    for (name, model) in models {
        for dark in [true, false] {
            let shade = if dark { "dark" } else { "light" };
            let path = folder.join(format!("export-{name}-{shade}.png"));
            let wrong = |error: String| GalleryError::Write { path: path.clone(), error };
            let picture = export::png(&model, dark).map_err(wrong)?;
            std::fs::write(&path, picture).map_err(|error| wrong(error.to_string()))?;
            count += 1;
        }
        let texts = [("json", export::json(&model)), ("csv", export::csv(&model)), ("txt", export::text(&model))];
        for (ending, text) in texts {
            let path = folder.join(format!("export-{name}.{ending}"));
            let wrong = |error: std::io::Error| GalleryError::Write { path: path.clone(), error: error.to_string() };
            std::fs::write(&path, text).map_err(wrong)?;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "for eyes: it leaves pictures of the pieces that PIECES begins in the folder for temporary files"]
    fn leaves_pictures() {
        let wanted = std::env::var("PIECES").unwrap_or_default();
        let folder = std::env::temp_dir().join("nearcall-gallery");
        let count = render_some(&folder, |name| name.starts_with(&wanted)).unwrap();
        assert!(count > 0, "no piece begins with {wanted:?}");
    }
}
