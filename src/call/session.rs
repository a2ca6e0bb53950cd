//! One link of the participant: what was asked on it, what the relay confirmed, and what arrived over it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::net::LinkSender;
use crate::proto::control::{
    Activate, ClientMessage, Demand, Hello, Join, Leave, Member, Resume, Subscribe, Wish, client_message::Body, encode,
};
use crate::proto::{ParticipantId, Track, VERSION};

/// A probe that was not answered for so long never will be: no path has such a round trip.
const PROBE_MEMORY: Duration = Duration::from_secs(10);
/// What arrived within this time counts as flowing: a dozen packets, some pictures.
const FLOWING: Duration = Duration::from_millis(400);

/// What we want to receive on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// Nothing was asked.
    Nothing,
    /// Roster and audio.
    Standby,
    /// All of it.
    Everything,
}

/// What each session says of itself.
#[derive(Debug, Clone)]
pub struct Identity {
    pub room: String,
    pub participant: ParticipantId,
    pub token: String,
    /// The newest ticket of any relay.
    pub ticket: Bytes,
    /// Random: shows relays that all our links are of one instance.
    pub proof: Bytes,
    pub member: Member,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    pub sender: LinkSender,
    wanted: Wanted,
    welcomed: bool,
    joined: bool,
    asked: u32,
    confirmed: u32,
    probes: BTreeMap<u64, Instant>,
    answered: Option<Instant>,
    arrivals: BTreeMap<(ParticipantId, Track), Instant>,
    /// Sizes of our own tracks that somebody wants, as the relay says.
    demand: BTreeMap<u32, u8>,
}

impl Session {
    pub fn new(sender: LinkSender) -> Self {
        Self {
            sender,
            wanted: Wanted::Nothing,
            welcomed: false,
            joined: false,
            asked: 0,
            confirmed: 0,
            probes: BTreeMap::new(),
            answered: None,
            arrivals: BTreeMap::new(),
            demand: BTreeMap::new(),
        }
    }

    /// Asks for admission, if that was not done, and for `wanted`, going on after the frames of `resume`; `wishes` are what
    /// everything is. All of it leaves at once: admission takes one round trip.
    pub fn ask(&mut self, identity: &Identity, wanted: Wanted, wishes: Vec<Wish>, resume: Vec<Resume>) {
        let standby = wanted != Wanted::Everything;
        if self.asked == 0 {
            self.say(Body::Hello(Hello {
                version: VERSION,
                room: identity.room.clone(),
                participant: identity.participant.0,
                token: identity.token.clone(),
                ticket: identity.ticket.clone(),
                agent: concat!("nearcall/", env!("CARGO_PKG_VERSION")).into(),
                proof: identity.proof.clone(),
            }));
            self.say(Body::Join(Join { member: Some(identity.member.clone()), standby }));
        } else if (self.wanted == Wanted::Everything) == standby {
            self.say(Body::Activate(Activate { standby }));
        }
        self.wanted = wanted;
        let sound = Wish { track: Track::Microphone as u32, ..Wish::default() };
        self.subscribe(
            match wanted {
                Wanted::Nothing => Vec::new(),
                Wanted::Standby => vec![sound],
                Wanted::Everything => wishes,
            },
            resume,
        );
    }

    /// Asks for something else of everything, where everything is asked for.
    pub fn ask_again(&mut self, wishes: Vec<Wish>, resume: Vec<Resume>) {
        if self.wanted == Wanted::Everything {
            self.subscribe(wishes, resume);
        }
    }

    fn subscribe(&mut self, wishes: Vec<Wish>, resume: Vec<Resume>) {
        self.asked += 1;
        self.say(Body::Subscribe(Subscribe { sequence: self.asked, wishes, resume }));
    }

    /// Says again what our member is, after it changed. Nothing where nothing was said yet.
    pub fn say_again(&self, identity: &Identity) {
        if self.asked > 0 {
            let standby = self.wanted != Wanted::Everything;
            self.say(Body::Join(Join { member: Some(identity.member.clone()), standby }));
        }
    }

    /// Leaves: this link alone, or the room for good.
    pub fn leave(&mut self, moved: bool) {
        if self.asked > 0 {
            self.say(Body::Leave(Leave { moved }));
        }
    }

    /// Sends a control message. A link that takes none is closing, which is told as its own event.
    pub fn say(&self, body: Body) {
        if let Err(error) = self.sender.control(encode(&ClientMessage { body: Some(body) })) {
            tracing::debug!(%error, "control message not sent");
        }
    }

    pub fn probe(&mut self, now: Instant, id: u64) {
        self.probes.retain(|_, sent| now.saturating_duration_since(*sent) < PROBE_MEMORY);
        self.probes.insert(id, now);
        self.sender.probe(id);
    }

    /// When a probe was sent that was answered at `at`, and its round trip less what the relay spent.
    pub fn answered(&mut self, at: Instant, id: u64, spent: Duration) -> Option<(Instant, Duration)> {
        let sent = self.probes.remove(&id)?;
        self.answered = Some(sent);
        Some((sent, at.saturating_duration_since(sent).saturating_sub(spent)))
    }

    pub fn welcomed(&mut self) {
        self.welcomed = true;
    }

    pub fn joined(&mut self) {
        self.joined = true;
    }

    pub fn confirmed(&mut self, sequence: u32) {
        self.confirmed = self.confirmed.max(sequence);
    }

    /// The relay took us in and everything we asked for is in force.
    pub fn is_admitted(&self) -> bool {
        self.welcomed && self.joined && self.asked > 0 && self.confirmed == self.asked
    }

    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// The relay says which sizes of a track somebody wants.
    pub fn demanded(&mut self, demand: &Demand) {
        if Track::ALL.iter().any(|track| *track as u32 == demand.track) {
            self.demand.insert(demand.track, demand.sizes as u8);
        }
    }

    /// What it said of every track.
    pub fn demands(&self) -> BTreeMap<u32, u8> {
        self.demand.clone()
    }

    /// Takes this for what it is going to say, where it has not spoken yet.
    pub fn expect(&mut self, demand: BTreeMap<u32, u8>) {
        for (track, sizes) in demand {
            self.demand.entry(track).or_insert(sizes);
        }
    }

    /// What it said last of a track, bit n for size n.
    pub fn demand(&self, track: Track) -> Option<u8> {
        self.demand.get(&(track as u32)).copied()
    }

    /// Media arrived.
    pub fn arrived(&mut self, peer: ParticipantId, track: Track, at: Instant) {
        self.arrivals.insert((peer, track), at);
    }

    /// Whether this link has shown since `since` that it carries all that `old` carries: a probe sent since then was
    /// answered, and media of each sender and kind that flows on the old link arrived.
    pub fn delivers_what(&self, old: &Session, since: Instant, now: Instant) -> bool {
        let flows = |at: &Instant| now.saturating_duration_since(*at) < FLOWING;
        let has = |kind: &(ParticipantId, Track)| self.arrivals.get(kind).is_some_and(|at| *at >= since);
        self.is_admitted()
            && self.answered.is_some_and(|sent| sent >= since)
            && old.arrivals.iter().filter(|(_, at)| flows(at)).all(|(kind, _)| has(kind))
    }
}
