//! The scripts, on machines of every kind that they know.

use std::process::Command;

use super::machine::{Machine, Outcome};

const SCRIPTS: [&str; 5] =
    ["packaging/lib.sh", "packaging/start.sh", "packaging/test.sh", "packaging/relay/trial.sh", ".ci/run"];

/// The demo's own arguments, as cargo got them.
fn demo(outcome: &Outcome) -> String {
    let calls = outcome.calls("cargo");
    let run = calls.iter().find(|call| call.starts_with("cargo run")).unwrap_or_else(|| panic!("{}", outcome.said()));
    run.split_once(" -- ").unwrap().1.to_owned()
}

#[test]
fn every_script_is_sound() {
    for script in SCRIPTS {
        let checked = Command::new("bash").arg("-n").arg(super::root().join(script)).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let text = super::read(script);
        assert!(!text.contains("mapfile") && !text.contains("declare -A"), "{script}: not in the bash of macOS");
        if script != "packaging/lib.sh" {
            assert!(text.starts_with("#!/usr/bin/env bash\n") && text.contains("\nset -euo pipefail\n"), "{script}");
        }
    }
}

#[test]
fn a_bare_debian_gets_what_is_missing_and_is_told_why() {
    let outcome = Machine::debian().run("start.sh", &["--duration", "20s"]);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.said());
    for reason in [
        "nasm (assembles",
        "cmake (configures",
        "libasound2-dev (ALSA",
        "libclang-dev (reads",
        "libpipewire-0.3-dev (PipeWire",
    ] {
        assert!(outcome.said().contains(&format!("missing: {reason}")), "{}", outcome.said());
    }
    let apt = outcome.calls("apt-get");
    assert!(apt[0].starts_with("apt-get update") && apt[1].starts_with("apt-get install -y"), "{apt:?}");
    assert!(!apt[1].contains("nats-server"), "what only tests need");
    assert_eq!(demo(&outcome), "demo --headless --duration 20s");
    assert!(outcome.calls("cargo").iter().any(|call| call.starts_with("cargo run --release --locked ")));
}

#[test]
fn the_second_time_installs_nothing() {
    let machine = Machine::debian();
    machine.run("start.sh", &[]);
    let again = machine.run("start.sh", &[]);
    assert_eq!(again.code(), Some(0), "{}", again.said());
    assert_eq!(again.calls("apt-get"), Vec::<&str>::new());
    assert!(!again.said().contains("missing:"), "{}", again.said());
    assert_eq!(demo(&again), "demo --headless");
}

#[test]
fn a_user_installs_with_sudo() {
    let machine = Machine::debian();
    machine.user("1000");
    machine.stand_in("sudo", "exec \"$@\"\n");
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.said());
    assert_eq!(outcome.calls("sudo").len(), 2);
    assert_eq!(outcome.calls("apt-get").len(), 2);
}

#[test]
fn a_user_without_sudo_is_told_the_command() {
    let machine = Machine::debian();
    machine.user("1000");
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(1), "{}", outcome.said());
    assert!(outcome.said().contains("apt-get install -y"), "{}", outcome.said());
    assert!(outcome.calls("cargo").is_empty() && outcome.calls("apt-get").is_empty());
}

#[test]
fn no_assembler_after_all_is_an_error() {
    let machine = Machine::debian();
    machine.break_installs();
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(1), "{}", outcome.said());
    assert!(outcome.said().contains("nasm is still not on the PATH"), "{}", outcome.said());
    assert!(outcome.calls("cargo").is_empty());
}

#[test]
fn a_display_means_a_window() {
    for variable in ["DISPLAY", "WAYLAND_DISPLAY"] {
        let mut machine = Machine::debian();
        machine.set(variable, ":0");
        assert_eq!(demo(&machine.run("start.sh", &[])), "demo");
        assert_eq!(demo(&machine.run("start.sh", &["--headless"])), "demo --headless");
    }
}

#[test]
fn headless_is_said_once() {
    assert_eq!(demo(&Machine::debian().run("start.sh", &["--headless"])), "demo --headless");
}

#[test]
fn rust_comes_by_rustup_where_there_is_none() {
    let machine = Machine::debian();
    machine.without_rust();
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.said());
    assert!(outcome.said().contains("missing: Rust"), "{}", outcome.said());
    assert!(outcome.calls("curl")[0].ends_with("https://sh.rustup.rs"));
    assert_eq!(demo(&outcome), "demo --headless");
    let again = machine.run("start.sh", &[]);
    assert_eq!(again.calls("curl"), Vec::<&str>::new(), "the cargo of rustup is found without a new shell");
}

#[test]
fn a_rust_that_is_too_old_is_the_users_to_update() {
    let machine = Machine::debian();
    machine.stand_in("cargo", "echo 'cargo 1.63.0 (abc 2022-08-11)'\n");
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(1), "{}", outcome.said());
    assert!(outcome.said().contains("Rust 1.63.0 is too old"), "{}", outcome.said());
    assert!(outcome.said().contains("rustup update"), "{}", outcome.said());
}

#[test]
fn fedora_has_names_of_its_own() {
    let outcome = Machine::fedora().run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.said());
    let dnf = outcome.calls("dnf");
    for package in ["alsa-lib-devel", "cmake", "clang-devel", "pipewire-devel", "pkgconf-pkg-config", "nasm", "gcc-c++"]
    {
        assert!(dnf[0].contains(package), "{dnf:?}");
    }
}

#[test]
fn a_mac_installs_as_the_user_and_opens_a_window() {
    let machine = Machine::mac();
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.said());
    assert!(outcome.calls("brew").contains(&"brew install cmake pkgconf"), "{:?}", outcome.calls("brew"));
    assert_eq!(demo(&outcome), "demo");
    machine.stand_in("xcode-select", "exit 2\n");
    let bare = machine.run("start.sh", &[]);
    assert_eq!(bare.code(), Some(1));
    assert!(bare.said().contains("xcode-select --install"), "{}", bare.said());
}

#[test]
fn a_system_that_is_not_known_is_told_what_to_install() {
    let machine = Machine::debian();
    machine.without("apt-get");
    let outcome = machine.run("start.sh", &[]);
    assert_eq!(outcome.code(), Some(1));
    assert!(outcome.said().contains("cargo run --release --locked -- demo"), "{}", outcome.said());
}

#[test]
fn the_tests_install_what_they_need_and_the_runner_has_the_last_word() {
    let machine = Machine::debian();
    let outcome = machine.run("test.sh", &[]);
    assert_eq!(outcome.code(), Some(0), "{}", outcome.said());
    let apt = outcome.calls("apt-get").join("\n");
    for package in ["nats-server", "pulseaudio", "pulseaudio-utils", "libasound2-plugins", "nasm"] {
        assert!(apt.contains(package), "{apt}");
    }
    let cargo = outcome.calls("cargo");
    for call in [
        "cargo fmt --check",
        "cargo clippy --locked --all-targets -- -D warnings",
        "cargo clippy --locked --no-default-features --features relay --lib --bins -- -D warnings",
    ] {
        assert!(cargo.contains(&call), "{cargo:?}");
    }
    assert!(cargo.last().unwrap().starts_with("cargo nextest run --locked"), "{cargo:?}");
}

#[test]
fn without_nextest_the_tests_run_all_the_same_and_a_failure_counts() {
    let machine = Machine::debian();
    machine.stand_in(
        "cargo",
        "case $* in --version) echo cargo 1.95.0 ;; nextest*) exit 101 ;; 'test --locked --lib '*) exit 101 ;; esac\n",
    );
    let outcome = machine.run("test.sh", &[]);
    assert_eq!(outcome.code(), Some(101), "{}", outcome.said());
    let last = outcome.calls("cargo").last().copied().unwrap();
    assert!(last.starts_with("cargo test --locked --test it"), "the rest ran too: {last}");
}

#[test]
fn a_lint_stops_the_tests() {
    let machine = Machine::debian();
    machine.stand_in("cargo", "case $* in --version) echo cargo 1.95.0 ;; clippy\\ --locked*) exit 101 ;; esac\n");
    let outcome = machine.run("test.sh", &[]);
    assert_eq!(outcome.code(), Some(101), "{}", outcome.said());
    assert!(!outcome.calls("cargo").iter().any(|call| call.starts_with("cargo nextest run")));
}
