//! What goes into the elector and what comes out of it.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::proto::probe::RelayState;
use crate::proto::{RelayInstance, Transport};

/// A relay and a way to reach it. Ordered and never reused within an elector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CandidateId(pub u32);

/// One connection, from its dial on. Never reused: a late answer of a dead link is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A candidate as the manifest gives it. Equal (`relay`, `transport`) means the same candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Id of the relay's manifest entry.
    pub relay: String,
    pub region: String,
    pub provider: String,
    pub transport: Transport,
    pub url: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The user asked for Join: take the leader as soon as there is one. Before it, only races.
    Join,
    /// A dial that [`Output::Dial`] asked for got through.
    Connected { link: LinkId },
    /// It did not.
    DialFailed { link: LinkId, error: String },
    /// An answer to a probe; `rtt` is measured in the read loop, less what the relay spent.
    ProbeReply { link: LinkId, id: u64, rtt: Duration, state: RelayState, instance: RelayInstance },
    /// The link ended, whoever ended it.
    Closed { link: LinkId, error: String },
    /// The session on a link is admitted: welcome came, subscriptions are confirmed. A standby counts as warm from here.
    Admitted { link: LinkId },
    /// The relay refused the session (not a dead link: full, draining, no right).
    Refused { link: LinkId, error: String },
    /// Anything arrived on the link, media or control (probe replies are told by [`Input::ProbeReply`]).
    Heard { link: LinkId },
    /// Whether media is expected to flow towards us now: somebody we are subscribed to is sending (and not in DTX).
    /// While `Some(period)`, silence longer than the period is a sign; otherwise only probes are.
    MediaExpected { period: Option<Duration> },
    /// During a move: media of every kind that the old link carries has arrived over the new one.
    Delivered { link: LinkId },
    /// The relay says that it goes away.
    Drain { link: LinkId, deadline: Duration, spread: Duration },
    /// A user's command.
    Command(Command),
    /// The manifest, whole: candidates that are new are raced, those that are gone are left.
    Manifest(Vec<Candidate>),
    /// The machine slept: every link is stale.
    Suspended,
    /// Somebody does not want to wait: while nothing carries the call, everything is dialled now.
    Retry,
}

/// What a user may order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Stay with this region (`None` ends it). Falls back when it cannot carry the call, and says so.
    Pin(Option<String>),
    /// Move to this relay or region now, once.
    Force(String),
    /// Never use this relay or region until unblocked.
    Block(String),
    Unblock(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Connect; answer with [`Input::Connected`] or [`Input::DialFailed`] for this link.
    Dial { link: LinkId, candidate: Candidate },
    /// Close the link; no answer is awaited.
    HangUp { link: LinkId },
    /// Send a probe.
    Probe { link: LinkId, id: u64 },
    /// Say Hello, join as standby and subscribe to control and audio; answer with [`Input::Admitted`] or [`Input::Refused`].
    Admit { link: LinkId },
    /// Make before break: subscribe to everything on `to` (resuming inside groups), publish on both until
    /// [`Output::Elected`] or [`Output::Abandon`]. Answer with [`Input::Delivered`] when media of every kind has
    /// arrived over it. `from` is `None` for the first link, or when every link was lost.
    Move { from: Option<LinkId>, to: LinkId, reason: Reason },
    /// The move did not come about: `to` goes back to what it was, `from` carries on.
    Abandon { to: LinkId },
    /// `to` carries the call from here. Whatever else carried it is released (Leave{moved}), not closed: what becomes of it
    /// follows as [`Output::HangUp`] or nothing.
    Elected { from: Option<LinkId>, to: LinkId, reason: Reason },
    /// Send audio on both links (`on`), or on the active one alone.
    Duplicate { on: bool, link: LinkId },
    /// Every link is lost: keep the roster, the tiles and the keys.
    Reconnecting,
    /// Tell whoever looks. Decisions not to move included.
    Event(Event),
}

/// Why the call goes over the link that it goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The first choice of a call.
    First,
    /// Better, and for long enough.
    Improve,
    /// Level with the best and WebTransport.
    Transport,
    /// The link closed, or fell silent.
    FailOver,
    /// The relay goes away.
    Drain,
    /// The user said so.
    Pin,
    Force,
    Block,
    /// Back after every link was lost.
    Reconnect,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::First => "first",
            Reason::Improve => "improve",
            Reason::Transport => "transport",
            Reason::FailOver => "fail_over",
            Reason::Drain => "drain",
            Reason::Pin => "pin",
            Reason::Force => "force",
            Reason::Block => "block",
            Reason::Reconnect => "reconnect",
        })
    }
}

/// Something that a person who watches the election wants to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: Instant,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A candidate's state or figures changed enough to show (at most once for each state change).
    Candidate { candidate: CandidateId },
    /// There is a leader that Join could take.
    Leader { candidate: CandidateId },
    /// A relay was elected. `margin_ms`: how much better than the runner-up by score.
    Elected {
        from: Option<CandidateId>,
        to: CandidateId,
        reason: Reason,
        margin_ms: Option<f64>,
        runner_up: Option<CandidateId>,
    },
    /// Another candidate looked better, or was asked for, and the call stayed, for this reason.
    Kept { candidate: CandidateId, reason: String },
    /// A move was tried and did not come about.
    MoveFailed { to: CandidateId, reason: String },
    /// The active link is in doubt, or no longer is.
    Suspect { candidate: CandidateId, on: bool },
    /// The standby changed.
    Standby { candidate: Option<CandidateId> },
    /// A pin or force could not be honoured.
    Unmet { wish: String, reason: String },
    /// The race's window is over.
    RaceOver,
}

/// What is known of a candidate: a row of the table. A figure that was not measured is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub id: CandidateId,
    pub candidate: Candidate,
    pub link: Option<LinkId>,
    pub state: LinkState,
    pub relay_state: Option<RelayState>,
    pub error: Option<String>,
    pub connect_ms: Option<f64>,
    pub mean_ms: Option<f64>,
    pub median_ms: Option<f64>,
    pub min_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    /// Mean difference of neighbouring samples.
    pub jitter_ms: Option<f64>,
    /// Share of probes that are lost, 0-1; those that may still be answered do not count.
    pub loss: Option<f64>,
    pub sent: u32,
    pub received: u32,
    /// Mean RTT + loss x (mean + 100 ms).
    pub score_ms: Option<f64>,
    /// The last answers in order, newest last: `None` is a lost probe.
    pub recent_ms: Vec<Option<f64>>,
    /// When the newest answered probe was sent.
    pub measured: Option<Instant>,
}

/// How far a candidate's link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Not dialled.
    Idle,
    Dialling,
    Connected,
    /// Admitted and warm.
    Standby,
    /// Carries the call.
    Active,
    /// The last dial failed or the link closed.
    Failed,
}
