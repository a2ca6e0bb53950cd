//! What we receive: opens frames with their senders' keys and hands them to the mixer and the decoder.
//!
//! Outlives every link. Frames arrive by any link, some of them twice; the playout buffers drop what they have
//! seen. Only what a member of the room sent, and what opens, gets so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::arrivals::Arrivals;
use super::delay::Transit;
use super::redundancy::{Heard, Losses};
use super::state::Volume;
use super::words::Seen;
use crate::crypto::frame::Opener;
use crate::crypto::profile::Profile;
use crate::crypto::secret::RoomSecret;
use crate::jitter::audio::AudioIn;
use crate::media::audio::{AudioError, Mixer, MixerConfig};
use crate::media::video::receiver::{Receiver, VideoIn};
use crate::media::video::{Pictures, VideoError};
use crate::media::{Event, audio};
use crate::proto::control::{Member, Resume};
use crate::proto::datagram;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{MediaHeader, ParticipantId, Track};

/// Frames of a participant that the roster does not list yet are kept for it: its entry travels on another stream.
const EARLY_FRAMES: usize = 512;
/// A sender was silent for this long: no more is expected of it.
const FLOWING: Duration = Duration::from_secs(2);

/// Why what arrives cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    #[error(transparent)]
    Audio(#[from] AudioError),
    #[error(transparent)]
    Video(#[from] VideoError),
}

/// See the module.
#[derive(Debug)]
pub struct Subscriber {
    /// The room's secret and name; none before it was entered.
    room: Option<(RoomSecret, String)>,
    mixer: Mixer,
    receiver: Receiver,
    peers: BTreeMap<ParticipantId, Peer>,
    /// Whose pictures are not shown, and not asked for.
    hidden: BTreeSet<ParticipantId>,
    early: Vec<(Early, Instant)>,
    arrivals: Arrivals,
}

/// What came before its sender's entry in the roster.
#[derive(Debug)]
enum Early {
    Audio(Bytes),
    Video(VideoFrame),
}

struct Peer {
    salt: Bytes,
    opener: Option<Opener>,
    profile: Option<Profile>,
    volume: Volume,
    /// Control messages that came.
    controls: Seen,
    newest_control: u64,
    /// When the newest audio came, and whether silence was announced with it.
    audio: Option<(Instant, bool)>,
    /// Number of the newest audio, and how late it and those before it came.
    newest: Option<u32>,
    transit: Transit,
    video: Option<Instant>,
    /// Frames that did not open.
    unreadable: u64,
    losses: Losses,
    /// Packets received and sound made up, ms, as of the last report.
    reported: (u64, u64),
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("readable", &self.opener.is_some()).finish_non_exhaustive()
    }
}

/// A control message of a peer.
#[derive(Debug)]
pub struct Opened {
    pub payload: Vec<u8>,
    /// A later one was opened before.
    pub late: bool,
}

/// What a receiver tells a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioReport {
    pub peer: ParticipantId,
    pub heard: Heard,
    pub jitter_ms: u32,
}

impl Subscriber {
    /// Starts the mixer and the decoder.
    ///
    /// # Errors
    /// A recording cannot be created, or a thread cannot be started.
    pub fn start(
        play: audio::Output,
        record_audio: Option<std::path::PathBuf>,
        record_video: Option<std::path::PathBuf>,
        pictures: Pictures,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, SubscribeError> {
        let mixer = Mixer::start(MixerConfig { output: play, record: record_audio }, events.clone())?;
        let receiver = Receiver::start(events, record_video, pictures)?;
        Ok(Self {
            room: None,
            mixer,
            receiver,
            peers: BTreeMap::new(),
            hidden: BTreeSet::new(),
            early: Vec::new(),
            arrivals: Arrivals::default(),
        })
    }

    /// The room is about to be entered.
    pub fn enter(&mut self, secret: RoomSecret, room: String) {
        self.room = Some((secret, room));
    }

    /// A member came or changed: its keys. Frames that came before it are played. Returns its name, or `None` where its
    /// profile does not open: it has another key.
    pub fn add(&mut self, member: &Member) -> Option<String> {
        let id = ParticipantId(member.participant);
        if self.peers.get(&id).is_some_and(|peer| peer.salt != member.salt) {
            // The same participant with other keys is another instance: nothing of the old one fits it.
            self.remove(id);
        }
        let (secret, room) = self.room.as_ref()?;
        let opener = || Some(Opener::new(secret, room, id, &member.salt.as_ref().try_into().ok()?));
        let peer = self.peers.entry(id).or_insert_with(|| Peer {
            salt: member.salt.clone(),
            opener: opener(),
            profile: None,
            volume: Volume::default(),
            controls: Seen::default(),
            newest_control: 0,
            audio: None,
            newest: None,
            transit: Transit::default(),
            video: None,
            unreadable: 0,
            losses: Losses::default(),
            reported: (0, 0),
        });
        peer.profile = peer.opener.as_ref().and_then(|opener| opener.open_profile(&member.profile).ok());
        let name = peer.profile.as_ref().map(|profile| profile.name.clone());
        let early = std::mem::take(&mut self.early);
        for (frame, at) in early {
            match frame {
                Early::Audio(body) => drop(self.audio(&body, at)),
                Early::Video(frame) => drop(self.video(frame, at)),
            }
        }
        name
    }

    /// A member left: its decoders and buffers go.
    pub fn remove(&mut self, peer: ParticipantId) {
        self.peers.remove(&peer);
        self.hidden.remove(&peer);
        self.mixer.remove(peer);
        self.receiver.remove(peer);
    }

    /// The members of the room, ourselves not among them.
    pub fn peers(&self) -> impl Iterator<Item = ParticipantId> {
        self.peers.keys().copied()
    }

    /// The name in a member's profile, where it could be opened.
    pub fn name(&self, peer: ParticipantId) -> Option<String> {
        Some(self.profile(peer)?.name.clone())
    }

    /// What a member shows of itself, where it could be opened.
    pub fn profile(&self, peer: ParticipantId) -> Option<&Profile> {
        self.peers.get(&peer)?.profile.as_ref()
    }

    /// A member's profile changed: what it does not send any more is not missing.
    pub fn rest(&mut self, id: ParticipantId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(profile) = &peer.profile else { return };
        if profile.muted {
            self.mixer.pause(id);
        }
        let off = profile.camera_off || self.hidden.contains(&id);
        if off {
            peer.video = None;
        }
        self.receiver.rest(id, off);
        if !profile.sharing {
            self.receiver.screen_ended(id);
        }
    }

    /// Says whose pictures are not shown from now on: what of them does not come is not missing.
    pub fn hide(&mut self, hidden: impl Fn(ParticipantId) -> bool) {
        let peers: Vec<ParticipantId> = self.peers.keys().copied().collect();
        self.hidden = peers.iter().copied().filter(|peer| hidden(*peer)).collect();
        peers.into_iter().for_each(|peer| self.rest(peer));
    }

    /// How loud a member is played from now on. Who has left is nobody.
    pub fn set_volume(&mut self, id: ParticipantId, volume: Volume) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.volume = volume;
            self.mixer.set_volume(id, volume.played());
        }
    }

    pub fn volume(&self, id: ParticipantId) -> Volume {
        self.peers.get(&id).map(|peer| peer.volume).unwrap_or_default()
    }

    /// Takes in an audio datagram; returns who spoke.
    pub fn audio(&mut self, body: &Bytes, at: Instant) -> Option<ParticipantId> {
        let packets = datagram::decode(body).inspect_err(|error| tracing::debug!(%error, "bad audio")).ok()?;
        let mut speaker = None;
        for (place, packet) in packets.into_iter().enumerate() {
            let id = packet.header.participant;
            let Some(peer) = self.peers.get_mut(&id) else {
                self.keep_early(Early::Audio(body.clone()), at);
                break;
            };
            let Some(payload) = peer.open(&packet.header, &packet.payload) else { continue };
            self.arrivals.frame(&packet.header, at);
            peer.audio = Some((at, packet.header.dtx));
            let number = packet.header.frame;
            if place == 0 {
                peer.losses.came(number);
            }
            let (capture_us, dtx) = (packet.header.capture_us, packet.header.dtx);
            // What comes again, or out of its order, is not the way of the moment.
            if peer.newest.is_none_or(|newest| number.wrapping_sub(newest).wrapping_sub(1) < u32::MAX / 2) {
                peer.newest = Some(number);
                peer.transit.add(capture_us, at);
            }
            self.mixer.push(id, AudioIn { number, capture_us, dtx, payload: payload.into() }, at);
            speaker = Some(id);
        }
        speaker
    }

    /// Takes in a video frame; returns whose it is.
    pub fn video(&mut self, frame: VideoFrame, at: Instant) -> Option<ParticipantId> {
        let id = frame.header.participant;
        let Some(peer) = self.peers.get_mut(&id) else {
            self.keep_early(Early::Video(frame), at);
            return None;
        };
        let payload = peer.open(&frame.header, &frame.payload())?;
        self.arrivals.frame(&frame.header, at);
        // A screen that stands still sends next to nothing: none of it is expected.
        let camera = frame.header.track == Track::Camera;
        if camera && !self.hidden.contains(&id) && !peer.profile.as_ref().is_some_and(|profile| profile.camera_off) {
            peer.video = Some(at);
        }
        self.receiver.push(id, VideoIn { header: frame.header, payload: payload.into() }, at);
        Some(id)
    }

    fn keep_early(&mut self, early: Early, at: Instant) {
        self.early.retain(|(_, since)| at.saturating_duration_since(*since) < FLOWING);
        if self.early.len() < EARLY_FRAMES {
            self.early.push((early, at));
        }
    }

    /// How a member's packets came since this was last asked: for [`Delays`](super::delay::Delays).
    pub fn transit(&mut self, peer: ParticipantId) -> Transit {
        self.peers.get_mut(&peer).map(|peer| std::mem::take(&mut peer.transit)).unwrap_or_default()
    }

    /// Opens a control message; `None` where it does not open or was seen before. Around a move a later one may come first.
    pub fn control(&mut self, from: ParticipantId, sealed: &[u8]) -> Option<Opened> {
        let peer = self.peers.get_mut(&from)?;
        let control = peer.opener.as_ref()?.open_control(sealed).ok()?;
        if !peer.controls.take(control.sequence) {
            return None;
        }
        let late = control.sequence < peer.newest_control;
        peer.newest_control = peer.newest_control.max(control.sequence);
        Some(Opened { payload: control.payload, late })
    }

    /// Where each picture stands, for a link that goes on from there.
    pub fn resume(&self) -> Vec<Resume> {
        let last_of = |id: &ParticipantId| {
            let participant = id.0;
            self.receiver.last_frames(*id).into_iter().map(move |(track, spatial, group, frame)| Resume {
                participant,
                track: track as u32,
                spatial: spatial.into(),
                group,
                frame,
            })
        };
        self.peers.keys().flat_map(last_of).collect()
    }

    /// Whether media should be arriving now, and how far apart: somebody sent a moment ago and did not announce silence.
    pub fn expected(&self, now: Instant) -> Option<Duration> {
        let recent = |at: Instant| now.saturating_duration_since(at) < FLOWING;
        let audio = |peer: &Peer| peer.audio.is_some_and(|(at, dtx)| recent(at) && !dtx);
        let video = |peer: &Peer| peer.video.is_some_and(recent);
        if self.peers.values().any(audio) {
            return Some(Duration::from_millis(20));
        }
        self.peers.values().any(video).then_some(Duration::from_millis(34))
    }

    /// What each sender should know of the way to here since this was last asked.
    pub fn reports(&mut self) -> Vec<AudioReport> {
        let stats = self.mixer.stats();
        let mut reports = Vec::new();
        for (id, peer) in &mut self.peers {
            let Some(stats) = stats.get(id) else { continue };
            let (received, concealed) = (stats.received, stats.concealed_ms);
            let sound_ms = received.saturating_sub(peer.reported.0) * 20;
            let made_up_ms = concealed.saturating_sub(peer.reported.1);
            peer.reported = (received, concealed);
            if let Some((loss_permille, longest_burst)) = peer.losses.take() {
                let concealed_permille = (1000 * made_up_ms / (sound_ms + made_up_ms).max(1)) as u32;
                let heard = Heard { loss_permille, concealed_permille, longest_burst };
                reports.push(AudioReport { peer: *id, heard, jitter_ms: stats.jitter_ms as u32 });
            }
        }
        reports
    }

    /// The longest time without sound and between pictures of any peer since this was last asked, ms.
    pub fn take_longest_gaps_ms(&mut self) -> (Option<u64>, Option<u64>) {
        let audio = self.peers.keys().filter_map(|id| self.mixer.take_longest_gap_ms(*id)).max();
        let video = self.peers.keys().filter_map(|id| self.receiver.take_longest_gap_ms(*id)).max();
        (audio, video)
    }

    /// What came and when.
    pub fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    pub fn mixer(&self) -> &Mixer {
        &self.mixer
    }

    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }
}

impl Peer {
    fn open(&mut self, header: &MediaHeader, sealed: &[u8]) -> Option<Vec<u8>> {
        match self.opener.as_ref()?.open(header, sealed) {
            Ok(payload) => Some(payload),
            Err(error) => {
                self.unreadable += 1;
                if self.unreadable.is_power_of_two() {
                    let track = header.track.name();
                    tracing::warn!(peer = %header.participant, track, count = self.unreadable, %error, "unreadable");
                }
                None
            }
        }
    }
}

/// What a track is called in events.
pub fn kind(track: Track) -> &'static str {
    match track {
        Track::Microphone => "audio",
        Track::Camera => "video",
        Track::Screen => "screen",
    }
}
