//! What the corpora begin with: real encodings of everything that travels, and the edges that were found to matter.

use bytes::Bytes;
use nearcall::clock;
use nearcall::crypto::{Claims, Ticket, TicketKey};
use nearcall::proto::control::{
    self, ClientMessage, Drain, Hello, Join, Joined, KeyFrameRequest, KeyFrameWanted, Leave, Member, MemberChanged,
    ReceiverReport, Refused, RelayInfo, Resume, Sealed, ServerMessage, Subscribe, Subscribed, Welcome, Wish,
    client_message, server_message,
};
use nearcall::proto::datagram::{self, AudioPacket};
use nearcall::proto::manifest::{Manifest, RelayEntry};
use nearcall::proto::probe::{Probe, ProbeReply, RelayState};
use nearcall::proto::report::{ElectionReport, MoveCause, MoveReport, PathReport, ReportedTransport};
use nearcall::proto::subgroup::VideoFrame;
use nearcall::proto::timing::{Echo, Timing};
use nearcall::proto::words::{self, Reaction, Words};
use nearcall::proto::{MediaHeader, ParticipantId, RelayInstance, SubgroupHead, Track, VERSION, limits};
use nearcall::relay::bus::message::{
    AfterFrame, Digest, DirectMessage, Fetch, Fetched, MemberEnded, MemberJoined, ReportTo, RoomMessage, SealedTo,
    Stream, direct_message, room_message,
};
use prost::Message;

use super::decoders::{NOW, auth_key};
use crate::header;

/// Target, file and bytes.
pub type Seed = (&'static str, String, Vec<u8>);

pub fn all() -> Vec<Seed> {
    let parts = [
        client(),
        server(),
        timings(),
        words(),
        media(),
        probes(),
        manifests(),
        bus(),
        credentials(),
        proxies(),
        invites(),
    ];
    parts.into_iter().flatten().collect()
}

fn seed(target: &'static str, name: &str, bytes: impl Into<Vec<u8>>) -> Seed {
    (target, name.to_owned(), bytes.into())
}

fn timings() -> Vec<Seed> {
    let echo = Echo { participant: 7, sent_us: 1_500_000, held_us: 20_000 };
    let whole = Timing {
        sent_us: 90_000_000,
        capture_us: Some(21_000),
        encode_us: Some(900),
        uplink_us: Some(20_000),
        echoes: vec![echo.clone(), Echo { participant: u64::MAX, ..echo }],
        relay: Some(9),
    };
    vec![
        seed("timing", "whole", control::encode(&whole)),
        seed("timing", "nothing_measured", control::encode(&Timing { sent_us: 1, ..Timing::default() })),
    ]
}

fn words() -> Vec<Seed> {
    use words::said::Body;
    let said = |number, body| control::encode(&Words { number, body: Some(body) });
    vec![
        seed("words", "a_line", said(3, Body::Text("see https://example.org,\nplease \u{1F44D}".into()))),
        seed("words", "a_reaction", said(0, Body::React(Reaction::Clap as i32))),
        seed("words", "lower_your_hand", said(4, Body::LowerHand(7))),
        seed("words", "heard", said(0, Body::Heard(words::Heard { numbers: vec![1, 2, u64::MAX] }))),
        seed("words", "nothing", control::encode(&Words::default())),
    ]
}

fn member() -> Member {
    Member {
        participant: 7,
        salt: vec![1; limits::SALT_BYTES].into(),
        public_key: vec![2; limits::PUBLIC_KEY_BYTES].into(),
        profile: Bytes::from_static(b"sealed name"),
        user: "ada".into(),
        host: true,
        ..Member::default()
    }
}

fn client() -> Vec<Seed> {
    use client_message::Body;
    let hello = Hello {
        version: VERSION,
        room: "stand-up".into(),
        participant: 7,
        token: "a.b.c".into(),
        ticket: vec![9; 80].into(),
        agent: "nearcall/0.1.0".into(),
        proof: vec![8; 64].into(),
    };
    let path = PathReport {
        relay: "oslo-1".into(),
        region: "oslo".into(),
        provider: "metal".into(),
        transport: ReportedTransport::WebTransport as i32,
        mean_us: Some(12_345),
        jitter_us: Some(800),
        loss_permille: Some(2),
        samples: 40,
    };
    let moved = MoveReport { cause: MoveCause::FailOver as i32, audio_gap_ms: Some(120), video_gap_ms: None };
    let wish = Wish { participant: 0, track: 1, max_spatial: 2, max_temporal: 2 };
    let resume = Resume { participant: 8, track: 1, spatial: 0, group: 60, frame: 77 };
    let bodies = [
        ("hello", Body::Hello(hello)),
        ("join", Body::Join(Join { member: Some(member()), standby: true })),
        ("leave", Body::Leave(Leave { moved: true })),
        ("subscribe", Body::Subscribe(Subscribe { sequence: 3, wishes: vec![wish; 3], resume: vec![resume; 2] })),
        ("key_frame", Body::KeyFrameRequest(KeyFrameRequest { participant: 8, track: 1, spatial: 2 })),
        ("sealed", Body::Sealed(Sealed { participant: 8, payload: Bytes::from_static(b"sealed") })),
        ("receiver_report", Body::ReceiverReport(receiver_report())),
        ("election_report", Body::ElectionReport(ElectionReport { paths: vec![path; 2], moves: vec![moved; 2] })),
    ];
    let message = |(name, body)| seed("client_message", name, control::encode(&ClientMessage { body: Some(body) }));
    let mut seeds: Vec<_> = bodies.into_iter().map(message).collect();
    seeds.push(seed("client_message", "nothing", Vec::new()));
    seeds.push(seed("client_message", "a_length_that_does_not_follow", [0x0a, 0xff, 0x03, 1, 2, 3]));
    seeds.push(seed("client_message", "groups_without_end", vec![0x0b; 200]));
    seeds.push(seed("client_message", "a_field_of_a_later_version", [0xfa, 0x07, 0x02, 0x08, 0x01]));
    seeds
}

fn receiver_report() -> ReceiverReport {
    ReceiverReport {
        participant: 8,
        track: 0,
        loss_permille: 20,
        jitter_ms: 9,
        concealed_permille: 3,
        longest_burst: 2,
    }
}

fn server() -> Vec<Seed> {
    use server_message::Body;
    let relay = RelayInfo {
        id: "oslo-1".into(),
        region: "oslo".into(),
        provider: "metal".into(),
        instance: 0x0123_4567_89ab_cdef,
    };
    let bodies = [
        (
            "welcome",
            Body::Welcome(Welcome {
                version: VERSION,
                relay: Some(relay),
                participant: 7,
                ticket: vec![9; 80].into(),
                host: true,
            }),
        ),
        ("refused", Body::Refused(Refused { code: 6, retry_after_ms: 5000, removed: true, ..Refused::default() })),
        ("joined", Body::Joined(Joined { members: vec![member(); 3] })),
        ("member_changed", Body::MemberChanged(MemberChanged { member: Some(member()) })),
        ("subscribed", Body::Subscribed(Subscribed { sequence: 3 })),
        ("key_frame_wanted", Body::KeyFrameWanted(KeyFrameWanted { track: 1, spatial: 2 })),
        ("sealed", Body::Sealed(Sealed { participant: 8, payload: Bytes::from_static(b"sealed") })),
        ("receiver_report", Body::ReceiverReport(receiver_report())),
        ("drain", Body::Drain(Drain { deadline_ms: 30_000, spread_ms: 10_000 })),
    ];
    let message = |(name, body)| seed("server_message", name, control::encode(&ServerMessage { body: Some(body) }));
    bodies.into_iter().map(message).collect()
}

fn header(track: Track, frame: u32, since_key: u16) -> MediaHeader {
    MediaHeader { capture_us: 1_000_000, ..header::header(clock::now(), track, frame, since_key) }
}

fn media() -> Vec<Seed> {
    let packet =
        |frame| AudioPacket { header: header(Track::Microphone, frame, 0), payload: Bytes::from_static(&[5; 80]) };
    let audio = |before| datagram::encode(&packet(9), before).expect("it fits").slice(1..);
    let frame = |number: u32| VideoFrame::new(header(Track::Camera, number, number as u16), &[6; 60]);
    let framed = |frame: &VideoFrame| [&(frame.bytes.len() as u32).to_be_bytes()[..], &frame.bytes].concat();
    let group: Vec<u8> = (0..4).flat_map(|number| framed(&frame(number))).collect();
    let in_pieces = |piece: u8, bytes: &[u8]| [&[piece], bytes].concat();
    vec![
        seed("datagram", "one_packet", audio(None)),
        seed("datagram", "with_the_one_before", audio(Some(&packet(8)))),
        seed("datagram", "a_length_beyond_the_end", [&packet(9).header.to_bytes()[..], &[0xff, 0xff, 1]].concat()),
        seed("header", "sound", header(Track::Microphone, u32::MAX, 0).to_bytes()),
        seed("header", "picture", header(Track::Screen, 77, 17).to_bytes()),
        seed("subgroup_head", "camera", &SubgroupHead::of(&frame(0).header).to_bytes()[1..]),
        seed("video_frame", "key", frame(0).bytes),
        seed("video_frame", "empty", VideoFrame::new(header(Track::Camera, 1, 1), &[]).bytes),
        seed("frame_splitter", "a_group_at_once", in_pieces(255, &group)),
        seed("frame_splitter", "a_group_in_single_bytes", in_pieces(1, &group)),
        seed("frame_splitter", "a_length_over_the_limit", in_pieces(7, &u32::MAX.to_be_bytes())),
        seed("frame_splitter", "a_length_under_a_header", in_pieces(7, &[0, 0, 0, 1, 9])),
        seed("frame_splitter", "a_frame_and_a_half", in_pieces(9, &group[..130])),
    ]
}

fn probes() -> Vec<Seed> {
    let reply = ProbeReply {
        id: 7,
        instance: RelayInstance(9),
        state: RelayState::Draining,
        load_percent: 40,
        spent_us: 12,
        relay: "oslo-1".into(),
        at_us: None,
    };
    let later = [reply.to_bytes(), vec![1, 2, 3]].concat();
    vec![
        seed("probe", "probe", &Probe { id: u64::MAX }.to_bytes()[1..]),
        seed("probe_reply", "reply", &reply.to_bytes()[1..]),
        seed("probe_reply", "of_a_later_version", &later[1..]),
    ]
}

fn manifests() -> Vec<Seed> {
    let entry = RelayEntry {
        id: "oslo-1".into(),
        region: "oslo".into(),
        provider: "metal".into(),
        city: "Oslo".into(),
        webtransport: Some("https://relay.example:4433/v1/call".into()),
        websocket: Some("wss://relay.example:4433/v1/call".into()),
        pins: vec!["ab".repeat(32), "cd".repeat(32)],
    };
    let json = serde_json::to_vec(&Manifest::from(vec![entry])).expect("it is data");
    vec![
        seed("manifest", "one_relay", json),
        seed("manifest", "none", *br#"{"relays":[]}"#),
        seed("manifest", "unknown_fields", *br#"{"relays":[],"later":{"a":[1,2.5e300,null]}}"#),
        seed("manifest", "nested", "[".repeat(500)),
    ]
}

fn bus() -> Vec<Seed> {
    use room_message::Body;
    let stream = || Stream { participant: 8, track: 1, spatial: 2 };
    let bodies = [
        (
            "digest",
            Body::Digest(Digest { members: vec![member(); 2], interest: 0x1ff, asks: true, ..Digest::default() }),
        ),
        ("joined", Body::Joined(MemberJoined { member: Some(Box::new(member())), step: None })),
        ("ended", Body::Ended(MemberEnded { participant: 8, how: 2, ..MemberEnded::default() })),
        ("key_frame", Body::KeyFrame(stream())),
        ("sealed", Body::Sealed(SealedTo { from: 7, to: 8, payload: Bytes::from_static(b"sealed") })),
        ("report", Body::Report(ReportTo { to: 8, report: Some(receiver_report()) })),
    ];
    let room = |(name, body)| {
        seed(
            "room_message",
            name,
            RoomMessage { origin: 5, body: Some(body), ..RoomMessage::default() }.encode_to_vec(),
        )
    };
    let frame = VideoFrame::new(header(Track::Camera, 0, 0), &[6; 60]).bytes;
    let direct = [
        (
            "fetch",
            direct_message::Body::Fetch(Fetch {
                stream: Some(stream()),
                after: Some(AfterFrame { group: 60, frame: 77 }),
            }),
        ),
        (
            "fetched",
            direct_message::Body::Fetched(Fetched { stream: Some(stream()), frames: vec![frame; 2], more: false }),
        ),
    ];
    let direct = direct.map(|(name, body)| {
        let message = DirectMessage { origin: 5, room: vec![3; 16].into(), body: Some(body) };
        seed("direct_message", name, message.encode_to_vec())
    });
    bodies.into_iter().map(room).chain(direct).collect()
}

fn credentials() -> Vec<Seed> {
    let claims = Claims {
        room: "stand-up".into(),
        user: "ada".into(),
        publish: true,
        host: true,
        issued: NOW,
        expires: NOW + 3600,
    };
    let token = auth_key().sign(&claims).expect("it is a private key");
    let ticket = Ticket::for_claims(ParticipantId(7), claims, NOW);
    let key = TicketKey::from_secret(b"a key for fuzzing and nothing else at all").expect("it is long enough");
    let sealed = key.seal(&ticket, &ring::rand::SystemRandom::new()).expect("it fits");
    let payload = format!(r#"{{"room":"stand-up","sub":"ada","exp":{}}}"#, NOW + 60);
    vec![
        seed("token", "signed", token),
        seed("token", "two_dots_and_nothing", *b".."),
        seed("token_claims", "few", payload),
        seed("token_claims", "numbers_at_the_end", format!(r#"{{"room":"r","exp":{},"iat":0,"nbf":0}}"#, u64::MAX)),
        seed("ticket", "sealed", sealed),
    ]
}

fn proxies() -> Vec<Seed> {
    let signature = *b"\r\n\r\n\0\r\nQUIT\n";
    let binary = |rest: &[u8]| [&signature[..], rest].concat();
    let v4 = [192, 0, 2, 1, 127, 0, 0, 1, 0xc0, 0, 0x11, 0x51];
    vec![
        seed("proxy_header", "v2_ipv4", binary(&[&[0x21, 0x11, 0, 12], &v4[..], b"the client's"].concat())),
        seed("proxy_header", "v2_ipv6", binary(&[&[0x21, 0x21, 0, 36], &[0x20; 36][..]].concat())),
        seed(
            "proxy_header",
            "v2_with_additions",
            binary(&[&[0x21, 0x11, 0, 19], &v4[..], &[3, 0, 4, 1, 2, 3, 4]].concat()),
        ),
        seed("proxy_header", "v2_local", binary(&[0x20, 0, 0, 0])),
        seed("proxy_header", "v2_too_long", binary(&[0x21, 0x11, 0xff, 0xff])),
        seed("proxy_header", "v1", *b"PROXY TCP4 192.0.2.1 127.0.0.1 49152 4433\r\nGET"),
        seed("proxy_header", "v1_unknown", *b"PROXY UNKNOWN\r\n"),
        seed("proxy_header", "v1_without_end", b"PROXY TCP6 ".repeat(20)),
    ]
}

#[cfg(feature = "app")]
fn invites() -> Vec<Seed> {
    let invite = nearcall::crypto::Invite {
        room: "stand-up".into(),
        at: vec!["relay.example:4433".into(), "[2001:db8::1]:4433".into()],
        secret: [4; 32].into(),
        pins: vec!["ab".repeat(32)],
        grant: Some("a.b.c".into()),
    };
    vec![
        seed("invite", "link", invite.to_link().expect("it is whole")),
        seed("invite", "https", invite.to_https("calls.example").expect("it is whole")),
        seed("invite", "in_brackets", format!(" <{}>\r\n", invite.to_link().expect("it is whole"))),
    ]
}

#[cfg(not(feature = "app"))]
fn invites() -> Vec<Seed> {
    Vec::new()
}
