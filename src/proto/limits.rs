//! Limits on everything that a stranger can send. Every decoder in [`super`] and every reader in `net` and
//! `relay` checks against these before it allocates.

/// A control message, bytes of protobuf.
pub const CONTROL_BYTES: usize = 64 * 1024;
/// An audio datagram, bytes: it must fit one QUIC packet on any path (RFC 9000 section 14.1: 1200 bytes of UDP payload,
/// less the QUIC and HTTP/3 headers).
pub const AUDIO_DATAGRAM_BYTES: usize = 1150;
/// An encoded, sealed video frame, bytes, with its header.
pub const VIDEO_FRAME_BYTES: usize = 1024 * 1024;
/// A WebSocket message, bytes, with its type byte.
pub const MESSAGE_BYTES: usize = VIDEO_FRAME_BYTES + 1;
/// Packets in an audio datagram: the newest and the one before.
pub const AUDIO_PACKETS: usize = 2;
/// A room's name, bytes of UTF-8.
pub const ROOM_BYTES: usize = 128;
/// A token, bytes.
pub const TOKEN_BYTES: usize = 4096;
/// A resume ticket, bytes.
pub const TICKET_BYTES: usize = 1024;
/// What proves that a session is of one running instance, bytes: at least, and at most.
pub const PROOF_BYTES: (usize, usize) = (16, 32);
/// Rulings in one message: three tracks of each member, the lock, and a few who were removed.
pub const RULINGS: usize = 1024;
/// What a participant shows of itself (sealed name and the like), bytes.
pub const PROFILE_BYTES: usize = 1024;
/// A participant's salt, bytes.
pub const SALT_BYTES: usize = 16;
/// A participant's public key, bytes (X25519).
pub const PUBLIC_KEY_BYTES: usize = 32;
/// A sealed message (chat, hands, keys), bytes.
pub const SEALED_BYTES: usize = 16 * 1024;
/// A line of chat, bytes of UTF-8.
pub const TEXT_BYTES: usize = 8 * 1024;
/// Numbers of words in one answer that they were heard.
pub const HEARD: usize = 256;
/// Members of a room.
pub const MEMBERS: usize = 256;
/// Wishes, and frames to resume from, in one subscription.
pub const WISHES: usize = 1024;
/// A relay's id, region, provider or city, bytes of UTF-8.
pub const NAME_BYTES: usize = 64;
/// Paths to relays in one report of an election.
pub const REPORT_PATHS: usize = 64;
/// Moves in one report of an election.
pub const REPORT_MOVES: usize = 32;
/// A manifest, bytes of JSON.
pub const MANIFEST_BYTES: usize = 1024 * 1024;
/// Relays in a manifest.
pub const RELAYS: usize = 256;
/// Distances between relays in a manifest: all of 64 relays, within the manifest's bytes.
pub const DISTANCES: usize = 4096;
/// A round trip that is still one, ms.
pub const RTT_MS: f64 = 60_000.0;
/// Unidirectional streams that one side may hold open at a time.
pub const SUBGROUPS: u32 = 256;
