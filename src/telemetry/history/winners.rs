//! Who carried the last calls, the newest first, read beside a call that does not wait for the disk.
//!
//! Held by `call`. The thread ends with its list, or with whoever held it at the next file; a disk that hangs is not
//! waited for. Must never: take longer of a call than its patience.

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use crate::clock;

/// A hint is not worth more of a wait than this, counted from the start: a race has most of its answers by then.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Debug)]
pub struct Winners {
    incoming: Option<Receiver<String>>,
    known: Vec<String>,
    until: Instant,
}

impl Winners {
    /// Reads `most` of them, in a thread.
    pub(super) fn read<I>(relays: impl FnOnce() -> I + Send + 'static, most: usize, patience: Duration) -> Self
    where
        I: Iterator<Item = String>,
    {
        let (tell, incoming) = sync_channel(most);
        let thread = std::thread::Builder::new().name("last-winners".into()).spawn(move || {
            // Whoever does not ask any more does not miss the rest.
            let _ = relays().take(most).try_for_each(|relay| tell.send(relay));
        });
        // The thread itself is let go of, for a disk may hang.
        let incoming = thread.inspect_err(|error| tracing::debug!(%error, "no hint")).ok().map(|_| incoming);
        Self { incoming, known: Vec::new(), until: clock::now() + patience }
    }

    /// The newest that is listed now: a hint, to be measured like any other. What takes too long to read is left out.
    pub fn newest(&mut self, is_listed: impl Fn(&str) -> bool) -> Option<String> {
        if let Some(known) = self.known.iter().find(|relay| is_listed(relay)) {
            return Some(known.clone());
        }
        let incoming = self.incoming.as_ref()?;
        while let Ok(relay) = incoming.recv_timeout(self.until.saturating_duration_since(clock::now())) {
            self.known.push(relay.clone());
            if is_listed(&relay) {
                return Some(relay);
            }
        }
        None
    }
}
