//! What can be asked: the table, and how the election stands. Changes nothing.

use std::time::Instant;

use super::contender::{Admission, Dial};
use super::rules::{LONG_WINDOW, NOTICEABLE_MS};
use super::score::{self, band_ms};
use super::{Candidate, CandidateId, Elector, LinkId, Standing};

/// How the race came out, for those who only want to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub elected: CandidateId,
    /// How much better than the runner-up by score, ms; negative where a near tie went to WebTransport.
    pub margin_ms: Option<f64>,
    /// The best of the other relays; of the same one if there is no other.
    pub runner_up: Option<CandidateId>,
    /// In words.
    pub reason: String,
}

/// The way back, while nothing carries the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redial {
    /// Which attempt runs or comes next, from 1: that of the candidate that was tried most often.
    pub attempt: u32,
    /// When the next candidate is dialled; `None` while one is being dialled, or none may be.
    pub next: Option<Instant>,
}

/// What stands between a call and its next move for the better. For people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outlook {
    /// Who was better, or as good and by WebTransport, in so many checks in a row, if anybody: a move takes
    /// [`CHECKS`](super::rules::CHECKS) of them.
    pub rising: Option<(CandidateId, u8)>,
    /// The last move was recent: until then no other one for the better.
    pub rests_until: Option<Instant>,
    /// When one of those that are not connected is looked at next.
    pub next_round: Option<Instant>,
}

impl Elector {
    /// How far the way back is; `None` while the call is carried.
    pub fn redial(&self) -> Option<Redial> {
        if !self.is_cut_off() {
            return None;
        }
        let failures = self.contenders.values().filter(|contender| contender.listed).map(|c| c.failures).max();
        let tries = self.contenders.values().any(|contender| matches!(contender.dial, Dial::Dialling { .. }));
        let next = self.contenders.values().filter_map(|contender| self.dial_at(contender)).min();
        Some(Redial { attempt: failures.unwrap_or(0).saturating_add(1), next: next.filter(|_| !tries) })
    }

    /// What the next move for the better waits for. Nothing before a link carries the call.
    pub fn outlook(&self) -> Outlook {
        if self.active().is_none() {
            return Outlook::default();
        }
        let checks = |c: &super::contender::Contender| c.better.max(c.level);
        let rising = self.contenders.values().filter(|c| checks(c) > 0).max_by_key(|c| checks(c));
        let next = self.contenders.values().filter(|c| c.connected().is_none()).filter_map(|c| self.dial_at(c));
        Outlook {
            rising: rising.map(|c| (c.id, checks(c))),
            rests_until: self.dwell.until().filter(|until| *until > self.now),
            next_round: next.filter(|at| *at > self.now).min(),
        }
    }

    /// A row for each candidate, in the order in which they were given.
    pub fn standings(&self) -> Vec<Standing> {
        let active = self.active();
        self.contenders.values().map(|contender| contender.standing(self.now, active)).collect()
    }

    /// Whether the active link is in doubt.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// The link of the warm standby.
    pub fn standby(&self) -> Option<LinkId> {
        self.contender(self.standby?).filter(|contender| contender.admission == Admission::Yes)?.connected()
    }

    /// Whom a live link leads to.
    pub fn candidate_of(&self, link: LinkId) -> Option<&Candidate> {
        Some(&self.contender(self.link_candidate_id(link)?)?.candidate)
    }

    /// The candidate of a live link.
    pub fn link_candidate_id(&self, link: LinkId) -> Option<CandidateId> {
        self.by_link.get(&link).copied()
    }

    /// A candidate by its id.
    pub fn candidate(&self, id: CandidateId) -> Option<&Candidate> {
        self.contender(id).map(|contender| &contender.candidate)
    }

    /// Who would be elected on what is known now; `None` if nobody answered.
    pub fn outcome(&self) -> Option<Outcome> {
        let rows = self.rows(1, LONG_WINDOW);
        let won = match &self.incumbent {
            Some(incumbent) => rows.iter().find(|row| row.id == incumbent.candidate),
            None => None,
        };
        let won = won.or_else(|| score::winner(&rows))?;
        let second = score::runner_up(&rows, won.id, &won.relay);
        let best_ms = rows.iter().filter(|row| row.class == won.class).map(|row| row.score_ms).fold(f64::MAX, f64::min);
        let name = |id| self.candidate(id).map_or_else(String::new, |c| format!("{} by {}", c.relay, c.transport));
        let reason = match second {
            _ if won.class.not_ready && rows.iter().any(|row| !row.class.not_ready) => {
                "carries the call still, and is not ready".to_owned()
            }
            _ if won.class.not_ready => "no relay that answers is ready".to_owned(),
            _ if self.wishes.has_pin() && !won.class.not_pinned => "pinned".to_owned(),
            None => "nobody else answers".to_owned(),
            Some(_) if won.held && won.score_ms > best_ms && won.score_ms <= best_ms + NOTICEABLE_MS => {
                format!("carried the last call, and within {NOTICEABLE_MS:.0} ms of the best score")
            }
            Some(_) if won.score_ms > best_ms => {
                let band = band_ms(best_ms);
                format!("webtransport, and within {band:.0} ms of the best score")
            }
            Some(second) if second.class > won.class => {
                format!("lowest score of those that are ready, {}", name(second.id))
            }
            Some(second) => {
                format!("lowest score, {:.0} ms before {}", second.score_ms - won.score_ms, name(second.id))
            }
        };
        Some(Outcome {
            elected: won.id,
            margin_ms: second.map(|second| second.score_ms - won.score_ms),
            runner_up: second.map(|second| second.id),
            reason,
        })
    }
}
