//! The real window on a display that nobody looks at: calls, moves, second starts, and everything that may be missing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::display::Display;
use crate::support::{CallProcess, Nats, Program, RelayProcess, eventually, window};

const PATIENCE: Duration = Duration::from_secs(30);

/// Shows the pattern and makes itself heard.
const PRESENT: [&str; 4] = ["--video", "pattern", "--audio", "tone:440"];

#[test]
fn two_windows_meet_over_two_relays_and_one_of_them_leaves_a_relay_that_dies() {
    let dir = tempfile::tempdir().unwrap();
    let (display, nats) = (Display::start(), Nats::start());
    let mut one = RelayProcess::start(dir.path(), "one", &["--nats", &nats.url]);
    let two = RelayProcess::start(dir.path(), "two", &["--nats", &nats.url]);
    let start = |name: &str, manifests: &[&Path], args: &[&str]| {
        CallProcess::start_window(dir.path(), name, &display.name, manifests, &[&PRESENT, args].concat())
    };
    let mut ada = start("ada", &[&one.manifest, &two.manifest], &["--pin", "one"]);
    let mut ben = start("ben", &[&two.manifest], &[]);
    assert_eq!(ada.wait_for("joined", PATIENCE)["region"], "one");
    assert_eq!(ben.wait_for("joined", PATIENCE)["region"], "two");
    ada.wait_for_media();
    ben.wait_for_media();
    one.program.signal("KILL");
    one.program.wait(PATIENCE);
    let moved = ada.wait_for("moved", PATIENCE);
    assert_eq!((&moved["to"]["region"], &moved["reason"]), (&"two".into(), &"fail_over".into()), "{moved:#}");
    assert!(ben.event("moved").is_none());
    // A session manager ends a window politely: it leaves.
    ada.program.signal("TERM");
    let summary = ada.finish(PATIENCE);
    assert_eq!(summary["moves"], 1, "{summary:#}");
    ben.wait_for("peer_left", PATIENCE);
    ben.program.signal("TERM");
    assert!(ben.program.wait(PATIENCE).success());
}

#[test]
fn a_second_start_hands_its_link_to_the_first_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let display = Display::start();
    let folder = dir.path().join("ada");
    let log = dir.path().join("first.log");
    let mut command = window(dir.path(), "ada", &display.name);
    command.args(["--log", "info"]).stderr(fs::File::create(&log).unwrap());
    let mut first = Program::start("first", &mut command);
    let link = "nearcall://join/kitchen?at=127.0.0.1:1#k=QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";
    eventually("the first one listens", PATIENCE, || folder.join("instance").exists().then_some(()));
    // Without a display it can do nothing but hand over.
    let second = window(dir.path(), "ada", "").arg(link).env_remove("DISPLAY").output().unwrap();
    assert!(second.status.success(), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stdout).contains("open already"));
    eventually("the first one has the link", PATIENCE, || {
        fs::read_to_string(&log).unwrap().contains("a link came from another start").then_some(())
    });
    assert!(first.is_running());
    first.signal("TERM");
    assert!(first.wait(PATIENCE).success());
    assert!(folder.join("settings.toml").exists(), "the window's size was saved");
    let kept = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    for path in kept.filter(|path| path.is_file()).chain([log]) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("QUJDREVG"), "the secret is in {}", path.display());
    }
}

#[test]
fn without_a_display_it_says_so_and_exits_1() {
    let dir = tempfile::tempdir().unwrap();
    for (name, display, expected) in [("none", None, "no display"), ("dead", Some(":4321"), "does not answer")] {
        let mut command = window(dir.path(), name, display.unwrap_or_default());
        if display.is_none() {
            command.env_remove("DISPLAY");
        }
        let output = command.arg("--new-window").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected) && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn without_any_driver_it_names_the_packages_and_exits_1() {
    let dir = tempfile::tempdir().unwrap();
    let display = Display::start();
    let mut command = window(dir.path(), "bare", &display.name);
    no_vulkan(no_opengl(&mut command));
    let output = command.arg("--new-window").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("libgl1-mesa-dri") && !said.contains("panicked"), "{said}");
}

#[test]
fn with_one_driver_or_the_other_the_window_stands() {
    let dir = tempfile::tempdir().unwrap();
    let display = Display::start();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    for (name, renderer) in [("vulkan", "glow"), ("opengl", "wgpu")] {
        let mut command = window(dir.path(), name, &display.name);
        match name {
            "vulkan" => no_opengl(&mut command),
            _ => no_vulkan(&mut command),
        };
        let events = dir.path().join(format!("{name}.jsonl"));
        command.args(["--new-window", "--room", "test", "--join", "--video", "off", "--audio", "off", "--play", "off"]);
        command.args(["--renderer", renderer]).arg("--manifest").arg(&relay.manifest).arg("--events").arg(&events);
        let mut program = Program::start(name, &mut command);
        eventually(&format!("the call without {renderer}"), PATIENCE, || {
            fs::read_to_string(&events).ok().filter(|events| events.contains("\"joined\""))
        });
        program.signal("TERM");
        assert!(program.wait(PATIENCE).success());
    }
}

#[test]
fn broken_settings_are_kept_aside_and_the_window_stands() {
    let dir = tempfile::tempdir().unwrap();
    let display = Display::start();
    let relay = RelayProcess::start(dir.path(), "one", &[]);
    let folder = dir.path().join("eve");
    fs::create_dir_all(&folder).unwrap();
    let broken = "name = \"Eve\"\nmanifests = [[[\n";
    fs::write(folder.join("settings.toml"), broken).unwrap();
    let mut eve = CallProcess::start_window(
        dir.path(),
        "eve",
        &display.name,
        &[&relay.manifest],
        &["--video", "off", "--audio", "off"],
    );
    eve.wait_for("joined", PATIENCE);
    assert_eq!(fs::read_to_string(folder.join("settings.toml.bad-1")).unwrap(), broken);
    eve.program.signal("TERM");
    eve.finish(PATIENCE);
    // The name was for this run; the window's size is worth keeping.
    let saved = fs::read_to_string(folder.join("settings.toml")).unwrap();
    assert!(saved.contains("name = \"\"") && saved.contains("window = ["), "{saved}");
}

fn no_vulkan(command: &mut Command) -> &mut Command {
    command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent")
}

fn no_opengl(command: &mut Command) -> &mut Command {
    command.env("LIBGL_DRIVERS_PATH", "/nonexistent").env("GBM_BACKENDS_PATH", "/nonexistent")
}
