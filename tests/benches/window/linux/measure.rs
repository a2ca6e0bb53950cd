//! A program that runs, and what its threads took of a processor.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nearcall::clock;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ended when it is dropped.
pub struct Running {
    child: Child,
    name: String,
    /// Of a relay.
    pub manifest: PathBuf,
    /// Frames that were drawn, of a window.
    frames: Arc<AtomicU64>,
}

/// What was drawn while somebody watched.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub frames: u64,
    pub cpu: Duration,
    pub watched: Duration,
}

impl Drawn {
    pub fn percent(&self) -> f64 {
        100.0 * self.cpu.as_secs_f64() / self.watched.as_secs_f64()
    }

    /// Frames a second.
    pub fn rate(&self) -> f64 {
        self.frames as f64 / self.watched.as_secs_f64()
    }

    pub fn ms_a_frame(&self) -> f64 {
        1000.0 * self.cpu.as_secs_f64() / self.frames.max(1) as f64
    }
}

impl Running {
    pub fn start(name: &str, command: &mut Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::null()).spawn().map_err(|error| format!("{name} does not start: {error}"))?;
        Ok(Self { child, name: name.into(), manifest: PathBuf::new(), frames: Arc::default() })
    }

    /// `nearcall`, with settings of its own.
    pub fn program(dir: &Path, name: &str, display: &str, args: &[&str]) -> Result<Self, String> {
        let mut command = command(dir, name, display);
        command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
        Self::start(name, &mut command)
    }

    /// A window without devices, whose frames are counted.
    pub fn window(dir: &Path, name: &str, display: &str, args: &[&str]) -> Result<Self, String> {
        let mut command = command(dir, name, display);
        command.args(["--new-window", "--log", "nearcall::ui::app=trace", "--no-history"]);
        command.args(["--audio", "off", "--video", "off", "--play", "off"]).args(args);
        let mut running = Self::start(name, command.stdout(Stdio::null()).stderr(Stdio::piped()))?;
        let log = running.child.stderr.take().ok_or("no log")?;
        let frames = running.frames.clone();
        // Ends with the window.
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.ends_with(" drawing") {
                    frames.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(running)
    }

    /// One on loopback.
    pub fn relay(dir: &Path) -> Result<Self, String> {
        let manifest = dir.join(format!("relay-{}.json", fs::read_dir(dir).map_or(0, Iterator::count)));
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"));
        command.args(["--region", "here", "--listen", "127.0.0.1:0", "--manifest-out"]).arg(&manifest);
        let mut running = Self::start("the relay", command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let end = clock::now() + PATIENCE;
        while !fs::read_to_string(&manifest).is_ok_and(|text| text.contains("relays")) {
            if clock::now() > end {
                return Err("the relay wrote no list".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        running.manifest = manifest;
        Ok(running)
    }

    /// Lets it settle, then watches it.
    pub fn watch(&mut self, settle: Duration, watch: Duration) -> Result<Drawn, String> {
        std::thread::sleep(settle);
        let before = (self.drawing()?, self.frames.load(Ordering::Relaxed), clock::now());
        std::thread::sleep(watch);
        let (cpu, frames) = (self.drawing()?, self.frames.load(Ordering::Relaxed));
        Ok(Drawn { frames: frames - before.1, cpu: cpu.saturating_sub(before.0), watched: since(before.2) })
    }

    /// As its user would.
    pub fn minimise(&self, display: &str) -> Result<(), String> {
        let pid = self.child.id().to_string();
        let mut command = Command::new("xdotool");
        let search = ["search", "--sync", "--all", "--onlyvisible", "--pid", &pid, "--class", "nearcall"];
        command.args(search).args(["windowminimize", "%1"]).env("DISPLAY", display);
        let done = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("xdotool does not start: {error}"))?;
        if done.success() { Ok(()) } else { Err("xdotool found no window to minimise".into()) }
    }

    fn drawing(&mut self) -> Result<Duration, String> {
        match self.child.try_wait() {
            Ok(None) => Ok(drawing(self.child.id())),
            other => Err(format!("{} ended: {other:?}", self.name)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(dir: &Path, name: &str, display: &str) -> Command {
    let folder = dir.join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    command
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env("NEARCALL_CONFIG_DIR", &folder)
        .env("NEARCALL_INSTANCE", folder.join("instance"));
    command
}

pub fn since(at: Instant) -> Duration {
    clock::now().saturating_duration_since(at)
}

/// CPU time of the threads of a process that draw: its main thread, and those of the driver (Mesa's are called after what they
/// do: `llvmpipe-0`, `PROG:gdrv0`, `WSI ...`).
pub fn drawing(pid: u32) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let draws = |task: &PathBuf| {
        let main = task.file_name().is_some_and(|name| name.to_string_lossy() == pid.to_string());
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        main || ["llvmpipe", "WSI", ":gdrv", ":gl", ":disk$", ":sh"].iter().any(|part| name.contains(part))
    };
    let taken = |task: PathBuf| {
        let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
    };
    let tasks = tasks.flatten().map(|task| task.path()).filter(draws);
    Duration::from_nanos(tasks.map(taken).sum())
}
