//! Tokens: who may enter which room, with which rights, until when, signed by whoever runs the service.
//!
//! A compact JWS (RFC 7515) whose payload is a JWT (RFC 7519): `EdDSA` (Ed25519) or `HS256`, as the [`AuthKey`] says;
//! a token whose header says otherwise is refused unread. The relay checks them, `cli` signs them, the app passes
//! them on. Must never: let a token choose how it is checked.

mod dates;
mod keys;

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use ring::signature::{ED25519, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::LEEWAY_SECONDS;
use super::auth::{AuthKey, Kind};
use super::room::{self, RoomError};
use crate::proto::limits;

pub use self::keys::{KEYS, KeyRing};

/// Who tokens are for: one whose `aud` names others alone is refused (RFC 7519 section 4.1.3).
pub const AUDIENCE: &str = "nearcall";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The one room that it opens.
    pub room: String,
    /// The user (`sub`, or `name` where there is no `sub`); at most [`limits::ROOM_BYTES`].
    pub user: String,
    /// May send sound and pictures; true where the token says nothing.
    pub publish: bool,
    /// May mute, remove and lock; false where the token says nothing.
    pub host: bool,
    /// Issued, seconds since 1970; 0 where the token says nothing.
    pub issued: u64,
    /// Expires, seconds since 1970.
    pub expires: u64,
}

/// Why a token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token has {0} bytes, more than {max}", max = limits::TOKEN_BYTES)]
    TooLong(usize),
    #[error("this is not a token: it should be three parts with dots between them")]
    Malformed,
    #[error("the token is signed in another way than the key asks for ({0})")]
    Algorithm(&'static str),
    #[error("the token was not signed with this key")]
    Signature,
    #[error("the token was signed with the key {0:?}, which is not in use here")]
    UnknownKey(String),
    #[error("the token is for another service: its `aud` does not name {AUDIENCE:?}")]
    Audience,
    #[error("the token's content is not valid: {0}")]
    Claims(String),
    #[error(transparent)]
    Room(#[from] RoomError),
    #[error("the token expired {0} s ago: ask for a new one")]
    Expired(u64),
    #[error("the token is valid in {0} s only: check this machine's clock")]
    NotYet(u64),
    #[error("a public key cannot sign: use the private one")]
    CannotSign,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    /// Which key signed it: [`AuthKey::id`], or an issuer's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515 section 4.1.11): none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

/// The payload as it is written.
#[derive(Serialize, Deserialize)]
struct Payload {
    room: String,
    #[serde(default)]
    sub: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default = "yes")]
    publish: bool,
    #[serde(default)]
    host: bool,
    #[serde(default, skip_serializing)]
    aud: Audience,
    #[serde(default, deserialize_with = "dates::begins")]
    iat: u64,
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "dates::begins")]
    nbf: u64,
    #[serde(deserialize_with = "dates::ends")]
    exp: u64,
}

/// One name or several (RFC 7519 section 4.1.3).
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Audience {
    #[default]
    Anybody,
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has_us(&self) -> bool {
        match self {
            Audience::Anybody => true,
            Audience::One(name) => name == AUDIENCE,
            Audience::Several(names) => names.iter().any(|name| name == AUDIENCE),
        }
    }
}

/// The parts of a compact JWS, still encoded.
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header and payload, as they were signed.
    signed: &'a str,
}

fn yes() -> bool {
    true
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl AuthKey {
    /// A token with these claims.
    ///
    /// # Errors
    /// The key is a public one, or a claim is one that [`AuthKey::verify`] would refuse.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        self.sign_from(claims, 0)
    }

    /// The same, valid from `not_before` on (seconds since 1970; 0: at once).
    ///
    /// # Errors
    /// As for [`AuthKey::sign`].
    pub fn sign_from(&self, claims: &Claims, not_before: u64) -> Result<String, TokenError> {
        claims.check()?;
        let kid = Some(self.id().to_owned());
        let header = Header { alg: self.algorithm().into(), typ: Some("JWT".into()), kid, crit: None };
        let payload = Payload {
            room: claims.room.clone(),
            sub: claims.user.clone(),
            name: String::new(),
            publish: claims.publish,
            host: claims.host,
            aud: Audience::Anybody,
            iat: claims.issued,
            nbf: not_before,
            exp: claims.expires,
        };
        let mut token = format!("{}.{}", encode(&header), encode(&payload));
        let signature = match &self.kind {
            Kind::Private(pair) => BASE64URL_NOPAD.encode(pair.sign(token.as_bytes()).as_ref()),
            Kind::Shared(key) => BASE64URL_NOPAD.encode(hmac::sign(key, token.as_bytes()).as_ref()),
            Kind::Public(_) => return Err(TokenError::CannotSign),
        };
        token.extend([".", &signature]);
        if token.len() > limits::TOKEN_BYTES { Err(TokenError::TooLong(token.len())) } else { Ok(token) }
    }

    /// The claims of a token, once its signature and times are right. Whether its room is the wanted one is the
    /// caller's to ask.
    ///
    /// # Errors
    /// See [`TokenError`]. Times are checked with [`LEEWAY_SECONDS`]; `now` is in seconds since 1970.
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        let Parts { header, payload, signature, signed } = parts(token)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
        if header.alg != self.algorithm() || header.crit.is_some() {
            return Err(TokenError::Algorithm(self.algorithm()));
        }
        self.check_signature(signed.as_bytes(), &decode(signature)?)?;
        let payload: Payload =
            serde_json::from_slice(&decode(payload)?).map_err(|error| TokenError::Claims(format!("{error}")))?;
        if !payload.aud.has_us() {
            return Err(TokenError::Audience);
        }
        in_time(payload.iat.max(payload.nbf), payload.exp, now)?;
        let user = if payload.sub.is_empty() { payload.name } else { payload.sub };
        let Payload { room, publish, host, iat: issued, exp: expires, .. } = payload;
        let claims = Claims { room, user, publish, host, issued, expires };
        claims.check()?;
        Ok(claims)
    }

    /// The algorithm that tokens of this key have, as `alg` says it.
    pub fn algorithm(&self) -> &'static str {
        match self.kind {
            Kind::Private(_) | Kind::Public(_) => "EdDSA",
            Kind::Shared(_) => "HS256",
        }
    }

    fn check_signature(&self, signed: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        match &self.kind {
            Kind::Private(pair) => {
                UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref()).verify(signed, signature)
            }
            Kind::Public(key) => key.verify(signed, signature),
            Kind::Shared(key) => hmac::verify(key, signed, signature),
        }
        .map_err(|_| TokenError::Signature)
    }
}

impl Claims {
    fn check(&self) -> Result<(), TokenError> {
        room::check(&self.room)?;
        if self.user.len() > limits::ROOM_BYTES || self.user.chars().any(char::is_control) {
            return Err(TokenError::Claims("the user's name is too long or has control characters".into()));
        }
        Ok(())
    }
}

/// Header and payload of a token as they are written, for a person to look at. Nothing is checked.
///
/// # Errors
/// It is no token at all.
pub fn read_unchecked(token: &str) -> Result<(serde_json::Value, serde_json::Value), TokenError> {
    let Parts { header, payload, .. } = parts(token)?;
    let json = |part| serde_json::from_slice(&decode(part)?).map_err(|_| TokenError::Malformed);
    Ok((json(header)?, json(payload)?))
}

fn parts(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > limits::TOKEN_BYTES {
        return Err(TokenError::TooLong(token.len()));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    Ok(Parts { header, payload, signature, signed })
}

/// Whether `now` lies in `begins..expires`, give or take the leeway.
fn in_time(begins: u64, expires: u64, now: u64) -> Result<(), TokenError> {
    if now >= expires.saturating_add(LEEWAY_SECONDS) {
        return Err(TokenError::Expired(now - expires));
    }
    if begins > now.saturating_add(LEEWAY_SECONDS) {
        return Err(TokenError::NotYet(begins - now));
    }
    Ok(())
}

fn encode(value: &impl Serialize) -> String {
    BASE64URL_NOPAD.encode(&serde_json::to_vec(value).expect("strings, numbers and booleans are JSON"))
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
