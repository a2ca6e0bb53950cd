//! `nearcall call`: a participant without a window.

mod speech;

use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use self::speech::Speech;
use super::args::{CallArgs, UsageError};
use super::{Exit, print};
use crate::call::log::EventLog;
use crate::call::manifest::Source;
use crate::call::{Call, Command, Config, Entry, Event};
use crate::clock;
use crate::crypto::invite::Invite;
use crate::crypto::room;
use crate::crypto::secret::RoomSecret;
use crate::media::video::VideoConfig;
use crate::telemetry::history::Program;

pub async fn run(args: CallArgs) -> anyhow::Result<Exit> {
    let start = clock::now();
    let mut events = args.events.as_deref().map(|path| open_log(path, start)).transpose()?;
    let duration = args.duration;
    let mut speech = Speech::new(args.chat.clone());
    let mut call = Call::start(config(args)?).await?;
    let leave = async {
        match duration {
            Some(duration) => tokio::time::sleep_until((start + duration).into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(leave);
    let mut interrupted = interrupted()?;
    let (mut asked, mut joined, mut refused) = (false, false, false);
    loop {
        let event = tokio::select! {
            event = call.event() => event,
            command = speech.next() => {
                call.command(command);
                continue;
            }
            () = &mut leave, if !asked => {
                asked = true;
                call.command(Command::Leave);
                continue;
            }
            Some(()) = interrupted.recv() => {
                // The second time, for whoever does not want to wait.
                if std::mem::replace(&mut asked, true) {
                    return Ok(Exit::Failed);
                }
                call.command(Command::Leave);
                continue;
            }
        };
        let Some(event) = event else { break };
        speech.note(&event);
        joined |= matches!(event, Event::Joined { .. });
        refused |= matches!(event, Event::Refused { .. } | Event::Removed { .. });
        match &mut events {
            Some(log) => log.write(&event).context("cannot write events")?,
            None => words(&event).into_iter().for_each(|words| println!("{}", words.trim_end())),
        }
    }
    call.ended().await;
    Ok(match (joined, refused) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Failed,
        (false, false) => Exit::NoAnswer,
    })
}

/// Ctrl-C and the polite way to end a process.
pub fn interrupted() -> anyhow::Result<tokio::sync::mpsc::Receiver<()>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            #[cfg(unix)]
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            #[cfg(not(unix))]
            let _ = tokio::signal::ctrl_c().await;
            if sender.send(()).await.is_err() {
                break;
            }
        }
    });
    Ok(receiver)
}

fn config(args: CallArgs) -> anyhow::Result<Config> {
    let usage = |error: String| anyhow::Error::from(UsageError(error));
    let mut sources = args.manifest;
    let (room, secret, grant) = match (args.link, args.room) {
        (Some(link), _) => {
            let invite = Invite::parse(&link).map_err(|error| usage(error.to_string()))?;
            sources.extend(invite.at.iter().map(|at| Source::relay(at, &invite.pins)));
            (invite.room, invite.secret, invite.grant)
        }
        (None, name) => {
            let name = name.unwrap_or_default();
            // A token names its room to the letter.
            let room = match &args.token {
                Some(_) => room::clean(&name).map(str::to_owned),
                None => room::typed(&name),
            };
            let room = room.map_err(|error| usage(error.to_string()))?;
            let secret = RoomSecret::of_room(&room);
            (room, secret, None)
        }
    };
    if sources.is_empty() {
        return Err(usage("no relays: add --manifest FILE or URL, or use a whole invite link".into()));
    }
    args.video.check().map_err(|error| usage(error.to_string()))?;
    let video_config = VideoConfig { codec: args.codec, ..VideoConfig::of(&args.video) };
    let entry = Entry { room, secret, name: args.name, token: args.token.or(grant) };
    Ok(Config {
        entry: Some(entry),
        sources,
        window: args.window,
        pin: args.pin,
        audio: args.audio,
        video: args.video,
        video_config,
        share: args.share,
        play: args.play,
        processing: args.processing,
        muted: false,
        camera_off: false,
        record_audio: args.record_audio,
        record_video: args.record_video,
        history: super::history::keep(Program::Call, args.no_history),
    })
}

/// Where events are written, `-` for stdout.
pub fn open_log(path: &Path, start: Instant) -> anyhow::Result<EventLog> {
    EventLog::open(path, start).with_context(|| format!("cannot write {}", path.display()))
}

/// What a host decided.
fn moderated(event: &Event) -> Option<String> {
    let Event::Moderated { kind, on, peer, name, me, track, by, by_name, .. } = event else { return None };
    let whom = match me {
        true => "you",
        false => name.as_ref().or(peer.as_ref()).map_or("", String::as_str),
    };
    let by = by_name.as_ref().unwrap_or(by);
    Some(match (*kind, *on) {
        ("mute", true) => format!("{by} muted {whom} ({})", track.unwrap_or("all")),
        ("mute", false) => format!("{whom} may speak and be seen again ({}), says {by}", track.unwrap_or("all")),
        ("lock", true) => format!("{by} locked the room"),
        ("lock", false) => format!("{by} unlocked the room"),
        ("removal", true) => format!("{by} removed {whom}"),
        _ => format!("{by} lets {whom} in again"),
    })
}

/// An event in words, or `None` where it is of no interest to a person.
pub fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::Race { candidates } => print::race(candidates, None),
        Event::Elected { region, transport, mean_ms, .. } => {
            format!("elected {region} over {transport}, {:.1} ms", mean_ms.unwrap_or(f64::NAN))
        }
        Event::Joined { region, since_join_ms, members, .. } => {
            format!("joined over {region} after {since_join_ms:.0} ms, {members} in the room")
        }
        Event::PeerJoined { peer, name, .. } => match name {
            Some(name) => format!("{name} joined"),
            None => format!("{peer} joined with another key: neither of you can read the other; compare your invites"),
        },
        Event::PeerLeft { peer, name } => format!("{} left", name.as_ref().unwrap_or(peer)),
        Event::PeerReconnecting { peer, name } => format!("{} is reconnecting", name.as_ref().unwrap_or(peer)),
        Event::FirstFrame { kind, since_join_ms, .. } => format!("first {kind} after {since_join_ms:.0} ms"),
        Event::Moved(moved) => format!(
            "moved from {} to {} ({}): audio gap {}, video gap {}",
            moved.from.as_ref().map_or("nowhere", |from| &from.region),
            moved.to.region,
            moved.reason,
            print::gap(moved.audio_gap_ms),
            print::gap(moved.video_gap_ms)
        ),
        Event::Kept { candidate, reason } => format!("stayed, not {candidate}: {reason}"),
        Event::Answerer { relay, answered_by, was, .. } if answered_by == was => {
            format!("{was}, at the address of {relay}, was started anew")
        }
        Event::Answerer { relay, answered_by, was, .. } => {
            format!("at the address of {relay} {answered_by} answers now, not {was}")
        }
        Event::Refused { relay, message } => format!("{relay} refuses: {message}"),
        Event::Reconnecting => "reconnecting".into(),
        Event::Reconnected { region, .. } => format!("back, over {region}"),
        Event::Chat { peer, name, text } => format!("{}: {text}", name.as_ref().unwrap_or(peer)),
        Event::ChatDelivered { missed: 0, .. } => return None,
        Event::ChatDelivered { number, missed } => {
            format!("your line {number} did not reach {missed} of those who were there")
        }
        Event::Hand { me: true, up, .. } => if *up { "you raised your hand" } else { "your hand is down" }.into(),
        Event::Hand { peer, name, up, .. } => {
            let who = name.as_ref().unwrap_or(peer);
            if *up { format!("{who} raised a hand") } else { format!("{who} lowered the hand") }
        }
        Event::Reaction { peer, name, reaction } => format!("{} reacts: {reaction}", name.as_ref().unwrap_or(peer)),
        Event::Device { device, state } => format!("{device} {state}"),
        Event::Moderated { .. } => return moderated(event),
        Event::Removed { message } => message.clone(),
        Event::Sharing { name: Some(name) } => format!("you share {name}"),
        Event::Sharing { name: None } => "you share nothing any more".into(),
        Event::Error { message } => message.clone(),
        Event::Summary(summary) => print::summary(summary),
        Event::Candidate(_) | Event::Suspect { .. } | Event::Standby { .. } => return None,
    })
}
