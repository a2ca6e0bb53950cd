//! Reads `src/` and fails on what the layout in `src/lib.rs` forbids: an import of a level that is not below, a
//! clock or a socket in a pure module, a file without its head or too long to read.
//!
//! It reads text, not types: strings and comments are blanked, then every path (`crate::a::b`, `super::b`, the
//! branches of a `use`) is resolved against the module that it stands in.

mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// Every `.rs` file below `folder`, in order.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `src/` as the rules see it: whole files that are tests (`#[cfg(test)] mod x;`) are marked so.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources: Vec<Source> = rust_files(&root)
        .iter()
        .map(|path| Source::new(path.strip_prefix(&root).unwrap(), &fs::read_to_string(path).unwrap()))
        .collect();
    let tests: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        source.mark_tests(&tests);
    }
    sources
}

/// Fails with every breach found by `rule`, one a line.
fn no_breach(rule: fn(&Source) -> Vec<String>) {
    let breaches: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// Breaches of `rule` in a file called `path` that holds `text`.
fn breaches(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(Path::new(path), text))
}

#[test]
fn a_level_imports_only_levels_below_it() {
    no_breach(rules::imports);
}

#[test]
fn a_pure_module_has_no_clock_no_tokio_no_socket_no_file_and_no_randomness() {
    no_breach(rules::purity);
}

#[test]
fn the_clock_is_read_in_one_file() {
    no_breach(rules::clock);
}

#[test]
fn every_file_says_what_it_owns_and_can_be_read_in_one_go() {
    no_breach(rules::shape);
}

#[test]
fn nothing_is_left_for_later() {
    no_breach(rules::unfinished);
}

#[test]
fn every_module_of_the_crate_has_a_level() {
    let unknown: Vec<_> = sources()
        .iter()
        .filter_map(|source| source.module().first().cloned())
        .filter(|module| rules::level(module).is_none())
        .collect();
    assert!(unknown.is_empty(), "add these to LEVELS: {unknown:?}");
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    for (path, text) in [
        ("net/dial.rs", "use crate::media::video;"),
        ("net/dial.rs", "use crate::{proto::Kind, media};"),
        (
            "net/dial.rs",
            "use crate::{\n    clock,\n    proto::{self, ids::{Track, Layer}},\n    call::{Command, Event},\n};",
        ),
        ("net/dial.rs", "fn f() { crate::relay::run() }"),
        ("net/dial.rs", "fn f(x: Option<&crate::telemetry::T>) {}"),
        ("net/dial.rs", "use super::super::media;"),
        ("net/dial.rs", "use super::super::{clock, media::audio};"),
        ("net.rs", "use super::media;"),
        ("net.rs", "mod inner { fn f() { super::super::call::run() } }"),
        ("net.rs", "use ::nearcall::call;"),
        ("net.rs", "use crate::*;"),
        ("net.rs", "use crate as root;"),
        ("net.rs", "use crate::{self as root};"),
        ("media/audio/opus.rs", "use crate::net::Link;"),
        ("call/roster.rs", "use crate::relay::Config;"),
        ("call/roster.rs", "#[cfg(test)]\nmod tests { use crate::relay::Config; }"),
        ("relay/router.rs", "use crate::call::Event;"),
        ("relay/router.rs", "use crate::media;"),
        ("relay/router.rs", "use crate::jitter::Audio;"),
        ("relay/router.rs", "use crate::crypto::frame::Opener;"),
        ("relay/router.rs", "use crate::crypto::{token, invite::Invite};"),
        ("relay/router.rs", "use crate::crypto::{AuthKey, RoomSecret};"),
        ("relay/router.rs", "use crate::crypto::*;"),
        ("relay/router.rs", "use crate::crypto; fn f() { crypto::frame::open() }"),
        ("election/score.rs", "use crate::rate::Window;"),
        ("election/score.rs", "use crate::clock;"),
        ("proto/ids.rs", "use crate::election::Reason;"),
        ("jitter/audio.rs", "use crate::net;"),
        ("clock.rs", "use crate::proto;"),
        ("telemetry.rs", "use crate::net;"),
        ("lib.rs", "pub use call::Command;"),
        ("lib.rs", "pub use crate::call;"),
    ] {
        assert!(!breaches(rules::imports, path, text).is_empty(), "{path}: {text}");
    }
}

#[test]
fn an_allowed_import_is_left_alone() {
    for (path, text) in [
        ("net/dial.rs", "use crate::proto::{Kind, ids::Track};\nuse super::link::Link;\nuse crate::clock;"),
        ("net/dial.rs", "// use crate::media;\n/* crate::call /* nested */ crate::relay */"),
        ("net/dial.rs", "const A: &str = \"crate::media\"; const B: &str = r#\"use crate::call; \"\"#;"),
        ("net/dial.rs", "fn f<'a>(x: &'a str) -> char { '\"' } // crate::media"),
        ("net/dial.rs", "pub(crate) fn f() {} pub(in crate::net) fn g() {} macro_rules! m { () => { $crate::net } }"),
        ("net/dial.rs", "mod inner { use super::super::link; use super::super::super::proto; }"),
        ("net/dial.rs", "#[cfg(test)]\nmod tests { use super::*; }"),
        ("net.rs", "pub use link::Link; use self::link::LinkSender;"),
        ("relay/accept.rs", "use crate::crypto::token; use crate::crypto::{Ticket, room}; use crate::net;"),
        ("call.rs", "use crate::{crypto::frame, media, net, election, telemetry};"),
        ("cli/demo.rs", "use crate::relay; use crate::call; use super::args;"),
        ("election/score.rs", "#[cfg(test)]\nmod tests { use super::*; use crate::clock; }"),
        ("main.rs", "use nearcall::cli;"),
        ("bin/nearcall-relay.rs", "use nearcall::{cli, relay};"),
        ("lib.rs", "pub mod clock;\n#[cfg(feature = \"app\")]\npub mod call;"),
    ] {
        assert_eq!(breaches(rules::imports, path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn an_impure_line_in_a_pure_module_is_found() {
    for text in [
        "use tokio::sync::mpsc;",
        "use tokio;",
        "async fn f() { tokio::time::sleep(d).await }",
        "use std::net::UdpSocket;",
        "use std::{collections::BTreeMap, net::SocketAddr};",
        "fn f() { std::fs::read(p); }",
        "use std::thread;",
        "use ring::rand::{SecureRandom, SystemRandom};",
        "fn f() { Instant::now(); }",
        "fn f() -> std::time::SystemTime { std::time::SystemTime::now() }",
        "fn f(at: Instant) { at.elapsed(); }",
        "fn f() -> u8 { rand::random() }",
    ] {
        assert!(!breaches(rules::purity, "election/score.rs", text).is_empty(), "{text}");
        assert_eq!(breaches(rules::purity, "net/dial.rs", text), Vec::<String>::new(), "{text}");
        let test = format!("#[cfg(test)]\nmod tests {{ {text} }}");
        assert_eq!(breaches(rules::purity, "election/score.rs", &test), Vec::<String>::new(), "{test}");
    }
    for text in ["use std::time::{Duration, Instant};", "fn f(now: Instant) { self.elapsed(now); }", "// tokio::spawn"]
    {
        assert_eq!(breaches(rules::purity, "election/score.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_second_reader_of_the_clock_is_found() {
    for text in [
        "fn f() { std::time::Instant::now(); }",
        "fn f() { SystemTime::now() }",
        "fn f() { tokio::time::Instant::now() }",
        "fn f() { let read = Instant::now; }",
        "use std::time::Instant as Moment; fn f() { Moment::now(); }",
        "fn f(at: Instant) { at.elapsed(); }",
        "#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }",
    ] {
        assert!(!breaches(rules::clock, "call/controller.rs", text).is_empty(), "{text}");
        assert_eq!(breaches(rules::clock, "clock.rs", text), Vec::<String>::new(), "{text}");
    }
    assert!(breaches(rules::clock, "call.rs", "use crate::clock; fn f() { clock::now() }").is_empty());
}

#[test]
fn a_file_without_a_head_or_without_an_end_is_found() {
    let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(rules::LINES));
    let tested = format!("//! Tested.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(rules::LINES));
    assert_eq!(breaches(rules::shape, "a.rs", "fn f() {}\n").len(), 1);
    assert_eq!(breaches(rules::shape, "a.rs", &long).len(), 1);
    assert_eq!(breaches(rules::shape, "a.rs", &tested), Vec::<String>::new());
    assert_eq!(breaches(rules::shape, "net/mod.rs", "//! Old style.\n").len(), 1);
}

#[test]
fn a_hole_left_for_later_is_found() {
    for text in ["fn f() { todo!() }", "fn f() { unimplemented!(\"x\") }", "// TODO: x", "/* FIXME */"] {
        assert_eq!(breaches(rules::unfinished, "a.rs", text).len(), 1, "{text}");
    }
    assert!(breaches(rules::unfinished, "a.rs", "fn todo() -> &'static str { \"todo!(\" }").is_empty());
}

#[test]
fn a_file_that_is_all_tests_is_held_to_the_rules_of_tests() {
    let parent = Source::new(Path::new("election.rs"), "#[cfg(test)]\nmod night;\nmod score;");
    let mut night = Source::new(Path::new("election/night.rs"), "use crate::clock; use rand::Rng;");
    assert!(!rules::imports(&night).is_empty());
    night.mark_tests(&parent.test_modules());
    assert_eq!(rules::imports(&night), Vec::<String>::new());
    assert_eq!(rules::purity(&night), Vec::<String>::new());
}
