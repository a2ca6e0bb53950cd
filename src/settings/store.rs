//! The file of settings: where it is, what is done about one that cannot be read, and writing it.
//!
//! Called by `ui` and `cli`. Saving waits for the disk (some ms): away from drawing, where that matters. Must never:
//! write over a file that could not be read, or over one of a newer version, without keeping it.

use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

use toml::Table;

use super::{Settings, VERSION, file, table};

/// The folder of the settings, if not the platform's: for portable use and for tests.
pub const FOLDER_VARIABLE: &str = "NEARCALL_CONFIG_DIR";
/// The file in that folder.
const FILE: &str = "settings.toml";

/// What a start finds.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    /// Where they are saved.
    pub store: Store,
    /// What the user should hear of.
    pub notice: Option<Notice>,
}

/// Something about the file that the user should hear of. Its text says what happened, where the old file is, and
/// what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The file could not be read, and is kept.
    Kept { path: PathBuf, kept: PathBuf, why: String },
    /// Some values could not be read; the file as it was is kept.
    Partly { kept: PathBuf, keys: Vec<&'static str> },
    /// The file could not be read, nor moved out of the way.
    Stuck { path: PathBuf, why: String, error: String },
    /// A newer version of the program wrote it.
    Newer { path: PathBuf, version: u32 },
    /// The system names no folder for settings.
    NoFolder,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { path, kept, why } => write!(
                f,
                "Your settings could not be read ({why}), so this start has none. The old file is kept as {}. To use it \
                 again, close Nearcall, mend it and call it {}.",
                kept.display(),
                path.display()
            ),
            Self::Partly { kept, keys } => write!(
                f,
                "Some of your settings could not be read: {}. They are as at first. The old file is kept as {}.",
                keys.join(", "),
                kept.display()
            ),
            Self::Stuck { path, why, error } => write!(
                f,
                "Your settings could not be read ({why}), nor moved away ({error}). Nothing is saved until you mend or \
                 remove {}.",
                path.display()
            ),
            Self::Newer { path, version } => write!(
                f,
                "{} is from a newer Nearcall (its version is {version}, this one's {VERSION}): what is known here is used. \
                 A copy is kept before anything is changed.",
                path.display()
            ),
            Self::NoFolder => write!(
                f,
                "This system names no folder for settings: they are forgotten at the end. Set {FOLDER_VARIABLE} to a \
                 folder of yours."
            ),
        }
    }
}

/// Why settings were not saved. The file that was there is whole.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("settings are not saved: the disk with {} is full; free some space", path.display())]
    Full { path: PathBuf },
    #[error("settings are not saved: {} cannot be written to; change its permissions, or set {FOLDER_VARIABLE} to another folder", path.display())]
    ReadOnly { path: PathBuf },
    #[error("settings are not saved: the file {} could not be read before, and cannot be moved away: {error}", path.display())]
    Stuck { path: PathBuf, error: io::Error },
    #[error("settings are not saved: {}: {error}", path.display())]
    Other { path: PathBuf, error: io::Error },
    #[error("settings are not saved: this system names no folder for them; set {FOLDER_VARIABLE} to a folder of yours")]
    NoFolder,
}

/// The file, and what it holds.
#[derive(Debug)]
pub struct Store {
    path: Option<PathBuf>,
    /// What the file holds, keys that are unknown here among it.
    table: Table,
    /// What the file says; `None`: it must be written in any case.
    saved: Option<Settings>,
    keep: Keep,
}

/// What must be done with the file that is there before it is written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    /// It could not be read.
    Aside,
    /// A program of this version wrote it.
    Copy(u32),
}

fn folder() -> Option<PathBuf> {
    let given = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let platform = || directories::ProjectDirs::from("", "", "nearcall").map(|dirs| dirs.config_dir().to_owned());
    given.or_else(platform)
}

/// The settings of this user for a program without a window: nothing is mended, kept aside or told, and what cannot be
/// read is as at first.
pub fn peek() -> Settings {
    let text = folder().and_then(|folder| file::read(&folder.join(FILE)).ok().flatten());
    let table = text.and_then(|text| text.parse::<Table>().ok());
    table.map(|table| table::read(&table).settings).unwrap_or_default()
}

/// Reads the settings of this user. Always gives some: the app starts whatever the file is like.
pub fn load() -> Loaded {
    match folder() {
        Some(folder) => load_from(&folder),
        None => Loaded {
            settings: Settings::default(),
            store: Store { path: None, table: Table::new(), saved: None, keep: Keep::Nothing },
            notice: Some(Notice::NoFolder),
        },
    }
}

/// Reads the settings in this folder.
pub fn load_from(folder: &Path) -> Loaded {
    let path = folder.join(FILE);
    let text = file::read(&path).map_err(|error| error.to_string());
    let table = text.and_then(|text| {
        let parse = |text: String| text.parse::<Table>().map_err(|error| bad_toml(&text, &error));
        text.map(parse).transpose()
    });
    match table {
        Ok(Some(table)) => loaded(path, table),
        Ok(None) => Loaded {
            settings: Settings::default(),
            store: Store { path: Some(path), table: Table::new(), saved: None, keep: Keep::Nothing },
            notice: None,
        },
        Err(why) => unreadable(path, why),
    }
}

/// The first line of what the parser says, and where.
fn bad_toml(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    let message = error.message().lines().next().unwrap_or("not TOML");
    line.map_or_else(|| message.to_owned(), |line| format!("line {line}: {message}"))
}

fn loaded(path: PathBuf, table: Table) -> Loaded {
    let table::Read { settings, wrong, version } = table::read(&table);
    let mut store = Store { path: Some(path.clone()), table, saved: Some(settings.clone()), keep: Keep::Nothing };
    let notice = if version > VERSION {
        // What is strange to this version is not wrong.
        store.keep = Keep::Copy(version);
        Some(Notice::Newer { path, version })
    } else if !wrong.is_empty() {
        Some(store.mend(&path, &settings, wrong))
    } else {
        None
    };
    Loaded { settings, store, notice }
}

fn unreadable(path: PathBuf, why: String) -> Loaded {
    let (keep, notice) = match file::set_aside(&path, "bad-") {
        Ok(kept) => (Keep::Nothing, Notice::Kept { path: path.clone(), kept, why }),
        Err(error) => (Keep::Aside, Notice::Stuck { path: path.clone(), why, error: error.to_string() }),
    };
    tracing::warn!(?notice, "the settings could not be read");
    Loaded {
        settings: Settings::default(),
        store: Store { path: Some(path), table: Table::new(), saved: None, keep },
        notice: Some(notice),
    }
}

impl Store {
    /// Keeps a copy of a file with bad values and writes the good ones at once, or the next start would complain again.
    fn mend(&mut self, path: &Path, settings: &Settings, keys: Vec<&'static str>) -> Notice {
        self.saved = None;
        match file::copy_aside(path, "bad-") {
            Ok(kept) => {
                if let Err(error) = self.save(settings) {
                    tracing::warn!(%error, "the mended settings");
                }
                Notice::Partly { kept, keys }
            }
            Err(error) => {
                self.keep = Keep::Aside;
                let why = format!("{}: not a value that can stand there", keys.join(", "));
                Notice::Stuck { path: path.to_owned(), why, error: error.to_string() }
            }
        }
    }

    /// Where the settings are, if anywhere.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes the settings, brought into range, and says whether there was anything to write.
    ///
    /// # Errors
    /// See [`SaveError`]. The file that was there is whole, and the next call tries again.
    pub fn save(&mut self, settings: &Settings) -> Result<bool, SaveError> {
        let settings = settings.clone().in_range();
        let path = self.path.clone().ok_or(SaveError::NoFolder)?;
        if self.saved.as_ref() == Some(&settings) {
            return Ok(false);
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder).map_err(|error| save_error(folder, error))?;
        self.keep_old(&path)?;
        let mut table = self.table.clone();
        let text = table::overlay(&mut table, &settings)
            .and_then(|()| toml::to_string(&table))
            .map_err(|error| save_error(&path, io::Error::other(error)))?;
        file::replace(&path, text.as_bytes()).map_err(|error| save_error(&path, error))?;
        self.table = table;
        self.saved = Some(settings);
        Ok(true)
    }

    fn keep_old(&mut self, path: &Path) -> Result<(), SaveError> {
        let kept = match self.keep {
            Keep::Nothing => return Ok(()),
            Keep::Aside => match file::set_aside(path, "bad-") {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SaveError::Stuck { path: path.to_owned(), error });
                }
                kept => kept,
            },
            Keep::Copy(version) => match file::copy_aside(path, &format!("v{version}-")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(save_error(path, error)),
                kept => kept,
            },
        };
        // It may also have gone by itself.
        if let Ok(kept) = kept {
            tracing::info!(kept = %kept.display(), "the settings that were there are kept");
        }
        self.keep = Keep::Nothing;
        Ok(())
    }
}

/// As the XDG specification has it, a folder that is made here is its owner's alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn save_error(path: &Path, error: io::Error) -> SaveError {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let path = path.to_owned();
    match error.kind() {
        StorageFull | QuotaExceeded => SaveError::Full { path },
        PermissionDenied | ReadOnlyFilesystem => SaveError::ReadOnly { path },
        _ => SaveError::Other { path, error },
    }
}

#[cfg(test)]
mod tests;
