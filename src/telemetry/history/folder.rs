//! The files of the history: `TIME-N.jsonl`, one an election, of which the oldest make room.
//!
//! Called by `recorder` (a [`Writer`] for the file that is its own) and by `read`. Must never: touch a file whose name is
//! none of ours, or change one that another program writes, but for taking the oldest away.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Limits;

/// The end of a file's name.
const ENDING: &str = "jsonl";
/// Elections that begin in one ms, by programs that run beside each other.
const NAMES: u32 = 99;
/// What a file that is being shortened is called beside its name.
const BESIDE: &str = "new";
/// Whoever shortens a file is done with it by then, or gone.
const LEFT: Duration = Duration::from_secs(60);
/// The beginning of a file that is never dropped to make room in it: when, by whom, and what was elected first.
const HEAD: usize = 3;

/// A file of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub path: PathBuf,
    /// The name without its ending: the election's id. Ordered by time.
    pub id: String,
    pub bytes: u64,
    changed: SystemTime,
}

impl Found {
    /// The time, then the number.
    fn order(&self) -> (&str, u32) {
        let (time, number) = self.id.split_once('-').unwrap_or((&self.id, ""));
        (time, number.parse().unwrap_or(u32::MAX))
    }
}

/// All files of the history, the oldest first. Nothing where there is no folder.
pub(super) fn files(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.filter_map(|entry| found(&entry.path())).collect();
    files.sort_by(|one, other| one.order().cmp(&other.order()));
    files
}

/// Removes all files of the history, and says how many there were.
///
/// # Errors
/// One of them cannot be removed; the others are gone.
pub(super) fn clear(folder: &Path) -> io::Result<usize> {
    let (mut count, mut result) = (0, Ok(()));
    for found in files(folder) {
        match fs::remove_file(&found.path) {
            // Somebody was faster.
            Err(error) if error.kind() != io::ErrorKind::NotFound => result = Err(error),
            _ => count += 1,
        }
    }
    result.map(|()| count)
}

fn found(path: &Path) -> Option<Found> {
    let id = path.file_name()?.to_str()?.strip_suffix(".jsonl")?.to_owned();
    // Not one that a link leads to, and nothing that would wait for a writer.
    let kind = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let changed = kind.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    is_ours(&id).then(|| Found { path: path.to_owned(), id, bytes: kind.len(), changed })
}

/// `20261121T170312123Z-1`.
fn is_ours(id: &str) -> bool {
    let Some((time, number)) = id.split_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    time.len() == 19 && time.as_bytes()[8] == b'T' && time.ends_with('Z') && digits(number) && digits(&time[..8])
}

/// The file of one election. It has no other writer.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    limits: Limits,
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The first lines: what is needed where somebody took the file away.
    head: Vec<String>,
    /// The last line is half written, and could not be taken back.
    torn: bool,
    open: fn(&Path) -> io::Result<File>,
}

impl Writer {
    /// Makes a file for an election that begins at `at`, and room for it.
    ///
    /// # Errors
    /// The folder cannot be made or written to.
    pub fn create(folder: &Path, limits: Limits, at: SystemTime) -> io::Result<Self> {
        Self::create_with(folder, limits, at, create_new)
    }

    /// The same with another way to make a file.
    pub fn create_with(
        folder: &Path,
        limits: Limits,
        at: SystemTime,
        open: fn(&Path) -> io::Result<File>,
    ) -> io::Result<Self> {
        make_folder(folder)?;
        sweep(folder, at);
        let time: String = crate::telemetry::utc(at).chars().filter(|c| !matches!(c, '-' | ':' | '.')).collect();
        // Behind those of the same ms, one that is gone by now aside.
        let last = files(folder).iter().map(Found::order).filter(|(same, _)| *same == time).map(|(_, n)| n).max();
        let first = last.unwrap_or(0).saturating_add(1);
        for n in first..first.saturating_add(NAMES) {
            let path = folder.join(format!("{time}-{n}.{ENDING}"));
            match open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    let folder = folder.to_owned();
                    let (head, torn, bytes) = (Vec::new(), false, 0);
                    return Ok(Self { folder, limits, path, file, bytes, head, torn, open });
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Adds a line, whole or not at all, and makes room for it first.
    ///
    /// # Errors
    /// The disk is full, or the line is longer than an election may be. What was written before is as it was.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        let room = self.limits.election_bytes.min(self.limits.bytes);
        if line.len() as u64 + 1 > room / 2 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "one line is more than may be kept"));
        }
        if !self.path.exists() {
            self.begin_again()?;
        }
        if self.bytes + line.len() as u64 + 1 > room {
            self.shorten(room)?;
        }
        self.make_room(line.len() as u64 + 1);
        self.append(line)?;
        if self.head.len() < HEAD {
            self.head.push(line.to_owned());
        }
        Ok(())
    }

    /// One write for one line: whoever reads meanwhile sees it whole or not.
    fn append(&mut self, line: &str) -> io::Result<()> {
        let begin = if self.torn { "\n" } else { "" };
        let text = format!("{begin}{line}\n");
        match self.file.write_all(text.as_bytes()) {
            Ok(()) => {
                (self.torn, self.bytes) = (false, self.bytes + text.len() as u64);
                // After a loss of power all but the last line is there.
                let _ = self.file.sync_data();
                Ok(())
            }
            Err(error) => {
                self.torn = self.file.set_len(self.bytes).is_err();
                Err(error)
            }
        }
    }

    /// Somebody took the file away, to make room or by hand.
    fn begin_again(&mut self) -> io::Result<()> {
        self.file = (self.open)(&self.path)?;
        (self.bytes, self.torn) = (0, false);
        self.head.clone().iter().try_for_each(|line| self.append(line))
    }

    /// Leaves the first lines, and of the others the newest that fill half of the room.
    fn shorten(&mut self, room: u64) -> io::Result<()> {
        let text = String::from_utf8_lossy(&fs::read(&self.path)?).into_owned();
        let mut left = room / 2;
        let later: Vec<_> = text.lines().skip(self.head.len()).collect();
        let fits = |line: &&&str| {
            let fits = (line.len() as u64) < left;
            left = left.saturating_sub(line.len() as u64 + 1);
            fits
        };
        let mut kept: Vec<_> = later.iter().rev().take_while(fits).copied().collect();
        kept.extend(self.head.iter().rev().map(String::as_str));
        kept.reverse();
        if kept.iter().map(|line| line.len() as u64 + 1).sum::<u64>() > room {
            kept.clear();
        }
        let beside = self.path.with_extension(format!("{ENDING}.{BESIDE}"));
        let _ = fs::remove_file(&beside);
        let whole = kept.iter().flat_map(|line| [line, "\n"]).collect::<String>();
        let replaced = (self.open)(&beside).and_then(|mut file| {
            file.write_all(whole.as_bytes())?;
            fs::rename(&beside, &self.path)?;
            Ok(file)
        });
        self.file = replaced.inspect_err(|_| drop(fs::remove_file(&beside)))?;
        (self.bytes, self.torn) = (whole.len() as u64, false);
        Ok(())
    }

    /// Takes the elections away that were longest without a line, until there is room for so many bytes.
    fn make_room(&self, bytes: u64) {
        let mut others = files(&self.folder);
        others.retain(|file| file.path != self.path);
        others.sort_by(|one, other| (other.changed, other.order()).cmp(&(one.changed, one.order())));
        let mut room = self.limits.bytes.saturating_sub(self.bytes + bytes);
        for (n, file) in others.iter().enumerate() {
            let fits = file.bytes <= room && n + 1 < self.limits.elections;
            if fits {
                room -= file.bytes;
            } else {
                // Another program may have been faster.
                let _ = fs::remove_file(&file.path);
            }
        }
    }
}

/// Takes away what a program left that ended while it shortened a file.
fn sweep(folder: &Path, now: SystemTime) {
    let name = |path: &Path| Some(path.file_name()?.to_str()?.strip_suffix(".jsonl.new")?.to_owned());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|kind| kind.modified());
        let old = changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > LEFT));
        if old && name(&entry.path()).is_some_and(|id| is_ours(&id)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A new file that only its owner reads, written at its end.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// As the XDG specification has it, a folder that is made here is its owner's alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
