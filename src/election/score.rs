//! Who is better: the policy, as values that can be compared.
//!
//! Pure. [`Elector`](super::Elector) asks it in the race and in every evaluation after it.

use crate::proto::Transport;

use super::CandidateId;
use super::rules::{GAIN_SHARE, NOTICEABLE_MS, TIE_SHARE};

/// What outweighs any score; lower is better, the first field first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    /// Draining, full, isolated, or not heard of: never wins while a ready one answers.
    pub(super) not_ready: bool,
    /// The user pinned something else.
    pub(super) not_pinned: bool,
}

/// A candidate with a score.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) id: CandidateId,
    pub(super) relay: String,
    pub(super) region: String,
    pub(super) transport: Transport,
    pub(super) class: Class,
    /// Carried the last call, and nobody carries this one yet.
    pub(super) held: bool,
    /// Mean RTT that the score is made of, ms.
    pub(super) mean_ms: f64,
    pub(super) score_ms: f64,
}

/// What lies between two scores that count as level.
pub(super) fn band_ms(best_ms: f64) -> f64 {
    (best_ms * TIE_SHARE).max(NOTICEABLE_MS)
}

/// The gain that is worth a move away from `active_ms`.
pub(super) fn worthwhile_ms(active_ms: f64) -> f64 {
    (active_ms * GAIN_SHARE).max(NOTICEABLE_MS)
}

fn order(a: &Row, b: &Row) -> std::cmp::Ordering {
    a.class.cmp(&b.class).then(a.score_ms.total_cmp(&b.score_ms)).then(a.id.cmp(&b.id))
}

/// Sorts: class, then score, then id.
pub(super) fn rank(rows: &mut [Row]) {
    rows.sort_by(order);
}

/// The lowest score of the best class; or, of several relays in its region between which there is no noticeable difference,
/// the one that carried the last call; or, within the near tie, WebTransport of that class: of the same relay if it is
/// there, for a tie is about the transport; else of the best other one.
pub(super) fn winner<'a>(rows: impl IntoIterator<Item = &'a Row> + Clone) -> Option<&'a Row> {
    let best = rows.clone().into_iter().min_by(|a, b| order(a, b))?;
    let favoured = rows.clone().into_iter().filter(|row| is_favoured(row, best)).min_by(|a, b| order(a, b));
    let favoured = favoured.unwrap_or(best);
    let level = best.score_ms + band_ms(best.score_ms);
    rows.into_iter()
        .filter(|row| row.transport == Transport::WebTransport && row.class == best.class && row.score_ms <= level)
        .min_by(|a, b| (a.relay != favoured.relay).cmp(&(b.relay != favoured.relay)).then(order(a, b)))
        .or(Some(favoured))
}

/// True for the incumbent of another call where the best one's region has several relays: "which London?" was answered before.
pub(super) fn is_favoured(row: &Row, best: &Row) -> bool {
    row.held && row.region == best.region && row.class == best.class && row.score_ms <= best.score_ms + NOTICEABLE_MS
}

/// The best of the other relays, or else of the same one by another transport.
pub(super) fn runner_up<'a>(rows: &'a [Row], won: CandidateId, relay: &str) -> Option<&'a Row> {
    let others = rows.iter().filter(|row| row.relay != relay);
    winner(others).or_else(|| winner(rows.iter().filter(|row| row.id != won)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Transport::{WebSocket, WebTransport};

    fn row(id: u32, transport: Transport, score_ms: f64, not_ready: bool) -> Row {
        let class = Class { not_ready, not_pinned: false };
        let relay = id.to_string();
        let id = CandidateId(id);
        Row { id, region: relay.clone(), relay, transport, class, held: false, mean_ms: score_ms, score_ms }
    }

    #[test]
    fn the_winner_is_the_lowest_score_and_webtransport_wins_a_near_tie_alone() {
        for (why, rows, expected) in [
            ("nobody answers", Vec::new(), None),
            ("the lower score", vec![row(0, WebTransport, 40.0, false), row(1, WebTransport, 170.0, false)], Some(0)),
            ("a tie within 10 ms", vec![row(0, WebSocket, 40.0, false), row(1, WebTransport, 50.0, false)], Some(1)),
            ("beyond 10 ms", vec![row(0, WebSocket, 40.0, false), row(1, WebTransport, 50.1, false)], Some(0)),
            ("a tie within 10 %", vec![row(0, WebSocket, 200.0, false), row(1, WebTransport, 220.0, false)], Some(1)),
            ("beyond 10 %", vec![row(0, WebSocket, 200.0, false), row(1, WebTransport, 221.0, false)], Some(0)),
            ("a far ready one", vec![row(0, WebTransport, 20.0, true), row(1, WebSocket, 300.0, false)], Some(1)),
            ("no ready one at all", vec![row(0, WebTransport, 20.0, true)], Some(0)),
            (
                "the same relay by WebTransport before a better score of another",
                vec![row(0, WebSocket, 40.0, false), row(1, WebTransport, 42.0, false), {
                    Row { relay: "0".into(), ..row(2, WebTransport, 49.0, false) }
                }],
                Some(2),
            ),
            (
                "the near tie does not cross classes",
                vec![row(0, WebSocket, 20.0, false), row(1, WebTransport, 20.0, true)],
                Some(0),
            ),
        ] {
            assert_eq!(winner(&rows).map(|row| row.id.0), expected, "{why}");
        }
    }

    #[test]
    fn a_tie_between_providers_of_a_region_goes_to_the_one_that_carried_the_last_call() {
        let london = |id, transport, score_ms, held| Row {
            region: "london".into(),
            relay: if held { "held".into() } else { "other".into() },
            held,
            ..row(id, transport, score_ms, false)
        };
        for (why, rows, expected) in [
            ("level", vec![london(0, WebTransport, 20.0, false), london(1, WebTransport, 24.0, true)], 1),
            ("level at 10 ms", vec![london(0, WebTransport, 20.0, false), london(1, WebTransport, 30.0, true)], 1),
            ("noticeable", vec![london(0, WebTransport, 20.0, false), london(1, WebTransport, 30.1, true)], 0),
            ("no tenth at all", vec![london(0, WebTransport, 200.0, false), london(1, WebTransport, 215.0, true)], 0),
            (
                "another region is no tie",
                vec![london(0, WebTransport, 20.0, false), {
                    Row { region: "paris".into(), ..london(1, WebTransport, 24.0, true) }
                }],
                0,
            ),
            (
                "not ready",
                vec![london(0, WebTransport, 20.0, false), {
                    Row { class: Class { not_ready: true, not_pinned: false }, ..london(1, WebTransport, 20.0, true) }
                }],
                0,
            ),
            (
                "WebTransport of another",
                vec![london(0, WebTransport, 20.0, false), london(1, WebSocket, 24.0, true)],
                0,
            ),
            (
                "its own WebTransport before its WebSocket",
                vec![
                    london(0, WebTransport, 20.0, false),
                    london(1, WebSocket, 24.0, true),
                    london(2, WebTransport, 29.0, true),
                ],
                2,
            ),
            (
                "two ties do not add up",
                vec![
                    london(0, WebTransport, 20.0, false),
                    london(1, WebSocket, 28.0, true),
                    london(2, WebTransport, 37.0, true),
                ],
                0,
            ),
        ] {
            assert_eq!(winner(&rows).map(|row| row.id.0), Some(expected), "{why}");
        }
    }

    #[test]
    fn the_runner_up_is_another_relay_if_there_is_one() {
        let mut rows = vec![row(0, WebTransport, 40.0, false), row(1, WebSocket, 41.0, false)];
        rows[1].relay = "0".into();
        assert_eq!(runner_up(&rows, CandidateId(0), "0").unwrap().id.0, 1);
        rows.push(row(2, WebTransport, 170.0, false));
        assert_eq!(runner_up(&rows, CandidateId(0), "0").unwrap().id.0, 2);
        assert!(runner_up(&rows[..1], CandidateId(0), "0").is_none());
    }
}
