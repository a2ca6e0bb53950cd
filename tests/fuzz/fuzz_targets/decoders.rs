//! What every decoder of bytes from outside must hold to, whatever the bytes: no panic, nothing over a limit, and what was read can be
//! written and read again. One function a decoder; each says whether the bytes were taken.
//!
//! The fuzz targets beside this file call one each; `tests/it/fuzz.rs` calls all of them with the stored corpora and changes of them.

use bytes::Bytes;
#[cfg(feature = "app")]
use nearcall::crypto::Invite;
use nearcall::crypto::{AuthKey, TicketKey};
use nearcall::proto::control::{self, ClientMessage, Limited, ServerMessage};
use nearcall::proto::manifest::Manifest;
use nearcall::proto::probe::{Probe, ProbeReply};
use nearcall::proto::subgroup::{FrameSplitter, VideoFrame};
use nearcall::proto::timing::Timing;
use nearcall::proto::words::{self, Words};
use nearcall::proto::{MediaHeader, SubgroupHead, datagram, limits};
use nearcall::relay::bus::message::{self, DirectMessage, RoomMessage};
use nearcall::relay::fronts::proxy_protocol::{self, Progress};

/// A key that everybody may know: what is fuzzed lies behind its signature.
pub const KEY: &str = "hs256:YSBrZXkgZm9yIGZ1enppbmcgYW5kIG5vdGhpbmcgZWxzZSBhdCBhbGw";
/// The bytes of the same key.
const SECRET: &[u8] = b"a key for fuzzing and nothing else at all";
/// When the tokens and tickets of the corpus are good, Unix time in s.
pub const NOW: u64 = 1_800_000_000;

/// A decoder's name and its function.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them, by the names of their targets.
pub const ALL: &[Target] = &[
    ("client_message", client_message),
    ("server_message", server_message),
    ("timing", timing),
    ("words", words),
    ("datagram", audio_datagram),
    ("probe", probe),
    ("probe_reply", probe_reply),
    ("header", header),
    ("subgroup_head", subgroup_head),
    ("frame_splitter", frame_splitter),
    ("video_frame", video_frame),
    ("manifest", manifest),
    ("room_message", room_message),
    ("direct_message", direct_message),
    ("token", token),
    ("token_claims", token_claims),
    ("ticket", ticket),
    ("proxy_header", proxy_header),
    #[cfg(feature = "app")]
    ("invite", invite),
];

/// What a client says, reports of its election among it.
pub fn client_message(data: &[u8]) -> bool {
    control_message::<ClientMessage>(data)
}

/// What a relay says.
pub fn server_message(data: &[u8]) -> bool {
    control_message::<ServerMessage>(data)
}

/// What a participant says of its times, opened.
pub fn timing(data: &[u8]) -> bool {
    control_message::<Timing>(data)
}

/// What people say, opened; and what is shown of it.
pub fn words(data: &[u8]) -> bool {
    if let Ok(Words { body: Some(words::said::Body::Text(text)), .. }) = Words::decode_sealed(data) {
        let shown = words::clean(&text);
        assert!(shown.len() <= text.len() && text.len() <= limits::TEXT_BYTES);
        assert_eq!(words::clean(&shown), shown);
    }
    control_message::<Words>(data)
}

fn control_message<M: Limited + PartialEq + std::fmt::Debug>(data: &[u8]) -> bool {
    let Ok(message) = control::decode::<M>(data) else { return false };
    assert!(data.len() <= limits::CONTROL_BYTES);
    let again = control::encode(&message);
    // A message that was cut short in the original may grow by its lengths, but not past the limit.
    if again.len() <= limits::CONTROL_BYTES {
        assert_eq!(control::decode::<M>(&again).expect("it was read before"), message);
    }
    true
}

pub fn audio_datagram(data: &[u8]) -> bool {
    let Ok(packets) = datagram::decode(&Bytes::copy_from_slice(data)) else { return false };
    assert!((1..=limits::AUDIO_PACKETS).contains(&packets.len()));
    let payload: usize = packets.iter().map(|packet| packet.payload.len()).sum();
    assert!(payload <= data.len() && data.len() <= limits::AUDIO_DATAGRAM_BYTES);
    if let Ok(again) = datagram::encode(&packets[0], packets.get(1)) {
        assert_eq!(datagram::decode(&again.slice(1..)).expect("it was written by us"), packets);
    }
    true
}

pub fn probe(data: &[u8]) -> bool {
    let Ok(probe) = Probe::from_body(data) else { return false };
    assert_eq!(Probe::from_body(&probe.to_bytes()[1..]), Ok(probe));
    true
}

pub fn probe_reply(data: &[u8]) -> bool {
    let Ok(reply) = ProbeReply::from_body(data) else { return false };
    assert!(reply.relay.len() <= limits::NAME_BYTES);
    assert_eq!(ProbeReply::from_body(&reply.to_bytes()[1..]), Ok(reply));
    true
}

pub fn header(data: &[u8]) -> bool {
    let Ok(header) = MediaHeader::from_bytes(data) else { return false };
    assert_eq!(MediaHeader::from_bytes(&header.to_bytes()), Ok(header));
    true
}

pub fn subgroup_head(data: &[u8]) -> bool {
    let Ok(head) = SubgroupHead::from_body(data) else { return false };
    assert_eq!(SubgroupHead::from_body(&head.to_bytes()[1..]), Ok(head));
    true
}

/// The first byte says in which pieces the rest comes: the frames are the same in any.
pub fn frame_splitter(data: &[u8]) -> bool {
    let Some((piece, data)) = data.split_first() else { return false };
    let whole = split(data, data.len().max(1));
    let pieces = split(data, usize::from(*piece).max(1));
    assert_eq!(whole, pieces);
    let taken: usize = whole.0.iter().map(|frame| 4 + frame.bytes.len()).sum();
    assert!(taken <= data.len());
    assert!(whole.0.iter().all(|frame| frame.bytes.len() <= limits::VIDEO_FRAME_BYTES));
    !whole.0.is_empty()
}

/// The frames in some bytes, and whether an error ended them.
fn split(data: &[u8], piece: usize) -> (Vec<VideoFrame>, bool) {
    let (mut splitter, mut frames) = (FrameSplitter::default(), Vec::new());
    for piece in data.chunks(piece) {
        splitter.push(piece);
        loop {
            match splitter.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

pub fn video_frame(data: &[u8]) -> bool {
    let Ok(frame) = VideoFrame::from_bytes(Bytes::copy_from_slice(data)) else { return false };
    assert!(data.len() <= limits::VIDEO_FRAME_BYTES);
    assert_eq!(MediaHeader::LEN + frame.payload().len(), data.len());
    let again = VideoFrame::new(frame.header, &frame.payload());
    assert_eq!(again.header, frame.header);
    true
}

pub fn manifest(data: &[u8]) -> bool {
    let Some(manifest) = std::str::from_utf8(data).ok().and_then(|text| Manifest::from_json(text).ok()) else {
        return false;
    };
    assert!(manifest.relays.len() <= limits::RELAYS);
    let again = serde_json::to_string(&manifest).expect("it is data");
    assert_eq!(Manifest::from_json(&again), Ok(manifest));
    true
}

pub fn room_message(data: &[u8]) -> bool {
    bus_message::<RoomMessage>(data)
}

pub fn direct_message(data: &[u8]) -> bool {
    bus_message::<DirectMessage>(data)
}

fn bus_message<M: prost::Message + Default + PartialEq + std::fmt::Debug>(data: &[u8]) -> bool {
    let Ok(message) = message::decode::<M>(Bytes::copy_from_slice(data)) else { return false };
    assert_eq!(M::decode(message.encode_to_vec().as_slice()).expect("it was read before"), message);
    true
}

/// A token as it comes. Hardly any is signed.
pub fn token(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(check_token)
}

/// The claims of a token, with the signature put right: what somebody with the key could write.
pub fn token_claims(data: &[u8]) -> bool {
    let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let signed = format!("{}.{}", encode(br#"{"alg":"HS256","typ":"JWT"}"#), encode(data));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    check_token(&format!("{signed}.{}", encode(signature.as_ref())))
}

fn check_token(token: &str) -> bool {
    let Ok(claims) = auth_key().verify(token, NOW) else { return false };
    assert!(token.len() <= limits::TOKEN_BYTES && claims.room.len() <= limits::ROOM_BYTES);
    true
}

pub fn auth_key() -> AuthKey {
    AuthKey::from_file_text(KEY).expect("it is a key")
}

/// A ticket as it comes.
pub fn ticket(data: &[u8]) -> bool {
    let key = TicketKey::from_secret(SECRET).expect("it is long enough");
    let Ok(ticket) = key.open(data, NOW) else { return false };
    assert!(data.len() <= limits::TICKET_BYTES && ticket.room.len() <= limits::ROOM_BYTES);
    true
}

/// As it is read from a socket: no more than it asks for.
pub fn proxy_header(data: &[u8]) -> bool {
    let mut have = 0;
    loop {
        match proxy_protocol::read(&data[..have]) {
            Err(_) => return false,
            Ok(Progress::More(more)) => {
                assert!(more > 0);
                have += more;
                if have > data.len() {
                    return false;
                }
            }
            Ok(Progress::Whole(header)) => {
                assert_eq!(header.len, have, "a byte of the client's was taken");
                assert_eq!(proxy_protocol::read(data), Ok(Progress::Whole(header)));
                return true;
            }
        }
    }
}

/// The app's alone, for which the fuzz package has a feature of the same name.
#[cfg(feature = "app")]
pub fn invite(data: &[u8]) -> bool {
    let Some(invite) = std::str::from_utf8(data).ok().and_then(|link| Invite::parse(link).ok()) else { return false };
    if let Ok(link) = invite.to_link() {
        assert!(Invite::parse(&link).is_ok_and(|again| again == invite), "{link}");
    }
    true
}
