//! `nearcall history`: the elections that are kept on this computer, as a table, as JSON or as CSV.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::Exit;
use super::args::HistoryArgs;
use crate::telemetry::history::{self, Election, Keep, Line, Log, Program, Way, What, export};
use crate::{clock, settings};

/// Where a program without a window keeps its elections: nowhere if a flag or the settings say so.
pub fn keep(program: Program, off: bool) -> Option<Keep> {
    (!off && settings::peek().history).then(|| Keep::of_user(program)).flatten()
}

pub fn run(args: &HistoryArgs) -> anyhow::Result<Exit> {
    let folder = history::folder_of_user();
    let log =
        folder.as_deref().map(|folder| history::load(folder, args.last.unwrap_or(usize::MAX))).unwrap_or_default();
    let text = match (args.json, args.csv) {
        (true, _) => export::json(&log, clock::wall()),
        (_, true) => export::csv(&log),
        _ => table(&log, args.decisions),
    };
    // Whoever reads the first lines alone has enough.
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    if !(args.json || args.csv) {
        eprintln!("{}", place(folder.as_deref(), &log));
    }
    Ok(Exit::Done)
}

/// Where it comes from, and what is missing.
fn place(folder: Option<&std::path::Path>, log: &Log) -> String {
    let Some(folder) = folder else { return "This system names no folder for a history.".into() };
    let mut text = format!("Kept in {}.", folder.display());
    if log.broken > 0 {
        let _ = write!(text, " {} lines there cannot be read.", log.broken);
    }
    if log.strange > 0 {
        let _ = write!(text, " {} lines are of another version.", log.strange);
    }
    text
}

fn table(log: &Log, decisions: bool) -> String {
    if log.elections.is_empty() {
        return "No election is kept yet: probe, or join a call.\n".into();
    }
    let mut rows = vec![["when (UTC)", "by", "winner", "mean", "margin", "moves", "worst gap"].map(str::to_owned)];
    rows.extend(log.elections.iter().map(row));
    let widths: [usize; 7] =
        std::array::from_fn(|n| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or_default());
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        let [when, by, winner, mean, margin, moves, gap] = row;
        let [a, b, c, d, e, f, _] = widths;
        let _ = writeln!(out, "{when:<a$}  {by:<b$}  {winner:<c$}  {mean:>d$}  {margin:>e$}  {moves:>f$}  {gap}");
        if decisions && let Some(election) = n.checked_sub(1).and_then(|n| log.elections.get(n)) {
            election.lines.iter().filter_map(decision).for_each(|words| out.push_str(&words));
        }
    }
    out
}

fn row(election: &Election) -> [String; 7] {
    let winner = election.winner();
    let gap = election.worst_gap();
    [
        moment(election.at_utc()).to_owned(),
        election.program().unwrap_or("-").to_owned(),
        winner.map_or_else(|| "nobody answered".into(), |(way, _, _)| named(way)),
        ms(winner.and_then(|(_, mean_ms, _)| mean_ms)),
        ms(winner.and_then(|(_, _, margin_ms)| margin_ms)),
        election.moves().to_string(),
        gap.map_or_else(|| "-".into(), |(gap_ms, reason)| format!("{gap_ms} ms ({reason})")),
    ]
}

/// `2026-11-21T17:03:12.123Z` to the second, as people write it.
fn moment(utc: &str) -> String {
    utc.get(..19).unwrap_or(utc).replace('T', " ")
}

/// The region, and the relay where it is called otherwise.
fn named(way: &Way) -> String {
    let Way { relay, region, transport, .. } = way;
    if relay == region { format!("{region} {transport}") } else { format!("{region} ({relay}) {transport}") }
}

/// A figure of milliseconds, or a dash where nothing was measured.
fn ms(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".into(), |ms| format!("{ms:.1} ms"))
}

/// What a move cost in words.
fn missed(gap_ms: Option<u64>) -> String {
    gap_ms.map_or_else(|| "from nobody".into(), |ms| format!("missed for {ms} ms"))
}

/// A decision in words, with the figures that it was made on; nothing where there was none to make.
fn decision(line: &Line) -> Option<String> {
    let name = |way: &Option<Way>| way.as_ref().map_or_else(|| "nowhere".into(), named);
    let words = match &line.what {
        What::Started { .. } | What::Unknown => return None,
        What::Race { reason, .. } => {
            let reason = reason.as_deref().unwrap_or("nobody answered");
            format!("the race is over: {reason}")
        }
        // The link that it was on is gone.
        What::Moving { from: None, to, reason, .. } => format!("moving to {}: {reason}", name(to)),
        What::Moving { from, to, reason, .. } => format!("moving from {} to {}: {reason}", name(from), name(to)),
        What::Elected { to, reason, .. } => format!("over {} from here: {reason}", named(to)),
        What::Moved { from, to, reason, audio_gap_ms, video_gap_ms, .. } => format!(
            "moved from {} to {} ({reason}): sound {}, pictures {}",
            name(from),
            named(to),
            missed(*audio_gap_ms),
            missed(*video_gap_ms)
        ),
        What::Kept { candidate, reason, .. } => format!("stayed, not {}: {reason}", name(candidate)),
        What::MoveFailed { to, reason, .. } => format!("the move to {} failed: {reason}", name(to)),
        What::Suspect { candidate, on: true, .. } => format!("{} is in doubt", name(candidate)),
        What::Suspect { candidate, on: false, .. } => format!("{} is in doubt no longer", name(candidate)),
        What::Standby { candidate: Some(way) } => format!("standby: {}", named(way)),
        What::Standby { candidate: None } => "no standby".into(),
        What::Unmet { wish, reason, .. } => format!("{wish} was asked for: {reason}"),
        What::Reconnecting { .. } => "every link is lost".into(),
        What::Ended { moves } => format!("the call ended, moves: {moves}"),
    };
    let mut out = format!("    {}  {words}\n", line.at_utc.get(11..23).unwrap_or_default());
    for row in line.what.candidates() {
        let lost = row.recent_ms.iter().filter(|sample| sample.is_none()).count();
        let loss = row.loss.map_or_else(|| "-".into(), |loss| format!("{:.0} %", loss * 100.0));
        let _ = writeln!(
            out,
            "      {:<28} {:<9} mean {:>9}  jitter {:>8}  loss {loss:>5}  score {:>9}  samples {}/{}  lost lately {lost}",
            named(&row.way),
            row.relay_state.as_deref().unwrap_or(&row.state),
            ms(row.mean_ms),
            ms(row.jitter_ms),
            ms(row.score_ms),
            row.received,
            row.sent,
        );
    }
    Some(out)
}
