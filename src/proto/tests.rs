//! What is written is read back, and no bytes from outside make a decoder panic, allocate past its limit or never end.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::control::{
    ClientMessage, Demand, Hello, Join, Joined, Member, Resume, Sealed, ServerMessage, Subscribe, Welcome, Wish,
    client_message, server_message,
};
use super::datagram::AudioPacket;
use super::manifest::{Distance, Manifest, ManifestError, RelayEntry};
use super::moderation::{Moderate, Moderated, ModerationAnswer, Ruling};
use super::probe::{Probe, ProbeReply, RelayState};
use super::report::{ElectionReport, MoveReport, PathReport};
use super::subgroup::{FrameSplitter, VideoFrame};
use super::*;

fn layer() -> impl Strategy<Value = Layer> {
    (0..=Layer::MAX_SPATIAL, 0..=Layer::MAX_TEMPORAL).prop_map(|(spatial, temporal)| Layer { spatial, temporal })
}

prop_compose! {
    fn header(track: impl Strategy<Value = Track>)(
        track in track,
        layer in layer(),
        flags in any::<[bool; 3]>(),
        participant in any::<u64>(),
        frame in any::<u32>(),
        since_key in any::<u16>(),
        capture_us in any::<u64>(),
    ) -> MediaHeader {
        let [key, discardable, dtx] = flags;
        let participant = ParticipantId(participant);
        MediaHeader { track, layer, key, discardable, dtx, participant, frame, since_key, capture_us }
    }
}

fn any_track() -> impl Strategy<Value = Track> {
    prop::sample::select(Track::ALL.to_vec())
}

fn video_track() -> impl Strategy<Value = Track> {
    prop::sample::select(vec![Track::Camera, Track::Screen])
}

fn audio_packet(max: usize) -> impl Strategy<Value = AudioPacket> {
    (header(Just(Track::Microphone)), vec(any::<u8>(), 0..max))
        .prop_map(|(header, payload)| AudioPacket { header, payload: payload.into() })
}

fn video_frame() -> impl Strategy<Value = VideoFrame> {
    (header(video_track()), vec(any::<u8>(), 0..300)).prop_map(|(header, payload)| VideoFrame::new(header, &payload))
}

proptest! {
    #[test]
    fn a_header_is_read_as_it_was_written(header in header(any_track())) {
        prop_assert_eq!(MediaHeader::from_bytes(&header.to_bytes()), Ok(header));
    }

    #[test]
    fn a_probe_and_its_reply_are_read_as_they_were_written(
        id in any::<u64>(),
        instance in any::<u64>(),
        state in 0u8..4,
        load_percent in 0u8..=100,
        spent_us in any::<u32>(),
        relay in "[a-z0-9-]{0,64}",
        at_us in any::<u64>(),
        later in vec(any::<u8>(), 0..9),
    ) {
        let probe = Probe { id };
        prop_assert_eq!(Probe::from_body(&probe.to_bytes()[1..]), Ok(probe));
        let (instance, state) = (RelayInstance(instance), RelayState::from(state));
        let reply = ProbeReply { id, instance, state, load_percent, spent_us, relay, at_us: Some(at_us) };
        let mut bytes = reply.to_bytes();
        bytes.extend(later);
        prop_assert_eq!(ProbeReply::from_body(&bytes[1..]), Ok(reply));
    }

    #[test]
    fn audio_is_read_as_it_was_written(newest in audio_packet(500), before in audio_packet(500)) {
        let datagram = datagram::encode(&newest, Some(&before)).unwrap();
        prop_assert_eq!(datagram[0], Kind::Audio as u8);
        prop_assert_eq!(datagram::decode(&datagram.slice(1..)), Ok(vec![newest, before]));
    }

    #[test]
    fn what_does_not_fit_a_datagram_is_left_out_or_refused(newest in audio_packet(2000), before in audio_packet(2000)) {
        match datagram::encode(&newest, Some(&before)) {
            Ok(datagram) => {
                prop_assert!(datagram.len() <= limits::AUDIO_DATAGRAM_BYTES);
                prop_assert_eq!(&datagram::decode(&datagram.slice(1..)).unwrap()[0], &newest);
            }
            Err(_) => prop_assert!(newest.payload.len() > limits::AUDIO_DATAGRAM_BYTES - 40),
        }
    }

    #[test]
    fn a_subgroup_is_read_as_it_was_written_however_its_bytes_arrive(
        frames in vec(video_frame(), 1..6),
        cuts in vec(1usize..200, 1..20),
    ) {
        let head = SubgroupHead::of(&frames[0].header);
        prop_assert_eq!(SubgroupHead::from_body(&head.to_bytes()[1..]), Ok(head));
        let stream: Vec<u8> = frames
            .iter()
            .flat_map(|frame| (frame.bytes.len() as u32).to_be_bytes().into_iter().chain(frame.bytes.iter().copied()))
            .collect();
        let (mut splitter, mut read, mut rest) = (FrameSplitter::default(), Vec::new(), &stream[..]);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            rest = later;
            splitter.push(now);
            while let Some(frame) = splitter.next_frame().unwrap() {
                read.push(frame);
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn messages_are_read_as_they_were_written(
        room in ".{0,30}",
        participant in any::<u64>(),
        salt in vec(any::<u8>(), 0..=16),
        numbers in any::<[u32; 5]>(),
        members in 0usize..4,
    ) {
        let [track, spatial, group, frame, epoch] = numbers;
        let member = Member { participant, salt: salt.into(), epoch, ..Member::default() };
        let wishes = vec![Wish { participant, track, max_spatial: spatial, max_temporal: frame }];
        let resume = vec![Resume { participant, track, spatial, group, frame }];
        for body in [
            client_message::Body::Hello(Hello { version: 1, room, participant, ..Hello::default() }),
            client_message::Body::Join(Join { member: Some(member.clone()), standby: true }),
            client_message::Body::Subscribe(Subscribe { sequence: epoch, wishes, resume }),
            client_message::Body::Moderate(Moderate { sequence: 1, action: 1, participant, track, firm: true, ..Moderate::default() }),
        ] {
            let message = ClientMessage { body: Some(body) };
            prop_assert_eq!(control::decode::<ClientMessage>(&control::encode(&message)), Ok(message));
        }
        let (by, user, version) = (participant, "zoë".into(), 7);
        let ruling = Ruling { kind: 2, participant, track, on: true, firm: false, by, user, version };
        for body in [
            server_message::Body::Joined(Joined { members: vec![member; members] }),
            server_message::Body::Moderated(Moderated { rulings: vec![ruling; members], all: true }),
            server_message::Body::ModerationAnswer(ModerationAnswer { sequence: frame, done: false, message: "no".into() }),
            server_message::Body::Demand(Demand { track, sizes: spatial }),
        ] {
            let message = ServerMessage { body: Some(body) };
            prop_assert_eq!(control::decode::<ServerMessage>(&control::encode(&message)), Ok(message));
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written(regions in prop::collection::btree_set("[a-z-]{1,20}", 1..9)) {
        let relays: Vec<_> = regions.into_iter().map(|region| entry(&region)).collect();
        let manifest = Manifest::from(relays);
        prop_assert_eq!(Manifest::from_json(&serde_json::to_string(&manifest).unwrap()), Ok(manifest));
    }

    #[test]
    fn hostile_bytes_are_an_error_at_most(bytes in vec(any::<u8>(), 0..1400)) {
        let _ = MediaHeader::from_bytes(&bytes);
        let _ = Probe::from_body(&bytes);
        let _ = ProbeReply::from_body(&bytes);
        let _ = SubgroupHead::from_body(&bytes);
        let _ = VideoFrame::from_bytes(bytes.clone().into());
        let _ = control::decode::<ClientMessage>(&bytes);
        let _ = control::decode::<ServerMessage>(&bytes);
        let _ = Manifest::from_json(&String::from_utf8_lossy(&bytes));
        split(&bytes);
    }

    #[test]
    fn hostile_audio_is_an_error_or_within_its_limits(
        mut bytes in vec(any::<u8>(), 26..1400),
        layer in layer(),
        length in any::<u16>(),
    ) {
        // A head that is right gets further into the decoder than noise does.
        (bytes[0], bytes[1]) = (Track::Microphone as u8, layer.to_byte());
        if let Some(field) = bytes.get_mut(26..28) {
            field.copy_from_slice(&(length % 1200).to_be_bytes());
        }
        if let Ok(packets) = datagram::decode(&bytes.into()) {
            prop_assert!((1..=limits::AUDIO_PACKETS).contains(&packets.len()));
        }
    }

    #[test]
    fn a_message_with_a_bit_flipped_is_an_error_or_another_message(
        at in any::<prop::sample::Index>(),
        bit in 0u32..8,
        payload in vec(any::<u8>(), 0..60),
    ) {
        let sealed = Sealed { participant: 7, payload: payload.into() };
        let message = ClientMessage { body: Some(client_message::Body::Sealed(sealed)) };
        let mut bytes = control::encode(&message).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let _ = control::decode::<ClientMessage>(&bytes);
        let _ = control::decode::<ServerMessage>(&bytes);
    }

    #[test]
    fn a_stream_of_frames_with_a_hostile_length_ends(length in any::<u32>(), bytes in vec(any::<u8>(), 0..300)) {
        let mut stream = length.to_be_bytes().to_vec();
        stream.extend(bytes);
        split(&stream);
    }
}

/// Reads until there is no more, or an error; each step takes bytes away, so it ends.
fn split(bytes: &[u8]) {
    let mut splitter = FrameSplitter::default();
    splitter.push(bytes);
    let frames = std::iter::from_fn(|| splitter.next_frame().ok().flatten());
    assert!(frames.count() <= bytes.len() / (4 + MediaHeader::LEN));
}

fn entry(id: &str) -> RelayEntry {
    RelayEntry {
        id: id.into(),
        region: id.into(),
        provider: String::new(),
        city: String::new(),
        webtransport: Some("https://localhost:4433/v1/call".into()),
        websocket: Some("wss://localhost:4433/v1/call".into()),
        pins: vec!["0".repeat(64)],
    }
}

#[test]
fn every_length_in_a_message_has_a_limit() {
    let client = |body| control::encode(&ClientMessage { body: Some(body) });
    let server = |body| control::encode(&ServerMessage { body: Some(body) });
    let long = |bytes: usize| "x".repeat(bytes + 1);
    let bytes = |bytes: usize| Bytes::from(vec![0; bytes + 1]);
    let reported = |report| client(client_message::Body::ElectionReport(report));
    let path = |path| reported(ElectionReport { paths: vec![path], moves: Vec::new() });
    let member = |member| client_message::Body::Join(Join { member: Some(member), standby: false });
    let too_long = [
        client(client_message::Body::Hello(Hello { room: long(limits::ROOM_BYTES), ..Hello::default() })),
        client(client_message::Body::Hello(Hello { token: long(limits::TOKEN_BYTES), ..Hello::default() })),
        client(client_message::Body::Hello(Hello { ticket: bytes(limits::TICKET_BYTES), ..Hello::default() })),
        client(client_message::Body::Hello(Hello { agent: long(limits::NAME_BYTES), ..Hello::default() })),
        client(client_message::Body::Hello(Hello { proof: bytes(limits::PROOF_BYTES.1), ..Hello::default() })),
        client(client_message::Body::Moderate(Moderate { user: long(limits::ROOM_BYTES), ..Moderate::default() })),
        client(member(Member { stamp: bytes(limits::SALT_BYTES), ..Member::default() })),
        client(member(Member { salt: bytes(limits::SALT_BYTES), ..Member::default() })),
        client(member(Member { public_key: bytes(limits::PUBLIC_KEY_BYTES), ..Member::default() })),
        client(member(Member { profile: bytes(limits::PROFILE_BYTES), ..Member::default() })),
        client(client_message::Body::Sealed(Sealed { participant: 0, payload: bytes(limits::SEALED_BYTES) })),
        client(client_message::Body::Subscribe(Subscribe {
            wishes: vec![Wish::default(); limits::WISHES + 1],
            ..Subscribe::default()
        })),
        client(client_message::Body::Subscribe(Subscribe {
            resume: vec![Resume::default(); limits::WISHES + 1],
            ..Subscribe::default()
        })),
        reported(ElectionReport { paths: vec![PathReport::default(); limits::REPORT_PATHS + 1], moves: Vec::new() }),
        reported(ElectionReport { paths: Vec::new(), moves: vec![MoveReport::default(); limits::REPORT_MOVES + 1] }),
        path(PathReport { relay: long(limits::NAME_BYTES), ..PathReport::default() }),
        path(PathReport { region: long(limits::NAME_BYTES), ..PathReport::default() }),
        path(PathReport { provider: long(limits::NAME_BYTES), ..PathReport::default() }),
    ];
    for (n, message) in too_long.iter().enumerate() {
        assert!(matches!(control::decode::<ClientMessage>(message), Err(DecodeError::TooLong { .. })), "{n}");
    }
    let rulings = |count, user: &str| vec![Ruling { user: user.into(), ..Ruling::default() }; count];
    let too_long = [
        server(server_message::Body::Welcome(Welcome { ticket: bytes(limits::TICKET_BYTES), ..Welcome::default() })),
        server(server_message::Body::Joined(Joined { members: vec![Member::default(); limits::MEMBERS + 1] })),
        server(server_message::Body::Moderated(Moderated { rulings: rulings(limits::RULINGS + 1, ""), all: true })),
        server(server_message::Body::Moderated(Moderated {
            rulings: rulings(1, &long(limits::ROOM_BYTES)),
            all: true,
        })),
        server(server_message::Body::Sealed(Sealed { participant: 0, payload: bytes(limits::CONTROL_BYTES) })),
    ];
    for (n, message) in too_long.iter().enumerate() {
        assert!(matches!(control::decode::<ServerMessage>(message), Err(DecodeError::TooLong { .. })), "{n}");
    }
}

#[test]
fn a_field_or_message_of_a_later_version_is_skipped() {
    // Field 15, length-delimited, two bytes; as a message of its own, and behind a known one.
    let later = [0x7a, 0x02, 0xab, 0xcd];
    assert_eq!(control::decode::<ClientMessage>(&later), Ok(ClientMessage { body: None }));
    let hello = ClientMessage { body: Some(client_message::Body::Hello(Hello { version: 1, ..Hello::default() })) };
    let with_later = [hello.encode_to_vec().as_slice(), &later].concat();
    assert_eq!(control::decode::<ClientMessage>(&with_later), Ok(hello));
}

#[test]
fn a_report_is_skipped_by_a_relay_that_knows_none() {
    // What an earlier version reads: the same bytes, with the field unknown to it.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Earlier {
        #[prost(message, optional, tag = "1")]
        hello: Option<Hello>,
    }
    let paths = vec![PathReport { relay: "oslo".into(), mean_us: Some(1), ..PathReport::default() }];
    let report = client_message::Body::ElectionReport(ElectionReport { paths, moves: vec![MoveReport::default()] });
    let bytes = control::encode(&ClientMessage { body: Some(report) });
    assert_eq!(Earlier::decode(bytes), Ok(Earlier { hello: None }));
}

#[test]
fn nested_messages_do_not_exhaust_the_stack() {
    let mut bytes = vec![0x0a; 40_000];
    bytes.extend([0x0b; 20_000]);
    assert!(control::decode::<ClientMessage>(&bytes).is_err());
}

#[test]
fn another_version_of_a_probe_is_refused() {
    let mut bytes = Probe { id: 1 }.to_bytes();
    bytes[1] = 9;
    assert_eq!(Probe::from_body(&bytes[1..]), Err(DecodeError::Version { theirs: 9 }));
}

#[test]
fn a_group_is_counted_back_across_the_wrap_of_frame_numbers() {
    let frame = |frame, since_key| MediaHeader {
        track: Track::Camera,
        layer: Layer::default(),
        key: since_key == 0,
        discardable: false,
        dtx: false,
        participant: ParticipantId(1),
        frame,
        since_key,
        capture_us: 0,
    };
    assert_eq!(frame(2, 5).group(), u32::MAX - 2);
    assert_eq!(frame(7, 0).group(), 7);
}

#[test]
fn tracks_and_layers_that_are_not_known_are_errors() {
    assert!(Track::try_from(3).is_err());
    assert!(Layer::from_byte(0x30).is_err() && Layer::from_byte(0x03).is_err());
    assert_eq!(Layer::from_byte(0x21), Ok(Layer { spatial: 2, temporal: 1 }));
    assert!(Kind::try_from(0).is_err() && Kind::try_from(7).is_err());
}

#[test]
fn audio_is_no_video_and_video_no_audio() {
    let header = |track| MediaHeader {
        track,
        layer: Layer::default(),
        key: true,
        discardable: false,
        dtx: false,
        participant: ParticipantId(1),
        frame: 0,
        since_key: 0,
        capture_us: 0,
    };
    let sound = Bytes::copy_from_slice(&header(Track::Microphone).to_bytes());
    assert!(VideoFrame::from_bytes(sound).is_err());
    let picture = AudioPacket { header: header(Track::Camera), payload: Bytes::new() };
    let datagram = datagram::encode(&picture, None).unwrap();
    assert!(datagram::decode(&datagram.slice(1..)).is_err());
}

#[test]
fn a_manifest_says_which_relay_is_wrong_and_what_to_mend() {
    let json = |relays: Vec<RelayEntry>| serde_json::to_string(&Manifest::from(relays)).unwrap();
    let wrong = [
        (RelayEntry { region: String::new(), ..entry("oslo") }, "empty"),
        (RelayEntry { city: "x".repeat(65), ..entry("oslo") }, "64"),
        (RelayEntry { webtransport: None, websocket: None, ..entry("oslo") }, "needs"),
        (RelayEntry { webtransport: Some("http://oslo".into()), ..entry("oslo") }, "https://"),
        (RelayEntry { websocket: Some("ws://oslo".into()), ..entry("oslo") }, "wss://"),
        (RelayEntry { pins: vec!["abc".into()], ..entry("oslo") }, "SHA-256"),
    ];
    for (entry, says) in wrong {
        let error = Manifest::from_json(&json(vec![entry])).unwrap_err().to_string();
        assert!(error.contains("oslo") && error.contains(says), "{error}");
    }
    let error = Manifest::from_json(&json(vec![entry("oslo"), entry("oslo")])).unwrap_err();
    assert!(error.to_string().contains("twice"));
    assert_eq!(Manifest::from_json(&json(vec![])), Err(ManifestError::Empty));
    let many: Vec<_> = (0..=limits::RELAYS).map(|n| entry(&n.to_string())).collect();
    assert_eq!(Manifest::from_json(&json(many)), Err(ManifestError::TooMany(limits::RELAYS + 1)));
}

#[test]
fn distances_between_relays_are_listed_and_checked_and_may_be_missing() {
    let with = |distances: &str| {
        let relays = serde_json::to_string(&[entry("oslo"), entry("lima")]).unwrap();
        Manifest::from_json(&format!("{{\"relays\": {relays}, \"distances\": {distances}}}"))
    };
    let way = |to: &str, rtt: &str| format!("{{\"from\": \"oslo\", \"to\": \"{to}\", \"rtt_ms\": {rtt}}}");
    let manifest = with(&format!("[{}]", way("lima", "187.25"))).unwrap();
    assert_eq!((manifest.distances[0].to.as_str(), manifest.distances[0].rtt_ms), ("lima", 187.25));
    assert_eq!(Manifest::from_json(&serde_json::to_string(&manifest).unwrap()), Ok(manifest));
    assert_eq!(with("[]").unwrap(), Manifest::from(vec![entry("oslo"), entry("lima")]));
    for wrong in [way("lima", "-1"), way("lima", "1e9"), way("", "1"), way(&"x".repeat(65), "1")] {
        assert!(matches!(with(&format!("[{wrong}]")), Err(ManifestError::Distance { .. })), "{wrong}");
    }
    let many = vec![way("lima", "1"); limits::DISTANCES + 1].join(",");
    assert_eq!(with(&format!("[{many}]")), Err(ManifestError::TooManyDistances(limits::DISTANCES + 1)));
}

#[test]
fn merged_manifests_keep_the_first_entry_of_an_id() {
    let first = Manifest::from(vec![RelayEntry { city: "here".into(), ..entry("oslo") }]);
    let second = Manifest::from(vec![entry("oslo"), entry("lima")]);
    let merged = Manifest::merge([first, second]).unwrap();
    let cities: Vec<_> = merged.relays.iter().map(|relay| (relay.id.as_str(), relay.city.as_str())).collect();
    assert_eq!(cities, [("oslo", "here"), ("lima", "")]);
}

#[test]
fn more_distances_than_one_manifest_may_list_keep_nobody_from_calling() {
    let part = |from: &str, relay: &str| {
        let way = |to: usize| Distance { from: from.into(), to: to.to_string(), rtt_ms: 1.0 };
        Manifest { relays: vec![entry(relay)], distances: (0..limits::DISTANCES).map(way).collect() }
    };
    let merged = Manifest::merge([part("oslo", "oslo"), part("lima", "lima")]).unwrap();
    assert_eq!((merged.relays.len(), merged.distances.len()), (2, limits::DISTANCES));
}
