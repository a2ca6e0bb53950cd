//! `nearcall-relay token` and `nearcall-relay key`, as a person at a shell sees them.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"));
    command.current_dir(dir).env_remove("NEARCALL_RELAY_AUTH_KEY").args(args).output().unwrap()
}

/// What it prints where it works.
fn works(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The exit code and what it says where it does not.
fn fails(dir: &Path, args: &[&str]) -> (i32, String) {
    let output = run(dir, args);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn keys_are_made_once_and_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let id = works(dir, &["key", "ed.key"]);
    works(dir, &["key", "--hs256", "hs.key"]);
    #[cfg(unix)]
    for name in ["ed.key", "hs.key"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(dir.join(name)).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let before = std::fs::read(dir.join("ed.key")).unwrap();
    let (code, says) = fails(dir, &["key", "ed.key"]);
    assert!(code == 1 && says.contains("never overwritten"), "{code} {says}");
    assert_eq!(std::fs::read(dir.join("ed.key")).unwrap(), before);
    let public = works(dir, &["key", "--public", "ed.key"]);
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    std::fs::write(dir.join("ed.pub"), public).unwrap();
    let token = works(dir, &["token", "--auth-key", "ed.key", "--room", "r", "--name", "zoë", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&token).unwrap()["header"]["kid"], id.as_str());
    let (code, says) = fails(dir, &["key", "--public", "hs.key"]);
    assert!(code == 1 && says.contains("no public half"), "{code} {says}");
    let (code, says) = fails(dir, &["token", "--auth-key", "ed.pub", "--room", "r", "--name", "n"]);
    assert!(code == 1 && says.contains("public key cannot sign"), "{code} {says}");
}

#[test]
fn a_token_is_made_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    ["one", "two"].map(|name| works(dir, &["key", name]));
    let make = |more: &[&str]| {
        works(dir, &[&["token", "--auth-key", "one", "--room", "stand-up", "--name", "ada"], more].concat())
    };
    let token = make(&["--host", "--no-publish", "--ttl", "90m"]);
    let words = works(dir, &["token", "--check", &token, "--auth-key", "two", "--auth-key", "one"]);
    for says in ["valid for 1h", "stand-up", "ada", "listen and watch, mute, remove and lock", "one"] {
        assert!(words.contains(says), "{words}");
    }
    let json = works(dir, &["token", "--check", &token, "--auth-key", "one,two", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["valid"], &json["claims"]["host"], &json["key"]), (&true.into(), &true.into(), &"one".into()));
    let later = make(&["--not-before", "2h", "--ttl", "1h"]);
    let rows: [(&[&str], i32, &str); 7] = [
        (&["--check", &token, "--auth-key", "two"], 1, "not in use here"),
        (&["--check", &later, "--auth-key", "one"], 1, "valid in 7"),
        (&["--check", "nonsense", "--auth-key", "one"], 1, "not a token"),
        (&["--check", &token, "--auth-key", "three"], 2, "cannot read three"),
        (&["--auth-key", "one", "--room", "r"], 2, "--name"),
        (&["--auth-key", "one", "--room", "r", "--name", "n", "--ttl", "0s"], 1, "--ttl"),
        (&["--auth-key", "one", "--room", " ", "--name", "n"], 1, "room"),
    ];
    for (args, code, says) in rows {
        let (exit, said) = fails(dir, &[&["token"], args].concat());
        assert!(exit == code && said.contains(says), "{args:?}: {exit} {said}");
    }
}
