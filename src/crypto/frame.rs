//! End-to-end encryption of what a participant sends: SFrame (RFC 9605) with AES-128-GCM-SHA256 and its 128-bit tag.
//!
//! `call` holds one [`Sealer`] for itself and one [`Opener`] for each member of the roster. A frame is sealed once,
//! whatever the number of links that carry it.
//!
//! # Keys
//!
//! Key id: `epoch << 8 | stream`. Streams: 0 microphone, 1 camera, 2 screen, 6 control, 7 profile, so that
//! the key id of epoch 0 needs no byte of its own in the SFrame header. Every (sender, epoch, stream) has its own
//! key:
//!
//! ```text
//! base key = HKDF-SHA256(salt = the sender's salt, input = invite secret,
//!                        info = "nearcall v1 frame" || room || participant u64 || key id u64), 32 bytes
//! ```
//!
//! and from there as in RFC 9605 section 4.4.2. The SFrame counter counts the frames of a stream, all layers
//! together. A key and a counter never meet twice: a sealer draws its own salt, is not cloned, and its counters only
//! grow.
//!
//! # What is bound
//!
//! The metadata (RFC 9605 section 4.4.3: it follows the SFrame header in the associated data) is the
//! [`MediaHeader`] for media, and `participant u64 || room` for control and profiles. Whoever has the invite can derive
//! the epoch 0 keys of everybody, so a frame proves that somebody with the invite sent it, not which of them.
//!
//! Must never: keep a window against replays of media. The header is authenticated, and playout drops a
//! frame number that it has seen; control messages carry a [`Control::sequence`] for that.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use ring::rand::SecureRandom;
use sframe::CipherSuite;
use sframe::crypto::{DecryptionBufferView, EncryptionBufferView};
use sframe::header::SframeHeader;
use sframe::key::{DecryptionKey, EncryptionKey};

use super::{NoRandom, Profile, RoomSecret, random};
use crate::proto::{MediaHeader, ParticipantId, Track, limits};

const SUITE: CipherSuite = CipherSuite::AesGcm128Sha256;
const TAG: usize = SUITE.auth_tag_len();

/// Most bytes that sealing adds: SFrame header (1, key id 5, counter 4) and tag (16). Epoch 0: 17 to 21.
pub const OVERHEAD: usize = 26;

/// Frames under one key, far below what AES-GCM bears; at 90 frames a second it lasts a year and a half.
const FRAMES_PER_KEY: u64 = 1 << 32;

/// A participant's salt: in its roster entry, part of its keys.
pub type Salt = [u8; limits::SALT_BYTES];

/// Why something could not be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("{len} bytes are more than the {max} that can be sent")]
    TooLong { len: usize, max: usize },
    /// The header names a participant that this sealer does not send for.
    #[error("a frame of {0} cannot be sealed with another participant's key")]
    Participant(ParticipantId),
    #[error("the key has sealed all the frames that it may: join again")]
    Exhausted,
    #[error("sealing failed")]
    Failed,
}

/// Why something could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Its epoch is not known, or not yet.
    #[error("no key for this epoch")]
    NoKey,
    /// It was not sealed by this sender for this place: another invite, room, sender or stream, or changed on the way.
    #[error("not sealed with this sender's key, or changed on the way")]
    Forged,
    /// It is no SFrame ciphertext, or holds no message.
    #[error("malformed")]
    Malformed,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Media(Track),
    Control,
    Profile,
}

impl Stream {
    fn id(self) -> u8 {
        match self {
            Stream::Media(Track::Microphone) => 0,
            Stream::Media(Track::Camera) => 1,
            Stream::Media(Track::Screen) => 2,
            Stream::Control => 6,
            Stream::Profile => 7,
        }
    }
}

/// One of a kind for each stream.
struct Streams<T> {
    microphone: T,
    camera: T,
    screen: T,
    control: T,
    profile: T,
}

impl<T> Streams<T> {
    fn build(make: impl Fn(Stream) -> T) -> Self {
        Self {
            microphone: make(Stream::Media(Track::Microphone)),
            camera: make(Stream::Media(Track::Camera)),
            screen: make(Stream::Media(Track::Screen)),
            control: make(Stream::Control),
            profile: make(Stream::Profile),
        }
    }

    fn get(&self, stream: Stream) -> &T {
        match stream {
            Stream::Media(Track::Microphone) => &self.microphone,
            Stream::Media(Track::Camera) => &self.camera,
            Stream::Media(Track::Screen) => &self.screen,
            Stream::Control => &self.control,
            Stream::Profile => &self.profile,
        }
    }
}

/// A sender in a room: what its keys and its control messages are bound to.
struct Sender<'a> {
    secret: &'a RoomSecret,
    room: &'a str,
    participant: ParticipantId,
    salt: &'a Salt,
}

impl Sender<'_> {
    fn base_key(&self, key_id: u64) -> [u8; 32] {
        let info: [&[u8]; 4] =
            [b"nearcall v1 frame", self.room.as_bytes(), &self.participant.0.to_be_bytes(), &key_id.to_be_bytes()];
        self.secret.derive(self.salt, &info)
    }

    /// The metadata of control messages and profiles.
    fn bound(&self) -> Vec<u8> {
        [&self.participant.0.to_be_bytes(), self.room.as_bytes()].concat()
    }
}

fn key_id(epoch: u32, stream: Stream) -> u64 {
    u64::from(epoch) << 8 | u64::from(stream.id())
}

/// A key and how many frames it has sealed.
struct SealingStream {
    key: EncryptionKey,
    counter: AtomicU64,
}

impl SealingStream {
    /// A counter that nobody got before.
    fn next_counter(&self) -> Result<u64, SealError> {
        self.counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| (next < FRAMES_PER_KEY).then_some(next + 1))
            .map_err(|_| SealError::Exhausted)
    }
}

/// Seals what we send. Shared between threads by reference; not cloned, for its counters must not run twice.
pub struct Sealer {
    participant: ParticipantId,
    salt: Salt,
    bound: Vec<u8>,
    streams: Streams<SealingStream>,
}

impl Sealer {
    /// A sender's keys of epoch 0, under a salt drawn here: joining the same room again, as the same participant,
    /// takes a new sealer and with it new keys.
    ///
    /// # Errors
    /// The random source failed.
    pub fn new(
        secret: &RoomSecret,
        room: &str,
        participant: ParticipantId,
        rng: &dyn SecureRandom,
    ) -> Result<Self, NoRandom> {
        let salt = random(rng)?;
        let sender = Sender { secret, room, participant, salt: &salt };
        let streams = Streams::build(|stream| {
            let id = key_id(0, stream);
            let key = EncryptionKey::derive_from(SUITE, id, sender.base_key(id)).expect("ring offers this suite");
            SealingStream { key, counter: AtomicU64::new(0) }
        });
        Ok(Self { participant, bound: sender.bound(), salt, streams })
    }

    /// The salt for our roster entry (`Member::salt`).
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The epoch for our roster entry (`Member::epoch`).
    pub fn epoch(&self) -> u32 {
        0
    }

    /// Seals a media frame; the header, as it is sent, is bound to it.
    ///
    /// # Errors
    /// Too long for a frame, a header of another participant, or the key is used up.
    pub fn seal(&self, header: &MediaHeader, payload: &[u8]) -> Result<Vec<u8>, SealError> {
        if header.participant != self.participant {
            return Err(SealError::Participant(header.participant));
        }
        let max = limits::VIDEO_FRAME_BYTES - MediaHeader::LEN;
        self.seal_stream(Stream::Media(header.track), &header.to_bytes(), payload, max)
    }

    /// Seals a control message: words, times. At most [`limits::SEALED_BYTES`] less [`OVERHEAD`].
    ///
    /// # Errors
    /// Too long, or the key is used up.
    pub fn seal_control(&self, payload: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_stream(Stream::Control, &self.bound, payload, limits::SEALED_BYTES)
    }

    /// Seals a profile for our roster entry (`Member::profile`).
    ///
    /// # Errors
    /// The key is used up.
    pub fn seal_profile(&self, profile: &Profile) -> Result<Vec<u8>, SealError> {
        let payload = profile.clone().cleaned().encode_to_vec();
        self.seal_stream(Stream::Profile, &self.bound, &payload, limits::PROFILE_BYTES)
    }

    /// SFrame header, ciphertext, tag.
    fn seal_stream(&self, stream: Stream, metadata: &[u8], payload: &[u8], max: usize) -> Result<Vec<u8>, SealError> {
        if payload.len() + OVERHEAD > max {
            return Err(SealError::TooLong { len: payload.len(), max: max - OVERHEAD });
        }
        let stream = self.streams.get(stream);
        let counter = stream.next_counter()?;
        let header = SframeHeader::new(stream.key.key_id(), counter);
        let mut sealed = Vec::with_capacity(header.len() + payload.len() + TAG);
        sealed.extend(Vec::from(&header));
        let mut aad = [&sealed, metadata].concat();
        sealed.extend_from_slice(payload);
        sealed.resize(sealed.len() + TAG, 0);
        let (data, tag) = sealed[header.len()..].split_at_mut(payload.len());
        stream
            .key
            .encrypt(EncryptionBufferView { aad: &mut aad, data, tag }, counter)
            .map_err(|_| SealError::Failed)?;
        Ok(sealed)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("participant", &self.participant).finish_non_exhaustive()
    }
}

/// A control message, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Grows with every control message of the sender, authenticated: two links deliver a message twice, and
    /// a dishonest relay may repeat one, so the receiver drops what it has seen.
    pub sequence: u64,
    pub payload: Vec<u8>,
}

/// Opens what one remote participant sends.
pub struct Opener {
    participant: ParticipantId,
    bound: Vec<u8>,
    epochs: BTreeMap<u32, Streams<DecryptionKey>>,
}

impl Opener {
    /// The keys of a sender, from its roster entry.
    pub fn new(secret: &RoomSecret, room: &str, participant: ParticipantId, salt: &Salt) -> Self {
        let sender = Sender { secret, room, participant, salt };
        let streams = Streams::build(|stream| {
            let id = key_id(0, stream);
            DecryptionKey::derive_from(SUITE, id, sender.base_key(id)).expect("ring offers this suite")
        });
        Self { participant, bound: sender.bound(), epochs: BTreeMap::from([(0, streams)]) }
    }

    /// Opens a media frame that came behind `header`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&self, header: &MediaHeader, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        if header.participant != self.participant {
            return Err(OpenError::Forged);
        }
        self.open_stream(Stream::Media(header.track), &header.to_bytes(), sealed).map(|(_, payload)| payload)
    }

    /// Opens a control message.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_control(&self, sealed: &[u8]) -> Result<Control, OpenError> {
        self.open_stream(Stream::Control, &self.bound, sealed).map(|(sequence, payload)| Control { sequence, payload })
    }

    /// Opens a profile; what it holds is cleaned for drawing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_profile(&self, sealed: &[u8]) -> Result<Profile, OpenError> {
        let (_, payload) = self.open_stream(Stream::Profile, &self.bound, sealed)?;
        Profile::decode(&*payload).map(Profile::cleaned).map_err(|_| OpenError::Malformed)
    }

    fn open_stream(&self, stream: Stream, metadata: &[u8], sealed: &[u8]) -> Result<(u64, Vec<u8>), OpenError> {
        let header = SframeHeader::deserialize(sealed).map_err(|_| OpenError::Malformed)?;
        let (head, body) = sealed.split_at_checked(header.len()).ok_or(OpenError::Malformed)?;
        let len = body.len().checked_sub(TAG).ok_or(OpenError::Malformed)?;
        let epoch = u32::try_from(header.key_id() >> 8).map_err(|_| OpenError::NoKey)?;
        let streams = self.epochs.get(&epoch).ok_or(OpenError::NoKey)?;
        if header.key_id() != key_id(epoch, stream) {
            return Err(OpenError::Forged);
        }
        let mut aad = [head, metadata].concat();
        let mut data = body.to_vec();
        streams
            .get(stream)
            .decrypt(DecryptionBufferView { aad: &mut aad, data: &mut data }, header.counter())
            .map_err(|_| OpenError::Forged)?;
        data.truncate(len);
        Ok((header.counter(), data))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("participant", &self.participant).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
