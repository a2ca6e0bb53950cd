//! The wire, version 1, written down well enough for a stranger to write a client.
//!
//! Knows nobody. Holds no socket, no clock and no random source: it turns values into bytes and bytes
//! into values, and every decoder here is reachable by a stranger, so each checks every length against
//! [`limits`] and returns an error instead of panicking.
//!
//! # Where it listens
//!
//! One port number, UDP and TCP. WebTransport: `https://HOST:PORT/v1/call`. WebSocket: `wss` on the same
//! path. All integers are big-endian. `GET /regions.json` over TLS answers with the [`manifest`]: every relay that this one knows,
//! and the distances between them.
//!
//! A proxy may stand before TCP. One that hands on bytes says who the client is by a PROXY header, version 1 or 2, before the TLS
//! handshake; one that ends TLS passes HTTP on to the relay's plain port, the same path as `ws`, and says it by `X-Forwarded-For` or
//! `Forwarded`. Either is read from networks that the relay was told of, and from nobody else. The answer to a WebSocket upgrade
//! has `Server-Timing: relay;dur=MS`: what the relay spent on it; proxies add what they know. Nothing is decided on that.
//!
//! # What travels
//!
//! One type byte ([`Kind`]) heads every WebSocket message, datagram and stream:
//!
//! | kind | WebTransport | WebSocket | layout after the type byte |
//! | --- | --- | --- | --- |
//! | `0x01` control | the client's one bidirectional stream: the type byte once each way, then messages | one binary message each | [`control`]: protobuf; on the stream each message is headed by its length, u32 |
//! | `0x02` probe | datagram | binary message | [`probe::Probe`]: version u8, id u64 |
//! | `0x03` probe reply | datagram | binary message | [`probe::ProbeReply`] |
//! | `0x04` audio | datagram | binary message | one or two packets, newest first, each: [`MediaHeader`], length u16, payload |
//! | `0x05` video frame | - | binary message | [`MediaHeader`], payload |
//! | `0x06` subgroup | one unidirectional stream a subgroup | - | [`SubgroupHead`], then frames, each: length u32 of what follows, [`MediaHeader`], payload |
//!
//! A *subgroup* is one (participant, track, spatial size, temporal layer) from one key frame to the next.
//! It may begin in the middle of its group, where a link takes over from another. Frames inside it come
//! in the order in which the relay got them, which is their order but for a moment around a move: the
//! receiver orders by frame number, drops what it has seen, and only then decodes.
//!
//! # A session
//!
//! Probes are answered as soon as there is a connection. The client then sends `Hello` (version, room,
//! participant, token or ticket, proof), and may send `Join` and `Subscribe` right behind it. The relay answers
//! `Welcome` or `Refused`, then `Joined` with the roster, then `Subscribed`. Media of a participant that
//! is not the session's own is dropped. `Leave` ends membership; a connection that ends without it leaves
//! the participant *reconnecting* for 30 s.
//!
//! * **Who enters.** `Hello` brings a token, or the ticket of an earlier `Welcome`, which counts at every region and outlives the
//!   token. What a token says (user, host, may publish) the relay stamps on the roster, whatever the member says of itself.
//!   The proof is the same in all sessions of one running instance and is shown to relays alone: they tell one another only a stamp
//!   of it, so that nobody enters under another's number.
//! * **What hosts decide** is in force at every relay: `Moderate`, answered by `ModerationAnswer`; what is in force comes in
//!   `Moderated`, behind `Joined` and whenever it changes. See [`moderation`].
//! * **What is received.** `Subscribe` lists wishes: track, largest picture, highest temporal layer. The relay sends at most that, less
//!   where the link does not carry it, and changes sizes at key frames alone. `KeyFrameRequest` goes to that sender as
//!   `KeyFrameWanted`, many as one.
//! * **What people say** is `Sealed`: to one participant or to all others, wherever they are, handed on in the order in which it came
//!   and kept nowhere. What is inside, no relay reads: the [times](timing) of their sound, and [words]: chat, reactions, and the
//!   answers that they were heard. Whose hand is up is in the sealed profile of the roster.
//! * **The relay goes.** `Drain` says by when, and over which time clients should spread. A relay that is full, draining or cut off
//!   from the others says so in its [probe replies](probe) first, and refuses newcomers by `Refused` with its reason. Members of its
//!   calls stay.
//!
//! Unknown fields and unknown kinds are skipped. A wrong version is refused with a reason.

pub mod control;
pub mod datagram;
pub mod header;
pub mod ids;
pub mod limits;
pub mod manifest;
pub mod moderation;
pub mod probe;
pub mod reach;
pub mod report;
pub mod subgroup;
pub mod timing;
pub mod words;

pub use header::{Kind, MediaHeader};
pub use ids::{FrameNumber, Layer, ParticipantId, RelayInstance, Track, Transport};
pub use subgroup::SubgroupHead;

/// The version that this crate speaks.
pub const VERSION: u32 = 1;

/// The path of a call, for WebTransport and WebSocket alike.
pub const CALL_PATH: &str = "/v1/call";

/// The port, UDP and TCP, where none is given.
pub const DEFAULT_PORT: u16 = 4433;

/// Why bytes from outside were not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end before the value does.
    #[error("cut short: {what} needs {need} bytes and has {have}")]
    Short { what: &'static str, need: usize, have: usize },
    /// A length is over its limit.
    #[error("{what} of {len} bytes is over the limit of {max}")]
    TooLong { what: &'static str, len: usize, max: usize },
    /// A field holds a value that this version does not know.
    #[error("{what} has no meaning for {value}")]
    Unknown { what: &'static str, value: u64 },
    /// The peer speaks another version.
    #[error("version {theirs} is not spoken here (this is version {VERSION})")]
    Version { theirs: u32 },
    /// Text that is not UTF-8.
    #[error("{what} is not UTF-8")]
    Text { what: &'static str },
    /// The protobuf is malformed.
    #[error("malformed control message: {0}")]
    Control(String),
}

#[cfg(test)]
mod tests;
