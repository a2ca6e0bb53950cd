//! Whole calls over 1 Mbit/s that falls to 300 kbit/s and comes back: programs as they are.

use std::time::Duration;

use nearcall::net::distance::Shape;
use serde_json::Value;

use super::sockets::path;
use crate::support::{CallProcess, RelayProcess, peer};

/// Which end of the call has the narrow path, and which way.
#[derive(Clone, Copy, PartialEq)]
enum Narrow {
    AliceUp,
    BobDown,
}

/// Alice talks to bob for 50 s. Returns what alice and bob have to say in the end.
async fn talk(narrow: Narrow) -> (Value, Value) {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    let behind = dir.path().join("behind.json");
    let wide = Shape::rtt(Duration::from_millis(100));
    let distance = relay.behind(wide, 1, &behind).await;
    let set = |rate| match narrow {
        Narrow::AliceUp => distance.set_ways(path(rate), wide),
        Narrow::BobDown => distance.set_ways(wide, path(rate)),
    };
    set(1_000_000);
    let way = |is_behind| if is_behind { &behind } else { &relay.manifest };
    let args = |hz, seconds| ["--audio", hz, "--video", "pattern", "--duration", seconds];
    let mut bob = CallProcess::start(dir.path(), "bob", &[way(narrow == Narrow::BobDown)], &args("tone:300", "60s"));
    bob.wait_for("joined", Duration::from_secs(20));
    let mut alice =
        CallProcess::start(dir.path(), "alice", &[way(narrow == Narrow::AliceUp)], &args("tone:500", "50s"));
    bob.wait_for_media();
    for rate in [300_000, 1_000_000] {
        tokio::time::sleep(Duration::from_secs(14)).await;
        set(rate);
    }
    let patience = Duration::from_secs(60);
    (alice.finish(patience), bob.finish(patience))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn assert_heard(bob: &Value) {
    let heard = &peer(bob)["audio"];
    let share = number(&heard["missing"]) / number(&heard["received"]);
    assert!(share < 0.02 && number(&heard["longest_gap_ms"]) < 700.0, "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_keeps_its_sound_through_300_kilobits_and_its_picture_follows() {
    let (alice, bob) = talk(Narrow::AliceUp).await;
    let (uplink, seen) = (&alice["uplink"], &peer(&bob)["video"]);
    println!("{uplink}\n{bob}");
    assert_heard(&bob);
    // The test picture takes a fifth of it: nothing shows that there is more, and nothing may take away what there was.
    assert!(number(&uplink["target_bps"]) > 400_000.0, "{uplink}");
    assert!(number(&seen["longest_gap_ms"]) < 3000.0 && number(&seen["frozen_ms"]) < 6000.0, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_receives_over_300_kilobits_hears_everything() {
    let (_, bob) = talk(Narrow::BobDown).await;
    println!("{bob}");
    assert_heard(&bob);
}
