//! Takes the region panel out of the window, into a file: text at once, a picture on a thread of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

use eframe::egui;

use crate::ui::app::App;
use crate::ui::export;
use crate::ui::model::{Format, Model, NoticeKind};

/// A picture that is being drawn and written. Dropped, it is waited for.
pub struct Exporting {
    done: Receiver<Result<PathBuf, String>>,
    thread: Option<JoinHandle<()>>,
}

impl Exporting {
    /// Draws `model`'s panel into a file of `folder`, and wakes `ctx` when it stands there.
    fn start(model: Model, dark: bool, folder: PathBuf, ctx: egui::Context) -> io::Result<Self> {
        let (tell, done) = sync_channel(1);
        let run = move || {
            let picture = export::png(&model, dark);
            let written = picture.and_then(|picture| {
                write_export(&folder, &picture, "png", model.wall).map_err(|error| error.to_string())
            });
            // Nobody waits for it where the window is gone.
            let _ = tell.send(written);
            ctx.request_repaint();
        };
        let thread = std::thread::Builder::new().name("export".into()).spawn(run)?;
        Ok(Self { done, thread: Some(thread) })
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl App {
    pub(super) fn export(&mut self, ctx: &egui::Context, format: Format) {
        let (text, ending) = match format {
            Format::Json => (export::json(&self.model), "json"),
            Format::Csv => (export::csv(&self.model), "csv"),
            Format::Png => return self.export_picture(ctx),
        };
        let written = write_export(&self.exports(), text.as_bytes(), ending, self.model.wall);
        self.say_exported(written.map_err(|error| error.to_string()));
    }

    fn export_picture(&mut self, ctx: &egui::Context) {
        if self.exporting.is_none() {
            let dark = ctx.theme() == egui::Theme::Dark;
            match Exporting::start(self.model.clone(), dark, self.exports(), ctx.clone()) {
                Ok(exporting) => self.exporting = Some(exporting),
                Err(error) => self.say_exported(Err(error.to_string())),
            }
        }
    }

    /// Says so when the picture stands in its file.
    pub(in crate::ui) fn exported(&mut self) {
        let Some(exporting) = &self.exporting else { return };
        let done = match exporting.done.try_recv() {
            Ok(done) => done,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err("the picture could not be drawn".to_owned()),
        };
        self.exporting = None;
        self.say_exported(done);
    }

    fn say_exported(&mut self, written: Result<PathBuf, String>) {
        match written {
            Ok(path) => self.toast(NoticeKind::Good, format!("Exported to {}", path.display())),
            Err(error) => self.toast(
                NoticeKind::Danger,
                format!("Not exported: {error}. Make room or give access, or copy it as text instead."),
            ),
        }
    }

    fn exports(&self) -> PathBuf {
        self.options.exports.clone().unwrap_or_else(downloads)
    }
}

/// Where downloads go.
fn downloads() -> PathBuf {
    let folders = directories::UserDirs::new();
    let folder = folders.as_ref().and_then(|dirs| dirs.download_dir().or(Some(dirs.home_dir())));
    folder.map_or_else(std::env::temp_dir, |folder| folder.to_owned())
}

/// Writes an export into this folder, under a name that is not taken.
fn write_export(folder: &Path, bytes: &[u8], ending: &str, at: SystemTime) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let stamp = humantime::format_rfc3339_seconds(at).to_string().replace(':', "-");
    for n in 0..100 {
        let again = if n == 0 { String::new() } else { format!("-{n}") };
        let path = folder.join(format!("nearcall-regions-{stamp}{again}.{ending}"));
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                let written = io::Write::write_all(&mut file, bytes).and_then(|()| file.sync_all());
                if written.is_err() {
                    // Half of an export misleads.
                    let _ = std::fs::remove_file(&path);
                }
                return written.map(|()| path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
