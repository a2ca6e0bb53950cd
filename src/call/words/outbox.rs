//! What we said and not everybody has heard yet. Pure.
//!
//! Whoever was there when something was said is waited for. What is said is said again after a while to those who have not
//! answered, and at once when the call goes on by another link. Who came later is not waited for and gets nothing.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::proto::ParticipantId;
use crate::proto::words::{Words, said::Body};

/// Words that may wait; the oldest of more are given up.
const WAITING: usize = 64;
/// Said again after so long without an answer: well over a round trip with the time that answers are collected; each time after
/// twice as long ...
const AGAIN: Duration = Duration::from_millis(1500);
/// ... up to this.
const SELDOM: Duration = Duration::from_secs(12);
/// Given up after so long: who was away comes back within half a minute, or has left.
const PATIENCE: Duration = Duration::from_secs(120);
/// Messages in one go, ten times a second: to single members, and of those at most one to all. Well below what relays take.
const AT_ONCE: usize = 4;

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    last: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    bytes: Vec<u8>,
    /// Who has not heard it.
    hearers: BTreeSet<ParticipantId>,
    said: Instant,
    due: Instant,
    pause: Duration,
    /// Of those who get it again, each alone: whose turn is still to come.
    turn: Vec<ParticipantId>,
}

/// What becomes of something that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    pub number: u64,
    /// To seal for everybody now; `None` where it waits behind what comes first out of [`Outbox::due`].
    pub now: Option<Vec<u8>>,
    pub given_up: Option<Settled>,
}

/// Something to be said again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    pub bytes: Vec<u8>,
    /// `None`: to everybody.
    pub to: Option<ParticipantId>,
}

/// Nobody is waited for any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub number: u64,
    /// Who never heard it, as far as is known.
    pub missed: usize,
}

impl Outbox {
    /// Numbers a body. With `hearers` empty nobody is waited for.
    pub fn say(&mut self, now: Instant, body: Body, hearers: BTreeSet<ParticipantId>) -> Saying {
        self.last += 1;
        let number = self.last;
        let bytes = Words { number, body: Some(body) }.encode_sealed();
        // What was said before goes first.
        let behind = !hearers.is_empty() && self.waiting.iter().any(|it| it.due <= now);
        let given_up = if self.waiting.len() >= WAITING { self.waiting.pop_front() } else { None };
        if !hearers.is_empty() {
            let due = if behind { now } else { now + AGAIN };
            let (bytes, turn) = (bytes.clone(), Vec::new());
            self.waiting.push_back(Waiting { number, bytes, hearers, said: now, due, pause: AGAIN, turn });
        }
        Saying { number, now: (!behind).then_some(bytes), given_up: given_up.map(|it| it.settled()) }
    }

    /// A participant heard these.
    pub fn heard(&mut self, by: ParticipantId, numbers: &[u64]) -> Vec<Settled> {
        for it in self.waiting.iter_mut().filter(|it| numbers.contains(&it.number)) {
            it.hearers.remove(&by);
        }
        self.settle()
    }

    /// A participant left: what it has not heard it will not hear, and that is nobody's loss.
    pub fn left(&mut self, who: ParticipantId) -> Vec<Settled> {
        for it in &mut self.waiting {
            it.hearers.remove(&who);
        }
        self.settle()
    }

    /// The call goes on by another link: what was on its way by the old one may be lost.
    pub fn again(&mut self, now: Instant) {
        for it in &mut self.waiting {
            (it.due, it.pause) = (now, AGAIN);
            it.turn.clear();
        }
    }

    /// What is to be said again now: to each of those alone who have not heard it, so that nobody gets it who came meanwhile. Where
    /// that is a large room, and all of it, it goes to `everybody` at once.
    pub fn due(&mut self, now: Instant, everybody: &BTreeSet<ParticipantId>) -> Vec<Again> {
        let mut all = Vec::new();
        for it in self.waiting.iter_mut().filter(|it| it.due <= now) {
            let room = AT_ONCE - all.len();
            if room == 0 {
                break;
            }
            if it.hearers.len() > AT_ONCE && it.hearers == *everybody {
                if all.iter().any(|again: &Again| again.to.is_none()) {
                    break;
                }
                all.push(Again { bytes: it.bytes.clone(), to: None });
                it.turn.clear();
            } else {
                if it.turn.is_empty() {
                    it.turn = it.hearers.iter().copied().collect();
                }
                let Waiting { turn, hearers, .. } = &mut *it;
                turn.retain(|who| hearers.contains(who));
                let later = it.turn.split_off(room.min(it.turn.len()));
                let now_to = std::mem::replace(&mut it.turn, later);
                all.extend(now_to.into_iter().map(|to| Again { bytes: it.bytes.clone(), to: Some(to) }));
            }
            if it.turn.is_empty() {
                it.due = now + it.pause;
                it.pause = (it.pause * 2).min(SELDOM);
            }
        }
        all
    }

    /// What is given up now.
    pub fn expire(&mut self, now: Instant) -> Vec<Settled> {
        let mut given_up = Vec::new();
        while let Some(it) = self.waiting.pop_front_if(|it| now.saturating_duration_since(it.said) >= PATIENCE) {
            given_up.push(it.settled());
        }
        given_up
    }

    fn settle(&mut self) -> Vec<Settled> {
        let settled = self.waiting.iter().filter(|it| it.hearers.is_empty()).map(Waiting::settled).collect();
        self.waiting.retain(|it| !it.hearers.is_empty());
        settled
    }
}

impl Waiting {
    fn settled(&self) -> Settled {
        Settled { number: self.number, missed: self.hearers.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEN: ParticipantId = ParticipantId(2);
    const CHLOE: ParticipantId = ParticipantId(3);
    const DAN: ParticipantId = ParticipantId(4);

    fn set(of: &[ParticipantId]) -> BTreeSet<ParticipantId> {
        of.iter().copied().collect()
    }

    fn line(text: &str) -> Body {
        Body::Text(text.into())
    }

    #[test]
    fn words_are_numbered_and_settled_when_all_who_were_there_have_them() {
        let (now, mut outbox) = (crate::clock::now(), Outbox::default());
        assert_eq!(outbox.say(now, line("to nobody"), set(&[])).number, 1);
        let said = outbox.say(now, line("hello"), set(&[BEN, CHLOE]));
        assert_eq!((said.number, said.given_up), (2, None));
        let bytes = said.now.unwrap();
        assert_eq!(Words::decode_sealed(&bytes[1..]).unwrap(), Words { number: 2, body: Some(line("hello")) });
        assert_eq!(outbox.heard(BEN, &[1, 2, 99]), []);
        assert_eq!(outbox.heard(DAN, &[2]), []);
        assert_eq!(outbox.heard(CHLOE, &[2]), [Settled { number: 2, missed: 0 }]);
        assert_eq!(outbox.heard(CHLOE, &[2]), []);
    }

    #[test]
    fn who_did_not_answer_gets_it_again_and_who_came_later_gets_nothing() {
        let (start, mut outbox) = (crate::clock::now(), Outbox::default());
        let at = |ms| start + Duration::from_millis(ms);
        let bytes = outbox.say(start, line("hello"), set(&[BEN, CHLOE])).now.unwrap();
        let (two, three) = (set(&[BEN, CHLOE]), set(&[BEN, CHLOE, DAN]));
        let each = [BEN, CHLOE].map(|to| Again { bytes: bytes.clone(), to: Some(to) });
        assert_eq!(outbox.due(at(1400), &two), []);
        assert_eq!(outbox.due(at(1500), &two), each);
        assert_eq!(outbox.due(at(1600), &two), []);
        assert_eq!(outbox.due(at(3000), &three), each);
        outbox.heard(BEN, &[1]);
        assert_eq!(outbox.due(at(5000), &three), []);
        outbox.again(at(5100));
        assert_eq!(outbox.due(at(5100), &three), [Again { bytes, to: Some(CHLOE) }]);
        assert_eq!(outbox.left(CHLOE), [Settled { number: 1, missed: 0 }]);
        assert_eq!(outbox.due(at(60_000), &two), []);
    }

    #[test]
    fn what_is_said_on_a_new_link_waits_for_what_the_old_one_may_have_lost() {
        let (now, mut outbox) = (crate::clock::now(), Outbox::default());
        let first = outbox.say(now, line("one"), set(&[BEN])).now.unwrap();
        outbox.again(now);
        assert_eq!(outbox.say(now, line("two"), set(&[BEN])).now, None);
        assert!(outbox.say(now, line("to nobody"), set(&[])).now.is_some());
        let said = outbox.due(now, &set(&[BEN]));
        assert_eq!((said.len(), &said[0].bytes), (2, &first));
        assert!(outbox.say(now, line("three"), set(&[BEN])).now.is_some());
    }

    #[test]
    fn what_nobody_answers_is_given_up_and_says_how_many_missed_it() {
        let (start, mut outbox) = (crate::clock::now(), Outbox::default());
        outbox.say(start, line("one"), set(&[BEN, CHLOE]));
        outbox.heard(BEN, &[1]);
        assert_eq!(outbox.expire(start + PATIENCE - Duration::from_millis(1)), []);
        assert_eq!(outbox.expire(start + PATIENCE), [Settled { number: 1, missed: 1 }]);
        for number in 2..=(WAITING as u64 + 1) {
            assert_eq!(outbox.say(start, line("x"), set(&[BEN])).given_up, None, "{number}");
        }
        assert_eq!(outbox.say(start, line("x"), set(&[BEN])).given_up, Some(Settled { number: 2, missed: 1 }));
    }

    #[test]
    fn a_large_room_is_not_flooded_when_the_call_comes_back() {
        let (now, mut outbox) = (crate::clock::now(), Outbox::default());
        let everybody: BTreeSet<_> = (1..=200).map(ParticipantId).collect();
        for _ in 0..20 {
            outbox.say(now, line("x"), everybody.clone());
        }
        outbox.again(now);
        assert!((0..20).all(|_| matches!(&outbox.due(now, &everybody)[..], [Again { to: None, .. }])));
        assert_eq!(outbox.due(now, &everybody), []);
        // With one among them who must not get it, each gets it alone, and nobody twice.
        let mut outbox = Outbox::default();
        outbox.say(now, line("x"), everybody.clone());
        outbox.again(now);
        let more: BTreeSet<_> = (1..=201).map(ParticipantId).collect();
        let mut got = Vec::new();
        loop {
            let again = outbox.due(now, &more);
            assert!(again.len() <= AT_ONCE);
            if again.is_empty() {
                break;
            }
            got.extend(again.into_iter().filter_map(|it| it.to));
        }
        assert_eq!(got, everybody.into_iter().collect::<Vec<_>>());
    }
}
