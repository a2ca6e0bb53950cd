//! What keeps a call private and a relay's door shut: frame encryption, invites, tokens, tickets.
//!
//! Pure: random bytes and the wall clock are passed in, nothing is read or written. Called by `call` (frames,
//! invites), `relay` (tokens, tickets) and `cli` (making keys, tokens and links).
//!
//! | module | owns | compiled for |
//! | --- | --- | --- |
//! | [`room`] | what a room may be called | both programs |
//! | [`auth`] | the key that tokens are signed and checked with, and its file | both programs |
//! | [`token`] | tokens: who may enter which room, signed | both programs |
//! | [`ticket`] | resume tickets, which any region opens | both programs |
//! | `secret` | the invite's secret, from which every frame key comes | the app alone |
//! | `frame` | SFrame: media, control and profiles | the app alone |
//! | `profile` | what a participant shows of itself | the app alone |
//! | `invite` | links | the app alone |
//!
//! Must never: hand a frame key or an invite's secret to a relay (a relay is built without those modules), or
//! show a secret in `Debug`, `Display` or an error.

pub mod auth;
pub mod room;
pub mod ticket;
pub mod token;

#[cfg(feature = "app")]
pub mod frame;
#[cfg(feature = "app")]
pub mod invite;
#[cfg(feature = "app")]
pub mod profile;
#[cfg(feature = "app")]
pub mod secret;

use ring::rand::SecureRandom;
use ring::{digest, hkdf};

pub use auth::AuthKey;
pub use ticket::{Ticket, TicketKey};
pub use token::Claims;

#[cfg(feature = "app")]
pub use frame::{Opener, Sealer};
#[cfg(feature = "app")]
pub use invite::Invite;
#[cfg(feature = "app")]
pub use profile::Profile;
#[cfg(feature = "app")]
pub use secret::RoomSecret;

/// How far two wall clocks may be apart, seconds: what expired or begins within it counts as valid.
pub const LEEWAY_SECONDS: u64 = 120;

/// The random source failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandom;

/// Random bytes, for ids, salts and secrets.
///
/// # Errors
/// The source failed.
pub fn random<const N: usize>(rng: &dyn SecureRandom) -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// The fingerprint by which a certificate (DER) is pinned: its SHA-256 in lower-case hexadecimal, 64 digits.
pub fn pin(der: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest::digest(&digest::SHA256, der).as_ref())
}

/// HKDF-SHA256 (RFC 5869): extract with `salt`, expand with the concatenation of `info`.
fn derive<const N: usize>(salt: &[u8], input: &[u8], info: &[&[u8]]) -> [u8; N] {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(input)
        .expand(info, Length(N))
        .and_then(|okm| okm.fill(&mut out))
        .expect("every key here is far shorter than HKDF's limit of 255 x 32 bytes");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_sha256_of_the_certificate_in_lower_case_hexadecimal() {
        assert_eq!(pin(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn derivation_agrees_with_the_first_case_of_rfc_5869() {
        let salt: Vec<u8> = (0..=12).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let okm = derive::<42>(&salt, &[0x0b; 22], &[&info[..4], &info[4..]]);
        assert_eq!(
            data_encoding::HEXLOWER.encode(&okm),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    #[test]
    fn random_bytes_differ_from_call_to_call() {
        let rng = ring::rand::SystemRandom::new();
        assert_ne!(random::<16>(&rng).unwrap(), random::<16>(&rng).unwrap());
    }
}
