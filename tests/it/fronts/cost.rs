//! What `nearcall probe` says of a way through a proxy: who answered, and what each part of it took.

use std::process::Command;
use std::time::Duration;

use nearcall::net::distance::{Distance, Shape};
use nearcall::proto::manifest::{Manifest, RelayEntry};
use serde_json::Value;

use super::front::{Front, Relay};

/// Round trip between Caddy and the relay.
const APART: Duration = Duration::from_millis(30);

async fn probe(entry: RelayEntry, args: &'static [&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manifest.json");
    std::fs::write(&path, serde_json::to_string(&Manifest::from(vec![entry])).unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    command.args(["probe", "--window", "2s", "--manifest"]).arg(&path).args(args);
    command.env("NEARCALL_CONFIG_DIR", dir.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    drop(dir);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_shows_what_the_hop_costs_and_who_answered() {
    let relay = Relay::start("oslo");
    let apart = Distance::start(relay.plain, Shape::rtt(APART), 1).await.unwrap();
    let front = Front::caddy(apart.address());
    // Listed under another name, as an address would be that several relays share.
    let entry = RelayEntry { id: "shared".into(), ..front.entry(&relay.entry) };
    let report: Value = serde_json::from_str(&probe(entry.clone(), &["--json"]).await).unwrap();
    let row = |transport: &str| {
        let rows = report["candidates"].as_array().unwrap();
        rows.iter().find(|row| row["transport"] == transport).unwrap().clone()
    };
    let (through, direct) = (row("websocket"), row("webtransport"));
    for row in [&through, &direct] {
        assert_eq!(row["relay"], "shared");
        assert_eq!(row["provider"], "metal");
        assert_eq!(row["answered_by"], relay.entry.id.as_str(), "{row:#}");
        assert_eq!((row["answered_instance"].as_str().unwrap().len(), &row["instances"]), (16, &1.into()));
        assert!((0.0..20.0).contains(&row["relay_ms"].as_f64().unwrap()), "{row:#}");
    }
    let figure = |row: &Value, key: &str| row[key].as_f64().unwrap_or_else(|| panic!("no {key} in {row:#}"));
    let apart_ms = APART.as_secs_f64() * 1e3;
    // Caddy waited for the relay once, the distance included; each probe crosses it too.
    assert!(figure(&through, "proxy_ms") >= apart_ms * 0.9, "{through:#}");
    assert!(figure(&through, "mean_ms") >= apart_ms * 0.9, "{through:#}");
    assert!(through["via"].as_str().unwrap().contains("Caddy"), "{through:#}");
    assert_eq!((&direct["proxy_ms"], &direct["via"]), (&Value::Null, &Value::Null));

    let table = probe(entry, &[]).await;
    println!("{table}");
    assert!(table.contains(&format!("answered by {}", relay.entry.id)), "{table}");
    assert!(table.contains("shared websocket goes through") && table.contains("which waited"), "{table}");
    assert!(table.contains("metal"), "{table}");
}
