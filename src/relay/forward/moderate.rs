//! The half of a room that carries out what hosts decide, here and at other relays.

use std::time::Instant;

use super::{Attached, Room, State, encode, send};
use crate::clock;
use crate::net::LinkSender;
use crate::proto::control::{Member, server_message};
use crate::proto::moderation::{Moderate, Moderated, ModerationAnswer, Ruling, RulingKind};
use crate::proto::{ParticipantId, Track};
use crate::relay::bus::message::{Facts, room_message};
use crate::relay::moderation::{Denied, Order};
use crate::relay::registry::JoinError;
use crate::relay::router::{SessionId, StreamId};

impl Room {
    /// A session gives an order; it is answered, whether it may or not. `open`: this relay asks for no tokens.
    pub fn moderate(&self, now: Instant, session: SessionId, order: &Moderate, open: bool) {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(attached) = state.sessions.get(&session) else { return };
        let Some(by) = state.registry.member(attached.participant) else { return };
        let members: Vec<&Member> = state.registry.members().collect();
        let order = Order { order, by, open, origin: self.instance, now_ms: clock::unix_ms() };
        let done = state.moderation.order(order, &members);
        let message = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let answer = ModerationAnswer { sequence: order.order.sequence, done: done.is_ok(), message };
        send(&attached.sender, server_message::Body::ModerationAnswer(answer));
        match done {
            Ok(facts) if !facts.is_empty() => self.tell(room_message::Body::Facts(Facts { facts, asks: false })),
            Ok(_) => {}
            Err(error) => tracing::debug!(session = session.0, %error, "an order was not carried out"),
        }
        self.carry_out(now, state);
    }

    /// What another relay knows.
    pub(super) fn facts_from(&self, state: &mut State, told: Facts) {
        let registry = &state.registry;
        state.moderation.merge(told.facts, |participant| registry.member(participant).is_some());
        if told.asks {
            self.tell_facts(state);
        }
    }

    pub(super) fn tell_facts(&self, state: &State) {
        let facts = state.moderation.facts();
        if !facts.is_empty() {
            self.tell(room_message::Body::Facts(Facts { facts, asks: false }));
        }
    }

    pub(super) fn ask_for_facts(&self) {
        self.tell(room_message::Body::Facts(Facts { facts: Vec::new(), asks: true }));
    }

    /// To one who joins.
    pub(super) fn tell_in_force(&self, state: &State, to: &LinkSender) {
        if let Some(rulings) = state.moderation.in_force() {
            send(to, server_message::Body::Moderated(Moderated { rulings, all: true }));
        }
    }

    /// A new participant of a user that was muted for good is muted as well.
    pub(super) fn apply_firm_mutes(&self, state: &mut State, participant: ParticipantId) {
        let Some(member) = state.registry.member(participant) else { return };
        let facts = state.moderation.entered(member, self.instance, clock::unix_ms());
        if !facts.is_empty() {
            self.tell(room_message::Body::Facts(Facts { facts, asks: false }));
        }
    }

    /// The user of one who was muted for good may be here under other numbers, or came before this relay knew of it.
    fn mute_all_of_the_user(&self, state: &mut State) {
        let here = state.registry.held_here().into_iter().map(|member| ParticipantId(member.participant));
        here.for_each(|participant| self.apply_firm_mutes(state, participant));
    }

    /// Carries out what was decided since the last time.
    pub(super) fn enforce(&self, now: Instant, state: &mut State) {
        while let Some(ruling) = state.moderation.poll_ruling() {
            let (kind, on) = (ruling.kind(), ruling.on);
            let told = Moderated { rulings: vec![ruling.clone()], all: false };
            let message = encode(server_message::Body::Moderated(told));
            state.sessions.values().for_each(|attached| drop(attached.sender.control(message.clone())));
            match kind {
                RulingKind::Removal if on => self.remove_members(now, state),
                // Of those who may come back, others may have told before we knew that they may.
                RulingKind::Removal => state.registry.doubt(),
                RulingKind::Lock if on => self.shut_out_who_slipped_in(now, state),
                RulingKind::Mute => {
                    mute(now, state, &ruling);
                    if on && ruling.firm {
                        self.mute_all_of_the_user(state);
                    }
                }
                RulingKind::Lock | RulingKind::Unspecified => {}
            }
        }
    }

    /// Ends a session for a reason, which its client is told.
    pub(super) fn dismiss(&self, state: &mut State, session: SessionId, why: JoinError) {
        let Some(Attached { dismiss, .. }) = state.sessions.remove(&session) else { return };
        state.router.unsubscribe(session);
        state.sources.retain(|_, (source, _)| *source != session);
        // A session that was told before ends for that reason.
        let _ = dismiss.try_send(why);
    }

    fn remove_members(&self, now: Instant, state: &mut State) {
        let removed = state.registry.members().filter(|member| state.moderation.is_removed(member));
        let removed: Vec<_> = removed.map(|member| ParticipantId(member.participant)).collect();
        self.expel(now, state, removed, Denied::Removed);
    }

    /// Whoever came in here before this relay heard that the room was locked.
    fn shut_out_who_slipped_in(&self, now: Instant, state: &mut State) {
        let here = state.registry.held_here();
        let newcomers = here.iter().filter(|member| state.moderation.slipped_in(member));
        let newcomers: Vec<_> = newcomers.map(|member| ParticipantId(member.participant)).collect();
        self.expel(now, state, newcomers, Denied::Locked);
    }

    fn expel(&self, now: Instant, state: &mut State, participants: Vec<ParticipantId>, why: Denied) {
        for participant in participants {
            for session in state.registry.sessions(participant).collect::<Vec<_>>() {
                self.dismiss(state, session, why.into());
            }
            state.registry.leave(now, participant);
        }
    }
}

/// A muted picture is forgotten, so that nobody who comes gets what was kept of it; one that may go on needs a key frame.
fn mute(now: Instant, state: &mut State, ruling: &Ruling) {
    let Some(track) = u8::try_from(ruling.track).ok().and_then(|track| Track::try_from(track).ok()) else { return };
    let participant = ParticipantId(ruling.participant);
    if track.is_audio() {
        return;
    }
    for spatial in 0..=crate::proto::Layer::MAX_SPATIAL {
        let stream = StreamId { participant, track, spatial };
        match ruling.on {
            true => state.router.forget(stream),
            false => state.router.key_frame_wanted(now, stream),
        }
    }
}
