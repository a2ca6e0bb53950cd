//! `nearcall simulate` from outside: what it prints, and how it ends.

use std::process::{Command, Output};

use serde_json::Value;

fn simulate(args: &[&str]) -> Output {
    let nearcall = env!("CARGO_BIN_EXE_nearcall");
    Command::new(nearcall).arg("simulate").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_small_comparison_prints_every_strategy_and_the_same_one_again_for_the_same_seed() {
    let args = ["--clients", "10", "--races", "1", "--failovers", "4", "--json"];
    let (one, again) = (simulate(&args), simulate(&args));
    assert_eq!(one.status.code(), Some(0), "{}", text(&one.stderr));
    assert_eq!(text(&one.stdout), text(&again.stdout));
    let report: Value = serde_json::from_slice(&one.stdout).unwrap();
    let rows = report["strategies"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["geography", "dns", "anycast", "front_door", "election_first", "election_3_s"]);
    for row in rows {
        let share = row["accuracy"]["within_1_ms"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share), "{row}");
        assert!(row["leave"]["p99_ms"].as_f64().unwrap() > 0.0 && row["decide"]["p50_ms"].is_number(), "{row}");
    }
    assert_eq!((report["clients"].as_u64(), report["regions"].as_array().unwrap().len()), (Some(10), 8));
    assert!(report["assumptions"].as_array().unwrap().len() >= 8);
    assert!(report["bars"].as_array().unwrap().is_empty(), "ten clients prove nothing");
}

#[test]
fn a_matrix_of_ones_own_is_compared_and_what_it_does_not_say_is_not_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.csv");
    std::fs::write(&file, ",A,B,C,D\nA,,10,90,200\nB,10,,80,190\nC,90,80,,60\nD,200,190,60,\n").unwrap();
    let file = file.to_str().unwrap();
    let table = simulate(&["--matrix", file, "--regions", "2", "--races", "1", "--failovers", "0"]);
    assert_eq!(table.status.code(), Some(0), "{}", text(&table.stderr));
    let table = text(&table.stdout);
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{table}"));
    assert!(row("nearest by geography").contains(" - "), "{table}");
    assert!(row("election, first decision").trim_end().ends_with('-'), "{table}");
    assert!(table.contains("assumptions") && table.contains("no bar is judged"), "{table}");
}

#[test]
fn wrong_usage_exits_2_and_says_what_to_do() {
    for (args, says) in [
        (&["--matrix", "moon"][..], "cities, aws, or a file that ends in .csv or .json"),
        (&["--matrix", "/nowhere/a.csv"], "/nowhere/a.csv"),
        (&["--regions", "1"], "2..=32"),
        (&["--loss", "80"], "0 to 50"),
    ] {
        let output = simulate(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(says), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
