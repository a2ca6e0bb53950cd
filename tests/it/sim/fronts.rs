//! Addresses behind which the relay changes, and regions with several providers: what counts as one relay, and who wins a tie.

use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::election::{Candidate, Config, Elector, Input, LinkId, Output, Reason};
use nearcall::proto::probe::RelayState;
use nearcall::proto::{RelayInstance, Transport};

use super::stage::{Stage, scene};

/// A relay and a transport; the round trip in ms, and who answers.
type Way = ((&'static str, Transport), (u64, u64));

/// An elector among these, and the answers given by hand: each link has an RTT and a process behind it.
struct Bench {
    elector: Elector,
    now: Instant,
    ways: Vec<Way>,
    links: Vec<(LinkId, (String, Transport))>,
}

impl Bench {
    fn new(ways: &[Way]) -> Self {
        let candidate = |(relay, transport): (&str, Transport)| Candidate {
            relay: relay.into(),
            region: relay.split('-').next().unwrap().into(),
            provider: String::new(),
            transport,
            url: String::new(),
        };
        let now = clock::now();
        let candidates = ways.iter().map(|(way, _)| candidate(*way)).collect();
        let elector = Elector::new(now, Config::default(), candidates, 7);
        Self { elector, now, ways: ways.to_vec(), links: Vec::new() }
    }

    fn set(&mut self, way: (&'static str, Transport), answer: (u64, u64)) {
        let row = self.ways.iter_mut().find(|(known, _)| *known == way).unwrap();
        row.1 = answer;
    }

    /// Steps of 10 ms; every probe is answered at once with the RTT of its way.
    fn run(&mut self, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.drain();
            self.now += Duration::from_millis(10);
            self.elector.handle_timeout(self.now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.elector.poll_output() {
            match output {
                Output::Dial { link, candidate } => {
                    self.links.push((link, (candidate.relay, candidate.transport)));
                    self.elector.handle_input(self.now, Input::Connected { link });
                }
                Output::Probe { link, id } => self.answer(link, id),
                Output::Admit { link } => self.elector.handle_input(self.now, Input::Admitted { link }),
                Output::Move { to, .. } => {
                    self.elector.handle_input(self.now, Input::Admitted { link: to });
                    self.elector.handle_input(self.now, Input::Delivered { link: to });
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, link: LinkId, id: u64) {
        let (_, way) = self.links.iter().find(|(known, _)| *known == link).unwrap();
        let (_, (rtt_ms, instance)) =
            self.ways.iter().find(|((relay, transport), _)| (*relay, *transport) == (way.0.as_str(), way.1)).unwrap();
        let (rtt, instance) = (Duration::from_millis(*rtt_ms), RelayInstance(*instance));
        // Later than its round trip: an RTT is not longer than the time that passed.
        let at = self.now + rtt;
        self.now = at;
        self.elector.handle_input(at, Input::ProbeReply { link, id, rtt, state: RelayState::Ready, instance });
    }

    fn figures(&self, relay: &str, transport: Transport) -> (f64, u32) {
        let rows = self.elector.standings();
        let row = rows.iter().find(|row| (row.candidate.relay.as_str(), row.candidate.transport) == (relay, transport));
        let row = row.unwrap();
        (row.mean_ms.unwrap(), row.received)
    }
}

use Transport::{WebSocket, WebTransport};

#[test]
fn what_another_process_did_at_the_same_address_does_not_count_for_the_one_that_answers_now() {
    let mut bench = Bench::new(&[(("anycast-1", WebTransport), (20, 1)), (("london-1", WebTransport), (30, 2))]);
    bench.run(Duration::from_secs(3));
    assert_eq!(bench.figures("anycast-1", WebTransport).0, 20.0);
    bench.set(("anycast-1", WebTransport), (80, 3));
    let before = bench.figures("anycast-1", WebTransport).1;
    bench.run(Duration::from_secs(3));
    let (mean_ms, received) = bench.figures("anycast-1", WebTransport);
    assert_eq!(mean_ms, 80.0, "no sample of the near one is left");
    assert!(received < before, "{received} samples after {before}");
    let outcome = bench.elector.outcome().unwrap();
    assert_eq!(bench.elector.candidate(outcome.elected).unwrap().relay, "london-1");
}

#[test]
fn one_address_that_leads_to_two_relays_is_two_relays_and_two_that_lead_to_one_are_one() {
    let near = [
        (("anycast-1", WebTransport), (20, 1)),
        (("anycast-1", WebSocket), (24, 2)),
        (("london-1", WebTransport), (38, 3)),
    ];
    for (why, instance, expected) in [
        ("its other transport leads to another relay, which is nearer than the third", 2, ("anycast-1", WebSocket)),
        ("both transports lead to one relay, and another one is safer", 1, ("london-1", WebTransport)),
    ] {
        let mut bench = Bench::new(&near);
        bench.set(("anycast-1", WebSocket), (24, instance));
        bench.elector.handle_input(bench.now, Input::Join);
        bench.run(Duration::from_secs(2));
        let standby = bench.elector.standby().and_then(|link| bench.elector.candidate_of(link)).unwrap();
        assert_eq!((standby.relay.as_str(), standby.transport), expected, "{why}");
    }
}

#[test]
fn between_providers_of_a_region_the_one_of_the_last_call_wins_where_nobody_notices_a_difference() {
    for (last, rtt_ms, expected) in [
        (None, 47.0, "london-1"),
        (Some("london-2"), 47.0, "london-2"),
        (Some("london-2"), 52.0, "london-1"),
        // A tie is between the providers of one region; another region is another place.
        (Some("paris-1"), 60.0, "london-1"),
    ] {
        let mut scene = scene(&[("london-1", 40.0), ("london-2", rtt_ms), ("paris-1", 46.0)]);
        scene.clients[0].config = Config { last_winner: last.map(str::to_owned), ..Config::default() };
        let mut stage = Stage::new(&scene);
        stage.to(3000.0);
        assert_eq!(stage.client().carrier(), Some((expected, WebTransport)), "{last:?} at {rtt_ms} ms");
        assert_eq!(stage.elections(0.0).iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), [Reason::First]);
    }
}
