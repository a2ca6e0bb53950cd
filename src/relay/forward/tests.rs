//! What a room makes of the words of other relays.

use super::*;
use crate::clock;
use crate::proto::moderation::RulingKind;
use crate::relay::bus::message::{Fact, Facts, MemberJoined, Pulse, RoomMessage, Step, direct_message};
use crate::relay::bus::{BusConfig, Event, Hub};

const HERE: RelayInstance = RelayInstance(1);
const FRANKFURT: RelayInstance = RelayInstance(2);
const BOB: ParticipantId = ParticipantId(0xb0b);

/// A room, another relay that talks to it, and what that relay hears.
struct Bench {
    room: Arc<Room>,
    number: u64,
    _other: Bus,
    heard: mpsc::Receiver<Event>,
}

impl Bench {
    fn new() -> Self {
        let (hub, id) = (Hub::new(), RoomId::of("room"));
        let (own, _) = Bus::open(&BusConfig::Local(hub.clone()), "here", HERE);
        let (other, heard) = Bus::open(&BusConfig::Local(hub), "frankfurt", FRANKFURT);
        let room = Room::open(clock::now(), id, HERE, own.into(), Figures::default().into());
        Self { room, number: 0, _other: other, heard }
    }

    fn hear(&mut self, body: room_message::Body) {
        self.number += 1;
        let message = RoomMessage { origin: FRANKFURT.0, number: self.number, body: Some(body) };
        self.room.take_from_bus(clock::now(), Message::Room { room: self.room.id(), message: message.into() });
    }

    /// Whether the digest was asked for since the last look.
    fn is_asked_for_its_digest(&mut self) -> bool {
        let wanted = |event: Event| match event {
            Event::Message(Message::Direct { message, .. }) => {
                matches!(message.body, Some(direct_message::Body::DigestWanted(_)))
            }
            _ => false,
        };
        std::iter::from_fn(|| self.heard.try_recv().ok()).filter_map(|event| wanted(event).then_some(())).count() > 0
    }
}

fn removal(counter: u64, on: bool) -> room_message::Body {
    let kind = RulingKind::Removal as i32;
    let fact = Fact { counter, kind, user: "bob".into(), on, ..Fact::default() };
    room_message::Body::Facts(Facts { facts: vec![fact], asks: false })
}

#[test]
fn who_comes_back_is_seen_even_where_the_word_that_he_may_comes_after_him() {
    let mut bench = Bench::new();
    let bob = Member { participant: BOB.0, user: "bob".into(), ..Member::default() };
    bench.hear(room_message::Body::Digest(Digest { hash: 7, ..Digest::default() }));
    bench.hear(removal(1, true));
    let step = Some(Step { before: 7, after: 8 });
    bench.hear(room_message::Body::Joined(MemberJoined { member: Some(bob.clone().into()), step }));
    bench.hear(room_message::Body::Pulse(Pulse { hash: 8, interest: 0 }));
    assert!(!bench.room.has_member(BOB) && !bench.is_asked_for_its_digest());
    bench.hear(removal(2, false));
    bench.hear(room_message::Body::Pulse(Pulse { hash: 8, interest: 0 }));
    assert!(bench.is_asked_for_its_digest());
    bench.hear(room_message::Body::Digest(Digest { members: vec![bob], hash: 8, ..Digest::default() }));
    assert!(bench.room.has_member(BOB));
}
