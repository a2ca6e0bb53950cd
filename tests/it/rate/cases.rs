//! The basic test cases of RFC 8867, sections 5.1 to 5.8: what they give, and what they have to.

use std::time::Instant;

use super::figures::quantile;
use super::media::Media;
use super::tcp::{Short, Tcp};
use super::world::{Flow, MS, SECOND, Us, World};

const MBPS: f64 = 1e6;
const DELAY: Us = 50 * MS;
const QUEUE: Us = 300 * MS;

/// A figure, and what it has to be.
#[derive(Debug, Clone)]
pub struct Row {
    case: &'static str,
    what: String,
    figure: f64,
    least: f64,
    most: f64,
    unit: &'static str,
}

impl Row {
    pub fn holds(&self) -> bool {
        self.figure >= self.least && self.figure <= self.most
    }

    fn bar(&self) -> String {
        match (self.least, self.most) {
            (least, f64::INFINITY) => format!(">= {least}"),
            (0.0, most) => format!("<= {most}"),
            (least, most) => format!("{least:.2} - {most}"),
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.holds() { "" } else { "  MISSED" };
        let Self { case, what, figure, unit, .. } = self;
        write!(f, "{case:<5} {what:<60} {figure:>7.2} {unit:<6} {}{verdict}", self.bar())
    }
}

/// The same figure of several runs: a line, and whether the median holds.
#[allow(dead_code, reason = "the bench prints it")]
pub fn together<'a>(rows: impl Iterator<Item = &'a Row>) -> (String, bool) {
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort_by(|a, b| a.figure.total_cmp(&b.figure));
    let median = rows[rows.len() / 2];
    let beyond = |row: &Row| match (row.least, row.most) {
        (least, f64::INFINITY) => least - row.figure,
        (0.0, most) => row.figure - most,
        (least, most) => (least / row.figure).max(row.figure / most),
    };
    let worst = rows.iter().max_by(|a, b| beyond(a).total_cmp(&beyond(b))).map_or(0.0, |row| row.figure);
    let Row { case, what, figure, unit, .. } = median;
    let verdict = if median.holds() { "" } else { "  MISSED" };
    (format!("{case:<4} {what:<45} {figure:>8.2} {worst:>8.2} {unit:<6} {}{verdict}", median.bar()), median.holds())
}

fn least(case: &'static str, what: impl Into<String>, figure: f64, least: f64, unit: &'static str) -> Row {
    Row { case, what: what.into(), figure, least, most: f64::INFINITY, unit }
}

fn most(case: &'static str, what: impl Into<String>, figure: f64, most: f64, unit: &'static str) -> Row {
    Row { case, what: what.into(), figure, least: 0.0, most, unit }
}

fn course(steps: &[(u64, f64)]) -> Vec<(Us, f64)> {
    steps.iter().map(|(second, mbps)| (second * SECOND, mbps * MBPS)).collect()
}

fn wide() -> Vec<(Us, f64)> {
    course(&[(0, 100.0)])
}

fn media(stop: u64) -> Media {
    Media::new(Instant::now(), stop * SECOND)
}

fn boxed(media: Media) -> Flow {
    Flow::Media(Box::new(media))
}

/// What 95 % of all packets of media on the way there wait at most.
fn queue(case: &'static str, world: &World, bar_ms: f64) -> Row {
    let there = world.flows.iter().zip(&world.routes).filter(|(_, route)| route.1 == 0);
    let all = there.filter_map(|(flow, _)| match flow {
        Flow::Media(media) => Some(&media.queued_ms),
        Flow::Tcp(_) => None,
    });
    most(case, "queue, p95", quantile(all.flatten().copied(), 0.95).unwrap_or(0.0), bar_ms, "ms")
}

/// From a fall of the capacity to a queue of less than 50 ms.
fn drained(case: &'static str, world: &World, at: u64, what: &str, bar: f64) -> Row {
    let from = (at * 100) as usize;
    let full = (from..from + 200).find(|n| world.queue_ms[*n] > 50.0).unwrap_or(from);
    let empty = (full..world.queue_ms.len()).find(|n| world.queue_ms[*n] < 50.0).unwrap_or(world.queue_ms.len());
    most(case, format!("drained after {what} Mbit/s"), (empty - from) as f64 / 100.0, bar, "s")
}

/// Jain's index.
fn fairness(case: &'static str, rates: &[f64], bar: f64) -> Row {
    let sum: f64 = rates.iter().sum();
    let index = sum * sum / (rates.len() as f64 * rates.iter().map(|rate| rate * rate).sum::<f64>());
    least(case, format!("fairness of {} Mbit/s", mbps(rates)), index, bar, "")
}

fn rates(world: &World, flows: std::ops::Range<usize>, from: usize, to: usize) -> Vec<f64> {
    flows.map(|flow| world.media(flow).arrived.rate(from, to)).collect()
}

fn loss(case: &'static str, world: &World, flows: std::ops::Range<usize>, bar: f64) -> Row {
    most(case, "packets lost", flows.map(|flow| world.media(flow).loss()).fold(0.0, f64::max), bar, "%")
}

fn mbps(rates: &[f64]) -> String {
    rates.iter().map(|rate| format!("{:.2}", rate / MBPS)).collect::<Vec<_>>().join(", ")
}

/// How much of what could be used was, from one second to another; each of `flows` can use 1.5 Mbit/s.
fn used(world: &World, flows: std::ops::Range<usize>, from: u64, to: u64) -> f64 {
    let count = flows.len() as f64;
    let pipe = &world.pipes[world.routes[flows.start].1];
    let could: f64 = (from..to).map(|second| pipe.rate(second * SECOND).min(count * 1.5 * MBPS)).sum();
    let did: f64 = rates(world, flows, from as usize, to as usize).iter().sum::<f64>() * (to - from) as f64;
    100.0 * did / could
}

/// 5.1, variable capacity, one flow.
pub fn variable_capacity(seed: u64) -> Vec<Row> {
    let steps = course(&[(0, 1.0), (40, 2.5), (60, 0.6), (80, 1.0)]);
    let mut world = World::new(seed, [steps, wide()], MBPS, QUEUE);
    world.add(boxed(media(100)), DELAY, 0, 0);
    world.run(100 * SECOND);
    let recovery = |from: usize, rate: f64| {
        let at = (from..100).find(|second| world.media(0).arrived.rate(*second, second + 1) > 0.85 * rate);
        at.map_or(99.0, |at| (at - from) as f64)
    };
    vec![
        least("5.1", "capacity used, whole run", used(&world, 0..1, 0, 100), 85.0, "%"),
        queue("5.1", &world, 80.0),
        drained("5.1", &world, 60, "2.5 to 0.6", 1.5),
        most("5.1", "85 % of 1.5 Mbit/s after the rise to 2.5", recovery(40, 1.5e6), 6.0, "s"),
        most("5.1", "85 % of 1 Mbit/s after the rise from 0.6", recovery(80, 1e6), 8.0, "s"),
        loss("5.1", &world, 0..1, 2.0),
        most("5.1", "pictures given up", world.media(0).late as f64, 15.0, ""),
    ]
}

/// 5.2, variable capacity, two flows.
pub fn variable_capacity_two_flows(seed: u64) -> Vec<Row> {
    let steps = course(&[(0, 4.0), (25, 2.0), (50, 3.5), (75, 1.0), (100, 2.0)]);
    let mut world = World::new(seed, [steps, wide()], 2.0 * MBPS, QUEUE);
    (0..2).for_each(|_| world.add(boxed(media(125)), DELAY, 0, 0));
    world.run(125 * SECOND);
    vec![
        fairness("5.2", &rates(&world, 0..2, 10, 125), 0.9),
        least("5.2", "capacity used", used(&world, 0..2, 5, 125), 80.0, "%"),
        queue("5.2", &world, 90.0),
        drained("5.2", &world, 25, "4 to 2", 1.5),
        drained("5.2", &world, 75, "3.5 to 1", 2.5),
        loss("5.2", &world, 0..2, 3.0),
    ]
}

/// 5.3, congested way back, media both ways. `blind`: a relay that does not say when probes arrive.
pub fn congested_feedback(seed: u64, blind: bool) -> Vec<Row> {
    let there = course(&[(0, 2.0), (20, 1.0), (40, 0.5), (60, 2.0)]);
    let back = course(&[(0, 2.0), (35, 0.8), (70, 2.0)]);
    let mut world = World::new(seed, [there, back], MBPS, QUEUE);
    for pipe in 0..2 {
        let mut media = media(100);
        media.blind = blind;
        world.add(boxed(media), DELAY, pipe, 0);
    }
    world.run(100 * SECOND);
    let case = if blind { "5.3b" } else { "5.3" };
    vec![
        least(case, "capacity used there", used(&world, 0..1, 5, 100), if blind { 55.0 } else { 75.0 }, "%"),
        least(case, "capacity used back", used(&world, 1..2, 5, 100), if blind { 55.0 } else { 75.0 }, "%"),
        queue(case, &world, 90.0),
        drained(case, &world, 40, "1 to 0.5", 1.5),
    ]
}

/// 5.4, three flows of the same kind, one after another.
pub fn competing_flows(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed, [course(&[(0, 3.5)]), wide()], 3.5 * MBPS, QUEUE);
    (0..3u64).for_each(|n| world.add(boxed(media(120)), DELAY, 0, n * 20 * SECOND));
    world.run(120 * SECOND);
    vec![
        fairness("5.4", &rates(&world, 0..3, 60, 119), 0.9),
        least("5.4", "capacity used", used(&world, 0..3, 60, 119), 85.0, "%"),
        queue("5.4", &world, 80.0),
        loss("5.4", &world, 0..3, 1.0),
    ]
}

/// 5.5, five flows over 10 to 150 ms one way.
pub fn round_trip_fairness(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed, [course(&[(0, 4.0)]), wide()], 4.0 * MBPS, QUEUE);
    for (n, delay) in [10, 25, 50, 100, 150].into_iter().enumerate() {
        world.add(boxed(media(300)), delay * MS, 0, n as Us * 10 * SECOND);
    }
    world.run(300 * SECOND);
    vec![
        fairness("5.5", &rates(&world, 0..5, 100, 299), 0.8),
        least("5.5", "capacity used", used(&world, 0..5, 100, 299), 85.0, "%"),
        queue("5.5", &world, 100.0),
    ]
}

/// 5.6, beside a long TCP flow.
pub fn long_tcp(seed: u64, queue_ms: u64) -> Vec<Row> {
    let mut world = World::new(seed, [course(&[(0, 2.0)]), wide()], 2.0 * MBPS, queue_ms * MS);
    world.add(boxed(media(120)), DELAY, 0, 5 * SECOND);
    world.add(Flow::Tcp(Box::new(Tcp::new(120 * SECOND, None))), DELAY, 0, 0);
    world.run(120 * SECOND);
    let ours = world.media(0).arrived.rate(30, 119);
    let Flow::Tcp(tcp) = &world.flows[1] else { panic!("the second flow is TCP") };
    let theirs = tcp.arrived.rate(30, 119);
    let (case, what) = ("5.6", format!("{} to TCP's {} Mbit/s, queue {queue_ms} ms", mbps(&[ours]), mbps(&[theirs])));
    vec![
        Row { case, what, figure: ours / theirs, least: 1.0 / 3.0, most: 3.0, unit: "" },
        least(case, "capacity used by both", 100.0 * (ours + theirs) / 2e6, 90.0, "%"),
        loss(case, &world, 0..1, 5.0),
    ]
}

/// 5.7, two flows beside ten short TCP flows.
pub fn short_tcp(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed, [course(&[(0, 2.0)]), wide()], 2.0 * MBPS, QUEUE);
    (0..2).for_each(|_| world.add(boxed(media(300)), DELAY, 0, 5 * SECOND));
    let short = Short { bytes: (30e3, 50e3), rest: 10 * SECOND };
    (0..10).for_each(|_| world.add(Flow::Tcp(Box::new(Tcp::new(300 * SECOND, Some(short)))), DELAY, 0, 0));
    world.run(300 * SECOND);
    let ours = rates(&world, 0..2, 20, 299);
    let theirs = world.flows[2..].iter().map(|flow| match flow {
        Flow::Tcp(tcp) => tcp.arrived.rate(20, 299),
        Flow::Media(_) => 0.0,
    });
    let theirs: f64 = theirs.sum();
    let left = 100.0 * ours.iter().sum::<f64>() / (2e6 - theirs);
    vec![
        fairness("5.7", &ours, 0.9),
        least("5.7", format!("used of what TCP's {} Mbit/s leave", mbps(&[theirs])), left, 55.0, "%"),
        queue("5.7", &world, 200.0),
        loss("5.7", &world, 0..2, 3.0),
    ]
}

/// 5.8, three flows, the first without pictures from 40 to 60 s.
pub fn pause_and_resume(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed, [course(&[(0, 3.5)]), wide()], 3.5 * MBPS, QUEUE);
    for n in 0..3 {
        let mut media = media(120);
        media.pause = (n == 0).then_some((40 * SECOND, 60 * SECOND));
        world.add(boxed(media), DELAY, 0, 0);
    }
    world.run(120 * SECOND);
    let others = rates(&world, 1..3, 50, 60);
    let share = 100.0 * others.iter().sum::<f64>() / 3e6;
    let before = world.media(0).arrived.rate(30, 40);
    let back =
        (60..120).find(|second| world.media(0).arrived.rate(*second, second + 1) > 0.85 * before.min(3.5e6 / 3.0));
    vec![
        least("5.8", format!("the others take {} Mbit/s of 1.5 each", mbps(&others)), share, 85.0, "%"),
        most(
            "5.8",
            format!("85 % of its {} Mbit/s, or of its third, after it goes on", mbps(&[before])),
            back.map_or(99.0, |at| at as f64 - 60.0),
            15.0,
            "s",
        ),
        fairness("5.8", &rates(&world, 0..3, 80, 119), 0.85),
        queue("5.8", &world, 80.0),
        loss("5.8", &world, 0..3, 1.0),
    ]
}

/// Not of the RFC: a quarter of an hour over one rate. What stands in the queue does not become the path's own delay.
pub fn long_call(seed: u64) -> Vec<Row> {
    let mut world = World::new(seed, [course(&[(0, 1.0)]), wide()], MBPS, QUEUE);
    world.add(boxed(media(900)), DELAY, 0, 0);
    world.run(900 * SECOND);
    let of_late = quantile(world.queue_ms[80_000..90_000].iter().copied(), 0.95);
    vec![
        most("long", "queue of the last 100 s, p95", of_late.unwrap_or(0.0), 90.0, "ms"),
        least("long", "capacity used in them", used(&world, 0..1, 800, 900), 85.0, "%"),
    ]
}

/// Not of the RFC: both ways fall from 1 Mbit/s to 300 kbit/s and rise again, with a key frame each 4 s; on the way back a relay sends
/// what it was sent. The queue is of 300 ms at any rate, so that at the least one packet of a picture takes 32 ms.
pub fn narrow(seed: u64) -> Vec<Row> {
    let steps = course(&[(0, 1.0), (20, 0.3), (40, 1.0)]);
    let mut world = World::new(seed, [steps.clone(), steps], MBPS, QUEUE);
    world.jitter = MS;
    world.pipes.iter_mut().for_each(|pipe| pipe.holds = Some(QUEUE));
    for pipe in 0..2 {
        let mut media = media(60);
        media.keys = Some(4 * SECOND);
        if pipe == 1 {
            media.relayed = vec![(0, 800_000), (21 * SECOND, 230_000), (42 * SECOND, 800_000)];
        }
        world.add(boxed(media), 20 * MS, pipe, 0);
    }
    world.run(60 * SECOND);
    let mut rows = vec![least("300k", "capacity used there", used(&world, 0..1, 5, 60), 75.0, "%")];
    for (flow, way) in [(0, "there"), (1, "back")] {
        let media = world.media(flow);
        for (from, until, bar) in [(5, 20, 160.0), (23, 40, 200.0), (43, 60, 160.0)] {
            let within = |(at, _): &&(Us, f64)| (from * SECOND..until * SECOND).contains(at);
            let heard = media.heard_ms.iter().filter(within).map(|(_, ms)| *ms);
            let p95 = quantile(heard, 0.95).unwrap_or(f64::INFINITY);
            rows.push(most("300k", format!("sound {way}, {from} to {until} s, p95"), p95, bar, "ms"));
        }
        rows.push(most("300k", format!("sound lost {way}"), media.unheard as f64, 15.0, ""));
    }
    rows
}

/// All of them.
#[allow(dead_code, reason = "the bench runs it")]
pub fn all(seed: u64) -> Vec<Row> {
    [
        variable_capacity(seed),
        variable_capacity_two_flows(seed),
        congested_feedback(seed, false),
        congested_feedback(seed, true),
        competing_flows(seed),
        round_trip_fairness(seed),
        long_tcp(seed, 300),
        long_tcp(seed, 1000),
        short_tcp(seed),
        pause_and_resume(seed),
        long_call(seed),
        narrow(seed),
    ]
    .concat()
}
