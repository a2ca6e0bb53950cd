//! One race without a call: what `probe` measures.

use std::collections::BTreeMap;
use std::time::Duration;

use ring::rand::SystemRandom;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::controller::{dial, round, sleep_until};
use super::event::CandidateRow;
use super::hops::Hops;
use super::session::Session;
use super::{CallError, manifest};
use crate::clock;
use crate::election::{Candidate, Config, Elector, Input, Output, Standing};
use crate::net::Incoming;
use crate::proto::manifest::Manifest;
use crate::telemetry::history::What;

/// What a race showed.
#[derive(Debug)]
pub struct Race {
    pub elapsed: Duration,
    pub rows: Vec<CandidateRow>,
    /// `None` where nobody answered.
    pub outcome: Option<Outcome>,
    /// The same for the history.
    pub history: What,
}

/// Who won.
#[derive(Debug)]
pub struct Outcome {
    pub winner: Candidate,
    pub mean_ms: Option<f64>,
    /// How far behind the runner-up is, by score.
    pub margin_ms: Option<f64>,
    /// `RELAY TRANSPORT`.
    pub runner_up: Option<String>,
    pub reason: String,
}

/// Races the relays of a manifest for `window`.
///
/// # Errors
/// The system gives no random numbers.
pub async fn run(manifest: &Manifest, window: Duration) -> Result<Race, CallError> {
    let start = clock::now();
    let seed = u64::from_be_bytes(crate::crypto::random(&SystemRandom::new())?);
    let config = Config { window, ..Config::default() };
    let mut elector = Elector::new(start, config, manifest::candidates(manifest), seed);
    let (mut sessions, mut hops) = (BTreeMap::new(), Hops::default());
    let mut dials = JoinSet::new();
    let (events, mut incoming) = mpsc::channel(1024);
    loop {
        while let Some(output) = elector.poll_output() {
            match output {
                Output::Dial { link, candidate } => {
                    dials.spawn(dial(manifest, link, candidate));
                }
                Output::HangUp { link } => drop(sessions.remove(&link)),
                Output::Probe { link, id } => {
                    if let Some(session) = sessions.get_mut(&link) {
                        Session::probe(session, clock::now(), id);
                    }
                }
                // Nobody joins.
                _ => {}
            }
        }
        tokio::select! {
            () = sleep_until(elector.poll_timeout()) => elector.handle_timeout(clock::now()),
            () = tokio::time::sleep_until((start + window).into()) => break,
            Some(Ok((link, dialled))) = dials.join_next() => match dialled {
                Ok(connected) => {
                    sessions.insert(link, Session::new(connected.sender));
                    if let Some(candidate) = elector.link_candidate_id(link) {
                        hops.connected(candidate, connected.hop, &elector);
                    }
                    super::controller::forward(link, connected.incoming, events.clone());
                    elector.handle_input(clock::now(), Input::Connected { link });
                }
                Err(error) => elector.handle_input(clock::now(), Input::DialFailed { link, error: error.to_string() }),
            },
            Some((link, event)) = incoming.recv() => match event {
                Incoming::ProbeReply { reply, at } => {
                    let spent = Duration::from_micros(reply.spent_us.into());
                    let answered = sessions.get_mut(&link).and_then(|session| session.answered(at, reply.id, spent));
                    if let Some((_, rtt)) = answered {
                        if let Some(candidate) = elector.link_candidate_id(link) {
                            hops.answered(candidate, &reply);
                        }
                        let (id, state, instance) = (reply.id, reply.state, reply.instance);
                        elector.handle_input(clock::now(), Input::ProbeReply { link, id, rtt, state, instance });
                    }
                }
                Incoming::Closed { reason } => elector.handle_input(clock::now(), Input::Closed { link, error: reason }),
                _ => {}
            },
        }
    }
    let standings = elector.standings();
    let of = |id| standings.iter().find(|standing| standing.id == id);
    let outcome = elector.outcome().and_then(|outcome| {
        let winner = of(outcome.elected)?;
        let runner_up = outcome.runner_up.and_then(of);
        Some(Outcome {
            winner: winner.candidate.clone(),
            mean_ms: round(winner.mean_ms),
            margin_ms: round(outcome.margin_ms),
            runner_up: runner_up.map(|other| format!("{} {}", other.candidate.relay, other.candidate.transport)),
            reason: outcome.reason,
        })
    });
    let row = |standing: &Standing| CandidateRow { answered: hops.of(standing.id), ..standing.clone().into() };
    let rows = standings.iter().map(row).collect();
    let elapsed = clock::now().saturating_duration_since(start);
    Ok(Race { elapsed, rows, outcome, history: super::history::race(&elector) })
}
