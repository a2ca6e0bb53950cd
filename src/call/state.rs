//! What a window draws of a call: one snapshot, replaced whole, ten times a second at most and only when it differs.
//!
//! Events tell what happened; this tells how things stand. Made by the controller, read through
//! [`Call::state`](super::Call::state). Pictures do not travel here: see [`Pictures`](crate::media::video::Pictures).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conversation::Conversation;
use super::delay::MouthToEar;
use super::event::Place;
use super::hops::Hops;
use super::reach::Reach;
pub use crate::election::Redial;
use crate::election::{self, CandidateId, LinkState, Standing};
pub use crate::media::video::Limit;
use crate::media::{Device, Problem};
use crate::proto::ParticipantId;
use crate::proto::manifest::Manifest;

/// How a call stands.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub phase: Phase,
    pub relays: Relays,
    /// The relays that are raced, as they are listed.
    pub manifest: Arc<Manifest>,
    pub race: Race,
    /// A row for each candidate, in the manifest's order.
    pub candidates: Vec<Standing>,
    /// Who answered at each, and what lies between.
    pub hops: Hops,
    /// Who would be taken on what is known now, or was; `None` while nobody answered.
    pub outcome: Option<election::Outcome>,
    /// Where the call runs.
    pub active: Option<Place>,
    pub standby: Option<Place>,
    /// What the election waits for before the next move for the better.
    pub outlook: election::Outlook,
    /// Where everybody else's call runs, and how far every region is for them, as far as they told.
    pub reaches: BTreeMap<ParticipantId, Reach>,
    /// What the user asked of the election and is in force, oldest first.
    pub wishes: Vec<Wish>,
    pub own: Own,
    /// Everybody else in the room, in the order in which they came.
    pub peers: Vec<Peer>,
    /// Who shares a screen, the newest first.
    pub screens: Vec<ParticipantId>,
    /// Who speaks, or spoke last; stays for a moment so that a view does not flicker.
    pub speaker: Option<ParticipantId>,
    /// While every link is lost, or silent: how far the way back is.
    pub redial: Option<Redial>,
    /// Chat, reactions, raised hands, and what hosts decided.
    pub conversation: Conversation,
}

/// What the user is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Racing, and not in a room.
    Lobby,
    /// Join was asked for.
    Joining,
    InCall {
        since: Instant,
    },
    /// Every link is lost, or silent, since then; the room is kept.
    Reconnecting {
        since: Instant,
    },
}

/// Whether there is anything to race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relays {
    /// The lists are being read.
    Loading,
    Known,
    /// No list could be read, and why; it is tried again.
    Failed(String),
    /// There is no list to read.
    None,
}

/// How far the race is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Race {
    pub started: Instant,
    pub ends: Instant,
    /// From the start to the first leader.
    pub decided: Option<Duration>,
    pub leader: Option<CandidateId>,
}

/// Something asked of the election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub what: Wished,
    /// A relay or a region.
    pub name: String,
    /// It ends by itself then.
    pub until: Option<Instant>,
}

/// What kind of wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wished {
    Pin,
    Block,
}

/// Ourselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    pub id: ParticipantId,
    pub name: String,
    pub muted: bool,
    /// Not muted for as long as a key is held.
    pub holds_to_talk: bool,
    /// Muted, and talking all the same.
    pub talks_unheard: bool,
    pub camera: bool,
    /// Of the microphone, 0.0..=1.0, also while muted.
    pub level: f32,
    /// Of what is played.
    pub output_level: f32,
    pub devices: BTreeMap<Device, DeviceState>,
    pub sharing: Sharing,
    /// Why our picture is sent smaller, or less often, than others want it.
    pub limited: Option<Limit>,
    /// What is sent, and what could be.
    pub rates: Rates,
    /// Hears nobody, because that was asked for.
    pub deaf: bool,
    /// Share of our sound that even the best of those who hear us lost in the last seconds, 0-1; `None` where nobody said.
    pub sent_loss: Option<f64>,
}

/// The way to the relay, as it was in the last second.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Rates {
    /// What may be sent, what was, and what arrived; bits a second.
    pub target_bps: u64,
    pub sent_bps: u64,
    pub delivered_bps: u64,
    /// How long packets wait on the way there, and back; `None` where that is not known.
    pub queue_ms: Option<f64>,
    pub downlink_queue_ms: Option<f64>,
    /// Share of what was sent, 0-1.
    pub loss: f64,
    /// Somebody else's traffic keeps the queue long.
    pub competing: bool,
    /// What the encoders were given, bits a second.
    pub camera_bps: u64,
    pub screen_bps: u64,
}

/// What we share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sharing {
    #[default]
    Nothing,
    /// It was asked for; perhaps the system asks the user what.
    Starting,
    /// A screen or a window, by its name.
    Of(String),
}

/// What a device does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    Off,
    Opening,
    /// It runs; `instead_of` is the one that was asked for, where another one stands in.
    InUse {
        name: String,
        instead_of: Option<String>,
    },
    Trouble(Problem),
}

/// Somebody else in the room.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    pub id: ParticipantId,
    /// `None` where it has another key: neither of us reads the other.
    pub name: Option<String>,
    pub muted: bool,
    pub camera: bool,
    /// Its last link ended; it has half a minute to come back.
    pub reconnecting: bool,
    /// 0.0..=1.0.
    pub level: f32,
    pub speaking: bool,
    /// What we made of its sound.
    pub volume: Volume,
    pub quality: Quality,
}

/// How loud somebody is played to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// Of what it says, 0..=200.
    pub percent: u8,
    /// Not played at all, whatever the percentage.
    pub muted: bool,
}

impl Default for Volume {
    fn default() -> Self {
        Self { percent: 100, muted: false }
    }
}

impl Volume {
    /// What is played, percent, 0..=200.
    pub fn played(self) -> u8 {
        if self.muted { 0 } else { self.percent.min(200) }
    }
}

/// How a peer is received.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// Of its sound since the start, 0-1.
    pub audio_loss: Option<f64>,
    /// The same of the last seconds.
    pub recent_loss: Option<f64>,
    pub jitter_ms: Option<f64>,
    /// Between arrival and playout, ms.
    pub delay_ms: Option<f64>,
    /// Of its picture.
    pub width: u32,
    pub height: u32,
    pub fps: f32,
    /// It sends pictures, and none came for a while.
    pub frozen: bool,
    /// How much later than the sound of their moment its pictures are shown, ms; negative where they are earlier. `None`
    /// where one of the two is missing.
    pub lip_offset_ms: Option<f64>,
    /// How old its sound is when it is heard, and where the time goes.
    pub mouth_to_ear: MouthToEar,
}

impl Peer {
    /// A name to draw.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("someone with another key")
    }
}

impl Own {
    /// What a device does; [`DeviceState::Off`] for one that was never started.
    pub fn device(&self, device: Device) -> &DeviceState {
        self.devices.get(&device).unwrap_or(&DeviceState::Off)
    }
}

impl State {
    /// The row of a candidate.
    pub fn candidate(&self, id: CandidateId) -> Option<&Standing> {
        self.candidates.iter().find(|standing| standing.id == id)
    }

    /// The candidate that carries the call, or that Join would take.
    pub fn leader(&self) -> Option<&Standing> {
        let active = self.candidates.iter().find(|standing| standing.state == LinkState::Active);
        active.or_else(|| self.candidate(self.race.leader?))
    }

    /// The names of the regions, each once, in order.
    pub fn regions(&self) -> Vec<&str> {
        let mut regions: Vec<&str> = Vec::new();
        for standing in &self.candidates {
            let region = standing.candidate.region.as_str();
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        regions
    }
}
