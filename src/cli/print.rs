//! Tables for people: what the race measured, and how a call went.

use crate::call::event::{CandidateRow, Summary};

/// A figure of milliseconds, or a dash where nothing was measured.
fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.1}"))
}

/// The candidates as they were measured, best mean first, those that did not answer last.
pub fn race(rows: &[CandidateRow], elected: Option<(&str, &str)>) -> String {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by(|one, other| one.mean_ms.unwrap_or(f64::MAX).total_cmp(&other.mean_ms.unwrap_or(f64::MAX)));
    let mut out = format!(
        "  {:<16} {:<12} {:<13} {:>9} {:>8} {:>8} {:>7} {:>8}  {}\n",
        "relay", "region", "transport", "connect", "mean", "jitter", "loss", "samples", "state"
    );
    for row in rows {
        let transport = row.transport.to_string();
        let mark = if elected == Some((row.relay.as_str(), transport.as_str())) { '*' } else { ' ' };
        let loss = row.loss.map_or_else(|| "-".into(), |loss| format!("{:.0} %", loss * 100.0));
        let state = row.error.as_ref().map_or_else(|| row.state.to_string(), |error| format!("{}: {error}", row.state));
        out += &format!(
            "{mark} {:<16} {:<12} {transport:<13} {:>9} {:>8} {:>8} {loss:>7} {:>8}  {state}\n",
            row.relay,
            row.region,
            ms(row.connect_ms),
            ms(row.mean_ms),
            ms(row.jitter_ms),
            format!("{}/{}", row.received, row.sent),
        );
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
    }
    out
}
