//! What people say to one another besides sound and pictures, and what of it is kept: lines of chat, reactions, raised hands.
//! Outlives every link.
//!
//! The controller feeds it with what came and asks it what is to be said. Nothing here is written anywhere: what was said is gone with
//! the call. Pure.

mod inbox;
mod outbox;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use inbox::{Inbox, Seen};
pub use outbox::{Outbox, Settled};

use super::conversation::{Delivery, Line, Reacted};
use crate::proto::ParticipantId;
use crate::proto::words::Reaction;
use crate::rate::Bucket;

/// Lines that are kept.
const LINES: usize = 500;
/// Lines of ours that may wait to be said.
const UNSAID: usize = 32;
/// How long a reaction is shown.
pub const REACTION: Duration = Duration::from_secs(3);
/// Reactions that are shown at a time, of all and of each.
const REACTIONS: (usize, usize) = (64, 4);
/// Lines a second that we say, and at once: a paste of several. Far below what makes a relay end the session.
const OWN_LINES: (f64, u32) = (2.0, 10);
/// The same of reactions.
const OWN_REACTIONS: (f64, u32) = (3.0, 6);
/// Changes of our hand a minute, and at once: each is a word to the relay about our entry in the roster.
const OWN_HANDS: (f64, u32) = (0.5, 6);

/// See the module.
#[derive(Debug)]
pub struct Words {
    pub outbox: Outbox,
    pub inbox: Inbox,
    /// Lines of ours that are to be said.
    unsaid: VecDeque<String>,
    lines: Arc<Vec<Arc<Line>>>,
    serial: u64,
    /// Serials of our own lines that are not settled, by their numbers.
    own: BTreeMap<u64, u64>,
    reactions: VecDeque<Reacted>,
    reacted: u64,
    /// Whose hand is up. Ours is among them.
    hands: BTreeMap<ParticipantId, u32>,
    /// We may mute, remove and lock, as the relays say.
    pub host: bool,
    may_say: Bucket,
    may_react: Bucket,
    may_raise: Bucket,
}

impl Words {
    pub fn new(now: Instant) -> Self {
        Self {
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            unsaid: VecDeque::new(),
            lines: Arc::default(),
            serial: 0,
            own: BTreeMap::new(),
            reactions: VecDeque::new(),
            reacted: 0,
            hands: BTreeMap::new(),
            host: false,
            may_say: Bucket::new(now, OWN_LINES.0, OWN_LINES.1),
            may_react: Bucket::new(now, OWN_REACTIONS.0, OWN_REACTIONS.1),
            may_raise: Bucket::new(now, OWN_HANDS.0, OWN_HANDS.1),
        }
    }

    /// Takes in a line of ours; false where too many wait to be said.
    pub fn queue(&mut self, text: String) -> bool {
        let room = self.unsaid.len() < UNSAID;
        if room {
            self.unsaid.push_back(text);
        }
        room
    }

    /// The next line of ours that may be said now.
    pub fn next_line(&mut self, now: Instant) -> Option<String> {
        if self.unsaid.is_empty() || !self.may_say.take(now) {
            return None;
        }
        self.unsaid.pop_front()
    }

    /// Whether one more reaction of ours is not too much.
    pub fn may_react(&mut self, now: Instant) -> bool {
        self.may_react.take(now)
    }

    /// The same of a change of our hand.
    pub fn may_raise(&mut self, now: Instant) -> bool {
        self.may_raise.take(now)
    }

    /// A line: of somebody else, or of ours with its number while it is on its way.
    pub fn add(&mut self, line: Line, number: Option<u64>) {
        self.serial += 1;
        let lines = Arc::make_mut(&mut self.lines);
        if lines.len() >= LINES {
            lines.remove(0);
        }
        lines.push(Line { serial: self.serial, ..line }.into());
        self.own.extend(number.map(|number| (number, self.serial)));
    }

    /// Nobody is waited for any more: says so beside the line.
    pub fn settled(&mut self, settled: Settled) -> bool {
        let Some(serial) = self.own.remove(&settled.number) else { return false };
        let delivery = if settled.missed == 0 { Delivery::Done } else { Delivery::Missed(settled.missed) };
        let lines = Arc::make_mut(&mut self.lines);
        if let Some(line) = lines.iter_mut().rfind(|line| line.serial == serial) {
            Arc::make_mut(line).delivery = delivery;
        }
        true
    }

    pub fn lines(&self) -> &Arc<Vec<Arc<Line>>> {
        &self.lines
    }

    /// Somebody reacts; of many the oldest give way.
    pub fn react(&mut self, from: ParticipantId, what: Reaction, at: Instant) {
        self.reacted += 1;
        let of_same = |it: &Reacted| it.from == from;
        if self.reactions.iter().filter(|it| of_same(it)).count() >= REACTIONS.1
            && let Some(oldest) = self.reactions.iter().position(of_same)
        {
            self.reactions.remove(oldest);
        }
        if self.reactions.len() >= REACTIONS.0 {
            self.reactions.pop_front();
        }
        self.reactions.push_back(Reacted { serial: self.reacted, from, what, at });
    }

    /// The reactions that are shown now.
    pub fn reactions(&mut self, now: Instant) -> Vec<Reacted> {
        self.reactions.retain(|it| now.saturating_duration_since(it.at) < REACTION);
        self.reactions.iter().copied().collect()
    }

    /// A hand as its owner shows it; gives whether it is up, where that is news.
    pub fn hand(&mut self, who: ParticipantId, hand: u32) -> Option<bool> {
        let before = match hand {
            0 => self.hands.remove(&who),
            hand => self.hands.insert(who, hand),
        };
        (before.is_some() != (hand > 0)).then_some(hand > 0)
    }

    /// What a hand that is raised now is shown as: behind all that are up.
    pub fn next_hand(&self) -> u32 {
        self.hands.values().copied().max().unwrap_or(0).saturating_add(1)
    }

    /// Whose hand is up, in the order in which they raised it. Two at the same moment have an order too, the same everywhere.
    pub fn hands(&self) -> Vec<ParticipantId> {
        let mut up: Vec<_> = self.hands.iter().map(|(who, hand)| (*hand, *who)).collect();
        up.sort_unstable();
        up.into_iter().map(|(_, who)| who).collect()
    }

    /// A participant left; gives the words of ours for which nobody is waited any more.
    pub fn left(&mut self, who: ParticipantId) -> Vec<Settled> {
        self.inbox.left(who);
        self.hands.remove(&who);
        self.outbox.left(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: ParticipantId = ParticipantId(1);
    const BEN: ParticipantId = ParticipantId(2);
    const CHLOE: ParticipantId = ParticipantId(3);

    fn line(from: ParticipantId, text: &str) -> Line {
        let delivery = if from == ME { Delivery::Sending } else { Delivery::Done };
        let at = std::time::SystemTime::UNIX_EPOCH;
        Line { serial: 0, from, name: "x".into(), me: from == ME, text: text.into(), at, delivery }
    }

    #[test]
    fn the_newest_lines_are_kept_and_their_serials_go_on() {
        let mut words = Words::new(crate::clock::now());
        (0..LINES + 20).for_each(|n| words.add(line(BEN, &n.to_string()), None));
        let (first, last) = (&words.lines()[0], &words.lines()[LINES - 1]);
        assert_eq!((words.lines().len(), first.serial, last.serial), (LINES, 21, LINES as u64 + 20));
        assert_eq!((first.text.as_str(), last.text.as_str()), ("20", "519"));
    }

    #[test]
    fn a_line_of_ours_says_how_far_it_is_also_when_it_was_drawn_meanwhile() {
        let mut words = Words::new(crate::clock::now());
        words.add(line(ME, "one"), Some(7));
        words.add(line(ME, "two"), Some(8));
        let drawn = words.lines().clone();
        assert!(words.settled(Settled { number: 7, missed: 0 }));
        assert!(words.settled(Settled { number: 8, missed: 2 }));
        assert!(!words.settled(Settled { number: 8, missed: 0 }), "it is told once");
        let states: Vec<_> = words.lines().iter().map(|line| line.delivery).collect();
        assert_eq!(states, [Delivery::Done, Delivery::Missed(2)]);
        assert!(drawn.iter().all(|line| line.delivery == Delivery::Sending));
    }

    #[test]
    fn what_is_pasted_is_said_no_faster_than_relays_take_it_and_in_order() {
        let start = crate::clock::now();
        let mut words = Words::new(start);
        let taken = (0..50).filter(|n| words.queue(n.to_string())).count();
        assert_eq!(taken, UNSAID);
        let mut said = Vec::new();
        for tenth in 0..120 {
            let now = start + Duration::from_millis(100 * tenth);
            said.extend(std::iter::from_fn(|| words.next_line(now)));
            assert!(said.len() as u64 <= 10 + tenth / 5, "{} after {tenth}", said.len());
        }
        assert_eq!(said, (0..UNSAID).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn reactions_pass_and_nobody_fills_the_screen() {
        let start = crate::clock::now();
        let mut words = Words::new(start);
        words.react(CHLOE, Reaction::Heart, start);
        (0..10).for_each(|_| words.react(BEN, Reaction::Clap, start + Duration::from_secs(1)));
        let shown = words.reactions(start + Duration::from_secs(2));
        assert_eq!(shown.len(), 1 + REACTIONS.1);
        assert_eq!(words.reactions(start + Duration::from_secs(3)).len(), REACTIONS.1);
        assert!(words.reactions(start + Duration::from_secs(4)).is_empty());
        (0..200).for_each(|n| words.react(ParticipantId(n), Reaction::Party, start));
        assert_eq!(words.reactions(start).len(), REACTIONS.0);
    }

    #[test]
    fn hands_stand_in_the_order_in_which_they_were_raised_wherever_one_looks() {
        let (mut here, mut there) = (Words::new(crate::clock::now()), Words::new(crate::clock::now()));
        assert_eq!(here.hand(BEN, here.next_hand()), Some(true));
        assert_eq!(here.hand(BEN, 1), None);
        assert_eq!(here.hand(ME, here.next_hand()), Some(true));
        assert_eq!(here.hand(CHLOE, 2), Some(true), "at the same moment as ourselves");
        // Somebody who comes later hears it in another order.
        for (who, hand) in [(CHLOE, 2), (ME, 2), (BEN, 1)] {
            there.hand(who, hand);
        }
        assert_eq!(here.hands(), [BEN, ME, CHLOE]);
        assert_eq!(there.hands(), here.hands());
        assert_eq!((here.hand(BEN, 0), here.hand(BEN, 0)), (Some(false), None));
        assert_eq!(here.next_hand(), 3);
        here.left(ME);
        assert_eq!(here.hands(), [CHLOE]);
        here.hand(BEN, u32::MAX);
        assert_eq!(here.next_hand(), u32::MAX, "nobody is pushed out of the order by a wrong figure");
    }
}
