//! What a line of the history says. The schema is stable: keys are added, never renamed, and a figure that was not measured
//! is `null`.
//!
//! Made by `call` and `cli`, written by `recorder`, read by `read`. Names of relays, regions and providers are as their
//! list has them. Never in here: an address, the words of a relay, a room, a person.

use serde::{Deserialize, Serialize};

use crate::election::{Candidate, LinkState, Standing};
use crate::proto::Transport;

/// Version of the lines. Lines of another version are skipped.
pub const SCHEMA: u32 = 1;

/// Candidates in one line: those that a decision is about, then the best.
pub(super) const CANDIDATES: usize = 64;
/// Answers of a candidate in one line, the latest.
const RECENT: usize = 20;
/// Words in one line, bytes.
const WORDS: usize = 200;

/// Something that was measured or decided, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`SCHEMA`].
    pub v: u32,
    pub at_utc: String,
    #[serde(flatten)]
    pub what: What,
}

/// A relay and a way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    pub relay: String,
    pub region: String,
    #[serde(default)]
    pub provider: String,
    pub transport: Transport,
}

/// What was known of a candidate at that moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    #[serde(flatten)]
    pub way: Way,
    /// Of its link: `idle`, `dialling`, `connected`, `standby`, `active`, `failed`.
    pub state: String,
    /// The relay's own word, if it gave one: `ready`, `draining`, `full`, `isolated`.
    pub relay_state: Option<String>,
    pub mean_ms: Option<f64>,
    pub jitter_ms: Option<f64>,
    /// Share of probes that are lost, 0-1.
    pub loss: Option<f64>,
    pub score_ms: Option<f64>,
    pub sent: u32,
    /// Samples.
    pub received: u32,
    /// The latest answers, newest last; `null` is a lost probe.
    pub recent_ms: Vec<Option<f64>>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The race began. First line of a file.
    Started {
        program: String,
        app_version: String,
    },
    /// The race's window is over, or what raced has ended.
    Race {
        elected: Option<Way>,
        margin_ms: Option<f64>,
        runner_up: Option<Way>,
        reason: Option<String>,
        candidates: Vec<Figures>,
    },
    /// A move was decided.
    Moving {
        from: Option<Way>,
        to: Option<Way>,
        reason: String,
        candidates: Vec<Figures>,
    },
    /// The call goes over this relay from here. `from` is `None` for the first.
    Elected {
        from: Option<Way>,
        to: Way,
        reason: String,
        margin_ms: Option<f64>,
        runner_up: Option<Way>,
        candidates: Vec<Figures>,
    },
    /// What a move cost, measured where it is heard and seen. A gap is `null` where nobody was heard, or seen, at all.
    Moved {
        from: Option<Way>,
        to: Way,
        reason: String,
        rtt_before_ms: Option<f64>,
        rtt_after_ms: Option<f64>,
        audio_gap_ms: Option<u64>,
        video_gap_ms: Option<u64>,
    },
    /// Another relay looked better, or was asked for, and the call stayed.
    Kept {
        candidate: Option<Way>,
        reason: String,
        candidates: Vec<Figures>,
    },
    /// A move was tried and did not come about.
    MoveFailed {
        to: Option<Way>,
        reason: String,
        candidates: Vec<Figures>,
    },
    /// The link in use is in doubt (`on`), or no longer.
    Suspect {
        candidate: Option<Way>,
        on: bool,
        candidates: Vec<Figures>,
    },
    Standby {
        candidate: Option<Way>,
    },
    /// A wish could not be fulfilled.
    Unmet {
        wish: String,
        reason: String,
        candidates: Vec<Figures>,
    },
    /// Every link is lost.
    Reconnecting {
        candidates: Vec<Figures>,
    },
    /// The call ended, or the lobby was left.
    Ended {
        moves: u64,
    },
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

impl Way {
    /// Of a candidate.
    pub fn of(candidate: &Candidate) -> Self {
        let Candidate { relay, region, provider, transport, .. } = candidate;
        Self { relay: relay.clone(), region: region.clone(), provider: provider.clone(), transport: *transport }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.relay, self.transport)
    }
}

impl Figures {
    /// Of a row of the table.
    pub fn of(standing: &Standing) -> Self {
        let state = match standing.state {
            LinkState::Idle => "idle",
            LinkState::Dialling => "dialling",
            LinkState::Connected => "connected",
            LinkState::Standby => "standby",
            LinkState::Active => "active",
            LinkState::Failed => "failed",
        };
        let recent = standing.recent_ms.len().saturating_sub(RECENT);
        Self {
            way: Way::of(&standing.candidate),
            state: state.to_owned(),
            relay_state: standing.relay_state.map(|state| format!("{state:?}").to_lowercase()),
            mean_ms: known(standing.mean_ms),
            jitter_ms: known(standing.jitter_ms),
            loss: standing.loss.filter(|loss| loss.is_finite()).map(|loss| (loss * 10_000.0).round() / 10_000.0),
            score_ms: known(standing.score_ms),
            sent: standing.sent,
            received: standing.received,
            recent_ms: standing.recent_ms[recent..].iter().map(|sample| known(*sample)).collect(),
        }
    }

    /// Of the table: the rows that a decision is about first, then the best, `most` at most.
    pub fn of_all(standings: &[Standing], about: impl Fn(&Standing) -> bool, most: usize) -> Vec<Self> {
        let mut rows: Vec<_> = standings.iter().collect();
        let rank = |row: &Standing| (!about(row), known(row.score_ms).unwrap_or(f64::INFINITY));
        rows.sort_by(|one, other| {
            let (one, other) = (rank(one), rank(other));
            one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
        });
        rows.into_iter().take(most.min(CANDIDATES)).map(Self::of).collect()
    }
}

/// To a hundredth: what the clock is good for.
pub(super) fn known(ms: Option<f64>) -> Option<f64> {
    ms.filter(|ms| ms.is_finite()).map(|ms| (ms * 100.0).round() / 100.0)
}

/// Words for a line: one line of them, and not too many.
pub fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text[..text.floor_char_boundary(WORDS)].trim_end().to_owned()
}
