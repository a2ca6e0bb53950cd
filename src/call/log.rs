//! Events as JSON, one object a line: the stable format of `--events`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::event::Event;
use crate::clock;

/// Writes what a call tells.
pub struct EventLog {
    start: Instant,
    out: Box<dyn Write + Send>,
}

impl std::fmt::Debug for EventLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLog").field("start", &self.start).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: f64,
    #[serde(flatten)]
    event: &'a Event,
}

impl EventLog {
    /// A file, made anew, or stdout for `-`. Times count from `start`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn open(path: &Path, start: Instant) -> io::Result<Self> {
        let out: Box<dyn Write + Send> =
            if path == Path::new("-") { Box::new(io::stdout()) } else { Box::new(BufWriter::new(File::create(path)?)) };
        Ok(Self { start, out })
    }

    /// Writes one event, at once.
    ///
    /// # Errors
    /// Whatever the file says: the disk is full, the pipe is closed.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        let at = clock::now().saturating_duration_since(self.start);
        let line = Line { at_ms: (at.as_secs_f64() * 10_000.0).round() / 10.0, event };
        let line = serde_json::to_string(&line)?;
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}
