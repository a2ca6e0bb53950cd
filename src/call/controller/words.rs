//! Chat, reactions and raised hands: what we say on its way to the others, and what they say.

use std::collections::BTreeSet;
use std::time::Instant;

use super::super::conversation::{Conversation, Delivery, Line};
use super::super::event::Event;
use super::super::words::Settled;
use super::Controller;
use crate::clock;
use crate::proto::control::{Sealed, client_message};
use crate::proto::words::{self, Heard, Reaction, Words, said::Body};
use crate::proto::{ParticipantId, limits, reach, timing};

impl Controller {
    /// Says a line to everybody who is there. What is said while the call has no link goes out when it has one again.
    pub(super) fn chat(&mut self, text: &str) {
        let now = clock::now();
        let text = words::clean(text);
        if text.is_empty() {
            return;
        }
        let refusal = if self.entered.is_none() {
            Some("chat begins in the call: join first")
        } else if text.len() > limits::TEXT_BYTES {
            Some("that is too long for one line of chat: say it in parts")
        } else if !self.words.queue(text) {
            Some("that was a lot of chat in a short time: wait a moment and say it again")
        } else {
            None
        };
        match refusal {
            Some(message) => self.tell(Event::Error { message: message.into() }),
            None => self.say_lines(now),
        }
    }

    /// Says what waits, no faster than relays take it.
    fn say_lines(&mut self, now: Instant) {
        while let Some(text) = self.words.next_line(now) {
            let hearers = self.hearers();
            let delivery = if hearers.is_empty() { Delivery::Done } else { Delivery::Sending };
            let name = self.membership.as_ref().map(|membership| membership.name().to_owned()).unwrap_or_default();
            let number = self.say_words(now, Body::Text(text.clone()), hearers);
            let (from, at) = (self.participant, clock::wall());
            let line = Line { serial: 0, from, name, me: true, text, at, delivery };
            self.words.add(line, (delivery == Delivery::Sending).then_some(number));
        }
    }

    /// Shows a reaction to everybody. One that is lost is lost.
    pub(super) fn react(&mut self, reaction: Reaction) {
        let now = clock::now();
        if self.active.is_none() || self.entered.is_none() || !self.words.may_react(now) {
            return;
        }
        let bytes = Words { number: 0, body: Some(Body::React(reaction as i32)) }.encode_sealed();
        self.say_sealed(None, &bytes);
        self.words.react(self.participant, reaction, now);
    }

    /// Raises our hand, or lowers it: part of what the others see of us, so that it outlives every link.
    pub(super) fn raise_hand(&mut self, up: bool) {
        let is_up = self.words.hands().contains(&self.participant);
        if up == is_up || self.entered.is_none() || (up && !self.words.may_raise(clock::now())) {
            return;
        }
        let hand = if up { self.words.next_hand() } else { 0 };
        let Some(membership) = &mut self.membership else { return };
        if let Err(error) = membership.raise(hand) {
            return self.tell(Event::Error { message: error.to_string() });
        }
        self.sessions.values().for_each(|session| session.say_again(&membership.identity));
        self.hand_shown(self.participant, hand);
    }

    /// Asks one, or everybody, to lower the hand. They do where we are host.
    pub(super) fn lower_hands(&mut self, whose: Option<ParticipantId>) {
        if whose.is_none_or(|whose| whose == self.participant) {
            self.raise_hand(false);
        }
        let others = self.words.hands().iter().any(|up| *up != self.participant && whose.is_none_or(|it| it == *up));
        if !others {
            return;
        }
        if !self.words.host {
            return self.tell(Event::Error { message: "only a host can lower the hands of others".into() });
        }
        let (hearers, whose) = (self.hearers(), whose.map_or(0, |whose| whose.0));
        self.say_words(clock::now(), Body::LowerHand(whose), hearers);
    }

    /// What a member shows of itself came anew: its hand may be up.
    pub(super) fn look_at_hand(&mut self, peer: ParticipantId) {
        let hand = self.subscriber.profile(peer).map_or(0, |profile| profile.hand);
        self.hand_shown(peer, hand);
    }

    fn hand_shown(&mut self, who: ParticipantId, hand: u32) {
        if let Some(up) = self.words.hand(who, hand) {
            let place = self.words.hands().iter().position(|it| *it == who).map(|index| index + 1);
            let (name, me) = (self.name_of(who), who == self.participant);
            self.tell(Event::Hand { peer: who.to_string(), name, me, up, place });
        }
    }

    /// Something sealed came: times, ways, or words.
    pub(super) fn sealed(&mut self, sealed: &Sealed) {
        let from = ParticipantId(sealed.participant);
        let Some(said) = self.subscriber.control(from, &sealed.payload) else { return };
        let now = clock::now();
        match said.payload.split_first() {
            // A later one was read: this one would turn the clock back.
            Some((&timing::TIMING | &reach::REACH, _)) if said.late => {}
            Some((&timing::TIMING, rest)) => self.timing_came(now, from, rest),
            Some((&reach::REACH, rest)) => self.reach_came(from, rest),
            Some((&words::WORDS, rest)) => self.words_came(now, from, rest),
            _ => {}
        }
    }

    /// A peer's words, opened.
    fn words_came(&mut self, now: Instant, from: ParticipantId, bytes: &[u8]) {
        let words = match Words::decode_sealed(bytes) {
            Ok(words) => words,
            Err(error) => return tracing::debug!(%from, %error, "unreadable words"),
        };
        if !self.words.inbox.take(from, words.number) {
            return;
        }
        match words.body {
            Some(Body::Text(text)) => self.line_came(from, &text),
            Some(Body::React(what)) => {
                if let Some(what) = Reaction::try_from(what).ok().filter(|what| *what != Reaction::Unspecified) {
                    self.words.react(from, what, now);
                    let (peer, name) = (from.to_string(), self.name_of(from));
                    self.tell(Event::Reaction { peer, name, reaction: what.name() });
                }
            }
            Some(Body::LowerHand(whose)) if whose == 0 || whose == self.participant.0 => {
                if self.roster.is_host(from) {
                    self.raise_hand(false);
                }
            }
            Some(Body::Heard(heard)) => {
                let settled = self.words.outbox.heard(from, &heard.numbers);
                self.settle_words(settled);
            }
            // What a later version says.
            Some(Body::LowerHand(_)) | None => {}
        }
    }

    fn line_came(&mut self, from: ParticipantId, text: &str) {
        let text = words::clean(text);
        if text.is_empty() {
            return;
        }
        let (name, at) = (self.name_of(from), clock::wall());
        let (peer, shown) = (from.to_string(), name.clone().unwrap_or_default());
        self.tell(Event::Chat { peer, name, text: text.clone() });
        let line = Line { serial: 0, from, name: shown, me: false, text, at, delivery: Delivery::Done };
        self.words.add(line, None);
    }

    /// Ten times a second: what was heard is said to be, and what was not heard is said again.
    pub(super) fn keep_words(&mut self, now: Instant) {
        self.say_lines(now);
        let given_up = self.words.outbox.expire(now);
        self.settle_words(given_up);
        if self.active.is_none() || self.entered.is_none() {
            return;
        }
        for (peer, numbers) in self.words.inbox.owed() {
            let bytes = Words { number: 0, body: Some(Body::Heard(Heard { numbers })) }.encode_sealed();
            self.say_sealed(Some(peer), &bytes);
        }
        let everybody = self.hearers();
        for again in self.words.outbox.due(now, &everybody) {
            self.say_sealed(again.to, &again.bytes);
        }
    }

    pub(super) fn words_of_who_left(&mut self, peer: ParticipantId) {
        let settled = self.words.left(peer);
        self.settle_words(settled);
    }

    /// What is said and shown, for the snapshot.
    pub(super) fn conversation(&mut self, now: Instant) -> Conversation {
        Conversation {
            lines: self.words.lines().clone(),
            reactions: self.words.reactions(now),
            hands: self.words.hands(),
            host: self.words.host,
            hosts: self.roster.order().filter(|id| self.roster.is_host(*id)).collect(),
            locked: self.house.is_locked(),
            muted: self.house.mutes(),
        }
    }

    /// Who can read what we say now.
    fn hearers(&self) -> BTreeSet<ParticipantId> {
        let readable = |id: &ParticipantId| *id != self.participant && self.subscriber.profile(*id).is_some();
        self.roster.order().filter(readable).collect()
    }

    fn say_words(&mut self, now: Instant, body: Body, hearers: BTreeSet<ParticipantId>) -> u64 {
        let said = self.words.outbox.say(now, body, hearers);
        if let Some(bytes) = said.now {
            self.say_sealed(None, &bytes);
        }
        self.settle_words(said.given_up);
        said.number
    }

    fn settle_words(&mut self, settled: impl IntoIterator<Item = Settled>) {
        for settled in settled {
            if self.words.settled(settled) {
                self.tell(Event::ChatDelivered { number: settled.number, missed: settled.missed });
            }
        }
    }

    /// Seals it for all, to one or (`None`) everybody. Where there is no link now it is not sent.
    pub(super) fn say_sealed(&self, to: Option<ParticipantId>, bytes: &[u8]) {
        let Some(membership) = &self.membership else { return };
        match membership.sealer.seal_control(bytes) {
            Ok(payload) => {
                let participant = to.map_or(0, |to| to.0);
                self.say(client_message::Body::Sealed(Sealed { participant, payload: payload.into() }));
            }
            Err(error) => tracing::warn!(%error, "cannot seal"),
        }
    }
}
