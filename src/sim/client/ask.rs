//! Sessions on links, and moves between them: the counterpart of `call::controller::outputs`.

use super::{Act, Client, LINGER, Moving, Release};
use crate::election::{Input, LinkId};
use crate::sim::Time;
use crate::sim::wire::{Kind, Packet, Wanted};

impl Client {
    /// Asks for admission and for media, unless that was done.
    pub(super) fn ask(&mut self, now: Time, link: LinkId, wanted: Wanted) {
        let resume = if wanted == Wanted::Everything { self.resume() } else { Vec::new() };
        let Some(session) = self.sessions.get_mut(&link) else { return };
        if session.wanted != wanted || session.asked == 0 {
            session.wanted = wanted;
            session.asked += 1;
            let sequence = session.asked;
            self.acts.push(Act::Send { link, packet: Packet::Ask { sequence, wanted, resume } });
        } else if session.is_admitted() {
            self.check.told(now, &Input::Admitted { link });
            self.elector.handle_input(self.instant(now), Input::Admitted { link });
        }
    }

    /// Of each sender's video, the newest frame that is there.
    fn resume(&self) -> Vec<(usize, u32, u32)> {
        let video = self.receiver.streams().filter(|((_, kind), _)| *kind == Kind::Video);
        let newest = video.map(|((from, _), stream)| (from, stream.newest()));
        newest.map(|(from, (group, frame))| (from, group, frame)).collect()
    }

    pub(super) fn start_move(&mut self, now: Time, from: Option<LinkId>, to: LinkId) {
        self.releases.retain(|release| release.link != to);
        self.moving = Some(Moving { from, to, since: now, delivered: false });
        self.ask(now, to, Wanted::Everything);
        if from.is_none() && self.entered.is_some() {
            let since = self.doubt_since.unwrap_or(now);
            for frame in self.publisher.replay(since) {
                self.acts.push(Act::Send { link: to, packet: Packet::Media(frame) });
            }
        }
    }

    pub(super) fn abandon(&mut self, now: Time, to: LinkId) {
        self.moving = None;
        if !self.elector.is_in_doubt() && self.active.is_some() {
            self.doubt_since = None;
        }
        if self.sessions.get(&to).is_some_and(|session| session.wanted == Wanted::Everything) {
            self.ask(now, to, Wanted::Standby);
        }
    }

    pub(super) fn elected(&mut self, now: Time, from: Option<LinkId>, to: LinkId) {
        let before = self.active.replace(to);
        self.moving = None;
        for link in [from, before].into_iter().flatten().filter(|link| *link != to) {
            if self.sessions.contains_key(&link) && !self.releases.iter().any(|release| release.link == link) {
                self.releases.push(Release { at: now + LINGER, link, close: false });
                self.acts.push(Act::Tick(now + LINGER));
            }
        }
        self.entered.get_or_insert(now);
        self.doubt_since = None;
    }

    /// Lets go of links whose time has come; the election may keep them connected.
    pub(super) fn release(&mut self, now: Time) {
        let due: Vec<_> = self.releases.extract_if(.., |release| release.at <= now).collect();
        for Release { link, close, .. } in due {
            let taken = self.active == Some(link) || self.moving.as_ref().is_some_and(|moving| moving.to == link);
            match self.sessions.get(&link) {
                _ if close => self.hang_up(link),
                Some(session) if !taken && session.wanted == Wanted::Everything => {
                    self.ask(now, link, Wanted::Nothing);
                }
                _ => {}
            }
        }
    }
}
