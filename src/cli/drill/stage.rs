//! The stage: relays here or elsewhere, the ways to them, and the participants.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ring::rand::SystemRandom;

use super::case::Setting;
use super::client::{Client, Ticket};
use super::measure::Window;
use super::outside::Outside;
use crate::call::Entry;
use crate::call::event::{Event, Place};
use crate::cli::world::{Paths, World};
use crate::clock;
use crate::crypto::secret::RoomSecret;
use crate::crypto::{AuthKey, Claims, LEEWAY_SECONDS};
use crate::relay::bus::NatsConfig;
use crate::relay::config::Access;

/// Until everybody is in the call, has a standby and hears everybody: that is slow where a machine does little else.
const SETTLE: Duration = Duration::from_secs(30);
/// How often the stage is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// One way between two regions.
const BETWEEN: Duration = Duration::from_millis(20);
/// A token of a drill is refused this long after it was signed.
const TOKEN_LASTS: u64 = 4;

/// Where the relays are.
pub enum Ground {
    /// In this process.
    Here(World),
    /// Elsewhere, with this process' distance in front of them.
    There(Outside, Paths),
}

/// See the module.
pub struct Stage {
    pub ground: Ground,
    pub clients: Vec<Client>,
    pub setting: Setting,
    rooms: Vec<(String, RoomSecret)>,
    key: Option<AuthKey>,
    /// The newest one; where relays elsewhere ask for one, the one for all.
    pub token: Option<String>,
    /// From the start to when all is steady.
    pub settled: Duration,
    /// How late looks were at most, since all was steady.
    pub late: Duration,
}

impl Stage {
    /// Relays in this process, over NATS if it is given; nobody is there yet.
    ///
    /// # Errors
    /// A relay does not start.
    pub async fn here(setting: Setting, nats: Option<NatsConfig>) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let key = setting.tokens.then(|| AuthKey::generate_ed25519(&random)).transpose()?;
        let access = key.clone().map_or(Access::Open, Access::Key);
        let key = key.map(|text| AuthKey::from_file_text(&text)).transpose()?;
        let world = match nats {
            Some(nats) => World::start_over(nats, setting.regions, access).await?,
            None => World::start(setting.regions, access).await?,
        };
        for (n, one) in setting.regions.iter().enumerate() {
            setting.regions[..n].iter().for_each(|other| world.apart(one, other, BETWEEN));
        }
        Self::new(Ground::Here(world), setting, key)
    }

    /// Relays elsewhere.
    ///
    /// # Errors
    /// No random numbers.
    pub fn there(outside: Outside, setting: Setting) -> anyhow::Result<Self> {
        let (room, token) = (outside.room.clone(), outside.token.clone());
        let mut stage = Self::new(Ground::There(outside, Paths::default()), setting, None)?;
        stage.token = token;
        if let Some(room) = room {
            stage.rooms[0].0 = room;
        }
        Ok(stage)
    }

    fn new(ground: Ground, setting: Setting, key: Option<AuthKey>) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let mut rooms = Vec::new();
        for _ in 0..setting.rooms.max(1) {
            let name = u64::from_be_bytes(crate::crypto::random(&random)?);
            rooms.push((format!("drill-{name:016x}"), RoomSecret::random(&random)?));
        }
        let (settled, late) = (Duration::ZERO, Duration::ZERO);
        Ok(Self { ground, clients: Vec::new(), setting, rooms, key, token: None, settled, late })
    }

    /// The ways from each seat to each relay.
    pub fn paths(&self) -> &Paths {
        match &self.ground {
            Ground::Here(world) => &world.paths,
            Ground::There(_, paths) => paths,
        }
    }

    /// The relays of this process.
    ///
    /// # Errors
    /// They run elsewhere.
    pub fn world(&mut self) -> anyhow::Result<&mut World> {
        match &mut self.ground {
            Ground::Here(world) => Ok(world),
            Ground::There(..) => bail!("the relays run elsewhere"),
        }
    }

    /// Whether a relay of this process is done with draining.
    pub fn is_drained(&self, relay: &str) -> bool {
        matches!(&self.ground, Ground::Here(world) if world.is_drained(relay))
    }

    /// A ticket for participant `number`, who sits next to region `home`.
    ///
    /// # Errors
    /// No port to be had.
    pub async fn ticket(&mut self, number: usize, home: usize) -> anyhow::Result<Ticket> {
        let Setting { rtt, second, regions, .. } = self.setting;
        let (manifest, seat) = match &mut self.ground {
            Ground::Here(world) => {
                let others = regions.len();
                let away = |n: usize| match (n + others - home % others) % others {
                    0 => rtt,
                    rank => rtt.mul_f64(second + 0.3 * (rank - 1) as f64),
                };
                let trips: Vec<_> = regions.iter().enumerate().map(|(n, region)| (*region, away(n))).collect();
                world.place(&trips).await?
            }
            Ground::There(outside, paths) => outside.place(paths).await?,
        };
        let group = number % self.rooms.len();
        let (room, secret) = self.rooms[group].clone();
        let name = format!("p{}", number + 1);
        self.token = self.sign(&room, &name)?.or(self.token.take());
        let token = self.token.clone();
        let video = number < self.setting.video;
        Ok(Ticket { entry: Entry { room, secret, name, token }, manifest, seat, group, video, number })
    }

    /// A token that is refused a few seconds from now, where relays ask for one.
    fn sign(&self, room: &str, user: &str) -> anyhow::Result<Option<String>> {
        let Some(key) = &self.key else { return Ok(None) };
        let now = clock::unix_seconds();
        // Relays allow for clocks that are off, so one that they are to refuse soon expired a while ago.
        let expires = (now + TOKEN_LASTS).saturating_sub(LEEWAY_SECONDS);
        let (room, user) = (room.to_owned(), user.to_owned());
        let claims = Claims { room, user, publish: true, host: false, issued: expires - 60, expires };
        Ok(Some(key.sign(&claims)?))
    }

    /// Starts everybody and waits until all is steady.
    ///
    /// # Errors
    /// It does not become steady in time; the text says what is missing.
    pub async fn fill(&mut self, clients: usize) -> anyhow::Result<()> {
        let start = clock::now();
        let homes = self.setting.regions.len();
        for number in 0..clients {
            let home = match (self.setting.rooms, number % 3) {
                (2.., _) => (number / self.rooms.len()) % homes,
                (_, third) => usize::from(third >= self.setting.thirds),
            };
            let ticket = self.ticket(number, home).await?;
            self.clients.push(Client::start(ticket).await?);
        }
        self.steady().await?;
        self.settled = clock::now() - start;
        self.late = Duration::ZERO;
        Ok(())
    }

    /// Waits until everybody is in the call with a standby, the race is over, and everybody hears everybody.
    ///
    /// # Errors
    /// As [`Stage::fill`].
    pub async fn steady(&mut self) -> anyhow::Result<()> {
        let steady = self.wait(SETTLE, |stage| stage.restless().is_none()).await;
        if !steady {
            self.somebody()?;
            let missing = self.restless().unwrap_or_default();
            bail!("the calls did not become steady within {} s: {missing}", SETTLE.as_secs());
        }
        Ok(())
    }

    /// Whether anybody was taken in at all.
    ///
    /// # Errors
    /// Nobody was: no relay answered, or one refused.
    pub fn somebody(&self) -> anyhow::Result<()> {
        if self.clients.iter().any(|client| client.active().is_some()) {
            return Ok(());
        }
        let refusal = |event: &Event| match event {
            Event::Refused { relay, message } => Some(format!("{relay} refuses: {message}")),
            _ => None,
        };
        match self.clients.iter().find_map(|client| client.find(refusal)) {
            Some(refusal) => bail!(refusal),
            None => Err(super::Nobody.into()),
        }
    }

    /// What is not steady yet.
    fn restless(&self) -> Option<String> {
        for client in &self.clients {
            let name = &client.name;
            if !client.is_in_call() {
                return Some(format!("{name} is not in the call"));
            }
            if client.when(|event| matches!(event, Event::Race { .. })).is_none() {
                return Some(format!("{name}'s race goes on"));
            }
            if self.relays() > 1 && !client.has_standby() {
                return Some(format!("{name} has no standby"));
            }
        }
        self.unheard().map(|(listener, sender)| format!("{listener} does not follow {sender}"))
    }

    /// How many relays there are.
    pub fn relays(&self) -> usize {
        match &self.ground {
            Ground::Here(world) => world.regions().count(),
            Ground::There(outside, _) => outside.relays(),
        }
    }

    /// Somebody who does not hear somebody of his room.
    fn unheard(&self) -> Option<(&str, &str)> {
        let now = clock::now();
        self.clients.iter().find_map(|listener| {
            let followed = listener.follows(now);
            let deaf_to = self.senders(listener).find(|sender| !followed.whole(sender))?;
            Some((listener.name.as_str(), deaf_to.name.as_str()))
        })
    }

    /// Whom a listener should hear.
    fn senders(&self, listener: &Client) -> impl Iterator<Item = &Client> {
        let (id, group) = (listener.id, listener.group);
        self.clients.iter().filter(move |sender| sender.id != id && sender.group == group)
    }

    /// Whether everybody hears everybody.
    pub fn all_heard(&self) -> bool {
        self.unheard().is_none()
    }

    /// Each listener with each sender of his room.
    pub fn pairs(&self) -> Vec<(&Client, &Client)> {
        let of = |listener| self.senders(listener).map(move |sender| (listener, sender));
        self.clients.iter().flat_map(of).collect()
    }

    /// Looks until `what` holds; false where that takes longer than `patience`.
    pub async fn wait(&mut self, patience: Duration, mut what: impl FnMut(&Self) -> bool) -> bool {
        let end = clock::now() + patience;
        loop {
            self.look();
            if what(self) {
                return true;
            }
            if clock::now() >= end {
                return false;
            }
            let next = clock::now() + LOOK;
            tokio::time::sleep_until(next.into()).await;
            self.late = self.late.max(clock::now().saturating_duration_since(next));
        }
    }

    /// Takes in what arrived, until `end`.
    pub async fn watch(&mut self, end: Instant) {
        self.wait(end.saturating_duration_since(clock::now()), |_| false).await;
    }

    /// See [`super::log::Log::fold`].
    pub fn fold(&mut self, window: Window) {
        self.clients.iter_mut().for_each(|client| client.log.fold(window));
    }

    fn look(&mut self) {
        self.clients.iter_mut().for_each(Client::look);
    }

    /// The relay that carries the first participant.
    ///
    /// # Errors
    /// It is in no call.
    pub fn target(&self) -> anyhow::Result<Place> {
        self.clients.first().and_then(Client::active).context("the first participant is in no call")
    }

    /// Ends every call and every relay of this process.
    pub async fn strike(self) {
        let leaving = self.clients.into_iter().map(Client::leave);
        futures_util::future::join_all(leaving).await;
        if let Ground::Here(world) = self.ground {
            world.stop().await;
        }
    }
}
