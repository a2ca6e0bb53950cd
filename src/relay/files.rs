//! Files that an operator replaces while the relay runs. Whoever uses some of them owns a [`Watch`] and reads them again when it
//! says so. Never: what is in them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

/// Tells when one of some files has changed.
#[derive(Debug)]
pub struct Watch {
    files: Vec<PathBuf>,
    /// As they were when they were last said to have changed.
    taken: Vec<Option<Stamp>>,
    every: Duration,
    asked: watch::Receiver<u64>,
}

/// What differs between two versions of a file: when it was written, and its length. `None` in place of one: it is not there.
type Stamp = (SystemTime, u64);

impl Watch {
    /// Watches files as they are now, looking at them every so often, and at once when `asked` changes (SIGHUP).
    pub fn new(files: impl IntoIterator<Item = PathBuf>, every: Duration, mut asked: watch::Receiver<u64>) -> Self {
        let files: Vec<_> = files.into_iter().collect();
        asked.mark_unchanged();
        Self { taken: stamps(&files), files, every, asked }
    }

    /// Resolves when the files are to be read again: they changed and have been still for one look, for a certificate and its key
    /// are not replaced in one moment; or somebody asked, whatever they look like. Cancel safe.
    pub async fn changed(&mut self) {
        let mut before = self.taken.clone();
        loop {
            tokio::select! {
                asked = self.asked.changed() => {
                    if asked.is_err() {
                        // Nobody can ask any more: the relay ends.
                        std::future::pending::<()>().await;
                    }
                    self.taken = stamps(&self.files);
                    return;
                }
                () = tokio::time::sleep(self.every) => {}
            }
            let now = stamps(&self.files);
            if now != self.taken && now == before {
                self.taken = now;
                return;
            }
            before = now;
        }
    }
}

/// A look at a handful of files takes microseconds.
fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    };
    files.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn a_file_that_is_replaced_is_told_once_and_one_that_stays_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "one").unwrap();
        let (_ask, asked) = watch::channel(0);
        let mut watch = Watch::new([path.clone()], LOOK, asked);
        assert!(tokio::time::timeout(LOOK * 10, watch.changed()).await.is_err());
        std::fs::write(&path, "another").unwrap();
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.unwrap();
        assert!(tokio::time::timeout(LOOK * 10, watch.changed()).await.is_err());
    }

    #[tokio::test]
    async fn who_asks_need_not_wait_for_a_change() {
        let (ask, asked) = watch::channel(0);
        let mut watch = Watch::new([PathBuf::from("/does/not/exist")], Duration::from_secs(3600), asked);
        ask.send_modify(|times| *times += 1);
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.unwrap();
    }
}
