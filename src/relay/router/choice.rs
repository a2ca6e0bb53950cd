//! Which layers a subscriber gets of all that it watches, for the bits a second that its link may be given. Pure.
//!
//! Each track is a ladder: its offered sizes up to the wish, each at falling frame rates, every rung cheaper than the
//! one above. On the way down temporal layers go first, then the size; a camera's larger sizes skip the lowest frame
//! rate, because a smaller picture that moves is better than a large one that jerks, while a screen keeps its detail
//! to the last. Where no size is as small as the wish, the smallest offered one is the only one.
//!
//! Bits go round in this order: the lowest rung for everybody (the first gets it whatever it costs; who does not
//! fit is left out), then screens, then cameras, the larger wish first; equals climb together, a rung at a time.

use crate::proto::{Layer, ParticipantId, Track};

const SIZES: usize = Layer::MAX_SPATIAL as usize + 1;
const TEMPORAL: usize = Layer::MAX_TEMPORAL as usize + 1;

/// Bits a second of a size up to each temporal layer.
pub type Rates = [u64; TEMPORAL];

/// The sizes that a sender offers.
pub type Offer = [Option<Rates>; SIZES];

/// What is assumed of a size that was not measured yet, bits a second.
const NOMINAL: [u64; SIZES] = [150_000, 500_000, 1_200_000];

/// The rates of a size that was just seen first.
pub fn nominal(spatial: u8) -> Rates {
    [NOMINAL[usize::from(spatial.min(Layer::MAX_SPATIAL))]; TEMPORAL]
}

/// A step of a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rung {
    layer: Layer,
    bps: u64,
}

/// One track of one participant, as one subscriber may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    pub participant: ParticipantId,
    pub track: Track,
    wish: Layer,
    /// From the least to the most. Never empty.
    rungs: Vec<Rung>,
    /// Where the subscriber is: none while it is left out.
    at: Option<usize>,
}

impl Ladder {
    /// The ladder of a track; `None` where nothing is offered. `has` is the layer that was chosen before.
    pub fn new(
        participant: ParticipantId,
        track: Track,
        wish: Layer,
        offer: &Offer,
        has: Option<Layer>,
    ) -> Option<Self> {
        let offered = |size: &usize| offer[*size].is_some();
        let wished = usize::from(wish.spatial.min(Layer::MAX_SPATIAL));
        let smallest = (0..SIZES).find(offered)?;
        let sizes = smallest..=wished.max(smallest);
        let mut rungs: Vec<Rung> = Vec::new();
        for spatial in sizes.rev().filter(offered) {
            let rates = offer[spatial].unwrap_or_default();
            let most = usize::from(wish.temporal.min(Layer::MAX_TEMPORAL));
            let least = if track == Track::Camera && spatial != smallest { most.min(1) } else { 0 };
            for temporal in (least..=most).rev() {
                let bps = rates[temporal];
                if rungs.last().is_none_or(|above| bps < above.bps) {
                    let layer = Layer { spatial: spatial as u8, temporal: temporal as u8 };
                    rungs.push(Rung { layer, bps });
                }
            }
        }
        rungs.reverse();
        let order = |layer: Layer| (layer.spatial, layer.temporal);
        let at = has.map(|has| rungs.iter().rposition(|rung| order(rung.layer) <= order(has)).unwrap_or(0));
        Some(Self { participant, track, wish, rungs, at })
    }

    /// The layers that are chosen; `None`: nothing for now.
    pub fn layer(&self) -> Option<Layer> {
        Some(self.rungs[self.at?].layer)
    }

    fn bps(&self) -> u64 {
        self.at.map_or(0, |at| self.rungs[at].bps)
    }

    /// What one rung more costs; `None` at the top.
    fn next(&self) -> Option<u64> {
        let next = self.at.map_or(0, |at| at + 1);
        self.rungs.get(next).map(|rung| rung.bps.saturating_sub(self.bps()))
    }

    fn climb(&mut self) {
        self.at = Some(self.at.map_or(0, |at| at + 1).min(self.rungs.len() - 1));
    }

    /// Higher goes first.
    fn class(&self) -> (bool, u8) {
        (self.track == Track::Screen, self.wish.spatial)
    }
}

/// Bits a second of all that is chosen.
pub fn spent(ladders: &[Ladder]) -> u64 {
    ladders.iter().map(Ladder::bps).sum()
}

/// Chooses anew for this many bits a second; without a limit everybody gets the most.
pub fn share(ladders: &mut [Ladder], budget: Option<u64>) {
    let Some(budget) = budget else {
        ladders.iter_mut().for_each(|ladder| ladder.at = Some(ladder.rungs.len() - 1));
        return;
    };
    ladders.sort_by_key(|ladder| std::cmp::Reverse(ladder.class()));
    ladders.iter_mut().for_each(|ladder| ladder.at = None);
    let mut left = budget;
    for (index, ladder) in ladders.iter_mut().enumerate() {
        let cost = ladder.next().unwrap_or(0);
        if cost <= left || index == 0 {
            ladder.climb();
            left = left.saturating_sub(cost);
        }
    }
    for equals in ladders.chunk_by_mut(|one, other| one.class() == other.class()) {
        let mut climbed = true;
        while std::mem::take(&mut climbed) {
            for ladder in equals.iter_mut().filter(|ladder| ladder.at.is_some()) {
                if let Some(cost) = ladder.next().filter(|cost| *cost <= left) {
                    ladder.climb();
                    left -= cost;
                    climbed = true;
                }
            }
        }
    }
}

/// One rung more for whoever is next. False where everybody has the most.
pub fn step_up(ladders: &mut [Ladder]) -> bool {
    ladders.sort_by_key(|ladder| std::cmp::Reverse(ladder.class()));
    let left_out = ladders.iter().position(|ladder| ladder.at.is_none());
    let next = left_out.or_else(|| {
        let class = ladders.iter().find(|ladder| ladder.next().is_some())?.class();
        let equals = ladders.iter().enumerate().filter(|(_, it)| it.class() == class && it.next().is_some());
        equals.min_by_key(|(_, ladder)| ladder.at).map(|(index, _)| index)
    });
    next.is_some_and(|next| {
        ladders[next].climb();
        true
    })
}

#[cfg(test)]
mod tests;
