//! Makes the snapshot that a window draws.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::super::hops::Hops;
use super::super::state::{Own, Peer, Phase, Quality, Race, Rates, Relays, Sharing, State};
use super::Controller;
use crate::election::Elector;
use crate::media::video::Of;
use crate::proto::{ParticipantId, Track};

/// A picture that stood still for so long is frozen: ten times a frame of the slowest camera.
const FROZEN: Duration = Duration::from_millis(1000);
/// A link in doubt for so long, and no other to go to: the longest that a failover takes, and a little.
const SILENT: Duration = Duration::from_millis(1500);
/// Loudness is told in so many steps, so that a quiet room is the same snapshot again and again.
const STEPS: f32 = 64.0;

/// How a call stands before anything happened.
pub fn nobody(participant: ParticipantId, relays: Relays, elector: &Elector) -> State {
    State {
        phase: Phase::Lobby,
        relays,
        manifest: Default::default(),
        race: race(elector),
        candidates: Vec::new(),
        hops: Hops::default(),
        outcome: None,
        active: None,
        standby: None,
        outlook: Default::default(),
        reaches: BTreeMap::new(),
        wishes: Vec::new(),
        own: Own {
            id: participant,
            name: String::new(),
            muted: false,
            holds_to_talk: false,
            talks_unheard: false,
            camera: false,
            level: 0.0,
            output_level: 0.0,
            devices: BTreeMap::new(),
            sharing: Sharing::Nothing,
            limited: None,
            rates: Rates::default(),
            deaf: false,
            sent_loss: None,
        },
        peers: Vec::new(),
        screens: Vec::new(),
        speaker: None,
        redial: None,
        conversation: Default::default(),
    }
}

/// How a call stands.
pub fn of(call: &mut Controller, now: Instant) -> State {
    let peers = peers(call, now);
    let (phase, own) = (phase(call, now), own(call, now));
    let place = |link| call.places.get(&link).cloned();
    State {
        phase,
        relays: call.relays.clone(),
        manifest: call.manifest.clone(),
        race: race(&call.elector),
        candidates: call.elector.standings(),
        hops: call.hops.clone(),
        outcome: call.elector.outcome(),
        active: call.active.and_then(place),
        standby: call.elector.standby().and_then(place),
        outlook: call.elector.outlook(),
        reaches: call.reaches.all().clone(),
        wishes: call.wishes.list().to_vec(),
        own,
        peers,
        screens: call.screens.newest_first(),
        speaker: call.speakers.current(),
        redial: call.elector.redial().filter(|_| matches!(phase, Phase::Reconnecting { .. })),
        conversation: call.conversation(now),
    }
}

fn phase(call: &Controller, now: Instant) -> Phase {
    // Silence of all links is the local network, perhaps, and moves nobody; who sits in the call wants to know.
    let silent = call.doubt_since.filter(|since| now.saturating_duration_since(*since) >= SILENT);
    match (&call.membership, call.entered, call.lost.or(silent)) {
        (None, ..) => Phase::Lobby,
        (Some(_), None, _) => Phase::Joining,
        (Some(_), Some(_), Some(since)) => Phase::Reconnecting { since },
        (Some(_), Some(since), None) => Phase::InCall { since },
    }
}

fn race(elector: &Elector) -> Race {
    let (started, ends) = elector.race_window();
    Race { started, ends, decided: elector.decided(), leader: elector.leader() }
}

fn own(call: &Controller, now: Instant) -> Own {
    Own {
        id: call.participant,
        name: call.membership.as_ref().map(|membership| membership.name().to_owned()).unwrap_or_default(),
        muted: call.muted,
        holds_to_talk: call.talk.is_open(),
        talks_unheard: call.talk.is_unheard(),
        camera: !call.camera_off,
        level: call.microphone.as_ref().map_or(0.0, |microphone| step(microphone.level())),
        output_level: step(call.subscriber.mixer().output_level()),
        devices: call.devices.clone(),
        sharing: call.sharing.clone(),
        limited: call.limited(),
        rates: call.uplink.rates(),
        deaf: call.deaf.is_on(),
        sent_loss: call.redundancy.least_loss(now).map(percent),
    }
}

fn peers(call: &mut Controller, now: Instant) -> Vec<Peer> {
    let mixer = call.subscriber.mixer();
    let levels: BTreeMap<_, _> = call.roster.order().map(|id| (id, mixer.level(id))).collect();
    let loudness = call.roster.order().map(|id| (id, mixer.take_loudness(id))).collect();
    call.speakers.feed(&loudness);
    let shares = |id: &ParticipantId| call.subscriber.profile(*id).is_some_and(|profile| profile.sharing);
    let sharing: Vec<_> = call.roster.order().filter(shares).collect();
    call.screens.feed(&sharing);
    let (sound, pictures) = (mixer.stats(), call.subscriber.receiver().stats());
    let peer = |id: ParticipantId| {
        let profile = call.subscriber.profile(id);
        let audio = sound.get(&id);
        let video = pictures.get(&id).copied().unwrap_or_default();
        let muted = profile.is_some_and(|profile| profile.muted);
        let camera = profile.is_some_and(|profile| !profile.camera_off);
        let shown = call.pictures.get(Of::Peer(id, Track::Camera));
        let still = shown.is_some_and(|shown| now.saturating_duration_since(shown.at) > FROZEN);
        Peer {
            id,
            name: profile.map(|profile| profile.name.clone()),
            muted,
            camera,
            reconnecting: call.roster.is_reconnecting(id),
            level: step(levels.get(&id).copied().unwrap_or_default()),
            speaking: !muted && call.speakers.speaks(id),
            volume: call.subscriber.volume(id),
            quality: Quality {
                audio_loss: audio.and_then(|audio| share(audio.lost, audio.received)),
                recent_loss: call.recent.of(id, now).map(percent),
                jitter_ms: audio.map(|audio| audio.jitter_ms.round()),
                delay_ms: audio.map(|audio| audio.delay_ms.round()),
                width: video.width,
                height: video.height,
                fps: video.fps.round(),
                frozen: camera && still && !call.views.is_hidden(id),
                // In steps of 5 ms, so that a snapshot of a calm call stays as it is.
                lip_offset_ms: video.lip_offset_ms.map(|ms| (ms / 5.0).round() * 5.0),
                mouth_to_ear: call.delays.of(id).map(f64::round),
            },
        }
    };
    call.roster.order().map(peer).collect()
}

fn share(lost: u64, received: u64) -> Option<f64> {
    (lost + received > 0).then(|| (1000.0 * lost as f64 / (lost + received) as f64).round() / 1000.0)
}

/// In steps of a hundredth, so that a snapshot of a calm call stays as it is.
fn percent(permille: u32) -> f64 {
    f64::from(permille / 10) / 100.0
}

fn step(level: f32) -> f32 {
    (level.sqrt() * STEPS).round().powi(2) / STEPS.powi(2)
}
