//! `nearcall probe`: one race, as a table or as JSON.

use serde::Serialize;

use super::args::ProbeArgs;
use super::{Exit, print};
use crate::call::event::CandidateRow;
use crate::call::{manifest, race};
use crate::proto::Transport;
use crate::telemetry::history::{Program, Recorder};

#[derive(Debug, Serialize)]
struct Report {
    window_ms: u64,
    elapsed_ms: u64,
    elected: Option<Elected>,
    candidates: Vec<CandidateRow>,
}

#[derive(Debug, Serialize)]
struct Elected {
    relay: String,
    region: String,
    provider: String,
    transport: Transport,
    mean_ms: Option<f64>,
    margin_ms: Option<f64>,
    runner_up: Option<String>,
    reason: String,
}

pub async fn run(args: ProbeArgs) -> anyhow::Result<Exit> {
    let manifest = manifest::load(&args.manifest).await?;
    let race = race::run(&manifest, args.window).await?;
    if let Some(keep) = super::history::keep(Program::Probe, args.no_history) {
        let recorder = Recorder::start(keep);
        recorder.note(race.history);
        recorder.finish().into_iter().for_each(|trouble| tracing::warn!("{trouble}"));
    }
    let elected = race.outcome.map(|outcome| Elected {
        relay: outcome.winner.relay,
        region: outcome.winner.region,
        provider: outcome.winner.provider,
        transport: outcome.winner.transport,
        mean_ms: outcome.mean_ms,
        margin_ms: outcome.margin_ms,
        runner_up: outcome.runner_up,
        reason: outcome.reason,
    });
    let answered = elected.is_some();
    let report = Report {
        window_ms: args.window.as_millis() as u64,
        elapsed_ms: race.elapsed.as_millis() as u64,
        elected,
        candidates: race.rows,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_table(&report);
    }
    Ok(if answered { Exit::Done } else { Exit::NoAnswer })
}

fn print_table(report: &Report) {
    let elected = report.elected.as_ref();
    let transport = elected.map(|elected| elected.transport.to_string()).unwrap_or_default();
    print!("{}", print::race(&report.candidates, elected.map(|elected| (elected.relay.as_str(), transport.as_str()))));
    print!("{}", print::hops(&report.candidates));
    match elected {
        Some(elected) => println!(
            "elected {}{} over {transport}: mean {:.1} ms, {}",
            elected.region,
            if elected.provider.is_empty() { String::new() } else { format!(" ({})", elected.provider) },
            elected.mean_ms.unwrap_or(f64::NAN),
            elected.reason
        ),
        None => println!("nobody answered"),
    }
}
