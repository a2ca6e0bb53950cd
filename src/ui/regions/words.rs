//! Figures, spans of time and reasons in words. Pure.
//!
//! A figure that was not measured is a dash, and never nought.

use std::time::{Duration, Instant};

use crate::election::Reason;
use crate::proto::Transport;

/// What stands where nothing was measured.
pub const NOTHING: &str = "–";

/// A share of lost probes below this reads as none: half of the last digit shown.
const NO_LOSS: f64 = 0.0005;

/// For a table: one decimal, no unit.
pub fn figure(ms: Option<f64>) -> String {
    known(ms).map_or_else(|| NOTHING.to_owned(), |ms| format!("{ms:.1}"))
}

/// For a sentence: whole ms with the unit; below 1 ms with one decimal.
pub fn ms(ms: Option<f64>) -> String {
    match known(ms) {
        None => NOTHING.to_owned(),
        Some(ms) if ms < 0.95 => format!("{ms:.1} ms"),
        Some(ms) => format!("{ms:.0} ms"),
    }
}

/// Loss for a table.
pub fn loss(share: Option<f64>) -> String {
    match known(share) {
        None => NOTHING.to_owned(),
        Some(share) if share < NO_LOSS => "0 %".to_owned(),
        Some(share) if share < 0.0995 => format!("{:.1} %", share * 100.0),
        Some(share) => format!("{:.0} %", share * 100.0),
    }
}

/// Loss for a sentence.
pub fn loss_words(share: Option<f64>) -> String {
    match known(share) {
        None => "loss not measured".to_owned(),
        Some(share) if share < NO_LOSS => "no loss".to_owned(),
        some => format!("{} loss", loss(some)),
    }
}

/// A figure that is a number.
pub fn known(figure: Option<f64>) -> Option<f64> {
    figure.filter(|figure| figure.is_finite())
}

/// `0:41`, `12:41`, `1:02:03`.
pub fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// What is left until then, rounded up to whole seconds: it reads 0:01 until it is over.
pub fn left(now: Instant, until: Instant) -> String {
    let left = until.saturating_duration_since(now);
    span(Duration::from_secs(left.as_millis().div_ceil(1000) as u64))
}

/// After how long a countdown to `until`, or a clock that began then, shows another second.
pub fn next_second(now: Instant, then: Instant) -> Duration {
    let off = if then > now { then - now } else { now - then };
    let part = Duration::from_nanos(off.subsec_nanos().into());
    let wait = if then > now { part } else { Duration::from_secs(1) - part };
    wait.max(Duration::from_millis(20))
}

/// A way to a relay, for people.
pub fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::WebTransport => "WebTransport",
        Transport::WebSocket => "WebSocket",
    }
}

/// The same in a narrow column: what it rides on.
pub fn transport_short(transport: Transport) -> &'static str {
    match transport {
        Transport::WebTransport => "QUIC",
        Transport::WebSocket => "TCP",
    }
}

/// What made a call go over to another relay.
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::First => "first choice",
        Reason::Improve => "better, and for long enough",
        Reason::Transport => "as good, and by WebTransport",
        Reason::FailOver => "the old link fell silent or closed",
        Reason::Drain => "the old relay goes away",
        Reason::Pin => "you pinned it",
        Reason::Force => "you asked for it",
        Reason::Block => "you blocked the old one",
        Reason::Reconnect => "the first to answer again",
    }
}

/// The election's words with the names of the transports as they stand elsewhere in the window.
pub fn plain(reason: &str) -> String {
    reason.replace("webtransport", "WebTransport").replace("websocket", "WebSocket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_a_dash_and_never_nought() {
        for nothing in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(figure(nothing), NOTHING);
            assert_eq!(ms(nothing), NOTHING);
            assert_eq!(loss(nothing), NOTHING);
        }
        assert_eq!(ms(Some(0.2)), "0.2 ms");
        assert_eq!(ms(Some(40.2)), "40 ms");
        assert_eq!(figure(Some(40.16)), "40.2");
    }

    #[test]
    fn loss_is_short_in_a_table_and_a_word_in_a_sentence() {
        assert_eq!(loss(Some(0.0)), "0 %");
        assert_eq!(loss(Some(0.0667)), "6.7 %");
        assert_eq!(loss(Some(0.5)), "50 %");
        assert_eq!(loss_words(Some(0.0)), "no loss");
        assert_eq!(loss_words(Some(0.0667)), "6.7 % loss");
    }

    #[test]
    fn a_countdown_ends_at_one_second_and_not_at_none() {
        let now = crate::clock::now();
        assert_eq!(left(now, now + Duration::from_millis(40_001)), "0:41");
        assert_eq!(left(now, now + Duration::from_millis(1)), "0:01");
        assert_eq!(left(now, now), "0:00");
        assert_eq!(span(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(next_second(now, now + Duration::from_millis(2300)), Duration::from_millis(300));
        assert_eq!(next_second(now + Duration::from_millis(2300), now), Duration::from_millis(700));
    }
}
