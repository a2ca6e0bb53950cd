//! What an operator does to a relay that runs: drains it, renews its certificate, ends it with signals.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nearcall::clock;
use nearcall::proto::Transport;
use nearcall::proto::control::RefusalCode;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::manifest::{Manifest, RelayEntry};
use nearcall::proto::probe::RelayState;
use nearcall::relay::config::CertificateSource;
use nearcall::relay::{Config, Relay};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::beside::CallBeside;
use super::client::{Client, PATIENCE, Say, TRANSPORTS, hello};
use super::{alone, raw};

/// Writes a certificate that is good for so many days, and its key. Its pin.
fn write_certificate(folder: &Path, days: i64) -> String {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let now = time::OffsetDateTime::from_unix_timestamp(clock::unix_seconds() as i64).unwrap();
    params.not_after = now + time::Duration::days(days);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    nearcall::crypto::pin(certificate.der())
}

/// Waits until newcomers who know this pin alone get in, over both transports.
async fn until_shown(entry: &RelayEntry, pin: &str) {
    let entry = RelayEntry { pins: vec![pin.to_owned()], ..entry.clone() };
    let shown = async {
        for transport in TRANSPORTS {
            while Client::dial(&entry, transport, 1).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(15), shown).await.expect("the certificate is never shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_replaced_is_shown_to_newcomers_and_no_call_notices() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let first = write_certificate(folder.path(), 30);
    let files = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let certificate = CertificateSource::Files { certificate: files[0].clone(), key: files[1].clone() };
    let watch_files = Duration::from_millis(20);
    let config = Config { certificate, watch_files, ..Config::local("one") };
    let relay = Relay::start(config).await.unwrap();
    assert!(relay.entry().pins.is_empty(), "the web's authorities vouch for files, or nobody");
    let pinned = RelayEntry { pins: vec![first.clone()], ..relay.entry().clone() };
    let call = CallBeside::at(&pinned, &pinned).await;
    let ends = relay.certificate_ends();
    // One that is broken changes nothing.
    std::fs::write(&files[1], "no key").unwrap();
    relay.reload();
    until_shown(relay.entry(), &first).await;
    let second = write_certificate(folder.path(), 60);
    until_shown(relay.entry(), &second).await;
    assert!(relay.certificate_ends() > ends);
    call.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_certificate_is_replaced_before_it_ends_and_its_pin_is_known_before() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let manifest_out = folder.path().join("relay.json");
    let self_signed_lifetime = Some(Duration::from_secs(7));
    let config = Config { self_signed_lifetime, manifest_out: Some(manifest_out.clone()), ..Config::local("one") };
    let relay = Relay::start(config).await.unwrap();
    let call = CallBeside::start(&relay).await;
    let before = relay.entry().pins.clone();
    assert_eq!(before.len(), 2, "what is shown, and what will be");
    until_shown(relay.entry(), &before[0]).await;
    until_shown(relay.entry(), &before[1]).await;
    let now = relay.manifest().relays[0].pins.clone();
    assert_eq!((now.len(), &now[0]), (2, &before[1]));
    assert_ne!(now[1], before[0]);
    let written = Manifest::from_json(&std::fs::read_to_string(manifest_out).unwrap()).unwrap();
    assert_eq!(written.relays[0].pins, now);
    call.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_whoever_is_in_a_call_gets_in_and_newcomers_are_told_when_to_come_back() {
    let _alone = alone().await;
    let admin = Some(([127, 0, 0, 1], 0).into());
    let relay = Relay::start(Config { admin, ..Config::local("one") }).await.unwrap();
    let call = CallBeside::start(&relay).await;
    let member = Client::member(&relay, Transport::WebTransport, "standing", 1).await;
    let drain = |method: &'static str, origin: &'static str| {
        let address = relay.admin_address().unwrap();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("{method} /drain HTTP/1.1\r\nHost: relay\r\n{origin}Content-Length: 0\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            raw::read_to_end(stream).await
        }
    };
    assert!(drain("POST", "Origin: https://evil.example\r\n").await.contains(" 403 "));
    assert_eq!(relay.state(), RelayState::Ready);
    assert!(drain("POST", "").await.contains("draining, 3 sessions"));
    assert_eq!(relay.state(), RelayState::Draining);
    member.wait("Drain", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Drain(_))).then_some(())).await;
    for transport in TRANSPORTS {
        let newcomer = Client::connect(&relay, transport, 9).await;
        newcomer.say(Say::Hello(hello("standing", 9)));
        let refused = newcomer.wait_refused().await;
        assert_eq!(refused.code(), RefusalCode::Draining);
        assert!((1..=40_000).contains(&refused.retry_after_ms), "{refused:?}");
        // The same participant over another link: it has nowhere else to go.
        let again = Client::join(&relay, transport, "standing", 1).await;
        again
            .wait("Drain", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Drain(_))).then_some(()))
            .await;
    }
    assert!(drain("DELETE", "").await.contains("not draining"));
    assert_eq!(relay.state(), RelayState::Ready);
    Client::join(&relay, Transport::WebSocket, "standing", 9).await;
    call.finish().await;
}

/// The program itself.
pub struct Process(Child);

impl Process {
    /// Starts one and waits for its manifest.
    pub async fn start(folder: &Path, args: &[&str]) -> (Self, RelayEntry) {
        let manifest = folder.join("relay.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"));
        command.args(["--region", "one", "--listen", "127.0.0.1:0", "--manifest-out"]).arg(&manifest).args(args);
        let process = Self(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let written = async {
            loop {
                let json = std::fs::read_to_string(&manifest).unwrap_or_default();
                if let Ok(manifest) = Manifest::from_json(&json) {
                    break manifest.relays[0].clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let entry = tokio::time::timeout(PATIENCE, written).await.expect("it does not start");
        (process, entry)
    }

    /// Resident memory, bytes.
    pub fn memory(&self) -> u64 {
        super::memory_of(&format!("/proc/{}/status", self.0.id()))
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    async fn end(&mut self, within: Duration) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.0.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(within, ended).await.expect("it does not end")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn member(entry: &RelayEntry) -> Client {
    let client = Client::dial(entry, Transport::WebTransport, 1).await.unwrap();
    client.enter("room");
    client.subscribe(1, &[]).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_drains_the_deadline_ends_it_and_a_second_signal_does_at_once() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    for (deadline, signals, least, most) in [("600ms", 1, 600, 4000), ("1h", 2, 0, 4000)] {
        let (mut process, entry) = Process::start(folder.path(), &["--drain-deadline", deadline]).await;
        let client = member(&entry).await;
        let start = clock::now();
        process.signal("TERM");
        client
            .wait("Drain", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Drain(_))).then_some(()))
            .await;
        (1..signals).for_each(|_| process.signal("TERM"));
        assert!(process.end(PATIENCE).await.success());
        let took = start.elapsed().as_millis();
        assert!((least..most).contains(&took), "{deadline}: {took} ms");
        client.wait_closed().await;
        std::fs::remove_file(folder.path().join("relay.json")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn once_everybody_has_moved_a_drained_relay_ends_by_itself_and_a_hangup_ends_nothing() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut process, entry) = Process::start(folder.path(), &["--drain-deadline", "1h"]).await;
    let client = member(&entry).await;
    process.signal("HUP");
    process.signal("TERM");
    client.wait("Drain", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Drain(_))).then_some(())).await;
    process.signal("HUP");
    client.leave(true);
    assert!(process.end(PATIENCE).await.success());
}

#[test]
fn a_check_says_fine_or_all_that_is_wrong_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"));
        let output = command.arg("--check").arg("--config").arg(&file).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(check("region = \"oslo\"\n"), (Some(0), "fine\n".into(), String::new()));
    let (code, _, errors) = check("region = \"oslo\"\n\ndrain_dedline = \"30s\"\nworkers = \"two\"\n");
    assert_eq!((code, errors.lines().count()), (Some(2), 2), "{errors}");
    assert!(errors.contains("line 3: unknown key `drain_dedline`: did you mean `drain_deadline`?"), "{errors}");
    assert!(errors.contains("line 4: `workers` must be a whole number"), "{errors}");
}
