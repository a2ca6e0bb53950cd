//! The table: a line for each server and number of subscribers, medians where there were several runs.

use super::figures::quantile;
use super::load::{Came, Outcome};
use super::measure::{Machine, Usage};
use super::{Args, Server};

/// One run.
#[derive(Clone)]
pub struct Row {
    pub server: Server,
    pub senders: usize,
    pub subscribers: usize,
    /// What the server used in the time that counts.
    pub relay: Usage,
    /// Before anybody came, when all had come, and at the end.
    pub empty: Usage,
    pub connected: Usage,
    pub full: Usage,
    pub machine: Machine,
    pub outcome: Outcome,
}

impl Row {
    fn core_ms(&self) -> f64 {
        self.relay.core_ms_per_second()
    }

    /// Cores that others used meanwhile.
    fn foreign(&self) -> f64 {
        self.machine.cores() - (self.core_ms() + self.outcome.load.core_ms_per_second()) / 1e3
    }

    /// Allocations for each packet of audio or frame of video that went to a subscriber.
    fn allocations(&self, audio_only: bool) -> f64 {
        let per_second = if audio_only { 50.0 } else { 80.0 };
        let out = per_second * (self.senders * self.subscribers) as f64 * self.relay.seconds();
        self.relay.allocations as f64 / out.max(1.0)
    }
}

pub struct Table {
    printed: bool,
    /// Subscribers and core-ms of the line before, of each server, for the cost of one more.
    before: Vec<(Server, usize, usize, f64)>,
}

impl Table {
    pub fn new(args: &Args) -> Self {
        println!(
            "{} on cores {:?}, {} worker(s), load on cores {:?}; {} s after {} s, {} run(s), medians; delays are audio's and video's",
            args.transport, args.relay_cores, args.workers, args.load_cores, args.seconds, args.warm_up, args.runs
        );
        Self { printed: false, before: Vec::new() }
    }

    pub fn print(&mut self, args: &Args, servers: &[Vec<Row>]) {
        if !std::mem::replace(&mut self.printed, true) {
            println!(
                "{:>3} {:>5} {:<6} {:>15} {:>20} {:>5} {:>20} {:>5} {:>8} {:>7} {:>7} {:>6} {:>7} {:>7} {:>7} {:>6} {:>7} {:>6}",
                "snd",
                "subs",
                "server",
                "arrived a/v %",
                "audio p50/p99/max ms",
                "grows",
                "video p50/p99/max ms",
                "grows",
                "core-ms",
                "a sub",
                "1 more",
                "ratio",
                "RSS MB",
                "KB/conn",
                "alloc/p",
                "load",
                "foreign",
                "lost"
            );
        }
        let copy =
            servers.iter().flatten().filter(|row| row.server == Server::Copy).map(Row::core_ms).collect::<Vec<_>>();
        let copy = (!copy.is_empty()).then(|| median(copy));
        for rows in servers {
            self.line(args, rows, copy);
        }
    }

    fn line(&mut self, args: &Args, rows: &[Row], copy: Option<f64>) {
        let Some(first) = rows.first() else { return };
        let of = |value: fn(&Row) -> f64| median(rows.iter().map(value).collect());
        let core_ms = of(Row::core_ms);
        let (server, senders, subscribers) = (first.server, first.senders, first.subscribers);
        let each = core_ms / (senders * subscribers).max(1) as f64;
        let before = self.before.iter().rev().find(|it| it.0 == server && it.1 == senders && it.2 < subscribers);
        let more = before.map(|it| (core_ms - it.3) / (senders * (subscribers - it.2)) as f64);
        let ratio = copy.filter(|_| server == Server::Relay).map(|copy| copy / core_ms);
        let audio = |row: &Row| row.outcome.audio.clone();
        let video = |row: &Row| row.outcome.video.clone();
        println!(
            "{senders:>3} {subscribers:>5} {:<6} {:>7.2} {:>7.2} {:>20} {:>5.2} {:>20} {:>5.2} {core_ms:>8.1} {each:>7.3} {:>7} {:>6} {:>7.1} {:>7.1} {:>7.2} {:>6.0} {:>7.2} {:>6.0}",
            if server == Server::Relay { "relay" } else { "copy" },
            of(|row| row.outcome.audio.share),
            of(|row| row.outcome.video.share),
            delays(rows, audio),
            median(rows.iter().map(|row| row.outcome.audio.growth).collect()),
            delays(rows, video),
            median(rows.iter().map(|row| row.outcome.video.growth).collect()),
            more.map_or("-".into(), |more| format!("{more:.3}")),
            ratio.map_or("-".into(), |ratio| format!("{:.0} %", 100.0 * ratio)),
            of(|row| row.full.rss_bytes as f64 / 1e6),
            of(|row| {
                let grown = row.connected.rss_bytes.saturating_sub(row.empty.rss_bytes);
                grown as f64 / 1e3 / (row.subscribers + row.senders) as f64
            }),
            median(rows.iter().map(|row| row.allocations(args.audio_only)).collect()),
            of(|row| row.outcome.load.core_ms_per_second()),
            of(Row::foreign),
            of(|row| row.machine.udp_dropped as f64),
        );
        self.before.push((server, senders, subscribers, core_ms));
    }
}

fn delays(rows: &[Row], pick: impl Fn(&Row) -> Came) -> String {
    let of = |value: fn(Came) -> f64| median(rows.iter().map(|row| value(pick(row))).collect());
    format!("{:.2}/{:.1}/{:.1}", of(|came| came.p50), of(|came| came.p99), of(|came| came.max))
}

fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5).unwrap_or(f64::NAN)
}
