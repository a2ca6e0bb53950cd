#![allow(clippy::all, clippy::unwrap_used)]
//! Stand-in.
use super::event::*;
use crate::proto::Transport;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
pub struct Config {
    pub window: Duration,
    pub last_winner: Option<String>,
    pub pin: Option<String>,
}
impl Default for Config {
    fn default() -> Self {
        Self { window: Duration::from_secs(3), last_winner: None, pin: None }
    }
}

#[derive(Debug)]
struct L {
    cand: usize,
    connected: bool,
    admitted: bool,
    next: Instant,
    out: BTreeMap<u64, Instant>,
    heard: Instant,
}
#[derive(Debug)]
struct C {
    c: Candidate,
    link: Option<LinkId>,
    dialled: Instant,
    connect: Option<Duration>,
    rtts: Vec<f64>,
    sent: u32,
    err: Option<String>,
    state: Option<crate::proto::probe::RelayState>,
    drained: bool,
    redial: Option<Instant>,
}
pub struct Elector {
    cfg: Config,
    start: Instant,
    cands: Vec<C>,
    links: BTreeMap<LinkId, L>,
    dead: BTreeMap<LinkId, usize>,
    out: VecDeque<Output>,
    active: Option<LinkId>,
    standby: Option<LinkId>,
    moving: Option<(Option<LinkId>, LinkId, Reason)>,
    join: bool,
    first: bool,
    nl: u64,
    np: u64,
    over: bool,
    suspect: bool,
    lead: bool,
    drain: Option<Instant>,
}
pub struct Outcome {
    pub elected: CandidateId,
    pub margin_ms: Option<f64>,
    pub runner_up: Option<CandidateId>,
    pub reason: String,
}

impl Elector {
    pub fn new(now: Instant, cfg: Config, cands: Vec<Candidate>, _seed: u64) -> Self {
        let mut s = Self {
            cfg,
            start: now,
            cands: vec![],
            links: BTreeMap::new(),
            dead: BTreeMap::new(),
            out: VecDeque::new(),
            active: None,
            standby: None,
            moving: None,
            join: false,
            first: true,
            nl: 0,
            np: 0,
            over: false,
            suspect: false,
            lead: false,
            drain: None,
        };
        for c in cands {
            s.cands.push(C {
                c,
                link: None,
                dialled: now,
                connect: None,
                rtts: vec![],
                sent: 0,
                err: None,
                state: None,
                drained: false,
                redial: None,
            });
        }
        for i in 0..s.cands.len() {
            s.dial(now, i);
        }
        s
    }
    fn dial(&mut self, now: Instant, i: usize) {
        self.nl += 1;
        let link = LinkId(self.nl);
        self.cands[i].link = Some(link);
        self.cands[i].dialled = now;
        self.cands[i].redial = None;
        self.links.insert(
            link,
            L { cand: i, connected: false, admitted: false, next: now, out: BTreeMap::new(), heard: now },
        );
        self.out.push_back(Output::Dial { link, candidate: self.cands[i].c.clone() });
    }
    fn ev(&mut self, at: Instant, kind: EventKind) {
        self.out.push_back(Output::Event(Event { at, kind }));
    }
    fn mean(&self, i: usize) -> Option<f64> {
        let r = &self.cands[i].rtts;
        if r.is_empty() {
            None
        } else {
            let k = r.len().saturating_sub(25);
            Some(r[k..].iter().sum::<f64>() / (r.len() - k) as f64)
        }
    }
    fn best(&self, skip: Option<usize>, need: usize) -> Option<usize> {
        let ok = |i: &usize| {
            Some(*i) != skip
                && self.cands[*i].link.is_some_and(|l| self.links.get(&l).is_some_and(|l| l.connected))
                && self.cands[*i].rtts.len() >= need
                && !self.cands[*i].drained
        };
        let score = |i: usize| {
            self.mean(i).unwrap()
                + if self.cands[i].c.transport == Transport::WebSocket {
                    (self.mean(i).unwrap() * 0.1).max(10.0)
                } else {
                    0.0
                }
        };
        (0..self.cands.len()).filter(ok).min_by(|a, b| score(*a).total_cmp(&score(*b)))
    }
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Join => self.join = true,
            Input::Connected { link } => {
                if let Some(l) = self.links.get_mut(&link) {
                    l.connected = true;
                    l.next = now;
                    l.heard = now;
                    let i = l.cand;
                    self.cands[i].connect = Some(now - self.cands[i].dialled);
                    self.ev(now, EventKind::Candidate { candidate: CandidateId(i as u32) });
                }
            }
            Input::DialFailed { link, error } | Input::Closed { link, error } => {
                if let Some(l) = self.links.remove(&link) {
                    let i = l.cand;
                    self.dead.insert(link, i);
                    self.cands[i].link = None;
                    self.cands[i].err = Some(error);
                    self.cands[i].redial = Some(now + Duration::from_secs(2));
                    self.ev(now, EventKind::Candidate { candidate: CandidateId(i as u32) });
                    if self.standby == Some(link) {
                        self.standby = None;
                    }
                    if self.moving.as_ref().is_some_and(|m| m.1 == link) {
                        self.moving = None;
                        self.out.push_back(Output::Abandon { to: link });
                    }
                    if self.active == Some(link) {
                        self.fail_over(now);
                    }
                }
            }
            Input::ProbeReply { link, id, rtt, state, .. } => {
                if let Some(l) = self.links.get_mut(&link) {
                    l.out.remove(&id);
                    l.heard = now;
                    let i = l.cand;
                    self.cands[i].rtts.push(rtt.as_secs_f64() * 1000.0);
                    self.cands[i].state = Some(state);
                }
            }
            Input::Admitted { link } => {
                if let Some(l) = self.links.get_mut(&link) {
                    l.admitted = true;
                }
                if let Some((from, to, reason)) = self.moving
                    && to == link
                    && (from.is_none() || self.active.is_none())
                {
                    self.elect(now, to, reason);
                }
                if Some(link) == self.standby {
                    let i = self.links[&link].cand;
                    self.ev(now, EventKind::Standby { candidate: Some(CandidateId(i as u32)) });
                }
            }
            Input::Delivered { link } => {
                if let Some((_, to, reason)) = self.moving
                    && to == link
                {
                    self.elect(now, to, reason);
                }
            }
            Input::Heard { link } => {
                if let Some(l) = self.links.get_mut(&link) {
                    l.heard = now;
                }
            }
            Input::Drain { link, .. } => {
                if let Some(l) = self.links.get(&link) {
                    let r = self.cands[l.cand].c.relay.clone();
                    for c in &mut self.cands {
                        if c.c.relay == r {
                            c.drained = true;
                        }
                    }
                }
                if self.active == Some(link) {
                    self.drain = Some(now + Duration::from_millis(500));
                }
            }
            _ => {}
        }
        self.step(now);
    }
    fn elect(&mut self, now: Instant, to: LinkId, reason: Reason) {
        let from = self.active.replace(to);
        self.moving = None;
        if self.standby == Some(to) {
            self.standby = None;
        }
        self.out.push_back(Output::Elected { from, to, reason });
        let id = |s: &Self, l: LinkId| {
            s.links.get(&l).map(|l| l.cand).or(s.dead.get(&l).copied()).map(|i| CandidateId(i as u32))
        };
        let k = EventKind::Elected {
            from: from.and_then(|f| id(self, f)),
            to: id(self, to).unwrap(),
            reason,
            margin_ms: None,
            runner_up: None,
        };
        self.ev(now, k);
        self.suspect = false;
        if let Some(f) = from.filter(|_| reason == Reason::Drain) {
            self.out.push_back(Output::HangUp { link: f });
            if let Some(l) = self.links.remove(&f) {
                self.cands[l.cand].link = None;
                self.dead.insert(f, l.cand);
            }
        }
    }
    fn fail_over(&mut self, now: Instant) {
        let old = self.active;
        if let Some(s) = self.standby.filter(|s| self.links.get(s).is_some_and(|l| l.admitted)) {
            self.out.push_back(Output::Move { from: None, to: s, reason: Reason::FailOver });
            self.elect(now, s, Reason::FailOver);
            if let Some(f) = old
                && let Some(l) = self.links.remove(&f)
            {
                self.cands[l.cand].link = None;
                self.cands[l.cand].redial = Some(now + Duration::from_secs(2));
                self.dead.insert(f, l.cand);
                self.out.push_back(Output::HangUp { link: f });
            }
        } else {
            self.active = None;
            self.out.push_back(Output::Reconnecting);
        }
    }
    pub fn handle_timeout(&mut self, now: Instant) {
        let ids: Vec<_> = self.links.keys().copied().collect();
        for id in ids {
            let l = self.links.get_mut(&id).unwrap();
            if l.connected && l.next <= now {
                l.next = now + Duration::from_millis(if self.suspect { 50 } else { 200 });
                self.np += 1;
                l.out.insert(self.np, now);
                let i = l.cand;
                self.cands[i].sent += 1;
                self.out.push_back(Output::Probe { link: id, id: self.np });
            }
        }
        self.step(now);
    }
    fn step(&mut self, now: Instant) {
        if !self.over && now >= self.start + self.cfg.window {
            self.over = true;
            self.ev(now, EventKind::RaceOver);
        }
        for i in 0..self.cands.len() {
            if self.cands[i].redial.is_some_and(|r| r <= now) {
                self.dial(now, i);
            }
        }
        if !self.lead
            && let Some(b) = self.best(None, 3)
        {
            let lm = self.mean(b).unwrap();
            let open = self.cands.iter().any(|c| {
                c.rtts.is_empty()
                    && c.link.is_some()
                    && now < c.dialled + Duration::from_secs_f64((4.0 * lm + 100.0) / 1000.0)
            });
            if !open {
                self.lead = true;
                self.ev(now, EventKind::Leader { candidate: CandidateId(b as u32) });
            }
        }
        if self.join
            && self.active.is_none()
            && self.moving.is_none()
            && let Some(b) = if self.first { self.best(None, 3).filter(|_| self.lead) } else { self.best(None, 1) }
        {
            let link = self.cands[b].link.unwrap();
            let reason = if self.first { Reason::First } else { Reason::Reconnect };
            self.first = false;
            self.moving = Some((None, link, reason));
            self.out.push_back(Output::Move { from: None, to: link, reason });
        }
        if let Some(a) = self.active.and_then(|a| self.links.get(&a)).map(|l| l.cand) {
            let relay = self.cands[a].c.relay.clone();
            if self.standby.is_none() && self.moving.is_none() {
                let ok = |i: &usize| {
                    self.cands[*i].c.relay != relay
                        && !self.cands[*i].drained
                        && self.cands[*i].link.is_some()
                        && self.mean(*i).is_some()
                };
                if let Some(b) = (0..self.cands.len())
                    .filter(ok)
                    .min_by(|x, y| self.mean(*x).unwrap().total_cmp(&self.mean(*y).unwrap()))
                {
                    self.standby = self.cands[b].link;
                    self.out.push_back(Output::Admit { link: self.standby.unwrap() });
                }
            }
            if self.drain.is_some_and(|d| d <= now) && self.moving.is_none() {
                self.drain = None;
                if let Some(s) = self.standby {
                    let m = (self.active, s, Reason::Drain);
                    self.moving = Some(m);
                    self.out.push_back(Output::Move { from: m.0, to: s, reason: Reason::Drain });
                }
            }
            let l = &self.links[&self.active.unwrap()];
            let silent = now - l.heard;
            let mean = self.mean(a).unwrap_or(100.0) / 1000.0;
            let un = l.out.values().filter(|t| **t >= l.heard && now - **t > Duration::from_secs_f64(mean)).count();
            let s = silent > Duration::from_secs_f64(mean + 0.12);
            if s != self.suspect {
                self.suspect = s;
                if let Some(st) = self.standby {
                    self.out.push_back(Output::Duplicate { on: s, link: st });
                }
                if s {
                    for l in self.links.values_mut() {
                        l.next = now;
                    }
                }
                self.ev(now, EventKind::Suspect { candidate: CandidateId(a as u32), on: s });
            }
            if silent > Duration::from_secs_f64((3.0 * mean).clamp(0.25, 1.0)) && un >= 2 {
                self.fail_over(now);
            }
        }
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        let a = self
            .active
            .and_then(|a| self.links.get(&a))
            .map(|l| l.heard + Duration::from_millis(if self.suspect { 260 } else { 130 }))
            .filter(|_| true);
        let now = crate::clock::now();
        self.links
            .values()
            .filter(|l| l.connected)
            .map(|l| l.next)
            .chain(a.map(|a| a.max(now + Duration::from_millis(20))))
            .chain(Some(self.start + self.cfg.window).filter(|_| !self.over))
            .chain(self.drain)
            .chain(self.cands.iter().filter_map(|c| c.redial))
            .min()
    }
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }
    pub fn candidate_of(&self, l: LinkId) -> Option<&Candidate> {
        self.links.get(&l).map(|l| l.cand).or(self.dead.get(&l).copied()).map(|i| &self.cands[i].c)
    }
    pub fn standby(&self) -> Option<LinkId> {
        self.standby
    }
    pub fn outcome(&self, _now: Instant) -> Option<Outcome> {
        let b = self.best(None, 1)?;
        Some(Outcome { elected: CandidateId(b as u32), margin_ms: None, runner_up: None, reason: "x".into() })
    }
    pub fn standings(&self) -> Vec<Standing> {
        self.cands
            .iter()
            .enumerate()
            .map(|(i, c)| Standing {
                id: CandidateId(i as u32),
                candidate: c.c.clone(),
                link: c.link,
                state: if c.link.is_none() { LinkState::Failed } else { LinkState::Connected },
                relay_state: c.state,
                error: c.err.clone(),
                connect_ms: c.connect.map(|c| c.as_secs_f64() * 1000.0),
                mean_ms: self.mean(i),
                median_ms: None,
                min_ms: None,
                p95_ms: None,
                jitter_ms: None,
                loss: None,
                sent: c.sent,
                received: c.rtts.len() as u32,
                score_ms: None,
                recent_ms: vec![],
            })
            .collect()
    }
}
