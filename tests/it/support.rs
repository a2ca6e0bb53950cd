//! Real programs for the tests: relays, calls and a nats-server as processes, and what their files say.

#[cfg(target_os = "linux")]
pub mod display;
#[cfg(target_os = "linux")]
pub mod pulse;
pub mod sound;
pub mod wav;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::net::distance::{Distance, Shape};
use nearcall::proto::CALL_PATH;
use nearcall::proto::manifest::{Manifest, RelayEntry};
use serde_json::Value;

/// A program that was started here and ends with the test.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
}

impl Program {
    pub fn start(name: &str, command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { child, name: name.into() }
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{} takes no {signal}", self.name);
    }

    /// Waits for the end.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let end = clock::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(clock::now() < end, "{} did not end within {patience:?}", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something, or panics.
pub fn eventually<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = clock::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock::now() < end, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A nats-server on a free port.
pub struct Nats {
    pub url: String,
    _program: Program,
}

impl Nats {
    pub fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        Self::start_at(port)
    }

    pub fn start_at(port: u16) -> Self {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]).stderr(Stdio::null());
        let program = Program::start("nats-server", &mut command);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        eventually("nats-server listens", Duration::from_secs(10), || TcpStream::connect(address).ok());
        Self { url: format!("nats://{address}"), _program: program }
    }
}

/// A relay as a process.
pub struct RelayProcess {
    pub program: Program,
    pub manifest: PathBuf,
    pub entry: RelayEntry,
}

impl RelayProcess {
    pub fn start(dir: &Path, region: &str, args: &[&str]) -> Self {
        let manifest = dir.join(format!("{region}.json"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"));
        command.args(["--region", region, "--listen", "127.0.0.1:0", "--manifest-out"]).arg(&manifest).args(args);
        let program = Program::start(region, &mut command);
        let entry = eventually("the relay writes its manifest", Duration::from_secs(10), || {
            Manifest::from_json(&fs::read_to_string(&manifest).ok()?).ok()?.relays.pop()
        });
        Self { program, manifest, entry }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        let url = self.entry.websocket.as_deref().unwrap();
        url.trim_start_matches("wss://").trim_end_matches(CALL_PATH).parse().unwrap()
    }

    /// Puts distance in front of it and writes a manifest that leads there.
    pub async fn behind(&self, shape: Shape, seed: u64, manifest: &Path) -> Distance {
        let distance = Distance::start(self.address(), shape, seed).await.unwrap();
        let address = distance.address();
        let entry = RelayEntry {
            webtransport: Some(format!("https://{address}{CALL_PATH}")),
            websocket: Some(format!("wss://{address}{CALL_PATH}")),
            ..self.entry.clone()
        };
        fs::write(manifest, serde_json::to_string(&Manifest::from(vec![entry])).unwrap()).unwrap();
        distance
    }
}

/// The window of a user of its own, whose settings are in the folder `NAME` of `dir`.
pub fn window(dir: &Path, name: &str, display: &str) -> Command {
    let folder = dir.join(name);
    fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    command
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env("NEARCALL_CONFIG_DIR", &folder)
        .env("NEARCALL_INSTANCE", folder.join("instance"));
    command
}

/// A participant as a process.
pub struct CallProcess {
    pub program: Program,
    events: PathBuf,
    pub audio: PathBuf,
    pub video: PathBuf,
    started: Instant,
}

impl CallProcess {
    /// Joins the room `test`, without a speaker; records what it hears and sees.
    pub fn start(dir: &Path, name: &str, manifests: &[&Path], args: &[&str]) -> Self {
        Self::start_in(dir, name, manifests, &[&["--play", "off"], args].concat(), &[])
    }

    /// The same with variables of the environment.
    pub fn start_in(
        dir: &Path,
        name: &str,
        manifests: &[&Path],
        args: &[&str],
        environment: &[(&str, PathBuf)],
    ) -> Self {
        let [events, audio, video] = ["jsonl", "wav", "y4m"].map(|kind| dir.join(format!("{name}.{kind}")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
        command.args(["call", "--room", "test", "--name", name]);
        command.env("NEARCALL_CONFIG_DIR", dir.join(name)).envs(environment.iter().cloned());
        for manifest in manifests {
            command.arg("--manifest").arg(manifest);
        }
        command.arg("--events").arg(&events).arg("--record-audio").arg(&audio).arg("--record-video").arg(&video);
        let program = Program::start(name, command.args(args));
        Self { program, events, audio, video, started: clock::now() }
    }

    /// Joins the room `test` in a window on `display`, without a speaker. Its settings are in the folder `NAME` of `dir`.
    pub fn start_window(dir: &Path, name: &str, display: &str, manifests: &[&Path], args: &[&str]) -> Self {
        let [events, audio, video] = ["jsonl", "wav", "y4m"].map(|kind| dir.join(format!("{name}.{kind}")));
        let mut command = window(dir, name, display);
        command.args(["--room", "test", "--name", name, "--play", "off", "--join"]);
        for manifest in manifests {
            command.arg("--manifest").arg(manifest);
        }
        let program = Program::start(name, command.arg("--events").arg(&events).args(args));
        Self { program, events, audio, video, started: clock::now() }
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.events).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The first event of a kind.
    pub fn event(&self, kind: &str) -> Option<Value> {
        self.events().into_iter().find(|event| event["event"] == kind)
    }

    pub fn wait_for(&self, kind: &str, patience: Duration) -> Value {
        let end = clock::now() + patience;
        loop {
            if let Some(event) = self.event(kind) {
                return event;
            }
            assert!(clock::now() < end, "no {kind} within {patience:?} in {:#?}", self.events());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the peer is heard and seen.
    pub fn wait_for_media(&self) {
        for kind in ["audio", "video"] {
            eventually(&format!("first {kind}"), Duration::from_secs(15), || {
                self.events().into_iter().find(|event| event["event"] == "first_frame" && event["kind"] == kind)
            });
        }
    }

    /// Waits for the end and returns the summary.
    pub fn finish(&mut self, patience: Duration) -> Value {
        let status = self.program.wait(patience);
        assert!(status.success(), "{} after {:?}: {:#?}", status, clock::now() - self.started, self.events());
        self.event("summary").expect("a summary comes last")
    }

    /// The numbers in the recorded pictures.
    pub fn barcodes(&self) -> Vec<u32> {
        let mut reader = nearcall::media::video::y4m::Reader::open(&self.video).unwrap();
        let mut numbers = Vec::new();
        while let Some(picture) = reader.next_picture().unwrap() {
            numbers.push(nearcall::media::video::barcode::read(&picture.view()).expect("each picture has a barcode"));
        }
        numbers
    }
}

/// Fails where the numbers do not run by ones.
pub fn assert_without_hole(numbers: &[u32]) {
    let holes: Vec<_> = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
    assert!(holes.is_empty(), "holes at {holes:?} in {} pictures", numbers.len());
}

/// The one peer of a summary.
pub fn peer(summary: &Value) -> &Value {
    let peers = summary["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 1, "{summary:#}");
    &peers[0]
}

/// The speech that comes with the tests: 12 s.
pub fn speech() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/speech.wav")
}
