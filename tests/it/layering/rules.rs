//! What the layout in `src/lib.rs` forbids. A rule takes a file and says each breach in a line.

use super::source::{Mention, Source};

/// The most lines that a file has without its tests.
pub const LINES: usize = 450;

/// Modules and their levels: a level imports only levels below it. The programs lie on top.
const LEVELS: &[(&str, u8)] = &[
    ("proto", 0),
    ("election", 0),
    ("crypto", 0),
    ("jitter", 0),
    ("rate", 0),
    ("clock", 0),
    ("net", 1),
    ("sim", 1),
    ("media", 1),
    ("telemetry", 1),
    ("settings", 1),
    ("instance", 1),
    ("call", 2),
    ("relay", 2),
    ("ui", 3),
    ("cli", 4),
    ("main", 5),
    ("bin", 5),
];

/// A relay forwards what it cannot read: of media it has nothing, of cryptography what it admits people by.
const RELAY_NEVER: &[&str] = &["media", "jitter"];
const RELAY_CRYPTO: &[&str] = &[
    "auth",
    "room",
    "ticket",
    "token",
    "AuthKey",
    "Claims",
    "LEEWAY_SECONDS",
    "NoRandom",
    "Ticket",
    "TicketKey",
    "random",
];

/// What a pure module must not name: threads, sockets, files, the outside, and chance.
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["quinn"],
    &["socket2"],
    &["rand"],
    &["getrandom"],
    &["std", "net"],
    &["core", "net"],
    &["std", "fs"],
    &["std", "env"],
    &["std", "thread"],
    &["std", "process"],
];

pub fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

fn breach(source: &Source, line: usize, what: &str) -> String {
    format!("src/{}:{line}: {what}", source.path())
}

/// An import of a module that does not lie below.
pub fn imports(source: &Source) -> Vec<String> {
    let own = source.module().first().map(String::as_str);
    let breaches = source.mentions().iter().filter_map(|mention| {
        let names: Vec<&str> = mention.segments.iter().map(String::as_str).collect();
        let why = match own {
            None => root_import(&names),
            Some(own) => import(own, &names, mention.test),
        }?;
        Some(breach(source, mention.line, &format!("{} {why}", names.join("::"))))
    });
    breaches.collect()
}

/// `lib.rs` only declares: a name that it handed on would hide where it comes from.
fn root_import(names: &[&str]) -> Option<String> {
    let hands_on = names[0] == "crate" || level(names[0]).is_some();
    hands_on.then(|| "is handed on by the root, which only declares modules".to_owned())
}

fn import(own: &str, names: &[&str], test: bool) -> Option<String> {
    let (target, rest) = match names {
        ["crate"] | ["crate", "*", ..] => return Some("names the whole crate: name the module".to_owned()),
        ["crate", target, rest @ ..] => (*target, rest),
        _ => return None,
    };
    if target == own {
        return None;
    }
    let (Some(from), Some(to)) = (level(own), level(target)) else {
        return Some(format!("has no level (seen from {own})"));
    };
    if from == 0 {
        let allowed = own != "proto" && own != "clock" && target == "proto" || test && target == "clock";
        return (!allowed).then(|| format!("is not for {own}, which is pure and knows nobody but proto"));
    }
    if to >= from {
        return Some(format!("does not lie below {own}"));
    }
    let in_relay = own == "relay";
    if in_relay && RELAY_NEVER.contains(&target) {
        return Some("is never for the relay".to_owned());
    }
    if in_relay && target == "crypto" && !rest.first().is_some_and(|module| RELAY_CRYPTO.contains(module)) {
        return Some("is not for the relay, which has tokens and tickets and never a frame key".to_owned());
    }
    None
}

/// A clock, a socket, a file or chance in a pure module.
pub fn purity(source: &Source) -> Vec<String> {
    let own = source.module().first().map_or("", String::as_str);
    if level(own) != Some(0) || own == "clock" {
        return Vec::new();
    }
    let impure = |mention: &&Mention| {
        let names: Vec<&str> = mention.segments.iter().map(String::as_str).collect();
        !mention.test && (IMPURE.iter().any(|path| names.starts_with(path)) || names.contains(&"SystemRandom"))
    };
    let named = source.mentions().iter().filter(impure).map(|mention| {
        breach(source, mention.line, &format!("{} in a pure module: pass it in", mention.segments.join("::")))
    });
    named.chain(clock_reads(source, true)).collect()
}

/// A reading of the clock outside `clock.rs`, in tests too.
pub fn clock(source: &Source) -> Vec<String> {
    if source.module() == ["clock"] { Vec::new() } else { clock_reads(source, false) }
}

fn clock_reads(source: &Source, tests_may: bool) -> Vec<String> {
    let is_clock = |name: &String| name == "Instant" || name == "SystemTime";
    let aliases: Vec<&String> = source
        .mentions()
        .iter()
        .filter(|mention| mention.segments.last().is_some_and(is_clock))
        .filter_map(|mention| mention.alias.as_ref())
        .collect();
    let reads = |mention: &&Mention| {
        let pairs = mention.segments.windows(2);
        let reads = |pair: &[String]| pair[1] == "now" && (is_clock(&pair[0]) || aliases.contains(&&pair[0]));
        !(tests_may && mention.test) && pairs.into_iter().any(reads)
    };
    let named = source.mentions().iter().filter(reads).map(|mention| (mention.line, "now"));
    // `Instant::elapsed` reads the clock as well.
    let code = source.code();
    let called = code.match_indices(".elapsed()").filter(|(at, _)| !source.is_test(*at));
    let called = called.map(|(at, _)| (source.line(at), "elapsed"));
    named.chain(called).map(|(line, what)| breach(source, line, &format!("{what}: ask crate::clock"))).collect()
}

/// A file that does not say what it owns, or is too long to read in one go.
pub fn shape(source: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    if !source.text().starts_with("//!") {
        breaches.push(breach(source, 1, "no `//!` head"));
    }
    let lines = source.lines_without_tests();
    if lines > LINES {
        breaches.push(breach(source, 1, &format!("{lines} lines without its tests, {LINES} at most")));
    }
    if source.path().ends_with("mod.rs") {
        breaches.push(breach(source, 1, "foo.rs and foo/, not foo/mod.rs"));
    }
    breaches
}

/// Something left for later.
pub fn unfinished(source: &Source) -> Vec<String> {
    let macros = ["todo!", "unimplemented!"].into_iter();
    let macros = macros.flat_map(|name| source.code().match_indices(name));
    let words = source.text().match_indices(|_: char| true).filter(|(at, _)| is_mark(source.text(), *at));
    let found = macros.chain(words.map(|(at, _)| (at, "a note for later")));
    found.map(|(at, what)| breach(source, source.line(at), what)).collect()
}

/// Whether a word of its own that marks unfinished work starts at `at`.
fn is_mark(text: &str, at: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let alone = |mark: &str| !text[at + mark.len()..].starts_with(is_part) && !text[..at].ends_with(is_part);
    ["TODO", "FIXME"].into_iter().any(|mark| text[at..].starts_with(mark) && alone(mark))
}
