//! What opens below a row: the figures in full, and what can be asked of the election about this relay.

use std::time::{Duration, Instant};

use super::*;
use crate::call::Answered;
use crate::election::Command;
use crate::ui::regions::controls::{chip, note};

/// Facts and buttons below an open row.
pub(super) fn opened_ui(ui: &mut Ui, table: &Table<'_>, group: &Group<'_>, actions: &mut Vec<Action>) {
    let margin = eframe::egui::Margin { left: 10, right: 10, top: 8, bottom: 12 };
    eframe::egui::Frame::new().inner_margin(margin).show(ui, |ui| {
        ui.take_available_width();
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        facts_ui(ui, table, group);
        ui.add_space(2.0);
        ui.horizontal_wrapped(|ui| buttons_ui(ui, table, group, actions));
    });
}

/// What is known of each way, in words.
pub(super) fn facts_ui(ui: &mut Ui, table: &Table<'_>, group: &Group<'_>) {
    let best = table.condition(group.best());
    let alike = group.ways.iter().all(|way| table.condition(way) == best);
    let say = |ui: &mut Ui, text: String| drop(ui.add(eframe::egui::Label::new(Type::Small.text(text)).wrap()));
    if alike {
        say(ui, best.meaning().to_owned());
    }
    for way in &group.ways {
        let transport = words::transport(way.candidate.transport);
        if !alike {
            say(ui, format!("{transport}: {}", table.condition(way).meaning()));
        }
        if let Some(error) = &way.error {
            note(ui, format!("{transport}: {error}"));
        }
        if let Some(age) = age(table.model.now, way) {
            note(ui, format!("{transport}: the last answer came {} ago", words::span(age)));
        }
        if words::known(way.mean_ms).is_some() {
            note(ui, format!("{transport}: {}", figures(way)));
            if let Some(hop) = hop(way, &table.state.hops.of(way.id)) {
                note(ui, format!("{transport}: {hop}"));
            }
        }
    }
}

/// How old the last answer is, where it is older than the longest way between two probes of a link in use.
pub(super) fn age(now: Instant, way: &Standing) -> Option<Duration> {
    const STALE: Duration = Duration::from_secs(10);
    let age = now.saturating_duration_since(way.measured?);
    (age > STALE).then_some(age)
}

/// What the way costs by its own account, and who really answered; nothing before an answer.
pub(super) fn hop(way: &Standing, answered: &Answered) -> Option<String> {
    let by = answered.answered_by.as_deref()?;
    let mut parts = vec![format!("RTT {} ms", words::figure(way.mean_ms))];
    if let Some(relay_ms) = answered.relay_ms {
        parts[0] += &format!(" without the relay's own {relay_ms:.2} ms");
    }
    let proxy = answered.via.as_deref().unwrap_or("the proxy");
    match (answered.proxy_ms, &answered.via) {
        (Some(waited), _) => parts.push(format!("{proxy} says that it waited {waited:.1} ms for the relay")),
        (None, Some(via)) => parts.push(format!("through {via}")),
        (None, None) => {}
    }
    parts.push(match answered.stand_in(&way.candidate.relay) {
        Some(other) => format!("answered by {other}, not by the one that is listed"),
        None => format!("answered by {by}"),
    });
    if answered.instances > 1 {
        parts.push(format!("{} relays answered here in turn", answered.instances));
    }
    Some(parts.join(" · "))
}

fn figures(way: &Standing) -> String {
    let mut parts = vec![
        format!("least {}", words::figure(way.min_ms)),
        format!("median {}", words::figure(way.median_ms)),
        format!("95 % below {} ms", words::figure(way.p95_ms)),
        format!("{} of {} answered", way.received, way.sent),
    ];
    if words::known(way.connect_ms).is_some() {
        parts.push(format!("connected in {}", words::ms(way.connect_ms)));
    }
    parts.join(" · ")
}

/// Pin, move, block, each with its opposite where that is in force.
fn buttons_ui(ui: &mut Ui, table: &Table<'_>, group: &Group<'_>, actions: &mut Vec<Action>) {
    let name = group.wish_name();
    let wishes = &table.state.wishes;
    let mut ask = |command, time| actions.push(Action::Elect(command, time));
    if let Some(block) = group.wish(wishes, Wished::Block) {
        if chip(ui, icons::CHECK, "Unblock", &format!("Unblock {name}")).clicked() {
            ask(Command::Unblock(block.name.clone()), None);
        }
        return;
    }
    let active = group.ways.iter().any(|way| way.state == LinkState::Active);
    if table.in_call && !active && chip(ui, icons::SWAP, "Move here now", &format!("Move to {name} now")).clicked() {
        ask(Command::Force(name.to_owned()), None);
    }
    if group.wish(wishes, Wished::Pin).is_some() {
        if chip(ui, icons::PIN_OFF, "Unpin", &format!("Unpin {name}")).clicked() {
            ask(Command::Pin(None), None);
        }
    } else if chip(ui, icons::PIN, "Pin", &format!("Pin {name}"))
        .on_hover_text("Stay here as long as it carries the call")
        .clicked()
    {
        ask(Command::Pin(Some(name.to_owned())), None);
    }
    // Each ends by itself.
    for (n, (span, seconds)) in [("30 s", 30), ("2 min", 120), ("10 min", 600)].into_iter().enumerate() {
        let (icon, text) = if n == 0 { (icons::BLOCK, format!("Block {span}")) } else { ("", span.to_owned()) };
        if chip(ui, icon, &text, &format!("Block {name} for {span}")).clicked() {
            ask(Command::Block(name.to_owned()), Some(Duration::from_secs(seconds)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn an_open_row_says_who_answered_and_what_the_way_costs() {
        let model = fixtures::lobby(Duration::from_secs(2));
        let state = model.call.unwrap();
        let said = |relay: &str, transport: crate::proto::Transport| {
            let mut rows = state.candidates.iter();
            let row = rows.find(|row| row.candidate.relay == relay && row.candidate.transport == transport).unwrap();
            hop(row, &state.hops.of(row.id)).map(|line| line.split_once(" without").unwrap().1.to_owned())
        };
        use crate::proto::Transport::{WebSocket, WebTransport};
        for (relay, transport, expected) in [
            ("singapore-1", WebTransport, Some(" the relay's own 0.04 ms · answered by singapore-1")),
            (
                "tokyo-1",
                WebSocket,
                Some(" the relay's own 0.04 ms · Caddy says that it waited 1.2 ms for the relay · answered by tokyo-1"),
            ),
            (
                "frankfurt-1",
                WebTransport,
                Some(" the relay's own 0.04 ms · answered by frankfurt-3f2a, not by the one that is listed"),
            ),
            ("sao-paulo-1", WebTransport, None),
        ] {
            assert_eq!(said(relay, transport).as_deref(), expected, "{relay}");
        }
    }
}
