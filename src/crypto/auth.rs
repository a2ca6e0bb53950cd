//! The key that tokens are signed and checked with, and the file that it lies in.
//!
//! A file holds one of: an Ed25519 private key (PEM; PKCS#8 as `openssl genpkey -algorithm ed25519` writes it, or
//! the bare 32-byte seed), an Ed25519 public key (PEM; a relay that only checks), or a line `hs256:BASE64` of 32
//! bytes and more. The file decides the algorithm; a token has no say in it.
//!
//! Called by `relay` and `cli`, which read the file. Must never: show what it holds.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ring::{digest, hmac};

use super::{NoRandom, derive, random};

/// A key file, bytes.
const FILE_BYTES: usize = 16 * 1024;
/// Shortest HS256 key, bytes (RFC 7518 section 3.2).
const HS256_BYTES: usize = 32;
/// What stands before the 32 bytes of an Ed25519 public key in DER (RFC 8410 section 4).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The same for the seed of a private key without attributes (RFC 8410 section 7).
const PRIVATE_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a file is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthKeyError {
    #[error("the key file has more than {FILE_BYTES} bytes")]
    TooLong,
    #[error("no key found: the file needs a PEM private or public key (Ed25519), or a line hs256:BASE64")]
    NoKey,
    #[error("the PEM block {0:?} is not a key that is used here: it needs an Ed25519 PRIVATE KEY or PUBLIC KEY")]
    Label(String),
    #[error("the file holds more than one key: keep one")]
    Several,
    #[error("the key's base64 is broken: copy the file again")]
    Base64,
    #[error("the key is not Ed25519: make one with `openssl genpkey -algorithm ed25519`")]
    NotEd25519,
    #[error("the hs256 key has {0} bytes, and needs {HS256_BYTES} at least")]
    Short(usize),
}

/// Signs and checks tokens.
pub struct AuthKey {
    pub(super) kind: Kind,
    /// Derived from the private material for resume tickets; none from a public key.
    pub(super) ticket_secret: Option<[u8; 32]>,
    /// See [`AuthKey::id`].
    id: String,
}

pub(super) enum Kind {
    Private(Box<Ed25519KeyPair>),
    Public(UnparsedPublicKey<[u8; 32]>),
    Shared(hmac::Key),
}

impl AuthKey {
    /// Reads a key file.
    ///
    /// # Errors
    /// See [`AuthKeyError`]; the text never repeats what the file holds, a PEM label aside.
    pub fn from_file_text(text: &str) -> Result<Self, AuthKeyError> {
        if text.len() > FILE_BYTES {
            return Err(AuthKeyError::TooLong);
        }
        if let Some(encoded) = text.trim().strip_prefix("hs256:") {
            return Self::shared(&decode_base64(encoded.trim())?);
        }
        let (label, der) = pem(text)?;
        match label.as_str() {
            "PRIVATE KEY" => Self::private(&der),
            "PUBLIC KEY" => Self::public(&der),
            _ => Err(AuthKeyError::Label(label)),
        }
    }

    /// The text of a new private key: PEM, PKCS#8.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate_ed25519(rng: &dyn SecureRandom) -> Result<String, NoRandom> {
        let seed: [u8; 32] = random(rng)?;
        Ok(to_pem("PRIVATE KEY", &[&PRIVATE_PREFIX[..], &seed].concat()))
    }

    /// The text of a new HS256 key.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate_hs256(rng: &dyn SecureRandom) -> Result<String, NoRandom> {
        let bytes: [u8; HS256_BYTES] = random(rng)?;
        Ok(format!("hs256:{}\n", BASE64.encode(&bytes)))
    }

    /// The text of the public half, for relays that only check; `None` for HS256, which has none.
    pub fn public_text(&self) -> Option<String> {
        let public = match &self.kind {
            Kind::Private(pair) => pair.public_key().as_ref(),
            Kind::Public(key) => key.as_ref(),
            Kind::Shared(_) => return None,
        };
        Some(to_pem("PUBLIC KEY", &[&PUBLIC_PREFIX, public].concat()))
    }

    /// What tokens call this key in `kid`: of Ed25519 the thumbprint of the public half (RFC 7638, RFC 8037 appendix A.3), of
    /// HS256 a value derived from it, from which nobody finds the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// True unless there is only the public half.
    pub fn can_sign(&self) -> bool {
        !matches!(self.kind, Kind::Public(_))
    }

    fn shared(bytes: &[u8]) -> Result<Self, AuthKeyError> {
        if bytes.len() < HS256_BYTES {
            return Err(AuthKeyError::Short(bytes.len()));
        }
        let kind = Kind::Shared(hmac::Key::new(hmac::HMAC_SHA256, bytes));
        let id = BASE64URL_NOPAD.encode(&derive::<16>(b"", bytes, &[b"nearcall v1 key id"]));
        Ok(Self { kind, ticket_secret: Some(ticket_secret(bytes)), id })
    }

    fn private(der: &[u8]) -> Result<Self, AuthKeyError> {
        let wrong = |_| AuthKeyError::NotEd25519;
        let (seed, pair) = if der.len() == 32 {
            (der, Ed25519KeyPair::from_seed_unchecked(der).map_err(wrong)?)
        } else {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(wrong)?;
            (seed_of(der, &pair).ok_or(AuthKeyError::NotEd25519)?, pair)
        };
        let id = thumbprint(pair.public_key().as_ref());
        Ok(Self { ticket_secret: Some(ticket_secret(seed)), kind: Kind::Private(Box::new(pair)), id })
    }

    fn public(der: &[u8]) -> Result<Self, AuthKeyError> {
        let bytes: Option<[u8; 32]> = der.strip_prefix(&PUBLIC_PREFIX).and_then(|rest| rest.try_into().ok());
        let bytes = bytes.ok_or(AuthKeyError::NotEd25519)?;
        let kind = Kind::Public(UnparsedPublicKey::new(&ED25519, bytes));
        Ok(Self { kind, ticket_secret: None, id: thumbprint(&bytes) })
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Private(_) => "AuthKey(Ed25519, private)",
            Kind::Public(_) => "AuthKey(Ed25519, public)",
            Kind::Shared(_) => "AuthKey(HS256)",
        })
    }
}

/// RFC 7638 of an Ed25519 key (RFC 8037 section 2).
fn thumbprint(public: &[u8]) -> String {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, BASE64URL_NOPAD.encode(public));
    BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, jwk.as_bytes()).as_ref())
}

fn ticket_secret(private: &[u8]) -> [u8; 32] {
    derive(b"", private, &[b"nearcall v1 ticket secret"])
}

/// The seed inside PKCS#8, version 1 or 2, that `pair` was read from.
fn seed_of<'a>(der: &'a [u8], pair: &Ed25519KeyPair) -> Option<&'a [u8]> {
    let seed = der.get(PRIVATE_PREFIX.len()..PRIVATE_PREFIX.len() + 32)?;
    Ed25519KeyPair::from_seed_and_public_key(seed, pair.public_key().as_ref()).ok()?;
    Some(seed)
}

/// Label and bytes of the one block in a PEM text (RFC 7468); text around it is skipped.
fn pem(text: &str) -> Result<(String, Vec<u8>), AuthKeyError> {
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(AuthKeyError::NoKey)?;
    let (label, rest) = rest.split_once("-----").ok_or(AuthKeyError::NoKey)?;
    let (body, rest) = rest.split_once(&format!("-----END {label}-----")).ok_or(AuthKeyError::NoKey)?;
    if rest.contains("-----BEGIN ") {
        return Err(AuthKeyError::Several);
    }
    let encoded: String = body.split_ascii_whitespace().collect();
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| AuthKeyError::Base64)?;
    Ok((label.chars().take(40).collect(), bytes))
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64.encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Either alphabet, with padding or without.
fn decode_base64(text: &str) -> Result<Vec<u8>, AuthKeyError> {
    let bare = text.trim_end_matches('=').as_bytes();
    BASE64_NOPAD.decode(bare).or_else(|_| BASE64URL_NOPAD.decode(bare)).map_err(|_| AuthKeyError::Base64)
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    /// RFC 8410 section 10.3: a private key without and with its public half, and section 10.1: the public key.
    const V1: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn the_keys_of_rfc_8410_are_read_and_belong_together() {
        let private = AuthKey::from_file_text(V1).unwrap();
        let public = AuthKey::from_file_text(PUBLIC).unwrap();
        assert_eq!(private.public_text().unwrap(), PUBLIC);
        assert_eq!(public.public_text().unwrap(), PUBLIC);
        assert!(private.can_sign() && !public.can_sign());
        assert!(public.ticket_secret.is_none());
    }

    #[test]
    fn one_key_in_three_encodings_gives_one_ticket_secret() {
        let (_, v1) = pem(V1).unwrap();
        let seed = &v1[16..];
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        let mut v2 = v1.clone();
        v2[1] = 0x51;
        v2[4] = 1;
        v2.extend([0x81, 0x21, 0x00]);
        v2.extend(pair.public_key().as_ref());
        let secrets = [v1.as_slice(), &v2, seed]
            .map(|der| AuthKey::from_file_text(&to_pem("PRIVATE KEY", der)).unwrap().ticket_secret.unwrap());
        assert_eq!(secrets[0], secrets[1]);
        assert_eq!(secrets[0], secrets[2]);
    }

    #[test]
    fn generated_keys_are_read_back() {
        let rng = SystemRandom::new();
        let ed = AuthKey::from_file_text(&AuthKey::generate_ed25519(&rng).unwrap()).unwrap();
        assert_eq!(format!("{ed:?}"), "AuthKey(Ed25519, private)");
        let hs = AuthKey::from_file_text(&AuthKey::generate_hs256(&rng).unwrap()).unwrap();
        assert_eq!(format!("{hs:?}"), "AuthKey(HS256)");
        assert_eq!(hs.public_text(), None);
    }

    #[test]
    fn hs256_keys_come_in_either_alphabet_and_not_too_short() {
        let key = [0xFB; 32];
        for text in [BASE64.encode(&key), BASE64URL_NOPAD.encode(&key)] {
            assert!(AuthKey::from_file_text(&format!("hs256:{text}\n")).is_ok(), "{text}");
        }
        let short = format!("hs256:{}", BASE64.encode(&[1; 31]));
        assert_eq!(AuthKey::from_file_text(&short).unwrap_err(), AuthKeyError::Short(31));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let cases = [
            ("", AuthKeyError::NoKey),
            ("secret", AuthKeyError::NoKey),
            ("hs256:*", AuthKeyError::Base64),
            ("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", AuthKeyError::Base64),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", AuthKeyError::NotEd25519),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", AuthKeyError::NotEd25519),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", AuthKeyError::Label("CERTIFICATE".into())),
        ];
        for (text, error) in cases {
            assert_eq!(AuthKey::from_file_text(text).unwrap_err(), error, "{text}");
        }
        assert_eq!(AuthKey::from_file_text(&format!("{V1}{PUBLIC}")).unwrap_err(), AuthKeyError::Several);
        assert_eq!(AuthKey::from_file_text(&" ".repeat(FILE_BYTES + 1)).unwrap_err(), AuthKeyError::TooLong);
    }

    #[test]
    fn a_cut_private_key_is_an_error() {
        for len in 0..V1.len() - 2 {
            assert!(AuthKey::from_file_text(&V1[..len]).is_err(), "{len}");
        }
    }
}
