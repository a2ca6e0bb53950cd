//! Screens and windows of a real X server, shared by one process and seen by another.

use std::process::Command;
use std::time::Duration;

use nearcall::media::video::{I420, barcode};
use serde_json::Value;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateGCAux, CreateWindowAux, ImageFormat, Window, WindowClass};
use x11rb::rust_connection::RustConnection;

use crate::support::display::Display;
use crate::support::{CallProcess, RelayProcess, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing but what is shared.
const QUIET: [&str; 4] = ["--audio", "off", "--video", "off"];

/// A window that shows a number.
struct Board {
    connection: RustConnection,
    window: Window,
    size: (u16, u16),
}

impl Board {
    /// Opens one at the upper left.
    fn open(display: &Display, size: (u16, u16)) -> Self {
        let (connection, screen) = RustConnection::connect(Some(&display.name)).unwrap();
        let root = connection.setup().roots[screen].root;
        let window = connection.generate_id().unwrap();
        let shape = CreateWindowAux::new().override_redirect(1);
        let (width, height) = size;
        let kind = WindowClass::INPUT_OUTPUT;
        connection.create_window(24, window, root, 0, 0, width, height, 0, kind, 0, &shape).unwrap();
        connection.map_window(window).unwrap().check().unwrap();
        Self { connection, window, size }
    }

    fn show(&self, number: u32) {
        let (width, height) = self.size;
        let mut picture = I420::black(width.into(), height.into());
        barcode::write(&mut picture, number);
        let pixels: Vec<u8> = picture.y().iter().flat_map(|level| [*level, *level, *level, 0]).collect();
        let gc = self.connection.generate_id().unwrap();
        self.connection.create_gc(gc, self.window, &CreateGCAux::new()).unwrap();
        let format = ImageFormat::Z_PIXMAP;
        let put = self.connection.put_image(format, self.window, gc, width, height, 0, 0, 0, 24, &pixels);
        put.unwrap().check().unwrap();
        self.connection.free_gc(gc).unwrap().check().unwrap();
    }

    fn close(self) {
        self.connection.destroy_window(self.window).unwrap().check().unwrap();
    }
}

/// Ada, who shares, and Ben, who records the first picture that he is shown.
struct Pair {
    ada: CallProcess,
    ben: CallProcess,
    _relay: RelayProcess,
    _dir: tempfile::TempDir,
}

impl Pair {
    fn start(display: &Display, share: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let relay = RelayProcess::start(dir.path(), "one", &[]);
        let environment = [("DISPLAY", display.name.clone().into()), ("WAYLAND_DISPLAY", "".into()), no_wayland()];
        let join = |name: &str, args: &[&str]| {
            let args = [&QUIET, args].concat();
            let args = [&["--play", "off"], args.as_slice()].concat();
            CallProcess::start_in(dir.path(), name, &[&relay.manifest], &args, &environment)
        };
        let ben = join("ben", &[]);
        ben.wait_for("joined", PATIENCE);
        let ada = join("ada", &["--share", share]);
        Self { ada, ben, _relay: relay, _dir: dir }
    }

    /// Ben sees what Ada shares.
    fn wait_for_picture(&self) {
        eventually("Ben sees the screen", PATIENCE, || {
            self.ben.events().into_iter().find(|event| event["event"] == "first_frame" && event["kind"] == "screen")
        });
    }

    /// Both leave; what Ben recorded and what Ada was told.
    fn leave(mut self) -> (Vec<u32>, Vec<Value>) {
        for call in [&mut self.ada, &mut self.ben] {
            call.program.signal("INT");
            call.finish(Duration::from_secs(15));
        }
        (self.ben.barcodes(), self.ada.events())
    }
}

/// A session of X11, whatever the tests run in.
fn no_wayland() -> (&'static str, std::path::PathBuf) {
    ("XDG_SESSION_TYPE", "x11".into())
}

fn errors(events: &[Value]) -> Vec<&str> {
    let errors = events.iter().filter(|event| event["event"] == "error");
    errors.filter_map(|event| event["message"].as_str()).collect()
}

#[test]
fn a_window_is_seen_as_it_changes_and_the_share_ends_in_silence_when_it_is_closed() {
    let display = Display::start();
    let board = Board::open(&display, (640, 360));
    board.show(0);
    let pair = Pair::start(&display, &format!("window:{:#x}", board.window));
    pair.wait_for_picture();
    for number in 1..=12 {
        board.show(number);
        // So that there is something to see: nothing is asserted of the time.
        std::thread::sleep(Duration::from_millis(250));
    }
    board.close();
    let ended = eventually("Ada is told that nothing is shared any more", PATIENCE, || {
        pair.ada.events().into_iter().filter(|event| event["event"] == "sharing").nth(1)
    });
    assert_eq!(ended["name"], Value::Null);
    let (seen, told) = pair.leave();
    assert_eq!(errors(&told), Vec::<&str>::new());
    assert!(seen.is_sorted(), "{seen:?}");
    let mut numbers = seen.clone();
    numbers.dedup();
    assert!(numbers.len() >= 3 && numbers[0] == 0, "{seen:?}");
}

#[test]
fn what_lies_over_a_shared_window_is_not_shared_with_it() {
    let display = Display::start();
    let board = Board::open(&display, (640, 360));
    board.show(7);
    let pair = Pair::start(&display, &format!("window:{}", board.window));
    pair.wait_for_picture();
    let over = Board::open(&display, (640, 360));
    over.show(13);
    for number in 8..12 {
        board.show(number);
        std::thread::sleep(Duration::from_millis(250));
    }
    let (seen, _) = pair.leave();
    assert!(seen.iter().all(|number| (7..12).contains(number)) && seen.last() > Some(&7), "{seen:?}");
}

#[test]
fn a_whole_screen_is_seen_with_what_is_on_it() {
    let display = Display::start();
    let board = Board::open(&display, (1280, 800));
    board.show(4242);
    let pair = Pair::start(&display, "screen");
    pair.wait_for_picture();
    assert_eq!(pair.ada.wait_for("sharing", PATIENCE)["name"], "Screen screen");
    let (seen, told) = pair.leave();
    assert!(!seen.is_empty() && seen.iter().all(|number| *number == 4242), "{seen:?}");
    assert_eq!(errors(&told), Vec::<&str>::new());
}

/// What Ada is told who shares with these variables of the environment.
fn told(share: &str, environment: &[(&str, std::path::PathBuf)]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    let args = [&["--play", "off", "--share", share], QUIET.as_slice()].concat();
    let mut ada = CallProcess::start_in(dir.path(), "ada", &[&relay.manifest], &args, environment);
    let error = ada.wait_for("error", PATIENCE);
    assert!(ada.event("joined").is_some(), "the call goes on");
    ada.program.signal("INT");
    ada.finish(Duration::from_secs(15));
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_screen_that_cannot_be_shared_is_told_in_a_sentence_and_the_call_goes_on() {
    let display = Display::start();
    let with = |display: &str| [("DISPLAY", display.into()), ("WAYLAND_DISPLAY", "".into()), no_wayland()];
    assert_eq!(told("screen", &with("")), "there is no screen to share here: no display is set");
    assert!(told("screen", &with(":4321")).contains("the display :4321 does not answer"));
    assert!(told("screen:HDMI-7", &with(&display.name)).starts_with("the screen HDMI-7 is not there"));
    assert!(told("window:0x99999", &with(&display.name)).starts_with("the window 0x99999 is not there"));
    let wayland = [
        ("DISPLAY", display.name.clone().into()),
        ("WAYLAND_DISPLAY", "wayland-9".into()),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus".into()),
    ];
    let told = told("screen", &wayland);
    assert!(told.contains("xdg-desktop-portal"), "{told}");
}

#[test]
fn screens_are_listed_and_where_windows_are_not_the_reason_is_given() {
    let display = Display::start();
    let list = |display: &str| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall"));
        let command = command.args(["devices", "--json"]).env("DISPLAY", display);
        let output = command.env_remove("WAYLAND_DISPLAY").env("XDG_SESSION_TYPE", "x11").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = list(&display.name);
    let screen = &found["screens"][0];
    assert_eq!((&screen["width"], &screen["height"]), (&1280.into(), &800.into()), "{found:#}");
    assert_eq!(found["windows"].as_array().map(Vec::len), Some(0));
    assert!(found["note"].as_str().unwrap().contains("window manager"), "{found:#}");
    let nothing = list("");
    assert_eq!(nothing["screens"].as_array().map(Vec::len), Some(0));
    assert!(nothing["note"].as_str().unwrap().contains("no display is set"), "{nothing:#}");
}
