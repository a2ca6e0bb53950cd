//! What is left of a call: its elections on the caller's computer, and its round trips at the relay's operator.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nearcall::net::distance::Shape;
use serde_json::Value;

use crate::support::{CallProcess, RelayProcess, eventually};

/// From the caller to the relay and back, ms.
const RTT_MS: u64 = 40;

/// The body of a GET in the clear.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Some(body.to_owned())
}

/// The figure on the one line that begins so and has all these words.
fn figure(text: &str, name: &str, words: &[&str]) -> Option<f64> {
    let has = |line: &&str| line.starts_with(name) && words.iter().all(|word| line.contains(word));
    text.lines().find(has)?.rsplit(' ').next()?.parse().ok()
}

/// Runs `nearcall` as the user whose folder this is.
fn nearcall(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    let output = command.env("NEARCALL_CONFIG_DIR", folder).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn history(folder: &Path) -> Value {
    serde_json::from_str(&nearcall(folder, &["history", "--json"])).unwrap()
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_leaves_its_election_here_and_its_round_trips_at_the_relay() {
    let dir = tempfile::tempdir().unwrap();
    let admin = free_port();
    let relay = RelayProcess::start(dir.path(), "oslo", &["--provider", "metal", "--admin", &admin.to_string()]);
    let manifest = dir.path().join("far.json");
    let shape = Shape { delay: Duration::from_millis(RTT_MS / 2), ..Shape::default() };
    let _distance = relay.behind(shape, 1, &manifest).await;
    let args = ["--audio", "tone", "--video", "off", "--duration", "6s", "--window", "1s"];
    let mut call = CallProcess::start(dir.path(), "yvonne", &[&manifest], &args);
    let words = [r#"region="oslo""#, r#"provider="metal""#, r#"transport="webtransport""#];
    let text = eventually("the relay hears of the round trips", Duration::from_secs(20), || {
        let text = get(admin, "/metrics")?;
        figure(&text, "nearcall_user_rtt_seconds_count", &words).map(|_| text)
    });
    let of = |name: &str| figure(&text, name, &words).unwrap();
    let mean_ms = 1000.0 * of("nearcall_user_rtt_seconds_sum") / of("nearcall_user_rtt_seconds_count");
    let rtt = RTT_MS as f64;
    assert!((rtt..rtt + 60.0).contains(&mean_ms), "{mean_ms} ms in {text}");
    assert!(figure(&text, "nearcall_user_reports_total", &["accepted"]).is_some_and(|count| count >= 1.0), "{text}");
    for private in ["yvonne", "test", "127.0.0.1"] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    call.finish(Duration::from_secs(30));

    let folder = dir.path().join("yvonne");
    let exported = history(&folder);
    let election = &exported["elections"][0];
    assert_eq!((&election["winner"]["region"], &election["program"]), (&"oslo".into(), &"call".into()), "{exported:#}");
    assert!(election["mean_ms"].as_f64().is_some_and(|mean| (rtt..rtt + 60.0).contains(&mean)), "{exported:#}");
    let decisions = election["decisions"].as_array().unwrap();
    let events: Vec<_> = decisions.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!((events.first(), events.last()), (Some(&"started"), Some(&"ended")));
    assert!(events.contains(&"elected") && events.contains(&"race"), "{events:?}");
    let table = nearcall(&folder, &["history"]);
    assert!(table.contains("winner") && table.contains("oslo"), "{table}");
    assert!(nearcall(&folder, &["history", "--csv"]).lines().any(|line| line.starts_with("sample,")));
    let everything = nearcall(&folder, &["history", "--json"]) + &table;
    assert!(!everything.contains("\"test\"") && !everything.contains("yvonne") && !everything.contains("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_kept_too_and_nothing_is_where_it_is_not_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "oslo", &[]);
    let manifest = relay.manifest.to_str().unwrap();
    let probe = ["probe", "--window", "400ms", "--manifest", manifest];
    nearcall(dir.path(), &[&probe[..], &["--no-history"]].concat());
    assert_eq!(history(dir.path())["elections"].as_array().unwrap().len(), 0);
    nearcall(dir.path(), &probe);
    let exported = history(dir.path());
    assert_eq!(exported["elections"][0]["program"], "probe", "{exported:#}");
    assert_eq!(exported["elections"][0]["winner"]["region"], "oslo", "{exported:#}");
    std::fs::write(dir.path().join("settings.toml"), "history = false\n").unwrap();
    nearcall(dir.path(), &probe);
    assert_eq!(history(dir.path())["elections"].as_array().unwrap().len(), 1);
}
