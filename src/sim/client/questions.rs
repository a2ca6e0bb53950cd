//! What can be asked of a client, during a run and after it. Changes nothing.

use std::time::Duration;

use super::{Client, Record, What};
use crate::election::{Candidate, CandidateId, Elector, EventKind, LinkState, Output, Reason, Standing};
use crate::proto::Transport;
use crate::sim::Time;
use crate::sim::media::Receiver;

impl Client {
    /// The election itself: standings, outcome, doubt.
    pub fn elector(&self) -> &Elector {
        &self.elector
    }

    /// From the start of the race to the first leader.
    pub fn decided(&self) -> Option<Duration> {
        self.elector.decided()
    }

    /// Whom Join would take now, or has taken.
    pub fn leader(&self) -> Option<&Candidate> {
        self.elector.candidate(self.elector.leader()?)
    }

    /// Relay and transport over which the call goes, while a link carries it.
    pub fn carrier(&self) -> Option<(&str, Transport)> {
        let candidate = self.elector.candidate_of(self.elector.active()?)?;
        Some((&candidate.relay, candidate.transport))
    }

    /// When the room was entered first.
    pub fn entered(&self) -> Option<Time> {
        self.entered
    }

    /// What it received.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// All that was told and said, in order, but for signs of life; probes and their answers only where the scene traces.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What the election said, from a moment on.
    pub fn said(&self, from: Time) -> impl Iterator<Item = (Time, &Output)> {
        self.records.iter().filter(move |record| record.at >= from).filter_map(|record| match &record.what {
            What::Said(output) => Some((record.at, output)),
            What::Told(_) => None,
        })
    }

    /// When and why the call went elsewhere, from a moment on.
    pub fn elections(&self, from: Time) -> Vec<(Time, Reason)> {
        let elected = |(at, output): (Time, &Output)| match output {
            Output::Elected { reason, .. } => Some((at, *reason)),
            _ => None,
        };
        self.said(from).filter_map(elected).collect()
    }

    /// Events from a moment on.
    pub fn events(&self, from: Time) -> impl Iterator<Item = (Time, &EventKind)> {
        self.said(from).filter_map(|(at, output)| match output {
            Output::Event(event) => Some((at, &event.kind)),
            _ => None,
        })
    }

    /// The standing of a relay by a transport.
    pub fn standing(&self, relay: &str, transport: Transport) -> Option<Standing> {
        let same = |row: &Standing| row.candidate.relay == relay && row.candidate.transport == transport;
        self.elector.standings().into_iter().find(same)
    }

    /// Probes that were sent.
    pub fn probes(&self) -> u64 {
        self.probes
    }

    /// How often the election asked to be woken and was.
    pub fn wake_ups(&self) -> u64 {
        self.wake_ups
    }

    /// What the election must never do and did.
    pub fn breaches(&self) -> &[(Time, String)] {
        self.check.breaches()
    }

    /// How far a candidate's link is.
    pub fn link_state(&self, relay: &str, transport: Transport) -> Option<LinkState> {
        self.standing(relay, transport).map(|row| row.state)
    }

    /// The candidate of an id, as `relay transport`.
    pub fn name(&self, id: CandidateId) -> String {
        self.elector.candidate(id).map_or_else(String::new, |c| format!("{} {}", c.relay, c.transport))
    }
}
