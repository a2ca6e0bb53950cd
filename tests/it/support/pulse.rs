//! A sound system of its own for a test: PulseAudio without hardware and without the person's settings, in a directory.
//!
//! Each user has a speaker, which is a null sink, and a microphone, which hears what is played into a second null sink:
//! the user's voice.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Program, eventually};

/// Samples a second of recordings: what [`super::sound::pitch`] reads.
const RATE: u32 = 16_000;

/// A running PulseAudio.
pub struct Pulse {
    dir: PathBuf,
    users: Vec<String>,
    daemon: Program,
}

impl Pulse {
    pub fn start(dir: &Path, users: &[&str]) -> Self {
        let dir = dir.join("pulse");
        DirBuilder::new().mode(0o700).create(&dir).unwrap();
        for user in users {
            let server = format!("server \"unix:{}\"", socket(&dir).display());
            let end =
                |device| format!("{{ type plug slave.pcm {{ type pulse {server} device \"{user}_{device}\" }} }}");
            let text = format!(
                "pcm.!default {{\n type asym\n playback.pcm {}\n capture.pcm {}\n hint {{ show on description \"{user}\" }}\n}}\n",
                end("speaker"),
                end("microphone")
            );
            fs::write(dir.join(format!("{user}.conf")), text).unwrap();
        }
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let daemon = daemon(&dir, &users);
        Self { dir, users, daemon }
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.daemon.signal("KILL");
        self.daemon.wait(Duration::from_secs(5));
    }

    /// Starts it again after [`Self::kill`].
    pub fn start_again(&mut self) {
        self.daemon = daemon(&self.dir, &self.users);
    }

    /// Lets it hang, neither working nor gone.
    pub fn hang(&self) {
        self.daemon.signal("STOP");
    }

    /// What leads ALSA to this user's devices: nothing else of the machine is found.
    pub fn environment(&self, user: &str) -> Vec<(&'static str, PathBuf)> {
        vec![("ALSA_CONFIG_PATH", self.dir.join(format!("{user}.conf"))), ("PULSE_RUNTIME_PATH", self.dir.clone())]
    }

    /// Waits until so many microphones are listened to and so many speakers are played on.
    pub fn wait_for_streams(&self, microphones: usize, speakers: usize) {
        let count = |what| {
            let list = self.client("pactl").args(["list", "short", what]).output().unwrap();
            String::from_utf8_lossy(&list.stdout).lines().count()
        };
        // Each microphone is itself a listener to its voice.
        let wanted = (microphones + self.users.len(), speakers);
        eventually("the devices are in use", Duration::from_secs(10), || {
            ((count("source-outputs"), count("sink-inputs")) == wanted).then_some(())
        });
    }

    /// Says a WAV file into a user's microphone.
    pub fn say(&self, user: &str, file: &Path) -> Program {
        let mut command = self.client("paplay");
        Program::start("paplay", command.arg(format!("--device={user}_voice")).arg(file))
    }

    /// Puts a user's microphone beside the speaker: it hears what that plays, a little quieter.
    pub fn put_together(&self, user: &str) {
        let (from, to) = (format!("source={user}_speaker.monitor"), format!("sink={user}_voice"));
        let mut load = self.client("pactl");
        load.args(["load-module", "module-loopback", &from, &to, "latency_msec=60", "source_dont_move=true"]);
        assert!(load.output().unwrap().status.success());
    }

    /// Records what a user's speaker plays, from now on.
    pub fn hear(&self, user: &str) -> Hearing {
        let path = self.dir.join(format!("{user}.raw"));
        let mut command = self.client("parecord");
        let format = ["--raw", "--format=s16le", "--channels=1", &format!("--rate={RATE}"), "--latency-msec=50"];
        command.arg(format!("--device={user}_speaker.monitor")).args(format).stdout(File::create(&path).unwrap());
        let hearing = Hearing { path, _program: Program::start("parecord", &mut command) };
        hearing.wait_until(1);
        hearing
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        isolate(&mut command, &self.dir);
        command.env("PULSE_SERVER", format!("unix:{}", socket(&self.dir).display()));
        command
    }
}

/// A recording that goes on.
pub struct Hearing {
    path: PathBuf,
    _program: Program,
}

impl Hearing {
    /// What was heard so far, 16 kHz, -1.0..=1.0.
    pub fn samples(&self) -> Vec<f32> {
        let bytes = fs::read(&self.path).unwrap();
        bytes.chunks_exact(2).map(|sample| f32::from(i16::from_le_bytes([sample[0], sample[1]])) / 32_768.0).collect()
    }

    /// Waits until so many samples were recorded.
    pub fn wait_until(&self, samples: usize) {
        eventually("a recording goes on", Duration::from_secs(20), || (self.samples().len() >= samples).then_some(()));
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("native")
}

/// Keeps a program of PulseAudio to a directory, away from the person's own sound system.
fn isolate(command: &mut Command, dir: &Path) {
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH"] {
        command.env(variable, dir);
    }
    for variable in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "PULSE_SINK", "PULSE_SOURCE"] {
        command.env_remove(variable);
    }
}

fn daemon(dir: &Path, users: &[String]) -> Program {
    let socket = socket(dir);
    let _ = fs::remove_file(&socket);
    let mut command = Command::new("pulseaudio");
    isolate(&mut command, dir);
    command.env_remove("PULSE_SERVER").stderr(File::create(dir.join("pulseaudio.log")).unwrap());
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]);
    command.args(["--realtime=no", "--high-priority=no", "--log-target=stderr"]);
    for user in users {
        for sink in ["speaker", "voice"] {
            command.arg(format!("--load=module-null-sink sink_name={user}_{sink} rate=48000 channels=2"));
        }
        let master = format!("master={user}_voice.monitor");
        command.arg(format!("--load=module-remap-source source_name={user}_microphone {master}"));
    }
    command.arg(format!("--load=module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()));
    command.stdout(Stdio::null());
    let program = Program::start("pulseaudio", &mut command);
    eventually("PulseAudio listens", Duration::from_secs(10), || UnixStream::connect(&socket).ok());
    program
}
