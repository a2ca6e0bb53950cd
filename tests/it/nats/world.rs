//! Two regions, two relays in each, two people on each relay, all in one room; and what each of them hears.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::proto::Transport;
use nearcall::proto::control::MemberState;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::relay::bus::BusConfig;
use nearcall::relay::{Config, Relay};
use tokio::task::JoinHandle;

use super::servers::{REGIONS, Servers};
use crate::relay::client::{Client, Heard};

/// What must be right again, or come back, does so within this.
pub const BAR: Duration = Duration::from_secs(5);
/// Between two audio packets of a person.
const PACKET: Duration = Duration::from_millis(40);
const ROOM: &str = "both sides of the sea";

pub struct World {
    pub servers: Servers,
    /// `None` where it was killed.
    pub relays: Vec<Option<Relay>>,
    /// Two on each relay, in the relays' order.
    pub people: Vec<Option<Person>>,
}

/// Somebody who speaks all the time.
pub struct Person {
    pub client: Arc<Client>,
    /// Packets said so far.
    said: Arc<AtomicU32>,
    voice: JoinHandle<()>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.voice.abort();
    }
}

pub fn id(at: usize) -> u64 {
    at as u64 + 1
}

impl World {
    pub async fn start() -> Self {
        let servers = Servers::start().await;
        let mut world = Self { servers, relays: Vec::new(), people: Vec::new() };
        for at in 0..4 {
            let relay = world.relay(at).await;
            world.relays.push(Some(relay));
        }
        for at in 0..8 {
            let person = Person::enter(world.relays[at / 2].as_ref().unwrap(), at, 0).await;
            world.people.push(Some(person));
        }
        let all: Vec<_> = (0..8).collect();
        world
            .until("everybody is listed and heard", &all, |world, at| {
                world.lists(at, &all, &[]) && all.iter().all(|from| world.hears(at, *from, 1))
            })
            .await;
        world
    }

    async fn relay(&self, at: usize) -> Relay {
        let region = REGIONS[at / 2];
        let bus = BusConfig::Nats(self.servers.config(at / 2, at % 2));
        let id = Some(format!("{region}-{}", at % 2 + 1));
        Relay::start(Config { id, bus, workers: Some(1), ..Config::local(region) }).await.unwrap()
    }

    /// Starts a relay again, with its people.
    pub async fn restart(&mut self, at: usize) {
        self.relays[at] = Some(self.relay(at).await);
        for person in [2 * at, 2 * at + 1] {
            self.enter(person).await;
        }
    }

    /// Somebody comes back to the own relay.
    pub async fn enter(&mut self, at: usize) {
        let from = self.people[at].take().map_or(1000, |before| before.said() + 1000);
        self.people[at] = Some(Person::enter(self.relays[at / 2].as_ref().unwrap(), at, from).await);
    }

    /// A relay fails, and its people lose their links.
    pub fn kill_relay(&mut self, at: usize) {
        if let Some(relay) = self.relays[at].take() {
            relay.kill();
        }
        self.people[2 * at] = None;
        self.people[2 * at + 1] = None;
    }

    pub fn look<T>(&self, at: usize, look: impl FnOnce(&Heard) -> T) -> T {
        self.people[at].as_ref().unwrap().client.look(look)
    }

    /// Whether somebody lists these as connected, those as reconnecting, and nobody else.
    pub fn lists(&self, at: usize, connected: &[usize], reconnecting: &[usize]) -> bool {
        let wanted = |all: &[usize], state| -> BTreeMap<_, _> {
            all.iter().filter(|other| **other != at).map(|other| (id(*other), state)).collect()
        };
        let mut expected = wanted(connected, MemberState::Connected);
        expected.extend(wanted(reconnecting, MemberState::Reconnecting));
        self.look(at, roster) == expected
    }

    /// How many packets of somebody came so far.
    pub fn heard(&self, at: usize, from: usize) -> usize {
        self.look(at, |heard| heard.audio.iter().filter(|it| it.from == id(from)).count())
    }

    pub fn hears(&self, at: usize, from: usize, packets: usize) -> bool {
        at == from || self.heard(at, from) >= packets
    }

    /// Waits until it holds for all of these people, at most [`BAR`]; how long it took.
    pub async fn until(&self, what: &str, people: &[usize], holds: impl Fn(&Self, usize) -> bool) -> Duration {
        self.until_within(BAR, what, people, holds).await
    }

    async fn until_within(
        &self,
        bar: Duration,
        what: &str,
        people: &[usize],
        holds: impl Fn(&Self, usize) -> bool,
    ) -> Duration {
        let start = clock::now();
        loop {
            let lacking: Vec<_> = people.iter().filter(|at| !holds(self, **at)).collect();
            let took = start.elapsed();
            if lacking.is_empty() {
                println!("{what}: after {took:.1?}");
                return took;
            }
            if took > bar {
                let rosters: Vec<_> = lacking.iter().map(|at| (**at, self.look(**at, roster))).collect();
                let last = |at: usize| -> Vec<_> { (0..8).map(|from| self.heard(at, from)).collect() };
                let heard: Vec<_> = lacking.iter().map(|at| (**at, last(**at))).collect();
                panic!("{what}: not for {lacking:?} within {bar:?}: they list {rosters:?}, and heard {heard:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until these hear all of them again: something that is said from now on.
    pub async fn until_heard(&self, what: &str, people: &[usize]) -> Duration {
        self.until_heard_within(BAR, what, people).await
    }

    pub async fn until_heard_within(&self, bar: Duration, what: &str, people: &[usize]) -> Duration {
        let now: BTreeMap<_, _> = people.iter().map(|at| (*at, self.people[*at].as_ref().unwrap().said())).collect();
        self.until_within(bar, what, people, |world, at| {
            people.iter().filter(|from| **from != at).all(|from| {
                world.look(at, |heard| {
                    heard.audio.iter().rev().any(|it| it.from == id(*from) && it.frame > now[from] + 1)
                })
            })
        })
        .await
    }

    /// Audio packets of somebody that never came to somebody else, of those that were said in this span.
    pub fn missing(&self, at: usize, from: usize, span: std::ops::Range<u32>) -> Vec<u32> {
        let came: std::collections::BTreeSet<_> = self.look(at, |heard| heard.sounds(id(from)).into_iter().collect());
        span.filter(|number| !came.contains(number)).collect()
    }

    /// What each said so far: a mark for [`Self::assert_nothing_missing`].
    pub fn mark(&self) -> Vec<u32> {
        self.people.iter().map(|person| person.as_ref().map_or(0, Person::said)).collect()
    }

    /// Among these people no audio packet is missing since the mark.
    pub async fn assert_nothing_missing(&self, since: &[u32], groups: &[&[usize]]) {
        // What is on its way arrives.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let slack = 500 / PACKET.as_millis() as u32;
        for group in groups {
            for (at, from) in group.iter().flat_map(|at| group.iter().map(move |from| (*at, *from))) {
                if at != from {
                    let until = self.people[from].as_ref().unwrap().said().saturating_sub(slack);
                    let missing = self.missing(at, from, since[from]..until);
                    assert_eq!(missing, [] as [u32; 0], "of {from} at {at}, since {}", since[from]);
                }
            }
        }
    }

    /// Nobody ever heard of anybody who is not one of the eight.
    pub fn assert_no_phantom(&self) {
        let here = (0..8).filter(|at| self.people[*at].is_some());
        for at in here {
            let strangers = self.look(at, |heard| roster(heard).into_keys().filter(|it| *it > id(7)).count());
            assert_eq!(strangers, 0);
        }
    }

    /// When somebody's state was first told after `since`, to each of these people.
    pub fn told(&self, at: usize, about: usize, state: MemberState, since: Instant) -> Option<Duration> {
        self.look(at, |heard| {
            heard.told.iter().find_map(|(told, when)| match told {
                Told::MemberChanged(changed) if *when >= since => {
                    let member = changed.member.as_ref()?;
                    (member.participant == id(about) && member.state() == state).then(|| *when - since)
                }
                _ => None,
            })
        })
    }
}

impl Person {
    async fn enter(relay: &Relay, at: usize, from: u32) -> Self {
        let transport = [Transport::WebTransport, Transport::WebSocket][at % 2];
        let client = Arc::new(Client::member(relay, transport, ROOM, id(at)).await);
        let said = Arc::new(AtomicU32::new(from));
        let (speaker, count) = (client.clone(), said.clone());
        let voice = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(PACKET);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let number = count.fetch_add(1, Ordering::Relaxed);
                speaker.audio(number);
                if number % 5 == 0 {
                    speaker.video(number / 5, number / 5 - number / 5 % 20);
                }
            }
        });
        Self { client, said, voice }
    }

    pub fn said(&self) -> u32 {
        self.said.load(Ordering::Relaxed)
    }
}

/// Who is listed, by all that was told.
fn roster(heard: &Heard) -> BTreeMap<u64, MemberState> {
    let mut listed = BTreeMap::new();
    for (told, _) in &heard.told {
        let members = match told {
            Told::Joined(joined) => joined.members.iter(),
            Told::MemberChanged(changed) => std::slice::from_ref(changed.member.as_ref().unwrap()).iter(),
            _ => continue,
        };
        for member in members {
            match member.state() {
                MemberState::Left => listed.remove(&member.participant),
                state => listed.insert(member.participant, state),
            };
        }
    }
    listed
}
