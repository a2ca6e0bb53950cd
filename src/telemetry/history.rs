//! The last elections and every decision with what it was made on, kept on this computer: one file of JSON lines an
//! election.
//!
//! `call` and `cli` write through a [`Recorder`]; `nearcall history` and the next call's hint read. Bounded in elections and
//! in bytes. A file has one writer, so programs that run beside each other leave each other's alone; a crash or a full
//! disk costs the line that was being written. Must never: hold up or end a call, nor hold the name of a room or of a
//! person, a secret or a token.
//!
//! | module | owns |
//! | --- | --- |
//! | `line` | what a line says, and its schema |
//! | `folder` | the files: names, limits, making room |
//! | `recorder` | the thread that writes |
//! | `read` | files to elections, past everything that is broken |
//! | `winners` | who carried the last calls, without waiting for the disk |
//! | [`export`] | elections as JSON and CSV |

pub mod export;
mod folder;
mod line;
mod read;
mod recorder;
mod winners;

use std::path::{Path, PathBuf};

pub use self::line::{Figures, Line, SCHEMA, Way, What, plain};
pub use self::read::{Election, Log};
pub use self::recorder::Recorder;
pub use self::winners::Winners;

/// The folder of what the program remembers, if not the platform's: for portable use and for tests.
pub const FOLDER_VARIABLE: &str = "NEARCALL_STATE_DIR";
/// Who moves the settings elsewhere moves this along.
const SETTINGS_VARIABLE: &str = "NEARCALL_CONFIG_DIR";
/// The folder in that folder.
const FOLDER: &str = "history";

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elections, each with its decisions. The oldest goes first.
    pub elections: usize,
    /// Of all elections together, bytes of files.
    pub bytes: u64,
    /// Of one election, bytes: of a long call the first lines and the latest stay.
    pub election_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { elections: 50, bytes: 4 << 20, election_bytes: 256 << 10 }
    }
}

/// Which part of the program holds the election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Window,
    Call,
    Probe,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Call => "call",
            Self::Probe => "probe",
        }
    }
}

/// Where the history is kept, by whom, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    folder: PathBuf,
    program: Program,
    limits: Limits,
}

impl Keep {
    /// In the folder of this user; `None` where the system names none.
    pub fn of_user(program: Program) -> Option<Self> {
        Some(Self::in_folder(folder_of_user()?, program, Limits::default()))
    }

    /// In this folder, which is made when there is something to write.
    pub fn in_folder(folder: PathBuf, program: Program, limits: Limits) -> Self {
        Self { folder, program, limits }
    }

    /// Begins to read who carried the last calls.
    pub fn winners(&self) -> Winners {
        self.winners_within(winners::PATIENCE)
    }

    fn winners_within(&self, patience: std::time::Duration) -> Winners {
        let folder = self.folder.clone();
        Winners::read(move || read::winners(&folder), self.limits.elections, patience)
    }
}

/// Where the history of this user is: below `NEARCALL_STATE_DIR`, or `NEARCALL_CONFIG_DIR`, or in the platform's folder for
/// what programs remember. `None` where the system names none.
pub fn folder_of_user() -> Option<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let platform = || {
        let dirs = directories::ProjectDirs::from("", "", "nearcall")?;
        Some(dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())
    };
    let folder = given(FOLDER_VARIABLE).or_else(|| given(SETTINGS_VARIABLE)).or_else(platform)?;
    Some(folder.join(FOLDER))
}

/// Reads the last elections, the oldest of them first. What is not there or cannot be read is left out and counted.
pub fn load(folder: &Path, last: usize) -> Log {
    read::load(folder, last)
}

/// Takes every election away, and says how many there were. A program that writes one goes on with it.
///
/// # Errors
/// A file cannot be removed; the others are gone.
pub fn clear(folder: &Path) -> std::io::Result<usize> {
    folder::clear(folder)
}

#[cfg(test)]
mod tests;
