//! What the user does about a room: names it, agrees to its hosts, hosts it, joins and leaves it.

use crate::call::manifest::Source;
use crate::call::state::{Phase, Relays};
use crate::call::{self, Command};
use crate::clock;
use crate::crypto::invite::Invite;
use crate::proto::manifest::Manifest;
use crate::settings::rooms::Room;
use crate::ui::app::App;
use crate::ui::desk::Order;
use crate::ui::model::{Hosting, NoticeKind, Offer};
use crate::ui::room::{self, Place};

/// A name for who typed none.
const GUEST: &str = "guest";

impl App {
    /// Reads the room's box anew; races other relays where it names others. Only in the lobby.
    pub(in crate::ui) fn read_room(&mut self, text: String) {
        // To join without a button was said of the room that was given, not of any that comes after it.
        self.options.join = false;
        self.look_at(text);
        self.race();
    }

    pub(super) fn consent(&mut self, yes: bool) {
        let Some(hosts) = self.model.room.consent.take() else { return };
        if yes {
            self.agreed.extend(hosts);
            self.race();
        } else {
            self.read_room(String::new());
        }
    }

    pub(super) fn raced(&self) -> Vec<Source> {
        self.options.sources(&self.model.settings, &self.model.room, self.hosted_relay.as_ref())
    }

    /// Races the relays that are named now, unless they are raced already.
    pub(super) fn race(&mut self) {
        let sources = self.raced();
        if self.in_lobby() && sources != self.sources {
            self.sources.clone_from(&sources);
            self.model.race = None;
            self.command(Command::Relays(sources));
        }
    }

    /// A relay runs here: its invite goes into the room's box.
    pub(in crate::ui) fn memory_of_host(&mut self, invite: &str, manifest: Manifest) {
        self.hosted_relay = Some(manifest);
        let at = Place::read(invite).ok().flatten().map(|place| place.at).unwrap_or_default();
        self.agreed.extend(at);
        if self.in_lobby() {
            self.read_room(invite.to_owned());
        }
    }

    /// The relay here ends; its invite leads nowhere any more.
    pub(super) fn stop_hosting(&mut self) {
        let hosting = std::mem::take(&mut self.model.hosting);
        (self.hosted_relay, self.host_token) = (None, None);
        self.desk.order(Order::StopHosting);
        let stands = matches!(&hosting, Hosting::Yes { invite, .. } if *invite == self.model.room.text);
        if stands && self.in_lobby() {
            self.read_room(String::new());
        } else {
            self.race();
        }
    }

    /// Joins the room in the box; `false` where it is none, or its hosts wait for a yes.
    pub(super) fn join(&mut self) -> bool {
        let name = match self.model.name().trim() {
            "" => GUEST.to_owned(),
            name => name.to_owned(),
        };
        let (entry, given) = match (self.options.entry.clone(), Place::read(&self.model.room.text)) {
            (Some(entry), _) => (call::Entry { name, ..entry }, None),
            (None, Ok(Some(place))) if self.model.room.consent.is_none() => {
                (self.as_host(place.entry(&name)), place.invite)
            }
            _ => return false,
        };
        self.model.timeline.clear();
        self.model.room.name = Some(entry.room.clone());
        self.model.room.invite = given;
        self.entered = Some(entry.clone());
        self.command(Command::Join(Box::new(entry)));
        self.joins = true;
        true
    }

    /// In the room that is hosted here we are host; the invite has no token.
    fn as_host(&self, entry: call::Entry) -> call::Entry {
        let ours = matches!(&self.model.hosting, Hosting::Yes { invite, .. } if *invite == self.model.room.text);
        let token = self.host_token.clone().filter(|_| ours).or(entry.token);
        call::Entry { token, ..entry }
    }

    /// Who came by the room's name gets a link for the others, over the relays of the call. They may be known only once
    /// the room is entered.
    pub(in crate::ui) fn make_invite(&mut self) {
        let (Some(state), Some(entry)) = (&self.model.call, &self.entered) else { return };
        if self.model.room.invite.is_some() || !matches!(state.phase, Phase::InCall { .. }) {
            return;
        }
        let hosted = match &self.model.hosting {
            Hosting::Yes { invite, .. } => Some(invite.as_str()),
            _ => None,
        };
        let (at, pins) = room::ways(&state.manifest, hosted);
        let (room, secret) = (entry.room.clone(), entry.secret.clone());
        self.model.room.invite = Invite { room, at, secret, pins, grant: None }.to_link().ok();
    }

    /// As if Join were pressed, once, as soon as there is something to join over.
    pub(in crate::ui) fn join_when_possible(&mut self) {
        let ready = self.model.call.as_ref().is_some_and(|state| {
            state.phase == Phase::Lobby && state.relays == Relays::Known && state.race.leader.is_some()
        });
        if self.options.join && ready && self.join() {
            self.options.join = false;
        }
    }

    /// Leaves, for a lobby with the same room. What its hosts wait for, they wait for there.
    pub(super) fn leave(&mut self) {
        (self.entered, self.options.share) = (None, None);
        let sources = self.raced();
        let config = self.options.config(&self.model.settings, sources.clone());
        (self.sources, self.model.race) = (sources, None);
        self.desk.order(Order::Leave(Box::new(config)));
    }

    /// Another start of the program was given a link. It opens the lobby, never a call; where a call runs, it is asked first.
    pub(in crate::ui) fn offered(&mut self, link: String) {
        if self.in_lobby() {
            return self.read_room(link);
        }
        let is = |place: &Place, entry: &call::Entry| place.room == entry.room && place.secret == entry.secret;
        match Place::read(&link) {
            Ok(Some(place)) if self.entered.as_ref().is_some_and(|entry| is(&place, entry)) => {
                self.toast(NoticeKind::Info, "You are in that call already".into());
            }
            Ok(Some(place)) => self.model.offered = Some(Offer { link, room: place.room }),
            Ok(None) => {}
            Err(error) => self.toast(NoticeKind::Warning, error),
        }
    }

    /// What the user says to the link that came during a call.
    pub(super) fn answer_offer(&mut self, yes: bool) {
        let Some(offer) = self.model.offered.take() else { return };
        if yes {
            self.look_at(offer.link);
            self.options.join = false;
            self.leave();
        }
    }

    /// A text is in the box.
    fn look_at(&mut self, text: String) {
        self.model.room = room::read(text, &self.trusted());
        room::as_told(&mut self.model.room, &self.model.settings);
    }

    /// Hosts that may be contacted without a question.
    fn trusted(&self) -> Vec<String> {
        [room::listed_hosts(&self.model.settings), self.agreed.clone()].concat()
    }

    /// The room that was entered is one of those that were joined lately. A demo's is not, nor one that this computer
    /// carries: nobody can go there later.
    pub(in crate::ui) fn remember_room(&mut self) {
        let text = &self.model.room.text;
        let hosted = matches!(&self.model.hosting, Hosting::Yes { invite, .. } if invite == text);
        let place = Place::read(text).ok().flatten();
        let (Some(place), false) = (place, hosted || self.options.entry.is_some()) else { return };
        let joined = clock::wall().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.model.rooms.joined(Room { name: place.room, link: place.invite, joined });
        self.rooms_changed();
    }

    /// A room that was joined before goes into the box; its hosts were agreed to then.
    pub(super) fn again(&mut self, room: &Room) {
        if self.in_lobby() {
            let place = Place::read(room.text()).ok().flatten();
            self.agreed.extend(place.map(|place| place.at).unwrap_or_default());
            self.read_room(room.text().to_owned());
        }
    }

    /// `None`: all of them.
    pub(super) fn forget_room(&mut self, room: Option<&Room>) {
        match room {
            Some(room) => self.model.rooms.forget(room),
            None => self.model.rooms.rooms.clear(),
        }
        self.rooms_changed();
    }

    pub(super) fn remember_rooms(&mut self, yes: bool) {
        self.model.rooms.remember(yes);
        self.rooms_changed();
    }

    fn rooms_changed(&mut self) {
        self.rooms_unsaved = true;
        self.save_soon();
    }
}
