//! Writes the history, on a thread of its own: whoever decides hands a line over and goes on.
//!
//! Held by `call` and `cli`. Dropped, it writes what waits and ends; a disk that hangs is not waited for. Must never: wait
//! in [`Recorder::note`], or fail a call.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::folder::Writer;
use super::{FOLDER_VARIABLE, Keep, Line, SCHEMA, What};
use crate::{clock, telemetry};

/// Lines that may wait for the disk: some minutes of the worst weather.
const WAITING: usize = 256;
/// How long the end waits for the disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Recorder {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread has ended.
    ended: Option<Receiver<()>>,
    trouble: Arc<Trouble>,
}

#[derive(Debug)]
enum Order {
    /// The lines from here on are another election's.
    Anew,
    Note(SystemTime, Box<What>),
}

impl Recorder {
    /// Starts the thread. Nothing is written before the first [`Recorder::note`].
    pub fn start(keep: Keep) -> Self {
        let trouble = Arc::new(Trouble::default());
        let (orders, orders_in) = sync_channel(WAITING);
        let (ending, ended) = sync_channel(1);
        let told = trouble.clone();
        let thread = std::thread::Builder::new().name("history".into()).spawn(move || {
            let _ending = ending;
            Thread { keep, writer: None, trouble: told }.run(&orders_in);
        });
        match thread {
            Ok(thread) => Self { orders: Some(orders), thread: Some(thread), ended: Some(ended), trouble },
            Err(error) => {
                trouble.tell(&format!("cannot start a thread: {error}"));
                Self { orders: None, thread: None, ended: None, trouble }
            }
        }
    }

    /// Hands a line over. Where too many wait for the disk it is lost.
    pub fn note(&self, what: What) {
        self.order(Order::Note(clock::wall(), Box::new(what)));
    }

    /// What is noted from here on is another election's.
    pub fn anew(&self) {
        self.order(Order::Anew);
    }

    /// Why the history is not whole; told once.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.take()
    }

    /// Writes what waits; why the history is not whole, if that was not told before.
    pub fn finish(self) -> Option<String> {
        let trouble = self.trouble.clone();
        drop(self);
        trouble.take()
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders
            && orders.try_send(order).is_err()
        {
            self.trouble.tell("the disk is too slow, and some lines are lost");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.orders.take();
        let ended = self.ended.take().map(|ended| ended.recv_timeout(PATIENCE));
        if ended == Some(Err(RecvTimeoutError::Timeout)) {
            // It ends by itself, when the disk lets it.
            return tracing::warn!("the history was not written in time");
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What went wrong first: it is told once, for the next line would say the same.
#[derive(Debug, Default)]
struct Trouble {
    told: AtomicBool,
    text: Mutex<Option<String>>,
}

impl Trouble {
    fn tell(&self, why: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let text = format!("the history of elections is not whole: {why}; --no-history does without");
            tracing::debug!("{text}");
            *self.text.lock().expect("nobody panics while holding the text") = Some(text);
        }
    }

    fn take(&self) -> Option<String> {
        if !self.told.load(Ordering::Relaxed) {
            return None;
        }
        self.text.lock().expect("nobody panics while holding the text").take()
    }
}

/// The thread's own.
struct Thread {
    keep: Keep,
    writer: Option<Writer>,
    trouble: Arc<Trouble>,
}

impl Thread {
    fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            match order {
                Order::Anew => self.writer = None,
                Order::Note(at, what) => {
                    if let Err(error) = self.note(at, *what) {
                        let folder = self.keep.folder.display();
                        self.trouble.tell(&format!("{folder}: {error} ({FOLDER_VARIABLE} puts it elsewhere)"));
                    }
                }
            }
        }
    }

    fn note(&mut self, at: SystemTime, what: What) -> io::Result<()> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            // The end of what has no beginning.
            None if matches!(what, What::Ended { .. }) => return Ok(()),
            None => {
                let mut writer = Writer::create(&self.keep.folder, self.keep.limits, at)?;
                let program = self.keep.program.name().to_owned();
                let started = What::Started { program, app_version: env!("CARGO_PKG_VERSION").to_owned() };
                writer.line(&text(at, started)?)?;
                self.writer.insert(writer)
            }
        };
        writer.line(&text(at, what)?)
    }
}

fn text(at: SystemTime, what: What) -> io::Result<String> {
    Ok(serde_json::to_string(&Line { v: SCHEMA, at_utc: telemetry::utc(at), what })?)
}
