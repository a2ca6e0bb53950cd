//! How old sound is when it is heard: what a call says of it, against chirps sent through the whole chain.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nearcall::net::distance::Shape;
use serde_json::Value;

use crate::support::{CallProcess, RelayProcess, peer, wav};

/// Samples a second of what is sent.
const RATE: u32 = 16_000;
/// One chirp each second, so long, s.
const CHIRP_S: f64 = 0.06;

/// A chirp from 500 Hz to 3 kHz that begins and ends softly: its place is found to a sample.
fn chirp(rate: u32) -> Vec<f32> {
    let length = (CHIRP_S * f64::from(rate)) as usize;
    let sample = |n: usize| {
        let t = n as f64 / f64::from(rate);
        let phase = std::f64::consts::TAU * (500.0 * t + (3000.0 - 500.0) * t * t / (2.0 * CHIRP_S));
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / length as f64).cos();
        (0.6 * window * phase.sin()) as f32
    };
    (0..length).map(sample).collect()
}

/// A file with a chirp each second, from half a second on.
fn chirps(dir: &Path, seconds: usize) -> PathBuf {
    let mut second = vec![0.0; RATE as usize];
    second[RATE as usize / 2..][..chirp(RATE).len()].copy_from_slice(&chirp(RATE));
    wav::write(&dir.join("chirps.wav"), RATE, second.repeat(seconds))
}

/// Where chirps begin in a recording, s.
fn found(path: &Path) -> Vec<f64> {
    let (rate, samples) = wav::read(path);
    let chirp = chirp(rate);
    let power: f32 = chirp.iter().map(|sample| sample * sample).sum();
    let likeness = |at: usize| {
        let heard = &samples[at..][..chirp.len()];
        let both: f32 = chirp.iter().zip(heard).map(|(one, other)| one * other).sum();
        both / (power * heard.iter().map(|sample| sample * sample).sum::<f32>()).sqrt().max(1e-3)
    };
    let mut places = Vec::new();
    let mut at = 0;
    while at + 2 * chirp.len() < samples.len() {
        if samples[at].abs() < 0.02 {
            at += 16;
            continue;
        }
        let best_of = |places: std::iter::StepBy<std::ops::Range<usize>>| {
            places.map(|at| (likeness(at), at)).max_by(|one, other| one.0.total_cmp(&other.0)).unwrap()
        };
        // Four samples are a quarter of the shortest period: no other peak is nearer.
        let (_, near) = best_of((at.saturating_sub(chirp.len() / 2)..at + chirp.len() / 2).step_by(4));
        let (alike, best) = best_of((near.saturating_sub(4)..near + 4).step_by(1));
        if alike > 0.7 {
            places.push(best as f64 / f64::from(rate));
        }
        at = best + 2 * chirp.len();
    }
    places
}

/// The delay of each chirp that was heard, ms, in order: the source and the recording stand on the wall clock.
fn delays(by_sayer: &Value, by_hearer: &Value, recording: &Path) -> Vec<f64> {
    let said = by_sayer["source_unix_ms"].as_f64().unwrap();
    let heard = by_hearer["recording_unix_ms"].as_f64().unwrap();
    // A chirp each second, and a delay far below one.
    let delay = |at: f64| (heard + at * 1000.0 - said - 500.0).rem_euclid(1000.0);
    found(recording).into_iter().map(delay).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mouth_to_ear_as_it_is_told_is_what_chirps_take_through_the_whole_chain() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    let far = dir.path().join("far.json");
    let _way = relay.behind(Shape::rtt(Duration::from_millis(60)), 3, &far).await;
    let source = format!("file:{}", chirps(dir.path(), 20).display());
    let mut bob = CallProcess::start(
        dir.path(),
        "bob",
        &[&relay.manifest],
        &["--audio", "tone:200", "--video", "off", "--duration", "24s"],
    );
    bob.wait_for("joined", Duration::from_secs(10));
    let mut alice = CallProcess::start(
        dir.path(),
        "alice",
        &[&far],
        &["--audio", &source, "--video", "pattern", "--duration", "20s"],
    );
    let (by_alice, by_bob) = (alice.finish(Duration::from_secs(60)), bob.finish(Duration::from_secs(60)));
    let heard = delays(&by_alice, &by_bob, &bob.audio);
    assert!(heard.len() >= 12, "{} chirps heard: {heard:?}", heard.len());
    // What is told is of late; where the machine stutters the delay changes on the way.
    let late = || heard[heard.len() / 2..].iter().copied();
    let (least, most) = (late().fold(f64::MAX, f64::min), late().fold(0.0, f64::max));
    let told = peer(&by_bob);
    let sum = told["mouth_to_ear_ms"].as_f64().unwrap_or_else(|| panic!("nothing is told: {told:#}"));
    assert!((least - 15.0..most + 15.0).contains(&sum), "told {sum} ms, measured {heard:?}: {told:#}");
    let part = |name: &str| told["mouth_to_ear"][name].as_f64();
    let network = ["uplink_ms", "between_ms", "downlink_ms"].map(|name| part(name).unwrap()).iter().sum::<f64>();
    assert!((25.0..60.0).contains(&network), "one way of 30 ms took {network} ms: {told:#}");
    assert_eq!(part("playout_ms"), None, "nothing is played: {told:#}");
    // The pattern is shown with the sound of its moment.
    let offset = told["lip_offset_ms"].as_f64().unwrap();
    assert!(offset.abs() <= 40.0, "lips are {offset} ms apart: {told:#}");
}
