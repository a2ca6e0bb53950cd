//! What may be sent over the link that carries the call: feeds the estimator with what the link tells, and divides what it finds.
//!
//! Used by the controller, ten times a second. Pure but for the link it reads. Never: an encoder.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::election::LinkId;
use crate::net::LinkSender;
use crate::proto::Transport;
use crate::rate::budget::{Budget, Shares, Wants};
use crate::rate::{Delay, Estimator, Limits, Mode};

use super::state::Rates;

/// Candidates whose last estimate is remembered.
const REMEMBERED: usize = 64;
/// A remembered estimate is begun with for so long, at this share of it.
const MEMORY: Duration = Duration::from_secs(600);
const OF_MEMORY: f64 = 0.8;
/// How often figures for people change.
const SHOWN: Duration = Duration::from_secs(1);
/// Room above what is wanted, percent: no more needs to be known.
const ROOM: u64 = 125;

/// Where a link leads: relay and transport.
pub type Way = (String, Transport);

/// See the module.
#[derive(Debug)]
pub struct Uplink {
    estimator: Estimator,
    budget: Budget,
    link: Option<LinkId>,
    way: Option<Way>,
    /// What probes told of the other links.
    delays: BTreeMap<LinkId, Delay>,
    known: BTreeMap<Way, (Instant, u64)>,
    epoch: Instant,
    shares: Option<Shares>,
    rates: Rates,
    shown: Option<Instant>,
}

impl Uplink {
    /// Nothing is known of any link.
    pub fn new(now: Instant) -> Self {
        Self {
            estimator: Estimator::new(now, Limits::default()),
            budget: Budget::default(),
            link: None,
            way: None,
            delays: BTreeMap::new(),
            known: BTreeMap::new(),
            epoch: now,
            shares: None,
            rates: Rates::default(),
            shown: None,
        }
    }

    /// The call goes over `link`, which leads there. True if it went over another one before.
    pub fn goes_over(&mut self, now: Instant, link: LinkId, way: Way) -> bool {
        let left = self.link.replace(link);
        if left == Some(link) {
            return false;
        }
        if let Some(before) = self.way.replace(way.clone()) {
            self.known.insert(before, (now, self.estimator.target_bps()));
            if self.known.len() > REMEMBERED {
                let oldest = self.known.iter().min_by_key(|(_, (at, _))| *at).map(|(way, _)| way.clone());
                oldest.and_then(|way| self.known.remove(&way));
            }
        }
        let fresh = |at: Instant| now.saturating_duration_since(at) < MEMORY;
        let known = self.known.get(&way).filter(|(at, _)| fresh(*at)).map(|(_, bps)| (*bps as f64 * OF_MEMORY) as u64);
        let delay = self.delays.remove(&link).unwrap_or_default();
        let before = self.estimator.moved(now, known, delay);
        if let Some(left) = left {
            self.delays.insert(left, before);
        }
        true
    }

    /// A link is closed: what was measured of it is kept no longer, not even where the call goes on from it.
    pub fn closed(&mut self, link: LinkId) {
        self.delays.remove(&link);
        self.link = self.link.filter(|active| *active != link);
    }

    /// A probe of a link was answered: when it was sent, when the relay had it by its own clock and how long it kept it, µs.
    pub fn answered(&mut self, link: LinkId, sent: Instant, at: Instant, there: (Option<u64>, u32)) {
        let us = |at: Instant| i64::try_from(at.saturating_duration_since(self.epoch).as_micros()).unwrap_or(i64::MAX);
        let spent = Duration::from_micros(there.1.into());
        let delay = match self.link {
            Some(active) if active == link => self.estimator.delay(),
            _ => self.delays.entry(link).or_default(),
        };
        delay.round_trip(at, at.saturating_duration_since(sent).saturating_sub(spent));
        if let (Some(arrived), spent) = there
            && let Ok(arrived) = i64::try_from(arrived)
        {
            let left = arrived.saturating_add(spent.into());
            delay.ways(at, arrived.saturating_sub(us(sent)), us(at).saturating_sub(left));
        }
    }

    /// Brings everything up to date. True where the relay should be probed now.
    pub fn tick(&mut self, now: Instant, link: LinkId, sender: &LinkSender, wants: &Wants) -> bool {
        if self.link != Some(link) {
            return false;
        }
        self.estimator.set_most(wants.wire_bps() * ROOM / 100);
        if let Some(feed) = sender.feed() {
            self.estimator.read(&feed);
        }
        self.estimator.waiting(sender.pressure().waiting);
        let updated = self.estimator.update(now);
        self.shares = Some(self.budget.divide(self.estimator.target_bps(), wants));
        if self.shown.is_none_or(|at| now.saturating_duration_since(at) >= SHOWN) {
            self.shown = Some(now);
            self.rates = self.read(now);
        }
        updated && self.estimator.wants_probe(now)
    }

    fn read(&mut self, now: Instant) -> Rates {
        let figures = self.estimator.figures(now);
        let ms = |time: Option<Duration>| time.map(|time| (time.as_secs_f64() * 1000.0).round());
        Rates {
            target_bps: figures.target_bps,
            sent_bps: figures.sent_bps,
            delivered_bps: figures.delivered_bps,
            queue_ms: ms(figures.queue),
            downlink_queue_ms: ms(figures.back),
            loss: (figures.loss * 1000.0).round() / 1000.0,
            competing: figures.mode == Mode::Loss,
            camera_bps: self.shares.unwrap_or_default().camera_bps,
            screen_bps: self.shares.unwrap_or_default().screen_bps,
        }
    }

    /// What each encoder gets; `None` before the call goes over any link.
    pub fn shares(&self) -> Option<Shares> {
        self.shares
    }

    /// For people and summaries.
    pub fn rates(&self) -> Rates {
        self.rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_of_a_link_goes_with_it() {
        let now = crate::clock::now();
        let mut uplink = Uplink::new(now);
        for (link, closed_first) in [(1, false), (2, true), (3, true), (4, false)] {
            uplink.goes_over(now, LinkId(link), (link.to_string(), Transport::WebTransport));
            if closed_first {
                uplink.closed(LinkId(link));
            }
        }
        uplink.goes_over(now, LinkId(5), ("five".into(), Transport::WebTransport));
        assert_eq!(uplink.delays.keys().map(|link| link.0).collect::<Vec<_>>(), [1, 4]);
    }
}
