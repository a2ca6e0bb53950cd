//! A world in this process: relays on one bus, distance in front of each for each seat, and what can be done to them.
//!
//! The demo and the drills share it. [`Paths`] alone lead to relays that run elsewhere as well. Never: a client.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::net::distance::{Distance, Shape};
use crate::net::tls::Certificate;
use crate::proto::CALL_PATH;
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::relay::Relay;
use crate::relay::bus::local::Hub;
use crate::relay::bus::{BusConfig, NatsConfig};
use crate::relay::config::{Access, CertificateSource, Config};

/// See the module.
pub struct World {
    hub: Hub,
    bus: BusConfig,
    access: Access,
    sites: BTreeMap<String, Site>,
    pub paths: Paths,
}

/// A relay's place, which it keeps when it starts again.
struct Site {
    certificate: Arc<Certificate>,
    address: SocketAddr,
    entry: RelayEntry,
    relay: Option<Arc<Relay>>,
    /// The task that drains the relay; it holds the relay, too.
    draining: Option<JoinHandle<()>>,
}

/// The emulated ways from each seat to each relay.
#[derive(Default)]
pub struct Paths {
    list: Vec<Path>,
    seats: usize,
}

struct Path {
    seat: usize,
    relay: String,
    distance: Distance,
    /// As it was at first.
    shape: Shape,
}

impl World {
    /// Starts a relay in each region; the region's name is the relay's id.
    ///
    /// # Errors
    /// A relay does not start.
    pub async fn start(regions: &[&str], access: Access) -> anyhow::Result<Self> {
        let hub = Hub::new();
        Self::start_on(hub.clone(), BusConfig::Local(hub), regions, access).await
    }

    /// The same on another bus; the emulated distance between regions is none there.
    ///
    /// # Errors
    /// A relay does not start.
    pub async fn start_over(nats: NatsConfig, regions: &[&str], access: Access) -> anyhow::Result<Self> {
        Self::start_on(Hub::new(), BusConfig::Nats(nats), regions, access).await
    }

    async fn start_on(hub: Hub, bus: BusConfig, regions: &[&str], access: Access) -> anyhow::Result<Self> {
        let mut world = Self { hub, bus, access, sites: BTreeMap::new(), paths: Paths::default() };
        for region in regions {
            world.add(region, None).await?;
        }
        Ok(world)
    }

    /// Starts one more, of which clients hear from the others on the bus: it is this far from everybody.
    ///
    /// # Errors
    /// The relay does not start.
    pub async fn announce(&mut self, region: &str, round_trip: Duration) -> anyhow::Result<()> {
        // What it announces leads through the distance, and the distance to it: its port must be known before.
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        let seat = self.paths.take_seat();
        let advertised = self.paths.lead(seat, region, listen, Shape::rtt(round_trip)).await?;
        self.add(region, Some((listen, advertised))).await
    }

    /// Starts one at this address, which tells clients another one; or anywhere.
    async fn add(&mut self, region: &str, addresses: Option<(SocketAddr, SocketAddr)>) -> anyhow::Result<()> {
        let certificate = Arc::new(Certificate::self_signed(&["localhost".into(), "127.0.0.1".into()])?);
        let (listen, advertise) = addresses.unzip();
        let relay = self.relay(region, certificate.clone(), listen, advertise).await?;
        let (address, entry) = (relay.address(), relay.entry().clone());
        let site = Site { certificate, address, entry, relay: Some(Arc::new(relay)), draining: None };
        self.sites.insert(region.to_owned(), site);
        Ok(())
    }

    async fn relay(
        &self,
        region: &str,
        certificate: Arc<Certificate>,
        listen: Option<SocketAddr>,
        advertise: Option<SocketAddr>,
    ) -> anyhow::Result<Relay> {
        let local = Config::local(region);
        let config = Config {
            id: Some(region.into()),
            provider: "local".into(),
            bus: self.bus.clone(),
            certificate: CertificateSource::Given(certificate),
            access: self.access.clone(),
            listen: listen.unwrap_or(local.listen),
            advertise: advertise.map(|address| address.to_string()),
            ..local
        };
        Relay::start(config).await.with_context(|| format!("cannot start the relay {region}"))
    }

    /// Puts two regions this far from each other, one way.
    pub fn apart(&self, one: &str, other: &str, delay: Duration) {
        self.hub.set_delay(one, other, delay);
    }

    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.sites.keys().map(String::as_str)
    }

    /// The relays as somebody in a new seat sees them, behind these round trips; and the seat.
    ///
    /// # Errors
    /// No port to be had.
    pub async fn place(&mut self, round_trips: &[(&str, Duration)]) -> anyhow::Result<(Manifest, usize)> {
        let seat = self.paths.take_seat();
        let mut manifest = Manifest::default();
        for (region, round_trip) in round_trips {
            let Some(site) = self.sites.get(*region) else { continue };
            let address = self.paths.lead(seat, region, site.address, Shape::rtt(*round_trip)).await?;
            manifest.relays.push(RelayEntry {
                webtransport: Some(format!("https://{address}{CALL_PATH}")),
                websocket: Some(format!("wss://{address}{CALL_PATH}")),
                ..site.entry.clone()
            });
        }
        Ok((manifest, seat))
    }

    /// Ends a relay as if its process were killed.
    pub async fn kill(&mut self, region: &str) {
        let Some(site) = self.sites.get_mut(region) else { return };
        if let Some(relay) = site.take_relay().await {
            relay.kill();
        }
    }

    /// Tells a relay's clients to go elsewhere within `deadline`.
    pub fn drain(&mut self, region: &str, deadline: Duration) {
        let Some(site) = self.sites.get_mut(region) else { return };
        if let Some(relay) = site.relay.clone().filter(|_| site.draining.is_none()) {
            site.draining = Some(tokio::spawn(async move {
                relay.drain(deadline).await;
            }));
        }
    }

    /// Whether a relay that drains is done with it: everybody has left, or the deadline is over.
    pub fn is_drained(&self, region: &str) -> bool {
        let draining = self.sites.get(region).and_then(|site| site.draining.as_ref());
        draining.is_none_or(JoinHandle::is_finished)
    }

    /// Sessions that are still at a relay.
    pub fn sessions(&self, region: &str) -> usize {
        let relay = self.sites.get(region).and_then(|site| site.relay.as_ref());
        relay.map_or(0, |relay| relay.load().0)
    }

    /// Ends a relay as its program does: whoever is left is told.
    pub async fn shut(&mut self, region: &str) {
        let Some(site) = self.sites.get_mut(region) else { return };
        if let Some(relay) = site.take_relay().await {
            relay.shutdown().await;
        }
    }

    /// A relay as it was at first, at the same address and under the same certificate. One that was only slow goes on:
    /// its distance is taken back.
    ///
    /// # Errors
    /// Its port is not free yet.
    pub async fn revive(&mut self, region: &str) -> anyhow::Result<()> {
        let Some(site) = self.sites.get(region) else { return Ok(()) };
        self.paths.change(None, Some(region), |shape| shape);
        if site.relay.is_some() && site.draining.is_none() {
            return Ok(());
        }
        self.kill(region).await;
        let Some(site) = self.sites.get(region) else { return Ok(()) };
        let relay = self.relay(region, site.certificate.clone(), Some(site.address), None).await?;
        if let Some(site) = self.sites.get_mut(region) {
            site.relay = Some(Arc::new(relay));
        }
        Ok(())
    }

    /// Ends every relay.
    pub async fn stop(self) {
        for mut site in self.sites.into_values() {
            if let Some(relay) = site.take_relay().await {
                relay.shutdown().await;
            }
        }
    }
}

impl Site {
    /// The relay, out of the hands of who drains it.
    async fn take_relay(&mut self) -> Option<Relay> {
        if let Some(draining) = self.draining.take() {
            draining.abort();
            // Only after this the task holds the relay no longer.
            let _ = draining.await;
        }
        self.relay.take().and_then(|relay| Arc::try_unwrap(relay).ok())
    }
}

impl Paths {
    /// A seat's number.
    pub fn take_seat(&mut self) -> usize {
        self.seats += 1;
        self.seats - 1
    }

    /// Puts distance between a seat and a relay at `to`; returns where to connect to.
    ///
    /// # Errors
    /// No port to be had.
    pub async fn lead(&mut self, seat: usize, relay: &str, to: SocketAddr, shape: Shape) -> anyhow::Result<SocketAddr> {
        let seed = self.list.len() as u64 + 1;
        let distance = Distance::start(to, shape, seed).await.context("no port for emulated distance")?;
        let address = distance.address();
        self.list.push(Path { seat, relay: relay.to_owned(), distance, shape });
        Ok(address)
    }

    fn some<'a>(&'a self, seat: Option<usize>, relay: Option<&'a str>) -> impl Iterator<Item = &'a Path> {
        let is_meant = move |path: &&Path| {
            seat.is_none_or(|seat| path.seat == seat) && relay.is_none_or(|relay| path.relay == relay)
        };
        self.list.iter().filter(is_meant)
    }

    /// Changes the paths of a seat (or of all) to a relay (or to all): from what each was at first.
    pub fn change(&self, seat: Option<usize>, relay: Option<&str>, change: impl Fn(Shape) -> Shape) {
        self.some(seat, relay).for_each(|path| path.distance.set(change(path.shape)));
    }

    /// Gives a seat another address on every path.
    pub fn rebind(&self, seat: usize) {
        self.some(Some(seat), None).for_each(|path| path.distance.rebind());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(world: &World, region: &str) -> Option<*const Relay> {
        world.sites[region].relay.as_ref().map(Arc::as_ptr)
    }

    #[tokio::test]
    async fn a_slow_relay_goes_on_and_a_draining_one_starts_again_at_once() {
        let mut world = World::start(&["singapore", "frankfurt"], Access::Open).await.unwrap();
        world.place(&[("singapore", Duration::from_millis(40))]).await.unwrap();
        let before = runs(&world, "singapore");
        world.paths.change(None, Some("singapore"), |shape| Shape { loss: 0.05, ..shape });
        world.revive("singapore").await.unwrap();
        assert!(before.is_some() && runs(&world, "singapore") == before, "a slow relay was killed");

        let old = Arc::downgrade(world.sites["frankfurt"].relay.as_ref().unwrap());
        world.drain("frankfurt", Duration::from_secs(60));
        world.kill("frankfurt").await;
        assert!(old.upgrade().is_none(), "who drains it still holds it");
        let end = crate::clock::now() + Duration::from_secs(10);
        while let Err(error) = world.revive("frankfurt").await {
            assert!(crate::clock::now() < end, "{error:#}");
            tokio::task::yield_now().await;
        }
        assert!(runs(&world, "frankfurt").is_some());
        world.stop().await;
    }
}
