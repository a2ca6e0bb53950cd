//! `nearcall drill`: real relays and real calls through trouble, measured at the receiver, held against bars.
//!
//! Relays and calls run in this process over real sockets, with emulated distance between them; or, with `--manifest`, the
//! relays are those of an operator and the drill brings two participants and distance of its own. Each run sets its own
//! stage. Nothing here decides what a call does: it is the product that is looked at.

mod case;
mod client;
mod joining;
mod log;
mod measure;
mod outside;
mod report;
mod rolling;
mod run;
mod stage;
mod take;

use std::io::IsTerminal;
use std::time::Duration;

use clap::ValueEnum;

pub use self::case::Scenario;
use self::case::{Case, Setting};
use self::outside::Outside;
use self::report::{Report, Row, Verdict};
use self::stage::Stage;
use self::take::Take;
use super::Exit;
use super::args::{DrillArgs, UsageError};
use crate::clock;
use crate::crypto::room;
use crate::relay::bus::NatsConfig;

/// Participants of a run, unless the case or the user says otherwise.
const CLIENTS: usize = 6;
/// A room larger than this on one machine measures the machine.
const MOST_CLIENTS: usize = 50;
/// Twice the hour that the design's bar is for.
const LONGEST_FLAP: Duration = Duration::from_secs(2 * 3600);

/// No relay took anybody in.
#[derive(Debug, thiserror::Error)]
#[error("nobody answered: no relay took a participant in")]
struct Nobody;

/// Runs what was asked for; tells the verdict by the exit code.
///
/// # Errors
/// Wrong usage, or a list of relays that cannot be read.
pub async fn run(args: DrillArgs) -> anyhow::Result<Exit> {
    check(&args)?;
    let start = clock::now();
    let outside = match args.manifest.as_slice() {
        [] => None,
        sources => Some(Outside::read(sources, args.room.clone(), args.token.clone()).await?),
    };
    let mut rows = Vec::new();
    if !args.json {
        print!("{}", report::head());
    }
    for case in cases(&args) {
        let row = match play(case, &args, outside.as_ref()).await {
            Err(error) if error.is::<Nobody>() => {
                eprintln!("nearcall: {error}");
                return Ok(Exit::NoAnswer);
            }
            Err(error) => return Err(error),
            Ok(row) => row,
        };
        if !args.json {
            print!("{}", report::row(&row));
        }
        rows.push(row);
    }
    let (passed, words) = judge(&rows);
    let elapsed = clock::now().saturating_duration_since(start);
    let relays = if outside.is_some() { "given" } else { "own" };
    if args.json {
        let report = Report { passed, elapsed_ms: elapsed.as_millis() as u64, relays, scenarios: rows };
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{words}; {:.0} s", elapsed.as_secs_f64());
    }
    Ok(if passed { Exit::Done } else { Exit::Failed })
}

/// Whether all is well, and in words.
fn judge(rows: &[Row]) -> (bool, &'static str) {
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    if any(Verdict::Missed) {
        (false, "at least one bar is missed")
    } else if any(Verdict::Ok) {
        (true, "every bar of what was run is met")
    } else {
        (false, "nothing could be run")
    }
}

fn check(args: &DrillArgs) -> anyhow::Result<()> {
    let usage = |text: String| Err(UsageError(text).into());
    if args.clients.is_some_and(|clients| !(2..=MOST_CLIENTS).contains(&clients)) {
        return usage(format!("--clients: from 2 to {MOST_CLIENTS}"));
    }
    if args.runs == 0 || args.runs > 10_000 {
        return usage("--runs: from 1 to 10000".into());
    }
    if args.rtt.is_some_and(|rtt| rtt > Duration::from_secs(2)) {
        return usage("--rtt: at most 2s".into());
    }
    if args.flap_time > LONGEST_FLAP {
        return usage("--flap-time: at most 2h".into());
    }
    // Relays of this process need no token: one that is in the environment for real relays is none of theirs.
    if !args.manifest.is_empty() && args.token.is_some() && args.room.is_none() {
        return usage("--token: say with --room which room it is for (NEARCALL_TOKEN counts as --token)".into());
    }
    if let Some(Err(error)) = args.nats.clone().map(|nats| NatsConfig::from(nats).check()) {
        return usage(format!("--nats: {error}"));
    }
    match &args.room {
        Some(name) => room::check(name).or_else(|error| usage(format!("--room: {error}"))),
        None => Ok(()),
    }
}

/// What is to be run, each case once, in the order in which it was asked for.
fn cases(args: &DrillArgs) -> Vec<Case> {
    let all = args.all.then(|| Scenario::value_variants().to_vec());
    let mut cases = Vec::new();
    for case in all.unwrap_or_else(|| args.scenario.clone()).into_iter().flat_map(Scenario::cases) {
        if !cases.contains(case) {
            cases.push(*case);
        }
    }
    cases
}

async fn play(case: Case, args: &DrillArgs, outside: Option<&Outside>) -> anyhow::Result<Row> {
    let setting = case.setting(args.rtt);
    if let Some(why) = impossible(case, outside) {
        return Ok(Row::not_possible(case, why));
    }
    // An hour of swinging is no longer for being done often.
    let runs = if case == Case::Flap { 1 } else { args.runs };
    let (mut all, mut failed) = (Take::default(), Vec::new());
    for number in 0..runs {
        if !args.json && std::io::stderr().is_terminal() {
            eprint!("\r{}: run {} of {runs} ", case.name(), number + 1);
        }
        match play_once(case, setting, args, outside).await {
            Ok(take) => all.add(number, take),
            Err(error) if error.is::<Nobody>() && outside.is_some() => return Err(error),
            Err(error) => failed.push(format!("run {}: {error:#}", number + 1)),
        }
    }
    if !args.json && std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    Ok(Row::played(case, runs, all, &failed))
}

async fn play_once(case: Case, setting: Setting, args: &DrillArgs, outside: Option<&Outside>) -> anyhow::Result<Take> {
    let (stage, clients) = match outside {
        Some(outside) => {
            let setting = Setting { rooms: 1, video: 2, ..setting };
            (Stage::there(outside.clone(), setting)?, 2)
        }
        None => {
            let clients = match case {
                Case::Crowd | Case::Rolling => args.clients.or(setting.clients),
                _ => setting.clients.or(args.clients),
            };
            let clients = clients.unwrap_or(CLIENTS);
            // Nobody sits in a room alone.
            let setting = Setting { rooms: setting.rooms.min(clients / 2).max(1), ..setting };
            (Stage::here(setting, args.nats.clone().map(NatsConfig::from)).await?, clients)
        }
    };
    match case {
        Case::Join | Case::UdpAtStart => joining::run(case, stage).await,
        _ => run::run(case, stage, clients, args.flap_time).await,
    }
}

/// Why a case cannot be run.
fn impossible(case: Case, outside: Option<&Outside>) -> Option<String> {
    let Some(outside) = outside else { return case.impossible().map(String::from) };
    if let Some(why) = case.impossible_outside() {
        return Some(why.into());
    }
    let leaves = !matches!(case, Case::Join | Case::UdpAtStart | Case::UdpInCall | Case::Outage | Case::Rebind);
    if leaves && outside.relays() < 2 {
        return Some("there is one relay alone: nowhere to go".into());
    }
    match case {
        Case::Block | Case::Force | Case::Join => None,
        _ => outside.out_of_reach(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Args, Sub};
    use super::*;

    fn usage(args: &[&str]) -> Option<String> {
        let args = Args::try_parse_from([&["nearcall", "drill", "kill"], args].concat()).unwrap();
        let Some(Sub::Drill(args)) = args.command else { panic!("no drill") };
        check(&args).err().map(|error| error.downcast::<UsageError>().unwrap().0)
    }

    #[test]
    fn a_token_needs_a_room_where_relays_are_given_and_is_nothing_elsewhere() {
        assert_eq!(usage(&["--token", "t"]), None);
        assert_eq!(usage(&["--token", "t", "--manifest", "a.json", "--room", "r"]), None);
        assert!(usage(&["--token", "t", "--manifest", "a.json"]).unwrap().contains("--room"));
    }

    #[test]
    fn a_name_that_is_none_and_a_day_of_swinging_are_wrong_usage() {
        for room in [" ", " r", "r\t"] {
            assert!(usage(&["--manifest", "a.json", "--room", room]).is_some(), "{room:?}");
        }
        assert_eq!(usage(&["--flap-time", "2h"]), None);
        assert!(usage(&["--flap-time", "1d"]).unwrap().contains("2h"));
    }

    #[test]
    fn nothing_that_could_be_run_is_not_passed() {
        let impossible = || Row::not_possible(Case::Kill, "only who runs the relay can".into());
        let verdict = |verdict| Row { verdict, ..impossible() };
        assert!(!judge(&[impossible()]).0);
        assert!(judge(&[impossible(), verdict(Verdict::Ok)]).0);
        assert!(!judge(&[verdict(Verdict::Missed), verdict(Verdict::Ok)]).0);
    }
}
