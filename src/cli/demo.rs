//! `nearcall demo`: three relays in this process, emulated distance in front of each and between them, and two synthetic
//! participants who each find their own nearest. With a window, the user is the third; without, the two are all there is.

mod drills;
mod places;

use std::time::Duration;

use ring::rand::SystemRandom;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use self::places::{Seat, place};
use super::args::DemoArgs;
use super::{Exit, print};
use crate::call::event::Summary;
use crate::call::manifest::Source;
use crate::call::{Call, Command, Config, Entry, Event};
use crate::crypto::AuthKey;
use crate::crypto::secret::RoomSecret;
use crate::media::audio::{AudioSource, Output, Switches};
use crate::media::video::{VideoConfig, VideoSource};
use crate::proto::manifest::Manifest;
use crate::proto::words::Reaction;
use crate::relay::config::Access;
use crate::ui;

const ROOM: &str = "demo";
/// The synthetic participants beside a window.
const ADA: &str = "Ada (Frankfurt)";
const BEN: &str = "Ben (New York)";
/// A synthetic participant says something for so long, and is silent for so long.
const SPEAKS: Duration = Duration::from_millis(1500);
const RESTS: Duration = Duration::from_millis(7500);

/// With a window, on the main thread.
pub fn window(runtime: &Runtime, args: DemoArgs) -> anyhow::Result<Exit> {
    let secret = RoomSecret::random(&SystemRandom::new())?;
    // Who looks at the demo is host.
    let key = AuthKey::generate_ed25519(&SystemRandom::new())?;
    let token = Some(ui::host::host_token(&key, ROOM)?);
    let (orders, orders_in) = mpsc::channel(16);
    let (shown, relays) = watch::channel(Vec::new());
    let (manifest, guests, drilled) = runtime.block_on(async {
        let mut world = places::world(Access::Hosted(key)).await?;
        let manifest = place(&mut world, Seat::Singapore).await?;
        let mut guests = Vec::new();
        for (name, seat, hz, wait) in [(ADA, Seat::Frankfurt, 330.0, 2), (BEN, Seat::NewYork, 247.0, 6)] {
            let call = Call::start(config(name, place(&mut world, seat).await?, secret.clone(), hz)).await?;
            guests.push(tokio::spawn(sit(name, call, Duration::from_secs(wait))));
        }
        anyhow::Ok((manifest, guests, tokio::spawn(drills::run(world, orders_in, shown))))
    })?;
    let interrupted = runtime.block_on(async { super::call::interrupted() })?;
    let options = ui::options::Options {
        room: Some(ROOM.into()),
        manifests: vec![Source::Given(manifest)],
        entry: Some(Entry { room: ROOM.into(), secret, name: String::new(), token }),
        join: args.join,
        renderer: args.renderer,
        video: args.video,
        audio: args.audio,
        ears: ui::desk::Ears {
            drills: Some(ui::desk::Drills { orders, relays }),
            interrupted: Some(interrupted),
            ..ui::desk::Ears::default()
        },
        ..ui::options::Options::default()
    };
    let closed = ui::run(runtime.handle(), options);
    runtime.block_on(async {
        guests.iter().for_each(tokio::task::JoinHandle::abort);
        // The window held the drills' orders, so they end with it; a window that never stood holds them no longer.
        if let Ok(Ok(world)) = tokio::time::timeout(Duration::from_secs(2), drilled).await {
            world.stop().await;
        }
    });
    closed.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Exit::Done)
}

/// A synthetic participant: shows its pattern, makes itself heard now and then, and minds who comes and what is written.
async fn sit(own: &str, mut call: Call, wait: Duration) {
    call.command(Command::Mute(true));
    let turn = tokio::time::sleep(wait);
    tokio::pin!(turn);
    let mut speaks = false;
    loop {
        tokio::select! {
            event = call.event() => match event {
                None => return,
                Some(event) => {
                    if let Some(command) = reply(own, &event) {
                        call.command(command);
                    }
                }
            },
            () = &mut turn => {
                speaks = !speaks;
                call.command(Command::Mute(!speaks));
                turn.set(tokio::time::sleep(if speaks { SPEAKS } else { RESTS }));
            }
        }
    }
}

/// What a synthetic participant does about something that somebody real did.
fn reply(own: &str, event: &Event) -> Option<Command> {
    let is_real = |name: &str| ![ADA, BEN].contains(&name);
    match event {
        Event::PeerJoined { name: Some(name), .. } if is_real(name) => Some(match own {
            ADA => Command::Chat(format!("Hello, {name}. I am synthetic, but I react when you write something.")),
            _ => Command::Hand(true),
        }),
        Event::Chat { name: Some(name), .. } if is_real(name) && own == ADA => Some(Command::React(Reaction::ThumbsUp)),
        _ => None,
    }
}

/// Without a window: the two alone.
pub async fn run(args: DemoArgs) -> anyhow::Result<Exit> {
    let mut world = places::world(Access::Open).await?;
    let secret = RoomSecret::random(&SystemRandom::new())?;
    let near_singapore = place(&mut world, Seat::Singapore).await?;
    let near_frankfurt = place(&mut world, Seat::Frankfurt).await?;
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
    world.stop().await;
    let whole = ada.is_whole("singapore") && ben.is_whole("frankfurt");
    println!(
        "{}",
        if whole { "\nboth heard and saw the other; nothing froze" } else { "\nsomething is missing above" }
    );
    Ok(if whole { Exit::Done } else { Exit::Failed })
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
        share: None,
        play: Output::Off,
        processing: Switches::OFF,
        muted: false,
        camera_off: false,
        record_audio: None,
        record_video: None,
        history: None,
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
    let mut attendance = Attendance { region: None, summary: Summary::default() };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synthetic_people_mind_real_ones_and_not_one_another() {
        let joined = |name: &str| Event::PeerJoined { peer: "1".into(), name: Some(name.into()), readable: true };
        let says = |name: &str| Event::Chat { peer: "1".into(), name: Some(name.into()), text: "hello".into() };
        assert!(matches!(reply(ADA, &joined("Zoë")), Some(Command::Chat(text)) if text.contains("Zoë")));
        assert_eq!(reply(BEN, &joined("Zoë")), Some(Command::Hand(true)));
        assert_eq!(reply(ADA, &says("Zoë")), Some(Command::React(Reaction::ThumbsUp)));
        for other in [ADA, BEN] {
            assert_eq!((reply(ADA, &joined(other)), reply(ADA, &says(other))), (None, None));
        }
        assert_eq!(reply(BEN, &says("Zoë")), None);
    }
}
