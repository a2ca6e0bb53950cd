//! Where everybody's call runs and how far every region is for them, as they tell one another. Pure: told what happens,
//! with its time.
//!
//! Kept by the controller for people to look at: nothing is decided here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::event::Place;
use crate::election::{LinkState, Standing};
use crate::proto::report::ReportedTransport;
use crate::proto::{ParticipantId, Transport, limits, reach};

/// How often everybody is told.
const APART: Duration = Duration::from_secs(10);
/// The same after somebody came or we moved: what was just told is told no sooner.
const APART_SOON: Duration = Duration::from_secs(1);

/// What takes longer than this is no answer, ms.
const LONGEST_MS: u32 = 60_000;

/// Somebody's place and ways.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reach {
    /// Where its call runs; `None` while it runs nowhere.
    pub place: Option<Place>,
    /// One for each relay that it knows.
    pub ways: Vec<Way>,
}

/// How far a relay is for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    pub relay: String,
    pub region: String,
    /// The better one.
    pub transport: Transport,
    /// Mean round trip, ms; `None` where nothing answers.
    pub rtt_ms: Option<f64>,
}

impl Reach {
    /// How far a region is: by the nearest of its relays that answer. `None`: it is not known to them.
    pub fn to(&self, region: &str) -> Option<Option<f64>> {
        let ways = self.ways.iter().filter(|way| way.region == region);
        ways.map(|way| way.rtt_ms).reduce(|one, other| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        })
    }

    /// The round trip to where its call runs, ms.
    pub fn rtt_ms(&self) -> Option<f64> {
        let place = self.place.as_ref()?;
        self.ways.iter().find(|way| way.relay == place.relay)?.rtt_ms
    }

    /// What we measured ourselves.
    pub fn of(candidates: &[Standing]) -> Self {
        let active = candidates.iter().find(|row| row.state == LinkState::Active);
        let place = active.map(|row| Place {
            relay: row.candidate.relay.clone(),
            region: row.candidate.region.clone(),
            transport: row.candidate.transport,
        });
        let mut ways: Vec<Way> = Vec::new();
        for row in candidates {
            let rtt_ms = row.mean_ms.filter(|ms| ms.is_finite() && row.state != LinkState::Failed);
            let way = Way {
                relay: row.candidate.relay.clone(),
                region: row.candidate.region.clone(),
                transport: row.candidate.transport,
                rtt_ms,
            };
            let rank = |ms: Option<f64>| ms.unwrap_or(f64::INFINITY);
            match ways.iter_mut().find(|known| known.relay == way.relay) {
                // The way that carries the call is the one that counts.
                Some(known) if row.state == LinkState::Active => *known = way,
                Some(known) if place.as_ref().is_some_and(|place| place.relay == known.relay) => {}
                Some(known) if rank(way.rtt_ms) < rank(known.rtt_ms) => *known = way,
                Some(_) => {}
                None => ways.push(way),
            }
        }
        Self { place, ways }
    }

    /// Whatever a peer makes up is a line of text and a time that somebody may have measured.
    fn from_wire(told: &reach::Reach) -> Self {
        let line = |text: &str| text.chars().filter(|letter| !letter.is_control()).collect::<String>();
        let place = transport(told.transport).filter(|_| !told.relay.is_empty());
        let place = place.map(|transport| Place { relay: line(&told.relay), region: line(&told.region), transport });
        let way = |way: &reach::Way| {
            Some(Way {
                relay: line(&way.relay),
                region: line(&way.region),
                transport: transport(way.transport)?,
                rtt_ms: way.rtt_ms.filter(|ms| *ms <= LONGEST_MS).map(f64::from),
            })
        };
        Self { place, ways: told.ways.iter().filter_map(way).collect() }
    }

    /// Names that are longer than the wire takes are left out: their relay is.
    fn to_wire(&self) -> reach::Reach {
        let fits = |relay: &str, region: &str| relay.len().max(region.len()) <= limits::NAME_BYTES;
        let place = self.place.as_ref().filter(|place| fits(&place.relay, &place.region));
        let ways = self.ways.iter().filter(|way| fits(&way.relay, &way.region)).take(limits::REPORT_PATHS);
        let way = |way: &Way| reach::Way {
            relay: way.relay.clone(),
            region: way.region.clone(),
            transport: ReportedTransport::from(way.transport).into(),
            // An answer is never nothing: what is nearer than half a ms is 1.
            rtt_ms: way.rtt_ms.map(|ms| (ms.round() as u32).max(1)),
        };
        reach::Reach {
            relay: place.map(|place| place.relay.clone()).unwrap_or_default(),
            region: place.map(|place| place.region.clone()).unwrap_or_default(),
            transport: place.map_or(ReportedTransport::Unspecified, |place| place.transport.into()).into(),
            ways: ways.map(way).collect(),
        }
    }
}

fn transport(told: i32) -> Option<Transport> {
    match ReportedTransport::try_from(told).ok()? {
        ReportedTransport::Unspecified => None,
        ReportedTransport::WebTransport => Some(Transport::WebTransport),
        ReportedTransport::WebSocket => Some(Transport::WebSocket),
    }
}

/// Everybody's. See the module.
#[derive(Debug, Default)]
pub struct Reaches {
    peers: BTreeMap<ParticipantId, Reach>,
    told: Option<Instant>,
    soon: bool,
}

impl Reaches {
    /// Somebody came, or we moved: it is told soon.
    pub fn changed(&mut self) {
        self.soon = true;
    }

    pub fn remove(&mut self, peer: ParticipantId) {
        self.peers.remove(&peer);
    }

    /// A peer's message came.
    pub fn heard(&mut self, from: ParticipantId, told: &reach::Reach) {
        self.peers.insert(from, Reach::from_wire(told));
    }

    /// What everybody told last.
    pub fn all(&self) -> &BTreeMap<ParticipantId, Reach> {
        &self.peers
    }

    /// What to tell everybody now, if it is time for that.
    pub fn due(&mut self, now: Instant, own: impl FnOnce() -> Reach) -> Option<reach::Reach> {
        let apart = if self.soon { APART_SOON } else { APART };
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < apart) {
            return None;
        }
        (self.told, self.soon) = (Some(now), false);
        Some(own().to_wire())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(relay: &str, region: &str, rtt_ms: Option<f64>) -> Way {
        Way { relay: relay.into(), region: region.into(), transport: Transport::WebTransport, rtt_ms }
    }

    fn reach() -> Reach {
        let place = Place { relay: "b-1".into(), region: "b".into(), transport: Transport::WebSocket };
        let ways = vec![
            way("a-1", "a", Some(40.2)),
            way("a-2", "a", Some(12.0)),
            way("b-1", "b", Some(0.2)),
            way("c-1", "c", None),
        ];
        Reach { place: Some(place), ways }
    }

    #[test]
    fn what_is_told_is_heard_in_whole_ms_and_no_answer_stays_no_answer() {
        let (mut here, mut there) = (Reaches::default(), Reaches::default());
        let ada = ParticipantId(7);
        let told = here.due(crate::clock::now(), reach).unwrap();
        there.heard(ada, &told);
        let heard = &there.all()[&ada];
        assert_eq!(heard.place, reach().place);
        assert_eq!((heard.to("a"), heard.to("b"), heard.to("c")), (Some(Some(12.0)), Some(Some(1.0)), Some(None)));
        assert_eq!((heard.to("d"), heard.rtt_ms()), (None, Some(1.0)));
        there.remove(ada);
        assert!(there.all().is_empty());
    }

    #[test]
    fn it_is_told_each_ten_seconds_and_a_second_after_a_change() {
        let (start, mut reaches) = (crate::clock::now(), Reaches::default());
        let due =
            |reaches: &mut Reaches, ms: u64| reaches.due(start + Duration::from_millis(ms), Reach::default).is_some();
        assert!(due(&mut reaches, 0) && !due(&mut reaches, 9_900) && due(&mut reaches, 10_000));
        reaches.changed();
        assert!(!due(&mut reaches, 10_900) && due(&mut reaches, 11_000) && !due(&mut reaches, 12_000));
    }

    #[test]
    fn somebody_whose_call_runs_nowhere_has_no_place_and_what_nobody_knows_is_left_out() {
        let told = Reach { place: None, ..reach() }.to_wire();
        assert_eq!(Reach::from_wire(&told).place, None);
        let mut strange = told;
        strange.ways[0].transport = 9;
        (strange.ways[1].region, strange.ways[1].rtt_ms) = ("a\nb".into(), Some(u32::MAX));
        let read = Reach::from_wire(&strange);
        assert_eq!((read.ways.len(), read.to("ab")), (3, Some(None)));
        let long = Reach { place: None, ways: vec![way(&"x".repeat(65), "a", None)] };
        assert!(long.to_wire().ways.is_empty());
    }
}
