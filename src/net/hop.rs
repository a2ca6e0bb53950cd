//! What the way to a relay says of itself: the figures that a relay and the proxies before it put into the answer to a
//! WebSocket upgrade. Made by `websocket`, shown by whoever shows a candidate. Pure.
//!
//! Nothing is decided on these figures: whoever sends them may say what he likes. What is measured decides.

use tokio_tungstenite::tungstenite::http::HeaderMap;

/// Longer words of strangers are cut.
const WORD: usize = 64;
/// A figure beyond this is none, ms.
const MOST_MS: f64 = 3_600_000.0;

/// What was said, as it was said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hop {
    /// What the relay spent on the upgrade, ms.
    pub relay_ms: Option<f64>,
    /// What a proxy says that it waited for the relay (the relay's own time and the way between the two included), ms; of
    /// several proxies the one that waited longest, for it waited for the others too.
    pub proxy_ms: Option<f64>,
    /// The proxy's name: `Via`, or a `Server` that no relay sends.
    pub via: Option<String>,
}

impl Hop {
    /// Reads `Server-Timing` (W3C Server Timing, section 3), any header that ends in `-Proxy-Latency` (a number of ms),
    /// `Via` and `Server`. `None` where they say nothing.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut hop = Self::default();
        for (name, value) in headers {
            let Ok(value) = value.to_str() else { continue };
            match name.as_str() {
                "server-timing" => value.split(',').for_each(|metric| hop.metric(metric)),
                "via" => hop.via = word(value),
                name if name.ends_with("-proxy-latency") => hop.waited(figure(value)),
                _ => {}
            }
        }
        if hop.via.is_none() {
            hop.via = headers.get("server").and_then(|value| word(value.to_str().ok()?));
        }
        (hop != Self::default()).then_some(hop)
    }

    /// `relay;dur=0.3`, or a proxy's name for it.
    fn metric(&mut self, metric: &str) {
        let mut parts = metric.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let duration = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("dur").then(|| figure(value.trim().trim_matches('"')))?
        });
        match name {
            "relay" => self.relay_ms = duration.or(self.relay_ms),
            _ => self.waited(duration),
        }
    }

    fn waited(&mut self, ms: Option<f64>) {
        self.proxy_ms = match (self.proxy_ms, ms) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
    }
}

fn figure(text: &str) -> Option<f64> {
    let text = text.trim();
    let figure: f64 = text.strip_suffix("ms").unwrap_or(text).trim_end().parse().ok()?;
    (0.0..=MOST_MS).contains(&figure).then_some(figure)
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().filter(|c| !c.is_control()).take(WORD).collect();
    (!word.trim().is_empty()).then(|| word.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::http::HeaderName;

    fn read(lines: &[(&'static str, &'static str)]) -> Option<(Option<f64>, Option<f64>, Option<String>)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        Hop::read(&headers).map(|hop| (hop.relay_ms, hop.proxy_ms, hop.via))
    }

    #[test]
    fn figures_are_read_under_the_names_that_proxies_give_them() {
        let via = |name: &str| Some(name.to_owned());
        for (lines, expected) in [
            (vec![("upgrade", "websocket")], None),
            (vec![("server-timing", "relay;dur=0.3")], Some((Some(0.3), None, None))),
            (
                vec![("server-timing", "relay;dur=0.3, proxy;desc=\"edge\";dur=1.2"), ("server", "Caddy")],
                Some((Some(0.3), Some(1.2), via("Caddy"))),
            ),
            (
                vec![("server-timing", "relay;dur=0.3"), ("server-timing", "edge;Dur=\"7\""), ("via", "1.1 Caddy")],
                Some((Some(0.3), Some(7.0), via("1.1 Caddy"))),
            ),
            (vec![("x-proxy-latency", "1.25")], Some((None, Some(1.25), None))),
            (vec![("arcjet-proxy-latency", "2 ms"), ("x-proxy-latency", "3")], Some((None, Some(3.0), None))),
        ] {
            assert_eq!(read(&lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn nonsense_is_no_figure() {
        for value in ["", "-1", "NaN", "inf", "1e300", "{http.reverse_proxy.upstream.latency_ms}", "1,2"] {
            assert_eq!(read(&[("x-proxy-latency", value)]), None, "{value}");
        }
        for value in ["proxy", "proxy;dur", "proxy;dur=", "proxy;dur=x", ";;;,,,===", "relay;dur=-3"] {
            assert_eq!(read(&[("server-timing", value)]), None, "{value}");
        }
    }
}
