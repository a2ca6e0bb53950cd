//! Rooms that were joined lately, for who joins them again: `rooms.toml` beside the settings, which only its owner reads.
//!
//! Kept apart from the settings, for it holds secrets: an invite's link has the room's, and a room's name is one. `ui` loads
//! it at the start and saves it when a room is joined or forgotten. Must never: be logged, or keep the app from starting.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file;

/// The file beside the settings.
pub const FILE: &str = "rooms.toml";
/// Rooms that are kept.
pub const MOST: usize = 12;
/// Longest text of a link that is kept, bytes; no invite is longer.
const LINK_BYTES: usize = 16 * 1024;

/// What is kept, newest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rooms {
    /// Whether rooms are remembered at all.
    #[serde(default = "yes")]
    pub remember: bool,
    #[serde(default)]
    pub rooms: Vec<Room>,
}

/// A room that was joined.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// The link that led there; `None` where it was the name alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// When it was joined last, seconds since 1970.
    pub joined: u64,
}

fn yes() -> bool {
    true
}

impl Default for Rooms {
    fn default() -> Self {
        Self { remember: true, rooms: Vec::new() }
    }
}

impl fmt::Debug for Rooms {
    /// Without the rooms: who reads their names can enter some of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms").field("remember", &self.remember).field("rooms", &self.rooms.len()).finish()
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

impl Room {
    /// What is put into the room's box to join it again.
    pub fn text(&self) -> &str {
        self.link.as_deref().unwrap_or(&self.name)
    }

    /// Whether both lead to the same call.
    fn is(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Rooms {
    /// What is kept beside the settings at `settings`, and in words why it could not be read, where it could not. A file that
    /// cannot be read is moved out of the way.
    pub fn load(settings: &Path) -> (Self, Option<String>) {
        let path = path(settings);
        let read = file::read(&path).map_err(|error| error.to_string()).and_then(|text| {
            let parse = |text: String| toml::from_str::<Self>(&text).map_err(|error| error.message().to_owned());
            text.map(parse).transpose()
        });
        match read {
            Ok(rooms) => (rooms.unwrap_or_default().in_range(), None),
            Err(why) => {
                let kept = file::set_aside(&path, "bad-").map_or_else(
                    |error| format!("It stays where it is: {error}."),
                    |kept| format!("The old file is kept as {}.", kept.display()),
                );
                (Self::default(), Some(format!("Your recent rooms could not be read ({why}). {kept}")))
            }
        }
    }

    /// Writes them beside the settings at `settings`. Where nothing was ever kept, nothing is written.
    ///
    /// # Errors
    /// The folder cannot be written to, or the disk is full. The old file is then as it was.
    pub fn save(&self, settings: &Path) -> io::Result<()> {
        let path = path(settings);
        if *self == Self::default() && !path.exists() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = toml::to_string(self).map_err(io::Error::other)?;
        file::replace(&path, text.as_bytes())
    }

    /// A room was joined now.
    pub fn joined(&mut self, room: Room) {
        if self.remember {
            self.rooms.retain(|known| !known.is(&room));
            self.rooms.insert(0, room);
            *self = std::mem::take(self).in_range();
        }
    }

    /// Forgets one.
    pub fn forget(&mut self, room: &Room) {
        self.rooms.retain(|known| !known.is(room));
    }

    /// Begins to remember, or stops it and forgets all.
    pub fn remember(&mut self, yes: bool) {
        self.remember = yes;
        if !yes {
            self.rooms.clear();
        }
    }

    fn in_range(mut self) -> Self {
        self.rooms.retain(|room| !room.name.trim().is_empty() && room.text().len() <= LINK_BYTES);
        self.rooms.truncate(MOST);
        self
    }
}

fn path(settings: &Path) -> PathBuf {
    settings.with_file_name(FILE)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn room(name: &str, joined: u64) -> Room {
        Room { name: name.into(), link: None, joined }
    }

    fn names(rooms: &Rooms) -> Vec<&str> {
        rooms.rooms.iter().map(|room| room.name.as_str()).collect()
    }

    #[test]
    fn the_newest_stands_first_once_and_the_oldest_makes_room() {
        let mut rooms = Rooms::default();
        for n in 0..MOST as u64 + 3 {
            rooms.joined(room(&format!("room {n}"), n));
        }
        rooms.joined(room("room 9", 99));
        assert_eq!((rooms.rooms.len(), names(&rooms)[0], names(&rooms)[1]), (MOST, "room 9", "room 14"));
        assert_eq!(rooms.rooms.iter().filter(|room| room.name == "room 9").count(), 1);
        // The same name by another link is another call.
        rooms.joined(Room { link: Some("nearcall://join/room%209#k=x".into()), ..room("room 9", 100) });
        assert_eq!(rooms.rooms.iter().filter(|room| room.name == "room 9").count(), 2);
        let last = rooms.rooms[1].clone();
        rooms.forget(&last);
        assert_eq!(names(&rooms)[1], "room 14");
    }

    #[test]
    fn who_does_not_want_to_be_remembered_is_not() {
        let mut rooms = Rooms::default();
        rooms.joined(room("den", 1));
        rooms.remember(false);
        rooms.joined(room("den", 2));
        assert!(rooms.rooms.is_empty());
        rooms.remember(true);
        rooms.joined(room("den", 3));
        assert_eq!(names(&rooms), ["den"]);
    }

    #[test]
    fn what_is_saved_is_there_at_the_next_start_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("not/yet/settings.toml");
        Rooms::default().save(&settings).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written for nothing");
        let mut rooms = Rooms::default();
        rooms.joined(Room { link: Some("nearcall://join/den#k=x".into()), ..room("den", 7) });
        rooms.save(&settings).unwrap();
        assert_eq!(Rooms::load(&settings), (rooms.clone(), None));
        rooms.remember(false);
        rooms.save(&settings).unwrap();
        assert_eq!(Rooms::load(&settings).0, rooms);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(settings.with_file_name(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_kept_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings.toml");
        fs::write(folder.path().join(FILE), "rooms = 3").unwrap();
        let (rooms, told) = Rooms::load(&settings);
        assert_eq!(rooms, Rooms::default());
        assert!(told.unwrap().contains("rooms.toml.bad-1"));
        assert_eq!(Rooms::load(&settings).1, None);
    }

    #[test]
    fn debug_shows_no_room() {
        let shown = format!("{:?} {:?}", Rooms { remember: true, rooms: vec![room("den", 1)] }, room("den", 1));
        assert!(!shown.contains("den"), "{shown}");
    }
}
