//! Writes the settings away from drawing: a disk may take its time. [`super::app`] hands over, and reads what went wrong.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

use eframe::egui;

use crate::settings::{Settings, Store};

/// Settings that wait for the disk. Only the newest of them is written.
const WAITING: usize = 4;

/// The thread's end. Dropped, what was handed over is written before it returns.
#[derive(Debug)]
pub struct Saver {
    settings: Option<SyncSender<Settings>>,
    errors: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    /// `ctx` is woken where something went wrong.
    pub fn start(store: Store, ctx: egui::Context) -> Self {
        let (settings, waiting) = sync_channel(WAITING);
        let (trouble, errors) = sync_channel(WAITING);
        let run = move || write(store, &waiting, &trouble, &ctx);
        let thread = std::thread::Builder::new().name("settings".into()).spawn(run);
        let thread = thread.inspect_err(|error| tracing::error!(%error, "settings are not saved")).ok();
        Self { settings: Some(settings), errors, thread }
    }

    /// Hands settings over. `false`: the disk is slow; try again later.
    pub fn save(&self, settings: &Settings) -> bool {
        let Some(sender) = &self.settings else { return true };
        !matches!(sender.try_send(settings.clone()), Err(TrySendError::Full(_)))
    }

    /// What went wrong, in words.
    pub fn error(&self) -> Option<String> {
        self.errors.try_recv().ok()
    }

    /// Writes these last of all, and waits for it.
    pub fn close(&mut self, settings: &Settings) {
        if let Some(sender) = self.settings.take() {
            // An error is one of the thread, which is over then.
            let _ = sender.send(settings.clone());
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
        self.settings.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread: writes the newest of what waits, until nobody can hand anything over.
fn write(mut store: Store, waiting: &Receiver<Settings>, trouble: &SyncSender<String>, ctx: &egui::Context) {
    while let Ok(mut newest) = waiting.recv() {
        let over = loop {
            match waiting.try_recv() {
                Ok(newer) => newest = newer,
                Err(error) => break error == TryRecvError::Disconnected,
            }
        };
        if let Err(error) = store.save(&newest) {
            // Whoever does not read them has the same one already.
            let _ = trouble.try_send(error.to_string());
            ctx.request_repaint();
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
    fn what_went_wrong_comes_back_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        // Below a file there is no folder, for nobody.
        let mut saver = Saver::start(load_from(&file.join("below")).store, egui::Context::default());
        assert!(saver.save(&named("Ada")));
        saver.settings.take();
        saver.thread.take().unwrap().join().unwrap();
        assert!(saver.error().unwrap().starts_with("settings are not saved: "));
    }
}
