//! Puts [`crate::rate::Window`] into QUIC, and lets a little through while nothing is acknowledged.
//!
//! A network that was gone for some seconds leaves the window full of what was lost. QUIC then sends nothing before its probe
//! time-out (RFC 9002 section 6.2), which by then has doubled to seconds; so without the trickle the path that carries the call
//! would be the last to notice that the network is back.
//!
//! And acknowledgements should not wait for the window (RFC 9002 section 7), but quinn sends none while data waits for it. So two
//! sides that both have more to send than the path takes would wait for each other, until a probe time-out: the trickle carries
//! the acknowledgement that frees the other one.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory};

use crate::clock;
use crate::rate::{Feed, Happened, Standing, Window};

/// Without an acknowledgement for a round trip and so long, one packet more may be on its way: acknowledgements are held back for
/// less, and two packets need less on the slowest path that carries a picture
const SILENCE: Duration = Duration::from_millis(80);
/// (this long at most in all),
const SILENCE_MOST: Duration = Duration::from_millis(300);
/// and one more for each of these: as often as a path in doubt is probed.
const TRICKLE: Duration = Duration::from_millis(50);
/// At most: ten seconds, after which the election gives a link up.
const MOST: u32 = 200;
/// The window follows one that shrinks so much later: streams hold what the new one lets through at once, and sound does not wait until
/// the pictures of the old one have arrived.
const FOLLOWS: Duration = Duration::from_secs(1);
/// A sender that has nothing to say for so long rests.
const REST: Duration = Duration::from_secs(1);

/// Makes one window for each connection.
#[derive(Debug, Default)]
pub struct CallCongestion;

impl ControllerFactory for CallCongestion {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let window = Window::new(now, current_mtu);
        let gauge = Arc::new(Gauge { window: window.bytes().into(), standing: Mutex::default() });
        let feed = Arc::default();
        let wide = (now, window.bytes());
        Box::new(CallController {
            window,
            wide,
            mtu: current_mtu,
            acknowledged: now,
            sent: now,
            gauge,
            feed,
            newest: None,
        })
    }
}

/// How a path stands, for who writes to it.
#[derive(Debug)]
pub(super) struct Gauge {
    window: AtomicU64,
    standing: Mutex<Option<Standing>>,
}

impl Gauge {
    /// The window, bytes.
    pub(super) fn window(&self) -> u64 {
        self.window.load(Ordering::Relaxed)
    }

    /// What the last round trip showed of the path, if it is not long ago.
    pub(super) fn standing(&self, now: Instant) -> Option<Standing> {
        let standing = *self.standing.lock().expect("nobody panics while holding the figures");
        standing.filter(|standing| now.saturating_duration_since(standing.at) < REST)
    }
}

#[derive(Clone)]
struct CallController {
    window: Window,
    /// The widest of late, and when it was.
    wide: (Instant, u64),
    mtu: u16,
    /// When anything was acknowledged last, or the first packet after a rest was sent.
    acknowledged: Instant,
    sent: Instant,
    /// For who writes.
    gauge: Arc<Gauge>,
    /// For who estimates the path.
    feed: Arc<Feed>,
    /// Of the acknowledgement that is being read: when its newest packet was sent, and all bytes.
    newest: Option<(Instant, u64)>,
}

impl CallController {
    fn show(&mut self, now: Instant) {
        let bytes = self.window.bytes();
        self.gauge.window.store(bytes, Ordering::Relaxed);
        if bytes >= self.wide.1 || now.saturating_duration_since(self.wide.0) > FOLLOWS {
            self.wide = (now, bytes);
        }
    }
}

/// How a connection's path stands, for as long as it is the same. `None` where another controller rules.
pub(super) fn gauge(connection: &quinn::Connection) -> Option<Arc<Gauge>> {
    let controller = connection.congestion_state().into_any().downcast::<CallController>().ok()?;
    Some(controller.gauge)
}

/// What happens to the packets of a connection, for as long as its path is the same. `None` where another controller rules.
pub(super) fn feed(connection: &quinn::Connection) -> Option<Arc<Feed>> {
    let controller = connection.congestion_state().into_any().downcast::<CallController>().ok()?;
    Some(controller.feed)
}

/// Bytes beyond the window after a silence, on a path of this round trip if it is known.
fn trickle(silence: Duration, rtt: Option<Duration>, mtu: u16) -> u64 {
    let patience = rtt.map_or(SILENCE_MOST, |rtt| (rtt + SILENCE).min(SILENCE_MOST));
    let packets = silence.checked_sub(patience).map_or(0, |beyond| 1 + beyond.as_millis() / TRICKLE.as_millis());
    u64::from(mtu) * u64::try_from(packets).unwrap_or(u64::MAX).min(MOST.into())
}

impl Controller for CallController {
    fn on_sent(&mut self, now: Instant, bytes: u64, _last_packet_number: u64) {
        self.feed.note(now, Happened::Sent(bytes));
        self.window.on_sent(now, bytes);
        // Who rests is not waiting for an answer.
        if now.saturating_duration_since(self.sent) > REST {
            self.acknowledged = self.acknowledged.max(now);
        }
        self.sent = now;
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, _: &quinn_proto::RttEstimator) {
        self.acknowledged = self.acknowledged.max(now);
        let (newest, sum) = self.newest.unwrap_or((sent, 0));
        self.newest = Some((newest.max(sent), sum + bytes));
        self.window.set_floor(self.feed.floor());
        self.window.on_ack(now, sent, bytes, !app_limited);
        self.show(now);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, _app_limited: bool, _largest: Option<u64>) {
        self.window.on_flight(in_flight);
        self.feed.set_ours(self.window.is_ours());
        // The others of one acknowledgement were held back for it.
        if let Some((sent, bytes)) = self.newest.take() {
            self.feed.note(now, Happened::Delivered(bytes, Some(now.saturating_duration_since(sent))));
            *self.gauge.standing.lock().expect("nobody panics while holding the figures") = self.window.standing();
        }
    }

    fn on_congestion_event(&mut self, now: Instant, _sent: Instant, is_persistent_congestion: bool, lost_bytes: u64) {
        self.feed.note(now, Happened::Lost(lost_bytes));
        self.window.on_loss(now, lost_bytes, is_persistent_congestion);
        self.show(now);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu;
        self.window.set_mtu(new_mtu);
        self.show(clock::now());
    }

    fn window(&self) -> u64 {
        let silence = clock::now().saturating_duration_since(self.acknowledged);
        self.window.bytes().max(self.wide.1) + self.window.room() + trickle(silence, self.window.base(), self.mtu)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.window.initial_bytes()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_lets_twenty_packets_a_second_through() {
        let ms = Duration::from_millis;
        for (rtt, silence, packets) in [
            (None, 0, 0),
            (None, 299, 0),
            (None, 300, 1),
            (None, 1300, 21),
            (None, 3_600_000, 200),
            (Some(40), 119, 0),
            (Some(40), 120, 1),
            (Some(40), 169, 1),
            (Some(40), 170, 2),
            (Some(400), 299, 0),
            (Some(400), 350, 2),
        ] {
            assert_eq!(trickle(ms(silence), rtt.map(ms), 1200), packets * 1200, "{silence} ms of silence, RTT {rtt:?}");
        }
    }

    #[test]
    fn a_rest_is_no_silence() {
        let now = clock::now() - Duration::from_secs(60);
        let mut controller = Arc::new(CallCongestion).build(now, 1200);
        let after_silence = controller.window();
        controller.on_sent(clock::now(), 100, 1);
        let after_rest = controller.window();
        assert_eq!(after_silence - after_rest, trickle(Duration::from_secs(60), None, 1200));
    }
}
