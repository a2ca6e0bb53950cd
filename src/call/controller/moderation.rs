//! What hosts order: ours on its way to the relay, and what others decided about us.

use super::super::command::Moderation;
use super::super::event::Event;
use super::Controller;
use crate::proto::control::client_message;
use crate::proto::moderation::{Action, Moderate, Moderated, ModerationAnswer, Ruling, RulingKind};
use crate::proto::{ParticipantId, Track};

impl Controller {
    /// Asks the relay, which answers whether we may.
    pub(super) fn moderate(&mut self, order: Moderation) {
        if self.active.is_none() {
            let message = "hosts are heard while the call runs: there is no link now".into();
            return self.tell(Event::Error { message });
        }
        let order = match order {
            Moderation::Mute { peer, track, firm } => Moderate { firm, ..about(Action::Mute, peer, track) },
            Moderation::MuteEveryone => return self.mute_everyone(),
            Moderation::Unmute { peer, track } => about(Action::Unmute, peer, track),
            Moderation::Remove { peer } => about(Action::Remove, peer, Track::Microphone),
            Moderation::Readmit { user } => Moderate { user, ..action(Action::Readmit) },
            Moderation::Lock => action(Action::Lock),
            Moderation::Unlock => action(Action::Unlock),
        };
        self.say(client_message::Body::Moderate(order));
    }

    fn mute_everyone(&mut self) {
        let speaks = |peer: &ParticipantId| self.subscriber.profile(*peer).is_none_or(|profile| !profile.muted);
        for peer in self.roster.order().filter(speaks) {
            self.say(client_message::Body::Moderate(about(Action::Mute, peer, Track::Microphone)));
        }
    }

    pub(super) fn moderation_answered(&mut self, answer: ModerationAnswer) {
        if !answer.done {
            self.tell(Event::Error { message: answer.message });
        }
    }

    /// What is in force now. A mute of ours is carried out at once; one that is lifted turns nothing on.
    pub(super) fn moderated(&mut self, told: Moderated, active: bool) {
        for ruling in self.house.take(told, active) {
            let me = self.participant.0 == ruling.participant;
            if me && ruling.on && ruling.kind() == RulingKind::Mute {
                match ruling.track {
                    track if track == Track::Microphone as u32 => self.set_muted(true),
                    track if track == Track::Camera as u32 => self.switch_camera(false),
                    track if track == Track::Screen as u32 => self.set_share(None),
                    _ => {}
                }
            }
            self.tell_ruling(&ruling, me);
        }
    }

    /// Whether we may send this now. Where a host muted us and we may lift it, the relay is told that we do.
    pub(super) fn may_send(&mut self, track: Track) -> bool {
        let refusal = match self.house.mute(self.participant, track) {
            None => return true,
            Some(true) => "a host muted you, and only a host can lift it",
            Some(false) if self.active.is_none() => "a host muted you: you can lift it once the call is back",
            Some(false) => {
                self.say(client_message::Body::Moderate(about(Action::Unmute, self.participant, track)));
                return true;
            }
        };
        self.tell(Event::Error { message: refusal.into() });
        false
    }

    /// The call goes on by another link: what we lifted by one that died may have reached nobody.
    pub(super) fn lift_again(&mut self) {
        for (track, sends) in
            [(Track::Microphone, !self.muted), (Track::Camera, !self.camera_off), (Track::Screen, self.share.is_some())]
        {
            if sends && self.house.mute(self.participant, track) == Some(false) {
                self.say(client_message::Body::Moderate(about(Action::Unmute, self.participant, track)));
            }
        }
    }

    fn tell_ruling(&self, ruling: &Ruling, me: bool) {
        let kind = match ruling.kind() {
            RulingKind::Mute => "mute",
            RulingKind::Removal => "removal",
            RulingKind::Lock => "lock",
            RulingKind::Unspecified => return,
        };
        let about = Some(ParticipantId(ruling.participant)).filter(|peer| peer.0 != 0);
        let by = ParticipantId(ruling.by);
        let track = u8::try_from(ruling.track).ok().and_then(|track| Track::try_from(track).ok());
        self.tell(Event::Moderated {
            kind,
            on: ruling.on,
            peer: about.map(|peer| peer.to_string()),
            name: about.and_then(|peer| self.name_of(peer)),
            me,
            track: track.filter(|_| kind == "mute").map(Track::name),
            firm: ruling.firm,
            by: by.to_string(),
            by_name: self.name_of(by),
        });
    }

    pub(super) fn name_of(&self, peer: ParticipantId) -> Option<String> {
        if peer != self.participant {
            return self.subscriber.name(peer);
        }
        self.membership.as_ref().map(|membership| membership.name().to_owned())
    }
}

fn action(action: Action) -> Moderate {
    Moderate { action: action as i32, ..Moderate::default() }
}

fn about(what: Action, peer: ParticipantId, track: Track) -> Moderate {
    Moderate { participant: peer.0, track: track as u32, ..action(what) }
}
