//! `nearcall demo`: three relays in this process, emulated distance in front of each and between them, and two
//! participants who each find their own nearest.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use ring::rand::SystemRandom;

use super::args::DemoArgs;
use super::{Exit, print};
use crate::call::event::Summary;
use crate::call::manifest::Source;
use crate::call::{Call, Command, Config, Entry, Event};
use crate::crypto::secret::RoomSecret;
use crate::media::audio::{AudioSource, Output};
use crate::media::video::{VideoConfig, VideoSource};
use crate::net::distance::{Distance, Shape};
use crate::proto::CALL_PATH;
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::relay::Relay;
use crate::relay::bus::BusConfig;
use crate::relay::bus::local::Hub;
use crate::relay::config::Config as RelayConfig;

const ROOM: &str = "demo";
/// Round trips of both participants to each region, ms: one sits in Singapore, one in Frankfurt.
const REGIONS: [(&str, u64, u64); 3] = [("singapore", 40, 168), ("frankfurt", 170, 32), ("us-east", 254, 96)];
/// One way between regions, ms.
const BETWEEN: [(&str, &str, u64); 3] =
    [("singapore", "frankfurt", 80), ("singapore", "us-east", 110), ("frankfurt", "us-east", 42)];

pub async fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    if !args.headless {
        println!("this version has no window yet: the demo runs as with --headless");
    }
    let relays = start_relays().await?;
    let secret = RoomSecret::random(&SystemRandom::new())?;
    let (near_singapore, _here) = place(&relays, |(_, rtt, _)| rtt, 1).await?;
    let (near_frankfurt, _there) = place(&relays, |(.., rtt)| rtt, 101).await?;
    println!(
        "three relays on this machine, with emulated distance: RTT singapore 40 ms, frankfurt 170 ms, us-east 254 ms"
    );
    println!("ada sits in Singapore, ben in Frankfurt; regions are 80, 110 and 42 ms apart, one way\n");
    let start = |name, manifest, hz| Call::start(config(name, manifest, secret.clone(), hz));
    let ada = start("ada", near_singapore, 440.0).await?;
    let ben = start("ben", near_frankfurt, 660.0).await?;
    let (ada, ben) = tokio::join!(attend("ada", ada, args.duration), attend("ben", ben, args.duration));
    println!("\nhow each heard and saw the other");
    for (name, attendance) in [("ada", &ada), ("ben", &ben)] {
        println!("{name}:");
        print!("{}", print::summary(&attendance.summary));
    }
    for relay in relays.into_values() {
        relay.shutdown().await;
    }
    let whole = ada.is_whole("singapore") && ben.is_whole("frankfurt");
    println!(
        "{}",
        if whole { "\nboth heard and saw the other; nothing froze" } else { "\nsomething is missing above" }
    );
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

async fn start_relays() -> anyhow::Result<BTreeMap<&'static str, Relay>> {
    let hub = Hub::new();
    for (one, other, ms) in BETWEEN {
        hub.set_delay(one, other, Duration::from_millis(ms));
    }
    let mut relays = BTreeMap::new();
    for (region, ..) in REGIONS {
        let config = RelayConfig {
            id: Some(region.into()),
            provider: "demo".into(),
            bus: BusConfig::Local(hub.clone()),
            ..RelayConfig::local(region)
        };
        let relay = Relay::start(config).await.with_context(|| format!("cannot start the relay {region}"))?;
        relays.insert(region, relay);
    }
    Ok(relays)
}

/// The relays as one participant sees them: behind its own distance from each.
async fn place(
    relays: &BTreeMap<&'static str, Relay>,
    rtt: impl Fn((&str, u64, u64)) -> u64,
    seed: u64,
) -> anyhow::Result<(Manifest, Vec<Distance>)> {
    let (mut manifest, mut distances) = (Manifest::default(), Vec::new());
    for (n, region) in REGIONS.into_iter().enumerate() {
        let relay = &relays[region.0];
        let shape = Shape::rtt(Duration::from_millis(rtt(region)));
        let distance = Distance::start(relay.address(), shape, seed + n as u64).await?;
        let address = distance.address();
        manifest.relays.push(RelayEntry {
            webtransport: Some(format!("https://{address}{CALL_PATH}")),
            websocket: Some(format!("wss://{address}{CALL_PATH}")),
            ..relay.entry().clone()
        });
        distances.push(distance);
    }
    Ok((manifest, distances))
}

fn config(name: &str, manifest: Manifest, secret: RoomSecret, hz: f32) -> Config {
    Config {
        entry: Some(Entry { room: ROOM.into(), secret, name: name.into(), token: None }),
        sources: vec![Source::Given(manifest)],
        window: Duration::from_secs(3),
        pin: None,
        audio: AudioSource::Tone(hz),
        video: VideoSource::Pattern,
        video_config: VideoConfig::pattern(),
        play: Output::Off,
        muted: false,
        camera_off: false,
        record_audio: None,
        record_video: None,
    }
}

/// What one participant saw of the call.
struct Attendance {
    region: Option<String>,
    summary: Summary,
}

impl Attendance {
    fn is_whole(&self, region: &str) -> bool {
        let heard = |peer: &crate::call::event::PeerSummary| {
            peer.audio.received > 0 && peer.video.decoded > 0 && peer.video.frozen_ms == 0
        };
        self.region.as_deref() == Some(region) && self.summary.peers.len() == 1 && self.summary.peers.iter().all(heard)
    }
}

/// Sits in a call for `duration` and tells what happens.
async fn attend(name: &str, mut call: Call, duration: Duration) -> Attendance {
    let mut attendance = Attendance { region: None, summary: Summary { moves: 0, peers: Vec::new() } };
    let leave = tokio::time::sleep(duration);
    tokio::pin!(leave);
    let mut left = false;
    loop {
        let event = tokio::select! {
            event = call.event() => event,
            () = &mut leave, if !left => {
                left = true;
                call.command(Command::Leave);
                continue;
            }
        };
        match event {
            None => break,
            Some(Event::Race { candidates }) => {
                println!("{name}: the race, 3 s long\n{}", print::race(&candidates, None))
            }
            Some(Event::Summary(summary)) => attendance.summary = summary,
            Some(event) => {
                if let Event::Elected { region, .. } = &event {
                    attendance.region.get_or_insert_with(|| region.clone());
                }
                if let Some(words) = super::call::words(&event) {
                    println!("{name}: {words}");
                }
            }
        }
    }
    attendance
}
