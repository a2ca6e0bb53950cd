//! Two participants, two relays, a nats-server: all of them processes, with real speech and a moving picture.

use std::path::Path;
use std::time::Duration;

use nearcall::net::distance::Shape;
use serde_json::Value;

use crate::support::{CallProcess, Nats, RelayProcess, assert_without_hole, peer, sound, speech};

/// A call in which alice says the speech and both show the pattern, from the moment when bob is there.
struct Talk {
    alice: CallProcess,
    bob: CallProcess,
}

impl Talk {
    fn start(dir: &Path, alice: &[&Path], bob: &[&Path], seconds: u32) -> Self {
        let (longer, shorter) = (format!("{}s", seconds + 4), format!("{seconds}s"));
        let source = format!("file:{}", speech().display());
        let bob =
            CallProcess::start(dir, "bob", bob, &["--audio", "tone:300", "--video", "pattern", "--duration", &longer]);
        bob.wait_for("joined", Duration::from_secs(10));
        let alice = CallProcess::start(
            dir,
            "alice",
            alice,
            &["--audio", &source, "--video", "pattern", "--duration", &shorter],
        );
        Self { alice, bob }
    }

    /// Waits for the end; returns the summaries of alice and bob.
    fn finish(&mut self) -> (Value, Value) {
        let patience = Duration::from_secs(60);
        (self.alice.finish(patience), self.bob.finish(patience))
    }

    fn assert_speech_arrived(&self) {
        let (source, recording) = (sound::read_16k(&speech()), sound::read_16k(&self.bob.audio));
        let (alike, at) = sound::find(&source, &recording);
        assert!(alike > 0.9, "correlation {alike:.3} at {at:.2} s");
    }

    fn assert_pictures_run(&self, seconds: usize) {
        for (who, numbers) in [("alice", self.alice.barcodes()), ("bob", self.bob.barcodes())] {
            assert_without_hole(&numbers);
            assert!(numbers.len() >= 29 * seconds, "{who} saw {} pictures in {seconds} s", numbers.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_over_nats_carry_speech_and_pictures_whole() {
    let dir = tempfile::tempdir().unwrap();
    let nats = Nats::start();
    let one = RelayProcess::start(dir.path(), "one", &["--nats", &nats.url]);
    let two = RelayProcess::start(dir.path(), "two", &["--nats", &nats.url]);
    let mut talk = Talk::start(dir.path(), &[&one.manifest], &[&two.manifest], 16);
    let (alice, bob) = talk.finish();
    talk.assert_speech_arrived();
    talk.assert_pictures_run(13);
    assert_eq!(talk.alice.wait_for("joined", Duration::ZERO)["region"], "one");
    assert_eq!(talk.bob.wait_for("joined", Duration::ZERO)["region"], "two");
    for summary in [&alice, &bob] {
        let peer = peer(summary);
        assert_eq!((&peer["audio"]["missing"], &peer["video"]["lost"]), (&0.into(), &0.into()), "{summary:#}");
        // One may be asked for while a room that has just been opened settles what is sent in which size.
        assert!(peer["video"]["key_frames_requested"].as_u64().unwrap() <= 1, "{summary:#}");
        // Whole, and in time but for what the machine itself stood still.
        for (what, at_most_ms) in [("audio", "concealed_ms"), ("video", "frozen_ms")] {
            assert!(peer[what][at_most_ms].as_u64().unwrap() < 1000, "{summary:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_udp_blocked_the_same_goes_over_websocket() {
    let dir = tempfile::tempdir().unwrap();
    let nats = Nats::start();
    let one = RelayProcess::start(dir.path(), "one", &["--nats", &nats.url]);
    let two = RelayProcess::start(dir.path(), "two", &["--nats", &nats.url]);
    let blocked = Shape { udp_blocked: true, ..Shape::default() };
    let [to_one, to_two] = ["to-one.json", "to-two.json"].map(|name| dir.path().join(name));
    let _one = one.behind(blocked, 1, &to_one).await;
    let _two = two.behind(blocked, 2, &to_two).await;
    let mut talk = Talk::start(dir.path(), &[&to_one], &[&to_two], 17);
    talk.finish();
    talk.assert_speech_arrived();
    talk.assert_pictures_run(13);
    for call in [&talk.alice, &talk.bob] {
        assert_eq!(call.wait_for("joined", Duration::ZERO)["transport"], "websocket");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_another_invite_is_shown_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    let invite = |dir: &Path| {
        let mut link = std::process::Command::new(env!("CARGO_BIN_EXE_nearcall"));
        let link = link.args(["link", "--room", "test", "--manifest"]).arg(dir).output().unwrap();
        String::from_utf8(link.stdout).unwrap().trim().to_owned()
    };
    let args = ["--audio", "tone", "--video", "off", "--play", "off", "--duration", "4s", "--events"];
    let join = |name: &str| {
        let events = dir.path().join(format!("{name}.jsonl"));
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nearcall"));
        command.env("NEARCALL_CONFIG_DIR", dir.path().join(name));
        command.arg("call").arg(invite(&relay.manifest)).args(["--name", name]).args(args).arg(&events);
        (crate::support::Program::start(name, &mut command), events)
    };
    let (mut eve, events) = join("eve");
    let (mut ann, _) = join("ann");
    assert!(ann.wait(Duration::from_secs(20)).success());
    assert!(eve.wait(Duration::from_secs(20)).success());
    let events = std::fs::read_to_string(events).unwrap();
    let joined = events.lines().find(|line| line.contains("\"peer_joined\"")).unwrap();
    assert!(joined.contains("\"readable\":false"), "{joined}");
    assert!(!events.contains("first_frame"), "noise was played: {events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_any_relay_says_so_and_exits_3() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = RelayProcess::start(dir.path(), "one", &[]);
    relay.program.signal("KILL");
    relay.program.wait(Duration::from_secs(5));
    let mut call = CallProcess::start(
        dir.path(),
        "alone",
        &[&relay.manifest],
        &["--audio", "tone", "--video", "off", "--duration", "3s"],
    );
    assert_eq!(call.program.wait(Duration::from_secs(10)).code(), Some(3));
}
