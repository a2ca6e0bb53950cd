//! Every figure of the rules, with its reason. One that follows from another is derived from it; the prose is in
//! [the module](super). The region panel and an export show the public ones.

use std::time::Duration;

use super::score;

// What a difference is worth.

/// A gain under this is noise at any RTT, ms: half an audio packet, and what Wi-Fi does by itself. The near tie, the
/// improvement and the alarm all mean this one thing.
pub const NOTICEABLE_MS: f64 = 10.0;
/// A near tie, which WebTransport wins, is within this share of the best score: nobody hears it, and QUIC loses less to a
/// lost packet than TCP does.
pub const TIE_SHARE: f64 = 0.1;
/// A gain that is worth a move is this share of the active score: twice what counts as level, so that a candidate that
/// was level is not moved to, and back, by its noise.
pub const GAIN_SHARE: f64 = 2.0 * TIE_SHARE;
/// So many times as slow is another path, not weather: it makes a sample an outlier and the active link an alarm.
pub(super) const MUCH_SLOWER: f64 = 1.5;
/// What a lost packet costs beyond the round trip in which it is missed, ms: five audio packets of a deeper playout buffer.
pub(super) const LOSS_MS: f64 = 100.0;

// Probes, and what is concluded from them.

/// From one probe to the next in a race, on the link that carries the call, and wherever something is being tried.
pub const PROBE_INTERVAL: Duration = Duration::from_millis(200);
/// While there is doubt, and for the first probes of a race: two probes must fit into [`SILENCE`].
pub(super) const FAST_INTERVAL: Duration = Duration::from_millis(50);
/// On the standby, and in a lobby that waits for its user: as often as anything is evaluated.
pub(super) const STANDBY_INTERVAL: Duration = EVALUATION;
/// On links that are merely held: often enough for a NAT to remember them.
pub(super) const IDLE_INTERVAL: Duration = Duration::from_secs(5);
/// A leader has so many samples: the least of which one can be an outlier.
pub(super) const SAMPLES: usize = 3;
/// So many probes of a race go out at the fast interval: as many as a leader needs.
pub(super) const BURST: u32 = SAMPLES as u32;
/// A probe is lost after this at least: TCP takes two retransmissions in it, and a first decision is never made on losses.
pub(super) const LOST_AFTER: Duration = Duration::from_secs(1);
/// What an unanswered candidate is waited for beyond four of the leader's round trips: its handshake's own work.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);
/// And in round trips: two for the handshake, one for the probe, one for a loss on the way.
pub(super) const PATIENCE_TRIPS: u32 = 4;
/// While nobody ready has answered, the others get so long: four round trips to the other side of the planet.
pub(super) const READY_PATIENCE: Duration = Duration::from_secs(1);

// After the race.

/// From one evaluation to the next: five new probes of the active link.
pub(super) const EVALUATION: Duration = Duration::from_secs(1);
/// Something must show in so many evaluations in a row: one is chance, two are a burst.
pub const CHECKS: u8 = 3;
/// The longest window that anything is judged on: a whole period of the slowest swing that is called weather (20 s).
pub(super) const LONG_WINDOW: Duration = Duration::from_secs(20);
/// The shortest: one lost probe of 25 is less than a gain at any RTT.
pub(super) const SHORT_WINDOW: Duration = Duration::from_secs(5);
/// What the short window must show more than the long one: half a swing averages out to nothing in neither.
pub(super) const SHORT_FACTOR: f64 = 2.0;
/// The least time between two moves for the better, from a user's force to the next such move, and from a fail over to a pin
/// that is followed again: longer than the long window, so that the new link is judged on its own figures alone.
pub const DWELL: Duration = Duration::from_secs(30);
/// Doubled four times: a call that flaps at all of them moves seven times in an hour.
pub(super) const DWELL_MOST: Duration = Duration::from_secs(16 * DWELL.as_secs());
/// Quiet for so long, and the dwell halves; left for longer than this, and going back is no flapping. Longer than the
/// longest dwell, or a flapping call would count as quiet.
pub(super) const QUIET: Duration = Duration::from_secs(10 * 60);
/// A crowd that sees the same thing moves over this time: as long as it took to be sure.
pub(super) const CROWD_SPREAD: Duration = Duration::from_secs(CHECKS as u64 * EVALUATION.as_secs());

// Connections.

/// The driver's own time limit should be shorter; this one holds if it forgets.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(15);
/// A round lasts as long as a race by default.
pub(super) const TRIAL: Duration = Duration::from_secs(3);
/// Light rounds, each candidate at its own random phase: a better region is found within minutes, for a handful of packets.
pub(super) const ROUND_MIN: Duration = Duration::from_secs(120);
pub(super) const ROUND_MAX: Duration = Duration::from_secs(300);
/// A relay that is new, or free again, is dialled within this. A list is read again every 12 s; with these and a trial a relay
/// that joins is raced within 20 s.
pub(super) const ROUND_SOON: Duration = Duration::from_secs(5);
/// Connected and idle beside the standby: who takes its place when it must take the call.
pub(super) const IDLE_LINKS: usize = 2;
/// Another region is near enough for a standby within so many times the RTT of the active one, or where the difference is
/// not noticeable.
pub(super) const NEAR: f64 = 2.0;
/// A standby that leaves so many probes in a row unanswered is none.
pub(super) const STANDBY_RUN: usize = CHECKS as usize;
/// Redialling with a call that runs: no hurry.
pub(super) const CALM: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(60) };
/// In the lobby: somebody is watching.
pub(super) const LOBBY: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(15) };
/// Without any link: somebody is waiting, and a second try costs nothing.
pub(super) const LOST: Backoff = Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(5) };
/// After a refusal, while a link carries the call: as long as after a move that worked.
pub(super) const SHUN: Backoff = Backoff { base: DWELL, cap: DWELL_MOST };
/// And while none does: within the 5 s in which nobody may be stuck, for whoever refused may be ready by now.
pub(super) const SHUN_LOST: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(4) };
/// Without any link, from the first connection on: others have so long to show that they are better.
pub(super) const GATHER: Duration = Duration::from_millis(500);

// Doubt, and failing over.

/// What an expected arrival may be late before the path is doubted, beyond what its variance explains: three audio packets.
pub(super) const SLACK: Duration = Duration::from_millis(60);
/// Before the first answer nothing is known but that the planet has a size.
pub(super) const UNKNOWN_ALLOWANCE: Duration = Duration::from_secs(1);
/// Silence shorter than this is weather: a Wi-Fi scan, a stalled machine.
pub(super) const SILENCE: Duration = Duration::from_millis(250);
/// TCP retransmits after 200 ms at the soonest and then twice that: on WebSocket a single loss is silent for long.
pub(super) const SILENCE_TCP: Duration = Duration::from_millis(700);
/// Longer than this nobody waits, however far the relay is.
pub(super) const SILENCE_MOST: Duration = Duration::from_secs(1);
/// Silence needs so many unanswered probes, so that one lost packet moves nothing.
pub(super) const SILENT_PROBES: usize = 2;
/// And an uplink that is dead while data still arrives so many: data speaks for the path.
pub(super) const UPLINK_PROBES: usize = 2 * SILENT_PROBES;
/// A link on which nothing came for so long, though it was probed, is dead whatever the transport thinks.
pub(super) const DEAD_AFTER: Duration = Duration::from_secs(2 * IDLE_INTERVAL.as_secs());
/// And after this where all links are silent, and it is not the one that carries the call: a new connection finds out whether
/// the network is back, which an old one may not survive (TCP behind a new address).
pub(super) const DEAD_STRANDED: Duration = Duration::from_secs(3);

// Moves.

/// A move that takes longer has failed: time for a handshake, a subscription and a key frame,
pub(super) const ATTEMPT: Duration = Duration::from_secs(2);
/// or so many round trips.
pub(super) const ATTEMPT_TRIPS: u32 = 2 * PATIENCE_TRIPS;
/// A crowd leaves a draining relay over this time at most, and over this share of the deadline: a failed move can be tried
/// again twice.
pub(super) const DRAIN_SPREAD: Duration = Duration::from_secs(10);
pub(super) const DRAIN_SHARE: u32 = 3;
/// A wish that needs a dial has so long.
pub(super) const WISH: Duration = Duration::from_secs(10);

/// How long it takes from the beginning of an attempt to the next: doubling from `base` to `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    pub(super) base: Duration,
    pub(super) cap: Duration,
}

impl Backoff {
    /// Without chance: `base` after the first failure (`failures` = 0).
    pub(super) fn after(self, failures: u32) -> Duration {
        self.base.saturating_mul(2u32.saturating_pow(failures.min(16))).min(self.cap)
    }
}

/// What lies between two scores that count as level, ms.
pub fn tie_ms(best_ms: f64) -> f64 {
    score::band_ms(best_ms)
}

/// The gain that is worth a move away from a score of `active_ms`, ms.
pub fn gain_ms(active_ms: f64) -> f64 {
    score::worthwhile_ms(active_ms)
}
