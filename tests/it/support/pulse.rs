//! A sound system of its own for a test: PulseAudio without hardware and without the person's settings, in a directory.
//!
//! Each user has a speaker, which is a null sink, and a microphone, which hears what is played into a second null sink:
//! the user's voice. A headset of the same parts can be plugged in and pulled out.

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
        let headset = pcm(&dir, "headset", Some("headset"));
        for user in users {
            let text = pcm(&dir, "!default", Some(user)) + &headset;
            fs::write(dir.join(format!("{user}.conf")), text).unwrap();
        }
        fs::write(dir.join("anybody.conf"), pcm(&dir, "!default", None) + &headset).unwrap();
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

    /// Plugs in devices of this name: what a user's are, at a rate in Hz and with so many channels.
    pub fn plug(&self, name: &str, rate: u32, channels: u16) {
        for module in devices_of(name, rate, channels) {
            self.control(&[&["load-module"], module.split(' ').collect::<Vec<_>>().as_slice()].concat());
        }
    }

    /// Pulls them out.
    pub fn unplug(&self, name: &str) {
        let list = self.client("pactl").args(["list", "short", "modules"]).output().unwrap();
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        // The microphone first, which hangs on its voice.
        for line in list.lines().rev().filter(|line| line.contains(&format!("_name={name}_"))) {
            self.control(&["unload-module", line.split_whitespace().next().unwrap()]);
        }
    }

    /// Makes a user's devices those that everybody gets who asks for none.
    pub fn make_default(&self, user: &str) {
        self.control(&["set-default-sink", &format!("{user}_speaker")]);
        self.control(&["set-default-source", &format!("{user}_microphone")]);
    }

    fn control(&self, args: &[&str]) {
        let output = self.client("pactl").args(args).output().unwrap();
        assert!(output.status.success(), "pactl {args:?}: {output:?}");
    }

    /// What leads ALSA to this user's devices, or to the sound system's default for `anybody`: nothing else of the machine
    /// is found but the headset.
    pub fn environment(&self, user: &str) -> Vec<(&'static str, PathBuf)> {
        vec![("ALSA_CONFIG_PATH", self.dir.join(format!("{user}.conf"))), ("PULSE_RUNTIME_PATH", self.dir.clone())]
    }

    /// Waits until so many microphones are listened to and so many speakers are played on.
    pub fn wait_for_streams(&self, microphones: usize, speakers: usize) {
        let count = |what, with: &str| {
            let list = self.client("pactl").args(["list", "short", what]).output().unwrap();
            String::from_utf8_lossy(&list.stdout).lines().filter(|line| line.contains(with)).count()
        };
        // Each microphone is itself a listener to its voice.
        let own = count("modules", "module-remap-source");
        let wanted = (microphones + own, speakers);
        eventually("the devices are in use", Duration::from_secs(10), || {
            ((count("source-outputs", ""), count("sink-inputs", "")) == wanted).then_some(())
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
        load.args([
            "load-module",
            "module-loopback",
            &from,
            &to,
            "latency_msec=60",
            "adjust_time=0",
            "source_dont_move=true",
        ]);
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

/// A device of ALSA's: the microphone and the speaker of a user, or of the default where none is named.
fn pcm(dir: &Path, name: &str, user: Option<&str>) -> String {
    let server = format!("server \"unix:{}\"", socket(dir).display());
    let end = |device| {
        let device = user.map(|user| format!("device \"{user}_{device}\"")).unwrap_or_default();
        format!("{{ type plug slave.pcm {{ type pulse {server} {device} }} }}")
    };
    let (playback, capture) = (end("speaker"), end("microphone"));
    let hint = format!("hint {{ show on description \"{}\" }}", user.unwrap_or("anybody"));
    format!("pcm.{name} {{\n type asym\n playback.pcm {playback}\n capture.pcm {capture}\n {hint}\n}}\n")
}

/// The modules that make a speaker and a microphone of this name.
fn devices_of(name: &str, rate: u32, channels: u16) -> [String; 3] {
    let sink = |what| format!("module-null-sink sink_name={name}_{what} rate={rate} channels={channels}");
    let microphone = format!("module-remap-source source_name={name}_microphone master={name}_voice.monitor");
    [sink("speaker"), sink("voice"), microphone]
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
        command.args(devices_of(user, 48_000, 2).map(|module| format!("--load={module}")));
    }
    command.arg(format!("--load=module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()));
    command.stdout(Stdio::null());
    let program = Program::start("pulseaudio", &mut command);
    eventually("PulseAudio listens", Duration::from_secs(10), || UnixStream::connect(&socket).ok());
    program
}
