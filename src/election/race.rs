//! The race: who leads, and whether anyone could still overtake.
//!
//! Runs from the start until the window is over, with or without a call. Never: a move away from a link that works.

use std::time::{Duration, Instant};

use crate::proto::Transport;

use super::contender::{Admission, Contender, Dial};
use super::probes::{from_ms, patience};
use super::rules::{LONG_WINDOW, NOTICEABLE_MS, PROBE_INTERVAL, READY_PATIENCE, SAMPLES};
use super::score::{self, Class, Row};
use super::{CandidateId, Elector, EventKind, Reason};

#[derive(Debug, Clone)]
pub(super) struct Race {
    pub(super) started: Instant,
    pub(super) ends: Instant,
    pub(super) over: bool,
    pub(super) leader: Option<CandidateId>,
    pub(super) decided: Option<Instant>,
    /// When the next rival stops mattering.
    recheck: Option<Instant>,
}

impl Race {
    pub(super) fn new(now: Instant, window: Duration) -> Self {
        Self { started: now, ends: now + window, over: false, leader: None, decided: None, recheck: None }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        let ends = (!self.over).then_some(self.ends);
        [ends, self.recheck].into_iter().flatten().min()
    }
}

/// Whether a winner can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Leader(CandidateId),
    /// Somebody could still overtake; not after this moment if nothing comes.
    Wait(Option<Instant>),
}

impl Elector {
    pub(super) fn run_race(&mut self) {
        if self.incumbent.is_none() {
            let verdict = self.verdict(SAMPLES);
            self.race.recheck = match verdict {
                Verdict::Wait(until) => until,
                Verdict::Leader(_) => None,
            };
            let led = self.race.leader.filter(|id| self.contender(*id).is_some_and(|c| self.may_carry(c)));
            self.race.leader = match verdict {
                Verdict::Leader(id) => Some(id),
                // A leader stays one until there is another, or its link is gone.
                Verdict::Wait(_) => led,
            };
            if let Some(candidate) = self.race.leader
                && self.race.leader != led
            {
                self.race.decided.get_or_insert(self.now);
                self.event(EventKind::Leader { candidate });
            }
        }
        if !self.race.over && self.now >= self.race.ends {
            self.race.over = true;
            self.event(EventKind::RaceOver);
            self.maintain();
        }
    }

    /// Moves to whoever leads when nobody carries the call.
    pub(super) fn carry_on(&mut self) {
        if !self.joined || self.moving.is_some() || self.incumbent_alive() {
            return;
        }
        if self.incumbent.is_some() {
            return self.come_back();
        }
        if let Some(leader) = self.race.leader.filter(|id| self.contender(*id).is_some_and(|c| self.may_carry(c))) {
            self.start_move(leader, Reason::First);
        } else if self.race.decided.is_some() {
            // The leader failed: the next best at once.
            let rows = self.rows(1, LONG_WINDOW);
            if let Some(id) = score::winner(&rows).map(|row| row.id) {
                self.start_move(id, Reason::First);
            }
        }
    }

    /// Connected, and nothing speaks against it.
    pub(super) fn may_carry(&self, contender: &Contender) -> bool {
        contender.connected().is_some() && !self.is_blocked(contender) && !contender.is_shunned(self.now)
    }

    /// The candidates that could carry the call, with at least so many samples in the window.
    pub(super) fn rows(&self, samples: usize, window: Duration) -> Vec<Row> {
        // Without any link, figures from before the silence are no sign of life.
        let lives = |contender: &&Contender| self.lost.is_none() || !self.is_silent(contender);
        let may = self.contenders.values().filter(|contender| self.may_carry(contender)).filter(lives);
        may.filter_map(|contender| self.row(contender, samples, window)).collect()
    }

    pub(super) fn row(&self, contender: &Contender, samples: usize, window: Duration) -> Option<Row> {
        let summary = contender.path.summary(self.now, window).filter(|summary| summary.received >= samples)?;
        Some(Row {
            id: contender.id,
            relay: contender.candidate.relay.clone(),
            region: contender.candidate.region.clone(),
            held: self.is_held(contender),
            transport: contender.candidate.transport,
            class: self.class(contender),
            mean_ms: summary.trimmed,
            score_ms: summary.score(),
        })
    }

    /// True for the relay of the last call while nobody carries this one.
    fn is_held(&self, contender: &Contender) -> bool {
        self.incumbent.is_none() && self.config.last_winner.as_ref() == Some(&contender.candidate.relay)
    }

    pub(super) fn class(&self, contender: &Contender) -> Class {
        Class { not_ready: contender.not_ready(), not_pinned: !self.wishes.is_pinned(contender) }
    }

    /// There is a leader as soon as a candidate has so many samples and no other could still beat it.
    pub(super) fn verdict(&self, samples: usize) -> Verdict {
        let window_over = self.race.over && self.lost.is_none();
        let mut rows = self.rows(samples, LONG_WINDOW);
        if rows.is_empty() && window_over {
            rows = self.rows(1, LONG_WINDOW);
        }
        let Some(best) = score::winner(&rows) else {
            return Verdict::Wait(None);
        };
        if window_over {
            return Verdict::Leader(best.id);
        }
        let rivals = self.contenders.values().filter(|c| rows.iter().all(|row| row.id != c.id));
        let until = rivals.filter_map(|rival| self.matters_until(rival, best)).filter(|until| *until > self.now).min();
        until.map_or(Verdict::Leader(best.id), |until| Verdict::Wait(Some(until)))
    }

    /// Until when a candidate with too few samples could still beat the best one; `None` if it cannot.
    fn matters_until(&self, rival: &Contender, best: &Row) -> Option<Instant> {
        if self.is_blocked(rival) || rival.is_shunned(self.now) || !rival.listed {
            return None;
        }
        let least = if best.class.not_ready { READY_PATIENCE } else { Duration::ZERO };
        let patience = patience(from_ms(best.mean_ms)).max(least);
        let pinned = !self.class(rival).not_pinned && best.class.not_pinned;
        match rival.dial {
            Dial::Idle => None,
            // A pin is worth the whole window, however far it leads.
            _ if pinned => Some(self.race.ends),
            Dial::Dialling { since, .. } => Some(since + patience),
            Dial::Connected { since, .. } => {
                // From a better class it wins at any RTT; from the same one only with a score to beat.
                let better = self.class(rival) < best.class;
                let band = rival.candidate.transport == Transport::WebTransport
                    && best.transport == Transport::WebSocket
                    && self.class(rival) == best.class;
                let held = self.is_held(rival) && rival.candidate.region == best.region;
                let tie_ms = if band { score::band_ms(best.score_ms) } else { 0.0 };
                let beat_ms = best.score_ms + if held { tie_ms.max(NOTICEABLE_MS) } else { tie_ms };
                let answered = since + patience + PROBE_INTERVAL;
                match rival.path.summary(self.now, LONG_WINDOW) {
                    _ if self.class(rival) > best.class => None,
                    _ if better => Some(answered),
                    Some(summary) => (summary.min < beat_ms).then_some(answered),
                    None => Some(rival.path.first_sent.unwrap_or(since) + from_ms(beat_ms)),
                }
            }
        }
    }

    /// True for WebTransport to the relay that carries the call over WebSocket.
    pub(super) fn is_sibling_of_active(&self, contender: &Contender) -> bool {
        self.active_contender().is_some_and(|active| {
            let listed = active.candidate.relay == contender.candidate.relay;
            active.is_websocket() && !contender.is_websocket() && listed && active.is_same_relay(contender)
        })
    }

    /// True if the session on the candidate's link is admitted.
    pub(super) fn is_warm(&self, id: CandidateId) -> bool {
        self.contender(id).is_some_and(|c| c.connected().is_some() && c.admission == Admission::Yes)
    }

    /// How much better the elected one is than the runner-up, by score; and who that is.
    pub(super) fn margin(&self, id: CandidateId) -> (Option<f64>, Option<CandidateId>) {
        let rows = self.rows(1, LONG_WINDOW);
        let Some(own) = rows.iter().find(|row| row.id == id) else { return (None, None) };
        match score::runner_up(&rows, id, &own.relay) {
            Some(second) => (Some(second.score_ms - own.score_ms), Some(second.id)),
            None => (None, None),
        }
    }

    /// Since when there is a leader, from the start of the race.
    pub fn decided(&self) -> Option<Duration> {
        self.race.decided.map(|at| at.saturating_duration_since(self.race.started))
    }

    /// When the race began, and when its window is over.
    pub fn race_window(&self) -> (Instant, Instant) {
        (self.race.started, self.race.ends)
    }

    /// Whom Join would take, or has taken, as of the last input; time alone does not change it before it is due.
    pub fn leader(&self) -> Option<CandidateId> {
        match &self.incumbent {
            Some(incumbent) => Some(incumbent.candidate),
            None => self.race.leader,
        }
    }
}
