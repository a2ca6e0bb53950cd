//! Models made by hand: what the gallery renders and the tests of the screens draw. Every figure is made up, and nothing
//! here runs.

mod hops;
mod quality;
mod reach;
mod rooms;
mod screens;
mod stages;
mod talk;
mod timeline;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub use rooms::{lobby_blocked, lobby_with_rooms, offered};
pub use screens::{picking_a_screen, screens, sharing};
pub use stages::{deaf, reconnecting, slow_computer, their_network, without_oneself, your_network};
pub use talk::{chatting, chatting_with_trouble, hands, hosted};

use super::host::Reach;
use super::model::{Choice, Devices, DrillRelay, DrillState, Hosting, Model, Notice, NoticeKind, Room};
use crate::call::event::Place;
use crate::call::state::{DeviceState, Own, Peer, Phase, Quality, Race, Relays, State, Wish, Wished};
use crate::clock;
use crate::election::{Candidate, CandidateId, LinkState, Outcome, Standing};
use crate::media::video::{I420, Of, Pictures};
use crate::media::{Device, Problem};
use crate::proto::probe::RelayState;
use crate::proto::{ParticipantId, Track, Transport};
use crate::settings::Settings;

/// Relays with their RTT in ms; `None` does not answer.
const RELAYS: [(&str, &str, &str, Option<f64>); 6] = [
    ("singapore-1", "singapore", "aws", Some(40.2)),
    ("tokyo-1", "tokyo", "fly", Some(74.9)),
    ("frankfurt-1", "frankfurt", "hetzner", Some(168.4)),
    ("us-east-1", "us-east", "aws", Some(233.7)),
    ("us-west-1", "us-west", "fly", Some(181.1)),
    ("sao-paulo-1", "sao-paulo", "aws", None),
];

/// A lobby `elapsed` into the race.
pub fn lobby(elapsed: Duration) -> Model {
    let now = clock::now();
    let mut model = blank(now);
    let started = now.checked_sub(elapsed).unwrap_or(now);
    let candidates = candidates(elapsed, false);
    let decided = (elapsed >= Duration::from_millis(320)).then_some(Duration::from_millis(320));
    let mut state = state(now, Phase::Lobby, candidates);
    state.race =
        Race { started, ends: started + Duration::from_secs(3), decided, leader: decided.map(|_| CandidateId(0)) };
    if decided.is_none() {
        state.outcome = None;
    }
    model.call = Some(Arc::new(state));
    model
}

/// A lobby whose lists of relays cannot be read, without any device.
pub fn lobby_without_anything() -> Model {
    let now = clock::now();
    let mut model = blank(now);
    model.devices = Devices { microphones: Some(Vec::new()), speakers: Some(Vec::new()), cameras: Some(Vec::new()) };
    model.pictures = Pictures::default();
    let mut state = state(now, Phase::Lobby, Vec::new());
    state.relays = Relays::Failed("cannot fetch the manifest https://calls.example.org/regions.json: no answer".into());
    state.outcome = None;
    state.own.level = 0.0;
    state.own.devices = BTreeMap::from([
        (Device::Microphone, DeviceState::Trouble(Problem::Missing)),
        (Device::Speaker, DeviceState::Trouble(Problem::Busy)),
        (Device::Camera, DeviceState::Trouble(Problem::Denied)),
    ]);
    model.call = Some(Arc::new(state));
    model
}

/// A first start: no relay is known, and nothing was typed.
pub fn lobby_first_start() -> Model {
    let now = clock::now();
    let mut model = blank(now);
    model.room = Room::default();
    model.settings.name.clear();
    let mut state = state(now, Phase::Lobby, Vec::new());
    (state.relays, state.outcome) = (Relays::None, None);
    model.call = Some(Arc::new(state));
    model
}

/// A call with so many others.
pub fn call(peers: usize) -> Model {
    let now = clock::now();
    let mut model = blank(now);
    let mut state = state(now, Phase::InCall { since: ago(now, 761) }, candidates(Duration::from_secs(20), true));
    state.active = Some(place("singapore", Transport::WebTransport));
    state.standby = Some(place("tokyo", Transport::WebTransport));
    state.race.decided = Some(Duration::from_millis(320));
    state.manifest = reach::manifest();
    state.outlook.next_round = Some(now + Duration::from_secs(100));
    let names = [
        "Ben Okafor",
        "Chloé Martin",
        "Dmitri",
        "Emi 田中",
        "Farid",
        "Grace",
        "Henrik",
        "Ines",
        "Jo",
        "Kim",
        "Lu",
        "Mo",
    ];
    for n in 0..peers {
        let id = ParticipantId(n as u64 + 2);
        let name = names[n % names.len()];
        state.peers.push(Peer {
            id,
            name: Some(name.into()),
            muted: n % 3 == 1,
            camera: n % 5 != 3,
            reconnecting: false,
            level: if n == 0 { 0.4 } else { 0.0 },
            speaking: n == 0,
            volume: Default::default(),
            quality: quality::of(n),
        });
        state.reaches.extend(reach::of(n).map(|reach| (id, reach)));
        if n % 5 != 3 {
            model.pictures.put(Of::Peer(id, Track::Camera), Arc::new(picture(n as u8 + 1)), now);
        }
    }
    state.speaker = state.peers.first().map(|peer| peer.id);
    model.call = Some(Arc::new(state));
    model.timeline = timeline::of_a_call();
    model
}

/// A call in a demo with a pin, a block that ends by itself, and a dead relay.
pub fn drill() -> Model {
    let mut model = call(2);
    let until = model.now + Duration::from_secs(41);
    change(&mut model, |state, _| {
        state.wishes = vec![
            Wish { what: Wished::Pin, name: "singapore".into(), until: None },
            Wish { what: Wished::Block, name: "tokyo".into(), until: Some(until) },
        ];
    });
    model.drills = vec![
        DrillRelay { region: "singapore".into(), state: DrillState::Running },
        DrillRelay { region: "frankfurt".into(), state: DrillState::Dead { until } },
        DrillRelay { region: "us-east".into(), state: DrillState::Draining { until } },
    ];
    model
}

/// A lobby of somebody who hosts, with a toast of each kind.
pub fn hosting() -> Model {
    let mut model = lobby(Duration::from_secs(5));
    let invite = "nearcall://join/kip-mora-tel?at=192.168.1.20:4433#AAAA";
    let reach = Reach::LocalNetwork(Ipv4Addr::new(192, 168, 1, 20).into()).to_string();
    model.hosting = Hosting::Yes { invite: invite.into(), reach };
    model.room =
        Room { text: invite.into(), name: Some("kip-mora-tel".into()), invite: Some(invite.into()), ..Room::default() };
    let until = model.now + Duration::from_secs(6);
    let kinds = [
        (NoticeKind::Good, "Invite copied"),
        (NoticeKind::Info, "Headset is back"),
        (NoticeKind::Warning, "Headset is gone: using Built-in microphone"),
        (NoticeKind::Danger, "The settings file was broken. It is kept as settings.toml.bad-1"),
    ];
    for (id, (kind, text)) in kinds.into_iter().enumerate() {
        model.toasts.push(Notice { id: id as u64, kind, text: text.into(), about: None, until });
    }
    model
}

/// A lobby in which Join was pressed a moment ago.
pub fn joining() -> Model {
    let mut model = lobby(Duration::from_secs(5));
    change(&mut model, |state, _| state.phase = Phase::Joining);
    model
}

/// A call with somebody of another key, somebody on the way back, a long name, and ourselves dark and muted.
pub fn odd_call() -> Model {
    let mut model = call(4);
    change(&mut model, |state, _| {
        state.peers[0].name = None;
        state.peers[1].reconnecting = true;
        state.peers[2].name = Some("A very long name of somebody who could not stop typing it, even when told".into());
        state.peers[2].quality = Quality { recent_loss: Some(0.02), jitter_ms: Some(44.0), ..Quality::default() };
        (state.own.muted, state.own.camera) = (true, false);
    });
    model.room.name = Some("the-room-with-a-name-as-long-as-it-may-be-and-then-some-more-letters".into());
    model
}

/// A link that names hosts which were never contacted.
pub fn consent() -> Model {
    let mut model = lobby_first_start();
    model.room = Room {
        text: "nearcall://join/kitchen?at=calls.example.org:4433#AAAA".into(),
        name: Some("kitchen".into()),
        consent: Some(vec!["calls.example.org:4433".into()]),
        ..Room::default()
    };
    model
}

/// Changes the state of a model's call.
pub fn change(model: &mut Model, edit: impl FnOnce(&mut State, Instant)) {
    let now = model.now;
    if let Some(state) = &mut model.call {
        edit(Arc::make_mut(state), now);
    }
}

fn blank(now: Instant) -> Model {
    let pictures = Pictures::default();
    pictures.put(Of::Own, Arc::new(picture(0)), now);
    let choice = |id: &str, name: &str, default| Choice { id: id.into(), name: name.into(), default };
    Model {
        now,
        wall: wall(),
        call: None,
        pictures,
        devices: Devices {
            microphones: Some(vec![choice("a", "Built-in microphone", true), choice("b", "Jabra Evolve2 65", false)]),
            speakers: Some(vec![choice("a", "Built-in speakers", true), choice("b", "Jabra Evolve2 65", false)]),
            cameras: Some(vec![choice("0", "HD webcam", true)]),
        },
        screens: None,
        settings: Settings { name: "Ada".into(), ..Settings::default() },
        given_name: None,
        room: Room { text: "kitchen".into(), name: Some("kitchen".into()), ..Room::default() },
        timeline: Vec::new(),
        toasts: Vec::new(),
        hosting: Hosting::No,
        drills: Vec::new(),
        race: None,
        rooms: Default::default(),
        offered: None,
        motion: false,
    }
}

fn state(now: Instant, phase: Phase, candidates: Vec<Standing>) -> State {
    let (started, hops) = (ago(now, 5), hops::of(&candidates));
    State {
        phase,
        relays: Relays::Known,
        manifest: Default::default(),
        race: Race { started, ends: started + Duration::from_secs(3), decided: None, leader: Some(CandidateId(0)) },
        outcome: Some(Outcome {
            elected: CandidateId(0),
            margin_ms: Some(34.7),
            runner_up: Some(CandidateId(2)),
            reason: "lowest score, 35 ms before tokyo-1 by webtransport".into(),
        }),
        candidates,
        hops,
        active: None,
        standby: None,
        outlook: Default::default(),
        reaches: BTreeMap::new(),
        wishes: Vec::new(),
        own: Own {
            id: ParticipantId(1),
            name: "Ada".into(),
            muted: false,
            holds_to_talk: false,
            talks_unheard: false,
            camera: true,
            level: 0.22,
            output_level: 0.0,
            devices: BTreeMap::from([
                (Device::Microphone, DeviceState::InUse { name: "Built-in microphone".into(), instead_of: None }),
                (Device::Speaker, DeviceState::InUse { name: "Built-in speakers".into(), instead_of: None }),
                (Device::Camera, DeviceState::InUse { name: "HD webcam".into(), instead_of: None }),
            ]),
            sharing: Default::default(),
            limited: None,
            rates: Default::default(),
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

/// Each relay by both transports, as far as the race is.
fn candidates(elapsed: Duration, in_call: bool) -> Vec<Standing> {
    let mut rows = Vec::new();
    for (relay, region, provider, rtt_ms) in RELAYS {
        for transport in [Transport::WebTransport, Transport::WebSocket] {
            let id = CandidateId(rows.len() as u32);
            let candidate = Candidate {
                relay: relay.into(),
                region: region.into(),
                provider: provider.into(),
                transport,
                url: format!("https://{relay}.example.org:4433/v1/call"),
            };
            let rtt_ms = rtt_ms.map(|ms| if transport == Transport::WebSocket { ms + 1.9 } else { ms });
            rows.push(standing(id, candidate, rtt_ms, elapsed, in_call));
        }
    }
    rows
}

fn standing(id: CandidateId, candidate: Candidate, rtt_ms: Option<f64>, elapsed: Duration, in_call: bool) -> Standing {
    let sent = (elapsed.as_millis() / 200).min(60) as u32 + 1;
    let loses = |n: u32| id.0 % 3 == 1 && n % 9 == 4;
    let wave = |n: u32| f64::from((n * 7 + id.0 * 5) % 11) * 0.35;
    let recent_ms: Vec<Option<f64>> = match rtt_ms {
        Some(ms) => (0..sent).map(|n| (!loses(n)).then(|| ms + wave(n))).collect(),
        None => vec![None; sent as usize],
    };
    let answers: Vec<f64> = recent_ms.iter().copied().flatten().collect();
    let of = |pick: &dyn Fn(&[f64]) -> f64| (!answers.is_empty()).then(|| pick(&answers));
    let mean_ms = of(&|all| all.iter().sum::<f64>() / all.len() as f64);
    let loss = of(&|all| 1.0 - all.len() as f64 / f64::from(sent));
    let state = match (id.0, mean_ms) {
        (_, None) => LinkState::Failed,
        (0, _) if in_call => LinkState::Active,
        (2, _) if in_call => LinkState::Standby,
        _ => LinkState::Connected,
    };
    Standing {
        id,
        link: None,
        state,
        relay_state: mean_ms
            .map(|_| if candidate.region == "us-west" { RelayState::Draining } else { RelayState::Ready }),
        error: mean_ms.is_none().then(|| "no answer in 5 s: UDP may be blocked".to_owned()),
        connect_ms: mean_ms.map(|ms| ms * 3.1),
        mean_ms,
        median_ms: mean_ms,
        min_ms: rtt_ms,
        p95_ms: mean_ms.map(|ms| ms + 2.1),
        jitter_ms: mean_ms.map(|_| 1.3),
        loss,
        sent,
        received: answers.len() as u32,
        score_ms: mean_ms.map(|ms| ms + loss.unwrap_or(0.0) * (ms + 100.0)),
        recent_ms,
        measured: mean_ms.map(|_| clock::now()),
        candidate,
    }
}

fn place(region: &str, transport: Transport) -> Place {
    Place { relay: format!("{region}-1"), region: region.into(), transport }
}

/// 21 November 2026, 14:16:40 UTC.
fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_270_600)
}

fn ago(now: Instant, seconds: u64) -> Instant {
    now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now)
}

/// Something to look at instead of a face: a gradient with a disc, another colour for each seed.
fn picture(seed: u8) -> I420 {
    let (width, height) = (640usize, 360usize);
    let mut picture = I420::black(width as u32, height as u32);
    let inside = |x: usize, y: usize, r: usize| {
        let (dx, dy) = (x.abs_diff(width / 2), y.abs_diff(height * 9 / 20));
        dx * dx + dy * dy < r * r
    };
    let body = |x: usize, y: usize| {
        let (dx, dy) = (x.abs_diff(width / 2), y.abs_diff(height * 11 / 10));
        dx * dx * 4 / 5 + dy * dy < 150 * 150
    };
    let [luma, u, v] = picture.planes_mut();
    for (n, pixel) in luma.iter_mut().enumerate() {
        let (x, y) = (n % width, n / width);
        let ground = 52 + (x * 24 / width + (height - y) * 26 / height) as u8;
        *pixel = if inside(x, y, 74) {
            178
        } else if body(x, y) {
            128
        } else {
            ground
        };
    }
    let hue = |step: u8| 128 + (i16::from(seed.wrapping_mul(step) % 52) - 26) as i8 as i16;
    for (plane, tint, skin) in [(u, hue(47), 112u8), (v, hue(83), 146u8)] {
        for (n, pixel) in plane.iter_mut().enumerate() {
            let (x, y) = (n % (width / 2) * 2, n / (width / 2) * 2);
            *pixel = if inside(x, y, 74) { skin } else { tint.clamp(16, 240) as u8 };
        }
    }
    picture
}
