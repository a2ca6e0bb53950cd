//! Where the socket is, and who may have it: a folder that belongs to this user alone, or a named pipe of the session.
//!
//! On Unix a lock beside the socket says who is first, for a socket's file outlives a crash and a lock does not: who
//! holds the lock takes away a file that was left, and nobody else ever does. On Windows the pipe itself goes with its
//! process. Must never: take away a file that is no socket.

use std::fmt;
use std::io;
use std::path::PathBuf;

use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::{GenericFilePath, ListenerOptions, Name, ToFsName};

/// Another place for the socket: a path, or on Windows `\\.\pipe\NAME`.
const VARIABLE: &str = "NEARCALL_INSTANCE";

/// Where the socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
    /// The user that both sides must belong to, where the system has numbers for users.
    pub(super) owner: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Place {
    /// This user's, on this display. `None`: there is no place that is safe.
    pub(super) fn of_user() -> Option<Self> {
        match std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => Some(Self::at(path.into())),
            None => system::of_user(),
        }
    }

    /// A given one.
    pub(super) fn at(path: PathBuf) -> Self {
        let owner = path.parent().and_then(system::own_number);
        Self { path, owner }
    }

    pub(super) fn name(&self) -> io::Result<Name<'_>> {
        self.path.as_path().to_fs_name::<GenericFilePath>()
    }

    fn listen(&self) -> io::Result<Listener> {
        ListenerOptions::new().name(self.name()?).create_tokio()
    }
}

/// A place that is taken, and listened at. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Door {
    listener: Listener,
    owner: Option<u32>,
    /// Let go last, when the socket's file is gone.
    _lock: system::Lock,
}

impl Door {
    /// Takes a place; `None` where another has it. Inside a tokio runtime.
    ///
    /// # Errors
    /// It can be neither taken nor is it another's.
    pub(super) fn open(place: &Place) -> io::Result<Option<Self>> {
        let Some(lock) = system::lock(&place.path)? else { return Ok(None) };
        match place.listen() {
            Ok(listener) => Ok(Some(Self { listener, owner: place.owner, _lock: lock })),
            // Without a lock of ours this is how another shows.
            Err(error) if system::is_taken(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn listener(&self) -> &Listener {
        &self.listener
    }

    pub(super) fn owner(&self) -> Option<u32> {
        self.owner
    }
}

/// Whether the other side belongs to `owner`. True where the system does not tell: the folder or the pipe is then what
/// keeps others out.
pub(super) fn is_same_user(stream: &Stream, owner: Option<u32>) -> bool {
    match (system::user_of(stream), owner) {
        (Some(peer), Some(owner)) => peer == owner,
        _ => true,
    }
}

#[cfg(unix)]
mod system {
    use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};

    use interprocess::local_socket::tokio::Stream;
    use interprocess::local_socket::traits::StreamCommon;

    use super::Place;

    /// Held for as long as this process is first.
    pub(super) type Lock = File;

    pub(super) fn of_user() -> Option<Place> {
        let runtime = directories::BaseDirs::new().and_then(|dirs| dirs.runtime_dir().map(Path::to_owned));
        let shared = std::env::temp_dir();
        // A program that was started as somebody else may have this user's environment still.
        let own = |folder: &PathBuf| fs::metadata(folder).ok().map(|found| found.uid()) == own_number(folder);
        let runtime = runtime.filter(own);
        let in_runtime = runtime.and_then(|folder| Some((own_number(&folder)?, folder.join("nearcall"))));
        // Nobody else's number is in the name, but anybody may have made the folder: `is_private` tells.
        let in_shared = || own_number(&shared).map(|owner| (owner, shared.join(format!("nearcall-{owner}"))));
        let folders = in_runtime.into_iter().chain(std::iter::once_with(in_shared).flatten());
        folders
            .into_iter()
            .find(|(owner, folder)| is_private(folder, *owner))
            .map(|(owner, folder)| Place { path: folder.join(format!("window-{}", display())), owner: Some(owner) })
    }

    /// Makes the folder where it is missing, and checks that it is `owner`'s alone.
    pub(super) fn is_private(folder: &Path, owner: u32) -> bool {
        let _ = DirBuilder::new().mode(0o700).create(folder);
        fs::symlink_metadata(folder)
            .is_ok_and(|found| found.is_dir() && found.uid() == owner && found.mode() & 0o077 == 0)
    }

    /// The user's number, as the system puts it on a file that is made in `folder`.
    pub(super) fn own_number(folder: &Path) -> Option<u32> {
        let probe = folder.join(format!(".nearcall-{}-{:?}", std::process::id(), std::thread::current().id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe).ok()?;
        let owner = file.metadata().ok().map(|found| found.uid());
        let _ = fs::remove_file(&probe);
        owner
    }

    /// One window a display: a link that is clicked on one screen does not open on another.
    fn display() -> String {
        let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let display = named("WAYLAND_DISPLAY").or_else(|| named("DISPLAY")).unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        // A socket's path has about 100 bytes in all.
        let tail = display.chars().rev().take(32).collect::<Vec<_>>();
        tail.into_iter().rev().map(plain).collect()
    }

    /// Takes the lock, and takes away a socket that a crash left. `None`: another has it.
    pub(super) fn lock(path: &Path) -> io::Result<Option<Lock>> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket")),
        }
        Ok(Some(lock))
    }

    /// The lock tells who is first; a socket that is there in spite of it is an error.
    pub(super) fn is_taken(_: &io::Error) -> bool {
        false
    }

    pub(super) fn user_of(stream: &Stream) -> Option<u32> {
        stream.peer_creds().ok()?.euid()
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::path::Path;

    use interprocess::local_socket::tokio::Stream;

    use super::Place;

    /// The pipe is its own lock.
    pub(super) type Lock = ();

    pub(super) fn of_user() -> Option<Place> {
        let plain = |text: String| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let user = std::env::var("USERNAME").ok().map(plain).filter(|user| !user.is_empty())?;
        let session = std::env::var("SESSIONNAME").map(plain).unwrap_or_default();
        Some(Place::at(format!(r"\\.\pipe\nearcall-{user}-{session}").into()))
    }

    pub(super) fn own_number(_: &Path) -> Option<u32> {
        None
    }

    pub(super) fn lock(_: &Path) -> io::Result<Option<Lock>> {
        Ok(Some(()))
    }

    /// A second first instance of a pipe is refused with one of these.
    pub(super) fn is_taken(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
    }

    pub(super) fn user_of(_: &Stream) -> Option<u32> {
        None
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::system::{is_private, own_number};
    use super::*;

    #[test]
    fn a_folder_that_others_may_enter_or_own_is_not_private() {
        let shared = tempfile::tempdir().unwrap();
        let own = own_number(shared.path()).unwrap();
        assert_eq!(own, fs::metadata(shared.path()).unwrap().uid());
        assert_eq!(fs::read_dir(shared.path()).unwrap().count(), 0, "nothing is left of the question");
        let folder = shared.path().join("nearcall");
        assert!(is_private(&folder, own), "it is made");
        assert!(is_private(&folder, own), "it is found");
        assert!(!is_private(&folder, own + 1));
        let link = shared.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(!is_private(&link, own));
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        assert!(!is_private(&folder, own));
        fs::write(shared.path().join("file"), "").unwrap();
        assert!(!is_private(&shared.path().join("file"), own));
    }

    #[test]
    fn a_user_has_a_place_of_a_length_that_a_socket_takes() {
        let place = Place::of_user().unwrap();
        assert!(place.to_string().len() < 100, "{place}");
        assert!(place.owner.is_some());
    }
}
