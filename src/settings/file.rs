//! Files that are whole or not there: replacing one by another, and moving one out of the way under a name that is free.
//!
//! Called by `store` alone. Must never: overwrite a file that nobody asked to replace.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The largest file that is read, bytes.
pub(super) const MAX_BYTES: u64 = 256 * 1024;
/// Names that are tried before it is said that there is none.
const NAMES: u32 = 999;

/// Reads a file of text; `None` where there is none.
///
/// # Errors
/// It is no file, cannot be read, is too long or not text.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    // Asked before it is opened: opening a named pipe would wait for somebody to write to it.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(kind) if kind.is_dir() => return wrong("it is a folder"),
        Ok(kind) if !kind.is_file() => return wrong("it is not a file"),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return wrong("it is larger than any file of settings");
    }
    String::from_utf8(bytes).map(Some).or_else(|_| wrong("it is not text"))
}

/// Replaces a file, or makes it: whoever reads it, also after a loss of power, finds the old or the new one whole.
///
/// # Errors
/// The folder cannot be written to, or the disk is full. The old file is then as it was.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace_with(&path, bytes, create_new)
}

fn replace_with(path: &Path, bytes: &[u8], create: impl Fn(&Path) -> io::Result<File>) -> io::Result<()> {
    let (mut file, beside) = first_free(path, &format!("new-{}-", std::process::id()), create)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved?;
    sync_folder(path);
    Ok(())
}

/// Moves what is at `path` to the first free name that `word` gives: `settings.toml.bad-1`, and so on.
///
/// # Errors
/// The folder cannot be written to.
pub(super) fn set_aside(path: &Path, word: &str) -> io::Result<PathBuf> {
    let free = (1..=NAMES).map(|n| named(path, word, n)).find(|name| is_free(name));
    let aside = free.ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Copies `path` to the first free name that `word` gives.
///
/// # Errors
/// It cannot be read, or the folder cannot be written to.
pub(super) fn copy_aside(path: &Path, word: &str) -> io::Result<PathBuf> {
    let mut from = File::open(path)?;
    let (mut to, aside) = first_free(path, word, create_new)?;
    let copied = io::copy(&mut from, &mut to).and_then(|_| to.sync_all());
    copied.inspect_err(|_| drop(fs::remove_file(&aside)))?;
    Ok(aside)
}

fn first_free(path: &Path, word: &str, create: impl Fn(&Path) -> io::Result<File>) -> io::Result<(File, PathBuf)> {
    for n in 1..=NAMES {
        let name = named(path, word, n);
        match create(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => return Ok((file, name)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn named(path: &Path, word: &str, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{word}{n}"));
    name.into()
}

/// Also a link that leads nowhere has its name.
fn is_free(name: &Path) -> bool {
    matches!(fs::symlink_metadata(name), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// A new file that only its owner reads.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// After this the new name outlives a loss of power; where folders cannot be synced, nothing is lost but that.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Some(Ok(folder)) = path.parent().map(File::open)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn on_a_full_disk_the_old_file_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        fs::write(&path, "old").unwrap();
        let full = |_: &Path| OpenOptions::new().write(true).open("/dev/full");
        let error = replace_with(&path, b"new", full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn a_file_that_was_left_half_written_is_not_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        let left = named(&path, &format!("new-{}-", std::process::id()), 1);
        fs::write(&left, "half").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_to_string(&left).unwrap(), "half");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        replace(&path, b"mine").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("settings.toml"), folder.path().join("real.toml"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    #[test]
    fn what_is_no_text_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        assert!(read(&path).unwrap().is_none());
        fs::write(&path, [0xFF, 0xFE]).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it is not text");
        fs::write(&path, vec![b'#'; MAX_BYTES as usize + 1]).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it is larger than any file of settings");
        assert_eq!(read(folder.path()).unwrap_err().to_string(), "it is a folder");
        #[cfg(unix)]
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().to_string(), "it is not a file");
    }
}
