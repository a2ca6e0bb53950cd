//! What somebody meets who has just fetched the source: the files on top, the README's commands, and the scripts,
//! run against stand-ins for the system's own programs.

#[cfg(unix)]
mod machine;
#[cfg(feature = "relay")]
mod operate;
#[cfg(unix)]
mod scripts;

use std::fs;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_top_holds_what_it_should_and_nothing_else() {
    let allowed = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE", "src", "assets", "tests", "packaging", "target"];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name}");
    }
    for dotfile in [".ci/run", ".github/workflows/ci.yml", ".config/nextest.toml", ".clippy.toml", ".rustfmt.toml"] {
        assert!(root().join(dotfile).is_file(), "{dotfile}");
    }
}

#[test]
fn the_readme_gives_the_two_commands() {
    let readme = read("README.md");
    for command in ["bash packaging/start.sh", "bash packaging/test.sh"] {
        assert!(readme.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn ci_runs_the_command_of_the_readme() {
    assert!(read(".ci/run").lines().any(|line| line == "exec bash packaging/test.sh"));
    assert!(read(".github/workflows/ci.yml").contains("- run: bash packaging/test.sh\n"));
}

#[test]
fn both_licences_are_there_whole() {
    let licence = read("LICENSE");
    for part in ["Permission is hereby granted, free of charge", "THE SOFTWARE IS PROVIDED \"AS IS\""] {
        assert!(licence.contains(part), "{part}");
    }
    for part in ["Version 2.0, January 2004", "9. Accepting Warranty", "END OF TERMS AND CONDITIONS", "APPENDIX"] {
        assert!(licence.contains(part), "{part}");
    }
}

#[test]
fn the_manifest_says_who_may_use_it_and_how_it_is_built() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let package = &manifest["package"];
    assert_eq!(package["license"].as_str(), Some("MIT OR Apache-2.0"));
    assert_eq!(package["readme"].as_str(), Some("README.md"));
    assert!(package["rust-version"].is_str());
    let binaries: Vec<_> =
        manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(binaries, ["nearcall", "nearcall-relay"]);
    let features = manifest["features"].as_table().unwrap();
    assert!(features.contains_key("app") && features.contains_key("relay"));
    assert!(manifest["profile"]["release"]["lto"].is_str());
    assert!(manifest["profile"]["dev"]["package"]["*"]["opt-level"].as_integer() >= Some(1));
}

#[test]
fn the_relay_alone_needs_no_desktop_library() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--no-default-features", "--features", "relay"])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"quinn") && crates.contains(&"async-nats"));
    for desktop in ["cpal", "alsa-sys", "nokhwa", "v4l", "openh264", "openh264-sys2", "opus", "opusic-sys", "bindgen"] {
        assert!(!crates.contains(&desktop), "{desktop}");
    }
}
