//! The estimator's constants: seconds and bits unless a name or its type says otherwise.

use std::time::Duration;

/// Time between two updates: 100 ms as in RFC 8698 section 5.3, by timers that are not exact.
pub const INTERVAL: Duration = Duration::from_millis(90);
/// What of the measured noise is no queue.
pub const NOISE: f64 = 1.5;
/// A shorter queue is none.
pub const NONE: f64 = 0.012;
/// A longer one is cut down at once.
pub const LONG: f64 = 0.070;
/// A burst of somebody else's passes by itself: cut down only what lasts, or is far too long. Until then less is sent anyway.
pub const PASSING: Duration = Duration::from_millis(180);
pub const FAR_TOO_LONG: f64 = 0.200;
/// Quick growth begins when there was no queue for so long.
pub const EMPTY: Duration = Duration::from_millis(800);
/// One that grows by so much in an update soon is.
pub const STEP: f64 = 0.025;
/// One that is longer, and lasts, is not ours.
pub const FOREIGN: f64 = 0.045;
pub const LASTS: Duration = Duration::from_millis(2500);
/// And after we gave way: the estimate is less than so much of what arrived.
pub const GIVEN_WAY: f64 = 0.95;
/// What arrives is less than this share of the estimate: the path has become slower, or somebody came.
pub const SLOWER: f64 = 0.8;
/// The first is likely, and each time less so.
pub const FALLS: u32 = 2;
/// A shorter one for [`GONE`] shows that nobody fills it any more.
pub const FOREIGN_NONE: f64 = 0.025;
pub const GONE: Duration = Duration::from_millis(300);
/// It comes again, as a download's does between two losses, for so long.
pub const AGAIN: Duration = Duration::from_secs(10);
/// The queue at which a rate of [`SCALE`] stands, and bounds of it, seconds.
pub const STANDING: f64 = 0.012;
pub const SCALE: f64 = 1.5e6;
pub const STANDING_BOUNDS: (f64, f64) = (0.012, 0.045);
/// RFC 8698 section 5.2 and its appendix: scaling of the gradual update, its derivative's weight, and the longest feedback.
pub const KAPPA: f64 = 0.5;
pub const ETA: f64 = 2.0;
pub const TAU: f64 = 0.5;
/// Weight of the newest in the queue that the gradual update goes by.
pub const SMOOTH: f64 = 0.35;
/// Growth without a queue, share of the rate a second: far from what was too much, and near it.
pub const FAST: f64 = 0.25;
pub const SLOW: f64 = 0.05;
/// For so long after a cut.
pub const REMEMBERED: Duration = Duration::from_secs(5);
/// What was too much of late, in shares of it: slowly from here, and quickly again from there.
pub const NEAR: (f64, f64) = (0.92, 1.15);
/// What remains after a cut, of what was delivered.
pub const KEPT: f64 = 0.95;
/// A queue that grows is taken for what it will be, in updates.
pub const AHEAD_OF: f64 = 2.0;
/// And of the rate, whatever was delivered: where nothing was, the path is broken and not slow.
pub const CUT_LEAST: f64 = 0.35;
/// The time in which a queue is to drain, seconds; and the least share that is left for it.
pub const DRAIN: f64 = 0.4;
pub const DRAIN_LEAST: f64 = 0.35;
/// Time between two cuts.
pub const SETTLE: Duration = Duration::from_millis(400);
/// What is delivered is judged over this long.
pub const DELIVERED: Duration = Duration::from_millis(300);
pub const DELIVERED_LONG: Duration = Duration::from_millis(1000);
/// Loss that is congestion whatever the delay, and loss at which nothing grows.
pub const LOSS_LIMIT: f64 = 0.10;
pub const LOSS_PAUSE: f64 = 0.04;
/// Who sends less than this share of the estimate does not make queues.
pub const LITTLE: f64 = 0.4;
/// Unless some of it waits so long to be sent.
pub const WAITS: Duration = Duration::from_millis(50);
/// The estimate is not above so many times what was delivered, or so much more, bits a second: sound alone must leave room for a
/// picture to be tried.
pub const UNTRIED: f64 = 1.75;
pub const UNTRIED_LEAST: f64 = 160e3;
/// AIMD beside TCP: what remains after a loss, and packets more a round trip.
pub const AIMD_KEPT: f64 = 0.8;
pub const AIMD_PACKETS: f64 = 1.2;
pub const AIMD_RTT: f64 = 0.4;
pub const PACKET_BITS: f64 = 1200.0 * 8.0;
/// What is taken back of what was given up for nothing.
pub const TAKEN_BACK: f64 = 0.7;

/// Pictures are larger than others by so much of time.
pub const AHEAD: Duration = Duration::from_millis(100);
