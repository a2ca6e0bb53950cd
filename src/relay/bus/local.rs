//! The bus of relays that run in one process, with emulated distance between them for the demo.
//!
//! Keeps the order of what one relay tells another, whatever the delay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::stats::Counters;
use super::{Direction, Event, Message, RoomId, Stats};
use crate::clock;
use crate::proto::RelayInstance;
use crate::relay::router::Interest;

/// Messages that may be on their way between two relays: two seconds of a large room.
const PIPE: usize = 8192;

/// Joins any number of relays of this process. Clones are the same hub.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    ports: BTreeMap<RelayInstance, Entry>,
    /// One way, by the relays' ids, the smaller first.
    delays: BTreeMap<(String, String), Duration>,
    /// Pairs that were ever apart keep their pipe, or a shorter delay would overtake.
    pipes: BTreeMap<(RelayInstance, RelayInstance), mpsc::Sender<(Instant, Message)>>,
}

#[derive(Debug)]
struct Entry {
    id: String,
    events: mpsc::Sender<Event>,
    rooms: BTreeMap<RoomId, Interest>,
}

impl Entry {
    fn wants(&self, to: RelayInstance, message: &Message) -> bool {
        if let Some((room, track, spatial)) = message.layer() {
            return self.rooms.get(&room).is_some_and(|interest| interest.contains(track, spatial));
        }
        match message {
            Message::Room { room, .. } => self.rooms.contains_key(room),
            Message::Direct { to: addressee, .. } => *addressee == to,
            _ => true,
        }
    }
}

impl Hub {
    /// A hub with nobody on it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the one-way delay between the relays with these ids, both ways.
    pub fn set_delay(&self, one: &str, other: &str, delay: Duration) {
        self.lock().delays.insert(pair(one, other), delay);
    }

    pub(super) fn join(&self, id: &str, instance: RelayInstance, events: mpsc::Sender<Event>) -> Port {
        let entry = Entry { id: id.to_owned(), events, rooms: BTreeMap::new() };
        let _ = entry.events.try_send(Event::Connected(true));
        self.lock().ports.insert(instance, entry);
        let counters = Box::<Counters>::default();
        counters.set_connected(true);
        Port { hub: self.clone(), instance, counters }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().expect("nobody panics while holding the hub")
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    if one <= other { (one.to_owned(), other.to_owned()) } else { (other.to_owned(), one.to_owned()) }
}

impl Shared {
    /// The pipe from one relay to another, where they are or were apart, and their delay.
    fn pipe(&mut self, from: RelayInstance, to: RelayInstance) -> Option<(mpsc::Sender<(Instant, Message)>, Duration)> {
        let delay = match (self.delays.is_empty(), self.ports.get(&from), self.ports.get(&to)) {
            (false, Some(from), Some(to)) => self.delays.get(&pair(&from.id, &to.id)).copied().unwrap_or_default(),
            _ => Duration::ZERO,
        };
        if let Some(pipe) = self.pipes.get(&(from, to)) {
            return Some((pipe.clone(), delay));
        }
        if delay.is_zero() {
            return None;
        }
        let events = self.ports.get(&to)?.events.clone();
        let (pipe, queued) = mpsc::channel(PIPE);
        tokio::spawn(deliver(queued, events));
        self.pipes.insert((from, to), pipe.clone());
        Some((pipe, delay))
    }
}

async fn deliver(mut queued: mpsc::Receiver<(Instant, Message)>, events: mpsc::Sender<Event>) {
    while let Some((due, message)) = queued.recv().await {
        tokio::time::sleep_until(due.into()).await;
        if events.send(Event::Message(message)).await.is_err() {
            return;
        }
    }
}

/// One relay's place on the hub; leaves when dropped.
#[derive(Debug)]
pub struct Port {
    hub: Hub,
    instance: RelayInstance,
    counters: Box<Counters>,
}

impl Port {
    pub(super) fn subscribe(&self, room: RoomId, interest: Option<Interest>) {
        let mut shared = self.hub.lock();
        let Some(entry) = shared.ports.get_mut(&self.instance) else { return };
        match interest {
            Some(interest) => entry.rooms.insert(room, interest),
            None => entry.rooms.remove(&room),
        };
    }

    pub(super) fn send(&self, message: Message) {
        let mut shared = self.hub.lock();
        let others = shared.ports.iter().filter(|(other, _)| **other != self.instance);
        let addressed: Vec<RelayInstance> =
            others.filter(|(other, entry)| entry.wants(**other, &message)).map(|(other, _)| *other).collect();
        for to in addressed {
            let sent = match shared.pipe(self.instance, to) {
                Some((pipe, delay)) => pipe.try_send((clock::now() + delay, message.clone())).is_ok(),
                None => shared
                    .ports
                    .get(&to)
                    .is_some_and(|entry| entry.events.try_send(Event::Message(message.clone())).is_ok()),
            };
            match sent {
                true => self.counters.passed(Direction::Out, message.kind(), 0),
                false => self.counters.dropped(Direction::Out, message.kind()),
            }
        }
    }

    /// Messages as often as they went to another relay; bytes are not counted, none are copied.
    pub(super) fn stats(&self) -> Stats {
        self.counters.read()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let mut shared = self.hub.lock();
        shared.ports.remove(&self.instance);
        shared.pipes.retain(|(from, to), _| *from != self.instance && *to != self.instance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Track;
    use bytes::Bytes;

    fn join(hub: &Hub, id: &str, instance: u64) -> (Port, mpsc::Receiver<Event>) {
        let (events, mut incoming) = mpsc::channel(64);
        let port = hub.join(id, RelayInstance(instance), events);
        assert!(matches!(incoming.try_recv(), Ok(Event::Connected(true))));
        (port, incoming)
    }

    fn room() -> RoomId {
        RoomId::of("stand-up")
    }

    fn audio(byte: u8) -> Message {
        Message::Audio { room: room(), body: Bytes::copy_from_slice(&[byte]) }
    }

    fn byte(event: Option<Event>) -> u8 {
        match event {
            Some(Event::Message(Message::Audio { body, .. })) => body[0],
            other => panic!("not audio: {other:?}"),
        }
    }

    #[tokio::test]
    async fn only_who_wants_a_layer_gets_it_and_nobody_hears_himself() {
        let hub = Hub::new();
        let (one, mut at_one) = join(&hub, "one", 1);
        let (two, mut at_two) = join(&hub, "two", 2);
        let (_three, mut at_three) = join(&hub, "three", 3);
        one.subscribe(room(), Some(Interest::NONE.with(Track::Microphone, 0)));
        two.subscribe(room(), Some(Interest::NONE.with(Track::Microphone, 0)));
        one.send(audio(7));
        assert_eq!(byte(at_two.recv().await), 7);
        assert!(at_one.try_recv().is_err() && at_three.try_recv().is_err());
        two.subscribe(room(), None);
        one.send(audio(8));
        assert!(at_two.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn order_is_kept_when_the_delay_shrinks() {
        let hub = Hub::new();
        let (one, _at_one) = join(&hub, "one", 1);
        let (two, mut at_two) = join(&hub, "two", 2);
        two.subscribe(room(), Some(Interest::NONE.with(Track::Microphone, 0)));
        hub.set_delay("two", "one", Duration::from_millis(80));
        one.send(audio(1));
        one.send(audio(2));
        hub.set_delay("one", "two", Duration::ZERO);
        one.send(audio(3));
        assert!(at_two.try_recv().is_err());
        let order = [byte(at_two.recv().await), byte(at_two.recv().await), byte(at_two.recv().await)];
        assert_eq!(order, [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_message_takes_the_delay_of_its_pair() {
        let hub = Hub::new();
        let (one, _at_one) = join(&hub, "one", 1);
        let (two, mut at_two) = join(&hub, "two", 2);
        two.subscribe(room(), Some(Interest::NONE.with(Track::Microphone, 0)));
        hub.set_delay("one", "two", Duration::from_millis(30));
        let sent = clock::now();
        one.send(audio(1));
        byte(at_two.recv().await);
        assert!(clock::now().duration_since(sent) >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn a_slow_reader_costs_messages_and_never_blocks() {
        let hub = Hub::new();
        let (one, _at_one) = join(&hub, "one", 1);
        let (two, _at_two) = join(&hub, "two", 2);
        two.subscribe(room(), Some(Interest::NONE.with(Track::Microphone, 0)));
        (0..100).for_each(|byte| one.send(audio(byte)));
        assert_eq!(one.stats().lost(), 36);
    }
}
