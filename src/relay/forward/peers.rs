//! The half of a room that talks with other relays.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Room, SENDING, State, deliver_report, deliver_sealed, whole};
use crate::clock;
use crate::proto::control::Member;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{ParticipantId, RelayInstance, Track, datagram};
use crate::relay::bus::Message;
use crate::relay::bus::message::{
    AfterFrame, Digest, DirectMessage, Fetch, Fetched, MemberEnded, MemberJoined, Nothing, Pulse, ReportTo,
    RoomMessage, Step, Stream, direct_message, room_message,
};
use crate::relay::registry::{Ended, PULSE};
use crate::relay::router::{After, Interest, StreamId};

/// Frames in one part of an answer to a fetch, bytes: below what a bus message may have.
const PART: usize = 256 * 1024;
/// A fetch that was not answered for this long was lost, or its answer was. Half a second is twice around the world.
const AGAIN: Duration = Duration::from_millis(500);
/// Times that a fetch is asked for: after it the room's other means have to do.
const TRIES: u32 = 6;
/// Between two digests that are asked for: one answer serves all who ask.
const ANSWER: Duration = Duration::from_millis(250);

/// Audio of who is here is kept for this long, for a relay that changes NATS servers meanwhile: the other server is there in
/// milliseconds, and a packet that comes a little late is still heard.
const REPLAY: Duration = Duration::from_millis(400);
/// Audio packets that are kept: those of some who speak at once.
const REPLAYED: usize = 512;

/// Numbers what is said of rooms. One for all rooms: a room that is opened again goes on from there.
static WORDS: AtomicU64 = AtomicU64::new(1);

/// A fetch on its way.
#[derive(Debug)]
pub(super) struct Fetching {
    after: Option<AfterFrame>,
    asked: Instant,
    tries: u32,
    /// Who has not answered.
    waiting: BTreeSet<RelayInstance>,
}

impl Room {
    /// Something from another relay.
    pub fn take_from_bus(&self, now: Instant, message: Message) {
        let mut state = self.lock();
        match message {
            Message::Audio { body, .. } => {
                let Ok(packets) = datagram::decode(&body) else { return };
                let from = packets[0].header.participant;
                if state.moderation.drops(from, Track::Microphone) {
                    return;
                }
                let numbers: Vec<_> = packets.iter().map(|packet| packet.header.frame).collect();
                state.router.audio(from, &numbers, &whole(&body));
            }
            Message::Video { frame, .. } => {
                if state.moderation.drops(frame.header.participant, frame.header.track) {
                    return;
                }
                state.router.video(now, &frame);
            }
            Message::Room { message, .. } => self.room_message(now, &mut state, *message),
            Message::Direct { message, .. } => self.direct_message(now, &mut state, message),
            Message::Announce(_) => {}
        }
        self.carry_out(now, &mut state);
    }

    fn room_message(&self, now: Instant, state: &mut State, message: RoomMessage) {
        use room_message::Body;
        let relay = RelayInstance(message.origin);
        if relay == self.instance {
            return;
        }
        let about_members =
            matches!(message.body, Some(Body::Digest(_) | Body::Pulse(_) | Body::Joined(_) | Body::Ended(_)));
        if about_members && !state.registry.heard(now, relay, message.number) {
            return;
        }
        match message.body {
            Some(Body::Digest(digest)) => {
                state.registry.set_interest(now, relay, Interest(digest.interest));
                state.registry.farewell(now, relay, &digest.left);
                let mut members = digest.members;
                members.retain(|member| !state.moderation.is_removed(member));
                state.registry.digest(now, relay, members, digest.hash);
                if digest.missed {
                    self.replay(now, state);
                }
                if digest.asks {
                    // Somebody is new there, and sees nobody before this.
                    self.tell_digest(state, false);
                }
            }
            Some(Body::Pulse(Pulse { hash, interest })) => {
                state.registry.set_interest(now, relay, Interest(interest));
                if state.registry.pulse(now, relay, hash) {
                    self.tell_one(relay, direct_message::Body::DigestWanted(Nothing {}));
                }
            }
            Some(Body::Joined(MemberJoined { member: Some(member), step })) => {
                state.registry.step(now, relay, step);
                if !state.moderation.is_removed(&member) {
                    state.registry.joined_elsewhere(relay, *member);
                }
            }
            Some(Body::Facts(facts)) => self.facts_from(state, facts),
            Some(Body::Ended(ended)) => {
                let known = state.registry.member(ParticipantId(ended.participant));
                // Whoever slipped in under a member's number elsewhere does not end that member; the digest says who is there.
                if known.is_some_and(|member| member.stamp != ended.stamp) {
                    return state.registry.step(now, relay, None);
                }
                state.registry.step(now, relay, ended.step);
                let how = match ended.how {
                    0 => Ended::Moved,
                    1 => Ended::Left,
                    _ => Ended::Lost,
                };
                state.registry.ended_elsewhere(now, relay, ParticipantId(ended.participant), how);
            }
            Some(Body::KeyFrame(stream)) => {
                if let Some(stream) = read_stream(&stream)
                    && self.answers_for(now, state, stream)
                {
                    state.router.key_frame_wanted(now, stream);
                }
            }
            Some(Body::Sealed(sealed)) => {
                deliver_sealed(state, ParticipantId(sealed.from), sealed.to, &sealed.payload);
            }
            Some(Body::Report(ReportTo { to, report: Some(report) })) => {
                deliver_report(state, ParticipantId(to), report);
            }
            _ => {}
        }
    }

    /// Whether a participant's key frame is for this relay to ask for: of those that hold the participant, the one
    /// over which it sends; where it rests, the first.
    fn answers_for(&self, now: Instant, state: &State, stream: StreamId) -> bool {
        let sends_here = state.sources.get(&stream).is_some_and(|(_, at)| now.saturating_duration_since(*at) < SENDING);
        let here = state.registry.sessions(stream.participant).next().is_some();
        here && (sends_here || state.registry.holders(stream.participant).all(|other| other > self.instance))
    }

    fn direct_message(&self, now: Instant, state: &mut State, message: DirectMessage) {
        use direct_message::Body;
        let from = RelayInstance(message.origin);
        match message.body {
            Some(Body::DigestWanted(_)) => self.digest_wanted(now, state),
            Some(Body::Fetch(Fetch { stream: Some(wanted), after })) => {
                let Some(stream) = read_stream(&wanted) else { return };
                let after = after.map(|after| After { group: after.group, frame: after.frame });
                let frames = state.router.cached(stream, after);
                if frames.is_empty() && self.answers_for(now, state, stream) {
                    state.router.wake(now, stream);
                }
                self.answer_fetch(from, &wanted, frames);
            }
            Some(Body::Fetched(fetched)) => {
                let Some(stream) = fetched.stream.as_ref().and_then(read_stream) else { return };
                if !fetched.more {
                    state.answered(stream, from, fetched.frames.is_empty());
                }
                if fetched.frames.is_empty() || state.moderation.drops(stream.participant, stream.track) {
                    return;
                }
                let frames: Result<Vec<_>, _> = fetched.frames.into_iter().map(VideoFrame::from_bytes).collect();
                if let Ok(frames) = frames {
                    state.router.fetched(now, stream, &frames);
                }
            }
            _ => {}
        }
    }

    /// Answers in any case: who hears nothing asks again.
    fn answer_fetch(&self, to: RelayInstance, stream: &Stream, frames: Vec<VideoFrame>) {
        let mut part = Vec::new();
        let mut bytes = 0;
        let mut frames = frames.into_iter().map(|frame| frame.bytes).peekable();
        loop {
            let frame = frames.next();
            bytes += frame.as_ref().map_or(0, Bytes::len);
            part.extend(frame);
            let more = frames.peek().is_some();
            if frames.peek().is_none_or(|next| bytes + next.len() > PART) {
                let fetched = Fetched { stream: Some(stream.clone()), frames: std::mem::take(&mut part), more };
                self.tell_one(to, direct_message::Body::Fetched(fetched));
                bytes = 0;
            }
            if !more {
                return;
            }
        }
    }

    pub(super) fn fetch(&self, now: Instant, state: &mut State, stream: StreamId, after: Option<After>) {
        let after = after.map(|After { group, frame }| AfterFrame { group, frame });
        let waiting: BTreeSet<_> = state.registry.holders(stream.participant).collect();
        self.ask_for_frames(stream, after, &waiting);
        state.fetches.insert(stream, Fetching { after, asked: now, tries: 1, waiting });
    }

    /// Asks again where an answer was lost: a sender that rests sends nothing that would show what is missing.
    pub(super) fn fetch_again(&self, now: Instant, state: &mut State) {
        let State { fetches, registry, .. } = state;
        fetches.retain(|stream, fetching| {
            if now.saturating_duration_since(fetching.asked) < AGAIN {
                return true;
            }
            let holders: BTreeSet<_> = registry.holders(stream.participant).collect();
            fetching.waiting.retain(|relay| holders.contains(relay));
            if fetching.waiting.is_empty() || fetching.tries >= TRIES {
                return false;
            }
            fetching.asked = now;
            fetching.tries += 1;
            self.ask_for_frames(*stream, fetching.after, &fetching.waiting);
            true
        });
    }

    fn ask_for_frames(&self, stream: StreamId, after: Option<AfterFrame>, relays: &BTreeSet<RelayInstance>) {
        for relay in relays {
            let fetch = Fetch { stream: Some(write_stream(stream)), after };
            self.tell_one(*relay, direct_message::Body::Fetch(fetch));
        }
    }

    /// The bus is back: what was missed is asked for, and what was not heard is said again.
    pub fn bus_is_back(&self, now: Instant) {
        let mut state = self.lock();
        state.router.missed_elsewhere();
        self.bus.subscribe(self.id, Some(state.told_interest));
        self.send_digest(&mut state, true, true);
        self.replay(now, &mut state);
        self.ask_for_facts();
        self.tell_facts(&state);
    }

    /// Says audio to other relays, and keeps it for a moment.
    pub(super) fn tell_audio(&self, now: Instant, state: &mut State, body: &Bytes) {
        state.said.retain(|(at, _)| now.saturating_duration_since(*at) < REPLAY);
        if state.said.len() >= REPLAYED {
            state.said.pop_front();
        }
        state.said.push_back((now, body.clone()));
        self.bus.send(Message::Audio { room: self.id, body: body.clone() });
    }

    /// Says again what was said just now. Who heard it knows it by its numbers.
    fn replay(&self, now: Instant, state: &mut State) {
        state.said.retain(|(at, _)| now.saturating_duration_since(*at) < REPLAY);
        for (_, body) in &state.said {
            self.bus.send(Message::Audio { room: self.id, body: body.clone() });
        }
    }

    /// Somebody asks for the digest: answered at once, or soon where one was told just now.
    fn digest_wanted(&self, now: Instant, state: &mut State) {
        match now.saturating_duration_since(state.digest_told) >= ANSWER {
            true => self.tell_digest(state, false),
            false => state.digest_wanted = true,
        }
    }

    /// What is due: the digest that was asked for, or else the pulse.
    pub(super) fn tell_what_is_due(&self, now: Instant, state: &mut State) {
        if state.digest_wanted && now.saturating_duration_since(state.digest_told) >= ANSWER {
            self.tell_digest(state, false);
        } else if now >= state.pulse_due {
            self.tell_pulse(now, state);
        }
    }

    pub(super) fn tell_pulse(&self, now: Instant, state: &mut State) {
        state.pulse_due = now + PULSE;
        state.told_hash = state.registry.hash();
        self.tell(room_message::Body::Pulse(Pulse { hash: state.told_hash, interest: state.told_interest.0 }));
    }

    pub(super) fn tell_digest(&self, state: &mut State, asks: bool) {
        self.send_digest(state, asks, false);
    }

    fn send_digest(&self, state: &mut State, asks: bool, missed: bool) {
        let now = clock::now();
        (state.digest_told, state.digest_wanted, state.pulse_due) = (now, false, now + PULSE);
        state.told_hash = state.registry.hash();
        self.tell(room_message::Body::Digest(Digest {
            members: state.registry.held_here(),
            interest: state.told_interest.0,
            asks,
            hash: state.told_hash,
            left: state.registry.farewells(),
            missed,
        }));
    }

    /// A member joined here, or changed.
    pub(super) fn tell_joined(&self, state: &mut State, member: Member) {
        let step = state.step();
        self.tell(room_message::Body::Joined(MemberJoined { member: Some(Box::new(member)), step }));
    }

    /// A member's last link here ended.
    pub(super) fn tell_ended(&self, state: &mut State, participant: ParticipantId, stamp: Bytes, how: Ended) {
        let how = match how {
            Ended::Moved => 0,
            Ended::Left => 1,
            Ended::Lost => 2,
        };
        let step = state.step();
        self.tell(room_message::Body::Ended(MemberEnded { participant: participant.0, how, step, stamp }));
    }

    pub(super) fn tell(&self, body: room_message::Body) {
        let number = WORDS.fetch_add(1, Ordering::Relaxed);
        let message = RoomMessage { origin: self.instance.0, number, body: Some(body) };
        self.bus.send(Message::Room { room: self.id, message: message.into() });
    }

    fn tell_one(&self, to: RelayInstance, body: direct_message::Body) {
        let room = Bytes::copy_from_slice(&self.id.0);
        let message = DirectMessage { origin: self.instance.0, room, body: Some(body) };
        self.bus.send(Message::Direct { to, message });
    }
}

impl State {
    /// From what was told of our members to what they are.
    fn step(&mut self) -> Option<Step> {
        let before = std::mem::replace(&mut self.told_hash, self.registry.hash());
        Some(Step { before, after: self.told_hash })
    }

    /// A relay answered a fetch. Frames from one are enough.
    fn answered(&mut self, stream: StreamId, relay: RelayInstance, empty: bool) {
        if let Some(fetching) = self.fetches.get_mut(&stream) {
            fetching.waiting.remove(&relay);
            if !empty || fetching.waiting.is_empty() {
                self.fetches.remove(&stream);
            }
        }
    }
}

fn read_stream(stream: &Stream) -> Option<StreamId> {
    Some(StreamId {
        participant: ParticipantId(stream.participant),
        track: Track::try_from(u8::try_from(stream.track).ok()?).ok()?,
        spatial: stream.spatial.try_into().ok()?,
    })
}

pub(super) fn write_stream(stream: StreamId) -> Stream {
    let StreamId { participant, track, spatial } = stream;
    Stream { participant: participant.0, track: track as u32, spatial: spatial.into() }
}
