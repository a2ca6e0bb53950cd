//! What `simulate` prints: a table for people and an object for programs, with the same figures and assumptions.
//!
//! Field names are stable: added to, never renamed.

use serde::Serialize;

use super::figures::{Accuracy, Spread};
use super::ours::Plan;
use super::regions::World;
use super::{leave, matrix, models};

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub seed: u64,
    /// Name of the matrix, and where it comes from.
    pub matrix: String,
    pub source: String,
    pub cities: usize,
    /// Cities with a relay.
    pub regions: Vec<String>,
    pub clients: usize,
    pub races: u32,
    pub failovers: u32,
    /// Share of packets lost in each direction.
    pub loss: f64,
    pub strategies: Vec<Row>,
    pub assumptions: Vec<String>,
    /// Empty where the set-up is not the one that they are for.
    pub bars: Vec<Bar>,
}

/// A strategy's figures; what was not measured is `null`.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub strategy: &'static str,
    pub accuracy: Option<Accuracy>,
    /// From the start until it is known where to go.
    pub decide: Option<Spread>,
    /// From the death of a region until the client is served elsewhere.
    pub leave: Option<Spread>,
}

impl Row {
    pub fn new(
        strategy: &'static str,
        accuracy: Option<Accuracy>,
        decide: Option<Spread>,
        leave: Option<Spread>,
    ) -> Self {
        Self { strategy, accuracy, decide, leave }
    }

    fn title(&self) -> &'static str {
        match self.strategy {
            "geography" => "nearest by geography",
            "dns" => "latency DNS, by resolver",
            "anycast" => "anycast",
            "front_door" => "provider's front door",
            "election_first" => "election, first decision",
            _ => "election, after 3 s",
        }
    }
}

/// A bar of the design's section 10.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    pub what: &'static str,
    /// `share` or `ms`.
    pub unit: &'static str,
    pub bar: f64,
    pub measured: f64,
    pub met: bool,
}

impl Bar {
    pub fn at_least(what: &'static str, unit: &'static str, bar: f64, measured: f64) -> Self {
        Self { what, unit, bar, measured, met: measured >= bar }
    }

    pub fn at_most(what: &'static str, unit: &'static str, bar: f64, measured: f64) -> Self {
        Self { what, unit, bar, measured, met: measured <= bar }
    }
}

impl Report {
    pub fn new(world: &World, plan: &Plan, strategies: Vec<Row>, bars: Vec<Bar>) -> Self {
        let name = |&city: &usize| world.matrix.cities[city].name.clone();
        Self {
            seed: plan.seed,
            matrix: world.matrix.name.clone(),
            source: world.matrix.source.clone(),
            cities: world.matrix.len(),
            regions: world.regions.iter().map(name).collect(),
            clients: world.clients.len(),
            races: plan.races,
            failovers: plan.failovers,
            loss: plan.loss,
            strategies,
            assumptions: assumptions(world, plan),
            bars,
        }
    }

    /// Everything, for people.
    pub fn table(&self) -> String {
        let mut out =
            format!("{} clients, relays in {}: {}\n\n", self.clients, self.regions.len(), self.regions.join(", "));
        out += &line(["", "within", "or a", "within", "regret", "regret", "regret", "to decide", "to leave"]);
        out += &line([
            "strategy",
            "1 ms",
            "tie (1)",
            "10 ms",
            "mean ms",
            "p95 ms",
            "p99 ms",
            "p50 / p99 (2)",
            "p50 / p99 (3)",
        ]);
        for row in &self.strategies {
            let accuracy = |figure: fn(&Accuracy) -> String| row.accuracy.as_ref().map_or_else(|| "-".into(), figure);
            out += &line([
                row.title(),
                &accuracy(|of| percent(of.within_1_ms_strictly)),
                &accuracy(|of| percent(of.within_1_ms)),
                &accuracy(|of| percent(of.within_10_ms)),
                &accuracy(|of| format!("{:.2}", of.mean_regret_ms)),
                &accuracy(|of| format!("{:.1}", of.p95_regret_ms)),
                &accuracy(|of| format!("{:.1}", of.p99_regret_ms)),
                &spread(row.decide),
                &spread(row.leave),
            ]);
        }
        out += "\nassumptions\n";
        for (n, assumption) in self.assumptions.iter().enumerate() {
            out += &wrapped(&format!("{:>3}. {assumption}", n + 1), 5);
        }
        if self.bars.is_empty() {
            out += "\nno bar is judged: they are for 8 regions, 200 clients or more, and 2 % loss\n";
        } else {
            out += "\nbars\n";
        }
        for Bar { what, unit, bar, measured, met } in &self.bars {
            let figure = |value: f64| if *unit == "share" { percent(value) } else { format!("{value:.0} ms") };
            let verdict = if *met { "met" } else { "MISSED" };
            out += &format!("  {verdict:<7}{what}: {} (bar {})\n", figure(*measured), figure(*bar));
        }
        out
    }
}

/// A line of the table.
fn line(cells: [&str; 9]) -> String {
    let [name, exact, tied, near, mean, p95, p99, decide, leave] = cells;
    let line = format!("{name:<26}{exact:>8}{tied:>10}{near:>9}{mean:>9}{p95:>8}{p99:>8}{decide:>15}{leave:>15}");
    line.trim_end().to_owned() + "\n"
}

/// Broken where a line would be longer than the table; the lines after the first are indented.
fn wrapped(text: &str, indent: usize) -> String {
    const WIDTH: usize = 108;
    let (mut out, mut width) = (String::new(), 0);
    for word in text.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if width > 0 && width + length > WIDTH {
            out.truncate(out.trim_end().len());
            out += &format!("\n{:indent$}", "");
            width = indent;
        }
        out += word;
        width += word.chars().count();
    }
    out + "\n"
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `240 / 660 ms`, `37 / 260 s`.
fn spread(spread: Option<Spread>) -> String {
    match spread {
        None => "-".into(),
        Some(Spread { p50_ms, p99_ms }) if p50_ms == p99_ms && p50_ms == 0.0 => "none".into(),
        Some(Spread { p50_ms, p99_ms }) if p50_ms == p99_ms => format!("{p50_ms:.0} ms"),
        Some(Spread { p50_ms, p99_ms }) if p50_ms < 5_000.0 => format!("{p50_ms:.0} / {p99_ms:.0} ms"),
        Some(Spread { p50_ms, p99_ms }) => format!("{:.0} / {:.0} s", p50_ms / 1e3, p99_ms / 1e3),
    }
}

/// What the figures stand on, in the order in which the table asks for it.
fn assumptions(world: &World, plan: &Plan) -> Vec<String> {
    let dns = models::Dns::default();
    let share = |of_50: u32| of_50 * 2;
    let [right, astray, far] = models::CATCHMENT;
    vec![
        "Best: the relay with the shortest mean round trip. A tie is one by the election's rule: WebTransport was taken, \
         within max(10 ms, 10 %) of another relay's WebSocket that measured better. The bars count it as right."
            .into(),
        "To decide: until it is known where to go. For the election that includes the handshakes with all relays, which \
         the others still have before them; for DNS a look-up that nobody has cached; anycast and front door ask nobody."
            .into(),
        format!(
            "To leave: from a region's death. The others by models: the client notices at once and tries again every {:.0} s. \
             The election as measured: the longest time without audio, packet to packet, for either of two people in a \
             call; {} deaths, half of them a killed process, half a silent network.",
            leave::RETRY_S,
            plan.failovers
        ),
        format!("Round trips: {}.", world.matrix.source),
        format!(
            "Relays: greedy k-median over the matrix. A client in a relay's own city is {} ms away.",
            matrix::SAME_CITY.mean_ms
        ),
        "Geography: the client's place is known exactly; what a path costs is not. Left like DNS.".into(),
        format!(
            "DNS: the region that was fastest from the resolver {:.0} minutes ago. {} % of resolvers are in the client's city, \
             {} % in one of the {} nearest, {} % public and {} ms away (Chen et al., End-User Mapping, SIGCOMM 2015). Left: \
             {} failed checks {} s apart, then a TTL of {} s; {:.1} % of resolvers keep up to {} s (Bhowmick et al., PAM 2023).",
            dns.age_minutes,
            share(dns.here),
            share(dns.near),
            models::NEAREST,
            share(dns.public),
            models::PUBLIC_RESOLVER_MS,
            leave::FAILURES,
            leave::CHECK_S,
            leave::TTL_S,
            leave::KEEP_LONGER * 100.0,
            leave::KEPT_S
        ),
        format!(
            "Anycast: {:.0} % of clients reach the best site, {:.0} % one that is {} ms worse or more, {:.0} % one that is {} ms \
             worse or more (Calder et al., IMC 2015). Left: {:.0} % of networks within {} s (ANRW 2024), the rest within {} s.",
            right.0 * 100.0,
            astray.0 * 100.0,
            astray.1,
            far.0 * 100.0,
            far.1,
            leave::QUICK * 100.0,
            leave::QUICK_S,
            leave::SLOW_S
        ),
        format!(
            "Front door: anycast to one of {} edges, {} ms in the proxy (Arcjet), on to the region nearest to the edge. A detour \
             may beat the direct path, so that its mean regret can be below 0. Left: a check every {} s, {} s to answer.",
            models::EDGES.max(world.regions.len()).min(world.matrix.len()),
            models::PROXY_MS,
            leave::EDGE_CHECK_S,
            leave::ANSWER_S
        ),
        format!(
            "Election: the program's own, in virtual time, {} races a client, WebTransport and WebSocket to every relay, {} % of \
             packets lost in each direction, handshakes included; each path with the mean, least and deviation of its pings.",
            plan.races,
            plan.loss * 100.0
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        for (p50_ms, p99_ms, text) in [
            (0.0, 0.0, "none"),
            (3_000.0, 3_000.0, "3000 ms"),
            (241.4, 655.5, "241 / 656 ms"),
            (240.0, 6_100.0, "240 / 6100 ms"),
            (57_000.0, 290_000.0, "57 / 290 s"),
        ] {
            assert_eq!(spread(Some(Spread { p50_ms, p99_ms })), text);
        }
        assert_eq!(spread(None), "-");
    }
}
