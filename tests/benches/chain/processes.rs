//! A relay and calls as processes, and what they cost, by `/proc`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::net::distance::{Distance, Shape};
use serde_json::Value;

/// Ticks of `/proc/PID/stat` a second, as every Linux has it.
const TICKS: f64 = 100.0;

/// A process that ends with the bench.
pub struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Time on the processor so far, s, and memory, MB.
    pub fn cost(&self) -> Cost {
        let proc = format!("/proc/{}", self.0.id());
        let stat = fs::read_to_string(format!("{proc}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: user and system time are fields 14 and 15 of the whole.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        let status = fs::read_to_string(format!("{proc}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Cost { at: clock::now(), cpu_s: (ticks(11) + ticks(12)) / TICKS, rss_mb: resident.unwrap_or(0.0) / 1024.0 }
    }

    /// True once it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
    }

    fn wait(&mut self, patience: Duration) {
        let end = clock::now() + patience;
        while !self.has_ended() {
            assert!(clock::now() < end, "a process does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process had used up at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub at: Instant,
    pub cpu_s: f64,
    pub rss_mb: f64,
}

impl Cost {
    /// Percent of one core since `before`.
    pub fn percent_since(&self, before: &Cost) -> f64 {
        100.0 * (self.cpu_s - before.cpu_s) / self.at.duration_since(before.at).as_secs_f64()
    }
}

/// The two programs.
pub struct Programs {
    pub call: PathBuf,
    pub relay: PathBuf,
}

/// A relay, and a way to it for each who calls.
pub struct Relay {
    pub process: Process,
    entry: Value,
}

impl Relay {
    pub fn start(programs: &Programs, dir: &Path) -> Self {
        let manifest = dir.join("relay.json");
        let mut command = Command::new(&programs.relay);
        command.args(["--region", "bench", "--listen", "127.0.0.1:0", "--open", "--self-signed", "--manifest-out"]);
        let process = Process::start(command.arg(&manifest).stderr(Stdio::null()));
        let end = clock::now() + Duration::from_secs(20);
        loop {
            let text = fs::read_to_string(&manifest).unwrap_or_default();
            if let Ok(listed) = serde_json::from_str::<Value>(&text) {
                return Self { process, entry: listed["relays"][0].clone() };
            }
            assert!(clock::now() < end, "the relay does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A way of this shape, and the manifest that leads over it.
    pub async fn behind(&self, shape: Shape, seed: u64, manifest: &Path) -> Distance {
        let url = self.entry["websocket"].as_str().unwrap();
        let to: SocketAddr = url.trim_start_matches("wss://").split('/').next().unwrap().parse().unwrap();
        let distance = Distance::start(to, shape, seed).await.unwrap();
        let mut entry = self.entry.clone();
        for transport in ["webtransport", "websocket"] {
            let led = entry[transport].as_str().unwrap().replace(&to.to_string(), &distance.address().to_string());
            entry[transport] = led.into();
        }
        fs::write(manifest, serde_json::json!({ "relays": [entry] }).to_string()).unwrap();
        distance
    }

    /// The manifest that leads there at once.
    pub fn beside(&self, manifest: &Path) {
        fs::write(manifest, serde_json::json!({ "relays": [self.entry] }).to_string()).unwrap();
    }
}

/// A participant.
pub struct Caller {
    pub process: Process,
    pub name: String,
    pub audio: PathBuf,
    events: PathBuf,
}

impl Caller {
    pub fn start(programs: &Programs, dir: &Path, name: &str, manifest: &Path, args: &[&str]) -> Self {
        let [events, audio] = ["jsonl", "wav"].map(|kind| dir.join(format!("{name}.{kind}")));
        let log = fs::File::create(dir.join(format!("{name}.log"))).unwrap();
        let mut command = Command::new(&programs.call);
        command.args(["call", "--room", "bench", "--name", name, "--play", "off", "--no-history", "--manifest"]);
        command.arg(manifest).arg("--events").arg(&events).arg("--record-audio").arg(&audio);
        command.env("NEARCALL_CONFIG_DIR", dir.join(name)).args(args).stderr(log);
        Self { process: Process::start(&mut command), name: name.into(), audio, events }
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.events).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an event.
    pub async fn wait_for(&mut self, kind: &str) {
        let end = clock::now() + Duration::from_secs(20);
        while !self.events().iter().any(|event| event["event"] == kind) {
            assert!(clock::now() < end && !self.process.has_ended(), "{}: no {kind}", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the call and gives its summary.
    pub fn finish(&mut self) -> Value {
        self.process.terminate();
        self.process.wait(Duration::from_secs(20));
        self.events().into_iter().rev().find(|event| event["event"] == "summary").expect("a summary comes last")
    }
}
