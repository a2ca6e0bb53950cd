//! How long a join takes: somebody talks and shows a picture in a room, and newcomers come one after the other.

use std::time::Duration;

use anyhow::bail;

use super::case::Case;
use super::client::{Client, Ticket};
use super::run::ms;
use super::stage::Stage;
use super::take::Take;
use crate::call::Event;
use crate::clock;
use crate::net::distance::Shape;
use crate::proto::Transport;

/// Newcomers of a run, one after the other, of each kind.
const NEWCOMERS: usize = 3;
/// A join that takes longer failed.
const PATIENCE: Duration = Duration::from_secs(12);

/// Runs one of the two cases of joining.
///
/// # Errors
/// Nobody joins.
pub async fn run(case: Case, mut stage: Stage) -> anyhow::Result<Take> {
    let outcome = play(case, &mut stage).await;
    stage.strike().await;
    outcome
}

async fn play(case: Case, stage: &mut Stage) -> anyhow::Result<Take> {
    let host = stage.ticket(0, 0).await?;
    stage.clients.push(Client::start(host).await?);
    let there = |stage: &Stage| stage.clients.iter().all(|client| client.is_in_call() && client.has_standby());
    let has_standby = stage.relays() > 1;
    let ready = |stage: &Stage| if has_standby { there(stage) } else { stage.clients.iter().all(Client::is_in_call) };
    if !stage.wait(PATIENCE, ready).await {
        stage.somebody()?;
        bail!("the first participant has no standby");
    }
    let mut take = Take { clients: 1 + NEWCOMERS, ..Take::default() };
    for number in 1..=NEWCOMERS {
        for blocked in if case == Case::UdpAtStart { &[false, true][..] } else { &[false] } {
            let ticket = stage.ticket(number, 0).await?;
            join(stage, ticket, *blocked, &mut take).await?;
        }
    }
    Ok(take)
}

async fn join(stage: &mut Stage, ticket: Ticket, blocked: bool, take: &mut Take) -> anyhow::Result<()> {
    if blocked {
        stage.paths().change(Some(ticket.seat), None, |shape| Shape { udp_blocked: true, ..shape });
    }
    let newcomer = Client::start(ticket).await?;
    let first = |of: &'static str| {
        move |event: &Event| match event {
            Event::FirstFrame { kind, since_join_ms, .. } if *kind == of => Some(*since_join_ms),
            _ => None,
        }
    };
    let is_first = |event: &Event| matches!(event, Event::FirstFrame { .. });
    let came = |_: &Stage| newcomer.count(newcomer.started, is_first) == 2;
    let whole = stage.wait(PATIENCE, came).await;
    if let (Some(at), name) = (newcomer.when(is_first), if blocked { "start_blocked_ms" } else { "start_open_ms" }) {
        take.figure(name, ms(at.saturating_duration_since(newcomer.started)));
    }
    let over_udp = newcomer.active().is_some_and(|place| place.transport == Transport::WebTransport);
    if blocked {
        take.figure("over_udp", if over_udp { 1.0 } else { 0.0 });
    } else {
        let figures = [("first_audio_ms", first("audio")), ("first_video_ms", first("video"))];
        for (name, of) in figures {
            newcomer.find(of).into_iter().for_each(|value| take.figure(name, value));
        }
        let mean = newcomer.active().and_then(|place| newcomer.mean_ms(&place));
        mean.into_iter().for_each(|mean| take.figure("rtt_ms", mean));
    }
    newcomer.leave().await;
    if !whole {
        take.notes.push(format!("a newcomer saw or heard nothing within {} s", PATIENCE.as_secs()));
        take.figure(if blocked { "start_blocked_ms" } else { "first_video_ms" }, ms(PATIENCE));
    }
    // The room is empty again but for the first one.
    let end = clock::now() + PATIENCE;
    let alone = |stage: &Stage| stage.clients.iter().all(|client| client.state().peers.is_empty());
    stage.wait(end.saturating_duration_since(clock::now()), alone).await;
    Ok(())
}
