//! What a call of nine costs one of them: it sends a large picture, sees one large and seven small, and hears eight. The other
//! eight sit in this process and look at nobody.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use nearcall::call::manifest::Source;
use nearcall::call::views::View;
use nearcall::call::{Call, Command, Config, Entry, Event};
use nearcall::crypto::secret::RoomSecret;
use nearcall::media::audio::{AudioSource, Output};
use nearcall::media::video::{VideoConfig, VideoSource};

use super::picture;
use super::processes::{Caller, Programs, Relay};
use super::speech;

/// Those who are not measured.
const OTHERS: usize = 8;
/// Joining is not counted.
const SETTLE: Duration = Duration::from_secs(5);

pub async fn run(seconds: usize, programs: &Programs, dir: &Path) -> bool {
    let relay = Relay::start(programs, dir);
    let manifest = dir.join("near.json");
    relay.beside(&manifest);
    let (large, small) = (picture::write(dir, 1280, 720), picture::write(dir, 320, 180));
    let text = speech::make(dir, "all", seconds + 30, "en-us");
    let mut others = tokio::task::JoinSet::new();
    for n in 0..OTHERS {
        let picture = if n == 0 { (&large, VideoConfig::default()) } else { (&small, small_config()) };
        let config = Config {
            entry: Some(Entry {
                room: "bench".into(),
                secret: RoomSecret::of_room("bench"),
                name: format!("other-{n}"),
                token: None,
            }),
            sources: vec![Source::File(manifest.clone())],
            window: Duration::from_secs(1),
            pin: None,
            // Of eight two talk.
            audio: if n < 2 { AudioSource::File(text.path.clone()) } else { AudioSource::Off },
            video: VideoSource::File(picture.0.clone()),
            video_config: picture.1,
            play: Output::Off,
            processing: Default::default(),
            share: None,
            muted: false,
            camera_off: false,
            record_audio: None,
            record_video: None,
            history: None,
        };
        others.spawn(look_away(Call::start(config).await.unwrap()));
    }
    let audio = format!("file:{}", text.path.display());
    let video = format!("file:{}", large.display());
    let mut one = Caller::start(programs, dir, "one", &manifest, &["--audio", &audio, "--video", &video]);
    one.wait_for("joined").await;
    tokio::time::sleep(SETTLE).await;
    let before = [one.process.cost(), relay.process.cost()];
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    let after = [one.process.cost(), relay.process.cost()];
    let summary = one.finish();
    others.shutdown().await;
    println!(
        "\ncase nine: one sends 720p30, sees one at 720p and seven at 180p, hears eight of whom two talk; {seconds} s"
    );
    for (name, n) in [("the one", 0), ("relay", 1)] {
        let percent = after[n].percent_since(&before[n]);
        println!("  {name:<38}{percent:>22.1} % of a core, {:.0} MB", after[n].rss_mb);
    }
    let peers = summary["peers"].as_array().cloned().unwrap_or_default();
    println!("  {:<10} {:>10} {:>6} {:>8} {:>8} {:>11}", "peer", "picture", "fps", "decoded", "lost", "frozen, ms");
    for peer in &peers {
        let video = &peer["video"];
        let picture = format!("{}x{}", video["width"], video["height"]);
        let fps = video["fps"].as_f64().unwrap_or(0.0);
        let name = peer["name"].as_str().unwrap_or("-");
        let [decoded, lost, frozen] = ["decoded", "lost", "frozen_ms"].map(|field| video[field].to_string());
        println!("  {name:<10} {picture:>10} {fps:>6.1} {decoded:>8} {lost:>8} {frozen:>11}");
    }
    let seen = peers.iter().filter(|peer| peer["video"]["decoded"].as_u64() > Some(0)).count();
    println!("  bar: all of the others are seen {seen:>20}  bar {OTHERS}");
    seen == OTHERS
}

fn small_config() -> VideoConfig {
    VideoConfig { width: 320, height: 180, bitrate_bps: 150_000, ..VideoConfig::default() }
}

/// Sits in the call and asks for nobody's picture.
async fn look_away(mut call: Call) {
    let mut hidden = BTreeMap::new();
    while let Some(event) = call.event().await {
        if let Event::PeerJoined { peer, .. } = event
            && let Ok(peer) = u64::from_str_radix(&peer, 16)
        {
            hidden.insert(nearcall::proto::ParticipantId(peer), View::Hidden);
            call.command(Command::View(hidden.clone()));
        }
    }
}
