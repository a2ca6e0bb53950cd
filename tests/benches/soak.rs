//! Half an hour of people who come, talk and go: what a relay's memory and descriptors do meanwhile.
//!
//! The relay is a process of its own, pinned to nothing; the people are links of this one, over both transports, eight rooms,
//! some of them leaving without a word and some changing links in the middle. Ends with 1 where memory grows by more than
//! [`SLOPE`] after the warm-up, or descriptors are left.
//!
//! `cargo bench --bench soak --no-default-features --features relay -- --minutes 30`

// A helper of a test may panic as a test may.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../it/relay/client.rs"]
mod client;

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use nearcall::clock;
use nearcall::election::Rng;
use nearcall::proto::control::Subscribe;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::manifest::{Manifest, RelayEntry};
use tokio::task::JoinSet;

use self::client::Client;

/// Growth that is allowed after the warm-up, bytes an hour.
const SLOPE: f64 = 1024.0 * 1024.0;
/// People at a time.
const PEOPLE: usize = 40;
const ROOMS: u64 = 8;
/// Between two looks at the relay.
const LOOK: Duration = Duration::from_secs(5);
/// Between two lines of what was seen.
const LINE: usize = 12;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` asks for the list only.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let minutes = args.iter().position(|arg| arg == "--minutes").and_then(|at| args.get(at + 1)?.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(soak(Duration::from_secs(60 * minutes.unwrap_or(30))))
}

/// The relay, which ends with the bench.
struct Relay {
    process: Child,
    entry: RelayEntry,
}

impl Relay {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("relay.json");
        let process = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"))
            .args(["--region", "soak", "--listen", "127.0.0.1:0", "--open", "--self-signed", "--manifest-out"])
            .arg(&manifest)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let entry = listed(&manifest);
        Self { process, entry }
    }

    fn look(&self) -> Look {
        let proc = format!("/proc/{}", self.process.id());
        let status = std::fs::read_to_string(format!("{proc}/status")).unwrap();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        let resident: u64 = line("VmRSS:").trim_end_matches(" kB").parse().unwrap();
        let descriptors = std::fs::read_dir(format!("{proc}/fd")).unwrap().count();
        Look { resident: resident * 1024, descriptors }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the relay wrote once it listened.
fn listed(manifest: &Path) -> RelayEntry {
    let end = clock::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        if let Ok(manifest) = Manifest::from_json(&text) {
            return manifest.relays.into_iter().next().unwrap();
        }
        assert!(clock::now() < end, "the relay does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[derive(Clone, Copy)]
struct Look {
    resident: u64,
    descriptors: usize,
}

async fn soak(duration: Duration) -> ExitCode {
    let relay = Relay::start();
    let idle = relay.look();
    println!("{PEOPLE} people at a time in {ROOMS} rooms for {duration:?}, then nobody");
    println!("{:>9} {:>12} {:>12} {:>8}", "minute", "resident kB", "descriptors", "people");
    let start = clock::now();
    let mut people = JoinSet::new();
    let mut looks = Vec::new();
    let (mut came, mut left_out) = (0, 0);
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        let passed = start.elapsed();
        if passed >= duration {
            break;
        }
        while people.len() < PEOPLE {
            came += 1;
            people.spawn(stay(relay.entry.clone(), came));
        }
        tokio::select! {
            _ = ticks.tick() => {
                let look = relay.look();
                if looks.len() % LINE == 0 {
                    print(passed, look, came);
                }
                looks.push((passed, look));
            }
            Some(ended) = people.join_next() => left_out += usize::from(!ended.unwrap()),
        }
    }
    people.shutdown().await;
    // The relay waits half a minute for who left without a word.
    tokio::time::sleep(Duration::from_secs(45)).await;
    let after = relay.look();
    print(start.elapsed(), after, came);
    println!("{left_out} could not come in, or were cut off while they did");
    judge(duration, &looks, idle, after)
}

fn judge(duration: Duration, looks: &[(Duration, Look)], idle: Look, after: Look) -> ExitCode {
    let warm = duration / 3;
    let slope = slope(looks.iter().filter(|(at, _)| *at >= warm));
    let leaked = after.descriptors.saturating_sub(idle.descriptors);
    println!(
        "memory after minute {}: {:+.0} kB an hour (allowed {:.0})",
        warm.as_secs() / 60,
        slope / 1024.0,
        SLOPE / 1024.0
    );
    println!("descriptors: {} before anybody came, {} after everybody left", idle.descriptors, after.descriptors);
    if slope > SLOPE || leaked > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn print(passed: Duration, look: Look, came: u64) {
    let minute = passed.as_secs_f64() / 60.0;
    println!("{minute:>9.1} {:>12} {:>12} {came:>8}", look.resident / 1024, look.descriptors);
}

/// Bytes an hour, by least squares.
fn slope<'a>(looks: impl Iterator<Item = &'a (Duration, Look)>) -> f64 {
    let points: Vec<_> = looks.map(|(at, look)| (at.as_secs_f64() / 3600.0, look.resident as f64)).collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (over, under) = points
        .iter()
        .fold((0.0, 0.0), |(over, under), point| (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2)));
    if under > 0.0 { over / under } else { 0.0 }
}

/// One person: comes, talks, now and then goes on over another link, and goes, with or without a word. False where there was no
/// way in, as on a machine that is busy with something else.
async fn stay(entry: RelayEntry, number: u64) -> bool {
    let mut rng = Rng::new(number);
    let room = format!("room {}", rng.bits() % ROOMS);
    let Some(mut link) = enter(&entry, &room, number, &mut rng).await else { return false };
    let words = 500 + rng.bits() % 2500;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let mut group = 0;
    for word in 0..words as u32 {
        ticks.tick().await;
        link.audio(word);
        if word % 5 == 0 {
            let frame = word / 5;
            group = if frame % 60 == 0 { frame } else { group };
            link.video(frame, group);
        }
        if word > 0 && word % 1000 == 0 {
            let Some(next) = enter(&entry, &room, number, &mut rng).await else { return false };
            link.leave(true);
            link = next;
        }
    }
    if !rng.bits().is_multiple_of(3) {
        link.leave(false);
        link.sender.close_gracefully("bye").await;
    }
    true
}

async fn enter(entry: &RelayEntry, room: &str, number: u64, rng: &mut Rng) -> Option<Client> {
    let transport = client::TRANSPORTS[(rng.bits() % 2) as usize];
    let client = Client::dial(entry, transport, number).await.ok()?;
    client.enter(room);
    client.say(client::Say::Subscribe(Subscribe { sequence: 1, wishes: client::everything(), resume: Vec::new() }));
    let end = clock::now() + client::PATIENCE;
    while !client.look(|heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Subscribed(_)))) {
        if clock::now() >= end || client.look(|heard| heard.closed.is_some()) {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Some(client)
}
