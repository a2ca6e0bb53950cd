//! Orders: who may give which, and the facts that come of them.

use std::collections::BTreeSet;

use super::{FACTS, Fact, Moderation, REMOVALS, Subject, message, pass};
use crate::proto::control::Member;
use crate::proto::moderation::{Action, Moderate};
use crate::proto::{ParticipantId, RelayInstance, Track};

/// Why an order was not carried out, for who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("only a host may do that")]
    NoHost,
    #[error("this room is open and has no hosts: hosts come with tokens")]
    Open,
    #[error("a host muted you, and only a host can lift it")]
    Firm,
    #[error("nobody with this number is in the room")]
    NotHere,
    #[error("there is no such track")]
    Track,
    #[error("that is you: leave the room instead")]
    Yourself,
    #[error("nobody of this name was removed")]
    NotRemoved,
    #[error("this relay does not know how to do that")]
    Unknown,
    #[error("too many have been removed from this room")]
    TooMany,
}

/// An order, who gives it, and where and when.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub order: &'a Moderate,
    /// As the registry has it.
    pub by: &'a Member,
    /// This relay asks for no tokens.
    pub open: bool,
    /// This relay.
    pub origin: RelayInstance,
    /// Since 1970.
    pub now_ms: u64,
}

impl Moderation {
    /// Carries out an order, given all `members` of the room. What is new is to be told to other relays, and comes out of
    /// [`Moderation::poll_ruling`].
    ///
    /// # Errors
    /// See [`OrderError`].
    pub fn order(&mut self, order: Order<'_>, members: &[&Member]) -> Result<Vec<message::Fact>, OrderError> {
        let Order { order: what, by, .. } = order;
        let about = members.iter().find(|member| member.participant == what.participant).copied();
        let own = what.participant == by.participant;
        match what.action() {
            Action::Unmute if own && !by.host => self.speak_again(order),
            _ if !by.host => Err(if order.open { OrderError::Open } else { OrderError::NoHost }),
            Action::Mute => self.mute(order, about.ok_or(OrderError::NotHere)?, members),
            Action::Unmute => self.unmute(order, about),
            Action::Remove => self.remove(order, about.ok_or(OrderError::NotHere)?),
            Action::Lock => {
                let passes = members.iter().map(|member| pass(member)).collect();
                Ok(self.lock(order, true, passes))
            }
            Action::Unlock => Ok(self.lock(order, false, BTreeSet::new())),
            Action::Readmit => self.readmit(order),
            Action::Unspecified => Err(OrderError::Unknown),
        }
    }

    /// A member came in, or its user was muted for good: who was, is so under every number. What is new is to be told.
    pub fn entered(&mut self, member: &Member, origin: RelayInstance, now_ms: u64) -> Vec<message::Fact> {
        let participant = ParticipantId(member.participant);
        if member.user.is_empty() || self.muted.is_empty() || self.facts.len() >= FACTS {
            return Vec::new();
        }
        let inherited = |subject: &Subject, fact: &Fact| match subject {
            Subject::Mute(whose, track) if *whose != participant && fact.on && fact.firm => {
                (fact.user == member.user).then(|| (*track, fact.clone()))
            }
            _ => None,
        };
        let mut facts: Vec<_> = self.facts.iter().filter_map(|(subject, fact)| inherited(subject, fact)).collect();
        facts.sort_by_key(|(track, fact)| (*track, std::cmp::Reverse(fact.version)));
        facts.dedup_by_key(|(track, _)| *track);
        // What was decided later of this number itself goes before.
        let own = |track: &Track| self.facts.get(&Subject::Mute(participant, *track));
        let holds = |own: &Fact, fact: &Fact| (own.on && own.firm) || own.version > fact.version;
        facts.retain(|(track, fact)| !own(track).is_some_and(|own| holds(own, fact)));
        let facts = facts.into_iter().filter_map(|(track, fact)| {
            let fact = Fact { version: self.next_version(now_ms, origin), participant, ..fact };
            self.say(Subject::Mute(participant, track), fact)
        });
        facts.collect()
    }

    fn mute(
        &mut self,
        order: Order<'_>,
        about: &Member,
        members: &[&Member],
    ) -> Result<Vec<message::Fact>, OrderError> {
        self.forget_the_gone(|who| members.iter().any(|member| member.participant == who.0));
        let subject = Subject::Mute(ParticipantId(about.participant), track(order.order)?);
        if self.facts.len() >= FACTS && !self.facts.contains_key(&subject) {
            return Err(OrderError::TooMany);
        }
        let fact = Fact { firm: order.order.firm, user: about.user.clone(), ..self.decided(order, true) };
        Ok(self.say(subject, fact).into_iter().collect())
    }

    /// A host lifts a mute, and with a firm one those of the same user under other numbers.
    fn unmute(&mut self, order: Order<'_>, about: Option<&Member>) -> Result<Vec<message::Fact>, OrderError> {
        let track = track(order.order)?;
        let participant = ParticipantId(order.order.participant);
        let user = about.map_or("", |member| &member.user);
        let lifted = |(subject, fact): (&Subject, &Fact)| match subject {
            Subject::Mute(whose, what) if *what == track && fact.on => {
                let same_user = fact.firm && !user.is_empty() && fact.user == user;
                (*whose == participant || same_user).then(|| (subject.clone(), fact.user.clone()))
            }
            _ => None,
        };
        let lifted: Vec<_> = self.facts.iter().filter_map(lifted).collect();
        let facts = lifted.into_iter().filter_map(|(subject, user)| {
            let fact = Fact { user, ..self.decided(order, false) };
            self.say(subject, fact)
        });
        Ok(facts.collect())
    }

    /// A participant lifts its own mute.
    fn speak_again(&mut self, order: Order<'_>) -> Result<Vec<message::Fact>, OrderError> {
        let subject = Subject::Mute(ParticipantId(order.by.participant), track(order.order)?);
        match self.facts.get(&subject) {
            Some(fact) if fact.on && fact.firm => Err(OrderError::Firm),
            Some(fact) if fact.on => {
                let fact = Fact { user: fact.user.clone(), ..self.decided(order, false) };
                Ok(self.say(subject, fact).into_iter().collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn remove(&mut self, order: Order<'_>, about: &Member) -> Result<Vec<message::Fact>, OrderError> {
        let by = order.by;
        if about.participant == by.participant || (!by.user.is_empty() && about.user == by.user) {
            return Err(OrderError::Yourself);
        }
        let subject = match about.user.as_str() {
            "" => Subject::Participant(ParticipantId(about.participant)),
            user => Subject::User(user.to_owned()),
        };
        if self.removals() >= REMOVALS && !self.facts.contains_key(&subject) {
            return Err(OrderError::TooMany);
        }
        let fact = self.decided(order, true);
        Ok(self.say(subject, fact).into_iter().collect())
    }

    fn readmit(&mut self, order: Order<'_>) -> Result<Vec<message::Fact>, OrderError> {
        let subject = Subject::User(order.order.user.clone());
        let removed = self.facts.get(&subject).filter(|fact| fact.on).ok_or(OrderError::NotRemoved)?;
        let fact = Fact { participant: removed.participant, ..self.decided(order, false) };
        Ok(self.say(subject, fact).into_iter().collect())
    }

    fn lock(&mut self, order: Order<'_>, on: bool, passes: BTreeSet<super::Pass>) -> Vec<message::Fact> {
        if self.facts.get(&Subject::Lock).is_some_and(|lock| lock.on) == on {
            return Vec::new();
        }
        let fact = Fact { participant: ParticipantId(0), passes, ..self.decided(order, on) };
        self.say(Subject::Lock, fact).into_iter().collect()
    }

    fn decided(&self, order: Order<'_>, on: bool) -> Fact {
        Fact {
            version: self.next_version(order.now_ms, order.origin),
            on,
            firm: false,
            by: ParticipantId(order.by.participant),
            participant: ParticipantId(order.order.participant),
            user: String::new(),
            passes: BTreeSet::new(),
        }
    }

    fn say(&mut self, subject: Subject, fact: Fact) -> Option<message::Fact> {
        let told = super::facts::write(&subject, &fact);
        self.put(subject, fact).then_some(told)
    }
}

fn track(order: &Moderate) -> Result<Track, OrderError> {
    u8::try_from(order.track).ok().and_then(|track| Track::try_from(track).ok()).ok_or(OrderError::Track)
}
