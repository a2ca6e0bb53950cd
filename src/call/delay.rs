//! How old the sound is when it is heard, of each peer, and what its delay is made of. Pure: told what happens, with its
//! time.
//!
//! # Model
//!
//! Packets carry the capture time on the sender's clock; [`Timing`] messages, and their echoes, say how far that clock is
//! from ours. So the way from the microphone to here is *measured*: arrival less capture time. The sender tells what it spent
//! on capture and coding and how far its relay is, we know how far ours is: what is left of the way lies between the two
//! relays. The jitter buffer is what lies between a packet's arrival and its playout, and needs no clock but ours. The sum
//! of the parts is the measured whole; where half the round trips are longer than the way took, they are cut to fit, and at one
//! relay they are the whole way.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::media::MediaClock;
use crate::media::sync::Courtesy;
use crate::proto::ParticipantId;
use crate::proto::timing::{Echo, Timing};

/// How often everybody is told.
const APART: Duration = Duration::from_secs(5);
/// The same for the first few times, and after somebody came.
const APART_FIRST: Duration = Duration::from_secs(1);
const FIRST: u32 = 4;
/// Exchanges that the quickest is taken of: it waited least, so its two ways are the most alike. Over 40 s two crystals part
/// by 2 ms at most.
const EXCHANGES: usize = 8;
/// Share of a new value in a smoothed one; ten values a second.
const SHARE: f64 = 0.1;

/// From mouth to ear, and its parts in the order in which sound passes them, ms. `None` (JSON `null`) where a part was not
/// measured.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct MouthToEar {
    /// From the first sample of a packet to the encoder: the packet's length and the device.
    pub capture_ms: Option<f64>,
    /// In the encoder, and from there to the link.
    pub encode_ms: Option<f64>,
    /// From the sender to its relay.
    pub uplink_ms: Option<f64>,
    /// From that relay to ours.
    pub between_ms: Option<f64>,
    /// From our relay to us.
    pub downlink_ms: Option<f64>,
    /// Waiting for its turn.
    pub jitter_buffer_ms: Option<f64>,
    /// Decoding and mixing, and by how much the codec's sound is later than its packets say.
    pub decode_ms: Option<f64>,
    /// From the mix to the ear: the speaker's ring and the device. Not measured where nothing is played.
    pub playout_ms: Option<f64>,
}

impl MouthToEar {
    /// The parts with names for people.
    pub fn parts(&self) -> [(&'static str, Option<f64>); 8] {
        [
            ("capture", self.capture_ms),
            ("encode", self.encode_ms),
            ("uplink", self.uplink_ms),
            ("between regions", self.between_ms),
            ("downlink", self.downlink_ms),
            ("jitter buffer", self.jitter_buffer_ms),
            ("decode", self.decode_ms),
            ("playout", self.playout_ms),
        ]
    }

    /// All of it; `None` while any part but the last two is not known, for what is missing is not nothing.
    pub fn sum_ms(&self) -> Option<f64> {
        let known =
            [self.capture_ms, self.encode_ms, self.uplink_ms, self.between_ms, self.downlink_ms, self.jitter_buffer_ms];
        let sum = known.into_iter().sum::<Option<f64>>()?;
        Some(sum + self.decode_ms.unwrap_or(0.0) + self.playout_ms.unwrap_or(0.0))
    }

    /// With each part as `of` makes it.
    pub fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self {
            capture_ms: self.capture_ms.map(&of),
            encode_ms: self.encode_ms.map(&of),
            uplink_ms: self.uplink_ms.map(&of),
            between_ms: self.between_ms.map(&of),
            downlink_ms: self.downlink_ms.map(&of),
            jitter_buffer_ms: self.jitter_buffer_ms.map(&of),
            decode_ms: self.decode_ms.map(&of),
            playout_ms: self.playout_ms.map(&of),
        }
    }

    fn added(&self, other: &Self) -> Self {
        let sum = |one: Option<f64>, other: Option<f64>| Some(one.unwrap_or(0.0) + other.unwrap_or(0.0));
        Self {
            capture_ms: sum(self.capture_ms, other.capture_ms),
            encode_ms: sum(self.encode_ms, other.encode_ms),
            uplink_ms: sum(self.uplink_ms, other.uplink_ms),
            between_ms: sum(self.between_ms, other.between_ms),
            downlink_ms: sum(self.downlink_ms, other.downlink_ms),
            jitter_buffer_ms: sum(self.jitter_buffer_ms, other.jitter_buffer_ms),
            decode_ms: sum(self.decode_ms, other.decode_ms),
            playout_ms: other.playout_ms.map(|ms| ms + self.playout_ms.unwrap_or(0.0)),
        }
    }
}

/// What we know of our own side, ms.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnSide {
    /// Half a mean round trip to the relay.
    pub link_ms: Option<f64>,
    /// The running instance of that relay.
    pub relay: Option<u64>,
    pub decode_ms: Option<f64>,
    pub playout_ms: Option<f64>,
}

/// What is told of our microphone, and smoothed here.
#[derive(Debug, Default)]
pub struct Sending {
    capture_us: Smooth,
    encode_us: Smooth,
}

impl Sending {
    /// A packet goes to the link so long after its first sample was taken, and spent so much of it in the encoder.
    pub fn sent(&mut self, age: Duration, encoding: Duration) {
        let (age, encoding) = (age.as_micros() as f64, encoding.as_micros() as f64);
        // A machine that slept has no microphone that is hours late.
        if age < 10e6 {
            self.encode_us.add(encoding.min(age));
            self.capture_us.add((age - encoding).max(0.0));
        }
    }
}

/// Mean delay of a sender's packets since somebody asked, on two clocks that nothing binds together.
#[derive(Debug, Default)]
pub struct Transit {
    first: Option<(u64, Instant)>,
    sum_us: i64,
    count: i64,
}

impl Transit {
    /// A packet of `capture_us` arrived. To be told of the newest packets alone: what comes again is no way.
    pub fn add(&mut self, capture_us: u64, at: Instant) {
        let (capture, since) = *self.first.get_or_insert((capture_us, at));
        let passed = at.saturating_duration_since(since).as_micros() as i64;
        let meant = (capture_us as i64).wrapping_sub(capture as i64);
        self.sum_us = self.sum_us.saturating_add(passed.saturating_sub(meant));
        self.count += 1;
    }

    /// Arrival on our clock less capture time on the sender's, mean, µs.
    fn take(&mut self, clock: MediaClock) -> Option<f64> {
        let (capture, at) = self.first.take()?;
        let mean = std::mem::take(&mut self.sum_us) as f64 / std::mem::take(&mut self.count) as f64;
        Some(clock.us_at(at) as f64 - capture as f64 + mean)
    }
}

/// Everybody's delay. See the module.
#[derive(Debug)]
pub struct Delays {
    clock: MediaClock,
    pub sending: Sending,
    peers: BTreeMap<ParticipantId, Peer>,
    told: Option<Instant>,
    quickly: u32,
}

#[derive(Debug, Default)]
struct Peer {
    /// Its last message: when it was sent, on its clock, and came, on ours.
    heard: Option<(u64, Instant)>,
    /// Round trip, and its clock less ours, µs.
    exchanges: VecDeque<(f64, f64)>,
    capture_us: Option<u32>,
    encode_us: Option<u32>,
    uplink_us: Option<u32>,
    relay: Option<u64>,
    /// Arrival, and playout, on our clock less capture on the sender's, µs.
    arrival: Smooth,
    playing: Smooth,
    parts: MouthToEar,
    courtesy: Courtesy,
    /// Sum, and number, of all whose sum was known.
    sum: MouthToEar,
    count: u32,
}

impl Delays {
    pub fn new(clock: MediaClock) -> Self {
        Self { clock, sending: Sending::default(), peers: BTreeMap::new(), told: None, quickly: 0 }
    }

    /// Somebody came: it is told soon.
    pub fn joined(&mut self) {
        self.quickly = FIRST;
    }

    pub fn remove(&mut self, peer: ParticipantId) {
        self.peers.remove(&peer);
    }

    /// What to tell everybody now, if it is time for that.
    pub fn due(&mut self, now: Instant, own: OwnSide) -> Option<Timing> {
        let apart = if self.quickly > 0 { APART_FIRST } else { APART };
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < apart) {
            return None;
        }
        self.told = Some(now);
        self.quickly = self.quickly.saturating_sub(1);
        let echo = |(id, peer): (&ParticipantId, &Peer)| {
            let (sent_us, at) = peer.heard?;
            let held = now.saturating_duration_since(at);
            Some(Echo { participant: id.0, sent_us, held_us: held.as_micros() as u64 })
        };
        Some(Timing {
            sent_us: self.clock.us_at(now),
            capture_us: self.sending.capture_us.value().map(|us| us as u32),
            encode_us: self.sending.encode_us.value().map(|us| us as u32),
            uplink_us: own.link_ms.map(|ms| (ms * 1000.0) as u32),
            echoes: self.peers.iter().filter_map(echo).collect(),
            relay: own.relay,
        })
    }

    /// A peer's message came. `me`: whose echo is ours.
    pub fn timing(&mut self, now: Instant, from: ParticipantId, me: ParticipantId, timing: &Timing) {
        let at = self.clock.us_at(now) as f64;
        let peer = self.peers.entry(from).or_default();
        peer.heard = Some((timing.sent_us, now));
        (peer.capture_us, peer.encode_us, peer.uplink_us) = (timing.capture_us, timing.encode_us, timing.uplink_us);
        peer.relay = timing.relay;
        let Some(echo) = timing.echoes.iter().find(|echo| echo.participant == me.0) else { return };
        let (sent, held) = (echo.sent_us as f64, echo.held_us as f64);
        let round = at - sent - held;
        // Nobody's answer is older than the call, and none comes before its question.
        if !(0.0..10e6).contains(&round) {
            return;
        }
        let (came, answered) = (timing.sent_us as f64 - held, timing.sent_us as f64);
        if peer.exchanges.len() == EXCHANGES {
            peer.exchanges.pop_front();
        }
        peer.exchanges.push_back((round, ((came - sent) + (answered - at)) / 2.0));
    }

    /// How a peer's packets came, and what of it is heard: capture time and moment. To be told ten times a second.
    pub fn heard(&mut self, peer: ParticipantId, transit: &mut Transit, playing: Option<(u64, Instant)>, own: OwnSide) {
        let clock = self.clock;
        let peer = self.peers.entry(peer).or_default();
        let Some(arrival) = transit.take(clock) else { return };
        peer.arrival.add(arrival);
        if let Some((capture_us, at)) = playing {
            peer.playing.add(clock.us_at(at) as f64 - capture_us as f64);
        }
        peer.parts = peer.measure(own);
        if peer.parts.sum_ms().is_some() {
            peer.sum = peer.sum.added(&peer.parts);
            peer.count += 1;
        }
    }

    /// What a peer's sound waits for its pictures.
    pub fn courtesy(&mut self, peer: ParticipantId) -> &mut Courtesy {
        &mut self.peers.entry(peer).or_default().courtesy
    }

    /// As it is now.
    pub fn of(&self, peer: ParticipantId) -> MouthToEar {
        self.peers.get(&peer).map(|peer| peer.parts).unwrap_or_default()
    }

    /// The mean of the whole call; what is known now where nothing was whole.
    pub fn mean(&self, peer: ParticipantId) -> MouthToEar {
        let Some(peer) = self.peers.get(&peer) else { return MouthToEar::default() };
        if peer.count == 0 { peer.parts } else { peer.sum.map(|sum| sum / f64::from(peer.count)) }
    }
}

impl Peer {
    fn measure(&self, own: OwnSide) -> MouthToEar {
        let ms = |us: u32| f64::from(us) / 1000.0;
        let (arrival, playing) = (self.arrival.value(), self.playing.value());
        let mut parts = MouthToEar {
            capture_ms: self.capture_us.map(ms),
            encode_ms: self.encode_us.map(ms),
            uplink_ms: self.uplink_us.map(ms),
            between_ms: None,
            downlink_ms: own.link_ms,
            jitter_buffer_ms: arrival.zip(playing).map(|(came, played)| ((played - came) / 1000.0).max(0.0)),
            decode_ms: own.decode_ms,
            playout_ms: own.playout_ms,
        };
        let quickest = self.exchanges.iter().min_by(|one, other| one.0.total_cmp(&other.0));
        let way = arrival.zip(quickest).map(|(arrival, (_, apart))| (arrival + apart) / 1000.0);
        if let (Some(way), Some(capture), Some(encode), Some(up), Some(down)) =
            (way, parts.capture_ms, parts.encode_ms, parts.uplink_ms, parts.downlink_ms)
        {
            let network = (way - capture - encode).max(0.0);
            // Of one relay nothing is between: the round trips of sound are other ones than those of probes.
            let one_relay = own.relay.is_some() && own.relay == self.relay;
            let share = network / (up + down).max(1e-9);
            let share = if one_relay { share } else { share.min(1.0) };
            parts.uplink_ms = Some(up * share);
            parts.downlink_ms = Some(down * share);
            parts.between_ms = Some((network - (up + down) * share).max(0.0));
        }
        parts
    }
}

/// A mean that forgets.
#[derive(Debug, Default)]
struct Smooth(Option<f64>);

impl Smooth {
    /// Further off than this, µs, it is another matter: a sender that started anew.
    const JUMP: f64 = 5e6;

    fn add(&mut self, value: f64) {
        let near = self.0.filter(|mean| (value - mean).abs() < Self::JUMP);
        self.0 = Some(near.map_or(value, |mean| mean + (value - mean) * SHARE));
    }

    fn value(&self) -> Option<f64> {
        self.0
    }
}

#[cfg(test)]
mod tests;
