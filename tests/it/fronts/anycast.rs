//! One address that leads to different relays at different times, with a call on it.

use std::path::Path;
use std::time::Duration;

use nearcall::net::distance::{Distance, Shape};
use nearcall::proto::CALL_PATH;
use nearcall::proto::manifest::{Manifest, RelayEntry};
use serde_json::Value;

use crate::support::{CallProcess, RelayProcess, eventually, peer};

fn manifest(path: &Path, entries: &[RelayEntry]) {
    std::fs::write(path, serde_json::to_string(&Manifest::from(entries.to_vec())).unwrap()).unwrap();
}

/// The address is London, then Paris: the connections that it carried end, for Paris does not know them. The call goes on over
/// what stood by, and whoever answers at the address from then on is measured and named as what it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_survives_an_anycast_address_that_leads_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let nats = crate::support::Nats::start();
    let relay = |region: &str| RelayProcess::start(dir.path(), region, &["--nats", &nats.url]);
    let (london, paris) = (relay("london"), relay("paris"));
    let shape = |ms| Shape::rtt(Duration::from_millis(ms));
    let anycast = Distance::start(london.address(), shape(20), 1).await.unwrap();
    let direct = Distance::start(london.address(), shape(50), 2).await.unwrap();
    let at = |distance: &Distance, id: &str, entry: &RelayEntry| RelayEntry {
        id: id.into(),
        region: id.into(),
        webtransport: Some(format!("https://{}{CALL_PATH}", distance.address())),
        websocket: Some(format!("wss://{}{CALL_PATH}", distance.address())),
        pins: [&london.entry.pins[..], &paris.entry.pins].concat(),
        ..entry.clone()
    };
    let (ours, theirs) = (dir.path().join("ours.json"), dir.path().join("theirs.json"));
    let shared = at(&anycast, "anycast", &london.entry);
    manifest(&ours, &[shared, at(&direct, &london.entry.id, &london.entry), paris.entry.clone()]);
    manifest(&theirs, std::slice::from_ref(&london.entry));

    let media = ["--video", "pattern", "--audio", "tone", "--duration", "40s"];
    let mut far = CallProcess::start(dir.path(), "far", &[&theirs], &media);
    // Pinned while it lasts: what stands by is another relay, or another way.
    let args = [&media[..4], &["--duration", "25s", "--window", "2s", "--pin", "anycast"]].concat();
    let mut near = CallProcess::start(dir.path(), "near", &[&ours], &args);
    near.wait_for_media();
    assert_eq!(near.wait_for("joined", Duration::from_secs(10))["relay"], "anycast");
    eventually("somebody stands by", Duration::from_secs(20), || {
        near.events().into_iter().rfind(|event| event["event"] == "standby").filter(|event| event["relay"].is_string())
    });

    anycast.lead_to(paris.address());
    let all = |kind: &str| -> Vec<Value> { near.events().into_iter().filter(|event| event["event"] == kind).collect() };
    let moved = eventually("a move away", Duration::from_secs(15), || all("moved").into_iter().next());
    assert_eq!(moved["reason"], "fail_over", "{moved:#}");
    let answerer = eventually("another relay answers", Duration::from_secs(20), || all("answerer").into_iter().next());
    assert_eq!(answerer["relay"], "anycast");
    assert_eq!(answerer["was"], london.entry.id.as_str());
    assert_eq!(answerer["answered_by"], paris.entry.id.as_str());
    let summary = near.finish(Duration::from_secs(60));
    let gap = moved["audio_gap_ms"].as_u64().expect("somebody was heard");
    println!("the audio gap of the move is {gap} ms");
    assert!(gap <= 2000, "{moved:#}");
    assert!(peer(&summary)["audio"]["received"].as_u64().unwrap() > 500, "{summary:#}");
    far.finish(Duration::from_secs(60));
}
