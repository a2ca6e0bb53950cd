//! The relay's own figures, written out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use super::page::Page;
use super::{Door, Handshake, Metrics, process};
use crate::clock;
use crate::net::Figures;
use crate::net::figures::{Cargo, Lost, Way};
use crate::proto::Transport;
use crate::proto::control::RefusalCode;
use crate::proto::probe::RelayState;
use crate::relay::Core;
use crate::relay::bus::stats::Count;
use crate::relay::bus::{Direction, Kind};
use crate::relay::limits::{Limit, Met};

const STATES: [(RelayState, &str); 4] = [
    (RelayState::Ready, "ready"),
    (RelayState::Draining, "draining"),
    (RelayState::Full, "full"),
    (RelayState::Isolated, "isolated"),
];
const TRANSPORTS: [(Transport, &str); 2] =
    [(Transport::WebTransport, "webtransport"), (Transport::WebSocket, "websocket")];
const REFUSALS: [(RefusalCode, &str); 8] = [
    (RefusalCode::Unspecified, "silent"),
    (RefusalCode::Version, "version"),
    (RefusalCode::Auth, "auth"),
    (RefusalCode::Full, "full"),
    (RefusalCode::Draining, "draining"),
    (RefusalCode::Malformed, "malformed"),
    (RefusalCode::RateLimited, "rate_limited"),
    (RefusalCode::Room, "room"),
];
const DOORS: [(Door, &str); 2] = [(Door::Udp, "udp"), (Door::Tcp, "tcp")];
const HANDSHAKES: [(Handshake, &str); 5] = [
    (Handshake::Done, "done"),
    (Handshake::Failed, "failed"),
    (Handshake::TimedOut, "timed_out"),
    (Handshake::MadeRoom, "made_room"),
    (Handshake::Full, "full"),
];

/// Writes all that a relay says of itself and of its process.
///
/// # Errors
/// None that is known: writing to memory does not fail.
pub fn write(page: &mut Page, core: &Core) -> fmt::Result {
    about(page, core)?;
    crowd(page, core)?;
    load(page, core)?;
    traffic(page, &core.responder.figures)?;
    strangers(page, &core.metrics, &core.met)?;
    bus(page, core)?;
    machine(page, core.metrics.started_wall)
}

fn about(page: &mut Page, core: &Core) -> fmt::Result {
    let own = core.directory.own();
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("relay", own.id.as_str()),
        ("region", own.region.as_str()),
        ("provider", own.provider.as_str()),
    ];
    page.gauge("nearcall_relay_build_info", "Which relay this is, and which version", &[(&labels, 1)])?;
    let uptime = clock::now().saturating_duration_since(core.metrics.started).as_secs_f64();
    page.gauge("nearcall_relay_uptime_seconds", "Time since this relay began", &[(&[], uptime)])?;
    let state = core.responder.state();
    let samples = STATES.map(|(it, name)| ([("state", name)], u8::from(it == state)));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.gauge("nearcall_relay_state", "1 for what this relay says of itself in answer to probes", &samples)?;
    let ends = core.certificates.not_after();
    let help = "When the certificate that clients see is no longer valid, since 1970";
    page.gauge("nearcall_relay_certificate_end_seconds", help, &[(&[], ends)])?;
    let known = core.directory.manifest().relays.len();
    page.gauge("nearcall_relay_known_relays", "Relays in the manifest, this one included", &[(&[], known)])
}

fn crowd(page: &mut Page, core: &Core) -> fmt::Result {
    let rooms = core.rooms.all();
    let mut sessions = BTreeMap::new();
    let mut members = 0;
    for crowd in rooms.iter().map(|room| room.crowd()) {
        members += crowd.members;
        crowd.sessions.into_iter().for_each(|(transport, count)| *sessions.entry(transport).or_default() += count);
    }
    let samples = TRANSPORTS.map(|(it, name)| ([("transport", name)], sessions.get(&it).copied().unwrap_or(0)));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.gauge("nearcall_relay_sessions", "Sessions in a room, standbys included", &samples)?;
    page.gauge("nearcall_relay_members", "Participants with a session here", &[(&[], members)])?;
    page.gauge("nearcall_relay_rooms", "Rooms with somebody of this relay", &[(&[], rooms.len())])?;
    let connections = core.connections.load(Ordering::Relaxed);
    page.gauge("nearcall_relay_connections", "Open connections, idle candidates included", &[(&[], connections)])
}

fn load(page: &mut Page, core: &Core) -> fmt::Result {
    let load = core.load.shares();
    let help = "How near its limit this relay is, 1 at the limit: the largest of its parts";
    page.gauge("nearcall_relay_load_ratio", help, &[(&[], load.most())])?;
    let samples = load.parts().map(|(name, share)| ([("of", name)], share));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.gauge("nearcall_relay_load_part_ratio", "The parts of the load", &samples)?;
    let limits = &core.limits;
    let samples = [("connections", limits.connections), ("sessions", limits.sessions), ("rooms", limits.rooms)];
    let samples = samples.map(|(name, limit)| ([("of", name)], limit));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.gauge("nearcall_relay_limit", "Limits as configured", &samples)?;
    let full = f64::from(limits.full_percent) / 100.0;
    page.gauge("nearcall_relay_full_ratio", "The load from which on newcomers are sent elsewhere", &[(&[], full)])
}

fn traffic(page: &mut Page, figures: &Figures) -> fmt::Result {
    let each = Way::ALL.into_iter().flat_map(|way| Cargo::ALL.map(|cargo| (way, cargo)));
    let amounts: Vec<_> = each
        .map(|(way, cargo)| ([("kind", cargo.name()), ("direction", way.name())], figures.amount(way, cargo)))
        .collect();
    let samples: Vec<_> = amounts.iter().map(|(labels, amount)| (&labels[..], amount.packets)).collect();
    page.counter("nearcall_relay_packets", "Messages and frames from clients, and to each of them", &samples)?;
    let samples: Vec<_> = amounts.iter().map(|(labels, amount)| (&labels[..], amount.bytes)).collect();
    page.counter("nearcall_relay_bytes", "Their bytes, without those of QUIC, TLS, TCP and IP", &samples)?;
    let samples = Lost::ALL.map(|why| ([("reason", why.name())], figures.lost(why)));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.counter("nearcall_relay_drops", "What was not carried on; of late_subgroup, whole subgroups", &samples)?;
    let help = "How long video frames waited for their subscriber's link";
    page.times("nearcall_relay_queue_age_seconds", help, &figures.queue_age)?;
    let help = "From the arrival of sound, one packet of sixteen, or of a picture, to its subscribers' queues";
    page.times("nearcall_relay_forwarding_seconds", help, &figures.forwarding)?;
    page.times("nearcall_relay_probe_seconds", "From the arrival of a probe to its answer", &figures.probes)?;
    let samples = [("wanted", figures.key_frames_wanted()), ("asked", figures.key_frames_asked())];
    let samples = samples.map(|(name, count)| ([("step", name)], count));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    let help = "Key frames that subscribers wanted, and those that senders were asked for";
    page.counter("nearcall_relay_key_frames", help, &samples)
}

fn strangers(page: &mut Page, metrics: &Metrics, met: &Met) -> fmt::Result {
    let refused = metrics.refused.lock().expect("nobody panics while counting").clone();
    let samples = REFUSALS.map(|(it, name)| ([("code", name)], refused.get(&it).copied().unwrap_or(0)));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.counter("nearcall_relay_refused", "Sessions that were refused or ended by this relay", &samples)?;
    let samples = Limit::ALL.map(|limit| ([("limit", limit.as_str())], met.times(limit)));
    let samples = samples.each_ref().map(|(labels, value)| (&labels[..], *value));
    page.counter("nearcall_relay_limits_met", "What strangers sent beyond a limit, and did not get", &samples)?;
    let handshakes = metrics.handshakes.lock().expect("nobody panics while counting").clone();
    let each = DOORS.into_iter().flat_map(|door| HANDSHAKES.map(|how| (door, how)));
    let samples: Vec<_> = each
        .map(|((door, port), (how, result))| {
            ([("port", port), ("result", result)], handshakes.get(&(door, how)).copied().unwrap_or(0))
        })
        .collect();
    let samples: Vec<_> = samples.iter().map(|(labels, value)| (&labels[..], *value)).collect();
    let help = "Connections by how their handshake ended; over TCP every request is one";
    page.counter("nearcall_relay_handshakes", help, &samples)
}

fn bus(page: &mut Page, core: &Core) -> fmt::Result {
    let connected = u8::from(!core.isolated.load(Ordering::Relaxed));
    page.gauge("nearcall_relay_bus_connected", "1 while other relays can be reached", &[(&[], connected)])?;
    let lost = core.metrics.bus_lost.load(Ordering::Relaxed);
    page.counter("nearcall_relay_bus_losses", "How often the bus was lost", &[(&[], lost)])?;
    let stats = core.bus.stats();
    let each: Vec<_> = [(Direction::Out, "out"), (Direction::In, "in")]
        .into_iter()
        .flat_map(|(direction, way)| {
            Kind::ALL.map(|kind| ([("direction", way), ("kind", kind.name())], (direction, kind)))
        })
        .collect();
    let mut counted = |name: &str, help: &str, read: fn(Count) -> u64| {
        let samples =
            each.iter().map(|(labels, (direction, kind))| (&labels[..], read(stats.count(*direction, *kind))));
        page.counter(name, help, &samples.collect::<Vec<_>>())
    };
    counted("nearcall_relay_bus_messages", "Messages to and from other relays", |count| count.messages)?;
    counted("nearcall_relay_bus_bytes", "Their bytes", |count| count.bytes)?;
    let help = "Messages that were dropped because the bus was lost, or it or this relay was slow";
    counted("nearcall_relay_bus_dropped", help, |count| count.dropped)?;
    let help = "Messages that were dropped because they had waited for too long, here or on their way";
    counted("nearcall_relay_bus_stale", help, |count| count.stale)
}

fn machine(page: &mut Page, started: SystemTime) -> fmt::Result {
    if let Some(cpu) = process::cpu() {
        page.counter("process_cpu_seconds", "CPU time of this process", &[(&[], cpu.as_secs_f64())])?;
    }
    if let Some(bytes) = process::memory() {
        page.gauge("process_resident_memory_bytes", "Memory of this process", &[(&[], bytes)])?;
    }
    if let Some(open) = process::descriptors() {
        page.gauge("process_open_fds", "Open descriptors", &[(&[], open)])?;
    }
    if let Some(most) = process::most_descriptors() {
        page.gauge("process_max_fds", "Descriptors that may be open", &[(&[], most)])?;
    }
    let since = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    page.gauge("process_start_time_seconds", "When this process began, since 1970", &[(&[], since)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_that_the_wire_knows_has_a_row() {
        for code in (0..=u8::MAX).filter_map(|code| RefusalCode::try_from(i32::from(code)).ok()) {
            assert_eq!(REFUSALS.iter().filter(|(it, _)| *it == code).count(), 1, "{code:?}");
        }
    }
}
