//! What operators are handed: every figure that dashboard and alerts ask for is one that a relay gives, every setting that unit,
//! compose file and chart make is one that a relay takes, and all of it can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use nearcall::proto::Transport;
use nearcall::proto::report::{ElectionReport, MoveCause, MoveReport, PathReport, ReportedTransport};
use nearcall::relay::{Config, Relay};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{read, root};
use crate::relay::client::{Client, Say};

/// What `/metrics` says of a relay on which somebody reported.
async fn figures() -> String {
    let admin = Some(([127, 0, 0, 1], 0).into());
    let relay = Relay::start(Config { admin, metrics_prefixes: 4, ..Config::local("oslo") }).await.unwrap();
    let client = Client::join(&relay, Transport::WebSocket, "room", 1).await;
    let path = PathReport {
        relay: relay.entry().id.clone(),
        region: "oslo".into(),
        provider: String::new(),
        transport: ReportedTransport::WebSocket as i32,
        mean_us: Some(20_000),
        jitter_us: Some(1_000),
        loss_permille: Some(0),
        samples: 15,
    };
    let moved = |cause: MoveCause| MoveReport { cause: cause as i32, audio_gap_ms: Some(20), video_gap_ms: Some(0) };
    let moves = vec![moved(MoveCause::FailOver), moved(MoveCause::Drain)];
    client.say(Say::ElectionReport(ElectionReport { paths: vec![path], moves }));
    // The answer comes behind what was said before.
    client.probe(1).await;
    let text = get(relay.admin_address().unwrap()).await;
    assert!(text.contains("nearcall_user_network_rtt_seconds_count{prefix=\"127.0.0.0/24\"} 1"), "{text}");
    text
}

async fn get(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Every expression that Prometheus is asked.
fn expressions() -> Vec<String> {
    let dashboard: serde_json::Value = serde_json::from_str(&read("packaging/relay/grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut all: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    all.extend(variables.iter().filter_map(|variable| variable["query"].as_str()).map(str::to_owned));
    let alerts = yaml("packaging/relay/alerts.yaml").remove(0);
    let rules = alerts["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    all.extend(rules.map(|rule| rule["expr"].as_str().unwrap().to_owned()));
    assert!(all.len() > 50, "{}", all.len());
    all
}

/// The documents of a YAML file.
fn yaml(path: &str) -> Vec<serde_json::Value> {
    documents(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents(text: &str) -> Result<Vec<serde_json::Value>, String> {
    use std::io::Write;
    let code = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    // The system's own, which has the package; a newer one may stand before it in the path.
    let system = Path::new("/usr/bin/python3");
    let mut python = Command::new(if system.exists() { system } else { Path::new("python3") })
        .args(["-c", code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 with PyYAML (python3-yaml) reads YAML in the tests; packaging/test.sh installs it");
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let done = python.wait_with_output().unwrap();
    match done.status.success() {
        true => Ok(serde_json::from_slice(&done.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_for_what_a_relay_says() {
    let text = figures().await;
    let names: BTreeSet<_> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| words(line).next()).collect();
    let mut asked = BTreeSet::new();
    for expression in expressions() {
        let figures = words(&expression).filter(|word| word.starts_with("nearcall_") || word.starts_with("process_"));
        asked.extend(figures.map(str::to_owned));
        // A label with one value is one of those that the relay gives.
        for (at, _) in expression.match_indices("=\"") {
            let label = words(&expression[..at]).last().unwrap();
            let value = expression[at + 2..].split('"').next().unwrap();
            let set = format!("{label}=\"{value}\"");
            assert!(label == "job" || text.contains(&set), "{set} in {expression}");
        }
    }
    let unknown: Vec<_> = asked.iter().filter(|name| !names.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "no relay says {unknown:?}");
    let ours = names.iter().copied().filter(|name| name.starts_with("nearcall_"));
    let families = ours.filter(|name| !["_bucket", "_sum", "_count"].iter().any(|part| name.ends_with(part)));
    let unseen: Vec<&str> = families.filter(|name| !asked.contains(*name)).collect();
    assert!(unseen.is_empty(), "neither dashboard nor alerts show {unseen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_own_tool_is_content() {
    let text = figures().await;
    let text_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(text_file.path(), text).unwrap();
    let metrics = std::fs::File::open(text_file.path()).unwrap();
    let alerts = root().join("packaging/relay/alerts.yaml");
    for command in [
        Command::new("promtool").args(["check", "metrics"]).stdin(metrics),
        Command::new("promtool").args(["check", "rules"]).arg(alerts),
    ] {
        // It comes with the whole of Prometheus: nobody has to install that for a test.
        let Ok(checked) = command.output() else { return };
        let said = [checked.stdout, checked.stderr].concat();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}

/// The names of settings: flags, and keys of the example, which a test beside the settings keeps complete.
fn settings() -> (BTreeSet<String>, BTreeSet<String>) {
    let help = Command::new(env!("CARGO_BIN_EXE_nearcall-relay")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
    let flags = flags.map(|flag| flag.trim_end_matches(|c: char| !c.is_ascii_lowercase()).to_owned()).collect();
    let example = read("packaging/relay/relay.toml");
    let keys = example.lines().filter_map(|line| line.trim_start_matches('#').split_once(" = "));
    (flags, keys.map(|(key, _)| key.to_owned()).collect())
}

#[test]
fn unit_and_image_run_a_relay_as_it_wants_to_be_run() {
    let (flags, _) = settings();
    let unit = read("packaging/relay/nearcall-relay.service");
    for flag in unit.lines().filter(|line| line.starts_with("Exec")).flat_map(str::split_whitespace) {
        assert!(!flag.starts_with("--") || flags.contains(flag), "{flag}");
    }
    let values: BTreeMap<_, _> = unit.lines().filter_map(|line| line.split_once('=')).collect();
    assert!(values["TimeoutStopSec"].parse::<u64>().unwrap() > Config::local("any").drain_deadline.as_secs());
    assert_eq!((values["DynamicUser"], values["CapabilityBoundingSet"], values["KillSignal"]), ("yes", "", "SIGTERM"));
    let image = read("packaging/relay/Dockerfile");
    assert!(image.contains("\nUSER nonroot\n") && image.contains("\nSTOPSIGNAL SIGTERM\n"), "{image}");
    for copied in image.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--")) {
        let sources: Vec<_> = copied.split(' ').collect();
        for source in &sources[..sources.len() - 1] {
            assert!(root().join(source).exists(), "{source}");
            assert!(read("packaging/relay/Dockerfile.dockerignore").contains(&format!("!{source}\n")), "{source}");
        }
    }
}

#[test]
fn compose_and_chart_set_what_a_relay_takes() {
    let (flags, keys) = settings();
    let compose = yaml("packaging/relay/compose.yaml").remove(0);
    let mut relays = 0;
    for service in compose["services"].as_object().unwrap().values() {
        let environment = service["environment"].as_object().unwrap();
        relays += usize::from(environment.contains_key("NEARCALL_RELAY_REGION"));
        for name in environment.keys().filter_map(|name| name.strip_prefix("NEARCALL_RELAY_")) {
            assert!(flags.contains(&format!("--{}", name.to_lowercase().replace('_', "-"))), "{name}");
        }
    }
    assert_eq!(relays, 4);
    let config = read("packaging/relay/helm/templates/config.yaml");
    for (key, _) in config.lines().filter_map(|line| line.trim().split_once(" = ")) {
        assert!(keys.contains(key), "{key}");
    }
    let deployment = read("packaging/relay/helm/templates/deployment.yaml");
    for name in words(&deployment).filter_map(|word| word.strip_prefix("NEARCALL_RELAY_")) {
        assert!(flags.contains(&format!("--{}", name.to_lowercase())), "{name}");
    }
}

#[test]
fn the_chart_reads_its_own_values_and_nothing_else() {
    let chart = Path::new("packaging/relay/helm");
    let values = yaml("packaging/relay/helm/values.yaml").remove(0);
    yaml("packaging/relay/helm/Chart.yaml");
    for template in std::fs::read_dir(root().join(chart).join("templates")).unwrap() {
        let name = template.unwrap().file_name().into_string().unwrap();
        let text = read(chart.join("templates").join(&name).to_str().unwrap());
        for used in text.split(".Values.").skip(1) {
            let used = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').next().unwrap();
            assert!(values.pointer(&format!("/{}", used.replace('.', "/"))).is_some(), "{name}: {used}");
        }
        let opened =
            ["{{- if ", "{{- with ", "{{- define "].iter().map(|word| text.matches(word).count()).sum::<usize>();
        assert_eq!(opened, text.matches("{{- end ").count() + text.matches("{{- end}").count(), "{name}");
        if name.ends_with(".yaml") {
            let document = documents(&expanded(&text)).unwrap_or_else(|error| panic!("{name}: {error}")).remove(0);
            assert!(document["kind"].is_string() && document["metadata"]["name"].is_string(), "{name}: {document}");
        }
    }
}

/// Crude: lines that are instructions alone are left out, and what stands in a line becomes a word.
fn expanded(template: &str) -> String {
    let lines = template.lines().filter(|line| !line.trim().starts_with("{{"));
    let mut out = String::new();
    for line in lines {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let quoted = after.split_once("}}").map_or(("", ""), |(inside, behind)| (inside, behind));
            out.push_str(if quoted.0.contains("replicas") || quoted.0.contains("ort") { "1" } else { "x" });
            rest = quoted.1;
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

#[test]
fn scripts_please_shellcheck() {
    for script in ["packaging/lib.sh", "packaging/start.sh", "packaging/test.sh", "packaging/relay/trial.sh"] {
        let checked = Command::new("shellcheck").args(["--shell=bash", "-x", script]).current_dir(root()).output();
        // Not everywhere.
        let Ok(checked) = checked else { return };
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}
