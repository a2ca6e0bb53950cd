//! Tables of what a talk came to, with its bars beside.

use serde_json::Value;

use super::cases::Case;
use super::figures::quantile;
use super::score::{Piece, slope};
use super::talk::{Heard, Outcome};

/// The parts of mouth-to-ear, in the order in which sound passes them.
const PARTS: [&str; 8] = ["capture", "encode", "uplink", "between", "downlink", "jitter_buffer", "decode", "playout"];

/// Prints everything; false where a bar is missed.
pub fn print(case: &Case, seconds: usize, outcome: &Outcome) -> bool {
    println!("\ncase {}: {}; {seconds} s of speech by {}", case.name, case.what, outcome.voice);
    let columns = &outcome.heard;
    print!("  {:<38}", "");
    columns.iter().for_each(|heard| print!("{:>26}", heard.who));
    println!();
    for (what, cell) in rows() {
        print!("  {what:<38}");
        columns.iter().for_each(|heard| print!("{:>26}", cell(heard)));
        println!();
    }
    for (name, percent, rss) in &outcome.costs {
        println!("  {name:<38}{percent:>22.1} % of a core, {rss:.0} MB");
    }
    let stalls = outcome.stalls;
    println!(
        "  {:<38}{:>19.0} ms at most, {:.0} ms in all",
        "this machine stood still", stalls.longest_ms, stalls.sum_ms
    );
    if case.by_minute {
        by_minute(outcome);
    }
    bars(case, outcome)
}

type Row = (&'static str, Box<dyn Fn(&Heard) -> String>);

fn rows() -> Vec<Row> {
    let scores = |of: fn(&Piece) -> Option<f64>| {
        move |heard: &Heard| {
            let all = || heard.pieces.iter().filter_map(of);
            let (median, worst) = (quantile(all(), 0.5), quantile(all(), 0.0));
            format!("{} / {}  of {}", two(median), two(worst), all().count())
        }
    };
    let field = |path: &'static [&'static str]| move |heard: &Heard| number(at(&heard.peer, path));
    let mut rows: Vec<Row> = vec![
        ("PESQ, wide band: median / worst", Box::new(scores(|piece| piece.wide))),
        ("PESQ, narrow band: median / worst", Box::new(scores(|piece| piece.narrow))),
        ("correlation: median / worst", Box::new(scores(|piece| Some(piece.alike)))),
        ("delay heard, ms: median / p95", Box::new(delay)),
        ("delay as told: mouth_to_ear_ms", Box::new(field(&["mouth_to_ear_ms"]))),
    ];
    for part in PARTS {
        let cell = move |heard: &Heard| number(&heard.peer["mouth_to_ear"][format!("{part}_ms")]);
        rows.push((part_name(part), Box::new(cell)));
    }
    let two_fields = |one: &'static [&'static str], other: &'static [&'static str]| {
        move |heard: &Heard| format!("{} / {}", number(at(&heard.peer, one)), number(at(&heard.peer, other)))
    };
    let more: Vec<Row> = vec![
        ("picture after sound, ms: median / p95", Box::new(two_fields(&["lip_offset_ms"], &["lip_offset_p95_ms"]))),
        ("audio lost / never came", Box::new(two_fields(&["audio", "lost"], &["audio", "missing"]))),
        ("audio received / recovered", Box::new(two_fields(&["audio", "received"], &["audio", "recovered"]))),
        ("audio concealed, ms", Box::new(field(&["audio", "concealed_ms"]))),
        ("audio longest gap, ms", Box::new(field(&["audio", "longest_gap_ms"]))),
        ("video frozen, ms", Box::new(field(&["video", "frozen_ms"]))),
        ("video longest gap, ms", Box::new(field(&["video", "longest_gap_ms"]))),
        ("video decoded / lost", Box::new(two_fields(&["video", "decoded"], &["video", "lost"]))),
        ("key frames asked for", Box::new(field(&["video", "key_frames_requested"]))),
        ("picture at the end", Box::new(picture)),
        ("moves", Box::new(|heard| number(&heard.moves))),
    ];
    rows.extend(more);
    rows
}

fn part_name(part: &str) -> &'static str {
    match part {
        "capture" => "  of it capture",
        "encode" => "  encode",
        "uplink" => "  uplink",
        "between" => "  between regions",
        "downlink" => "  downlink",
        "jitter_buffer" => "  jitter buffer",
        "decode" => "  decode",
        _ => "  playout",
    }
}

fn delay(heard: &Heard) -> String {
    let all = || heard.pieces.iter().map(|piece| piece.delay_ms);
    format!("{} / {}", one(quantile(all(), 0.5)), one(quantile(all(), 0.95)))
}

fn picture(heard: &Heard) -> String {
    let video = &heard.peer["video"];
    format!("{}x{} at {}", number(&video["width"]), number(&video["height"]), number(&video["fps"]))
}

fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, field| &value[*field])
}

/// A dash where nothing was measured.
fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() == 0.0 => format!("{number:.0}"),
        Some(number) => format!("{number:.1}"),
        None => "-".into(),
    }
}

fn one(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.1}"))
}

fn two(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.2}"))
}

fn by_minute(outcome: &Outcome) {
    println!("  minute  alice MB    bob MB   delay to bob, ms  to alice, ms");
    for (minute, [alice, bob]) in outcome.minutes.iter().enumerate() {
        let delay = |heard: &Heard| {
            let within = heard.pieces.iter().filter(|piece| (piece.at_s / 60.0) as usize == minute);
            one(quantile(within.map(|piece| piece.delay_ms), 0.5))
        };
        let [to_bob, to_alice] = [0, 1].map(|n| delay(&outcome.heard[n]));
        println!("  {minute:>6} {alice:>9.1} {bob:>9.1} {to_bob:>18} {to_alice:>13}");
    }
}

/// ms a minute of each direction, and MB a minute of each client after the first two minutes.
fn growth(outcome: &Outcome) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    let delay = |heard: &Heard| {
        slope(&heard.pieces.iter().map(|piece| (piece.at_s / 60.0, piece.delay_ms)).collect::<Vec<_>>())
    };
    let minutes = || outcome.minutes.iter().enumerate().skip(2);
    let memory = |n: usize| slope(&minutes().map(|(minute, rss)| (minute as f64, rss[n])).collect::<Vec<_>>());
    (outcome.heard.iter().map(delay).collect(), vec![memory(0), memory(1)])
}

fn bars(case: &Case, outcome: &Outcome) -> bool {
    let mut kept = true;
    let mut bar = |what: &str, value: Option<f64>, bar: f64, good: bool| {
        let verdict = if good { "kept" } else { "MISSED" };
        println!("  bar: {what:<42} {:>8}  bar {bar:<6} {verdict}", two(value));
        kept &= good;
    };
    for heard in &outcome.heard {
        if let Some(least) = case.bars.pesq {
            let median = quantile(heard.pieces.iter().filter_map(|piece| piece.wide), 0.5);
            bar(&format!("{}: PESQ at least", heard.who), median, least, median.is_some_and(|score| score >= least));
        }
        if let Some(most) = case.bars.lip_ms {
            let offset = heard.peer["lip_offset_ms"].as_f64();
            bar(&format!("{}: lips within", heard.who), offset, most, offset.is_some_and(|ms| ms.abs() <= most));
        }
    }
    if let Some(most) = case.bars.cpu_percent {
        for (name, percent, _) in &outcome.costs[..2] {
            bar(&format!("{name}: percent of a core at most"), Some(*percent), most, *percent <= most);
        }
    }
    if let Some((most_delay, most_memory)) = case.bars.growth {
        let (delays, memories) = growth(outcome);
        for (heard, slope) in outcome.heard.iter().zip(delays) {
            let good = slope.is_some_and(|slope| slope.abs() <= most_delay);
            bar(&format!("{}: delay grows, ms a minute", heard.who), slope, most_delay, good);
        }
        for (name, slope) in ["alice", "bob"].into_iter().zip(memories) {
            bar(
                &format!("{name}: memory grows, MB a minute"),
                slope,
                most_memory,
                slope.is_some_and(|slope| slope <= most_memory),
            );
        }
    }
    kept
}
