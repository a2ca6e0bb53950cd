//! The door: who may enter which room, with which rights.
//!
//! Called by `session` at Hello. A ticket is tried before a token: it is what a participant that moves has.

use ring::rand::SystemRandom;

use crate::clock;
use crate::crypto::auth::AuthKeyError;
use crate::crypto::{AuthKey, Ticket, TicketKey, room};
use crate::proto::ParticipantId;
use crate::proto::control::Hello;

/// Checks who comes.
#[derive(Debug)]
pub struct Gate {
    keys: Option<Keys>,
    random: SystemRandom,
}

struct Keys {
    auth: AuthKey,
    ticket: Option<TicketKey>,
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
    /// Came with the ticket of an earlier admission: a move, a standby, or somebody who was cut off.
    pub resumed: bool,
}

impl Gate {
    /// Everybody may enter any room.
    pub fn open() -> Self {
        Self { keys: None, random: SystemRandom::new() }
    }

    /// Tokens and tickets are asked for.
    ///
    /// # Errors
    /// The text of the key file is not a key.
    pub fn with_key(text: &str) -> Result<Self, AuthKeyError> {
        let auth = AuthKey::from_file_text(text)?;
        let ticket = TicketKey::from_auth_key(&auth);
        Ok(Self { keys: Some(Keys { auth, ticket }), random: SystemRandom::new() })
    }

    /// Lets in, or says for a person why not.
    pub fn admit(&self, hello: &Hello) -> Result<Admission, String> {
        let participant = ParticipantId(hello.participant);
        if hello.participant == 0 {
            return Err("a participant's number must not be 0".into());
        }
        room::check(&hello.room).map_err(|error| error.to_string())?;
        let now = clock::unix_seconds();
        let Some(keys) = &self.keys else {
            return Ok(admission(Ticket::for_open_room(participant, &hello.room, now), Vec::new()));
        };
        let resumed = keys.resume(hello, now);
        let ticket = match resumed {
            Ok(ticket) => return Ok(Admission { resumed: true, ..admission(ticket, hello.ticket.to_vec()) }),
            Err(error) if hello.token.is_empty() => return Err(error),
            Err(_) => keys.check_token(hello, now)?,
        };
        let sealed = match &keys.ticket {
            Some(key) => key.seal(&ticket, &self.random).map_err(|error| error.to_string())?,
            None => Vec::new(),
        };
        Ok(admission(ticket, sealed))
    }
}

impl Keys {
    fn resume(&self, hello: &Hello, now: u64) -> Result<Ticket, String> {
        let key = match &self.ticket {
            Some(key) if !hello.ticket.is_empty() => key,
            _ => return Err("this relay asks for a token".into()),
        };
        let ticket = key.open(&hello.ticket, now).map_err(|error| error.to_string())?;
        let admits = ticket.admits(ParticipantId(hello.participant), &hello.room);
        if admits { Ok(ticket) } else { Err("the ticket is for another room or participant".into()) }
    }

    fn check_token(&self, hello: &Hello, now: u64) -> Result<Ticket, String> {
        let claims = self.auth.verify(&hello.token, now).map_err(|error| error.to_string())?;
        if claims.room != hello.room {
            return Err("the token is for another room".into());
        }
        Ok(Ticket::for_claims(ParticipantId(hello.participant), claims, now))
    }
}

fn admission(ticket: Ticket, sealed: Vec<u8>) -> Admission {
    let Ticket { participant, room, user, publish, host, .. } = ticket;
    Admission { participant, room, user, publish, host, ticket: sealed, resumed: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Claims;
    use bytes::Bytes;

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
}
