//! What is known of one connection: the probes that were sent over it, and when anything came back.
//!
//! A probe is answered, lost, or may still be answered; the last counts neither way. A late answer turns a lost
//! probe into an answered one. Memory is bounded. Never: a choice between links.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rtt::{Smoothed, Summary};
use super::rules::{LOST_AFTER, PATIENCE, PATIENCE_TRIPS, SILENCE_MOST, SLACK, UNKNOWN_ALLOWANCE};

/// Probes that are remembered at most: the longest window at the fastest pace.
const REMEMBERED: usize = 512;
/// Probes shown as a sparkline.
const RECENT: usize = 60;

/// How long an answer that takes `mean` when all is well is worth waiting for: with one loss on the way.
pub(super) fn patience(mean: Duration) -> Duration {
    mean * PATIENCE_TRIPS + PATIENCE
}

#[derive(Debug, Clone)]
struct Probe {
    id: u64,
    sent: Instant,
    rtt: Option<Duration>,
}

/// The state of one path, from the moment when it was connected.
#[derive(Debug, Clone)]
pub(super) struct Path {
    probes: VecDeque<Probe>,
    smoothed: Smoothed,
    /// When anything arrived last.
    pub(super) heard: Instant,
    /// When the newest answered probe was sent.
    pub(super) proven: Option<Instant>,
    /// When the first and the last probe were sent.
    pub(super) first_sent: Option<Instant>,
    pub(super) last_sent: Option<Instant>,
    pub(super) sent: u32,
    pub(super) received: u32,
}

impl Path {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            probes: VecDeque::new(),
            smoothed: Smoothed::default(),
            heard: now,
            proven: None,
            first_sent: None,
            last_sent: None,
            sent: 0,
            received: 0,
        }
    }

    /// Notes a probe. Ids grow.
    pub(super) fn send(&mut self, id: u64, now: Instant) {
        if self.probes.len() == REMEMBERED {
            self.probes.pop_front();
        }
        self.probes.push_back(Probe { id, sent: now, rtt: None });
        self.first_sent.get_or_insert(now);
        self.last_sent = Some(now);
        self.sent = self.sent.saturating_add(1);
    }

    /// Notes an answer; false if no such probe waits for one.
    pub(super) fn reply(&mut self, id: u64, rtt: Duration, now: Instant) -> bool {
        let Ok(index) = self.probes.binary_search_by_key(&id, |probe| probe.id) else { return false };
        let probe = &mut self.probes[index];
        if probe.rtt.is_some() {
            return false;
        }
        // A figure from outside: an RTT is not longer than the time that passed, give or take the caller's clock.
        let rtt = rtt.min(now.saturating_duration_since(probe.sent).max(Duration::from_micros(1)));
        probe.rtt = Some(rtt);
        let sent = probe.sent;
        self.proven = self.proven.max(Some(sent));
        self.received = self.received.saturating_add(1);
        self.smoothed.sample(rtt);
        self.heard = self.heard.max(now);
        true
    }

    /// Another process answers from this probe on: nothing that was measured before says anything about it.
    pub(super) fn begin_anew(&mut self, id: u64) {
        self.probes.retain(|probe| probe.id >= id);
        self.smoothed = Smoothed::default();
        self.probes.iter().filter_map(|probe| probe.rtt).for_each(|rtt| self.smoothed.sample(rtt));
        self.first_sent = self.probes.front().map(|probe| probe.sent);
        self.sent = u32::try_from(self.probes.len()).unwrap_or(u32::MAX);
        self.received =
            u32::try_from(self.probes.iter().filter(|probe| probe.rtt.is_some()).count()).unwrap_or(u32::MAX);
    }

    /// The link is closed on purpose: what may still be answered never will be, and was not lost.
    pub(super) fn let_go(&mut self, now: Instant) {
        let lost_after = self.lost_after();
        let before = self.probes.len();
        self.probes.retain(|probe| probe.rtt.is_some() || now.saturating_duration_since(probe.sent) >= lost_after);
        let forgotten = u32::try_from(before - self.probes.len()).unwrap_or(u32::MAX);
        self.sent = self.sent.saturating_sub(forgotten);
    }

    pub(super) fn srtt(&self) -> Option<Duration> {
        self.smoothed.srtt()
    }

    /// SRTT + 4 x var + 60 ms: what an expected thing may be late before there is doubt.
    pub(super) fn allowance(&self) -> Duration {
        self.srtt().map_or(UNKNOWN_ALLOWANCE, |srtt| srtt + self.smoothed.var() * 4 + SLACK)
    }

    /// clamp(3 x SRTT + 4 x var, `least`, 1 s): how long an expected thing may be missing before the path is given up.
    pub(super) fn fail_over_after(&self, least: Duration) -> Duration {
        self.srtt().map_or(SILENCE_MOST, |srtt| (srtt * 3 + self.smoothed.var() * 4).clamp(least, SILENCE_MOST))
    }

    /// When the probes were sent that come after the newest answered one, oldest first.
    fn unanswered(&self) -> impl Iterator<Item = Instant> {
        let proven = self.proven;
        let newest = self.probes.iter().rev().take_while(move |probe| Some(probe.sent) > proven).count();
        self.probes.iter().skip(self.probes.len() - newest).filter(|probe| probe.rtt.is_none()).map(|probe| probe.sent)
    }

    /// The oldest probe whose answer should have been the next thing to arrive, and nothing has since.
    pub(super) fn awaited(&self) -> Option<Instant> {
        let srtt = self.srtt().unwrap_or_default();
        self.unanswered().find(|&sent| self.heard < sent + srtt)
    }

    /// The `n`th probe (from 1) that was sent since anything was heard.
    pub(super) fn sent_in_silence(&self, n: usize) -> Option<Instant> {
        self.unanswered().filter(|&sent| sent >= self.heard).nth(n - 1)
    }

    /// The `n`th probe (from 1) of the run that is unanswered to this day.
    pub(super) fn unanswered_run(&self, n: usize) -> Option<Instant> {
        self.unanswered().nth(n - 1)
    }

    /// True if a probe that was sent at `since` or later is answered: it works both ways since then.
    pub(super) fn proven_since(&self, since: Instant) -> bool {
        self.proven.is_some_and(|proven| proven >= since)
    }

    /// True if the `n`th of that run is overdue.
    pub(super) fn overdue_run(&self, n: usize, now: Instant) -> bool {
        self.unanswered_run(n).is_some_and(|sent| now >= sent + self.allowance())
    }

    /// After this long without an answer a probe is lost.
    fn lost_after(&self) -> Duration {
        self.srtt().map_or(LOST_AFTER, |srtt| patience(srtt).max(LOST_AFTER))
    }

    /// Statistics of the probes that were sent in the last `length`. `None` if none of them was answered.
    pub(super) fn summary(&self, now: Instant, length: Duration) -> Option<Summary> {
        let (mut samples, mut lost) = (Vec::new(), 0);
        for probe in self.probes.iter().rev() {
            let age = now.saturating_duration_since(probe.sent);
            if age > length {
                break;
            }
            match probe.rtt {
                Some(rtt) => samples.push(ms(rtt)),
                None => lost += usize::from(age >= self.lost_after()),
            }
        }
        samples.reverse();
        Summary::of(&samples, lost)
    }

    /// The last answers, newest last; `None` is a lost probe.
    pub(super) fn recent(&self, now: Instant) -> Vec<Option<f64>> {
        let known = |probe: &&Probe| probe.rtt.is_some() || now >= probe.sent + self.lost_after();
        let mut recent: Vec<_> =
            self.probes.iter().rev().filter(known).take(RECENT).map(|probe| probe.rtt.map(ms)).collect();
        recent.reverse();
        recent
    }
}

/// Milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The other way round; nothing negative, nothing beyond a minute.
pub(super) fn from_ms(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.clamp(0.0, 60_000.0) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: Instant, ms: u64) -> Instant {
        base + Duration::from_millis(ms)
    }

    #[test]
    fn a_probe_that_may_still_be_answered_counts_neither_way() {
        let base = crate::clock::now();
        let mut path = Path::new(base);
        path.send(1, at(base, 0));
        path.reply(1, Duration::from_millis(40), at(base, 40));
        path.send(2, at(base, 200));
        let loss = |path: &Path, ms| path.summary(at(base, ms), Duration::from_secs(20)).unwrap().loss();
        assert_eq!(loss(&path, 1199), 0.0);
        assert_eq!(path.recent(at(base, 1199)), [Some(40.0)]);
        assert_eq!(loss(&path, 1200), 0.5);
        assert_eq!(path.recent(at(base, 1200)), [Some(40.0), None]);
        assert!(path.reply(2, Duration::from_millis(1050), at(base, 1250)), "late, and still an answer");
        assert_eq!(loss(&path, 1250), 0.0);
    }

    #[test]
    fn a_probe_that_is_let_go_of_was_neither_sent_nor_lost_and_a_lost_one_stays_lost() {
        let base = crate::clock::now();
        let mut path = Path::new(base);
        path.send(1, at(base, 0));
        path.reply(1, Duration::from_millis(40), at(base, 40));
        path.send(2, at(base, 100));
        path.send(3, at(base, 1200));
        path.let_go(at(base, 1210));
        assert_eq!(path.sent, 2);
        assert_eq!(path.recent(at(base, 9000)), [Some(40.0), None]);
    }

    #[test]
    fn an_answer_counts_once_and_an_unknown_one_never() {
        let base = crate::clock::now();
        let mut path = Path::new(base);
        path.send(7, base);
        assert!(!path.reply(6, Duration::ZERO, at(base, 1)));
        assert!(path.reply(7, Duration::from_secs(999), at(base, 10)), "and a figure from outside is bounded");
        assert!(!path.reply(7, Duration::from_millis(10), at(base, 11)));
        assert_eq!((path.received, path.srtt()), (1, Some(Duration::from_millis(10))));
    }

    #[test]
    fn memory_is_bounded() {
        let base = crate::clock::now();
        let mut path = Path::new(base);
        for id in 0..10_000 {
            path.send(id, at(base, id * 50));
        }
        assert_eq!((path.probes.len(), path.sent), (REMEMBERED, 10_000));
        assert_eq!(path.recent(at(base, 1_000_000)).len(), RECENT);
    }
}
