//! One talk of two: run, and what came of it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::cases::{Case, Picture};
use super::picture;
use super::processes::{Caller, Cost, Programs, Relay};
use super::score::{self, Piece};
use super::speech::{self, Speech};
use super::stalls::{Stalls, Watch};

/// Joining, and the first adjustments, are not counted as cost of a call.
const SETTLE: Duration = Duration::from_secs(3);

/// How one hears and sees the other.
pub struct Heard {
    pub who: String,
    pub pieces: Vec<Piece>,
    /// The other in the summary of who hears.
    pub peer: Value,
    pub moves: Value,
}

/// What a talk came to.
pub struct Outcome {
    pub voice: &'static str,
    pub heard: Vec<Heard>,
    /// Name, percent of a core, resident MB at the end.
    pub costs: Vec<(String, f64, f64)>,
    pub stalls: Stalls,
    /// Resident MB of each of both, each minute.
    pub minutes: Vec<[f64; 2]>,
}

pub async fn run(case: &Case, seconds: usize, programs: &Programs, dir: &Path) -> Outcome {
    let relay = Relay::start(programs, dir);
    let [far, near] = ["far.json", "near.json"].map(|name| dir.join(name));
    let way = relay.behind(case.ways[0], 7, &far).await;
    relay.beside(&near);
    let texts = [("alice", "en-us"), ("bob", "en-gb")].map(|(name, voice)| speech::make(dir, name, seconds, voice));
    let video = match case.picture {
        Picture::Middle => picture::write(dir, 640, 360),
        Picture::Large => picture::write(dir, 1280, 720),
    };
    let video = format!("file:{}", video.display());
    let start = |name: &str, manifest: &Path, text: &Speech| {
        let audio = format!("file:{}", text.path.display());
        Caller::start(programs, dir, name, manifest, &["--audio", &audio, "--video", &video])
    };
    let mut bob = start("bob", &near, &texts[1]);
    bob.wait_for("joined").await;
    let mut alice = start("alice", &far, &texts[0]);
    alice.wait_for("joined").await;
    tokio::time::sleep(SETTLE).await;
    let costs = |alice: &Caller, bob: &Caller| [alice.process.cost(), bob.process.cost(), relay.process.cost()];
    let watch = Watch::start();
    let before = costs(&alice, &bob);
    let mut minutes = vec![[before[0].rss_mb, before[1].rss_mb]];
    let share = Duration::from_secs(seconds as u64).saturating_sub(SETTLE) / case.ways.len() as u32;
    for shape in &case.ways {
        way.set(*shape);
        let mut left = share;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(60));
            tokio::time::sleep(step).await;
            left -= step;
            let [of_alice, of_bob, _] = costs(&alice, &bob);
            minutes.push([of_alice.rss_mb, of_bob.rss_mb]);
        }
    }
    let after = costs(&alice, &bob);
    let stalls = watch.end();
    let (by_alice, by_bob) = (alice.finish(), bob.finish());
    let named = ["alice", "bob", "relay"].iter().zip(before.iter().zip(&after));
    let cost = |(name, (before, after)): (&&str, (&Cost, &Cost))| {
        (name.to_string(), after.percent_since(before), after.rss_mb)
    };
    Outcome {
        voice: texts[0].voice,
        heard: vec![
            hear("bob hears alice", &texts[0], &by_alice, &bob, &by_bob),
            hear("alice hears bob", &texts[1], &by_bob, &alice, &by_alice),
        ],
        costs: named.map(cost).collect(),
        stalls,
        minutes,
    }
}

/// Compares what one said with what the other recorded.
fn hear(who: &str, said: &Speech, by_sayer: &Value, hearer: &Caller, by_hearer: &Value) -> Heard {
    let recording = speech::read(&hearer.audio);
    let unix_ms = |summary: &Value, field: &str| summary[field].as_f64();
    let from = unix_ms(by_sayer, "source_unix_ms").zip(unix_ms(by_hearer, "recording_unix_ms"));
    let mut pieces = score::pieces(&said.samples, &recording, from.map(|(said, heard)| (said - heard) / 1000.0));
    // Of the first seconds joining is a part.
    if pieces.len() > 2 {
        pieces.remove(0);
    }
    let peer = by_hearer["peers"].as_array().and_then(|peers| peers.first()).cloned().unwrap_or(Value::Null);
    Heard { who: who.into(), pieces, peer, moves: by_hearer["moves"].clone() }
}
