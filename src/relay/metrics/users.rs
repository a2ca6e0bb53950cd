//! What users report of their elections.
//!
//! `session` hands the reports in. The figures are sums over users: nothing in them leads back to one. A report is a
//! stranger's word: what cannot be is thrown away and counted, and names that no relay here goes by become `other`, so that
//! nobody can make labels without end.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Mutex;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::super::directory::Directory;
use super::prefixes::Prefixes;
use crate::proto::limits;
use crate::proto::report::{ElectionReport, MoveCause, MoveReport, PathReport, ReportedTransport};

/// Round trips and jitter, s: fine where one region is told from the next.
const RTT_SECONDS: [f64; 14] = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0];
/// Lost probes of all.
const LOSS: [f64; 10] = [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
/// A gap in what is heard or seen, s: around the bars that a failover is held to.
const GAP_SECONDS: [f64; 12] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 2.0, 5.0, 30.0];

/// No round trip is longer: a probe that is not answered by then is lost.
const MOST_RTT_US: u32 = 60_000_000;
/// No gap is longer: a call that hears nothing for so long has ended.
const MOST_GAP_MS: u32 = 3_600_000;
/// Regions and providers that have had a label since the start: relays come and go, a label stays.
const MOST_PLACES: usize = limits::RELAYS;
/// What a name is called that is none of ours.
const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    region: String,
    provider: String,
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Gap {
    reason: &'static str,
    media: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Taken {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Network {
    prefix: String,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// See the module.
#[derive(Debug)]
pub struct Users {
    registry: Registry,
    rtt: Histograms<Way>,
    jitter: Histograms<Way>,
    loss: Histograms<Way>,
    moves: Family<Cause, Counter>,
    gaps: Histograms<Gap>,
    reports: Family<Taken, Counter>,
    /// Every (region, provider) that has a label.
    places: Mutex<BTreeSet<(String, String)>>,
    networks: Histograms<Network>,
    prefixes: Prefixes,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// There is something in it that cannot be.
    Rejected,
    /// Too many of one member.
    Limited,
}

impl Verdict {
    fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Limited => "limited",
        }
    }
}

impl Users {
    /// `prefixes`: the most networks of users that get figures of their own; 0 for none.
    pub fn new(prefixes: usize) -> Self {
        let times: fn() -> Histogram = || Histogram::new(RTT_SECONDS);
        let shares: fn() -> Histogram = || Histogram::new(LOSS);
        let gaps: fn() -> Histogram = || Histogram::new(GAP_SECONDS);
        let mut users = Self {
            registry: Registry::with_prefix("nearcall"),
            rtt: Family::new_with_constructor(times),
            jitter: Family::new_with_constructor(times),
            loss: Family::new_with_constructor(shares),
            moves: Family::default(),
            gaps: Family::new_with_constructor(gaps),
            reports: Family::default(),
            places: Mutex::default(),
            networks: Family::new_with_constructor(times),
            prefixes: Prefixes::new(prefixes),
        };
        users.register();
        users
    }

    fn register(&mut self) {
        let Self { registry, rtt, jitter, loss, moves, gaps, reports, networks, .. } = self;
        let help = "Mean round trips to relays as users of this relay measure them, one a report";
        registry.register_with_unit("user_rtt", help, Unit::Seconds, rtt.clone());
        let help = "Mean differences of neighbouring round trips as users of this relay measure them, one a report";
        registry.register_with_unit("user_jitter", help, Unit::Seconds, jitter.clone());
        let help = "Shares of probes to relays that users of this relay lost, one a report";
        registry.register_with_unit("user_loss", help, Unit::Other("ratio".into()), loss.clone());
        registry.register("user_moves", "Moves of calls to this relay or while on it, by reason", moves.clone());
        let help = "Longest time without sound or pictures around a move, as its user had it";
        registry.register_with_unit("user_gap", help, Unit::Seconds, gaps.clone());
        registry.register("user_reports", "Election reports of users, by what became of them", reports.clone());
        if self.prefixes.is_on() {
            let help = "Mean round trips to this relay by network of its users, one a report";
            registry.register_with_unit("user_network_rtt", help, Unit::Seconds, networks.clone());
        }
    }

    /// Writes all but the end.
    ///
    /// # Errors
    /// None that is known: writing to memory does not fail.
    pub fn write(&self, out: &mut String) -> Result<(), std::fmt::Error> {
        text::encode_registry(out, &self.registry)
    }

    /// Takes a report in, if everything in it can be, and says what became of it. `within_rate`: the member, who comes from
    /// this address, has not sent too many.
    pub fn take(&self, report: &ElectionReport, from: IpAddr, within_rate: bool, directory: &Directory) -> Verdict {
        let verdict = match within_rate {
            false => Verdict::Limited,
            true if is_plausible(report) => Verdict::Accepted,
            true => Verdict::Rejected,
        };
        self.reports.get_or_create(&Taken { result: verdict.label() }).inc();
        if verdict == Verdict::Accepted {
            report.paths.iter().for_each(|path| self.path(path, directory));
            self.network(report, from, directory);
            report.moves.iter().for_each(|moved| self.moved(moved));
        }
        verdict
    }

    fn path(&self, path: &PathReport, directory: &Directory) {
        let (region, provider) = self.place(path, directory);
        let way = Way { region, provider, transport: transport(path.transport()) };
        if let Some(mean_us) = path.mean_us {
            self.rtt.get_or_create(&way).observe(seconds(mean_us));
        }
        if let Some(jitter_us) = path.jitter_us {
            self.jitter.get_or_create(&way).observe(seconds(jitter_us));
        }
        if let Some(permille) = path.loss_permille {
            self.loss.get_or_create(&way).observe(f64::from(permille) / 1000.0);
        }
    }

    /// One figure a report: the way that carries the call, or would, from this network to here.
    fn network(&self, report: &ElectionReport, from: IpAddr, directory: &Directory) {
        let here = report.paths.iter().filter(|path| path.relay == directory.own().id);
        if let Some(mean_us) = here.filter_map(|path| path.mean_us).min()
            && let Some(prefix) = self.prefixes.label(from)
        {
            self.networks.get_or_create(&Network { prefix }).observe(seconds(mean_us));
        }
    }

    fn moved(&self, moved: &MoveReport) {
        let reason = reason(MoveCause::try_from(moved.cause).unwrap_or(MoveCause::Unspecified));
        self.moves.get_or_create(&Cause { reason }).inc();
        for (media, gap_ms) in [("audio", moved.audio_gap_ms), ("video", moved.video_gap_ms)] {
            if let Some(gap_ms) = gap_ms {
                self.gaps.get_or_create(&Gap { reason, media }).observe(f64::from(gap_ms) / 1000.0);
            }
        }
    }

    /// Region and provider as this relay knows them, whatever the client calls them.
    fn place(&self, path: &PathReport, directory: &Directory) -> (String, String) {
        let other = || (OTHER.to_owned(), OTHER.to_owned());
        let Some(place) = directory.place(&path.relay, &path.region, &path.provider) else { return other() };
        let mut places = self.places.lock().expect("nobody panics while holding the labels");
        if places.len() < MOST_PLACES || places.contains(&place) {
            places.insert(place.clone());
            place
        } else {
            other()
        }
    }
}

/// Whether every figure can be: a report with one that cannot is not believed in the others.
fn is_plausible(report: &ElectionReport) -> bool {
    let mut seen = BTreeSet::new();
    let path = |path: &PathReport| {
        let figures = [path.mean_us, path.jitter_us];
        let transport = ReportedTransport::try_from(path.transport);
        transport.is_ok_and(|transport| transport != ReportedTransport::Unspecified)
            && figures.into_iter().flatten().all(|us| us <= MOST_RTT_US)
            && path.loss_permille.is_none_or(|permille| permille <= 1000)
            && path.mean_us.is_none_or(|us| us > 0 && path.samples > 0)
            && seen.insert((path.relay.clone(), path.transport))
    };
    let gap = |gap: Option<u32>| gap.is_none_or(|ms| ms <= MOST_GAP_MS);
    report.paths.iter().all(path) && report.moves.iter().all(|moved| gap(moved.audio_gap_ms) && gap(moved.video_gap_ms))
}

fn seconds(us: u32) -> f64 {
    f64::from(us) / 1e6
}

fn transport(transport: ReportedTransport) -> &'static str {
    match transport {
        ReportedTransport::WebTransport => "webtransport",
        ReportedTransport::WebSocket => "websocket",
        ReportedTransport::Unspecified => OTHER,
    }
}

fn reason(cause: MoveCause) -> &'static str {
    match cause {
        MoveCause::Improve => "improve",
        MoveCause::Transport => "transport",
        MoveCause::FailOver => "fail_over",
        MoveCause::Drain => "drain",
        MoveCause::Pin => "pin",
        MoveCause::Force => "force",
        MoveCause::Block => "block",
        MoveCause::Reconnect => "reconnect",
        MoveCause::Unspecified => OTHER,
    }
}

#[cfg(test)]
mod tests;
