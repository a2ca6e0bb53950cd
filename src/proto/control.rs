//! Control messages: protobuf, written as Rust with `prost`. Fields are added, never renumbered. What hosts may order is in
//! [`super::moderation`].

mod lengths;

use bytes::Bytes;
use prost::Message;

use super::DecodeError;
use super::limits;

/// A length-limited, decoded message: what a peer may say on the control stream.
///
/// Lengths inside are checked by [`decode`] through [`Limited::check`], so whoever holds a message may trust them.
pub trait Limited: Message + Default {
    /// Checks every length inside against [`limits`].
    fn check(&self) -> Result<(), DecodeError>;
}

/// The protobuf of a message.
pub fn encode<M: Message>(message: &M) -> Bytes {
    message.encode_to_vec().into()
}

/// Reads and checks a message.
///
/// # Errors
/// Over [`limits::CONTROL_BYTES`], malformed, or a field over its own limit.
pub fn decode<M: Limited>(bytes: &[u8]) -> Result<M, DecodeError> {
    within("control message", bytes.len(), limits::CONTROL_BYTES)?;
    let message = M::decode(bytes).map_err(|error| DecodeError::Control(error.to_string()))?;
    message.check()?;
    Ok(message)
}

/// From a client.
#[derive(Clone, PartialEq, Message)]
pub struct ClientMessage {
    #[prost(oneof = "client_message::Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    pub body: Option<client_message::Body>,
}

pub mod client_message {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        #[prost(message, tag = "1")]
        Hello(super::Hello),
        #[prost(message, tag = "2")]
        Join(super::Join),
        #[prost(message, tag = "3")]
        Leave(super::Leave),
        #[prost(message, tag = "4")]
        Subscribe(super::Subscribe),
        #[prost(message, tag = "5")]
        KeyFrameRequest(super::KeyFrameRequest),
        #[prost(message, tag = "6")]
        Sealed(super::Sealed),
        #[prost(message, tag = "7")]
        ReceiverReport(super::ReceiverReport),
        #[prost(message, tag = "8")]
        Activate(super::Activate),
        #[prost(message, tag = "9")]
        ElectionReport(crate::proto::report::ElectionReport),
        #[prost(message, tag = "10")]
        Moderate(crate::proto::moderation::Moderate),
    }
}

/// From a relay.
#[derive(Clone, PartialEq, Message)]
pub struct ServerMessage {
    #[prost(oneof = "server_message::Body", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13")]
    pub body: Option<server_message::Body>,
}

pub mod server_message {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        #[prost(message, tag = "1")]
        Welcome(super::Welcome),
        #[prost(message, tag = "2")]
        Refused(super::Refused),
        #[prost(message, tag = "3")]
        Joined(super::Joined),
        #[prost(message, tag = "4")]
        MemberChanged(super::MemberChanged),
        #[prost(message, tag = "5")]
        Subscribed(super::Subscribed),
        #[prost(message, tag = "6")]
        KeyFrameWanted(super::KeyFrameWanted),
        #[prost(message, tag = "7")]
        Sealed(super::Sealed),
        #[prost(message, tag = "8")]
        Drain(super::Drain),
        #[prost(message, tag = "9")]
        Notice(super::Notice),
        #[prost(message, tag = "10")]
        ReceiverReport(super::ReceiverReport),
        #[prost(message, tag = "11")]
        Moderated(crate::proto::moderation::Moderated),
        #[prost(message, tag = "12")]
        ModerationAnswer(crate::proto::moderation::ModerationAnswer),
        #[prost(message, tag = "13")]
        Demand(super::Demand),
    }
}

/// First message of a session.
#[derive(Clone, PartialEq, Message)]
pub struct Hello {
    /// [`super::VERSION`].
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(string, tag = "2")]
    pub room: String,
    #[prost(fixed64, tag = "3")]
    pub participant: u64,
    /// A signed token, or empty.
    #[prost(string, tag = "4")]
    pub token: String,
    /// The ticket of an earlier `Welcome`, of this relay or any other, or empty.
    #[prost(bytes = "bytes", tag = "5")]
    pub ticket: Bytes,
    /// Name and version of the client's program.
    #[prost(string, tag = "6")]
    pub agent: String,
    /// Random, [`limits::PROOF_BYTES`], the same in every session of one running instance and told to relays alone: nobody
    /// else enters under its participant's number. Empty: anybody may who sees the roster.
    #[prost(bytes = "bytes", tag = "7")]
    pub proof: Bytes,
}

/// The relay takes the session.
#[derive(Clone, PartialEq, Message)]
pub struct Welcome {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(message, optional, tag = "2")]
    pub relay: Option<RelayInfo>,
    /// The participant that this session is bound to.
    #[prost(fixed64, tag = "3")]
    pub participant: u64,
    /// Lets this participant in at any region, without the token.
    #[prost(bytes = "bytes", tag = "4")]
    pub ticket: Bytes,
    /// It may mute, remove and lock.
    #[prost(bool, tag = "5")]
    pub host: bool,
}

/// Who answers.
#[derive(Clone, PartialEq, Message)]
pub struct RelayInfo {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub region: String,
    #[prost(string, tag = "3")]
    pub provider: String,
    #[prost(fixed64, tag = "4")]
    pub instance: u64,
}

/// Why a session was not taken, or was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum RefusalCode {
    Unspecified = 0,
    /// Another version of the protocol: update.
    Version = 1,
    /// The token or ticket does not allow this.
    Auth = 2,
    /// At its limit: try another relay.
    Full = 3,
    /// Going away: try another relay.
    Draining = 4,
    /// A message that breaks the protocol.
    Malformed = 5,
    /// Too much of something, too fast.
    RateLimited = 6,
    /// The room is full or locked.
    Room = 7,
}

/// The relay does not take, or ends, the session; the connection closes behind it.
#[derive(Clone, PartialEq, Message)]
pub struct Refused {
    #[prost(enumeration = "RefusalCode", tag = "1")]
    pub code: i32,
    /// For a person.
    #[prost(string, tag = "2")]
    pub message: String,
    /// 0: do not come back with the same request.
    #[prost(uint32, tag = "3")]
    pub retry_after_ms: u32,
    /// A host removed this participant: no relay takes it into this room again. The code is [`RefusalCode::Auth`].
    #[prost(bool, tag = "4")]
    pub removed: bool,
}

/// What a participant says of itself: its entry in the roster.
#[derive(Clone, PartialEq, Message)]
pub struct Member {
    /// Stamped by the relay.
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    /// Random, [`limits::SALT_BYTES`]: goes into the sender's keys.
    #[prost(bytes = "bytes", tag = "2")]
    pub salt: Bytes,
    /// X25519, for keys sealed to this participant; empty where it takes none.
    #[prost(bytes = "bytes", tag = "3")]
    pub public_key: Bytes,
    /// Key epoch that it sends with.
    #[prost(uint32, tag = "4")]
    pub epoch: u32,
    /// Name and the like, sealed with the room's key.
    #[prost(bytes = "bytes", tag = "5")]
    pub profile: Bytes,
    /// The user of its token, stamped by the relay; empty where rooms are open.
    #[prost(string, tag = "6")]
    pub user: String,
    #[prost(enumeration = "MemberState", tag = "7")]
    pub state: i32,
    /// May mute, remove and lock; stamped by the relay.
    #[prost(bool, tag = "8")]
    pub host: bool,
    /// Between relays: the stamp of the proof of its instance, see `crypto::ticket::stamp`. Empty to clients.
    #[prost(bytes = "bytes", tag = "9")]
    pub stamp: Bytes,
    /// Between relays: when its instance was first let in, ms since 1970. 0 to clients.
    #[prost(uint64, tag = "10")]
    pub since_ms: u64,
}

/// Whether a member can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MemberState {
    Connected = 0,
    /// Its last link ended without Leave, less than 30 s ago.
    Reconnecting = 1,
    Left = 2,
}

/// Enters the room. A participant may join through several links at once; it is one member.
#[derive(Clone, PartialEq, Message)]
pub struct Join {
    #[prost(message, optional, tag = "1")]
    pub member: Option<Member>,
    /// The link stands by: control and audio only, nothing is published on it.
    #[prost(bool, tag = "2")]
    pub standby: bool,
}

/// A standby becomes the link that carries the call, or the other way round.
#[derive(Clone, PartialEq, Message)]
pub struct Activate {
    #[prost(bool, tag = "1")]
    pub standby: bool,
}

/// The room as the relay sees it, without the asker.
#[derive(Clone, PartialEq, Message)]
pub struct Joined {
    #[prost(message, repeated, tag = "1")]
    pub members: Vec<Member>,
}

/// One member came, changed or left (see its `state`).
#[derive(Clone, PartialEq, Message)]
pub struct MemberChanged {
    #[prost(message, optional, tag = "1")]
    pub member: Option<Member>,
}

/// Leaves the room for good. Ends only this link when `moved` is set.
#[derive(Clone, PartialEq, Message)]
pub struct Leave {
    /// The participant stays, on another link.
    #[prost(bool, tag = "1")]
    pub moved: bool,
}

/// All that the client wants to receive on this link; replaces what it asked before.
#[derive(Clone, PartialEq, Message)]
pub struct Subscribe {
    /// Grows with each message of a link; answered in [`Subscribed`].
    #[prost(uint32, tag = "1")]
    pub sequence: u32,
    #[prost(message, repeated, tag = "2")]
    pub wishes: Vec<Wish>,
    /// The last frames that the client has, to go on from inside their groups.
    #[prost(message, repeated, tag = "3")]
    pub resume: Vec<Resume>,
}

/// A wish for a track.
#[derive(Clone, PartialEq, Message)]
pub struct Wish {
    /// 0: of everybody else in the room.
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    /// [`super::Track`].
    #[prost(uint32, tag = "2")]
    pub track: u32,
    /// Largest picture of use.
    #[prost(uint32, tag = "3")]
    pub max_spatial: u32,
    /// Highest temporal layer of use.
    #[prost(uint32, tag = "4")]
    pub max_temporal: u32,
}

/// The last frame that a receiver has of a layer.
#[derive(Clone, PartialEq, Message)]
pub struct Resume {
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    #[prost(uint32, tag = "2")]
    pub track: u32,
    #[prost(uint32, tag = "3")]
    pub spatial: u32,
    #[prost(uint32, tag = "4")]
    pub group: u32,
    #[prost(uint32, tag = "5")]
    pub frame: u32,
}

/// The subscription with this sequence number is in force.
#[derive(Clone, PartialEq, Message)]
pub struct Subscribed {
    #[prost(uint32, tag = "1")]
    pub sequence: u32,
}

/// A receiver cannot go on without a key frame.
#[derive(Clone, PartialEq, Message)]
pub struct KeyFrameRequest {
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    #[prost(uint32, tag = "2")]
    pub track: u32,
    #[prost(uint32, tag = "3")]
    pub spatial: u32,
}

/// The sender that gets this is asked for a key frame.
#[derive(Clone, PartialEq, Message)]
pub struct KeyFrameWanted {
    #[prost(uint32, tag = "1")]
    pub track: u32,
    #[prost(uint32, tag = "2")]
    pub spatial: u32,
}

/// Which sizes of the receiver's own track somebody in the room wants, here or at other relays. Until it is told a sender offers what it
/// likes. A size that begins to be wanted begins with a key frame.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Demand {
    /// [`super::Track`].
    #[prost(uint32, tag = "1")]
    pub track: u32,
    /// Bit n for spatial size n. A size that its sender does not have stands for the next smaller one; 0: nobody wants any.
    #[prost(uint32, tag = "2")]
    pub sizes: u32,
}

/// An end-to-end sealed message: chat, hands, names, keys.
#[derive(Clone, PartialEq, Message)]
pub struct Sealed {
    /// From a client: to whom, 0 for all. From a relay: from whom, stamped.
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub payload: Bytes,
}

/// How well a sender is received. Forwarded to that sender.
#[derive(Clone, PartialEq, Message)]
pub struct ReceiverReport {
    /// From a client: about whom. From a relay: by whom.
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    #[prost(uint32, tag = "2")]
    pub track: u32,
    /// Lost before any repair, in 1/1000.
    #[prost(uint32, tag = "3")]
    pub loss_permille: u32,
    /// RFC 3550 interarrival jitter, ms.
    #[prost(uint32, tag = "4")]
    pub jitter_ms: u32,
    /// Sound: made up after all repairs, in 1/1000 of the time.
    #[prost(uint32, tag = "5")]
    pub concealed_permille: u32,
    /// Sound: the most datagrams lost one after the other.
    #[prost(uint32, tag = "6")]
    pub longest_burst: u32,
}

/// The relay goes away: move, at a random moment of `spread_ms`.
#[derive(Clone, PartialEq, Message)]
pub struct Drain {
    /// Until the connection is cut.
    #[prost(uint32, tag = "1")]
    pub deadline_ms: u32,
    #[prost(uint32, tag = "2")]
    pub spread_ms: u32,
}

/// Something worth telling the user.
#[derive(Clone, PartialEq, Message)]
pub struct Notice {
    #[prost(string, tag = "1")]
    pub message: String,
}

pub(super) fn within(what: &'static str, len: usize, max: usize) -> Result<(), DecodeError> {
    if len <= max { Ok(()) } else { Err(DecodeError::TooLong { what, len, max }) }
}
