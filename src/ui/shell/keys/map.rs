//! Which key asks for what: the table's keys, unless the user chose others.

use eframe::egui;

use super::{Chord, Key, Row, TABLE};
use crate::settings::Settings;

/// Keys of one action that are kept.
pub const MOST: usize = 3;

const DIGITS: [egui::Key; 10] = [
    egui::Key::Num0,
    egui::Key::Num1,
    egui::Key::Num2,
    egui::Key::Num3,
    egui::Key::Num4,
    egui::Key::Num5,
    egui::Key::Num6,
    egui::Key::Num7,
    egui::Key::Num8,
    egui::Key::Num9,
];

/// Reactions that have a key.
const REACTIONS: usize = 6;

/// See the module. Made anew where it is needed: it is small, and a key is rare.
#[derive(Debug, Clone)]
pub struct Map {
    bound: Vec<(Chord, Key)>,
    singles: bool,
}

/// Who has a key already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// An action that may give it away.
    By(&'static Row),
    /// Something that keeps it, in words.
    Fixed(&'static str),
}

impl Taken {
    /// What it does.
    pub fn words(self) -> &'static str {
        match self {
            Self::By(row) => row.words,
            Self::Fixed(words) => words,
        }
    }
}

impl Map {
    /// The keys that these settings say.
    pub fn new(settings: &Settings) -> Self {
        let own = TABLE.iter().flat_map(|row| chords(settings, row).into_iter().map(|chord| (chord, row.key)));
        let mut bound: Vec<(Chord, Key)> = own.collect();
        bound.extend(fixed().map(|(chord, key, _)| (chord, key)));
        Self { bound, singles: settings.single_keys }
    }

    /// What a key asks for.
    pub fn key(&self, chord: Chord) -> Option<Key> {
        let works = |chord: Chord| self.singles || !chord.is_single();
        self.bound.iter().find(|(bound, _)| *bound == chord && works(chord)).map(|(_, key)| *key)
    }

    /// The keys of an action that work now, the first one first.
    pub fn of(&self, key: Key) -> impl Iterator<Item = Chord> {
        let works = move |chord: &Chord| self.singles || !chord.is_single();
        self.bound.iter().filter(move |(_, of)| *of == key).map(|(chord, _)| *chord).filter(works)
    }

    /// Every key with what it asks for, also those that are off.
    #[cfg(test)]
    pub fn all(&self) -> impl Iterator<Item = (Chord, Key)> {
        self.bound.iter().copied()
    }
}

/// The keys of a row, the user's own where there are some.
pub fn chords(settings: &Settings, row: &Row) -> Vec<Chord> {
    match settings.keys.get(row.id) {
        // What no keyboard has was written by hand, or by another version.
        Some(own) => own.iter().filter_map(|text| Chord::read(text)).take(MOST).collect(),
        None => row.keys.iter().filter_map(|text| Chord::read(text)).collect(),
    }
}

/// Keys that no action may have: Esc, the digits of people and of reactions.
fn fixed() -> impl Iterator<Item = (Chord, Key, &'static str)> {
    let bare = |key| Chord { command: false, alt: false, shift: false, key };
    let people = (0_u8..).zip(DIGITS).map(move |(n, key)| (bare(key), Key::Focus(n), "Pin a person, or yourself"));
    let reactions = (0_u8..).zip(DIGITS).skip(1).take(REACTIONS);
    let reactions = reactions.map(move |(n, key)| (Chord { alt: true, ..bare(key) }, Key::React(n), "A reaction"));
    people.chain(reactions).chain([(bare(egui::Key::Escape), Key::Close, "Close what is open")])
}

/// Who has `chord`, if not `row` itself.
pub fn taken(settings: &Settings, row: &Row, chord: Chord) -> Option<Taken> {
    let fixed = fixed().find(|(other, ..)| *other == chord).map(|(.., words)| Taken::Fixed(words));
    let other = TABLE.iter().filter(|other| other.id != row.id).find(|other| chords(settings, other).contains(&chord));
    fixed.or(other.map(Taken::By))
}

/// Gives `chords` to a row, and takes them from whoever had them. Nothing is kept of a row that is as at first.
pub fn give(settings: &mut Settings, row: &Row, given: &[Chord]) {
    for other in TABLE.iter().filter(|other| other.id != row.id) {
        let had = chords(settings, other);
        let left: Vec<Chord> = had.iter().copied().filter(|chord| !given.contains(chord)).collect();
        if left.len() < had.len() {
            keep(settings, other, &left);
        }
    }
    keep(settings, row, given);
}

/// Gives a row the keys of the table, and takes them from whoever had them.
pub fn reset(settings: &mut Settings, row: &Row) {
    let first: Vec<Chord> = row.keys.iter().filter_map(|text| Chord::read(text)).collect();
    give(settings, row, &first);
}

fn keep(settings: &mut Settings, row: &Row, chords: &[Chord]) {
    let written: Vec<String> = chords.iter().take(MOST).map(|chord| chord.written()).collect();
    if written == row.keys {
        settings.keys.remove(row.id);
    } else {
        settings.keys.insert(row.id.to_owned(), written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: Key) -> &'static Row {
        TABLE.iter().find(|row| row.key == key).unwrap()
    }

    fn chord(text: &str) -> Chord {
        Chord::read(text).unwrap()
    }

    #[test]
    fn the_users_keys_take_the_place_of_the_tables() {
        let mut settings = Settings::default();
        give(&mut settings, row(Key::Mute), &[chord("F9")]);
        assert_eq!(settings.keys["mute"], ["F9"]);
        let map = Map::new(&settings);
        assert_eq!(map.key(chord("F9")), Some(Key::Mute));
        assert_eq!(map.key(chord("M")), None);
        reset(&mut settings, row(Key::Mute));
        assert!(settings.keys.is_empty());
        assert_eq!(Map::new(&settings).key(chord("M")), Some(Key::Mute));
    }

    #[test]
    fn a_key_that_is_given_is_taken_from_who_had_it() {
        let mut settings = Settings::default();
        assert_eq!(taken(&settings, row(Key::Chat), chord("Ctrl+D")), Some(Taken::By(row(Key::Mute))));
        assert_eq!(taken(&settings, row(Key::Mute), chord("Ctrl+D")), None);
        give(&mut settings, row(Key::Chat), &[chord("Ctrl+D")]);
        let map = Map::new(&settings);
        assert_eq!(map.key(chord("Ctrl+D")), Some(Key::Chat));
        assert_eq!(map.of(Key::Mute).collect::<Vec<_>>(), [chord("M")]);
        reset(&mut settings, row(Key::Mute));
        assert_eq!(Map::new(&settings).key(chord("Ctrl+D")), Some(Key::Mute));
        assert_eq!(Map::new(&settings).of(Key::Chat).count(), 0);
    }

    #[test]
    fn digits_and_esc_stay_where_they_are() {
        let settings = Settings::default();
        for (text, key) in [("1", Key::Focus(1)), ("0", Key::Focus(0)), ("Alt+6", Key::React(6)), ("Esc", Key::Close)] {
            assert_eq!(Map::new(&settings).key(chord(text)), Some(key));
            assert!(matches!(taken(&settings, row(Key::Mute), chord(text)), Some(Taken::Fixed(_))), "{text}");
        }
        assert_eq!(Map::new(&settings).key(chord("Alt+7")), None);
    }

    #[test]
    fn single_keys_can_be_turned_off_and_their_chords_stay() {
        let settings = Settings { single_keys: false, ..Settings::default() };
        let map = Map::new(&settings);
        for text in ["M", "Questionmark", "1", "S"] {
            assert_eq!(map.key(chord(text)), None, "{text}");
        }
        assert_eq!(map.key(chord("Ctrl+D")), Some(Key::Mute));
        assert_eq!(map.key(chord("Space")), Some(Key::Talk));
        assert_eq!(map.key(chord("F1")), Some(Key::Help));
        assert_eq!(map.of(Key::Mute).collect::<Vec<_>>(), [chord("Ctrl+D")]);
    }

    #[test]
    fn what_no_keyboard_has_costs_nothing_else() {
        let mut settings = Settings::default();
        settings.keys.insert("mute".into(), vec!["Hyper+Q".into(), "F8".into()]);
        settings.keys.insert("of-another-version".into(), vec!["M".into()]);
        let map = Map::new(&settings);
        assert_eq!(map.of(Key::Mute).collect::<Vec<_>>(), [chord("F8")]);
        assert_eq!(map.key(chord("M")), None);
    }
}
