//! What the elector remembers of one candidate: its link, its path, its failures.
//!
//! Data and questions about it; what is done about the answers is decided elsewhere.

use std::time::{Duration, Instant};

use crate::proto::probe::RelayState;
use crate::proto::{RelayInstance, Transport};

use super::probes::{Path, ms};
use super::rules::LONG_WINDOW;
use super::{Candidate, CandidateId, LinkId, LinkState, Standing};

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dial {
    Idle,
    Dialling { link: LinkId, since: Instant },
    Connected { link: LinkId, since: Instant },
}

/// How far a session on it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    No,
    Asked { since: Instant },
    Yes,
}

#[derive(Debug, Clone)]
pub(super) struct Contender {
    pub(super) id: CandidateId,
    pub(super) candidate: Candidate,
    /// In the manifest.
    pub(super) listed: bool,
    pub(super) dial: Dial,
    pub(super) admission: Admission,
    pub(super) error: Option<String>,
    pub(super) connect: Option<Duration>,
    /// Whether the last dial got through; `None` before its end.
    pub(super) answers: Option<bool>,
    pub(super) relay_state: Option<RelayState>,
    /// Which process answered, whatever address it was asked at: an anycast address may lead to a relay that is listed by
    /// itself as well.
    pub(super) instance: Option<RelayInstance>,
    /// Said to go away then; last resort until a later probe says ready.
    pub(super) draining: Option<Instant>,
    pub(super) path: Path,
    pub(super) last_score_ms: Option<f64>,
    /// Dials that failed in a row, and when the next may be.
    pub(super) failures: u32,
    pub(super) not_before: Instant,
    /// Moves to it that failed in a row, and until when it is left alone.
    pub(super) refusals: u32,
    pub(super) shunned: Option<Instant>,
    /// Measured at the pace of a race until then.
    pub(super) trial: Instant,
    /// When it takes part in a light round next.
    pub(super) round: Instant,
    /// Evaluations in a row in which it was worth a move.
    pub(super) better: u8,
    /// Evaluations in a row in which its transport was worth a move.
    pub(super) level: u8,
}

impl Contender {
    pub(super) fn new(id: CandidateId, candidate: Candidate, now: Instant) -> Self {
        Self {
            id,
            candidate,
            listed: true,
            dial: Dial::Idle,
            admission: Admission::No,
            error: None,
            connect: None,
            answers: None,
            relay_state: None,
            instance: None,
            draining: None,
            path: Path::new(now),
            last_score_ms: None,
            failures: 0,
            not_before: now,
            refusals: 0,
            shunned: None,
            trial: now,
            round: now,
            better: 0,
            level: 0,
        }
    }

    /// The link if there is one, dialled or connected.
    pub(super) fn link(&self) -> Option<LinkId> {
        match self.dial {
            Dial::Idle => None,
            Dial::Dialling { link, .. } | Dial::Connected { link, .. } => Some(link),
        }
    }

    /// The link if it is connected.
    pub(super) fn connected(&self) -> Option<LinkId> {
        match self.dial {
            Dial::Connected { link, .. } => Some(link),
            _ => None,
        }
    }

    /// True for two ways to one relay: by what answers there, and where that is not known now, by its name. An address may lead
    /// to a relay that is listed by itself as well, and the two transports of one address to two relays.
    pub(super) fn is_same_relay(&self, other: &Contender) -> bool {
        let now = |contender: &Contender| contender.instance.filter(|_| contender.connected().is_some());
        match (now(self), now(other)) {
            (Some(one), Some(other)) => one == other,
            _ if self.instance.is_some() && self.instance == other.instance => true,
            _ => self.candidate.relay == other.candidate.relay,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.dial == Dial::Idle
    }

    /// True while the relay was asked to admit a session and has not answered.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.admission, Admission::Asked { .. })
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.candidate.transport == Transport::WebSocket
    }

    /// True for a relay that cannot be counted on. One that has not said is not.
    pub(super) fn not_ready(&self) -> bool {
        self.draining.is_some() || self.relay_state.is_some_and(|state| state != RelayState::Ready)
    }

    /// True for a relay that members should leave too. A full one keeps those that it has.
    pub(super) fn unfit(&self) -> bool {
        self.draining.is_some() || matches!(self.relay_state, Some(RelayState::Draining | RelayState::Isolated))
    }

    pub(super) fn is_shunned(&self, now: Instant) -> bool {
        self.shunned.is_some_and(|until| now < until)
    }

    /// True if `name` is its relay or its region.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.candidate.relay == name || self.candidate.region == name
    }

    /// The row of the table.
    pub(super) fn standing(&self, now: Instant, active: Option<LinkId>) -> Standing {
        let summary = self.path.summary(now, LONG_WINDOW);
        let figure = |pick: fn(&super::rtt::Summary) -> f64| summary.as_ref().map(pick);
        let state = match self.dial {
            Dial::Connected { link, .. } if active == Some(link) => LinkState::Active,
            Dial::Connected { .. } if self.admission == Admission::Yes => LinkState::Standby,
            Dial::Connected { .. } => LinkState::Connected,
            Dial::Dialling { .. } => LinkState::Dialling,
            Dial::Idle if self.error.is_some() => LinkState::Failed,
            Dial::Idle => LinkState::Idle,
        };
        Standing {
            id: self.id,
            candidate: self.candidate.clone(),
            link: self.link(),
            state,
            relay_state: if self.draining.is_some() { Some(RelayState::Draining) } else { self.relay_state },
            error: self.error.clone(),
            connect_ms: self.connect.map(ms),
            mean_ms: figure(|s| s.mean),
            median_ms: figure(|s| s.median),
            min_ms: figure(|s| s.min),
            p95_ms: figure(|s| s.p95),
            jitter_ms: summary.as_ref().and_then(|s| s.jitter),
            loss: figure(|s| s.loss()),
            sent: self.path.sent,
            received: self.path.received,
            score_ms: figure(|s| s.score()),
            recent_ms: self.path.recent(now),
            measured: self.path.proven,
        }
    }
}
