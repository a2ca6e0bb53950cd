//! A whole call over an uplink of 1 Mbit/s that falls to 300 kbit/s and comes back: programs as they are.

use std::time::Duration;

use nearcall::net::distance::Shape;

use super::sockets::path;
use crate::support::{CallProcess, RelayProcess, peer};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_keeps_its_sound_through_300_kilobits_and_its_picture_follows() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    let narrow = dir.path().join("narrow.json");
    let wide = Shape::rtt(Duration::from_millis(100));
    let distance = relay.behind(wide, 1, &narrow).await;
    distance.set_ways(path(1_000_000), wide);
    let args = |hz, seconds| ["--audio", hz, "--video", "pattern", "--duration", seconds];
    let mut bob = CallProcess::start(dir.path(), "bob", &[&relay.manifest], &args("tone:300", "60s"));
    bob.wait_for("joined", Duration::from_secs(20));
    let mut alice = CallProcess::start(dir.path(), "alice", &[&narrow], &args("tone:500", "50s"));
    bob.wait_for_media();
    for (seconds, rate) in [(14, 300_000), (14, 1_000_000)] {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        distance.set_ways(path(rate), wide);
    }
    let patience = Duration::from_secs(60);
    let (alice, bob) = (alice.finish(patience), bob.finish(patience));
    let (uplink, heard, seen) = (&alice["uplink"], &peer(&bob)["audio"], &peer(&bob)["video"]);
    println!("{uplink}\n{heard}\n{seen}");
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!(number(&uplink["target_bps"]) > 550_000.0, "{uplink}");
    let share = number(&heard["missing"]) / number(&heard["received"]);
    assert!(share < 0.02 && number(&heard["longest_gap_ms"]) < 700.0, "{heard}");
    assert!(number(&seen["longest_gap_ms"]) < 3000.0 && number(&seen["frozen_ms"]) < 6000.0, "{seen}");
}
