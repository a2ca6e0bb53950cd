//! One of two participants changes relays; the other stays and notices nothing but, at worst, a short gap.

use std::path::PathBuf;
use std::time::Duration;

use nearcall::net::distance::{Distance, Shape};
use serde_json::Value;

use crate::support::{CallProcess, Nats, RelayProcess, assert_without_hole, eventually, peer};

/// Alice starts on relay one, which is nearer to her; bob knows relay two alone.
struct Stage {
    dir: tempfile::TempDir,
    one: RelayProcess,
    two: RelayProcess,
    _nats: Nats,
    _distances: Vec<Distance>,
}

impl Stage {
    async fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nats = Nats::start();
        let one = RelayProcess::start(dir.path(), "one", &["--nats", &nats.url]);
        let two = RelayProcess::start(dir.path(), "two", &["--nats", &nats.url]);
        let rtt = |ms| Shape::rtt(Duration::from_millis(ms));
        let distances = vec![
            one.behind(rtt(50), 1, &dir.path().join("near.json")).await,
            two.behind(rtt(80), 2, &dir.path().join("far.json")).await,
        ];
        Self { dir, one, two, _nats: nats, _distances: distances }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Both in the call, hearing and seeing each other, alice with a warm standby.
    fn call(&self, seconds: u32) -> (CallProcess, CallProcess) {
        let (shorter, longer) = (format!("{seconds}s"), format!("{}s", seconds + 5));
        let (near, far) = (self.path("near.json"), self.path("far.json"));
        let args = |hz, duration| ["--audio", hz, "--video", "pattern", "--duration", duration];
        let bob = CallProcess::start(self.dir.path(), "bob", &[&self.two.manifest], &args("tone:300", &longer));
        bob.wait_for("joined", Duration::from_secs(10));
        let alice = CallProcess::start(self.dir.path(), "alice", &[&near, &far], &args("tone:500", &shorter));
        alice.wait_for_media();
        bob.wait_for_media();
        let joined = alice.wait_for("joined", Duration::ZERO);
        assert_eq!(joined["region"], "one");
        eventually("a standby", Duration::from_secs(10), || {
            alice.event("standby").filter(|event| event["region"] == "two")
        });
        std::thread::sleep(Duration::from_secs(2));
        (alice, bob)
    }
}

fn assert_one_move(call: &CallProcess, reason: &str) -> Value {
    let moves: Vec<_> = call.events().into_iter().filter(|event| event["event"] == "moved").collect();
    assert_eq!(moves.len(), 1, "{:#?}", call.events());
    assert_eq!((&moves[0]["reason"], &moves[0]["to"]["region"]), (&reason.into(), &"two".into()), "{:#}", moves[0]);
    moves[0].clone()
}

fn assert_no_second_participant(call: &CallProcess) {
    let joined = call.events().iter().filter(|event| event["event"] == "peer_joined").count();
    let kinds: Vec<_> = call.events().iter().map(|event| event["event"].clone()).collect();
    assert_eq!(joined, 1, "{kinds:?}");
    // Alice leaves first, and only then does bob see somebody leave.
    let left: Vec<_> = call.events().iter().filter(|event| event["event"] == "peer_left").map(at_ms).collect();
    let end = call.events().last().map(at_ms).unwrap();
    assert!(left.iter().all(|at| *at > end - 8_000.0), "somebody left at {left:?} of {end}");
}

fn at_ms(event: &Value) -> f64 {
    event["at_ms"].as_f64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_loses_no_audio_packet_and_no_frame() {
    let mut stage = Stage::set().await;
    let (mut alice, mut bob) = stage.call(25);
    stage.one.program.signal("TERM");
    assert!(stage.one.program.wait(Duration::from_secs(30)).success(), "the drained relay ends by itself");
    let (heard, seen) = (alice.finish(Duration::from_secs(60)), bob.finish(Duration::from_secs(60)));
    assert_one_move(&alice, "drain");
    for (call, summary) in [(&alice, &heard), (&bob, &seen)] {
        assert_no_second_participant(call);
        let peer = peer(summary);
        assert_eq!((&peer["audio"]["missing"], &peer["video"]["lost"]), (&0.into(), &0.into()), "{summary:#}");
        assert_eq!(peer["video"]["key_frames_requested"], 0, "{summary:#}");
        assert_without_hole(&call.barcodes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_costs_less_than_700_ms_of_sound() {
    let mut stage = Stage::set().await;
    let (mut alice, mut bob) = stage.call(25);
    stage.one.program.signal("KILL");
    stage.one.program.wait(Duration::from_secs(5));
    let (heard, seen) = (alice.finish(Duration::from_secs(60)), bob.finish(Duration::from_secs(60)));
    let moved = assert_one_move(&alice, "fail_over");
    let gap = |summary: &Value| peer(summary)["audio"]["longest_gap_ms"].as_u64().unwrap();
    eprintln!("audio gap at the one who moved: {} ms, at the other: {} ms", gap(&heard), gap(&seen));
    assert!(moved["audio_gap_ms"].as_u64().unwrap() < 700, "{moved:#}");
    assert!(gap(&heard) < 700 && gap(&seen) < 700, "{heard:#} {seen:#}");
    assert_no_second_participant(&alice);
    assert_no_second_participant(&bob);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_stood_still_is_back_in_the_call_it_was_in() {
    let stage = Stage::set().await;
    let (mut alice, mut bob) = stage.call(45);
    alice.program.signal("STOP");
    // Longer than QUIC lets a connection be silent, shorter than a participant is kept.
    std::thread::sleep(Duration::from_secs(18));
    assert!(bob.event("peer_left").is_none(), "{:#?}", bob.events());
    alice.program.signal("CONT");
    eventually("back by another link", Duration::from_secs(5), || alice.event("reconnected").or(alice.event("moved")));
    let (heard, _) = (alice.finish(Duration::from_secs(60)), bob.finish(Duration::from_secs(60)));
    assert_no_second_participant(&bob);
    assert_no_second_participant(&alice);
    let heard_ms = peer(&heard)["audio"]["received"].as_u64().unwrap() * 20;
    assert!(heard_ms > 15_000, "nothing was heard after it: {heard:#}");
}
