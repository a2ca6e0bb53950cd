//! Takes in what happens: on links, at devices, on the clock, at the user's hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::super::arrivals::Record;
use super::super::event::Event;
use super::super::hops::Changed;
use super::super::manifest;
use super::super::redundancy::Heard;
use super::super::roster::Change;
use super::super::session::Session;
use super::super::state::{DeviceState, Relays};
use super::super::subscribe::kind;
use super::{Controller, REPORT, SLEPT};
use crate::clock;
use crate::election::{Candidate, Input, LinkId};
use crate::media;
use crate::net::{Incoming, Link, LinkError};
use crate::proto::ParticipantId;
use crate::proto::control::{
    self, KeyFrameRequest, ReceiverReport, RefusalCode, ServerMessage, client_message, server_message::Body,
};
use crate::proto::probe::ProbeReply;
use crate::proto::{Track, limits};

impl Controller {
    /// A dial ended.
    pub(super) fn dialled(&mut self, dialled: Result<(LinkId, Result<Link, LinkError>), tokio::task::JoinError>) {
        let Ok((id, result)) = dialled else { return };
        match result {
            Err(error) => self.feed(Input::DialFailed { link: id, error: error.to_string() }),
            // Hung up on, or of another race, while it was being dialled.
            Ok(Link { sender, .. }) if self.elector.candidate_of(id).is_none() => {
                tokio::spawn(async move { sender.close_gracefully("not needed").await });
            }
            Ok(Link { sender, incoming, hop }) => {
                if let Some(candidate) = self.elector.link_candidate_id(id) {
                    self.hops.connected(candidate, hop, &self.elector);
                }
                self.sessions.insert(id, Session::new(sender));
                forward(id, incoming, self.links.clone());
                self.feed(Input::Connected { link: id });
            }
        }
    }

    /// Something arrived on a link. What a link says after it was let go of concerns nobody.
    pub(super) fn incoming(&mut self, link: LinkId, event: Incoming) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match event {
            Incoming::ProbeReply { reply, at } => {
                let spent = Duration::from_micros(reply.spent_us.into());
                if let Some((sent, rtt)) = session.answered(at, reply.id, spent) {
                    self.uplink.answered(link, sent, at, (reply.at_us, reply.spent_us));
                    if super::rate::is_ours(reply.id) {
                        return;
                    }
                    let (id, state, instance) = (reply.id, reply.state, reply.instance);
                    self.answered_by(link, &reply);
                    self.feed(Input::ProbeReply { link, id, rtt, state, instance });
                    self.check_delivery(clock::now());
                }
            }
            Incoming::Audio { body, at } => {
                self.elector.handle_input(clock::now(), Input::Heard { link });
                let speaker = self.subscriber.audio(&body, at);
                self.arrived(link, speaker, Track::Microphone, at);
            }
            Incoming::Video { frame, at } => {
                self.elector.handle_input(clock::now(), Input::Heard { link });
                let track = frame.header.track;
                let sender = self.subscriber.video(frame, at);
                self.arrived(link, sender, track, at);
            }
            Incoming::Control(message) => {
                self.elector.handle_input(clock::now(), Input::Heard { link });
                match control::decode::<ServerMessage>(&message) {
                    Ok(message) => self.message(link, message),
                    Err(error) => tracing::warn!(%link, %error, "unreadable control message"),
                }
            }
            // Around a move the subgroup may go on by another link.
            Incoming::SubgroupReset { head } => {
                if self.carries_alone(link) {
                    self.subscriber.receiver().gave_up(&head);
                }
            }
            Incoming::Probed => {}
            // What we could not send, we make anew; above the base layer it goes on by itself.
            Incoming::Late { head } if head.layer.temporal > 0 => {}
            Incoming::Late { head } => self.force_key(head.track, Some(head.layer.spatial)),
            Incoming::Closed { reason } => {
                self.sessions.remove(&link);
                self.uplink.closed(link);
                self.roster.forget(link);
                if self.active == Some(link) {
                    self.doubt_since.get_or_insert(clock::now());
                }
                self.feed(Input::Closed { link, error: reason });
            }
        }
    }

    /// Notes who answers, and tells where it is somebody else than before.
    fn answered_by(&mut self, link: LinkId, reply: &ProbeReply) {
        let Some(id) = self.elector.link_candidate_id(link) else { return };
        let Some(Changed { was, now }) = self.hops.answered(id, reply) else { return };
        let Some(Candidate { relay, region, transport, .. }) = self.elector.candidate(id).cloned() else { return };
        tracing::info!(relay, was, now, "another relay answers at this address");
        self.tell(Event::Answerer { relay, region, transport, answered_by: now, was });
    }

    /// Pictures arrive by this link and no other.
    fn carries_alone(&self, link: LinkId) -> bool {
        self.active == Some(link) && self.moving.is_none() && self.releases.is_empty()
    }

    fn arrived(&mut self, link: LinkId, peer: Option<ParticipantId>, track: Track, at: Instant) {
        if let (Some(peer), Some(session)) = (peer, self.sessions.get_mut(&link)) {
            session.arrived(peer, track, at);
        }
        if self.moving.is_some() {
            self.check_delivery(at);
        }
    }

    /// Tells the election once the link that is moved to carries all that the old one does.
    fn check_delivery(&mut self, now: Instant) {
        let Some(moving) = self.moving.as_mut().filter(|moving| !moving.delivered) else { return };
        let Some(old) = moving.from.and_then(|from| self.sessions.get(&from)) else { return };
        if self.sessions.get(&moving.to).is_some_and(|new| new.delivers_what(old, moving.since, now)) {
            moving.delivered = true;
            let link = moving.to;
            self.feed(Input::Delivered { link });
        }
    }

    fn message(&mut self, link: LinkId, message: ServerMessage) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        let active = self.active == Some(link)
            || self.moving.as_ref().is_some_and(|moving| moving.to == link && self.active.is_none());
        match message.body {
            Some(Body::Welcome(welcome)) => {
                session.welcomed();
                self.words.host = welcome.host;
                if let Some(membership) = self.membership.as_mut().filter(|_| !welcome.ticket.is_empty()) {
                    membership.identity.ticket = welcome.ticket;
                }
            }
            Some(Body::Joined(joined)) => {
                session.joined();
                let changes = self.roster.joined(link, active, joined.members);
                self.roster_changed(changes);
            }
            Some(Body::Subscribed(subscribed)) => {
                session.confirmed(subscribed.sequence);
                if session.is_admitted() {
                    self.feed(Input::Admitted { link });
                    self.check_delivery(clock::now());
                }
            }
            Some(Body::Refused(refused)) if refused.removed => {
                self.removed = true;
                self.tell(Event::Removed { message: refused.message });
            }
            Some(Body::Refused(refused)) => {
                if !matches!(refused.code(), RefusalCode::Full | RefusalCode::Draining) {
                    let relay = self.places.get(&link).map(|place| place.relay.clone()).unwrap_or_default();
                    self.tell(Event::Refused { relay, message: refused.message.clone() });
                }
                self.feed(Input::Refused { link, error: refused.message });
            }
            Some(Body::MemberChanged(changed)) => {
                let changes = changed.member.and_then(|member| self.roster.changed(link, active, member));
                self.roster_changed(changes);
            }
            Some(Body::KeyFrameWanted(wanted)) => {
                let track = u8::try_from(wanted.track).ok().and_then(|track| Track::try_from(track).ok());
                if let Some(track) = track {
                    self.force_key(track, u8::try_from(wanted.spatial).ok());
                }
            }
            Some(Body::Demand(demand)) => {
                session.demanded(&demand);
                self.heed_demand();
            }
            Some(Body::Sealed(sealed)) => self.sealed(&sealed),
            Some(Body::Drain(drain)) => {
                let deadline = Duration::from_millis(drain.deadline_ms.into());
                let spread = Duration::from_millis(drain.spread_ms.into());
                self.feed(Input::Drain { link, deadline, spread });
            }
            Some(Body::Notice(notice)) => self.tell(Event::Error { message: notice.message }),
            Some(Body::ReceiverReport(report)) => self.reported(&report),
            Some(Body::Moderated(told)) => self.moderated(told, active),
            Some(Body::ModerationAnswer(answer)) => self.moderation_answered(answer),
            None => {}
        }
    }

    fn roster_changed(&mut self, changes: impl IntoIterator<Item = Change>) {
        let (mut changed, mut joined) = (false, false);
        for change in changes {
            changed = true;
            joined |= matches!(&change, Change::Joined(_));
            match change {
                Change::Joined(member) | Change::Updated(member) if self.is_me(member.participant) => {
                    tracing::debug!("a relay lists ourselves");
                }
                Change::Joined(member) => {
                    let name = self.subscriber.add(&member);
                    self.subscriber.rest(ParticipantId(member.participant));
                    self.delays.joined();
                    self.reaches.changed();
                    let readable = name.is_some();
                    let peer = ParticipantId(member.participant).to_string();
                    self.tell(Event::PeerJoined { peer, name, readable });
                    self.look_at_hand(ParticipantId(member.participant));
                }
                Change::Updated(member) | Change::Back(member) => {
                    self.subscriber.add(&member);
                    self.subscriber.rest(ParticipantId(member.participant));
                    self.look_at_hand(ParticipantId(member.participant));
                }
                Change::Reconnecting(peer) => {
                    let name = self.subscriber.name(peer);
                    self.tell(Event::PeerReconnecting { peer: peer.to_string(), name });
                }
                Change::Left(peer) => {
                    let name = self.subscriber.name(peer);
                    self.tell(Event::PeerLeft { peer: peer.to_string(), name });
                    self.gone.push(self.peer_summary(peer));
                    if self.gone.len() > limits::MEMBERS {
                        self.gone.remove(0);
                    }
                    self.words_of_who_left(peer);
                    self.redundancy.left(peer);
                    self.recent.left(peer);
                    self.subscriber.remove(peer);
                    self.delays.remove(peer);
                    self.reaches.remove(peer);
                }
            }
        }
        if changed {
            self.choose_codec();
        }
        if joined && self.views.names_each() {
            self.ask_again();
        }
    }

    fn is_me(&self, participant: u64) -> bool {
        self.participant.0 == participant
    }

    /// A receiver told how it hears or sees us.
    fn reported(&mut self, report: &ReceiverReport) {
        if report.track == Track::Microphone as u32 {
            let heard = Heard {
                loss_permille: report.loss_permille,
                concealed_permille: report.concealed_permille,
                longest_burst: report.longest_burst,
            };
            self.redundancy.reported(clock::now(), ParticipantId(report.participant), heard);
        }
    }

    /// As much redundancy in the voice as its receivers need.
    fn plan_redundancy(&mut self, now: Instant) {
        let plan = self.redundancy.plan(now);
        self.lossy = plan.is_some_and(|plan| plan.doubled);
        if let (Some(plan), Some(microphone)) = (plan, &self.microphone) {
            microphone.set_loss_percent(plan.loss_percent);
        }
    }

    pub(super) fn say(&self, body: client_message::Body) {
        if let Some(session) = self.active.and_then(|active| self.sessions.get(&active)) {
            session.say(body);
        }
    }

    pub(super) fn media_event(&mut self, event: media::Event) {
        match event {
            media::Event::KeyFrameNeeded { peer, track, spatial } => {
                self.subscriber.arrivals().push(|| Record::KeyFrameAsked { at: clock::now(), peer, track });
                let (participant, track, spatial) = (peer.0, track as u32, spatial.into());
                self.say(client_message::Body::KeyFrameRequest(KeyFrameRequest { participant, track, spatial }));
            }
            media::Event::FirstFrame { peer, track } => {
                let since_join_ms = self.since_join_ms(clock::now());
                self.tell(Event::FirstFrame { peer: peer.to_string(), kind: kind(track), since_join_ms });
            }
            // What a camera that was turned off had still to say.
            media::Event::Device { what: media::Device::Camera, .. }
            | media::Event::DeviceInUse { what: media::Device::Camera, .. }
                if self.camera_off => {}
            media::Event::Device { what, problem } => {
                self.troubled.insert(what);
                self.tell(Event::Device { device: device_name(what), state: problem.words(what) });
                self.devices.insert(what, DeviceState::Trouble(problem));
            }
            media::Event::DeviceInUse { what, name, instead_of } => {
                let state = format!("works: {name}");
                let now = DeviceState::InUse { name, instead_of };
                let before = self.devices.insert(what, now.clone()).filter(|before| *before != now);
                // The first one is what everybody expects.
                let other = matches!(before, Some(DeviceState::InUse { .. }));
                if self.troubled.remove(&what) || other {
                    self.tell(Event::Device { device: device_name(what), state });
                }
            }
            media::Event::Failed { .. } => self.tell(Event::Error { message: event.to_string() }),
            media::Event::Ended { .. } => tracing::info!("{event}"),
            media::Event::Sharing { number, name } => self.share_runs(number, name),
            media::Event::SharingEnded { number, trouble } => self.share_ended(number, trouble),
        }
    }

    pub(super) fn manifest_news(&mut self, reading: u64, news: manifest::News) {
        match news {
            _ if reading != self.reading => {}
            manifest::News::Partly(message) => self.tell(Event::Error { message }),
            manifest::News::Failed(error) => self.relays = Relays::Failed(error),
            manifest::News::Manifest(manifest) => {
                let candidates = manifest::candidates(&manifest);
                self.manifest = Arc::new(manifest);
                // The race begins with the first list of relays.
                match std::mem::replace(&mut self.relays, Relays::Known) {
                    Relays::Known => self.feed(Input::Manifest(candidates)),
                    _ => self.race_anew(candidates),
                }
            }
        }
    }

    /// Ten times a second: expectations, gaps, reports, releases, sleep.
    pub(super) fn tick(&mut self) {
        let now = clock::now();
        let period = self.subscriber.expected(now);
        if period != self.expected {
            self.expected = period;
            self.feed(Input::MediaExpected { period });
        }
        self.check_delivery(now);
        self.keep_time(now);
        self.keep_words(now);
        self.release(now);
        self.heed_demand();
        let changes = self.roster.tick(now, self.active);
        self.roster_changed(changes);
        let calm = self.moving.is_none() && self.doubt_since.is_none() && self.active.is_some();
        if !self.ledger.is_settling() && calm {
            // Gaps outside of moves are in the summary; they are not a move's.
            self.subscriber.take_longest_gaps_ms();
        }
        let subscriber = &mut self.subscriber;
        for moved in self.ledger.settle(now, false, || subscriber.take_longest_gaps_ms()) {
            self.journal.moved(&self.elector, &moved);
            let _ = self.events.send(Event::Moved(moved));
        }
        self.pace(now);
        self.report_election(now);
        if self.suspension.slept().is_some_and(|slept| slept >= SLEPT) {
            self.feed(Input::Suspended);
        }
        for command in self.wishes.expired(now) {
            self.elect(command, None);
        }
        if self.talk.expire(now) {
            self.set_muted(true);
        }
        let heard = self.microphone.as_ref().map(|own| (own.take_loudness(), own.speech().speaking));
        let (levels, speaks) = heard.unwrap_or_default();
        self.talk.listen(&levels, speaks, self.muted && self.entered.is_some());
        self.plan_redundancy(now);
        self.show(now);
        if now.saturating_duration_since(self.reported_at) >= REPORT {
            self.reported_at = now;
            self.report();
        }
    }

    /// Tells the relay how far relays are and what moves cost, and us why the history is not whole.
    fn report_election(&mut self, now: Instant) {
        if let Some(message) = self.journal.trouble() {
            self.tell(Event::Error { message });
        }
        if self.active.is_some()
            && self.entered.is_some()
            && let Some(report) = self.journal.report(now, &self.elector)
        {
            self.say(client_message::Body::ElectionReport(report));
        }
    }

    fn report(&mut self) {
        let now = clock::now();
        for report in self.subscriber.reports() {
            self.recent.add(now, report.peer, report.heard.loss_permille);
            self.say(client_message::Body::ReceiverReport(ReceiverReport {
                participant: report.peer.0,
                track: Track::Microphone as u32,
                loss_permille: report.heard.loss_permille,
                jitter_ms: report.jitter_ms,
                concealed_permille: report.heard.concealed_permille,
                longest_burst: report.heard.longest_burst,
            }));
        }
    }
}

/// Carries a link's events to the one queue of all links.
pub fn forward(id: LinkId, mut incoming: mpsc::Receiver<Incoming>, events: mpsc::Sender<(LinkId, Incoming)>) {
    tokio::spawn(async move {
        while let Some(event) = incoming.recv().await {
            if events.send((id, event)).await.is_err() {
                break;
            }
        }
    });
}

fn device_name(device: media::Device) -> &'static str {
    match device {
        media::Device::Microphone => "microphone",
        media::Device::Speaker => "speaker",
        media::Device::Camera => "camera",
    }
}
