//! The networks and the talks that the chain is tried with.

use std::time::Duration;

use nearcall::net::distance::{Burst, Shape};

/// What is sent as a picture: a textured one that moves, 30 a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// 640x360.
    Middle,
    /// 1280x720.
    Large,
}

/// A talk of two over a way that may change meanwhile.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub what: &'static str,
    /// How long, s, where nothing else is asked for.
    pub seconds: usize,
    pub picture: Picture,
    /// Between alice and the relay, both directions; bob sits beside it. Each for an equal share of the time.
    pub ways: Vec<Shape>,
    /// Memory and delay are told each minute.
    pub by_minute: bool,
    pub bars: Bars,
}

/// What a case must keep to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bars {
    /// Median of the wide-band score.
    pub pesq: Option<f64>,
    /// Median of the picture against the sound, ms to either side.
    pub lip_ms: Option<f64>,
    /// Of each client, percent of a core.
    pub cpu_percent: Option<f64>,
    /// Growth of the delay, ms a minute to either side, and of memory, MB a minute.
    pub growth: Option<(f64, f64)>,
}

const MS: fn(u64) -> Duration = Duration::from_millis;

/// 20 ms each way, and nothing else.
fn near() -> Shape {
    Shape::rtt(MS(40))
}

fn limited(kbps: u64) -> Shape {
    Shape { bytes_per_second: Some(kbps * 1000 / 8), queue: MS(300), ..near() }
}

pub fn cases() -> Vec<Case> {
    let bars = Bars { pesq: Some(3.0), lip_ms: Some(40.0), ..Bars::default() };
    let case = |name, what, seconds, ways| Case {
        name,
        what,
        seconds,
        picture: Picture::Middle,
        ways,
        by_minute: false,
        bars,
    };
    vec![
        case(
            "a",
            "40 ms RTT, jitter of 20 ms to either side, 2 % loss",
            40,
            vec![Shape { jitter: MS(20), jitter_hold: MS(30), loss: 0.02, ..near() }],
        ),
        case(
            "b",
            "40 ms RTT, losses in bursts (Gilbert-Elliott: 10 packets, 4.8 % of the time, 3/4 lost)",
            40,
            vec![Shape { burst: Some(Burst { begins: 0.005, ends: 0.1, loss: 0.75 }), ..near() }],
        ),
        case(
            "c",
            "40 ms RTT, 1 Mbit/s, then 300 kbit/s, then 1 Mbit/s, a queue of 300 ms",
            60,
            vec![limited(1000), limited(300), limited(1000)],
        ),
        case(
            "d",
            "200 ms RTT, jitter of 80 ms to either side",
            600,
            vec![Shape { delay: MS(100), jitter: MS(80), jitter_hold: MS(60), ..Shape::default() }],
        ),
        Case {
            picture: Picture::Large,
            bars: Bars { cpu_percent: Some(60.0), lip_ms: Some(40.0), ..Bars::default() },
            ..case("call", "two, 720p30 both ways, 20 ms RTT", 30, vec![Shape::rtt(MS(20))])
        },
        Case {
            by_minute: true,
            bars: Bars { growth: Some((0.5, 0.1)), ..bars },
            ..case("long", "40 ms RTT, jitter of 5 ms, half an hour", 1790, vec![Shape { jitter: MS(5), ..near() }])
        },
    ]
}
