//! The demo's world: relays in this process, distance in front of and between them, and what a drill does to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;

use crate::net::distance::{Distance, Shape};
use crate::net::tls::Certificate;
use crate::proto::CALL_PATH;
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::relay::Relay;
use crate::relay::bus::BusConfig;
use crate::relay::bus::local::Hub;
use crate::relay::config::{CertificateSource, Config};

/// Where somebody sits: the place in [`REGIONS`]' round trips.
#[derive(Debug, Clone, Copy)]
pub enum Seat {
    Singapore,
    Frankfurt,
    NewYork,
}

/// Round trips from each seat to each region, ms.
const REGIONS: [(&str, [u64; 3]); 3] =
    [("singapore", [40, 168, 236]), ("frankfurt", [170, 32, 92]), ("us-east", [254, 96, 24])];
/// One way between regions, ms.
const BETWEEN: [(&str, &str, u64); 3] =
    [("singapore", "frankfurt", 80), ("singapore", "us-east", 110), ("frankfurt", "us-east", 42)];
/// What a slow relay adds: as far as the other side of an ocean, over a bad line.
const DEGRADED: (Duration, f64) = (Duration::from_millis(75), 0.05);

/// See the module.
pub struct World {
    hub: Hub,
    sites: BTreeMap<&'static str, Site>,
    seats: u64,
}

/// A relay's place, which it keeps when it starts again.
struct Site {
    certificate: Arc<Certificate>,
    address: SocketAddr,
    entry: RelayEntry,
    relay: Option<Arc<Relay>>,
    /// The task that drains the relay; it holds the relay, too.
    draining: Option<JoinHandle<()>>,
    paths: Vec<(Distance, Shape)>,
}

impl World {
    /// Starts a relay in each region.
    pub async fn start() -> anyhow::Result<Self> {
        let hub = Hub::new();
        for (one, other, ms) in BETWEEN {
            hub.set_delay(one, other, Duration::from_millis(ms));
        }
        let mut world = Self { hub, sites: BTreeMap::new(), seats: 0 };
        for (region, _) in REGIONS {
            let certificate = Arc::new(Certificate::self_signed(&["localhost".into(), "127.0.0.1".into()])?);
            let relay = world.relay(region, certificate.clone(), None).await?;
            let (address, entry) = (relay.address(), relay.entry().clone());
            let site =
                Site { certificate, address, entry, relay: Some(Arc::new(relay)), draining: None, paths: Vec::new() };
            world.sites.insert(region, site);
        }
        Ok(world)
    }

    async fn relay(
        &self,
        region: &str,
        certificate: Arc<Certificate>,
        address: Option<SocketAddr>,
    ) -> anyhow::Result<Relay> {
        let local = Config::local(region);
        let config = Config {
            id: Some(region.into()),
            provider: "demo".into(),
            bus: BusConfig::Local(self.hub.clone()),
            certificate: CertificateSource::Given(certificate),
            listen: address.unwrap_or(local.listen),
            ..local
        };
        Relay::start(config).await.with_context(|| format!("cannot start the relay {region}"))
    }

    pub fn regions(&self) -> impl Iterator<Item = &'static str> {
        REGIONS.into_iter().map(|(region, _)| region)
    }

    /// The relays as somebody in this seat sees them: behind its own distance from each.
    pub async fn place(&mut self, seat: Seat) -> anyhow::Result<Manifest> {
        let mut manifest = Manifest::default();
        for (n, (region, rtt_ms)) in REGIONS.into_iter().enumerate() {
            let Some(site) = self.sites.get_mut(region) else { continue };
            let shape = Shape::rtt(Duration::from_millis(rtt_ms[seat as usize]));
            let distance = Distance::start(site.address, shape, self.seats * 100 + n as u64 + 1).await?;
            let address = distance.address();
            manifest.relays.push(RelayEntry {
                webtransport: Some(format!("https://{address}{CALL_PATH}")),
                websocket: Some(format!("wss://{address}{CALL_PATH}")),
                ..site.entry.clone()
            });
            site.paths.push((distance, shape));
        }
        self.seats += 1;
        Ok(manifest)
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

    /// Puts more distance and loss in front of a relay, for everybody.
    pub fn degrade(&self, region: &str) {
        let (delay, loss) = DEGRADED;
        for (distance, shape) in self.sites.get(region).into_iter().flat_map(|site| &site.paths) {
            distance.set(Shape { delay: shape.delay + delay, loss, ..*shape });
        }
    }

    /// A relay as it was at first, at the same address and under the same certificate. One that was only slow goes on:
    /// its distance is taken back.
    ///
    /// # Errors
    /// Its port is not free yet.
    pub async fn revive(&mut self, region: &str) -> anyhow::Result<()> {
        let Some(site) = self.sites.get(region) else { return Ok(()) };
        for (distance, shape) in &site.paths {
            distance.set(*shape);
        }
        if site.relay.is_some() && site.draining.is_none() {
            return Ok(());
        }
        self.kill(region).await;
        let Some(site) = self.sites.get(region) else { return Ok(()) };
        let relay = self.relay(region, site.certificate.clone(), Some(site.address)).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(world: &World, region: &str) -> Option<*const Relay> {
        world.sites[region].relay.as_ref().map(Arc::as_ptr)
    }

    #[tokio::test]
    async fn a_slow_relay_goes_on_and_a_draining_one_starts_again_at_once() {
        let mut world = World::start().await.unwrap();
        world.place(Seat::Singapore).await.unwrap();
        let before = runs(&world, "singapore");
        world.degrade("singapore");
        world.revive("singapore").await.unwrap();
        assert!(before.is_some() && runs(&world, "singapore") == before, "a slow relay was killed");

        let old = Arc::downgrade(world.sites["frankfurt"].relay.as_ref().unwrap());
        world.drain("frankfurt", Duration::from_secs(60));
        world.kill("frankfurt").await;
        assert!(old.upgrade().is_none(), "who drains it still holds it");
        // A dead relay that is slowed down, too, is dead.
        world.degrade("frankfurt");
        let end = crate::clock::now() + Duration::from_secs(10);
        while let Err(error) = world.revive("frankfurt").await {
            assert!(crate::clock::now() < end, "{error:#}");
            tokio::task::yield_now().await;
        }
        assert!(runs(&world, "frankfurt").is_some());
        world.stop().await;
    }
}
