//! One window a user: a second start hands its link to the one that runs, and ends.
//!
//! `cli` claims before it opens a window; `ui` asks the [`Listener`] for links. The first holds a lock and listens on a
//! local socket: a Unix socket in the user's runtime folder, a named pipe on Windows. `NEARCALL_INSTANCE` names another
//! place. Must never: keep the app from starting, nor trust what comes in: a link is for `crypto::invite` to read, and
//! for the user to accept.
//!
//! | module | owns |
//! | --- | --- |
//! | `place` | where the socket is, and that nobody else's is taken for it |
//! | `talk` | what goes over it |

mod place;
mod talk;

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc as async_mpsc, oneshot};

use self::place::{Door, Place};

/// How long a second start waits for the first to answer.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// The longest link that is handed over, bytes; no invite is longer.
pub const LINK_BYTES: usize = 16 * 1024;
/// Requests that wait for the window.
const WAITING: usize = 16;

/// What a start is.
#[derive(Debug)]
pub enum Claim {
    /// The only one: it opens the window and hears of later starts.
    First(Listener),
    /// Another runs and has what was said: this one ends.
    Forwarded,
    /// This one opens a window and hears of nobody; the reason is for the log.
    Alone(Trouble),
}

/// What a later start asks of the first.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// Bring the window to the front.
    Show,
    /// Bring it to the front and offer this link. It is not checked, and it holds a secret.
    Open(String),
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Request::Show => "Show",
            Request::Open(_) => "Open(..)",
        })
    }
}

/// Why there is no one window a user.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("there is no folder of this user alone for the socket")]
    NoPlace,
    #[error("cannot listen for later starts at {place}: {error}")]
    Listen { place: String, error: io::Error },
    #[error("a Nearcall that runs did not answer within {} s", PATIENCE.as_secs_f32())]
    Silent,
    #[error("a Nearcall that runs did not take the request: {0}")]
    Refused(io::Error),
    #[error("the link has more than {LINK_BYTES} bytes")]
    TooLong,
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Hears of later starts. Dropped, it stops and takes its socket away.
#[derive(Debug)]
pub struct Listener {
    requests: async_mpsc::Receiver<Request>,
    /// Dropped, it stops the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// The next request; waits for it. `None`: there will be none.
    pub async fn next(&mut self) -> Option<Request> {
        self.requests.recv().await
    }

    /// A request, if one waits.
    pub fn try_next(&mut self) -> Option<Request> {
        self.requests.try_recv().ok()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Is this the first start? If not, hands over the link, or without one the wish to be shown. Takes at most
/// [`PATIENCE`] and a little.
pub fn claim(link: Option<&str>) -> Claim {
    match Place::of_user() {
        Some(place) => claim_at(place, link, PATIENCE),
        None => Claim::Alone(Trouble::NoPlace),
    }
}

fn claim_at(place: Place, link: Option<&str>, patience: Duration) -> Claim {
    let request = link.map_or(Request::Show, |link| Request::Open(link.to_owned()));
    let (outcome, outcomes) = mpsc::sync_channel(1);
    let (sender, requests) = async_mpsc::channel(WAITING);
    let (stop, stopped) = oneshot::channel();
    // All of it on one thread: what hangs there (a file system, a socket) does not hang the caller.
    let thread = std::thread::Builder::new()
        .name("instance".into())
        .spawn(move || run(&place, &request, patience, sender, stopped, &outcome));
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => return Claim::Alone(Trouble::Thread(error)),
    };
    match outcomes.recv_timeout(patience.saturating_mul(2)) {
        Ok(Outcome::First) => Claim::First(Listener { requests, stop: Some(stop), thread: Some(thread) }),
        Ok(Outcome::Forwarded) => Claim::Forwarded,
        Ok(Outcome::Alone(trouble)) => Claim::Alone(trouble),
        Err(_) => Claim::Alone(Trouble::Silent),
    }
}

/// What the thread found out.
#[derive(Debug)]
enum Outcome {
    First,
    Forwarded,
    Alone(Trouble),
}

/// The thread: takes the place and serves it, or asks the one that has it.
fn run(
    place: &Place,
    request: &Request,
    patience: Duration,
    sender: async_mpsc::Sender<Request>,
    stopped: oneshot::Receiver<()>,
    outcome: &mpsc::SyncSender<Outcome>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(outcome.send(Outcome::Alone(Trouble::Thread(error)))),
    };
    runtime.block_on(async {
        match Door::open(place) {
            Ok(Some(door)) => {
                // Who no longer waits has started alone.
                if outcome.send(Outcome::First).is_ok() {
                    talk::serve(&door, sender, stopped).await;
                }
            }
            Ok(None) => drop(outcome.send(ask(place, request, patience).await)),
            Err(error) => {
                let place = place.to_string();
                let _ = outcome.send(Outcome::Alone(Trouble::Listen { place, error }));
            }
        }
    });
}

async fn ask(place: &Place, request: &Request, patience: Duration) -> Outcome {
    if matches!(request, Request::Open(link) if link.len() > LINK_BYTES) {
        return Outcome::Alone(Trouble::TooLong);
    }
    match tokio::time::timeout(patience, talk::ask(place, request)).await {
        Ok(Ok(())) => Outcome::Forwarded,
        Ok(Err(error)) => Outcome::Alone(Trouble::Refused(error)),
        Err(_) => Outcome::Alone(Trouble::Silent),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
