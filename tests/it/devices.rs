//! Microphones and speakers as the system gives them, and takes them away: real processes on a PulseAudio of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::figures::quantile;
use crate::support::pulse::{Hearing, Pulse};
use crate::support::{CallProcess, RelayProcess, eventually, sound, wav};

const SECOND: usize = 16_000;
const PATIENCE: Duration = Duration::from_secs(20);
/// As they are: a tone is noise to whoever holds noise down.
const MIC_AND_SPEAKER: [&str; 8] = ["--audio", "mic", "--play", "speaker", "--video", "off", "--processing", "off"];

/// The same of somebody who picked the headset.
const HEADSET: [&str; 8] =
    ["--audio", "mic:headset", "--play", "speaker:headset", "--video", "off", "--processing", "off"];

/// Leads ALSA to nothing at all.
fn no_sound_system(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let empty = dir.join("empty.conf");
    fs::write(&empty, "").unwrap();
    vec![("ALSA_CONFIG_PATH", empty)]
}

/// A call of alice and bob, each with a microphone and a speaker.
struct Pair {
    alice: CallProcess,
    bob: CallProcess,
    _relay: RelayProcess,
}

impl Pair {
    fn start(dir: &Path, pulse: &Pulse) -> Self {
        Self::start_with(dir, pulse, ("alice", &MIC_AND_SPEAKER), ("bob", &MIC_AND_SPEAKER))
    }

    /// With whose devices each of them has, and what each of them asks for.
    fn start_with(dir: &Path, pulse: &Pulse, alice: (&str, &[&str]), bob: (&str, &[&str])) -> Self {
        let relay = RelayProcess::start(dir, "one", &[]);
        let join = |name: &str, (whose, args): (&str, &[&str])| {
            CallProcess::start_in(dir, name, &[&relay.manifest], args, &pulse.environment(whose))
        };
        let (alice, bob) = (join("alice", alice), join("bob", bob));
        for call in [&alice, &bob] {
            call.wait_for("peer_joined", PATIENCE);
        }
        pulse.wait_for_streams(2, 2);
        Self { alice, bob, _relay: relay }
    }

    /// Both hang up; whatever happened to their devices, that is a good end.
    fn leave(mut self) {
        for call in [&mut self.alice, &mut self.bob] {
            call.program.signal("INT");
            call.finish(Duration::from_secs(10));
        }
    }
}

/// Four seconds of 1 kHz, a quarter of full scale.
fn tone(dir: &Path) -> PathBuf {
    let tone = |n: u32| (f64::from(n) / 48.0 * std::f64::consts::TAU).sin() * 0.25;
    wav::write(&dir.join("tone.wav"), 48_000, (0..4 * 48_000).map(tone))
}

/// Something like a voice, of so many seconds: a gliding pitch with harmonics, in syllables.
fn voice(dir: &Path, seconds: u32) -> PathBuf {
    let mut phase = 0.0f64;
    let said = (0..seconds * 48_000).map(move |n| {
        let t = f64::from(n) / 48_000.0;
        phase += (180.0 + 40.0 * (t * 3.1).sin() + 15.0 * (t * 7.3).sin()) / 48_000.0;
        let harmonic = |k: i32| (phase * f64::from(k) * std::f64::consts::TAU).sin() / f64::from(k).powf(1.2);
        let syllable = (0.5 + 0.5 * (t * 3.0 * std::f64::consts::TAU).sin()).powi(2);
        (1..16).map(harmonic).sum::<f64>() * 0.15 * syllable
    });
    wav::write(&dir.join("voice.wav"), 48_000, said)
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// The second with the most power in it.
fn loudest(samples: &[f32]) -> &[f32] {
    samples.windows(SECOND).step_by(SECOND / 10).max_by(|one, other| power(one).total_cmp(&power(other))).unwrap_or(&[])
}

/// Alice says a tone until it was heard where bob sits.
fn assert_bob_hears_alice(pulse: &Pulse, tone: &Path, bob: &Hearing) {
    assert_heard(pulse, tone, "alice", bob);
}

/// A tone that is said into a microphone is heard at a speaker.
fn assert_heard(pulse: &Pulse, tone: &Path, microphone: &str, bob: &Hearing) {
    let before = bob.samples().len();
    assert!(pulse.say(microphone, tone).wait(PATIENCE).success(), "paplay ends well");
    let said = bob.samples().len();
    bob.wait_until(said + SECOND);
    let heard = bob.samples().split_off(before);
    let loudest = loudest(&heard);
    let (loud, pitch) = (peak(loudest), sound::pitch(loudest));
    assert!(loud > 0.05, "peak {loud} at the speaker");
    assert!((990.0..=1010.0).contains(&pitch), "{pitch} Hz at the speaker");
}

/// What the events say about a device, in order.
fn states(call: &CallProcess, device: &str) -> Vec<String> {
    let events = call.events().into_iter().filter(|event| event["event"] == "device" && event["device"] == device);
    events.map(|event| event["state"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the last that is told about a device is that it works, or that it does not.
fn wait_for_device(call: &CallProcess, device: &str, works: bool) {
    eventually(&format!("{device} works: {works}"), PATIENCE, || {
        states(call, device).last().is_some_and(|state| state.starts_with("works") == works).then_some(())
    });
}

fn devices(environment: &[(&'static str, PathBuf)]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    let output = command.args(["devices", "--json"]).envs(environment.iter().cloned()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn defaults(rows: &Value) -> Vec<&Value> {
    rows.as_array().unwrap().iter().filter(|row| row["default"] == true).collect()
}

#[test]
fn what_alice_says_into_her_microphone_comes_out_of_the_speaker_of_bob_and_not_of_hers() {
    let dir = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(dir.path(), &["alice", "bob"]);
    let pair = Pair::start(dir.path(), &pulse);
    let (at_alice, at_bob) = (pulse.hear("alice"), pulse.hear("bob"));
    assert_bob_hears_alice(&pulse, &tone(dir.path()), &at_bob);
    at_alice.wait_until(at_bob.samples().len());
    let echo = peak(&at_alice.samples());
    assert!(echo < 0.005, "alice hears {echo} of herself");
    for call in [&pair.alice, &pair.bob] {
        assert_eq!(states(call, "microphone").len() + states(call, "speaker").len(), 0, "{:#?}", call.events());
    }
    pair.leave();
}

/// How loud alice hears herself while she talks and the microphone of bob stands beside his speaker: power of each quarter of a
/// second, once a canceller has had time to learn.
fn heard_of_herself(bobs: &[&str]) -> Vec<f64> {
    let dir = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(dir.path(), &["alice", "bob"]);
    let pair = Pair::start_with(dir.path(), &pulse, ("alice", &MIC_AND_SPEAKER), ("bob", bobs));
    pulse.put_together("bob");
    let at_alice = pulse.hear("alice");
    let mut saying = pulse.say("alice", &voice(dir.path(), 16));
    at_alice.wait_until(9 * SECOND);
    let settled = at_alice.samples().len();
    assert!(saying.wait(PATIENCE).success(), "paplay ends well");
    let heard = at_alice.samples()[settled..].chunks(SECOND / 4).map(|quarter| power(quarter).into()).collect();
    pair.leave();
    heard
}

#[test]
fn whoever_talks_to_a_microphone_beside_a_speaker_does_not_hear_herself() {
    let with = |processing| ["--audio", "mic", "--play", "speaker", "--video", "off", "--processing", processing];
    let (echo, left) = (heard_of_herself(&with("off")), heard_of_herself(&with("echo,noise")));
    // Where the machine stutters the echo moves, and is heard until the canceller has found it again.
    let (echo, left) = (quantile(echo, 0.3).unwrap(), quantile(left, 0.7).unwrap());
    let less = 10.0 * (echo / left.max(1e-9)).log10();
    assert!(echo > 1e-4, "there is an echo to take out: {echo}");
    assert!(less >= 20.0, "{less} dB less");
}

#[test]
fn a_sound_system_that_dies_does_not_end_the_call_and_is_used_again_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut pulse = Pulse::start(dir.path(), &["alice", "bob"]);
    let mut pair = Pair::start(dir.path(), &pulse);
    pulse.kill();
    for call in [&mut pair.alice, &mut pair.bob] {
        wait_for_device(call, "microphone", false);
        wait_for_device(call, "speaker", false);
        assert!(call.program.is_running());
    }
    pulse.start_again();
    for call in [&pair.alice, &pair.bob] {
        wait_for_device(call, "microphone", true);
        wait_for_device(call, "speaker", true);
    }
    let at_bob = pulse.hear("bob");
    assert_bob_hears_alice(&pulse, &tone(dir.path()), &at_bob);
    pair.leave();
}

#[test]
fn a_headset_that_was_picked_is_stood_in_for_and_taken_when_it_is_plugged_in() {
    let dir = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(dir.path(), &["alice", "bob"]);
    pulse.make_default("alice");
    let pair = Pair::start_with(dir.path(), &pulse, ("alice", &HEADSET), ("bob", &MIC_AND_SPEAKER));
    for device in ["microphone", "speaker"] {
        let states = states(&pair.alice, device);
        assert!(states.len() == 2 && states[0].starts_with("not found"), "{device}: {states:?}");
        assert_eq!(states[1], "works: alice", "{device}");
    }
    let (at_bob, tone) = (pulse.hear("bob"), tone(dir.path()));
    assert_bob_hears_alice(&pulse, &tone, &at_bob);
    // What telephones have: 16 kHz, one channel.
    pulse.plug("headset", 16_000, 1);
    for device in ["microphone", "speaker"] {
        eventually("the headset is taken", PATIENCE, || {
            states(&pair.alice, device).last().filter(|state| *state == "works: headset").cloned()
        });
    }
    assert_heard(&pulse, &tone, "headset", &at_bob);
    // The sound system moves who plays on a device that goes away to its default: no callback is missed.
    pulse.unplug("headset");
    assert_bob_hears_alice(&pulse, &tone, &at_bob);
    pair.leave();
}

#[test]
fn another_default_is_followed_in_the_middle_of_a_call_and_a_device_that_was_picked_is_not_left_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(dir.path(), &["alice", "bob"]);
    pulse.make_default("bob");
    pulse.plug("headset", 44_100, 2);
    let pair = Pair::start_with(dir.path(), &pulse, ("alice", &HEADSET), ("anybody", &MIC_AND_SPEAKER));
    let tone = tone(dir.path());
    assert_heard(&pulse, &tone, "headset", &pulse.hear("bob"));
    pulse.plug("dock", 48_000, 2);
    pulse.make_default("dock");
    assert_heard(&pulse, &tone, "headset", &pulse.hear("dock"));
    assert_heard(&pulse, &tone, "dock", &pulse.hear("headset"));
    pair.leave();
}

#[test]
fn a_sound_system_that_hangs_does_not_keep_anybody_from_leaving() {
    let dir = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(dir.path(), &["alice", "bob"]);
    let pair = Pair::start(dir.path(), &pulse);
    pulse.hang();
    wait_for_device(&pair.alice, "speaker", false);
    pair.leave();
}

#[test]
fn without_microphone_speaker_and_camera_a_call_is_joined_and_each_is_told_to_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    // By a name that nothing has: the machine of a person has a camera.
    let args = ["--audio", "mic", "--play", "speaker", "--video", "camera:no camera has this name"];
    let environment = no_sound_system(dir.path());
    let mut call = CallProcess::start_in(dir.path(), "alone", &[&relay.manifest], &args, &environment);
    call.wait_for("joined", PATIENCE);
    for device in ["microphone", "speaker", "camera"] {
        wait_for_device(&call, device, false);
        let states = states(&call, device);
        assert!(states.len() == 1 && states[0].starts_with("not found"), "{device}: {states:?}");
    }
    call.program.signal("INT");
    call.finish(Duration::from_secs(10));
}

#[test]
fn devices_are_listed_where_there_are_any() {
    let dir = tempfile::tempdir().unwrap();
    let pulse = Pulse::start(dir.path(), &["alice"]);
    let found = devices(&pulse.environment("alice"));
    for kind in ["microphones", "speakers"] {
        let defaults = defaults(&found[kind]);
        assert_eq!(defaults.len(), 1, "{found:#}");
        assert_eq!(defaults[0]["id"], "alsa:default", "{found:#}");
    }
}

#[test]
fn a_list_of_devices_is_no_failure_where_there_is_no_sound_system() {
    let dir = tempfile::tempdir().unwrap();
    let found = devices(&no_sound_system(dir.path()));
    for kind in ["microphones", "speakers"] {
        assert!(defaults(&found[kind]).is_empty(), "{found:#}");
        if !Path::new("/proc/asound/card0").exists() {
            assert_eq!(found[kind].as_array().map(Vec::len), Some(0), "{found:#}");
        }
    }
}
