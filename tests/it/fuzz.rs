//! Every decoder, over the stored corpora and a few thousand changes of each entry: the same functions that the fuzz targets under
//! `tests/fuzz` call, without a fuzzer, in a few seconds, and the same in every run.

#[path = "../fuzz/fuzz_targets/decoders.rs"]
mod decoders;
mod seeds;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nearcall::election::Rng;

use self::decoders::ALL;

/// Changes of each entry, unless `NEARCALL_FUZZ_CHANGES` says otherwise: for a long run by hand.
const CHANGES: u64 = 2000;
/// Entries longer than this are changed less often, so that all take alike.
const LONG: usize = 4096;
/// The longest that a change makes of an entry, bytes.
const LONGEST: usize = 64 * 1024;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder().join("corpus").join(target)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

struct Dice(Rng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        (self.0.bits() % end.max(1) as u64) as usize
    }

    /// Changes some bytes the way fuzzers do; `others` are entries to take pieces from.
    fn change(&mut self, bytes: &mut Vec<u8>, others: &[(PathBuf, Vec<u8>)]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = self.0.bits() as u8,
                2 => bytes.truncate(at),
                3 => bytes.insert(at.min(bytes.len()), self.0.bits() as u8),
                // Lengths and numbers at the ends of their range.
                4 => {
                    let edge = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x10_0000, 0x7fff_ffff, u32::MAX][self.below(9)];
                    let end = (at + 4).min(bytes.len());
                    bytes.splice(at.min(end)..end, edge.to_be_bytes());
                }
                5 => {
                    let end = at + self.below(bytes.len() - at.min(bytes.len()));
                    let piece = bytes[at.min(end)..end.min(bytes.len())].to_vec();
                    bytes.extend(piece);
                }
                6 => {
                    let other = &others[self.below(others.len())].1;
                    let from = self.below(other.len());
                    bytes.truncate(at);
                    bytes.extend(&other[from.min(other.len())..]);
                }
                _ => bytes.extend((0..self.below(9)).map(|_| 0xff)),
            }
        }
        bytes.truncate(LONGEST);
    }
}

#[test]
fn no_bytes_from_outside_panic_a_decoder_or_pass_its_limits() {
    let wanted = std::env::var("NEARCALL_FUZZ_CHANGES").ok().and_then(|count| count.parse().ok()).unwrap_or(CHANGES);
    let mut all = 0;
    for (name, decode) in ALL {
        let corpus = corpus(name);
        let mut taken = 0;
        for (number, (path, entry)) in corpus.iter().enumerate() {
            taken += u32::from(decode(entry));
            let mut dice = Dice(Rng::new(number as u64));
            let changes = if entry.len() > LONG { wanted / 20 } else { wanted };
            all += changes;
            for change in 0..changes {
                let mut bytes = entry.clone();
                dice.change(&mut bytes, &corpus);
                let survived = std::panic::catch_unwind(|| decode(&bytes)).is_ok();
                assert!(survived, "{name}: change {change} of {}: {bytes:02x?}", path.display());
            }
        }
        assert!(taken > 0, "{name} takes nothing of its corpus of {}", corpus.len());
    }
    println!("{all} changes");
}

#[test]
fn every_decoder_has_a_target_that_cargo_fuzz_finds_and_nothing_else_is_there() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let built = ALL.iter().map(|(name, _)| *name);
    // Of the app: not in every build.
    let names: BTreeSet<_> = built.chain(["invite"]).map(str::to_owned).collect();
    let listed = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
    assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), names);
    let files = |folder: &str| {
        let entries = fs::read_dir(self::folder().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(files("corpus"), names);
    let mut targets = files("fuzz_targets");
    assert!(targets.remove("decoders"));
    assert_eq!(targets, names);
}

/// By hand, after the wire has changed: `cargo test --test it fuzz:: -- --ignored`. Entries that are there stay.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_seeds() {
    for (target, name, bytes) in seeds::all() {
        let folder = folder().join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}
