//! The door: who may enter which room, with which rights.
//!
//! Called by `session` at Hello. A ticket is tried before a token: it is what a participant that moves has. Keys may be changed
//! while the relay runs: see [`Gate::reload`] and, for the order of things, [`crate::crypto::token::KeyRing`].

use std::sync::{Arc, RwLock};

use bytes::Bytes;
use ring::rand::SystemRandom;

use crate::clock;
use crate::crypto::auth::AuthKeyError;
use crate::crypto::ticket::{SECRET_BYTES, TicketError, stamp};
use crate::crypto::token::{KEYS, KeyRing};
use crate::crypto::{AuthKey, Ticket, TicketKey, room};
use crate::proto::control::Hello;
use crate::proto::{ParticipantId, limits};

/// Why the keys that a relay was given cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error("key {number} of {of}: {error}")]
    Key { number: usize, of: usize, error: AuthKeyError },
    #[error("there are {0} keys for tokens, and there may be from 1 to {KEYS}")]
    Count(usize),
    #[error("line {0} of the ticket secret has fewer than {SECRET_BYTES} bytes")]
    Secret(usize),
    #[error("the file of the ticket secret is empty")]
    NoSecret,
    #[error("{0}")]
    Read(String),
}

/// The texts of key files.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyTexts {
    /// For tokens, see [`crate::crypto::auth`]. All check; the first one is the newest.
    pub auth: Vec<String>,
    /// What tickets are sealed with, where it is not derived from the keys: a secret a line, the newest first.
    pub tickets: Option<String>,
}

/// Checks who comes.
#[derive(Debug)]
pub struct Gate {
    /// `None`: everybody may enter.
    keys: RwLock<Option<Arc<Keys>>>,
    /// Whoever shows nothing may enter as well, without any right but to take part.
    strangers: bool,
    random: SystemRandom,
}

struct Keys {
    auth: KeyRing,
    /// The first one seals, all open.
    tickets: Vec<TicketKey>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.auth.fmt(f)
    }
}

/// What somebody who was let in may do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    pub participant: ParticipantId,
    pub room: String,
    /// Empty where rooms are open.
    pub user: String,
    pub publish: bool,
    pub host: bool,
    /// Lets the participant in at any region; empty where none is needed, or none can be made.
    pub ticket: Vec<u8>,
    /// Of the proof of its instance; empty where it has none.
    pub stamp: Bytes,
    /// Came with the ticket of an earlier admission: a move, a standby, or somebody who was cut off.
    pub resumed: bool,
}

impl Gate {
    /// Everybody may enter any room.
    pub fn open() -> Self {
        Self { keys: RwLock::new(None), strangers: true, random: SystemRandom::new() }
    }

    /// Tokens and tickets are asked for.
    ///
    /// # Errors
    /// A text is not a key.
    pub fn with_keys(texts: &KeyTexts) -> Result<Self, GateError> {
        let keys = Arc::new(Keys::read(texts)?);
        Ok(Self { keys: RwLock::new(Some(keys)), strangers: false, random: SystemRandom::new() })
    }

    /// One key alone.
    ///
    /// # Errors
    /// The text is not a key.
    pub fn with_key(text: &str) -> Result<Self, GateError> {
        Self::with_keys(&KeyTexts { auth: vec![text.to_owned()], tickets: None })
    }

    /// Everybody may enter; tokens of this key give the rights that they name.
    ///
    /// # Errors
    /// The text is not a key.
    pub fn hosted(text: &str) -> Result<Self, GateError> {
        Ok(Self { strangers: true, ..Self::with_key(text)? })
    }

    /// Other keys from now on. Whoever is in stays in.
    ///
    /// # Errors
    /// A text is not a key: those that were there stay in force.
    pub fn reload(&self, texts: &KeyTexts) -> Result<(), GateError> {
        let keys = Arc::new(Keys::read(texts)?);
        *self.keys.write().expect("nobody panics while holding the keys") = Some(keys);
        Ok(())
    }

    pub fn is_open(&self) -> bool {
        self.keys().is_none()
    }

    /// Whether whoever is let in can go on without the token. Not where there are only public keys, which everybody may know,
    /// and no ticket secret.
    pub fn gives_tickets(&self) -> bool {
        self.keys().is_some_and(|keys| !keys.tickets.is_empty())
    }

    /// The names of the keys, the newest first, as tokens have them in `kid`.
    pub fn key_ids(&self) -> Vec<String> {
        let ids = |keys: Arc<Keys>| keys.auth.keys().iter().map(|key| key.id().to_owned()).collect();
        self.keys().map(ids).unwrap_or_default()
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().expect("nobody panics while holding the keys").clone()
    }

    /// Lets in, or says for a person why not.
    pub fn admit(&self, hello: &Hello) -> Result<Admission, String> {
        let participant = ParticipantId(hello.participant);
        if hello.participant == 0 {
            return Err("a participant's number must not be 0".into());
        }
        if !hello.proof.is_empty() && hello.proof.len() < limits::PROOF_BYTES.0 {
            return Err(format!("the proof has fewer than {} bytes", limits::PROOF_BYTES.0));
        }
        room::check(&hello.room).map_err(|error| error.to_string())?;
        let now = clock::unix_seconds();
        let stranger = || admission(Ticket::for_open_room(participant, &hello.room, now), Vec::new(), hello);
        let Some(keys) = self.keys() else { return Ok(stranger()) };
        if self.strangers && hello.token.is_empty() && hello.ticket.is_empty() {
            return Ok(stranger());
        }
        let (resumed, ticket) = match keys.resume(hello, now) {
            Ok((0, ticket)) => {
                return Ok(Admission { resumed: true, ..admission(ticket, hello.ticket.to_vec(), hello) });
            }
            // Sealed before the key was changed: it gets one that opens when the old key is gone.
            Ok((_, ticket)) => (true, ticket),
            Err(error) if hello.token.is_empty() => return Err(error),
            Err(_) => (false, keys.check_token(hello, now)?),
        };
        let sealed = match keys.tickets.first() {
            Some(key) => key.seal(&ticket, &self.random).map_err(|error| error.to_string())?,
            None => Vec::new(),
        };
        Ok(Admission { resumed, ..admission(ticket, sealed, hello) })
    }
}

impl Keys {
    fn read(texts: &KeyTexts) -> Result<Self, GateError> {
        let of = texts.auth.len();
        let key = |(index, text): (usize, &String)| {
            AuthKey::from_file_text(text).map_err(|error| GateError::Key { number: index + 1, of, error })
        };
        let keys: Vec<AuthKey> = texts.auth.iter().enumerate().map(key).collect::<Result<_, _>>()?;
        let mut tickets = texts.tickets.as_deref().map(read_secrets).transpose()?.unwrap_or_default();
        // Also behind a secret: what was sealed before there was one is still good.
        tickets.extend(keys.iter().filter_map(TicketKey::from_auth_key));
        Ok(Self { auth: KeyRing::new(keys).ok_or(GateError::Count(of))?, tickets })
    }

    /// What a ticket says, and which of our keys opened it.
    fn resume(&self, hello: &Hello, now: u64) -> Result<(usize, Ticket), String> {
        if hello.ticket.is_empty() || self.tickets.is_empty() {
            return Err("this relay asks for a token".into());
        }
        let open = |key: &TicketKey| key.open(&hello.ticket, now);
        let opened = self.tickets.iter().enumerate().map(|(index, key)| open(key).map(|ticket| (index, ticket)));
        let (index, ticket) = first_genuine(opened).map_err(|error| error.to_string())?;
        let admits = ticket.admits(ParticipantId(hello.participant), &hello.room);
        if admits { Ok((index, ticket)) } else { Err("the ticket is for another room or participant".into()) }
    }

    fn check_token(&self, hello: &Hello, now: u64) -> Result<Ticket, String> {
        let (_, claims) = self.auth.verify(&hello.token, now).map_err(|error| error.to_string())?;
        if claims.room != hello.room {
            return Err("the token is for another room".into());
        }
        Ok(Ticket::for_claims(ParticipantId(hello.participant), claims, now))
    }
}

/// The first answer of a key that fits, or why none does.
fn first_genuine<T>(opened: impl Iterator<Item = Result<T, TicketError>>) -> Result<T, TicketError> {
    let mut forged = TicketError::Forged;
    for answer in opened {
        match answer {
            Err(error @ TicketError::Forged) => forged = error,
            answer => return answer,
        }
    }
    Err(forged)
}

fn read_secrets(text: &str) -> Result<Vec<TicketKey>, GateError> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let read =
        |(index, line): (usize, &str)| TicketKey::from_secret(line.as_bytes()).ok_or(GateError::Secret(index + 1));
    let keys: Vec<_> = lines.map(read).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(GateError::NoSecret) } else { Ok(keys) }
}

fn admission(ticket: Ticket, sealed: Vec<u8>, hello: &Hello) -> Admission {
    let Ticket { participant, room, user, publish, host, .. } = ticket;
    let stamp = match hello.proof.is_empty() {
        true => Bytes::new(),
        false => Bytes::copy_from_slice(&stamp(participant, &hello.proof)),
    };
    Admission { participant, room, user, publish, host, ticket: sealed, stamp, resumed: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Claims;

    fn key() -> String {
        AuthKey::generate_ed25519(&SystemRandom::new()).unwrap()
    }

    fn token(key: &str, room: &str) -> String {
        let now = clock::unix_seconds();
        let claims =
            Claims { room: room.into(), user: "ada".into(), publish: true, host: true, issued: now, expires: now + 60 };
        AuthKey::from_file_text(key).unwrap().sign(&claims).unwrap()
    }

    fn hello(room: &str, participant: u64) -> Hello {
        Hello { version: 1, room: room.into(), participant, ..Hello::default() }
    }

    #[test]
    fn an_open_gate_lets_everybody_in_under_a_proper_room_name() {
        let gate = Gate::open();
        assert_eq!(gate.admit(&hello("stand-up", 1)).unwrap().user, "");
        assert!(gate.admit(&hello("", 1)).is_err());
        assert!(gate.admit(&hello("stand-up", 0)).is_err());
    }

    #[test]
    fn a_hosted_gate_lets_everybody_in_and_makes_who_has_its_token_host() {
        let key = key();
        let gate = Gate::hosted(&key).unwrap();
        let guest = gate.admit(&hello("stand-up", 1)).unwrap();
        assert!(!guest.host && guest.publish && guest.user.is_empty() && guest.ticket.is_empty());
        let host = gate.admit(&Hello { token: token(&key, "stand-up"), ..hello("stand-up", 7) }).unwrap();
        assert!(host.host);
        let resumed = gate.admit(&Hello { ticket: host.ticket.clone().into(), ..hello("stand-up", 7) }).unwrap();
        assert!(resumed.host && resumed.resumed);
        // Whoever shows something shows the right thing.
        let other = Hello { token: token(&self::key(), "stand-up"), ..hello("stand-up", 8) };
        assert!(gate.admit(&other).is_err());
        assert!(gate.admit(&Hello { ticket: host.ticket.into(), ..hello("stand-up", 8) }).is_err());
    }

    #[test]
    fn a_token_lets_in_and_its_ticket_lets_in_elsewhere() {
        let key = key();
        let gate = Gate::with_key(&key).unwrap();
        let admitted = gate.admit(&Hello { token: token(&key, "stand-up"), ..hello("stand-up", 7) }).unwrap();
        assert!(admitted.host && admitted.user == "ada");
        let ticket = Bytes::from(admitted.ticket);
        let other = Gate::with_key(&key).unwrap();
        let resumed = other.admit(&Hello { ticket: ticket.clone(), ..hello("stand-up", 7) }).unwrap();
        assert_eq!((resumed.user.as_str(), resumed.host), ("ada", true));
        assert!(other.admit(&Hello { ticket: ticket.clone(), ..hello("stand-up", 8) }).is_err());
        assert!(other.admit(&Hello { ticket, ..hello("kitchen", 7) }).is_err());
    }

    #[test]
    fn without_a_token_or_with_one_for_another_room_the_gate_stays_shut() {
        let key = key();
        let gate = Gate::with_key(&key).unwrap();
        assert!(gate.admit(&hello("stand-up", 7)).is_err());
        assert!(gate.admit(&Hello { token: token(&key, "kitchen"), ..hello("stand-up", 7) }).is_err());
        assert!(gate.admit(&Hello { token: token(&super::tests::key(), "stand-up"), ..hello("stand-up", 7) }).is_err());
    }

    fn keys(auth: &[&String], tickets: Option<&str>) -> KeyTexts {
        KeyTexts { auth: auth.iter().map(|text| (*text).clone()).collect(), tickets: tickets.map(str::to_owned) }
    }

    fn enters(gate: &Gate, token: &str) -> bool {
        gate.admit(&Hello { token: token.into(), ..hello("stand-up", 7) }).is_ok()
    }

    #[test]
    fn a_key_is_changed_without_a_moment_in_which_somebody_stays_outside() {
        let (old, new) = (key(), key());
        let tokens = [token(&old, "stand-up"), token(&new, "stand-up")];
        let gate = Gate::with_key(&old).unwrap();
        let ticket =
            Bytes::from(gate.admit(&Hello { token: tokens[0].clone(), ..hello("stand-up", 7) }).unwrap().ticket);
        let resumes =
            |gate: &Gate, ticket: &Bytes| gate.admit(&Hello { ticket: ticket.clone(), ..hello("stand-up", 7) });
        assert_eq!(tokens.each_ref().map(|token| enters(&gate, token)), [true, false]);
        gate.reload(&keys(&[&old, &new], None)).unwrap();
        assert_eq!(tokens.each_ref().map(|token| enters(&gate, token)), [true, true]);
        assert_eq!(resumes(&gate, &ticket).unwrap().ticket, ticket, "it is good as it is");
        gate.reload(&keys(&[&new, &old], None)).unwrap();
        assert_eq!(tokens.each_ref().map(|token| enters(&gate, token)), [true, true]);
        let renewed = Bytes::from(resumes(&gate, &ticket).unwrap().ticket);
        assert_ne!(renewed, ticket);
        gate.reload(&keys(&[&new], None)).unwrap();
        assert_eq!(tokens.each_ref().map(|token| enters(&gate, token)), [false, true]);
        assert!(resumes(&gate, &ticket).is_err());
        assert_eq!(resumes(&gate, &renewed).unwrap().ticket, renewed);
    }

    #[test]
    fn keys_that_cannot_be_read_leave_the_old_ones_in_force() {
        let key = key();
        let gate = Gate::with_key(&key).unwrap();
        let bad = |texts: &KeyTexts| gate.reload(texts).unwrap_err().to_string();
        assert!(bad(&keys(&[&key, &"nonsense".into()], None)).starts_with("key 2 of 2: no key found"));
        assert!(bad(&keys(&[], None)).contains("from 1 to 8"));
        assert!(bad(&keys(&[&key], Some("\nshort\n"))).contains("line 2"));
        assert!(bad(&keys(&[&key], Some("\n"))).contains("empty"));
        assert!(enters(&gate, &token(&key, "stand-up")));
    }

    #[test]
    fn a_public_key_gives_tickets_only_with_a_secret_for_them() {
        let key = key();
        let public = AuthKey::from_file_text(&key).unwrap().public_text().unwrap();
        let hello = Hello { token: token(&key, "stand-up"), ..hello("stand-up", 7) };
        let gate = Gate::with_key(&public).unwrap();
        assert!(!gate.gives_tickets());
        assert!(gate.admit(&hello).unwrap().ticket.is_empty());
        let secrets = ["the newest secret of all\n", "another newest secret\nthe newest secret of all\n"];
        let [first, next] = secrets.map(|secret| Gate::with_keys(&keys(&[&public], Some(secret))).unwrap());
        let ticket = first.admit(&hello).unwrap().ticket;
        assert!(first.gives_tickets() && !ticket.is_empty());
        let moved = Hello { ticket: ticket.into(), token: String::new(), ..hello };
        assert!(next.admit(&moved).is_ok());
        assert!(Gate::with_key(&public).unwrap().admit(&moved).is_err());
    }

    #[test]
    fn a_proof_is_stamped_and_too_short_a_one_refused() {
        let gate = Gate::open();
        let with = |proof: &[u8]| gate.admit(&Hello { proof: proof.to_vec().into(), ..hello("stand-up", 7) });
        assert!(with(&[]).unwrap().stamp.is_empty());
        assert_eq!(with(&[1; 16]).unwrap().stamp.len(), 16);
        assert_ne!(with(&[1; 16]).unwrap().stamp, with(&[2; 16]).unwrap().stamp);
        assert!(with(&[1; 15]).unwrap_err().contains("16 bytes"));
    }
}
