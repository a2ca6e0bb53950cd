//! The figures of a window under X11. See the program's head.

#[expect(clippy::unwrap_used, reason = "it is shared with the tests, and a bench may end by it")]
#[path = "../../it/support/display.rs"]
mod display;
#[path = "../common/figures.rs"]
mod figures;
mod measure;
mod scene;
mod start;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use self::display::Display;
use self::measure::{Drawn, Running};

/// First frame, and the lobby, ms.
const FRAME_MS: f64 = 500.0;
const LOBBY_MS: f64 = 1000.0;
/// Of drawing what nobody sees change, % of a core.
const IDLE_PERCENT: f64 = 1.0;
/// How long each is watched, after it has settled.
const SETTLE: Duration = Duration::from_secs(6);
const WATCH: Duration = Duration::from_secs(15);

/// What this program was started for.
pub fn main() {
    let mut args = std::env::args().skip(1);
    // `cargo test --benches` asks for the list only.
    if args.any(|arg| arg == "--list") {
        return;
    }
    if let Some(tiles) = std::env::var_os(scene::VARIABLE) {
        return scene::run(&tiles.to_string_lossy());
    }
    match all() {
        Ok(missed) => std::process::exit(i32::from(missed)),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

/// Everything; whether a bar was missed.
fn all() -> Result<bool, String> {
    let dir = std::env::temp_dir().join(format!("nearcall-bench-window-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    let display = Display::start();
    let mut eyes = start::Eyes::open(&display.name)?;
    let judged = !cfg!(debug_assertions);
    if !judged {
        println!("A debug build: the bars are for a release build, and none is judged.\n");
    }
    let mut missed = false;

    println!(
        "From the start of the program, with no relay that answers; median of {} starts, and the slowest",
        start::STARTS
    );
    let starts = start::all(&dir, &display.name, &mut eyes)?;
    missed |= bar("first frame on the display, ms", starts.frame_ms, Some(FRAME_MS));
    missed |= bar("lobby can be used, ms", starts.lobby_ms, Some(LOBBY_MS));

    println!("\nDrawing, % of a core, over {} s; and how often the window was drawn", WATCH.as_secs());
    missed |= idle_lobby(&dir, &display.name)?;
    missed |= call(&dir, &display.name)?;

    println!("\nDrawing a call by OpenGL, 20 pictures a second of 640x360 on each tile, 1280x800");
    for tiles in [1, 9] {
        let drawn = scene::measure(&display.name, tiles)?;
        let name = format!("{tiles} tiles: CPU ms a frame");
        bar(&name, [drawn.ms_a_frame(); 2], None);
        bar(&format!("{tiles} tiles: % of a core, {:.1} frames a second", drawn.rate()), [drawn.percent(); 2], None);
    }
    let _ = std::fs::remove_dir_all(&dir);
    Ok(missed && judged)
}

/// A lobby without relays, camera and microphone, and the same after a race over one relay.
fn idle_lobby(dir: &Path, display: &str) -> Result<bool, String> {
    let mut window = Running::window(dir, "alone", display, &[])?;
    let mut missed = share("lobby, no relay", &window.watch(SETTLE, WATCH)?, Some(IDLE_PERCENT));
    drop(window);
    let relay = Running::relay(dir)?;
    let manifest = relay.manifest.to_string_lossy().into_owned();
    let mut window = Running::window(dir, "raced", display, &["--manifest", &manifest])?;
    missed |= share("lobby, its race over", &window.watch(SETTLE, WATCH)?, Some(IDLE_PERCENT));
    Ok(missed)
}

/// A call of two, seen, covered by another window, and minimised.
fn call(dir: &Path, display: &str) -> Result<bool, String> {
    // Nothing but a window manager minimises.
    let mut manager = Command::new("openbox");
    let manager = manager.env("DISPLAY", display).stdout(Stdio::null()).stderr(Stdio::null());
    let _manager = Running::start("openbox", manager)?;
    let relay = Running::relay(dir)?;
    let manifest = relay.manifest.to_string_lossy().into_owned();
    let other = ["call", "--room", "test", "--video", "pattern", "--audio", "tone:330", "--play", "off", "--manifest"];
    let _other = Running::program(dir, "other", display, &[&other[..], &[manifest.as_str()]].concat())?;
    let args = ["--room", "test", "--join", "--manifest", &manifest];
    let mut window = Running::window(dir, "seen", display, &args)?;
    let mut missed = share("call of two, seen", &window.watch(SETTLE, WATCH)?, None);
    window.minimise(display)?;
    missed |= share("call of two, minimised", &window.watch(Duration::from_secs(2), WATCH)?, Some(IDLE_PERCENT));
    Ok(missed)
}

/// A line for what was drawn; whether its bar was missed.
fn share(what: &str, drawn: &Drawn, most: Option<f64>) -> bool {
    let name = format!("{what} ({:.1} frames a second)", drawn.rate());
    bar(&name, [drawn.percent(); 2], most)
}

/// A line; whether its bar was missed.
fn bar(what: &str, [figure, worst]: [f64; 2], most: Option<f64>) -> bool {
    let worst = if worst > figure { format!(" (slowest {worst:.0})") } else { String::new() };
    match most {
        Some(most) => {
            let missed = figure > most;
            let word = if missed { "MISSED" } else { "ok" };
            println!("{what:<58} {figure:>8.2}{worst}   at most {most:.0}   {word}");
            missed
        }
        None => {
            println!("{what:<58} {figure:>8.2}{worst}");
            false
        }
    }
}
