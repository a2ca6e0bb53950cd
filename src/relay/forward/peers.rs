//! The half of a room that talks with other relays.

use std::time::Instant;

use bytes::Bytes;
use prost::Message as _;

use super::{Room, SENDING, State, deliver_report, deliver_sealed, whole};
use crate::net::figures::{Cargo, Way};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{ParticipantId, RelayInstance, Track, datagram};
use crate::relay::bus::Message;
use crate::relay::bus::message::{
    AfterFrame, Digest, DirectMessage, Fetch, Fetched, MemberJoined, ReportTo, RoomMessage, Stream, direct_message,
    room_message,
};
use crate::relay::registry::Ended;
use crate::relay::router::{After, Interest, StreamId};

/// Frames in one part of an answer to a fetch, bytes: below what a bus message may have.
const PART: usize = 256 * 1024;

impl Room {
    /// Something from another relay.
    pub fn take_from_bus(&self, now: Instant, message: Message) {
        let (cargo, bytes) = measure(&message);
        self.figures.count(Way::BusIn, cargo, bytes);
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
            Message::Room { message, .. } => self.room_message(now, &mut state, message),
            Message::Direct { message, .. } => self.direct_message(now, &mut state, message),
            Message::Announce { .. } => {}
        }
        self.carry_out(now, &mut state);
    }

    fn room_message(&self, now: Instant, state: &mut State, message: RoomMessage) {
        use room_message::Body;
        let relay = RelayInstance(message.origin);
        if relay == self.instance {
            return;
        }
        state.registry.heard(now, relay);
        match message.body {
            Some(Body::Digest(digest)) => {
                state.registry.set_interest(now, relay, Interest(digest.interest));
                let mut members = digest.members;
                members.retain(|member| !state.moderation.is_removed(member));
                state.registry.digest(now, relay, members);
                if digest.asks {
                    self.tell_digest(state, false);
                }
            }
            Some(Body::Joined(MemberJoined { member: Some(member) })) if !state.moderation.is_removed(&member) => {
                state.registry.joined_elsewhere(relay, *member);
            }
            Some(Body::Facts(facts)) => self.facts_from(state, facts),
            Some(Body::Ended(ended)) => {
                let known = state.registry.member(ParticipantId(ended.participant));
                // Whoever slipped in under a member's number elsewhere does not end that member.
                if known.is_some_and(|member| member.stamp != ended.stamp) {
                    return;
                }
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
        match message.body {
            Some(Body::Fetch(Fetch { stream: Some(wanted), after })) => {
                let Some(stream) = read_stream(&wanted) else { return };
                let after = after.map(|after| After { group: after.group, frame: after.frame });
                let frames = state.router.cached(stream, after);
                self.answer_fetch(RelayInstance(message.origin), &wanted, frames);
            }
            Some(Body::Fetched(fetched)) => {
                let Some(stream) = fetched.stream.as_ref().and_then(read_stream) else { return };
                if state.moderation.drops(stream.participant, stream.track) {
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

    fn answer_fetch(&self, to: RelayInstance, stream: &Stream, frames: Vec<VideoFrame>) {
        let mut part = Vec::new();
        let mut bytes = 0;
        let mut frames = frames.into_iter().map(|frame| frame.bytes).peekable();
        while let Some(frame) = frames.next() {
            bytes += frame.len();
            part.push(frame);
            if frames.peek().is_none_or(|next| bytes + next.len() > PART) {
                let fetched = Fetched { stream: Some(stream.clone()), frames: std::mem::take(&mut part) };
                self.tell_one(to, direct_message::Body::Fetched(fetched));
                bytes = 0;
            }
        }
    }

    pub(super) fn fetch(&self, state: &State, stream: StreamId, after: Option<After>) {
        let after = after.map(|After { group, frame }| AfterFrame { group, frame });
        for relay in state.registry.holders(stream.participant) {
            let fetch = Fetch { stream: Some(write_stream(stream)), after };
            self.tell_one(relay, direct_message::Body::Fetch(fetch));
        }
    }

    pub(super) fn tell_digest(&self, state: &State, asks: bool) {
        let members = state.registry.held_here();
        self.tell(room_message::Body::Digest(Digest { members, interest: state.told_interest.0, asks }));
    }

    pub(super) fn tell(&self, body: room_message::Body) {
        let message = RoomMessage { origin: self.instance.0, body: Some(body) };
        self.post(Message::Room { room: self.id, message });
    }

    fn tell_one(&self, to: RelayInstance, body: direct_message::Body) {
        let room = Bytes::copy_from_slice(&self.id.0);
        let message = DirectMessage { origin: self.instance.0, room, body: Some(body) };
        self.post(Message::Direct { to, message });
    }

    pub(super) fn post(&self, message: Message) {
        let (cargo, bytes) = measure(&message);
        self.figures.count(Way::BusOut, cargo, bytes);
        self.bus.send(message);
    }
}

/// What a message is to the figures, and its bytes without the bus' own.
fn measure(message: &Message) -> (Cargo, usize) {
    match message {
        Message::Audio { body, .. } => (Cargo::Audio, body.len()),
        Message::Video { frame, .. } => (Cargo::of(frame.header.track), frame.bytes.len()),
        Message::Room { message, .. } => (Cargo::Control, message.encoded_len()),
        Message::Direct { message, .. } => (Cargo::Control, message.encoded_len()),
        Message::Announce { .. } => (Cargo::Control, 0),
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
