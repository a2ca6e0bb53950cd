//! What hosts decided, as the links tell it. Outlives every link.
//!
//! Two links tell of the same room at different moments, and a relay that just opened the room knows little of it. The rule: each
//! ruling counts by whichever link it comes first, an older one by none, and only the active link's relay takes back what it does not list.

use std::collections::BTreeMap;

use crate::proto::moderation::{Moderated, Ruling, RulingKind};
use crate::proto::{ParticipantId, Track};

/// Rulings that are kept: what relays hold, and no more.
const RULINGS: usize = crate::proto::limits::RULINGS;

/// See the module.
#[derive(Debug, Default)]
pub struct House {
    /// What is in force.
    on: BTreeMap<Subject, Ruling>,
    /// The newest version of each that was told, lifted ones included: the slower link tells the older ones afterwards.
    newest: BTreeMap<Subject, u64>,
}

/// Kind, participant, track.
type Subject = (i32, u64, u32);

impl House {
    /// What a link's relay says; returns what is news.
    pub fn take(&mut self, told: Moderated, active: bool) -> Vec<Ruling> {
        let mut news = Vec::new();
        if told.all && active {
            let listed: Vec<Subject> = told.rulings.iter().map(subject).collect();
            let gone = self.on.extract_if(.., |subject, _| !listed.contains(subject));
            news.extend(gone.map(|(_, ruling)| Ruling { on: false, ..ruling }));
        }
        for ruling in told.rulings {
            if self.is_old(&ruling) {
                continue;
            }
            let before = self.on.get(&subject(&ruling));
            if before.map_or(!ruling.on, |before| ruling.on && before.firm == ruling.firm) {
                continue;
            }
            match ruling.on {
                true if before.is_none() && self.on.len() >= RULINGS => continue,
                true => drop(self.on.insert(subject(&ruling), ruling.clone())),
                false => drop(self.on.remove(&subject(&ruling))),
            }
            news.push(ruling);
        }
        news
    }

    /// Whether a newer one about the same was told; notes it where not.
    fn is_old(&mut self, ruling: &Ruling) -> bool {
        let about = subject(ruling);
        let newest = self.newest.get(&about).copied();
        if newest.is_some() || self.newest.len() < RULINGS {
            self.newest.insert(about, ruling.version.max(newest.unwrap_or(0)));
        }
        ruling.version != 0 && newest.is_some_and(|newest| ruling.version < newest)
    }

    /// Nobody new comes in.
    pub fn is_locked(&self) -> bool {
        self.on.keys().any(|(kind, ..)| *kind == RulingKind::Lock as i32)
    }

    /// What is muted, and whether for good.
    pub fn mutes(&self) -> Vec<(ParticipantId, Track, bool)> {
        let mute = |((kind, who, track), ruling): (&Subject, &Ruling)| {
            let track = u8::try_from(*track).ok().and_then(|track| Track::try_from(track).ok())?;
            (*kind == RulingKind::Mute as i32).then_some((ParticipantId(*who), track, ruling.firm))
        };
        self.on.iter().filter_map(mute).collect()
    }

    /// Whether a host muted this, and if so, whether for good.
    pub fn mute(&self, participant: ParticipantId, track: Track) -> Option<bool> {
        self.on.get(&(RulingKind::Mute as i32, participant.0, track as u32)).map(|ruling| ruling.firm)
    }
}

fn subject(ruling: &Ruling) -> Subject {
    (ruling.kind, ruling.participant, ruling.track)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: ParticipantId = ParticipantId(0xada);

    fn mute(on: bool, firm: bool) -> Ruling {
        Ruling { kind: RulingKind::Mute as i32, participant: ADA.0, on, firm, ..Ruling::default() }
    }

    fn told(rulings: &[Ruling], all: bool) -> Moderated {
        Moderated { rulings: rulings.to_vec(), all }
    }

    #[test]
    fn what_the_slower_link_tells_late_brings_nothing_back() {
        let mut house = House::default();
        let version = |on, version| told(&[Ruling { version, ..mute(on, false) }], false);
        assert_eq!(house.take(version(true, 1), true).len(), 1);
        assert_eq!(house.take(version(false, 2), true).len(), 1);
        assert_eq!(house.take(version(true, 1), false), []);
        assert_eq!(house.take(version(false, 2), false), []);
        assert_eq!(house.mute(ADA, Track::Microphone), None);
        assert_eq!(house.take(version(true, 3), false).len(), 1);
    }

    /// What a link says, whether that is all there is, whether the link is the active one; how much of it is news, and how firm the
    /// mute is afterwards.
    type Step<'a> = (&'a [Ruling], bool, bool, usize, Option<bool>);

    #[test]
    fn what_two_links_say_is_news_once_and_only_the_active_one_takes_back_by_silence() {
        let mut house = House::default();
        let steps: [Step<'_>; 9] = [
            (&[mute(true, false)], false, false, 1, Some(false)),
            (&[mute(true, false)], false, true, 0, Some(false)),
            (&[], true, false, 0, Some(false)),
            (&[mute(true, true)], false, true, 1, Some(true)),
            (&[], true, true, 1, None),
            (&[mute(false, false)], false, true, 0, None),
            (&[mute(true, false)], true, false, 1, Some(false)),
            (&[mute(false, false)], false, false, 1, None),
            (&[mute(false, false)], false, true, 0, None),
        ];
        for (step, (rulings, all, active, news, after)) in steps.into_iter().enumerate() {
            assert_eq!(house.take(told(rulings, all), active).len(), news, "{step}");
            assert_eq!(house.mute(ADA, Track::Microphone), after, "{step}");
        }
    }
}
