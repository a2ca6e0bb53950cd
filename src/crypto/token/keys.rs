//! Several keys that are valid at once: how a key is changed without a moment in which somebody stays outside.
//!
//! The first key is the one to sign with; all of them check. A token's `kid` (RFC 7515 section 4.1.4) only says which key is
//! tried first: it never widens what is accepted, and an issuer may leave it out or use names of its own.
//! Changing a key takes three steps, each on every relay before the next: add the new key behind the old one; put it first;
//! drop the old one once its tokens and tickets have expired.

use super::{AuthKey, Claims, Header, TokenError, decode, parts};

/// Keys on one ring: enough for a change under way and one that was forgotten.
pub const KEYS: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct KeyRing(Vec<AuthKey>);

impl KeyRing {
    /// At least one key, and at most [`KEYS`], the first one being the one to sign with; `None` otherwise.
    pub fn new(keys: Vec<AuthKey>) -> Option<Self> {
        (!keys.is_empty() && keys.len() <= KEYS).then_some(Self(keys))
    }

    pub fn keys(&self) -> &[AuthKey] {
        &self.0
    }

    /// The claims of a token that any of the keys signed, and which key that was.
    ///
    /// # Errors
    /// See [`TokenError`]: of the key that signed it, where one of these did.
    pub fn verify(&self, token: &str, now: u64) -> Result<(usize, Claims), TokenError> {
        let header: Header =
            serde_json::from_slice(&decode(parts(token)?.header)?).map_err(|_| TokenError::Malformed)?;
        let named = |key: &AuthKey| header.kid.as_deref() == Some(key.id());
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|index| !named(&self.0[*index]));
        let mut error = None;
        for index in order {
            match self.0[index].verify(token, now) {
                Ok(claims) => return Ok((index, claims)),
                // Not this key's. That one key's algorithm is another says less than that another key did not sign.
                Err(other @ TokenError::Signature) => error = Some(other),
                Err(other @ TokenError::Algorithm(_)) => error = error.or(Some(other)),
                Err(other) => return Err(other),
            }
        }
        match (error, header.kid) {
            (Some(TokenError::Signature), Some(kid)) if !self.0.iter().any(|key| key.id() == kid) => {
                Err(TokenError::UnknownKey(kid.chars().filter(|it| !it.is_control()).take(64).collect()))
            }
            (error, _) => Err(error.unwrap_or(TokenError::Signature)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn key(hs256: bool) -> AuthKey {
        let rng = SystemRandom::new();
        let text = if hs256 { AuthKey::generate_hs256(&rng) } else { AuthKey::generate_ed25519(&rng) };
        AuthKey::from_file_text(&text.unwrap()).unwrap()
    }

    fn claims() -> Claims {
        Claims { room: "r".into(), user: "u".into(), publish: true, host: false, issued: NOW, expires: NOW + 60 }
    }

    #[test]
    fn tokens_of_every_key_on_the_ring_count_and_those_of_others_do_not() {
        let (new, old, gone) = (key(false), key(true), key(false));
        let tokens = [&new, &old, &gone].map(|key| key.sign(&claims()).unwrap());
        let gone_id = gone.id().to_owned();
        let ring = KeyRing::new(vec![new, old]).unwrap();
        assert_eq!(ring.verify(&tokens[0], NOW), Ok((0, claims())));
        assert_eq!(ring.verify(&tokens[1], NOW), Ok((1, claims())));
        assert_eq!(ring.verify(&tokens[2], NOW), Err(TokenError::UnknownKey(gone_id)));
    }

    #[test]
    fn the_error_is_that_of_the_key_which_signed() {
        let (new, old) = (key(false), key(false));
        let token = old.sign(&claims()).unwrap();
        let ring = KeyRing::new(vec![new, old]).unwrap();
        assert_eq!(ring.verify(&token, NOW + 600), Err(TokenError::Expired(540)));
    }

    #[test]
    fn a_kid_that_names_another_key_changes_nothing() {
        let (new, old) = (key(false), key(false));
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, new.id());
        let payload = format!(r#"{{"room":"r","exp":{}}}"#, NOW + 60);
        let token = super::super::tests::forge(&old, &header, &payload);
        let ring = KeyRing::new(vec![new, old]).unwrap();
        assert_eq!(ring.verify(&token, NOW).map(|(index, _)| index), Ok(1));
        let stranger = super::super::tests::forge(&key(false), &header, &payload);
        assert_eq!(ring.verify(&stranger, NOW), Err(TokenError::Signature));
    }

    #[test]
    fn a_ring_has_between_one_and_eight_keys() {
        assert!(KeyRing::new(Vec::new()).is_none());
        assert!(KeyRing::new((0..9).map(|_| key(true)).collect()).is_none());
        let ring = KeyRing::new(vec![key(true)]).unwrap();
        assert!(matches!(ring.verify(&key(false).sign(&claims()).unwrap(), NOW), Err(TokenError::Algorithm("HS256"))));
        assert_eq!(ring.verify("no token", NOW), Err(TokenError::Malformed));
    }
}
