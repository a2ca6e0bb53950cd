//! Relays of others, as an operator points the drill at them. What is done, is done to the ways of the drill's own two
//! participants; the relays are never harmed.

use std::net::SocketAddr;

use super::super::world::Paths;
use crate::call::manifest::{self, Source, host_of};
use crate::net::distance::Shape;
use crate::proto::manifest::{Manifest, RelayEntry};

/// See the module.
#[derive(Debug, Clone)]
pub struct Outside {
    relays: Vec<Reached>,
    /// A room of its own choice otherwise.
    pub room: Option<String>,
    pub token: Option<String>,
}

#[derive(Debug, Clone)]
struct Reached {
    entry: RelayEntry,
    /// Its pins tell its certificate, whatever name it is reached by: distance can be put in front of it.
    pinned: bool,
}

impl Outside {
    /// Reads the lists of relays, and asks the relays for those that they know.
    ///
    /// # Errors
    /// A list that cannot be read.
    pub async fn read(sources: &[Source], room: Option<String>, token: Option<String>) -> anyhow::Result<Self> {
        let mut found = manifest::load(sources).await?;
        let named =
            found.relays.iter().filter_map(|relay| Some(Source::relay(&manifest::address(relay)?, &relay.pins)));
        let asked: Vec<_> = named.collect();
        if let Ok(more) = manifest::load(&asked).await {
            found = Manifest::merge([found, more])?;
        }
        let reached = |entry: RelayEntry| Reached { pinned: !entry.pins.is_empty(), entry };
        Ok(Self { relays: found.relays.into_iter().map(reached).collect(), room, token })
    }

    pub fn relays(&self) -> usize {
        self.relays.len()
    }

    /// Why the ways to the relays cannot be changed, if so.
    pub fn out_of_reach(&self) -> Option<String> {
        let named = self.relays.iter().find(|relay| !relay.pinned)?;
        Some(format!(
            "{} is known by the name in its certificate, not by a pin: nothing can be put in front of it",
            named.entry.id
        ))
    }

    /// The relays as one more seat sees them: behind distance of its own where that can be.
    ///
    /// # Errors
    /// No port, or a relay's host has no address.
    pub async fn place(&self, paths: &mut Paths) -> anyhow::Result<(Manifest, usize)> {
        let seat = paths.take_seat();
        let mut manifest = Manifest::default();
        for Reached { entry, pinned } in &self.relays {
            let mut entry = entry.clone();
            if *pinned {
                let mut led: Option<(String, SocketAddr)> = None;
                for url in [&mut entry.webtransport, &mut entry.websocket].into_iter().flatten() {
                    let Some(host) = host_of(url) else { continue };
                    // One port, UDP and TCP, is one way.
                    let address = match &led {
                        Some((known, address)) if *known == host => *address,
                        _ => lead(paths, seat, &entry.id, &host).await?,
                    };
                    *url = url.replacen(&authority(url), &address.to_string(), 1);
                    led = Some((host, address));
                }
            }
            manifest.relays.push(entry);
        }
        Ok((manifest, seat))
    }
}

async fn lead(paths: &mut Paths, seat: usize, relay: &str, host: &str) -> anyhow::Result<SocketAddr> {
    let mut found = tokio::net::lookup_host(host).await?;
    let to = found.next().ok_or_else(|| anyhow::anyhow!("{host} has no address"))?;
    paths.lead(seat, relay, to, Shape::default()).await
}

/// What stands between `//` and the path, as it is written.
fn authority(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pins: &[&str]) -> RelayEntry {
        RelayEntry {
            id: "tokyo-1".into(),
            region: "tokyo".into(),
            provider: String::new(),
            city: String::new(),
            webtransport: Some("https://127.0.0.1:4433/v1/call".into()),
            websocket: Some("wss://127.0.0.1:4433/v1/call".into()),
            pins: pins.iter().map(|pin| pin.repeat(32)).collect(),
        }
    }

    #[tokio::test]
    async fn distance_stands_in_front_of_a_pinned_relay_and_not_of_a_named_one() {
        for (pins, behind) in [(&["ab"][..], true), (&[], false)] {
            let given = Source::Given(Manifest::from(vec![entry(pins)]));
            let outside = Outside::read(&[given], None, None).await.unwrap();
            assert_eq!(outside.out_of_reach().is_none(), behind);
            let (manifest, _) = outside.place(&mut Paths::default()).await.unwrap();
            let relay = &manifest.relays[0];
            let [one, other] = [&relay.webtransport, &relay.websocket].map(|url| host_of(url.as_ref().unwrap()));
            assert_eq!(one, other, "one port, UDP and TCP");
            assert_eq!(one.as_deref() != Some("127.0.0.1:4433"), behind);
        }
    }
}
