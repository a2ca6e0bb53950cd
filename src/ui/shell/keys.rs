//! The actions that have keys: one table for the keyboard, the sheet of keys, tooltips and the settings.
//!
//! # How an action is added
//! 1. A variant of [`Key`].
//! 2. A row of [`TABLE`]: the name under which the settings keep its keys (for good), what it does in words, its group and
//!    its keys as [`Chord::read`] reads them. A test fails where two actions have one key.
//! 3. An arm in `obey_keys` of [`super`], which does it; a key that means nothing on a screen does nothing there.
//!
//! A button that does the same is given the action's first key for its tooltip, and shows the user's own. Keys that write
//! a character are for who has no text box under the keyboard, so that a name may have an m; all of them can be turned
//! off (WCAG 2.1.4).
//!
//! | module | owns |
//! | --- | --- |
//! | `chord` | a key with what is held beside it |
//! | `map` | which key asks for what, with the user's own choice |

mod chord;
mod map;

use std::collections::BTreeMap;

use eframe::egui::{Align, Context, Event, Layout, Popup, Ui};

pub use self::chord::Chord;
pub use self::map::{MOST, Map, Taken, chords, give, reset, taken};
use crate::settings::Settings;
use crate::ui::theme::{self, Type};
use crate::ui::widgets;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Mute,
    /// Held: whoever is muted is heard. `talk` watches it, as a press alone does nothing.
    Talk,
    Camera,
    /// Microphone and camera off, at once.
    Panic,
    Share,
    Hand,
    /// One of the reactions, counted from 1.
    React(u8),
    Chat,
    People,
    Regions,
    /// Who speaks large, or everybody alike.
    View,
    /// Figures on every tile.
    Figures,
    /// Pins the person of this number; 0 is oneself.
    Focus(u8),
    Earlier,
    Later,
    /// Nobody is heard, and one is not heard.
    Deafen,
    Leave,
    FullScreen,
    Larger,
    Smaller,
    AsItWas,
    Settings,
    Help,
    Close,
    Quit,
}

/// Where an action stands on the sheet of keys and in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    You,
    Call,
    Window,
}

impl Group {
    /// Every group, in the order in which they stand.
    pub const ALL: [Self; 3] = [Self::You, Self::Call, Self::Window];

    /// Its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::You => "You",
            Self::Call => "The call",
            Self::Window => "The window",
        }
    }
}

/// An action with keys that the user may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub key: Key,
    /// Under which the settings keep the user's own keys.
    pub id: &'static str,
    /// What it does.
    pub words: &'static str,
    pub group: Group,
    /// Its keys as long as the user chose no others; the first stands in tooltips.
    pub keys: &'static [&'static str],
}

const fn row(key: Key, id: &'static str, words: &'static str, group: Group, keys: &'static [&'static str]) -> Row {
    Row { key, id, words, group, keys }
}

/// Every action whose keys may be changed.
pub const TABLE: &[Row] = &[
    row(Key::Mute, "mute", "Microphone on or off", Group::You, &["M", "Ctrl+D"]),
    row(Key::Talk, "talk", "Hold to talk while muted", Group::You, &["Space"]),
    row(Key::Camera, "camera", "Camera on or off", Group::You, &["V", "Ctrl+E"]),
    row(Key::Panic, "panic", "Microphone and camera off at once", Group::You, &["Ctrl+Shift+Space"]),
    row(Key::Deafen, "deafen", "Hear nobody, or everybody again", Group::You, &["Ctrl+Shift+D"]),
    row(Key::Share, "share", "Share a screen, or stop", Group::You, &["D"]),
    row(Key::Hand, "hand", "Raise or lower your hand", Group::You, &["R", "H"]),
    row(Key::Chat, "chat", "Chat", Group::Call, &["C"]),
    row(Key::People, "people", "People", Group::Call, &["P"]),
    row(Key::Regions, "regions", "Regions", Group::Call, &["N"]),
    row(Key::View, "view", "Who speaks large, or everybody alike", Group::Call, &["W"]),
    row(Key::Figures, "figures", "Figures on tiles", Group::Call, &["A"]),
    row(Key::Earlier, "earlier", "Earlier people", Group::Call, &["PageUp"]),
    row(Key::Later, "later", "More people", Group::Call, &["PageDown"]),
    row(Key::Leave, "leave", "Leave the call", Group::Call, &["Ctrl+Shift+L"]),
    row(Key::FullScreen, "full-screen", "Full screen", Group::Window, &["F11", "S"]),
    row(Key::Larger, "larger", "Everything larger", Group::Window, &["Ctrl+Plus"]),
    row(Key::Smaller, "smaller", "Everything smaller", Group::Window, &["Ctrl+Minus"]),
    row(Key::AsItWas, "as-it-was", "Everything as large as at first", Group::Window, &["Ctrl+0"]),
    row(Key::Settings, "settings", "Settings", Group::Window, &["Ctrl+Comma"]),
    row(Key::Help, "help", "These keys", Group::Window, &["Questionmark", "F1"]),
    row(Key::Quit, "quit", "Quit", Group::Window, &["Ctrl+Q"]),
];

/// Actions whose keys stay: what they do in words, their group, and their keys for people.
pub const FIXED: &[(&str, Group, &[&str])] = &[
    ("A reaction", Group::You, &["Alt+1", "…", "Alt+6"]),
    ("Pin a person, or yourself", Group::Call, &["1", "…", "9", "0"]),
    ("Join", Group::Call, &["Enter"]),
    ("Close what is open", Group::Window, &["Esc"]),
];

/// Tells the tooltips which keys the user has in place of the first ones.
pub(super) fn tell_tooltips(ctx: &Context, settings: &Settings) {
    let mut hints = BTreeMap::new();
    if !settings.keys.is_empty() || !settings.single_keys {
        let (map, mac) = (Map::new(settings), ctx.os().is_mac());
        for row in TABLE {
            let first = row.keys.first().and_then(|key| Chord::read(key)).map(|chord| chord.shown(mac));
            let now = map.of(row.key).next().map(|chord| chord.shown(mac)).unwrap_or_default();
            hints.extend(first.filter(|first| *first != now).map(|first| (first, now)));
        }
    }
    widgets::set_key_hints(ctx, hints);
}

/// What was pressed since the last frame. With a sheet open, only what works on sheets.
pub(super) fn pressed(ctx: &Context, sheet: bool, settings: &Settings) -> Vec<Key> {
    let of = |event: &Event| match event {
        Event::Key { key, pressed: true, repeat: false, modifiers, .. } => Chord::pressed(*key, *modifiers),
        _ => None,
    };
    let chords: Vec<Chord> = ctx.input(|input| input.events.iter().filter_map(of).collect());
    if chords.is_empty() {
        return Vec::new();
    }
    let (typing, popup) = (ctx.text_edit_focused(), Popup::is_any_open(ctx));
    let map = Map::new(settings);
    let works_on_sheets = |key: Key| {
        use Key::{AsItWas, Close, FullScreen, Help, Larger, Panic, Settings, Smaller};
        matches!(key, Close | Help | Settings | FullScreen | Panic | Larger | Smaller | AsItWas)
    };
    chords
        .into_iter()
        .filter_map(|chord| Some((map.key(chord)?, chord.types())))
        .filter(|(key, types)| !(*types && (typing || popup || (sheet && *key != Key::Help))))
        .map(|(key, _)| key)
        .filter(|key| !sheet || works_on_sheets(*key))
        // Esc closes one thing at a time: the list of a picker first.
        .filter(|key| *key != Key::Close || !popup)
        .collect()
}

/// Every key, and what it does: in two columns where there is room.
pub(super) fn table_ui(ui: &mut Ui, settings: &Settings) {
    /// Of a column, points.
    const COLUMN: f32 = 320.0;
    if ui.available_width() < 2.0 * COLUMN {
        groups_ui(ui, settings, &Group::ALL);
    } else {
        ui.spacing_mut().item_spacing.x = theme::space::XL;
        ui.columns_const(|[left, right]| {
            groups_ui(left, settings, &[Group::You, Group::Window]);
            groups_ui(right, settings, &[Group::Call]);
        });
    }
    ui.add_space(theme::space::XS);
    let note = if settings.single_keys {
        "Single letters rest while you type. Settings, Keys changes all of them."
    } else {
        "Single letters, digits and signs are off: see Settings, Keys."
    };
    ui.label(theme::note(ui.ctx(), note));
}

fn groups_ui(ui: &mut Ui, settings: &Settings, groups: &[Group]) {
    let mac = ui.ctx().os().is_mac();
    let map = Map::new(settings);
    for group in groups {
        widgets::section(ui, group.words());
        for row in TABLE.iter().filter(|row| row.group == *group) {
            let keys: Vec<String> = map.of(row.key).map(|chord| chord.shown(mac)).collect();
            row_ui(ui, row.words, &keys);
        }
        for (words, _, keys) in FIXED.iter().filter(|(_, of, _)| of == group) {
            row_ui(ui, words, &keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        }
    }
}

fn row_ui(ui: &mut Ui, words: &str, keys: &[String]) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::space::XS;
        ui.label(Type::Body.text(words));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if keys.is_empty() {
                ui.label(theme::note(ui.ctx(), "no key"));
            }
            for key in keys.iter().rev() {
                widgets::key_hint(ui, key);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_and_keys_that_can_be_read_and_given() {
        for (index, row) in TABLE.iter().enumerate() {
            for other in &TABLE[..index] {
                assert!(row.id != other.id && row.words != other.words && row.key != other.key, "{}", row.id);
            }
            assert!(!row.keys.is_empty(), "{}", row.id);
            for key in row.keys {
                let chord = Chord::read(key).unwrap_or_else(|| panic!("{}: {key}", row.id));
                assert_eq!(chord.written(), *key, "{}", row.id);
                assert_eq!(chord.reserved(), None, "{}: {key}", row.id);
            }
        }
    }

    #[test]
    fn no_key_means_two_things_at_first() {
        let map = Map::new(&Settings::default());
        let mut seen: Vec<Chord> = Vec::new();
        for (chord, key) in map.all() {
            assert!(!seen.contains(&chord), "{} is {key:?} and something else", chord.written());
            seen.push(chord);
        }
    }
}
