//! The rooms of a relay, opened by the first who joins and forgotten when nobody is left or waited for, and the two loops
//! that serve them: what comes from the bus, and time. Other relays are heard and measured here too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::Core;
use super::bus::message::{DirectMessage, Echo, direct_message};
use super::bus::{Bus, Event, Message, RoomId};
use super::directory::{ANNOUNCE, MEASURE};
use super::forward::Room;
use crate::clock;
use crate::net::Figures;
use crate::proto::{ParticipantId, RelayInstance};

/// How often rooms are told the time: well below every time-out in them.
const TICK: Duration = Duration::from_millis(50);
/// An answer that took longer measured something else than the way.
const ECHO: Duration = Duration::from_secs(10);

/// All rooms with somebody of this relay in them.
#[derive(Debug)]
pub struct Rooms {
    instance: RelayInstance,
    bus: Arc<Bus>,
    figures: Arc<Figures>,
    open: Mutex<BTreeMap<RoomId, Arc<Room>>>,
}

impl Rooms {
    pub fn new(instance: RelayInstance, bus: Arc<Bus>, figures: Arc<Figures>) -> Self {
        Self { instance, bus, figures, open: Mutex::default() }
    }

    /// The room with this id, opened where nobody is in it yet; `None` where `max` others are open.
    pub fn enter(&self, id: RoomId, max: usize) -> Option<Arc<Room>> {
        let mut rooms = self.lock();
        if rooms.len() >= max && !rooms.contains_key(&id) {
            return None;
        }
        let open = || {
            let (bus, figures) = (self.bus.clone(), self.figures.clone());
            Room::open(clock::now(), id, self.instance, bus, figures)
        };
        Some(rooms.entry(id).or_insert_with(open).clone())
    }

    /// Whether somebody of this relay is in the room, or was a moment ago.
    pub fn is_open(&self, id: RoomId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Whether a participant is in a room, through whatever relay, as far as is known here.
    pub fn has_member(&self, id: RoomId, participant: ParticipantId) -> bool {
        self.get(id).is_some_and(|room| room.has_member(participant))
    }

    /// Every room.
    pub fn all(&self) -> Vec<Arc<Room>> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn get(&self, id: RoomId) -> Option<Arc<Room>> {
        self.lock().get(&id).cloned()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn handle_timeout(&self) {
        for room in self.all() {
            // A room that closes refuses who comes late; whoever is refused opens it anew.
            if room.handle_timeout(clock::now()) {
                let mut open = self.lock();
                if open.get(&room.id()).is_some_and(|current| Arc::ptr_eq(current, &room)) {
                    open.remove(&room.id());
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoomId, Arc<Room>>> {
        self.open.lock().expect("nobody panics while holding the rooms")
    }
}

/// Hands on what comes from the bus, until the bus is gone.
pub(super) async fn serve_bus(core: Arc<Core>, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Connected(connected) => {
                core.set_isolated(!connected);
                if connected {
                    core.announce();
                    core.rooms.all().iter().for_each(|room| room.bus_is_back(clock::now()));
                }
            }
            Event::Message(Message::Announce(announcement)) => {
                if core.directory.heard(clock::now(), *announcement) {
                    core.announce();
                }
            }
            Event::Message(Message::Direct { message, .. }) if message.room.is_empty() => answer(&core, &message),
            Event::Message(message) => {
                if let Some(room) = room_of(&message).and_then(|id| core.rooms.get(id)) {
                    room.take_from_bus(clock::now(), message);
                }
            }
        }
    }
}

fn room_of(message: &Message) -> Option<RoomId> {
    match message {
        Message::Audio { room, .. } | Message::Video { room, .. } | Message::Room { room, .. } => Some(*room),
        Message::Direct { message, .. } => message.room.as_ref().try_into().ok().map(RoomId),
        Message::Announce(_) => None,
    }
}

/// What another relay says that is about no room: it measures the way, or answers.
fn answer(core: &Core, message: &DirectMessage) {
    use direct_message::Body;
    let from = RelayInstance(message.origin);
    match message.body {
        Some(Body::Echo(echo)) => tell_relay(core, from, Body::Echoed(echo)),
        Some(Body::Echoed(Echo { asked_us })) => {
            let rtt = since_start(core).saturating_sub(Duration::from_micros(asked_us));
            if rtt < ECHO {
                core.directory.measured(from, rtt);
            }
        }
        _ => {}
    }
}

fn measure(core: &Core) {
    for relay in core.directory.others() {
        let asked_us = since_start(core).as_micros() as u64;
        tell_relay(core, relay, direct_message::Body::Echo(Echo { asked_us }));
    }
}

fn since_start(core: &Core) -> Duration {
    clock::now().saturating_duration_since(core.started)
}

fn tell_relay(core: &Core, to: RelayInstance, body: direct_message::Body) {
    let message = DirectMessage { origin: core.instance.0, room: Default::default(), body: Some(body) };
    core.bus.send(Message::Direct { to, message });
}

/// Tells rooms the time and other relays that this one exists.
pub(super) async fn keep_time(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut announced, mut measured) = (None, None);
    loop {
        ticks.tick().await;
        let now = clock::now();
        core.rooms.handle_timeout();
        core.update_load();
        let due = |last: Option<Instant>, every| last.is_none_or(|at| now.saturating_duration_since(at) >= every);
        if due(announced, ANNOUNCE) {
            announced = Some(now);
            core.announce();
            core.directory.handle_timeout(now);
        }
        if due(measured, MEASURE) {
            measured = Some(now);
            measure(&core);
        }
    }
}
