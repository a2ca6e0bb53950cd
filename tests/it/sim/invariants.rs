//! What must hold in any weather, read from what each election was told and said.
//!
//! A breach is a line of text; none is the only right answer. The simulator checks the rest as it runs: no output for a
//! dead link, no id twice, no wake-up without work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nearcall::election::{Input, LinkId, Output, Reason};
use nearcall::sim::{Client, Record, Time, Unexplained, What, World, ms};

/// Two moves for the better are so far apart at least.
const DWELL: Duration = Duration::from_secs(30);
/// A frame that is lost so near to a planned move was lost by it,
const AROUND: Duration = Duration::from_secs(3);
/// unless the way was broken: who is cut off for so long knows it.
const BREAK: Duration = Duration::from_secs(20);
/// Wake-ups a second at most: 20 probes on each of two links in doubt, 5 on each of the others.
const WAKE_UPS: u64 = 120;

/// Every breach in a world that was traced; `whole`: frames that a planned move cost are one.
pub fn breaches(world: &World, whole: bool) -> Vec<String> {
    let mut breaches: Vec<String> =
        world.breaches().iter().map(|(at, client, what)| format!("{at:?} client {client}: {what}")).collect();
    for (index, client) in world.clients() {
        let mut reader = Reader::default();
        client.records().iter().for_each(|record| reader.read(record));
        let seconds = world.now().as_secs() + 1;
        if client.wake_ups() > seconds * WAKE_UPS {
            reader.breaches.push(format!("{} wake-ups in {seconds} s", client.wake_ups()));
        }
        breaches.extend(reader.breaches.into_iter().map(|what| format!("client {index}: {what}")));
    }
    let by_a_move = |lost: &&Unexplained| {
        let both = [world.client(lost.from), world.client(lost.receiver)];
        let within = |moments: Vec<Time>, span: Duration| moments.iter().any(|at| at.abs_diff(lost.sent) < span);
        both.iter().any(|client| within(moves(client), AROUND))
            && !both.iter().any(|client| within(breaks(client), BREAK))
    };
    if whole {
        breaches.extend(world.unexplained().iter().filter(by_a_move).map(|lost| format!("lost by a move: {lost:?}")));
    }
    breaches
}

/// When a client made a planned move.
fn moves(client: &Client) -> Vec<Time> {
    let elections = client.elections(Time::ZERO).into_iter();
    elections.filter(|(_, reason)| !in_distress(*reason)).map(|(at, _)| at).collect()
}

/// When a client's media was cut: a link closed, all were lost, or the call went elsewhere in distress.
fn breaks(client: &Client) -> Vec<Time> {
    let cuts = |record: &&Record| match &record.what {
        What::Told(Input::Closed { .. } | Input::Suspended) | What::Said(Output::Reconnecting) => true,
        What::Said(Output::Elected { reason, .. }) => in_distress(*reason),
        _ => false,
    };
    client.records().iter().filter(cuts).map(|record| record.at).collect()
}

fn in_distress(reason: Reason) -> bool {
    matches!(reason, Reason::FailOver | Reason::Reconnect | Reason::First)
}

/// Follows one election.
#[derive(Default)]
struct Reader {
    breaches: Vec<String>,
    live: BTreeSet<LinkId>,
    /// Probes by link that were sent since the newest answered one.
    waiting: BTreeMap<LinkId, Vec<u64>>,
    answered: BTreeMap<LinkId, Time>,
    active: Option<LinkId>,
    moving: Option<Moving>,
    improved: Option<Time>,
    suspended: bool,
}

struct Moving {
    to: LinkId,
    /// Probes from here on were sent after it began.
    first_probe: u64,
    probed: bool,
    delivered: bool,
}

impl Reader {
    fn read(&mut self, record: &Record) {
        match &record.what {
            What::Told(input) => self.told(record.at, input),
            What::Said(output) => self.said(record.at, output),
        }
    }

    fn told(&mut self, at: Time, input: &Input) {
        self.suspended = *input == Input::Suspended;
        match input {
            Input::Closed { link, .. } | Input::DialFailed { link, .. } => {
                self.live.remove(link);
            }
            Input::ProbeReply { link, id, .. } => {
                self.answered.insert(*link, at);
                self.waiting.entry(*link).or_default().retain(|sent| sent > id);
                if let Some(moving) = self.moving.as_mut().filter(|moving| moving.to == *link) {
                    moving.probed |= *id >= moving.first_probe;
                }
            }
            Input::Delivered { link } => {
                if let Some(moving) = self.moving.as_mut().filter(|moving| moving.to == *link) {
                    moving.delivered = true;
                }
            }
            _ => {}
        }
    }

    fn said(&mut self, at: Time, output: &Output) {
        match output {
            Output::Dial { link, .. } => {
                self.live.insert(*link);
            }
            Output::HangUp { link } => {
                let answered = self.answered.get(link).is_some_and(|answered| at - *answered < ms(900.0));
                if self.active == Some(*link) && answered && !self.suspended {
                    self.breaches.push(format!("{at:?}: hung up on {link}, which carried the call and was well"));
                }
                self.live.remove(link);
            }
            Output::Probe { link, id } => {
                self.waiting.entry(*link).or_default().push(*id);
                if let Some(moving) = &mut self.moving {
                    moving.first_probe = moving.first_probe.min(*id);
                }
            }
            Output::Move { from, to, reason } => {
                self.moving = Some(Moving { to: *to, first_probe: u64::MAX, probed: false, delivered: false });
                self.distress(at, *from, *reason);
            }
            Output::Elected { from, to, reason } => self.elected(at, *from, *to, *reason),
            Output::Abandon { .. } => self.moving = None,
            Output::Reconnecting => (self.active, self.moving) = (None, None),
            _ => {}
        }
    }

    /// No move on one lost probe.
    fn distress(&mut self, at: Time, from: Option<LinkId>, reason: Reason) {
        let Some(from) = from.filter(|from| reason == Reason::FailOver && self.live.contains(from)) else { return };
        let waiting = self.waiting.get(&from).map_or(0, Vec::len);
        if waiting < 2 {
            self.breaches.push(format!("{at:?}: left {from} in distress with {waiting} probes unanswered"));
        }
    }

    fn elected(&mut self, at: Time, from: Option<LinkId>, to: LinkId, reason: Reason) {
        let moving = self.moving.take();
        let alive = from.filter(|from| self.live.contains(from));
        match reason {
            // Decided when the move began; the old link may have come back since.
            Reason::FailOver => {}
            _ if alive.is_none() => {}
            _ => {
                let proven = moving.is_some_and(|moving| moving.to == to && moving.delivered && moving.probed);
                if !proven {
                    self.breaches
                        .push(format!("{at:?}: {reason} dropped a live link for {to}, which had not delivered"));
                }
            }
        }
        if matches!(reason, Reason::Improve | Reason::Transport)
            && let Some(before) = self.improved.replace(at).filter(|before| at - *before < DWELL)
        {
            self.breaches.push(format!("{at:?}: two moves for the better within {:?}", at - before));
        }
        self.active = Some(to);
    }
}
