//! The app's own client in the hands of a host: muted, told so, and removed without coming back.

use std::path::{Path, PathBuf};

use nearcall::call::command::Talking;
use nearcall::call::event::Event;
use nearcall::call::manifest::Source;
use nearcall::call::state::{State, Volume};
use nearcall::call::{self, Call, Command, Moderation};
use nearcall::crypto::secret::RoomSecret;
use nearcall::media::audio::{AudioSource, Output, Switches};
use nearcall::media::video::{VideoConfig, VideoSource};
use nearcall::proto::ParticipantId;
use nearcall::proto::control::MemberState;
use nearcall::proto::manifest::Manifest;
use nearcall::proto::moderation::{Action, Moderate, RulingKind};
use nearcall::relay::Relay;
use nearcall::relay::bus::{BusConfig, Hub};

use super::alone;
use super::client::{Client, PATIENCE};
use super::moderation::{ADA, Place, ROOM, carried_out, order, told};
use crate::support::wav;

async fn start(relays: &[&Relay], token: String) -> Call {
    start_with(relays, token, AudioSource::Tone(300.0)).await
}

async fn start_with(relays: &[&Relay], token: String, audio: AudioSource) -> Call {
    let entry =
        call::Entry { room: ROOM.into(), secret: RoomSecret::of_room(ROOM), name: "Bob".into(), token: Some(token) };
    let config = call::Config {
        entry: Some(entry),
        sources: vec![Source::Given(Manifest::from(
            relays.iter().map(|relay| relay.entry().clone()).collect::<Vec<_>>(),
        ))],
        window: std::time::Duration::from_millis(300),
        pin: None,
        audio,
        video: VideoSource::Off,
        video_config: VideoConfig::default(),
        share: None,
        play: Output::Off,
        processing: Switches::OFF,
        muted: false,
        camera_off: false,
        record_audio: None,
        record_video: None,
        history: None,
    };
    Call::start(config).await.unwrap()
}

/// A minute of something like a voice: a gliding pitch with harmonics in syllables, and a little noise.
fn speech(path: &Path) -> PathBuf {
    let (mut phase, mut noise) = (0.0f64, 1u32);
    let samples = (0..60 * 48_000).map(|n| {
        let t = f64::from(n) / 48_000.0;
        phase += (220.0 + 40.0 * (t * 3.1).sin() + 15.0 * (t * 7.3).sin()) / 48_000.0;
        let harmonic = |k: i32| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k).powf(1.5);
        let syllable = (0.5 + 0.5 * (t * 3.0 * std::f64::consts::TAU).sin()).powi(2);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = f64::from(noise >> 16) / 65_536.0 - 0.5;
        ((1..9).map(harmonic).sum::<f64>() * 0.2 + hiss * 0.01) * syllable
    });
    wav::write(path, 48_000, samples)
}

/// Waits for an event.
async fn event<T>(call: &mut Call, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
    let found = async {
        while let Some(event) = call.event().await {
            if let Some(found) = find(&event) {
                return Some(found);
            }
        }
        None
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("no {what}")).unwrap_or_else(|| panic!("the call ended without {what}"))
}

fn error(event: &Event) -> Option<String> {
    if let Event::Error { message } = event { Some(message.clone()) } else { None }
}

/// Waits until a call is in and the host hears it. Gives its number.
async fn is_heard(call: &mut Call, host: &Client) -> u64 {
    event(call, "joined", |event| matches!(event, Event::Joined { .. }).then_some(())).await;
    let id = call.state().borrow().own.id.0;
    host.wait("sound", |heard| (!heard.sounds(id).is_empty()).then_some(())).await;
    id
}

async fn muted(call: &Call, muted: bool) {
    shows(call, &format!("muted: {muted}"), |state| state.own.muted == muted).await;
}

/// Waits until the state of a call is as it should be.
async fn shows(call: &Call, what: &str, is: impl Fn(&State) -> bool) {
    let mut state = call.state();
    let seen = state.wait_for(|state| is(state));
    assert!(tokio::time::timeout(PATIENCE, seen).await.is_ok(), "not seen: {what}");
}

async fn ends(mut call: Call) {
    event(&mut call, "removal", |event| matches!(event, Event::Removed { .. }).then_some(())).await;
    event(&mut call, "summary", |event| matches!(event, Event::Summary(_)).then_some(())).await;
    assert_eq!(call.event().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_muted_stops_sending_and_who_is_removed_does_not_come_back() {
    let _alone = alone().await;
    let place = Place::new(BusConfig::Local(Hub::new()));
    let relay = place.relay("one").await;
    let host = place.enter(&relay, ADA, "ada").await;
    let mut bob = start(&[&relay], place.token("bob")).await;
    let id = is_heard(&mut bob, &host).await;
    host.wait_state(id, MemberState::Connected).await;

    carried_out(&host, order(1, Action::Mute, id)).await;
    let mute = |event: &Event| match event {
        Event::Moderated { kind: "mute", on, me: true, track, by, .. } => Some((*on, *track, by.clone())),
        _ => None,
    };
    let ada = ParticipantId(ADA).to_string();
    assert_eq!(event(&mut bob, "mute", mute).await, (true, Some("microphone"), ada));
    muted(&bob, true).await;
    bob.command(Command::Mute(false));
    told(&host, RulingKind::Mute, false).await;
    muted(&bob, false).await;
    let heard = host.look(|heard| heard.sounds(id).len());
    host.wait("sound again", |all| (all.sounds(id).len() > heard).then_some(())).await;

    carried_out(&host, Moderate { firm: true, ..order(2, Action::Mute, id) }).await;
    muted(&bob, true).await;
    bob.command(Command::Mute(false));
    assert!(event(&mut bob, "error", error).await.contains("only a host can lift it"));
    muted(&bob, true).await;
    bob.command(Command::Moderate(Moderation::Lock));
    assert!(event(&mut bob, "error", error).await.contains("only a host"));

    carried_out(&host, order(3, Action::Remove, id)).await;
    ends(bob).await;
    host.wait_state(id, MemberState::Left).await;
    ends(start(&[&relay], place.token("bob")).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_that_is_lifted_on_a_link_that_is_dying_is_lifted_on_the_next_one() {
    let _alone = alone().await;
    let place = Place::new(BusConfig::Local(Hub::new()));
    let mut relays = vec![place.relay("one").await, place.relay("two").await];
    let mut bob = start(&[&relays[0], &relays[1]], place.token("bob")).await;
    let joined = |event: &Event| if let Event::Joined { relay, .. } = event { Some(relay.clone()) } else { None };
    let home = event(&mut bob, "joined", joined).await;
    let dying = relays.remove(usize::from(home == "two"));
    let other = relays.remove(0);
    let id = bob.state().borrow().own.id.0;
    let host = place.enter(&other, ADA, "ada").await;
    host.wait("sound", |heard| (!heard.sounds(id).is_empty()).then_some(())).await;
    let mut state = bob.state();
    let standby = state.wait_for(|state| state.standby.is_some());
    assert!(tokio::time::timeout(PATIENCE, standby).await.is_ok(), "no standby");
    carried_out(&host, order(1, Action::Mute, id)).await;
    muted(&bob, true).await;

    dying.kill();
    bob.command(Command::Mute(false));
    told(&host, RulingKind::Mute, false).await;
    muted(&bob, false).await;
    let heard = host.look(|heard| heard.sounds(id).len());
    host.wait("sound again", |all| (all.sounds(id).len() > heard).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_holds_any_more_mutes_and_opens_nothing_that_a_host_closed() {
    let _alone = alone().await;
    let place = Place::new(BusConfig::Local(Hub::new()));
    let relay = place.relay("one").await;
    let host = place.enter(&relay, ADA, "ada").await;
    let dir = tempfile::tempdir().unwrap();
    let speech = AudioSource::File(speech(&dir.path().join("speech.wav")));
    let mut bob = start_with(&[&relay], place.token("bob"), speech).await;
    let id = is_heard(&mut bob, &host).await;
    bob.command(Command::Mute(true));
    shows(&bob, "talks unheard", |state| state.own.muted && state.own.talks_unheard).await;

    let heard = host.look(|heard| heard.sounds(id).len());
    bob.command(Command::Talk(Talking::Starts));
    shows(&bob, "held", |state| !state.own.muted && state.own.holds_to_talk && !state.own.talks_unheard).await;
    host.wait("sound while it is held", |all| (all.sounds(id).len() > heard + 5).then_some(())).await;
    // Nobody says so again: that is the end of it.
    shows(&bob, "muted by itself", |state| state.own.muted && !state.own.holds_to_talk).await;
    // What comes late opens nothing; the volume says when it was read.
    bob.command(Command::Talk(Talking::GoesOn));
    let volume = Volume { percent: 40, muted: false };
    bob.command(Command::Volume { peer: ParticipantId(ADA), volume });
    shows(&bob, "volume", |state| state.peers.iter().any(|peer| peer.volume == volume)).await;
    assert!(bob.state().borrow().own.muted);

    carried_out(&host, Moderate { firm: true, ..order(1, Action::Mute, id) }).await;
    let mute = |event: &Event| matches!(event, Event::Moderated { kind: "mute", on: true, .. }).then_some(());
    event(&mut bob, "mute", mute).await;
    bob.command(Command::Talk(Talking::Starts));
    assert!(event(&mut bob, "error", error).await.contains("only a host can lift it"));
    muted(&bob, true).await;
}
