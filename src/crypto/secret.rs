//! The secret of a room, which an invite carries and from which every frame key comes. Never leaves the app but
//! in an invite's fragment, and is never shown.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SecureRandom;

use super::{NoRandom, derive, random};

/// 32 bytes that whoever holds the invite knows and no relay does.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomSecret([u8; 32]);

impl RoomSecret {
    /// Bytes of a secret.
    pub const LEN: usize = 32;

    /// A new one.
    ///
    /// # Errors
    /// The random source failed.
    pub fn random(rng: &dyn SecureRandom) -> Result<Self, NoRandom> {
        random(rng).map(Self)
    }

    /// The secret of an *open room*: HKDF of its name, so anyone who knows the name can listen, relays included.
    /// For `--room R` without a link.
    pub fn of_room(room: &str) -> Self {
        Self(derive(b"nearcall v1 open room", room.as_bytes(), &[]))
    }

    /// Reads what [`Self::to_text`] wrote; `None` for anything else.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    /// Base64url without padding, 43 characters, for an invite alone.
    pub(super) fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// HKDF-SHA256 of this secret.
    pub(super) fn derive<const N: usize>(&self, salt: &[u8], info: &[&[u8]]) -> [u8; N] {
        derive(salt, &self.0, info)
    }
}

impl From<[u8; 32]> for RoomSecret {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for RoomSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_room_has_one_secret_and_another_room_another() {
        assert_eq!(RoomSecret::of_room("a"), RoomSecret::of_room("a"));
        assert_ne!(RoomSecret::of_room("a"), RoomSecret::of_room("b"));
    }

    #[test]
    fn text_round_trips_and_cut_text_is_refused() {
        let secret = RoomSecret::from([0xA5; 32]);
        let text = secret.to_text();
        assert_eq!(text.len(), 43);
        assert_eq!(RoomSecret::from_text(&text), Some(secret));
        for len in 0..text.len() {
            assert_eq!(RoomSecret::from_text(&text[..len]), None);
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", RoomSecret::from([7; 32])), "RoomSecret(..)");
    }
}
