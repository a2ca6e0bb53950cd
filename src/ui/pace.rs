//! How soon a change has to be seen: drawing is what a window costs, so nothing is drawn sooner than somebody would miss
//! it. Pure.

use std::time::{Duration, Instant};

use crate::call::state::{Phase, State};

/// A meter, a race.
const LIVE: Duration = Duration::from_millis(100);
/// Figures that somebody reads.
const READING: Duration = Duration::from_millis(500);
/// Figures that nobody waits for.
const IDLE: Duration = Duration::from_secs(5);

/// The next drawing may wait so long after the last one.
pub fn after(before: &State, now: &State, panel: bool, at: Instant) -> Duration {
    if still(before) != still(now) {
        return Duration::ZERO;
    }
    let racing = now.phase == Phase::Lobby && at <= now.race.ends + LIVE;
    if racing || loudness(before) != loudness(now) {
        return LIVE;
    }
    if panel { READING } else { IDLE }
}

/// What does not change by itself.
fn still(state: &State) -> State {
    let mut still = state.clone();
    still.candidates.clear();
    still.outcome = None;
    still.outlook = Default::default();
    still.reaches.clear();
    still.hops = Default::default();
    still.own.rates = Default::default();
    (still.own.level, still.own.output_level) = (0.0, 0.0);
    (still.own.rates, still.own.sent_loss) = (Default::default(), None);
    for peer in &mut still.peers {
        peer.level = 0.0;
        let frozen = peer.quality.frozen;
        peer.quality = Default::default();
        peer.quality.frozen = frozen;
    }
    still
}

fn loudness(state: &State) -> Vec<u32> {
    let peers = state.peers.iter().map(|peer| peer.level);
    peers.chain([state.own.level, state.own.output_level]).map(f32::to_bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn a_figure_waits_a_meter_moves_and_a_person_who_comes_is_seen_at_once() {
        let mut model = fixtures::call(2);
        let before = model.call.clone().unwrap();
        let at = model.now;
        let mut change = |edit: fn(&mut State)| {
            model.call = Some(before.clone());
            fixtures::change(&mut model, |state, _| edit(state));
            model.call.clone().unwrap()
        };
        let figure = change(|state| state.candidates[0].mean_ms = Some(99.0));
        let path = change(|state| {
            (state.own.rates.sent_bps, state.outlook.next_round) = (7, None);
            (state.hops, state.reaches) = Default::default();
        });
        let meter = change(|state| state.own.level = 0.9);
        let person = change(|state| drop(state.peers.pop()));
        assert_eq!(after(&before, &figure, false, at), IDLE);
        assert_eq!(after(&before, &figure, true, at), READING);
        assert_eq!(after(&before, &path, false, at), IDLE);
        assert_eq!(after(&before, &meter, false, at), LIVE);
        assert_eq!(after(&before, &person, false, at), Duration::ZERO);
        let race = fixtures::lobby(Duration::from_secs(1));
        let now = race.call.as_ref().unwrap();
        assert_eq!(after(now, now, false, race.now), LIVE);
    }
}
