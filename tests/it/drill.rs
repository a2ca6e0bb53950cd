//! `nearcall drill` by the binary: what it prints, and what it says by its exit code. Few runs and few participants: the
//! figures themselves are the drill's business, and a machine that builds beside it is no measure.

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::support::RelayProcess;

/// One drill at a time: two would measure each other.
static ALONE: Mutex<()> = Mutex::new(());

fn drill(args: &[&str]) -> Output {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    Command::new(env!("CARGO_BIN_EXE_nearcall")).arg("drill").args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

fn row<'a>(report: &'a Value, scenario: &str) -> &'a Value {
    let rows = report["scenarios"].as_array().unwrap();
    rows.iter().find(|row| row["scenario"] == scenario).unwrap_or_else(|| panic!("no {scenario} in {report:#}"))
}

fn bar<'a>(row: &'a Value, what: &str) -> &'a Value {
    let bars = row["bars"].as_array().unwrap();
    bars.iter().find(|bar| bar["what"] == what).unwrap_or_else(|| panic!("no bar {what} in {row:#}"))
}

/// The row without its samples, to be shown when something is wrong with it.
fn short(row: &Value) -> Value {
    let mut row = row.clone();
    row["samples"] = Value::Null;
    row
}

#[test]
fn a_killed_relay_is_left_by_everybody_and_the_gap_is_read_off_arrivals() {
    let report = json(&drill(&["kill", "--clients", "3", "--json"]));
    let kill = row(&report, "kill");
    assert_eq!((&kill["moved"], &kill["lost_every_link"]), (&kill["concerned"], &0.into()), "{:#}", short(kill));
    assert!(kill["concerned"].as_u64().unwrap() > 0);
    let samples = kill["samples"].as_array().unwrap();
    assert!(!samples.is_empty());
    for sample in samples {
        let audio = &sample["audio"];
        assert_eq!(audio["alive"], true, "{sample:#}");
        assert!(audio["received"].as_u64().unwrap() > 100 && audio["gap_ms"].as_f64().unwrap() > 15.0, "{sample:#}");
    }
    let gaps: Vec<f64> = samples.iter().map(|sample| sample["audio"]["gap_ms"].as_f64().unwrap()).collect();
    assert!(gaps.iter().any(|gap| *gap > 60.0), "a relay died and nobody missed it: {gaps:?}");
    for departure in kill["departures"].as_array().unwrap() {
        assert_eq!(departure["reason"], "fail_over", "{departure:#}");
    }
}

#[test]
fn a_drain_moves_everybody_without_loss() {
    let output = drill(&["drain", "--clients", "3", "--json"]);
    let report = json(&output);
    let drain = row(&report, "drain");
    for what in ["audio packets lost", "video frames lost", "key frames asked for", "clients that stayed"] {
        assert_eq!(bar(drain, what)["measured"], 0.0, "{:#}", short(drain));
    }
    assert!(drain["departures"].as_array().unwrap().iter().all(|departure| departure["reason"] == "drain"));
    assert_eq!((output.status.code(), &report["passed"]), (Some(0), &true.into()), "{:#}", short(drain));
}

/// Twenty participants, as the drill has them unless told otherwise, are for an optimised build.
#[test]
fn four_relays_are_upgraded_in_turn_under_calls_without_loss() {
    let output = drill(&["rolling", "--clients", "4", "--json"]);
    let report = json(&output);
    let rolling = row(&report, "rolling");
    for what in ["audio packets lost", "video frames lost", "sessions left when a relay stopped", "clients that stayed"]
    {
        assert_eq!(bar(rolling, what)["measured"], 0.0, "{:#}", short(rolling));
    }
    assert_eq!(rolling["lost_every_link"], 0, "{:#}", short(rolling));
}

#[test]
fn a_relay_that_is_added_is_measured_within_twenty_seconds() {
    let report = json(&drill(&["region-added", "--json"]));
    let added = row(&report, "region-added");
    let raced = bar(added, "time to the first measurement by all, ms");
    assert_eq!(raced["met"], true, "{:#}", short(added));
    assert_eq!(added["figures"]["not_raced"], Value::Null);
}

#[test]
fn a_bar_that_cannot_be_met_is_missed_and_told_in_words_and_by_the_exit_code() {
    // Silence is not even noticed before most of a second at such a distance.
    let output = drill(&["kill", "--clients", "2", "--rtt", "900ms"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("MISSED") && text.contains("audio gap p99, ms"), "{text}");
    assert_eq!(output.status.code(), Some(1), "{text}");
}

#[test]
fn given_relays_are_drilled_from_outside_alone_and_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = RelayProcess::start(dir.path(), "one", &[]);
    let manifest = relay.manifest.display().to_string();
    let output = drill(&["kill", "blackhole", "udp-blocked", "join", "--manifest", &manifest, "--json"]);
    let report = json(&output);
    let kill = row(&report, "kill");
    assert_eq!((&kill["verdict"], &kill["why"]), (&"not_possible".into(), &"only who runs the relay can".into()));
    assert_eq!(row(&report, "blackhole")["verdict"], "not_possible", "there is one relay, and nowhere to go");
    assert_eq!(bar(row(&report, "udp-blocked-join"), "calls that went over UDP")["measured"], 0.0);
    assert!(row(&report, "join")["figures"]["first_video_ms"].as_array().is_some_and(|joins| !joins.is_empty()));
    assert_eq!(report["relays"], "given");
    let output = drill(&["kill", "--manifest", &manifest]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && text.contains("nothing could be run"), "{text}");
    assert!(relay.program.is_running());
}

#[test]
fn wrong_usage_is_2_and_nobody_there_is_3() {
    for wrong in [
        &["nothing"][..],
        &[],
        &["kill", "--clients", "1"],
        &["kill", "--runs", "0"],
        &["kill", "--all"],
        &["join", "--manifest", "relays.json", "--room", " "],
        &["join", "--manifest", "relays.json", "--token", "t"],
    ] {
        assert_eq!(drill(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut relay = RelayProcess::start(dir.path(), "one", &[]);
    relay.program.signal("KILL");
    relay.program.wait(std::time::Duration::from_secs(5));
    let manifest = relay.manifest.display().to_string();
    assert_eq!(drill(&["join", "--manifest", &manifest]).status.code(), Some(3));
}
