//! How soon the window stands: from the start of the program until something is on the display, and until the lobby was drawn.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nearcall::clock;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat};

use super::figures::quantile;
use super::measure::since;

/// Starts; the first one also fills the caches of the disk, and does not count.
pub const STARTS: usize = 7;
const PATIENCE: Duration = Duration::from_secs(30);
/// A column of the display that the lobby's cards cross.
const COLUMN: i16 = 560;
const WIDE: u16 = 48;
const HIGH: u16 = 600;
/// Colours that are on it once there is more than an empty window.
const COLOURS: usize = 8;

/// Median, and slowest.
pub struct Starts {
    pub frame_ms: [f64; 2],
    pub lobby_ms: [f64; 2],
}

/// Starts the window again and again.
pub fn all(dir: &Path, display: &str, eyes: &mut Eyes) -> Result<Starts, String> {
    // A list of relays that is waited for, as where a network swallows everything.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let list = format!("https://{}/regions.json", silent.local_addr().map_err(|error| error.to_string())?);
    let mut times = Vec::new();
    for n in 0..=STARTS {
        times.push(once(&dir.join(format!("start-{n}")), display, &list, eyes)?);
    }
    times.remove(0);
    let of = |pick: fn(&[f64; 2]) -> f64| {
        let all = || times.iter().map(pick);
        [quantile(all(), 0.5).unwrap_or(f64::NAN), all().fold(0.0, f64::max)]
    };
    Ok(Starts { frame_ms: of(|times| times[0]), lobby_ms: of(|times| times[1]) })
}

/// First frame and lobby of one start, ms.
fn once(folder: &Path, display: &str, list: &str, eyes: &mut Eyes) -> Result<[f64; 2], String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
    command
        .args(["--new-window", "--log", "nearcall::ui::app=debug", "--no-history", "--manifest", list])
        .env("DISPLAY", display)
        .env_remove("WAYLAND_DISPLAY")
        .env("NEARCALL_CONFIG_DIR", folder)
        .env("NEARCALL_INSTANCE", folder.join("instance"));
    let start = clock::now();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut window = spawned.map_err(|error| format!("the window does not start: {error}"))?;
    let log = window.stderr.take().ok_or("no log")?;
    let (tell, stands) = mpsc::channel::<Instant>();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.ends_with("the lobby stands") {
                let _ = tell.send(clock::now());
            }
        }
    });
    let frame = eyes.until_drawn(start);
    let lobby = stands.recv_timeout(PATIENCE).map_err(|_| "the lobby never stood".to_owned());
    let _ = window.kill();
    let _ = window.wait();
    eyes.until_gone();
    let ms = |length: Duration| length.as_secs_f64() * 1000.0;
    let frame = frame?;
    // What is drawn can be used once it is seen.
    let lobby = lobby?.saturating_duration_since(start).max(frame);
    Ok([ms(frame), ms(lobby)])
}

/// Looks at the display. One for all: a display that nobody is connected to starts anew.
pub struct Eyes {
    connection: x11rb::rust_connection::RustConnection,
    root: u32,
}

impl Eyes {
    pub fn open(display: &str) -> Result<Self, String> {
        let (connection, screen) = x11rb::connect(Some(display)).map_err(|error| error.to_string())?;
        let root = connection.setup().roots[screen].root;
        Ok(Self { connection, root })
    }

    /// From `start` until the window's content is seen.
    fn until_drawn(&mut self, start: Instant) -> Result<Duration, String> {
        while since(start) < PATIENCE {
            if self.colours() >= COLOURS {
                return Ok(since(start));
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Err("nothing was drawn".into())
    }

    /// The next start finds an empty display.
    fn until_gone(&mut self) {
        let start = clock::now();
        while self.colours() > 1 && since(start) < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn colours(&self) -> usize {
        let all = u32::MAX;
        let asked = self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, COLUMN, 0, WIDE, HIGH, all);
        let Some(image) = asked.ok().and_then(|asked| asked.reply().ok()) else { return 0 };
        let mut colours: Vec<[u8; 3]> =
            image.data.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        colours.sort_unstable();
        colours.dedup();
        colours.len()
    }
}
