//! Tables for people: what the race measured, and how a call went.

use crate::call::event::{CandidateRow, Summary};

/// A figure of milliseconds, or a dash where nothing was measured.
fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.1}"))
}

/// What a move cost; a dash where there was nobody to miss.
pub fn gap(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".into(), |ms| format!("{ms} ms"))
}

/// The candidates as they were measured, best mean first, those that did not answer last.
pub fn race(rows: &[CandidateRow], elected: Option<(&str, &str)>) -> String {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by(|one, other| one.mean_ms.unwrap_or(f64::MAX).total_cmp(&other.mean_ms.unwrap_or(f64::MAX)));
    let mut out = format!(
        "  {:<16} {:<12} {:<10} {:<12} {:>8} {:>7} {:>7} {:>7} {:>7} {:>6} {:>8}  {}\n",
        "relay",
        "region",
        "provider",
        "transport",
        "connect",
        "mean",
        "median",
        "p95",
        "jitter",
        "loss",
        "samples",
        "state"
    );
    for row in rows {
        let transport = row.transport.to_string();
        let mark = if elected == Some((row.relay.as_str(), transport.as_str())) { '*' } else { ' ' };
        let loss = row.loss.map_or_else(|| "-".into(), |loss| format!("{:.0} %", loss * 100.0));
        out += &format!(
            "{mark} {:<16} {:<12} {:<10} {transport:<12} {:>8} {:>7} {:>7} {:>7} {:>7} {loss:>6} {:>8}  {}\n",
            row.relay,
            row.region,
            if row.provider.is_empty() { "-" } else { &row.provider },
            ms(row.connect_ms),
            ms(row.mean_ms),
            ms(row.median_ms),
            ms(row.p95_ms),
            ms(row.jitter_ms),
            format!("{}/{}", row.received, row.sent),
            state(row),
        );
    }
    out
}

/// What came of a candidate, in the relay's own word where it gave one.
fn state(row: &CandidateRow) -> String {
    let mut words = match (row.relay_state, &row.error) {
        (Some(state), _) => format!("{state:?}").to_lowercase(),
        (None, Some(error)) => format!("{}: {error}", row.state),
        (None, None) => row.state.replace('_', " "),
    };
    if let Some(other) = row.answered.stand_in(&row.relay) {
        words += &format!(", answered by {other}");
    }
    if row.answered.instances > 1 {
        words += &format!(", by {} relays in turn", row.answered.instances);
    }
    words
}

/// What lies before the relays and says so of itself, a line a way.
pub fn hops(rows: &[CandidateRow]) -> String {
    let mut out = String::new();
    for row in rows.iter().filter(|row| row.answered.proxy_ms.is_some() || row.answered.via.is_some()) {
        let via = row.answered.via.as_deref().unwrap_or("a proxy");
        let waited = row.answered.proxy_ms.map(|waited| format!(", which waited {waited:.1} ms for the relay"));
        out += &format!("  {} {} goes through {via}{}", row.relay, row.transport, waited.unwrap_or_default());
        if let Some(relay_ms) = row.answered.relay_ms {
            out += &format!("; the relay spends {relay_ms:.3} ms on a probe");
        }
        out.push('\n');
    }
    out
}

/// How each peer was received.
pub fn summary(summary: &Summary) -> String {
    let mut out = String::new();
    for peer in &summary.peers {
        let (audio, video) = (&peer.audio, &peer.video);
        let name = peer.name.as_deref().unwrap_or("(no key)");
        out += &format!(
            "  {name:<10} audio: {} packets, {} lost, {} recovered, concealed {} ms, longest gap {} ms, buffer {} ms\n",
            audio.received,
            audio.lost,
            audio.recovered,
            audio.concealed_ms,
            audio.longest_gap_ms,
            ms(audio.delay_ms),
        );
        out += &format!(
            "  {:<10} video: {} frames, {} decoded, {} lost, frozen {} ms, {}x{}, {} frames/s, {} key frames asked for\n",
            "",
            video.received,
            video.decoded,
            video.lost,
            video.frozen_ms,
            video.width,
            video.height,
            video.fps.map_or_else(|| "-".into(), |fps| format!("{fps:.1}")),
            video.key_frames_requested,
        );
        out += &format!(
            "  {:<10} mouth to ear: {} ms ({}); picture after sound: {} ms\n",
            "",
            ms(peer.mouth_to_ear_ms),
            peer.mouth_to_ear.parts().map(|(part, took)| format!("{part} {}", ms(took))).join(", "),
            ms(peer.lip_offset_ms),
        );
    }
    out
}
