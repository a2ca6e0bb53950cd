//! A relay at its limit, as people meet it: who comes lands on the next best one and is told of no error, and who is on it stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nearcall::net::Distance;
use nearcall::net::distance::Shape;
use serde_json::Value;

use crate::support::{CallProcess, Nats, Program, RelayProcess, eventually};

const PATIENCE: Duration = Duration::from_secs(15);

/// A near relay with limits, a far one without, and the manifests that lead there.
struct Two {
    near: RelayProcess,
    far: PathBuf,
    _far: RelayProcess,
    _distance: Distance,
    _nats: Nats,
}

impl Two {
    async fn start(dir: &Path, limits: &str) -> Self {
        let nats = Nats::start();
        let config = dir.join("relay.toml");
        fs::write(&config, format!("[limits]\n{limits}\n")).unwrap();
        let near = RelayProcess::start(dir, "near", &["--nats", &nats.url, "--config", config.to_str().unwrap()]);
        let far_relay = RelayProcess::start(dir, "far", &["--nats", &nats.url]);
        let far = dir.join("far-away.json");
        let distance = far_relay.behind(Shape::rtt(Duration::from_millis(60)), 1, &far).await;
        Self { near, far, _far: far_relay, _distance: distance, _nats: nats }
    }

    fn manifests(&self) -> [&Path; 2] {
        [&self.near.manifest, &self.far]
    }

    fn call(&self, dir: &Path, name: &str, seconds: u32) -> CallProcess {
        let duration = format!("{seconds}s");
        let args = ["--audio", "tone:300", "--video", "off", "--duration", &duration];
        CallProcess::start(dir, name, &self.manifests(), &args)
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_lands_on_the_next_best_relay_and_members_of_the_full_one_stay() {
    let dir = tempfile::tempdir().unwrap();
    let two = Two::start(dir.path(), "sessions = 10\nfull_percent = 40").await;
    let mut alice = two.call(dir.path(), "alice", 25);
    assert_eq!(alice.wait_for("joined", PATIENCE)["region"], "near", "{:#?}", alice.events());
    let mut bob = two.call(dir.path(), "bob", 23);
    assert_eq!(bob.wait_for("joined", PATIENCE)["region"], "near");
    // Both have their standby there too: over WebSocket, for the other region is too far away. So the relay is full.
    for call in [&alice, &bob] {
        assert_eq!(call.wait_for("standby", PATIENCE)["region"], "near");
    }
    let mut carol = two.call(dir.path(), "carol", 14);
    assert_eq!(carol.wait_for("joined", PATIENCE)["region"], "far");
    eventually("carol hears both", PATIENCE, || {
        (kinds(&carol.events()).iter().filter(|kind| **kind == "first_frame").count() >= 2).then_some(())
    });
    for call in [&mut carol, &mut bob, &mut alice] {
        call.finish(Duration::from_secs(40));
        let events = call.events();
        let bad: Vec<_> = ["moved", "error", "refused", "reconnecting"]
            .into_iter()
            .filter(|kind| kinds(&events).contains(kind))
            .collect();
        assert!(bad.is_empty(), "{bad:?} in {events:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_at_the_door_goes_on_to_the_next_relay_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let two = Two::start(dir.path(), "rooms = 1").await;
    let alice = two.call(dir.path(), "alice", 40);
    assert_eq!(alice.wait_for("joined", PATIENCE)["region"], "near");
    let events = dir.path().join("other.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    command.args(["call", "--room", "another", "--name", "dave", "--audio", "tone:300", "--video", "off"]);
    command.args(["--play", "off", "--duration", "20s"]).env("NEARCALL_CONFIG_DIR", dir.path().join("dave"));
    for manifest in two.manifests() {
        command.arg("--manifest").arg(manifest);
    }
    let _dave = Program::start("dave", command.arg("--events").arg(&events));
    let read = || {
        let text = fs::read_to_string(&events).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
    };
    let joined = eventually("dave is in", PATIENCE, || read().into_iter().find(|event| event["event"] == "joined"));
    assert_eq!(joined["region"], "far", "{:#?}", read());
    assert!(!kinds(&read()).iter().any(|kind| ["error", "refused"].contains(kind)), "{:#?}", read());
}
