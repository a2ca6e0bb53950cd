//! Writes the settings and the recent rooms away from drawing: a disk may take its time. [`super::app`] hands over, and reads
//! what went wrong.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use eframe::egui;

use crate::settings::rooms::Rooms;
use crate::settings::{Settings, Store};

/// Settings that wait for the disk. Only the newest of them is written.
const WAITING: usize = 4;

/// What is handed over.
#[derive(Debug)]
enum Job {
    Settings(Box<Settings>),
    Rooms(Rooms),
}

/// The thread's end. Dropped, what was handed over is written before it returns.
#[derive(Debug)]
pub struct Saver {
    jobs: Option<SyncSender<Job>>,
    errors: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    /// `ctx` is woken where something went wrong.
    pub fn start(store: Store, ctx: egui::Context) -> Self {
        let (jobs, waiting) = sync_channel(WAITING);
        let (trouble, errors) = sync_channel(WAITING);
        let run = move || write(store, &waiting, &trouble, &ctx);
        let thread = std::thread::Builder::new().name("settings".into()).spawn(run);
        let thread = thread.inspect_err(|error| tracing::error!(%error, "settings are not saved")).ok();
        Self { jobs: Some(jobs), errors, thread }
    }

    /// Hands settings over. `false`: the disk is slow; try again later.
    pub fn save(&self, settings: &Settings) -> bool {
        self.hand_over(Job::Settings(Box::new(settings.clone())))
    }

    /// The same with the recent rooms.
    pub fn save_rooms(&self, rooms: &Rooms) -> bool {
        self.hand_over(Job::Rooms(rooms.clone()))
    }

    fn hand_over(&self, job: Job) -> bool {
        let Some(sender) = &self.jobs else { return true };
        !matches!(sender.try_send(job), Err(TrySendError::Full(_)))
    }

    /// What went wrong, in words.
    pub fn error(&self) -> Option<String> {
        self.errors.try_recv().ok()
    }

    /// Writes these last of all, and waits for it.
    pub fn close(&mut self, settings: &Settings) {
        if let Some(sender) = self.jobs.take() {
            // An error is one of the thread, which is over then.
            let _ = sender.send(Job::Settings(Box::new(settings.clone())));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        while let Some(error) = self.error() {
            tracing::warn!("{error}");
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread: writes the newest of what waits, until nobody can hand anything over.
fn write(mut store: Store, waiting: &Receiver<Job>, trouble: &SyncSender<String>, ctx: &egui::Context) {
    let tell = |error: String| {
        // Whoever does not read them has the same one already.
        let _ = trouble.try_send(error);
        ctx.request_repaint();
    };
    let settings_file = store.path().map(Path::to_owned);
    while let Ok(first) = waiting.recv() {
        let (mut settings, mut rooms) = (None, None);
        let mut next = Ok(first);
        let over = loop {
            match next {
                Ok(Job::Settings(newer)) => settings = Some(newer),
                Ok(Job::Rooms(newer)) => rooms = Some(newer),
                Err(error) => break error == TryRecvError::Disconnected,
            }
            next = waiting.try_recv();
        };
        if let Some(Err(error)) = settings.map(|settings| store.save(&settings)) {
            tell(error.to_string());
        }
        // Without a folder nothing is kept, and the settings say so.
        if let Some((rooms, file)) = rooms.zip(settings_file.as_deref())
            && let Err(error) = rooms.save(file)
        {
            tell(format!("recent rooms are not saved: {error}"));
        }
        if over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::store::load_from;

    fn named(name: &str) -> Settings {
        Settings { name: name.into(), ..Settings::default() }
    }

    #[test]
    fn what_is_handed_over_is_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut saver = Saver::start(load_from(folder.path()).store, egui::Context::default());
        saver.save(&named("Ada"));
        saver.close(&named("Ben"));
        assert_eq!(load_from(folder.path()).settings, named("Ben"));
        let saver = Saver::start(load_from(folder.path()).store, egui::Context::default());
        assert!(saver.save(&named("Cy")));
        drop(saver);
        assert_eq!(load_from(folder.path()).settings, named("Cy"));
    }

    #[test]
    fn the_newest_rooms_are_written_beside_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = load_from(folder.path());
        let file = loaded.store.path().unwrap().to_owned();
        let mut saver = Saver::start(loaded.store, egui::Context::default());
        let mut rooms = Rooms::default();
        for name in ["den", "attic"] {
            rooms.joined(crate::settings::rooms::Room { name: name.into(), link: None, joined: 1 });
            assert!(saver.save_rooms(&rooms));
        }
        saver.close(&named("Ada"));
        assert_eq!(Rooms::load(&file), (rooms, None));
        assert_eq!(load_from(folder.path()).settings, named("Ada"));
    }

    #[test]
    fn what_went_wrong_comes_back_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        // Below a file there is no folder, for nobody.
        let mut saver = Saver::start(load_from(&file.join("below")).store, egui::Context::default());
        assert!(saver.save(&named("Ada")));
        saver.jobs.take();
        saver.thread.take().unwrap().join().unwrap();
        assert!(saver.error().unwrap().starts_with("settings are not saved: "));
    }
}
