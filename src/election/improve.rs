//! Moves for the better: once a second everybody is compared with the incumbent, on windows of equal length.
//!
//! Probes may only promote. A short window needs twice the gain, so that two regions that swing in antiphase are left
//! alone and a large improvement is not waited for.

use std::time::Duration;

use super::contender::Contender;
use super::rules::{
    CHECKS, CROWD_SPREAD, DWELL, LONG_WINDOW, MUCH_SLOWER, NOTICEABLE_MS, ROUND_SOON, SAMPLES, SHORT_FACTOR,
    SHORT_WINDOW,
};
use super::score::{self, band_ms, worthwhile_ms};
use super::{CandidateId, Elector, EventKind, Reason};
use crate::proto::Transport;

/// A candidate against the incumbent.
#[derive(Debug, Clone, Copy)]
struct Comparison {
    /// By how much it is better, ms.
    gain_ms: f64,
    /// What it would have to be.
    needed_ms: f64,
}

impl Comparison {
    fn suffices(self) -> bool {
        self.gain_ms >= self.needed_ms
    }
}

impl Elector {
    /// Once a second while a link carries the call.
    pub(super) fn evaluate(&mut self) {
        let now = self.now;
        self.dwell.settle(now);
        if self.doubt.is_some() {
            return self.maintain();
        }
        self.watch_baseline();
        self.plan_leaving();
        for (id, score_ms) in self.rows(1, LONG_WINDOW).into_iter().map(|row| (row.id, row.score_ms)) {
            if let Some(contender) = self.contenders.get_mut(&id) {
                contender.last_score_ms = Some(score_ms);
            }
        }
        let others: Vec<CandidateId> = self.contenders.keys().copied().collect();
        for id in others {
            self.compare(id);
        }
        self.evaluate_standby();
        self.maintain();
        self.plan_improvement();
    }

    /// All are raced again when the active path became much slower than what it was elected with.
    fn watch_baseline(&mut self) {
        let Some(id) = self.active_contender().map(|contender| contender.id) else { return };
        let mean = self.mean_ms(id, SHORT_WINDOW);
        let Some(incumbent) = &mut self.incumbent else { return };
        let Some(mean) = mean else { return };
        let baseline = *incumbent.baseline_ms.get_or_insert(mean);
        let worse = mean > baseline * MUCH_SLOWER && mean > baseline + NOTICEABLE_MS;
        let rested = self.alarmed.is_none_or(|at| self.now >= at + DWELL);
        if worse && rested {
            self.alarmed = Some(self.now);
            self.race_again(Duration::ZERO);
        }
    }

    /// Whether a candidate is better, on the longest window that both have; `None` if that cannot be told.
    fn comparison(&self, contender: &Contender, active: &Contender) -> Option<Comparison> {
        let age = |c: &Contender| c.path.first_sent.map(|at| self.now.saturating_duration_since(at));
        let age = age(contender)?.min(age(active)?);
        let over = |window: Duration, factor: f64| {
            let theirs = self.row(contender, SAMPLES, window)?;
            let ours = self.row(active, 1, window)?;
            let needed_ms = worthwhile_ms(ours.score_ms) * factor;
            // Whoever stays with a relay that is cut off hears nobody else: any fit one is better.
            let rescue = active.unfit() && !contender.not_ready();
            let gain_ms = if rescue { f64::INFINITY } else { ours.score_ms - theirs.score_ms };
            let gain_ms = gain_ms.min(self.gain_at_same_relay(contender, active));
            let worse = contender.not_ready() && !active.not_ready();
            (!worse).then_some(Comparison { gain_ms, needed_ms })
        };
        let long = (age >= LONG_WINDOW).then(|| over(LONG_WINDOW, 1.0)).flatten();
        let short = over(SHORT_WINDOW.min(age), SHORT_FACTOR);
        match (long, short) {
            (Some(long), Some(short)) if short.suffices() && !long.suffices() => Some(short),
            (long, short) => long.or(short),
        }
    }

    /// The most that another transport to the same relay gains. It leads through the same queues, and where it does not, the
    /// queue is the one that this call's own media keep, and would keep there too. So what counts is the path without any,
    /// which shows in the longest window alone.
    fn gain_at_same_relay(&self, contender: &Contender, active: &Contender) -> f64 {
        let empty = |c: &Contender| c.path.summary(self.now, LONG_WINDOW).map(|summary| summary.empty_score());
        let both = empty(active).zip(empty(contender)).filter(|_| contender.is_same_relay(active));
        both.map_or(f64::INFINITY, |(ours, theirs)| ours - theirs)
    }

    /// Counts an evaluation for or against a candidate.
    fn compare(&mut self, id: CandidateId) {
        let Some(active) = self.active_contender() else { return };
        let Some(contender) = self.contender(id).filter(|c| c.id != active.id && self.may_carry(c) && c.listed) else {
            return;
        };
        let comparison = self.comparison(contender, active);
        // Who is pinned to a relay that is cut off hears nobody: that pin cannot be had.
        let elsewhere = !self.wishes.is_pinned(contender) && !active.unfit();
        let level = self.is_sibling_of_active(contender) && self.is_level(contender, active);
        let suffices = comparison.is_some_and(Comparison::suffices);
        let near_miss = comparison.filter(|c| !c.suffices() && c.gain_ms >= c.needed_ms / 2.0);
        if let Some(contender) = self.contenders.get_mut(&id) {
            contender.better = if suffices && !elsewhere { contender.better.saturating_add(1) } else { 0 };
            contender.level = if level && !elsewhere { contender.level.saturating_add(1) } else { 0 };
        }
        if suffices && elsewhere {
            self.keep(id, "pinned", "the call is pinned elsewhere".into());
        } else if let Some(Comparison { gain_ms, needed_ms }) = near_miss {
            self.keep(
                id,
                "gain",
                format!("a gain of {gain_ms:.0} ms is not the {needed_ms:.0} ms that a move is worth"),
            );
        }
    }

    /// In the band of the near tie.
    fn is_level(&self, contender: &Contender, active: &Contender) -> bool {
        let rows = (self.row(contender, SAMPLES, LONG_WINDOW), self.row(active, 1, LONG_WINDOW));
        let (Some(theirs), Some(ours)) = rows else { return false };
        debug_assert!(theirs.transport == Transport::WebTransport);
        let best = theirs.score_ms.min(ours.score_ms);
        theirs.class <= ours.class && theirs.score_ms <= best + band_ms(best)
    }

    /// Sets the moment of a move for the better, or says what holds it back.
    fn plan_improvement(&mut self) {
        // A call that is leaving already does so at its own moment, and says why.
        if self.wishes.is_leaving() || self.improving.is_some() || self.moving.is_some() || self.doubt.is_some() {
            return;
        }
        let proven = |c: &Contender| c.better >= CHECKS || c.level >= CHECKS;
        let mut rows = self.rows(1, LONG_WINDOW);
        rows.retain(|row| self.contender(row.id).is_some_and(proven));
        let Some(id) = score::winner(&rows).map(|row| row.id) else { return };
        let remaining = self.dwell.remaining(self.now);
        if !remaining.is_zero() {
            return self.keep(
                id,
                "dwell",
                format!("better, but the last move was recent: {} s to go", remaining.as_secs()),
            );
        }
        let improved = self.contender(id).is_some_and(|c| c.better >= CHECKS);
        let reason = if improved { Reason::Improve } else { Reason::Transport };
        let wait = self.rng.between(Duration::ZERO, CROWD_SPREAD);
        self.improving = Some((id, reason, self.now + wait));
    }

    /// Carries out the planned move if it still makes sense.
    pub(super) fn improve_due(&mut self) {
        let Some((id, reason, at)) = self.improving else { return };
        if self.now < at {
            return;
        }
        self.improving = None;
        if self.wishes.is_leaving() {
            return;
        }
        let good = |c: &Contender| self.may_carry(c) && (c.better >= CHECKS || c.level >= CHECKS);
        match self.contender(id).map(good) {
            Some(true) => self.start_move(id, reason),
            Some(false) => self.keep(id, "passed", "it was better for a moment only".into()),
            None => {}
        }
    }

    /// A decision not to move: said when the reason changes.
    pub(super) fn keep(&mut self, candidate: CandidateId, kind: &'static str, reason: String) {
        if self.kept.insert(candidate, kind) != Some(kind) {
            self.event(EventKind::Kept { candidate, reason });
        }
    }

    /// A candidate that was unknown until now is measured soon.
    pub(super) fn race_soon(&mut self, id: CandidateId) {
        let (now, calm) = (self.now, self.incumbent_alive());
        let wait = if calm { self.rng.between(Duration::ZERO, ROUND_SOON) } else { Duration::ZERO };
        if let Some(contender) = self.contenders.get_mut(&id) {
            contender.round = now + wait;
            contender.not_before = now;
        }
    }
}
