//! One room at work: what sessions and other relays say goes through registry and router, and what these decide goes
//! out on links and bus.
//!
//! Called by `session` (through [`Room`]'s methods) and `rooms` (bus events, time). Everything happens under the room's lock, which
//! is never held across a wait: links and bus queue by themselves. Payloads are shared, not copied.

mod crowd;
mod demand;
mod moderate;
mod peers;
mod pictures;
mod roster;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc;

use self::peers::{Fetching, write_stream};
use self::pictures::Pictures;
use super::bus::message::{Digest, ReportTo, SealedTo, room_message};
use super::bus::{Bus, Message, RoomId};
use super::moderation::Moderation;
use super::registry::{Change, Ended, JoinError, PULSE, Registry};
use super::router::{Interest, Load, Output, Router, SessionId, StreamId, Wishes};
use crate::net::figures::{Amount, Cargo, Lost, Way};
use crate::net::{Figures, LinkSender, Pressure};
use crate::proto::control::{
    self, Drain, KeyFrameWanted, Member, MemberChanged, ReceiverReport, Resume, Sealed, ServerMessage, server_message,
};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{FrameNumber, Kind, ParticipantId, RelayInstance, SubgroupHead, Track};

/// Between two words about what hosts decided.
const FACTS: Duration = Duration::from_secs(2);
/// A room that was just opened does not know yet what other relays want of it: until then they get everything.
const UNKNOWN: Duration = Duration::from_secs(1);
/// A session that sent a stream this lately is the one to ask for a key frame.
const SENDING: Duration = Duration::from_secs(2);
/// A queue in a subscriber's path that a congestion window lets stand: see `rate::window`.
const ALLOWED: Duration = Duration::from_millis(80);

/// A room of this relay.
#[derive(Debug)]
pub struct Room {
    /// For what goes on in a task of its own.
    me: Weak<Room>,
    id: RoomId,
    instance: RelayInstance,
    bus: Arc<Bus>,
    figures: Arc<Figures>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    registry: Registry,
    moderation: Moderation,
    facts_due: Instant,
    router: Router,
    pictures: Pictures,
    sessions: BTreeMap<SessionId, Attached>,
    /// Which session last sent a stream, and when.
    sources: BTreeMap<StreamId, (SessionId, Instant)>,
    opened: Instant,
    pulse_due: Instant,
    digest_told: Instant,
    /// Somebody asked for our digest.
    digest_wanted: bool,
    /// Of the members that other relays were told of.
    told_hash: u64,
    told_interest: Interest,
    /// Audio that other relays were told just now.
    said: VecDeque<(Instant, Bytes)>,
    /// Groups that other relays were asked for.
    fetches: BTreeMap<StreamId, Fetching>,
    demand: demand::Asked,
    closed: bool,
}

/// A session that has joined.
#[derive(Debug)]
struct Attached {
    participant: ParticipantId,
    publish: bool,
    sender: LinkSender,
    /// Tells the session that it is to end.
    dismiss: mpsc::Sender<JoinError>,
    demand: demand::Told,
}

impl Room {
    /// Opens a room that nobody is in, and asks the other relays who is there.
    pub fn open(now: Instant, id: RoomId, instance: RelayInstance, bus: Arc<Bus>, figures: Arc<Figures>) -> Arc<Self> {
        let state = State {
            registry: Registry::default(),
            moderation: Moderation::default(),
            facts_due: now + FACTS,
            router: Router::default(),
            pictures: Pictures::default(),
            sessions: BTreeMap::new(),
            sources: BTreeMap::new(),
            opened: now,
            pulse_due: now + PULSE,
            digest_told: now,
            digest_wanted: false,
            told_hash: 0,
            told_interest: Interest::NONE,
            said: VecDeque::new(),
            fetches: BTreeMap::new(),
            demand: demand::Asked::default(),
            closed: false,
        };
        let state = Mutex::new(state);
        let room = Arc::new_cyclic(|me| Self { me: me.clone(), id, instance, bus, figures, state });
        room.bus.subscribe(id, Some(Interest::NONE));
        let mut state = room.lock();
        room.tell_digest(&mut state, true);
        room.ask_for_facts();
        drop(state);
        room
    }

    pub fn id(&self) -> RoomId {
        self.id
    }

    pub fn has_member(&self, participant: ParticipantId) -> bool {
        self.lock().registry.member(participant).is_some()
    }

    /// A session joins, or says anew what its member is. The session gets `Joined` before anything else of the room.
    ///
    /// # Errors
    /// The room is full or locked, or the participant is another's, or was removed; `None` inside: the room was closed
    /// meanwhile. What ends the session later comes out of `dismiss`.
    pub fn join(
        &self,
        now: Instant,
        session: SessionId,
        member: Member,
        publish: bool,
        sender: &LinkSender,
        dismiss: &mpsc::Sender<JoinError>,
    ) -> Result<Option<()>, JoinError> {
        let mut state = self.lock();
        if state.closed {
            return Ok(None);
        }
        let participant = ParticipantId(member.participant);
        let before = state.registry.member(participant).cloned();
        state.moderation.admits(&member, before.is_some())?;
        let first = state.registry.sessions(participant).next().is_none();
        state.registry.join(session, member)?;
        let attached = Attached {
            participant,
            publish,
            sender: sender.clone(),
            dismiss: dismiss.clone(),
            demand: Default::default(),
        };
        state.sessions.insert(session, attached);
        roster::tell(sender, state.registry.roster(participant));
        self.tell_in_force(&state, sender);
        let after = state.registry.member(participant).cloned();
        if let Some(member) = after.filter(|after| first || before.as_ref() != Some(after)) {
            self.tell_joined(&mut state, member);
        }
        if before.is_none() {
            self.apply_firm_mutes(&mut state, participant);
        }
        self.carry_out(now, &mut state);
        Ok(Some(()))
    }

    /// A session's membership ends; it may join again.
    pub fn end(&self, now: Instant, session: SessionId, how: Ended) {
        let mut state = self.lock();
        let Some(attached) = state.sessions.remove(&session) else { return };
        let participant = attached.participant;
        state.router.unsubscribe(session);
        state.sources.retain(|_, (source, _)| *source != session);
        let stamp = state.registry.member(participant).map(|member| member.stamp.clone()).unwrap_or_default();
        state.registry.end(now, session, participant, how);
        if how == Ended::Left || state.registry.sessions(participant).next().is_none() {
            self.tell_ended(&mut state, participant, stamp, how);
        }
        self.carry_out(now, &mut state);
    }

    /// Replaces what a session receives. `Subscribed` goes out before the first frame.
    pub fn subscribe(&self, now: Instant, session: SessionId, sequence: u32, wishes: Wishes, resume: &[Resume]) {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(attached) = state.sessions.get(&session) else { return };
        send(&attached.sender, server_message::Body::Subscribed(control::Subscribed { sequence }));
        state.router.subscribe(now, session, attached.participant, wishes, resume);
        self.carry_out(now, state);
    }

    /// An audio datagram's body, whose packets have these numbers.
    pub fn audio(&self, now: Instant, session: SessionId, packets: &[FrameNumber], body: &Bytes) {
        let mut state = self.lock();
        let Some(participant) = state.sessions.get(&session).filter(|it| it.publish).map(|it| it.participant) else {
            return self.figures.lose(Lost::NotPermitted);
        };
        if state.moderation.drops(participant, Track::Microphone) {
            return self.figures.lose(Lost::NotPermitted);
        }
        if state.router.audio(participant, packets, &whole(body))
            && self.wanted_elsewhere(now, &state, Track::Microphone, 0)
        {
            self.tell_audio(now, &mut state, body);
        }
        self.carry_out(now, &mut state);
    }

    /// A video frame from a session here; its participant was checked.
    pub fn video(&self, now: Instant, session: SessionId, frame: VideoFrame) {
        let mut state = self.lock();
        if !state.sessions.get(&session).is_some_and(|it| it.publish && it.participant == frame.header.participant) {
            return self.figures.lose(Lost::NotPermitted);
        }
        let (track, spatial) = (frame.header.track, frame.header.layer.spatial);
        let stream = StreamId { participant: frame.header.participant, track, spatial };
        if state.moderation.drops(stream.participant, track) {
            return self.figures.lose(Lost::NotPermitted);
        }
        if state.router.video(now, &frame) {
            state.sources.insert(stream, (session, now));
            if self.wanted_elsewhere(now, &state, track, spatial) {
                self.bus.send(Message::Video { room: self.id, frame });
            }
        }
        self.carry_out(now, &mut state);
    }

    /// A session cannot go on without a key frame.
    pub fn key_frame_wanted(&self, now: Instant, session: SessionId, stream: StreamId) {
        let mut state = self.lock();
        if state.sessions.contains_key(&session) {
            self.figures.key_frame_wanted();
            state.router.key_frame_wanted(now, stream);
            self.carry_out(now, &mut state);
        }
    }

    /// The queue to a session gave up a subgroup.
    pub fn late(&self, now: Instant, session: SessionId, head: &SubgroupHead) {
        let mut state = self.lock();
        state.router.late(now, session, head);
        self.carry_out(now, &mut state);
    }

    /// A sealed message of a session, to one participant or (0) to all others.
    pub fn sealed(&self, session: SessionId, message: Sealed) {
        let state = self.lock();
        let Some(from) = state.sessions.get(&session).map(|it| it.participant) else { return };
        deliver_sealed(&state, from, message.participant, &message.payload);
        let (to, payload) = (message.participant, message.payload);
        self.tell(room_message::Body::Sealed(SealedTo { from: from.0, to, payload }));
    }

    /// How well a session's participant receives somebody.
    pub fn report(&self, session: SessionId, report: ReceiverReport) {
        let state = self.lock();
        let Some(by) = state.sessions.get(&session).map(|it| it.participant) else { return };
        let about = ParticipantId(report.participant);
        let report = ReceiverReport { participant: by.0, ..report };
        if state.registry.sessions(about).next().is_some() {
            deliver_report(&state, about, report);
        } else {
            self.tell(room_message::Body::Report(ReportTo { to: about.0, report: Some(report) }));
        }
    }

    /// Tells everybody here to move.
    pub fn drain(&self, drain: &Drain) {
        let state = self.lock();
        for attached in state.sessions.values() {
            send(&attached.sender, server_message::Body::Drain(drain.clone()));
        }
    }

    /// Cuts every session.
    pub fn cut(&self, reason: &str) {
        let state = self.lock();
        state.sessions.values().for_each(|attached| attached.sender.close(reason));
    }

    /// Time passes. True when nobody is here any more: the room is closed and to be forgotten.
    pub fn handle_timeout(&self, now: Instant) -> bool {
        let mut state = self.lock();
        state.registry.handle_timeout(now);
        {
            let State { sessions, router, .. } = &mut *state;
            for (session, attached) in sessions {
                router.set_link(now, *session, load(attached.sender.pressure()));
            }
        }
        state.router.handle_timeout(now);
        self.carry_out(now, &mut state);
        if state.sessions.is_empty() && state.registry.is_idle() {
            state.closed = true;
            self.tell(room_message::Body::Digest(Digest::default()));
            self.bus.subscribe(self.id, None);
            return true;
        }
        self.tell_demand(now, &mut state);
        self.fetch_again(now, &mut state);
        self.tell_what_is_due(now, &mut state);
        if now >= state.facts_due {
            state.facts_due = now + FACTS;
            self.tell_facts(&state);
            let State { router, registry, .. } = &mut *state;
            router.forget_strangers(now, |participant| registry.member(participant).is_some());
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding a room")
    }

    /// Carries out all that registry and router decided.
    fn carry_out(&self, now: Instant, state: &mut State) {
        self.enforce(now, state);
        while let Some(change) = state.registry.poll_change() {
            match change {
                Change::Member(member) => {
                    let about = ParticipantId(member.participant);
                    let message = encode(server_message::Body::MemberChanged(MemberChanged { member: Some(member) }));
                    let others = state.sessions.values().filter(|attached| attached.participant != about);
                    others.for_each(|attached| drop(attached.sender.control(message.clone())));
                }
                Change::Elsewhere(participant, held) => state.router.set_elsewhere(now, participant, held),
                Change::Gone(participant, sessions) => {
                    state.router.remove_participant(participant);
                    state.sources.retain(|stream, _| stream.participant != participant);
                    state.fetches.retain(|stream, _| stream.participant != participant);
                    if !sessions.is_empty() {
                        // It left over another relay; what it still has here ends with it.
                        let stamp = state.registry.stamp_of_left(participant);
                        self.tell_ended(state, participant, stamp, Ended::Left);
                    }
                    for session in sessions {
                        state.sessions.remove(&session);
                        state.router.unsubscribe(session);
                    }
                }
                Change::Impostors(sessions) => {
                    for session in sessions {
                        self.dismiss(state, session, JoinError::OtherInstance);
                    }
                }
            }
        }
        self.tell_interest(now, state);
        // Added up here, so that a large room costs the shared counters no more than a small one.
        let mut sent = Amount::default();
        while let Some(output) = state.router.poll_output() {
            match output {
                Output::Audio { to, datagram } => {
                    if let Some(attached) = state.sessions.get(&to) {
                        sent.packets += 1;
                        sent.bytes += datagram.len() as u64;
                        attached.sender.audio_framed(datagram);
                    }
                }
                Output::Video { to, frame } => state.pictures.push(now, to, frame),
                Output::KeyFrame(stream) => self.ask_for_key_frame(state, stream),
                Output::Fetch { stream, after } => self.fetch(now, state, stream, after),
            }
        }
        self.figures.add(Way::Out, Cargo::Audio, sent);
        self.send_pictures(now, state);
    }

    /// Other relays learn what is wanted here before they are asked for what was.
    fn tell_interest(&self, now: Instant, state: &mut State) {
        let interest = state.router.interest();
        if interest != state.told_interest {
            state.told_interest = interest;
            self.bus.subscribe(self.id, Some(interest));
            self.tell_pulse(now, state);
        }
    }

    fn ask_for_key_frame(&self, state: &State, stream: StreamId) {
        self.figures.key_frame_asked();
        let source = state.sources.get(&stream).map(|(session, _)| *session);
        let session = source.or_else(|| state.registry.sessions(stream.participant).next());
        let wanted = KeyFrameWanted { track: stream.track as u32, spatial: stream.spatial.into() };
        match session.and_then(|session| state.sessions.get(&session)) {
            Some(attached) => send(&attached.sender, server_message::Body::KeyFrameWanted(wanted)),
            None => self.tell(room_message::Body::KeyFrame(write_stream(stream))),
        }
    }

    fn wanted_elsewhere(&self, now: Instant, state: &State, track: Track, spatial: u8) -> bool {
        now.saturating_duration_since(state.opened) < UNKNOWN
            || state.registry.wanted_elsewhere().contains(track, spatial)
    }
}

fn deliver_sealed(state: &State, from: ParticipantId, to: u64, payload: &Bytes) {
    let message = Sealed { participant: from.0, payload: payload.clone() };
    let message = encode(server_message::Body::Sealed(message));
    let addressed = |it: &&Attached| it.participant != from && (to == 0 || it.participant.0 == to);
    state.sessions.values().filter(addressed).for_each(|it| drop(it.sender.control(message.clone())));
}

/// What stands in the path's queue waits as well; a short one the window allows.
fn load(pressure: Pressure) -> Load {
    let queue = pressure.queue.saturating_sub(ALLOWED);
    let delivered = pressure.delivered_bps.filter(|_| !queue.is_zero());
    Load { waiting: pressure.waiting + queue, rate_bps: pressure.rate_bps.or(delivered) }
}

fn deliver_report(state: &State, to: ParticipantId, report: ReceiverReport) {
    let message = encode(server_message::Body::ReceiverReport(report));
    let of = state.sessions.values().filter(|it| it.participant == to);
    of.for_each(|it| drop(it.sender.control(message.clone())));
}

/// Sends a control message. A link that cannot take it closes by itself, and its session hears of that.
pub(super) fn send(sender: &LinkSender, body: server_message::Body) {
    drop(sender.control(encode(body)));
}

fn encode(body: server_message::Body) -> Bytes {
    control::encode(&ServerMessage { body: Some(body) })
}

/// An audio datagram from its body, with the byte in front that links want: one copy, shared by all that get it.
fn whole(body: &Bytes) -> Bytes {
    let mut datagram = BytesMut::with_capacity(2 + body.len());
    datagram.put_slice(&[0, Kind::Audio as u8]);
    datagram.put_slice(body);
    datagram.freeze()
}

#[cfg(test)]
mod tests;
