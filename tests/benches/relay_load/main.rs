//! What a subscriber costs a relay, and what it gets: a relay on one core, senders and subscribers on another.
//!
//! One process a role: this program starts itself again as the relay, as a plain copy of the same bytes over quinn (what the
//! transport itself costs), and as the load. Both serve the same workload in turn, and the table has a line for each: share that
//! arrived, delay from the send to the whole frame received on one clock, processor time, memory, allocations.
//!
//! `cargo bench --no-default-features --features relay --bench relay_load -- --subscribers 1,60,600 --runs 3`

mod copy;
#[path = "../common/figures.rs"]
mod figures;
mod load;
mod measure;
mod publish;
mod receive;
mod serve;
mod table;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use nearcall::proto::Transport;
use serde::{Deserialize, Serialize};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use self::load::Outcome;
use self::measure::{Machine, Usage};
use self::table::{Row, Table};

/// Counts allocations in every role, so all pay the same for it.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Server {
    /// Our relay.
    Relay,
    /// A plain copy over quinn.
    Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Relay,
    Copy,
    Load,
}

#[derive(Debug, Clone, Parser)]
pub struct Args {
    /// Subscribers, one run for each
    #[arg(long, value_delimiter = ',', default_value = "1,10,30,60,120,240,480,600,800,1000")]
    subscribers: Vec<usize>,
    /// Senders in the room
    #[arg(long, value_delimiter = ',', default_value = "1")]
    senders: Vec<usize>,
    /// What serves
    #[arg(long, value_delimiter = ',', default_value = "copy,relay")]
    servers: Vec<Server>,
    /// How subscribers are connected: webtransport or websocket
    #[arg(long, default_value = "webtransport", value_parser = transport)]
    transport: Transport,
    /// Threads of the relay
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Cores that the relay may use
    #[arg(long, value_delimiter = ',', default_value = "0")]
    relay_cores: Vec<usize>,
    /// Cores that the load may use
    #[arg(long, value_delimiter = ',', default_value = "1")]
    load_cores: Vec<usize>,
    /// Seconds that are measured
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 2.0)]
    warm_up: f64,
    /// Runs of each, of which the table shows the median
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Waits so many seconds while all are connected and nobody sends: what idle connections cost
    #[arg(long, default_value_t = 0.0)]
    idle: f64,
    /// Senders without video
    #[arg(long)]
    audio_only: bool,
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// Where the load connects to, as the server said it
    #[arg(long, hide = true, default_value = "")]
    address: String,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    list: bool,
}

fn transport(text: &str) -> Result<Transport, String> {
    let both = [Transport::WebTransport, Transport::WebSocket];
    let named = both.into_iter().find(|transport| transport.to_string().eq_ignore_ascii_case(text));
    named.ok_or_else(|| "webtransport or websocket".into())
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    // `cargo test --benches` asks for the list only.
    if args.list {
        return Ok(());
    }
    match args.role {
        None => conduct(&args),
        Some(Role::Load) => load::run(&args),
        Some(role) => serve::run(&args, if role == Role::Relay { Server::Relay } else { Server::Copy }),
    }
}

/// Runs everything in turn and prints the table.
fn conduct(args: &Args) -> anyhow::Result<()> {
    let mut table = Table::new(args);
    for &senders in &args.senders {
        for &subscribers in &args.subscribers {
            let mut rows: Vec<Vec<Row>> = vec![Vec::new(); args.servers.len()];
            for _ in 0..args.runs {
                for (rows, server) in rows.iter_mut().zip(&args.servers) {
                    rows.push(run_once(args, *server, senders, subscribers)?);
                }
            }
            table.print(args, &rows);
        }
    }
    Ok(())
}

fn run_once(args: &Args, server: Server, senders: usize, subscribers: usize) -> anyhow::Result<Row> {
    let role = match server {
        Server::Relay => "relay",
        Server::Copy => "copy",
    };
    let mut relay = Process::start(&["--role", role, "--workers", &args.workers.to_string()], &args.relay_cores)?;
    let address = relay.line()?;
    let empty: Usage = relay.ask("usage")?;
    let counts = ["--senders", &senders.to_string(), "--subscribers", &subscribers.to_string()].map(String::from);
    let (transport, servers) = (args.transport.to_string().to_lowercase(), role.to_owned());
    let times = [args.seconds.to_string(), args.warm_up.to_string()];
    let mut words = vec!["--role", "load", "--address", &address, "--transport", &transport, "--servers", &servers];
    words.extend(["--seconds", &times[0], "--warm-up", &times[1]]);
    words.extend(counts.iter().map(String::as_str));
    words.extend(args.audio_only.then_some("--audio-only"));
    let mut load = Process::start(&words, &args.load_cores)?;
    anyhow::ensure!(load.line()? == "connected", "the load does not connect");
    // Handshakes leave work behind.
    std::thread::sleep(Duration::from_millis(500));
    let connected: Usage = relay.ask("usage")?;
    if args.idle > 0.0 {
        std::thread::sleep(Duration::from_secs_f64(args.idle));
        let idle: Usage = relay.ask("usage")?;
        println!("idle: {:.3} core-ms/s for {subscribers}", idle.since(&connected).core_ms_per_second());
    }
    load.say("go")?;
    anyhow::ensure!(load.line()? == "begins", "the load ended early");
    let (before, machine): (Usage, Machine) = (relay.ask("usage")?, Machine::read());
    anyhow::ensure!(load.line()? == "ends", "the load ended early");
    let after: Usage = relay.ask("usage")?;
    let (machine, own) = (Machine::read().since(&machine), after.since(&before));
    let outcome: Outcome = serde_json::from_str(&load.line()?).context("the load's result")?;
    Ok(Row { server, senders, subscribers, relay: own, empty, connected, full: after, machine, outcome })
}

/// One role at work, spoken to in lines.
struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Process {
    fn start(words: &[&str], cores: &[usize]) -> anyhow::Result<Self> {
        let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
        let mut command = Command::new("taskset");
        command.args(["-c", &cores.join(",")]).arg(std::env::current_exe()?).args(words);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("taskset (util-linux)")?;
        let to = child.stdin.take().context("no way to the child")?;
        let from = BufReader::new(child.stdout.take().context("no way from the child")?);
        Ok(Self { child, to, from })
    }

    fn say(&mut self, word: &str) -> anyhow::Result<()> {
        Ok(writeln!(self.to, "{word}")?)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        anyhow::ensure!(self.from.read_line(&mut line)? > 0, "a role ended before it was told to");
        Ok(line.trim_end().to_owned())
    }

    fn ask<T: for<'a> Deserialize<'a>>(&mut self, word: &str) -> anyhow::Result<T> {
        self.say(word)?;
        Ok(serde_json::from_str(&self.line()?)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
