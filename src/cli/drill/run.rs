//! One run of a case: sets the stage, causes it, watches, and reads off what it cost.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::case::{Case, Setting, Until};
use super::client::Client;
use super::measure::{Window, key_frames_asked};
use super::rolling;
use super::stage::Stage;
use super::take::{Leaving, Sample, Take};
use crate::call::Event;
use crate::call::event::Place;
use crate::clock;
use crate::election::{Command, LinkState};
use crate::net::distance::Shape;
use crate::proto::Track;

/// After a case is over it is watched for so long: what is on its way still comes.
const AFTERWARDS: Duration = Duration::from_millis(1500);
/// The least time from the cause on that is looked at.
const LEAST: Duration = Duration::from_secs(2);
/// How long a draining relay gives its clients.
const DEADLINE: Duration = Duration::from_secs(9);
/// How long a participant's network is gone.
const OUTAGE: Duration = Duration::from_secs(3);
/// Between the causes of a crowd's drill.
const APART: Duration = Duration::from_secs(1);
/// Two relays swing by this much, round trip, in this time.
const SWING: (Duration, Duration) = (Duration::from_millis(8), Duration::from_secs(20));
/// How often a swinging path is set anew.
const STEP: Duration = Duration::from_millis(100);
/// How often what has arrived is folded into figures while paths swing: memory does not grow with `--flap-time`.
const FOLD: Duration = Duration::from_secs(60);
/// A relay that is slowed down becomes longer than the next best by this much.
const LONGER: Duration = Duration::from_millis(60);
/// Until every token of a drill has expired.
const EXPIRES: Duration = Duration::from_secs(6);
/// The relay that is added.
const ADDED: &str = "added";

/// Runs a case once on a stage that is set and empty.
///
/// # Errors
/// The calls do not become steady, or the cause cannot be brought about.
pub async fn run(case: Case, mut stage: Stage, clients: usize, flap: Duration) -> anyhow::Result<Take> {
    stage.fill(clients).await?;
    let outcome = play(case, &mut stage, flap).await;
    stage.strike().await;
    outcome
}

async fn play(case: Case, stage: &mut Stage, flap: Duration) -> anyhow::Result<Take> {
    let target = stage.target()?.relay;
    if case == Case::Token {
        expire(stage).await?;
    }
    let concerned: Vec<bool> = stage.clients.iter().map(|client| concerns(case, client, stage, &target)).collect();
    let homes: Vec<Option<Place>> = stage.clients.iter().map(Client::active).collect();
    let cause = clock::now();
    let left_behind_stop = match case {
        Case::Rolling => Some(rolling::upgrade_all(stage).await?),
        _ => bring_about(case, stage, &target, &concerned, flap).await.map(|()| None)?,
    };
    let (until, patience) = case.until(flap);
    let came_about = match until {
        Until::Time(time) => {
            stage.watch(cause + time).await;
            true
        }
        _ => stage.wait(patience, |stage| is_over(until, stage, &concerned, &homes, cause)).await,
    };
    let over = clock::now();
    let end = (over + AFTERWARDS).max(cause + LEAST);
    stage.watch(end).await;
    let mut take = read(stage, &concerned, &homes, Window { cause, end: clock::now() });
    if let Some(left_behind) = left_behind_stop {
        take.figure("left_behind", left_behind as f64);
    }
    let figure = figure(until, came_about, over - cause, left_behind(stage));
    figure.into_iter().for_each(|(name, value)| take.figure(name, value));
    if case == Case::Token {
        let warm = stage.wait(DEADLINE, |stage| stage.clients.iter().all(Client::has_standby)).await;
        take.figure("tickets_refused", if warm { 0.0 } else { 1.0 });
    }
    Ok(take)
}

/// What a case is held against beside its samples: `waited` for its end, which `came_about` or did not.
fn figure(until: Until, came_about: bool, waited: Duration, left_behind: usize) -> Option<(&'static str, f64)> {
    match until {
        Until::Emptied => Some(("left_behind", left_behind as f64)),
        Until::Raced if came_about => Some(("raced_ms", ms(waited))),
        Until::Raced => Some(("not_raced", 1.0)),
        // Who never came back was away for all the time that was waited.
        Until::Heard => Some(("back_ms", ms(waited))),
        Until::Left | Until::Time(_) => None,
    }
}

/// Whether a cause strikes a participant.
fn concerns(case: Case, client: &Client, stage: &Stage, target: &str) -> bool {
    match case {
        Case::Crowd | Case::Rolling | Case::RegionAdded | Case::Flap => true,
        Case::Outage | Case::Rebind => stage.clients.first().is_some_and(|first| first.id == client.id),
        _ => client.active().is_some_and(|place| place.relay == target),
    }
}

async fn bring_about(
    case: Case,
    stage: &mut Stage,
    target: &str,
    concerned: &[bool],
    flap: Duration,
) -> anyhow::Result<()> {
    let Setting { rtt, regions, .. } = stage.setting;
    match case {
        Case::Blackhole => stage.paths().change(None, Some(target), |shape| Shape { dead: true, ..shape }),
        Case::Kill | Case::Token => stage.world()?.kill(target).await,
        Case::Drain => stage.world()?.drain(target, DEADLINE),
        Case::Longer => {
            let more = longer(stage, target);
            stage.paths().change(None, Some(target), |shape| Shape { delay: shape.delay + more / 2, ..shape });
        }
        Case::Lossy => stage.paths().change(None, Some(target), |shape| Shape { loss: 0.1, ..shape }),
        Case::UdpInCall => {
            for (client, _) in stage.clients.iter().zip(concerned).filter(|(_, concerned)| **concerned) {
                stage.paths().change(Some(client.seat), None, |shape| Shape { udp_blocked: true, ..shape });
            }
        }
        Case::RegionAdded => stage.world()?.announce(ADDED, rtt / 2).await?,
        Case::Outage => {
            let seat = stage.clients.first().context("nobody is here")?.seat;
            stage.paths().change(Some(seat), None, |shape| Shape { dead: true, ..shape });
            stage.watch(clock::now() + OUTAGE).await;
            stage.paths().change(Some(seat), None, |shape| shape);
        }
        Case::Rebind => stage.paths().rebind(stage.clients.first().context("nobody is here")?.seat),
        Case::Block => order(stage, concerned, &Command::Block(target.to_owned())),
        Case::Force => {
            let other = another(stage, target).context("there is no other relay")?;
            order(stage, concerned, &Command::Force(other));
        }
        Case::Flap => swing(stage, [regions[0], regions[1]], flap).await,
        Case::Crowd => {
            let (drained, slow) = (regions[1], regions[2]);
            stage.world()?.kill(regions[0]).await;
            stage.watch(clock::now() + APART).await;
            stage.world()?.drain(drained, DEADLINE);
            stage.watch(clock::now() + APART).await;
            stage.paths().change(None, Some(slow), |shape| Shape { delay: shape.delay * 2, ..shape });
        }
        Case::UdpAtStart | Case::Join | Case::Suspend | Case::Rolling => {}
    }
    Ok(())
}

/// How much longer the way to `target` gets: twice as long, and where relays are given, long enough for another one to be better.
fn longer(stage: &Stage, target: &str) -> Duration {
    let state = stage.clients.first().map(Client::state);
    let rows = state.iter().flat_map(|state| &state.candidates).filter(|row| row.link.is_some());
    let mean = |is_target: bool| {
        let of = rows.clone().filter(move |row| (row.candidate.relay == target) == is_target);
        of.filter_map(|row| row.mean_ms).min_by(f64::total_cmp)
    };
    let twice = stage.setting.rtt;
    match (&stage.ground, mean(true), mean(false)) {
        (super::stage::Ground::There(..), Some(active), Some(next)) => {
            Duration::from_secs_f64((2.0 * next - active).max(0.0) / 1000.0) + LONGER
        }
        _ => twice,
    }
}

fn order(stage: &Stage, concerned: &[bool], command: &Command) {
    for (client, _) in stage.clients.iter().zip(concerned).filter(|(_, concerned)| **concerned) {
        client.elect(command.clone());
    }
}

/// A relay that is connected and is not `target`, the nearest first.
fn another(stage: &Stage, target: &str) -> Option<String> {
    let state = stage.clients.first()?.state();
    let others = state.candidates.iter().filter(|row| row.candidate.relay != target && row.link.is_some());
    let nearest = others.min_by(|one, other| {
        let mean = |row: &crate::election::Standing| row.mean_ms.unwrap_or(f64::MAX);
        mean(one).total_cmp(&mean(other))
    });
    nearest.map(|row| row.candidate.relay.clone())
}

/// Moves two relays nearer and further away, in turn.
async fn swing(stage: &mut Stage, relays: [&str; 2], time: Duration) {
    let (by, period) = SWING;
    let start = clock::now();
    let mut folded = start;
    loop {
        let now = clock::now();
        if now >= start + time {
            return;
        }
        if now - folded >= FOLD && stage.all_heard() {
            stage.fold(Window { cause: folded, end: now });
            folded = now;
        }
        let phase = (now - start).as_secs_f64() / period.as_secs_f64() * std::f64::consts::TAU;
        for (relay, phase) in relays.into_iter().zip([phase.sin(), -phase.sin()]) {
            let delay = |shape: Shape| (shape.delay.as_secs_f64() + by.as_secs_f64() / 2.0 * phase).max(0.0);
            stage
                .paths()
                .change(None, Some(relay), |shape| Shape { delay: Duration::from_secs_f64(delay(shape)), ..shape });
        }
        stage.watch(now + STEP).await;
    }
}

/// Waits until a newcomer with one of the drill's tokens is refused.
async fn expire(stage: &mut Stage) -> anyhow::Result<()> {
    let newest = stage.token.clone();
    stage.watch(clock::now() + EXPIRES.saturating_sub(stage.settled)).await;
    let mut ticket = stage.ticket(stage.clients.len(), 0).await?;
    // The last one that was signed for those who are here: the others expired before it.
    ticket.entry.token = newest;
    let newcomer = Client::start(ticket).await?;
    let is_refusal = |event: &Event| matches!(event, Event::Refused { .. });
    let refused = stage.wait(DEADLINE, |_| newcomer.when(is_refusal).is_some() || newcomer.is_in_call()).await;
    let admitted = newcomer.is_in_call();
    newcomer.leave().await;
    anyhow::ensure!(refused && !admitted, "a newcomer with an expired token was not refused");
    Ok(())
}

fn is_over(until: Until, stage: &Stage, concerned: &[bool], homes: &[Option<Place>], cause: Instant) -> bool {
    match until {
        Until::Left => {
            let mut all = stage.clients.iter().zip(concerned).zip(homes).filter(|((_, concerned), _)| **concerned);
            let has_left = |client: &Client, home: &Option<Place>| {
                client.active().is_some_and(|place| home.as_ref().is_none_or(|home| home.relay != place.relay))
            };
            all.all(|((client, _), home)| has_left(client, home)) && stage.all_heard()
        }
        Until::Emptied => left_behind(stage) == 0 && stage.all_heard(),
        Until::Heard => clock::now() - cause >= LEAST && stage.all_heard(),
        Until::Raced => stage.clients.iter().all(has_raced),
        Until::Time(_) => false,
    }
}

/// Participants on one of the relays that go away.
fn left_behind(stage: &Stage) -> usize {
    let gone = &stage.setting.regions[..2];
    let is_behind = |client: &&Client| client.active().is_none_or(|place| gone.contains(&place.relay.as_str()));
    stage.clients.iter().filter(is_behind).count()
}

/// The relay that was added was measured.
fn has_raced(client: &Client) -> bool {
    let rows = client.state();
    let measured = |row: &crate::election::Standing| {
        row.candidate.relay == ADDED && row.received > 0 && row.state != LinkState::Dialling
    };
    rows.candidates.iter().any(measured)
}

/// What the case cost.
fn read(stage: &Stage, concerned: &[bool], homes: &[Option<Place>], window: Window) -> Take {
    let mut take = Take { clients: stage.clients.len(), settled_ms: ms(stage.settled), ..Take::default() };
    take.late_ms = ms(stage.late);
    let concerns =
        |client: &Client| stage.clients.iter().zip(concerned).any(|(one, concerned)| *concerned && one.id == client.id);
    for (listener, sender) in stage.pairs() {
        if !concerns(listener) && !concerns(sender) {
            continue;
        }
        let of = |track| listener.log.stream(sender.id, track, window);
        let Some(audio) = of(Track::Microphone) else {
            take.notes.push(format!("{} never heard {}", listener.name, sender.name));
            continue;
        };
        take.samples.push(Sample {
            run: 0,
            listener: listener.name.clone(),
            sender: sender.name.clone(),
            audio,
            video: of(Track::Camera),
            key_frames_asked: key_frames_asked(&listener.log.records, sender.id, window),
        });
    }
    for ((client, concerned), home) in stage.clients.iter().zip(concerned).zip(homes) {
        let first = client.moves(window.cause).next();
        take.moves += client.moves(window.cause).count();
        take.fell_out += client.count(window.cause, |event| matches!(event, Event::Reconnecting));
        if client.missed > 0 {
            take.notes
                .push(format!("{}: {} records were dropped: its figures are too good", client.name, client.missed));
        }
        if *concerned {
            take.leavings.push(Leaving {
                run: 0,
                client: client.name.clone(),
                from: home.as_ref().map(|home| home.relay.clone()),
                transport: home.as_ref().map(|home| home.transport),
                to: first.map(|(_, _, to, _)| to.relay.clone()),
                reason: first.map(|(.., reason)| reason),
                doubted_ms: client.doubted(window.cause).map(|at| ms(at - window.cause)),
                after_ms: first.map(|(at, ..)| ms(at - window.cause)),
            });
        }
    }
    take
}

pub fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::take::bars;
    use super::*;

    #[test]
    fn a_call_that_never_becomes_whole_misses_the_bar() {
        for case in [Case::UdpInCall, Case::Outage] {
            let (until, patience) = case.until(Duration::ZERO);
            for (came_about, waited, met) in [(true, Duration::from_secs(4), true), (false, patience, false)] {
                let mut take = Take::default();
                let (name, value) = figure(until, came_about, waited, 0).unwrap();
                take.figure(name, value);
                let bars = bars(case, &take);
                let back = bars.iter().find(|bar| bar.what.contains("out of the call")).unwrap();
                assert_eq!(back.met, met, "{back:?}");
            }
        }
    }
}
