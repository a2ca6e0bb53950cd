//! Facts between relays: written, read, merged.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{FACTS, Fact, Moderation, Pass, REMOVALS, Subject, limits, message};
use crate::proto::moderation::RulingKind;
use crate::proto::{ParticipantId, RelayInstance, Track};

impl Moderation {
    /// All facts, those that are no longer so included: they keep older ones from coming back.
    pub fn facts(&self) -> Vec<message::Fact> {
        self.facts.iter().map(|(subject, fact)| write(subject, fact)).collect()
    }

    /// Takes what another relay says. What is new comes out of [`Moderation::poll_ruling`].
    pub fn merge(&mut self, facts: Vec<message::Fact>, is_member: impl Fn(ParticipantId) -> bool) {
        for (subject, fact) in facts.into_iter().filter_map(read) {
            if !self.facts.contains_key(&subject) && !self.has_place_for(&subject, &is_member) {
                continue;
            }
            self.put(subject, fact);
        }
    }

    fn has_place_for(&mut self, subject: &Subject, is_member: &impl Fn(ParticipantId) -> bool) -> bool {
        match subject {
            Subject::Lock => true,
            Subject::User(_) | Subject::Participant(_) => self.removals() < REMOVALS,
            Subject::Mute(who, _) => {
                self.forget_the_gone(is_member);
                self.facts.len() < FACTS - REMOVALS || (self.facts.len() < FACTS && is_member(*who))
            }
        }
    }
}

pub(super) fn write(subject: &Subject, fact: &Fact) -> message::Fact {
    let (kind, participant, track, user) = match subject {
        Subject::Mute(participant, track) => (RulingKind::Mute, *participant, *track as u32, &fact.user),
        Subject::User(user) => (RulingKind::Removal, fact.participant, 0, user),
        Subject::Participant(participant) => (RulingKind::Removal, *participant, 0, &fact.user),
        Subject::Lock => (RulingKind::Lock, ParticipantId(0), 0, &fact.user),
    };
    let passes: Vec<u8> = fact.passes.iter().flatten().copied().collect();
    message::Fact {
        counter: fact.version.0,
        origin: fact.version.1.0,
        kind: kind as i32,
        participant: participant.0,
        track,
        user: user.clone(),
        on: fact.on,
        firm: fact.firm,
        by: fact.by.0,
        passes: Bytes::from(passes),
    }
}

/// `None`: of a later version, or broken.
fn read(told: message::Fact) -> Option<(Subject, Fact)> {
    let participant = ParticipantId(told.participant);
    if told.user.len() > limits::ROOM_BYTES {
        return None;
    }
    let subject = match told.kind() {
        RulingKind::Mute => Subject::Mute(participant, Track::try_from(u8::try_from(told.track).ok()?).ok()?),
        RulingKind::Removal if told.user.is_empty() => Subject::Participant(participant),
        RulingKind::Removal => Subject::User(told.user.clone()),
        RulingKind::Lock => Subject::Lock,
        RulingKind::Unspecified => return None,
    };
    let is_mute = matches!(subject, Subject::Mute(..));
    let passes = told.passes.chunks_exact(size_of::<Pass>()).take(limits::MEMBERS);
    let fact = Fact {
        version: (told.counter, RelayInstance(told.origin)),
        on: told.on,
        firm: told.firm,
        by: ParticipantId(told.by),
        participant,
        user: if is_mute { told.user } else { String::new() },
        passes: passes.map(|pass| pass.try_into().expect("a chunk has this length")).collect::<BTreeSet<Pass>>(),
    };
    Some((subject, fact))
}
