//! A key with what is held beside it: read from an event and from the settings, written for the settings and for people.

use eframe::egui::{Key, Modifiers};

/// A key and what is held with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    /// Ctrl; on a Mac the command key.
    pub command: bool,
    pub alt: bool,
    /// Never for a sign that Shift is part of, such as the question mark.
    pub shift: bool,
    pub key: Key,
}

impl Chord {
    /// What was pressed; `None` for a Mac's control key, which belongs to the system.
    pub fn pressed(key: Key, held: Modifiers) -> Option<Self> {
        if held.ctrl && !held.command {
            return None;
        }
        let key = match key {
            // Some systems name the key and not the sign.
            Key::Slash if held.shift && !held.command && !held.alt => Key::Questionmark,
            // Plus needs Shift on many keyboards, and nobody means equals with Ctrl.
            Key::Equals if held.command => Key::Plus,
            key => key,
        };
        let shift = held.shift && !is_shifted(key);
        Some(Self { command: held.command, alt: held.alt, shift, key })
    }

    /// Reads "Ctrl+Shift+L"; `None` where no keyboard has such a thing.
    pub fn read(text: &str) -> Option<Self> {
        let (held, key) = text.trim().rsplit_once('+').unwrap_or(("", text.trim()));
        let mut chord = Self { command: false, alt: false, shift: false, key: Key::from_name(key.trim())? };
        for name in held.split('+').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_lowercase().as_str() {
                "ctrl" | "cmd" | "command" => chord.command = true,
                "alt" | "option" => chord.alt = true,
                "shift" => chord.shift = true,
                _ => return None,
            }
        }
        Some(chord)
    }

    /// As the settings keep it, the same on every system.
    pub fn written(self) -> String {
        self.joined("Ctrl", self.key.name())
    }

    /// As people read it on a Mac or elsewhere.
    pub fn shown(self, mac: bool) -> String {
        let key = match self.key {
            Key::Escape => "Esc",
            Key::PageUp => "Page Up",
            Key::PageDown => "Page Down",
            key => key.symbol_or_name(),
        };
        self.joined(if mac { "Cmd" } else { "Ctrl" }, key)
    }

    fn joined(self, command: &str, key: &str) -> String {
        let held = [(self.command, command), (self.alt, "Alt"), (self.shift, "Shift")];
        let mut names: Vec<&str> = held.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
        names.push(key);
        names.join("+")
    }

    /// Whether it writes something in a text box, or moves about in it.
    pub fn types(self) -> bool {
        let moves = matches!(self.key, Key::Space | Key::PageUp | Key::PageDown | Key::Home | Key::End);
        !self.command && !self.alt && (moves || is_character(self.key))
    }

    /// Whether it is what WCAG 2.1.4 means: a letter, a digit or a sign by itself, which speech input sends by accident.
    pub fn is_single(self) -> bool {
        !self.command && !self.alt && is_character(self.key)
    }

    /// Why nobody may give it to an action: it moves through the window, or edits text.
    pub fn reserved(self) -> Option<&'static str> {
        let edits = matches!(self.key, Key::A | Key::C | Key::V | Key::X | Key::Y | Key::Z);
        match self.key {
            Key::Escape => Some("Esc closes what is open."),
            Key::Tab | Key::ArrowUp | Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight => {
                Some("Tab and the arrows move from control to control.")
            }
            Key::Enter if !self.command && !self.alt => Some("Enter presses the button that has the keyboard."),
            _ if edits && self.command && !self.alt => Some("This edits text."),
            Key::Copy | Key::Cut | Key::Paste | Key::Backspace | Key::Delete => Some("This edits text."),
            _ => None,
        }
    }
}

/// Signs that are reached with Shift on one keyboard and without on another.
fn is_shifted(key: Key) -> bool {
    use Key::{CloseCurlyBracket, Colon, Exclamationmark, OpenCurlyBracket, Pipe, Plus, Questionmark};
    matches!(key, Questionmark | Plus | Exclamationmark | Colon | Pipe | OpenCurlyBracket | CloseCurlyBracket)
}

/// Letters, digits and signs: their symbols are one character.
fn is_character(key: Key) -> bool {
    let symbol = key.symbol_or_name();
    let arrow = matches!(key, Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp);
    !arrow && (symbol.chars().count() == 1 || key == Key::Quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(text: &str) -> Chord {
        Chord::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["M", "Ctrl+D", "Ctrl+Shift+L", "Alt+1", "F11", "Space", "Ctrl+Comma", "Questionmark", "Ctrl+Plus"]
        {
            assert_eq!(chord(text).written(), text);
        }
        assert_eq!(chord(" cmd + shift+l ").written(), "Ctrl+Shift+L");
        for nonsense in ["", "+", "Hyper+M", "Ctrl+", "Ctrl+Nothing"] {
            assert_eq!(Chord::read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn people_read_signs() {
        assert_eq!(chord("Ctrl+Comma").shown(false), "Ctrl+,");
        assert_eq!(chord("Ctrl+Comma").shown(true), "Cmd+,");
        assert_eq!(chord("Questionmark").shown(false), "?");
        assert_eq!(chord("Escape").shown(false), "Esc");
    }

    #[test]
    fn a_sign_is_itself_however_the_keyboard_reaches_it() {
        let question = Some(chord("Questionmark"));
        assert_eq!(Chord::pressed(Key::Questionmark, Modifiers::SHIFT), question);
        assert_eq!(Chord::pressed(Key::Questionmark, Modifiers::NONE), question);
        assert_eq!(Chord::pressed(Key::Slash, Modifiers::SHIFT), question);
        let plus = Some(chord("Ctrl+Plus"));
        assert_eq!(Chord::pressed(Key::Plus, Modifiers::COMMAND | Modifiers::SHIFT), plus);
        assert_eq!(Chord::pressed(Key::Equals, Modifiers::COMMAND), plus);
        assert_eq!(Chord::pressed(Key::L, Modifiers::COMMAND | Modifiers::SHIFT), Some(chord("Ctrl+Shift+L")));
        assert_eq!(Chord::pressed(Key::M, Modifiers::CTRL), None);
    }

    #[test]
    fn single_keys_are_those_that_write_a_character() {
        for text in ["M", "Shift+M", "1", "Questionmark", "Comma", "Quote"] {
            assert!(chord(text).is_single() && chord(text).types(), "{text}");
        }
        for text in ["Ctrl+M", "Alt+1", "F11", "Space", "Escape", "Home"] {
            assert!(!chord(text).is_single(), "{text}");
        }
        assert!(chord("Space").types());
    }

    #[test]
    fn keys_of_the_window_and_of_text_are_not_given_away() {
        for text in ["Escape", "Tab", "Shift+Tab", "Down", "Enter", "Ctrl+C", "Ctrl+Z", "Backspace"] {
            assert!(chord(text).reserved().is_some(), "{text}");
        }
        for text in ["C", "Ctrl+Shift+L", "F5", "Alt+Z", "Space"] {
            assert_eq!(chord(text).reserved(), None, "{text}");
        }
    }
}
