//! Resume tickets: what a relay hands to a participant that it let in, and what any region takes instead of the token.
//!
//! Only relays read them; to the app they are bytes. A ticket outlives the token that it came from, so a failover
//! needs nobody else. Layout: version u8 (1), nonce (24 bytes), AES-256-GCM of a protobuf with the version byte as
//! associated data. Key and IV of each ticket are HKDF-SHA256(deployment's key, salt = nonce), so random nonces
//! never run out however many relays share the key.

use std::fmt;

use prost::Message;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;

use super::room::RoomError;
use super::{AuthKey, Claims, LEEWAY_SECONDS, NoRandom, derive, random, room};
use crate::proto::{ParticipantId, limits};

/// How long a ticket is good for, seconds.
pub const LIFETIME_SECONDS: u64 = 12 * 3600;

/// Shortest secret that a key may be made of, bytes.
pub const SECRET_BYTES: usize = 16;

/// What [`stamp`] gives, bytes.
pub const STAMP_BYTES: usize = 16;

const VERSION: u8 = 1;
const NONCE: usize = 24;
const HEAD: usize = 1 + NONCE;

/// Who was let in, where, and with which rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub participant: ParticipantId,
    pub room: String,
    /// The user of the token; empty where rooms are open.
    pub user: String,
    /// May send sound and pictures.
    pub publish: bool,
    /// May mute, remove and lock.
    pub host: bool,
    /// Seconds since 1970.
    pub issued: u64,
    /// Seconds since 1970.
    pub expires: u64,
}

/// Why a ticket does not count, or was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    #[error("the ticket is malformed")]
    Malformed,
    #[error("the ticket's version {0} is not known here")]
    Version(u8),
    #[error("the ticket was not made by a relay with this key")]
    Forged,
    #[error("the ticket expired {0} s ago: join again")]
    Expired(u64),
    #[error("the ticket is valid in {0} s only: a clock is wrong")]
    NotYet(u64),
    #[error(transparent)]
    Room(#[from] RoomError),
    #[error("the ticket would have more than {max} bytes", max = limits::TICKET_BYTES)]
    TooLong,
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(fixed64, tag = "1")]
    participant: u64,
    #[prost(string, tag = "2")]
    room: String,
    #[prost(string, tag = "3")]
    user: String,
    #[prost(bool, tag = "4")]
    publish: bool,
    #[prost(bool, tag = "5")]
    host: bool,
    #[prost(uint64, tag = "6")]
    issued: u64,
    #[prost(uint64, tag = "7")]
    expires: u64,
}

impl Ticket {
    /// For a participant that a token let in at `now` (seconds since 1970).
    pub fn for_claims(participant: ParticipantId, claims: Claims, now: u64) -> Self {
        Self {
            participant,
            room: claims.room,
            user: claims.user,
            publish: claims.publish,
            host: claims.host,
            issued: now,
            expires: now.saturating_add(LIFETIME_SECONDS),
        }
    }

    /// For a participant of an open relay: all may publish, nobody is host.
    pub fn for_open_room(participant: ParticipantId, room: &str, now: u64) -> Self {
        Self {
            participant,
            room: room.to_owned(),
            user: String::new(),
            publish: true,
            host: false,
            issued: now,
            expires: now.saturating_add(LIFETIME_SECONDS),
        }
    }

    /// Whether it lets this participant into this room.
    pub fn admits(&self, participant: ParticipantId, room: &str) -> bool {
        self.participant == participant && self.room == room
    }
}

/// What a relay keeps of the proof (`Hello.proof`) of a participant's running instance: by it other relays know the same
/// instance again, and nobody who sees it can make the proof.
pub fn stamp(participant: ParticipantId, proof: &[u8]) -> [u8; STAMP_BYTES] {
    let told = [&b"nearcall v1 stamp"[..], &participant.0.to_be_bytes(), proof].concat();
    *digest(&SHA256, &told).as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}

/// Seals and opens tickets; the same in all regions of a deployment.
#[derive(Clone)]
pub struct TicketKey([u8; 32]);

impl TicketKey {
    /// From the private half of the key that tokens are checked with. `None` for a public key, which everybody may
    /// know: such a relay needs a secret of its own, or goes without tickets.
    pub fn from_auth_key(key: &AuthKey) -> Option<Self> {
        key.ticket_secret.as_ref().map(|secret| Self(derive(b"", secret, &[b"nearcall v1 ticket key"])))
    }

    /// From a secret that all regions are given. `None` when it has fewer than [`SECRET_BYTES`] bytes.
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        (secret.len() >= SECRET_BYTES).then(|| Self(derive(b"", secret, &[b"nearcall v1 ticket key"])))
    }

    /// The bytes of a ticket, at most [`limits::TICKET_BYTES`].
    ///
    /// # Errors
    /// Over the limit, a room that [`TicketKey::open`] would refuse, or the random source failed.
    pub fn seal(&self, ticket: &Ticket, rng: &dyn SecureRandom) -> Result<Vec<u8>, TicketError> {
        room::check(&ticket.room)?;
        let body = Body {
            participant: ticket.participant.0,
            room: ticket.room.clone(),
            user: ticket.user.clone(),
            publish: ticket.publish,
            host: ticket.host,
            issued: ticket.issued,
            expires: ticket.expires,
        };
        let mut data = body.encode_to_vec();
        if HEAD + data.len() + AES_256_GCM.tag_len() > limits::TICKET_BYTES {
            return Err(TicketError::TooLong);
        }
        let salt: [u8; NONCE] = random(rng)?;
        let (key, nonce) = self.once(&salt);
        key.seal_in_place_append_tag(nonce, Aad::from([VERSION]), &mut data).map_err(|_| TicketError::TooLong)?;
        Ok([&[VERSION][..], &salt, &data].concat())
    }

    /// The ticket in these bytes, if it is genuine and in time.
    ///
    /// # Errors
    /// See [`TicketError`]. `now` is in seconds since 1970, with [`LEEWAY_SECONDS`].
    pub fn open(&self, bytes: &[u8], now: u64) -> Result<Ticket, TicketError> {
        if bytes.len() > limits::TICKET_BYTES {
            return Err(TicketError::Malformed);
        }
        let ([version, salt @ ..], data) = bytes.split_first_chunk::<HEAD>().ok_or(TicketError::Malformed)?;
        if *version != VERSION {
            return Err(TicketError::Version(*version));
        }
        let (key, nonce) = self.once(salt);
        let mut data = data.to_vec();
        let body = key.open_in_place(nonce, Aad::from([VERSION]), &mut data).map_err(|_| TicketError::Forged)?;
        let body = Body::decode(&*body).map_err(|_| TicketError::Malformed)?;
        if now >= body.expires.saturating_add(LEEWAY_SECONDS) {
            return Err(TicketError::Expired(now - body.expires));
        }
        if body.issued > now.saturating_add(LEEWAY_SECONDS) {
            return Err(TicketError::NotYet(body.issued - now));
        }
        let Body { participant, room, user, publish, host, issued, expires } = body;
        Ok(Ticket { participant: ParticipantId(participant), room, user, publish, host, issued, expires })
    }

    /// Key and IV of the one ticket with this salt.
    fn once(&self, salt: &[u8]) -> (LessSafeKey, Nonce) {
        let bytes: [u8; 32 + 12] = derive(salt, &self.0, &[b"nearcall v1 ticket"]);
        let (key, iv) = bytes.split_at(32);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("an AES-256 key has 32 bytes");
        let iv = Nonce::try_assume_unique_for_key(iv).expect("an IV of GCM has 12 bytes");
        (LessSafeKey::new(key), iv)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn key() -> TicketKey {
        TicketKey::from_secret(b"a secret of the whole deployment").unwrap()
    }

    fn ticket() -> Ticket {
        let claims = Claims {
            room: "stand-up".into(),
            user: "zoë".into(),
            publish: true,
            host: true,
            issued: NOW - 60,
            expires: NOW + 60,
        };
        Ticket::for_claims(ParticipantId(0x1122_3344_5566_7788), claims, NOW)
    }

    fn sealed() -> Vec<u8> {
        key().seal(&ticket(), &SystemRandom::new()).unwrap()
    }

    #[test]
    fn a_ticket_opens_in_every_region_and_outlives_its_token() {
        let other_region = key();
        assert_eq!(other_region.open(&sealed(), NOW + 11 * 3600), Ok(ticket()));
        assert!(ticket().admits(ParticipantId(0x1122_3344_5566_7788), "stand-up"));
        assert!(!ticket().admits(ParticipantId(1), "stand-up"));
        assert!(!ticket().admits(ticket().participant, "other"));
    }

    #[test]
    fn the_largest_ticket_fits_its_limit() {
        let mut large = Ticket::for_open_room(ParticipantId(u64::MAX), &"r".repeat(limits::ROOM_BYTES), u64::MAX);
        large.user = "u".repeat(limits::ROOM_BYTES);
        let bytes = key().seal(&large, &SystemRandom::new()).unwrap();
        assert!(bytes.len() <= limits::TICKET_BYTES, "{}", bytes.len());
        large.user = "u".repeat(limits::TICKET_BYTES);
        assert_eq!(key().seal(&large, &SystemRandom::new()), Err(TicketError::TooLong));
    }

    #[test]
    fn times_count_with_two_minutes_of_leeway() {
        let bytes = sealed();
        let end = NOW + LIFETIME_SECONDS;
        assert!(key().open(&bytes, end + 119).is_ok());
        assert_eq!(key().open(&bytes, end + 120), Err(TicketError::Expired(120)));
        assert!(key().open(&bytes, NOW - 120).is_ok());
        assert_eq!(key().open(&bytes, NOW - 121), Err(TicketError::NotYet(121)));
    }

    #[test]
    fn another_key_does_not_open_it() {
        let other = TicketKey::from_secret(b"a secret of another deployment").unwrap();
        assert_eq!(other.open(&sealed(), NOW), Err(TicketError::Forged));
    }

    #[test]
    fn two_tickets_of_one_participant_have_nothing_in_common_behind_the_version() {
        let (one, two) = (sealed(), sealed());
        assert_ne!(one[1..HEAD], two[1..HEAD]);
        assert_ne!(one[HEAD..], two[HEAD..]);
    }

    #[test]
    fn the_key_comes_from_private_material_alone() {
        let rng = SystemRandom::new();
        let private = AuthKey::from_file_text(&AuthKey::generate_ed25519(&rng).unwrap()).unwrap();
        let public = AuthKey::from_file_text(&private.public_text().unwrap()).unwrap();
        assert!(TicketKey::from_auth_key(&public).is_none());
        let bytes = TicketKey::from_auth_key(&private).unwrap().seal(&ticket(), &rng).unwrap();
        assert_eq!(TicketKey::from_auth_key(&private).unwrap().open(&bytes, NOW), Ok(ticket()));
        assert!(TicketKey::from_secret(b"short").is_none());
    }

    #[test]
    fn a_stamp_is_of_one_participant_and_one_proof() {
        let one = stamp(ParticipantId(1), &[7; 16]);
        assert_eq!(one, stamp(ParticipantId(1), &[7; 16]));
        assert_ne!(one, stamp(ParticipantId(2), &[7; 16]));
        assert_ne!(one, stamp(ParticipantId(1), &[8; 16]));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_an_error() {
        let bytes = sealed();
        for len in 0..bytes.len() {
            assert!(key().open(&bytes[..len], NOW).is_err(), "{len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(key().open(&changed, NOW).is_err(), "{bit}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", key()), "TicketKey(..)");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), now: u64) {
            prop_assert!(key().open(&bytes, now).is_err());
        }
    }
}
