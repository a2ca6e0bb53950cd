//! The decision function as tables of steps: what changes, how long it lasts, who carries the call then, and every election
//! of the step with its reason. A row is a rule, or a fault that the rules once had.

use nearcall::election::Command;
use nearcall::election::Reason::{
    self, Block, Drain, FailOver, First, Force, Improve, Pin, Reconnect, Transport as Tie,
};
use nearcall::proto::Transport::{self, WebSocket, WebTransport};
use nearcall::proto::probe::RelayState;
use nearcall::sim::{Condition, Course, Loss, Reach, Route, Step, ms};

use super::stage::{Stage, talk, to_ms};

/// What changes at the beginning of a step. Ways are the first client's; the other person's never change.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Round trip to a relay, ms.
    Rtt(&'static str, f64),
    /// By one transport.
    RttBy(&'static str, Transport, f64),
    /// Share of packets lost, each way.
    Loss(&'static str, f64),
    /// What the client sends to the relay is lost, or no longer.
    Uplink(&'static str, bool),
    Kill(&'static str),
    Revive(&'static str),
    Hole(&'static str, bool),
    Says(&'static str, RelayState),
    Refuses(&'static str, bool),
    Withholds(&'static str, bool),
    Drains(&'static str),
    Lists(&'static str, bool),
    Outage(bool),
    UdpBlocked(bool),
    Rebind,
    Reset(&'static str),
    /// Seconds.
    Sleeps(f64),
    Pins(Option<&'static str>),
    Forces(&'static str),
    Blocks(&'static str),
    Unblocks(&'static str),
}
use Change::*;

/// Seconds, what changes at their start, who carries the call at their end (`relay`, or `relay/ws`, or nothing), and
/// why it moved in them.
type Phase = (f64, &'static [Change], &'static str, &'static [Reason]);

struct Row {
    why: &'static str,
    map: &'static [(&'static str, f64)],
    phases: &'static [Phase],
}

/// One way to a relay, as the changes left it.
#[derive(Debug, Clone, Copy)]
struct Way {
    rtt_ms: [f64; 2],
    loss: f64,
    uplink: bool,
}

impl Way {
    fn reach(self) -> Reach {
        let route = |rtt_ms: f64| {
            let loss = if self.loss > 0.0 { Loss::Random(self.loss) } else { Loss::None };
            let down = Condition { loss, ..Condition::half_of_rtt_ms(rtt_ms) };
            let up = Condition { down: !self.uplink, ..down };
            Route { up: Course::steady(up), down: Course::steady(down) }
        };
        Reach { webtransport: route(self.rtt_ms[0]), websocket: route(self.rtt_ms[1]) }
    }
}

struct Run {
    stage: Stage,
    ways: Vec<Way>,
}

impl Run {
    fn new(row: &Row) -> Self {
        let ways = row.map.iter().map(|(_, rtt_ms)| Way { rtt_ms: [*rtt_ms; 2], loss: 0.0, uplink: true }).collect();
        Self { stage: Stage::new(&talk(row.map)), ways }
    }

    fn way(&mut self, relay: &str, change: impl FnOnce(&mut Way)) {
        let index = self.stage.relay(relay);
        change(&mut self.ways[index]);
        let reach = self.ways[index].reach();
        self.stage.world.apply(Step::Reach { client: 0, relay: index, reach });
    }

    fn change(&mut self, change: Change) {
        let relay = |name| self.stage.relay(name);
        let command = |command| Step::Command { client: 0, command };
        let step = match change {
            Rtt(name, rtt_ms) => return self.way(name, |way| way.rtt_ms = [rtt_ms; 2]),
            RttBy(name, by, rtt_ms) => {
                return self.way(name, |way| way.rtt_ms[usize::from(by == WebSocket)] = rtt_ms);
            }
            Loss(name, loss) => return self.way(name, |way| way.loss = loss),
            Uplink(name, works) => return self.way(name, |way| way.uplink = works),
            Kill(name) => Step::Kill(relay(name)),
            Revive(name) => Step::Revive(relay(name)),
            Hole(name, on) => Step::Blackhole(relay(name), on),
            Says(name, state) => Step::State(relay(name), state),
            Refuses(name, on) => Step::Refuse(relay(name), on),
            Withholds(name, on) => Step::Withhold(relay(name), on),
            Drains(name) => Step::Drain { relay: relay(name), deadline: ms(30_000.0), spread: ms(10_000.0) },
            Lists(name, on) => Step::List(relay(name), on),
            Outage(on) => Step::Outage { client: 0, on },
            UdpBlocked(on) => Step::UdpBlocked { client: 0, on },
            Rebind => Step::Rebind { client: 0 },
            Reset(name) => Step::Reset { client: 0, relay: relay(name) },
            Sleeps(seconds) => Step::Suspend { client: 0, length: ms(seconds * 1000.0) },
            Pins(name) => command(Command::Pin(name.map(str::to_owned))),
            Forces(name) => command(Command::Force(name.to_owned())),
            Blocks(name) => command(Command::Block(name.to_owned())),
            Unblocks(name) => command(Command::Unblock(name.to_owned())),
        };
        self.stage.world.apply(step);
    }

    fn carrier(&self) -> String {
        match self.stage.client().carrier() {
            Some((relay, WebTransport)) => relay.to_owned(),
            Some((relay, WebSocket)) => format!("{relay}/ws"),
            None => String::new(),
        }
    }
}

const NEAR_AND_FAR: &[(&str, f64)] = &[("a", 40.0), ("b", 60.0)];
const LEVEL: &[(&str, f64)] = &[("a", 40.0), ("b", 45.0)];
/// Two providers of one region.
const PROVIDERS: &[(&str, f64)] = &[("london-1", 40.0), ("london-2", 45.0)];
const FAR: &[(&str, f64)] = &[("a", 200.0), ("b", 230.0)];
const CALM: Phase = (10.0, &[], "a", &[First]);

fn check(rows: &[Row]) {
    for row in rows {
        let mut run = Run::new(row);
        for (n, (seconds, changes, carrier, reasons)) in row.phases.iter().enumerate() {
            let from = to_ms(run.stage.world.now());
            changes.iter().for_each(|change| run.change(*change));
            run.stage.to(from + seconds * 1000.0);
            let elections = run.stage.elections(from);
            let found: Vec<Reason> = elections.iter().map(|(_, reason)| *reason).collect();
            let at = format!("{}: step {n} {changes:?}: {elections:?}", row.why);
            assert_eq!((run.carrier().as_str(), found.as_slice()), (*carrier, *reasons), "{at}");
        }
    }
}

#[test]
fn better_is_moved_to_when_it_is_worth_it() {
    check(&[
        Row { why: "the nearest is the first", map: NEAR_AND_FAR, phases: &[CALM] },
        Row {
            why: "a gain of 9 ms is noise at any RTT",
            map: NEAR_AND_FAR,
            phases: &[CALM, (300.0, &[Rtt("b", 31.0)], "a", &[])],
        },
        Row {
            why: "a tie between two providers of a region stays with the incumbent",
            map: PROVIDERS,
            phases: &[
                (10.0, &[], "london-1", &[First]),
                (300.0, &[Rtt("london-2", 31.0)], "london-1", &[]),
                (60.0, &[Rtt("london-2", 20.0)], "london-2", &[Improve]),
                (300.0, &[Rtt("london-1", 12.0)], "london-2", &[]),
            ],
        },
        Row {
            why: "15 ms at 40 ms are worth a move, once a long window says so",
            map: NEAR_AND_FAR,
            phases: &[CALM, (15.0, &[Rtt("b", 25.0)], "a", &[]), (30.0, &[], "b", &[Improve])],
        },
        Row {
            why: "30 ms at 200 ms are not a fifth",
            map: FAR,
            phases: &[CALM, (300.0, &[Rtt("b", 170.0)], "a", &[])],
        },
        Row { why: "60 ms at 200 ms are", map: FAR, phases: &[CALM, (60.0, &[Rtt("b", 140.0)], "b", &[Improve])] },
        Row {
            why: "twice what is needed is not waited for",
            map: FAR,
            phases: &[CALM, (15.0, &[Rtt("b", 80.0)], "b", &[Improve])],
        },
        Row {
            why: "a gain that lasts for a few seconds is none",
            map: NEAR_AND_FAR,
            phases: &[CALM, (4.0, &[Rtt("b", 20.0)], "a", &[]), (120.0, &[Rtt("b", 60.0)], "a", &[])],
        },
        Row {
            why: "the way back takes a dwell of 30 s, and then a longer one",
            map: NEAR_AND_FAR,
            phases: &[
                CALM,
                (45.0, &[Rtt("b", 10.0)], "b", &[Improve]),
                (5.0, &[Rtt("b", 90.0)], "b", &[]),
                (15.0, &[], "a", &[Improve]),
                (35.0, &[Rtt("b", 10.0)], "a", &[]),
                (60.0, &[], "b", &[Improve]),
            ],
        },
        Row {
            why: "loss that lasts is worse than 20 ms, and is no distress",
            map: NEAR_AND_FAR,
            phases: &[CALM, (90.0, &[Loss("a", 0.15)], "b", &[Improve])],
        },
    ]);
}

#[test]
fn webtransport_wins_a_near_tie_and_no_other() {
    check(&[
        Row {
            why: "level with WebSocket of the same relay",
            map: NEAR_AND_FAR,
            phases: &[(10.0, &[RttBy("a", WebSocket, 33.0)], "a", &[First])],
        },
        Row {
            why: "UDP that opens in the call is taken without haste",
            map: NEAR_AND_FAR,
            phases: &[(20.0, &[UdpBlocked(true)], "a/ws", &[First]), (400.0, &[UdpBlocked(false)], "a", &[Tie])],
        },
        Row {
            why: "UDP that is blocked in the call: on over WebSocket",
            map: NEAR_AND_FAR,
            phases: &[CALM, (6.0, &[UdpBlocked(true)], "a/ws", &[FailOver])],
        },
    ]);
}

#[test]
fn only_distress_on_the_live_path_demotes() {
    check(&[
        Row {
            why: "a fifth of a second of silence is weather",
            map: NEAR_AND_FAR,
            phases: &[CALM, (0.2, &[Hole("a", true)], "a", &[]), (60.0, &[Hole("a", false)], "a", &[])],
        },
        Row {
            why: "silence",
            map: NEAR_AND_FAR,
            phases: &[CALM, (0.8, &[Hole("a", true)], "b", &[FailOver]), (20.0, &[], "b", &[])],
        },
        Row {
            why: "a dead process",
            map: NEAR_AND_FAR,
            phases: &[CALM, (0.8, &[Kill("a")], "b", &[FailOver]), (20.0, &[], "b", &[])],
        },
        Row {
            why: "a closed link, at once",
            map: NEAR_AND_FAR,
            phases: &[CALM, (0.1, &[Reset("a")], "b", &[FailOver])],
        },
        Row {
            why: "a dead uplink, though media still arrives",
            map: NEAR_AND_FAR,
            phases: &[CALM, (2.0, &[Uplink("a", false)], "b", &[FailOver])],
        },
        Row {
            why: "who failed over comes back when it is better, and not in haste",
            map: NEAR_AND_FAR,
            phases: &[
                CALM,
                (1.0, &[Kill("a")], "b", &[FailOver]),
                (20.0, &[Revive("a")], "b", &[]),
                (400.0, &[], "a", &[Improve]),
            ],
        },
        Row {
            why: "silence of all is the local network's: no move, no blame",
            map: NEAR_AND_FAR,
            phases: &[CALM, (4.0, &[Outage(true)], "a", &[]), (60.0, &[Outage(false)], "a", &[])],
        },
        Row {
            why: "a long one: back at the relay that carried the call",
            map: NEAR_AND_FAR,
            phases: &[CALM, (60.0, &[Outage(true)], "", &[]), (5.0, &[Outage(false)], "a", &[Reconnect])],
        },
        Row {
            why: "every relay died: the first that is back",
            map: NEAR_AND_FAR,
            phases: &[CALM, (60.0, &[Kill("a"), Kill("b")], "", &[]), (5.0, &[Revive("b")], "b", &[Reconnect])],
        },
        Row {
            why: "a laptop that slept",
            map: NEAR_AND_FAR,
            phases: &[CALM, (65.0, &[Sleeps(60.0)], "a", &[Reconnect])],
        },
        Row { why: "another address: QUIC goes on", map: NEAR_AND_FAR, phases: &[CALM, (30.0, &[Rebind], "a", &[])] },
    ]);
}

#[test]
fn a_relay_that_is_not_ready_is_left_or_avoided() {
    check(&[
        Row {
            why: "a drain, well before the deadline",
            map: NEAR_AND_FAR,
            phases: &[CALM, (10.5, &[Drains("a")], "b", &[Drain]), (60.0, &[], "b", &[])],
        },
        Row {
            why: "what drains is the last resort, and better than nothing",
            map: NEAR_AND_FAR,
            phases: &[
                CALM,
                (12.0, &[Says("a", RelayState::Draining)], "b", &[Drain]),
                (60.0, &[], "b", &[]),
                (5.0, &[Kill("b")], "a", &[FailOver]),
            ],
        },
        Row {
            why: "a new process where one drained",
            map: NEAR_AND_FAR,
            phases: &[CALM, (35.0, &[Drains("a")], "b", &[Drain]), (400.0, &[Revive("a")], "a", &[Improve])],
        },
        Row {
            why: "a relay that is cut off is left for any that is not",
            map: NEAR_AND_FAR,
            phases: &[CALM, (15.0, &[Says("a", RelayState::Isolated)], "b", &[Improve])],
        },
        Row {
            why: "a full one keeps those that it has",
            map: NEAR_AND_FAR,
            phases: &[CALM, (120.0, &[Says("a", RelayState::Full)], "a", &[])],
        },
        Row {
            why: "nobody is ready: nobody is left",
            map: NEAR_AND_FAR,
            phases: &[CALM, (120.0, &[Says("a", RelayState::Isolated), Says("b", RelayState::Isolated)], "a", &[])],
        },
        Row {
            why: "a relay that admits and carries nothing is not moved to",
            map: FAR,
            phases: &[CALM, (25.0, &[Withholds("b", true), Rtt("b", 60.0)], "a", &[])],
        },
        Row {
            why: "nor one that refuses",
            map: FAR,
            phases: &[(10.0, &[Refuses("b", true)], "a", &[First]), (25.0, &[Rtt("b", 60.0)], "a", &[])],
        },
    ]);
}

#[test]
fn a_manifest_that_changes_in_the_call_is_followed() {
    check(&[
        Row {
            why: "a nearer relay appears: raced within 20 s, taken when it is sure",
            map: &[("a", 140.0), ("b", 160.0), ("c", 20.0)],
            phases: &[
                (10.0, &[Lists("c", false), Kill("c"), Blocks("c")], "a", &[First]),
                (30.0, &[Revive("c"), Lists("c", true), Unblocks("c")], "c", &[Improve]),
            ],
        },
        Row {
            why: "the one that carries the call is gone from it: left as if it drained",
            map: NEAR_AND_FAR,
            phases: &[CALM, (15.0, &[Lists("a", false)], "b", &[Drain])],
        },
        Row {
            why: "gone and back at once: nothing happens",
            map: NEAR_AND_FAR,
            phases: &[CALM, (30.0, &[Lists("a", false), Lists("a", true)], "a", &[])],
        },
    ]);
}

#[test]
fn what_the_user_says_is_done_or_said_not_to_be() {
    check(&[
        Row {
            why: "a pin is followed, and followed back after a fail over",
            map: NEAR_AND_FAR,
            phases: &[
                CALM,
                (2.0, &[Pins(Some("b"))], "b", &[Pin]),
                (60.0, &[], "b", &[]),
                (2.0, &[Kill("b")], "a", &[FailOver]),
                (25.0, &[Revive("b")], "a", &[]),
                (60.0, &[], "b", &[Pin]),
                (60.0, &[Pins(None)], "a", &[Improve]),
            ],
        },
        Row {
            why: "a force moves once, and what is better wins again after a dwell",
            map: NEAR_AND_FAR,
            phases: &[CALM, (2.0, &[Forces("b")], "b", &[Force]), (25.0, &[], "b", &[]), (60.0, &[], "a", &[Improve])],
        },
        Row {
            why: "a force goes before a pin, for a dwell",
            map: NEAR_AND_FAR,
            phases: &[
                CALM,
                (2.0, &[Pins(Some("b"))], "b", &[Pin]),
                (25.0, &[Forces("a")], "a", &[Force]),
                (10.0, &[], "b", &[Pin]),
            ],
        },
        Row {
            why: "a force that cannot be had in time is not remembered",
            map: NEAR_AND_FAR,
            phases: &[CALM, (20.0, &[Kill("b"), Forces("b")], "a", &[]), (60.0, &[Revive("b")], "a", &[])],
        },
        Row {
            why: "a pin to a relay that is cut off cannot be had, until it is back",
            map: NEAR_AND_FAR,
            phases: &[
                CALM,
                (1.0, &[Pins(Some("a"))], "a", &[]),
                (15.0, &[Says("a", RelayState::Isolated)], "b", &[Improve]),
                (10.0, &[Says("a", RelayState::Ready)], "a", &[Pin]),
            ],
        },
        Row {
            why: "a force to a relay that is level stays",
            map: LEVEL,
            phases: &[CALM, (2.0, &[Forces("b")], "b", &[Force]), (300.0, &[], "b", &[])],
        },
        Row {
            why: "a block, and its end",
            map: NEAR_AND_FAR,
            phases: &[CALM, (2.0, &[Blocks("a")], "b", &[Block]), (90.0, &[Unblocks("a")], "a", &[Improve])],
        },
        Row {
            why: "nothing else is left: the block waits",
            map: NEAR_AND_FAR,
            phases: &[CALM, (30.0, &[Blocks("a"), Blocks("b")], "a", &[]), (5.0, &[Unblocks("b")], "b", &[Block])],
        },
        Row {
            why: "a pin to what does not answer is said, and followed over what answers first",
            map: NEAR_AND_FAR,
            phases: &[CALM, (30.0, &[Kill("b"), Pins(Some("b"))], "a", &[]), (30.0, &[Revive("b")], "b", &[Pin, Tie])],
        },
    ]);
}
