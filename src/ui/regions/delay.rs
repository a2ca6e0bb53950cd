//! What the delay of each peer's sound is made of: a bar as in a latency budget, on one scale for all, and its parts in words.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::controls::{note, write};
use super::scale::Scale;
use super::words;
use crate::call::delay::MouthToEar;
use crate::call::state::{Peer, State};
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets;

/// Height of a bar, points.
const BAR: f32 = 14.0;
/// A part this narrow, points, has no room for its letter.
const LETTER: f32 = 12.0;
/// Letters of the parts in their order: what stands on the bar, and before the words below.
const LETTERS: [&str; 8] = ["C", "E", "U", "R", "D", "J", "d", "P"];

/// A bar and a line for each peer whose delay, or a part of it, is known; nothing where there is none.
pub(super) fn delays_ui(ui: &mut Ui, state: &State) {
    let known = |peer: &&Peer| peer.quality.mouth_to_ear.parts().iter().any(|(_, ms)| ms.is_some());
    let peers: Vec<&Peer> = state.peers.iter().filter(known).collect();
    if peers.is_empty() {
        return;
    }
    widgets::section(ui, "From mouth to ear");
    let most = peers.iter().map(|peer| total(&peer.quality.mouth_to_ear)).fold(1.0, f64::max);
    for peer in peers {
        peer_ui(ui, peer, Scale::to(most));
    }
    note(ui, "How old a voice is when you hear it. One way over the network is taken as half of the way to and fro.");
}

/// What is known of it, ms.
fn total(delay: &MouthToEar) -> f64 {
    delay.parts().iter().filter_map(|(_, ms)| *ms).sum()
}

fn peer_ui(ui: &mut Ui, peer: &Peer, scale: Scale) {
    let colours = theme::palette(ui.ctx());
    let delay = &peer.quality.mouth_to_ear;
    let sum = match words::known(delay.sum_ms()) {
        Some(ms) => format!("{ms:.0} ms"),
        None => "not known yet".to_owned(),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0 + BAR), Sense::hover());
    let half = rect.center().x;
    write(
        ui,
        (rect.left()..=half).into(),
        rect.top() + 9.0,
        Align2::LEFT_CENTER,
        peer.label(),
        Type::Body.font(),
        colours.text,
    );
    let figures = Type::StrongFigures.font();
    write(ui, (half..=rect.right()).into(), rect.top() + 9.0, Align2::RIGHT_CENTER, &sum, figures, colours.text);
    bar(ui, Rect::from_min_max(pos2(rect.left(), rect.bottom() - BAR), rect.max), delay, scale);
    let said = format!("{}, from mouth to ear: {sum}; {}{}", peer.label(), in_words(delay), lips(peer));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    note(ui, format!("{}{}", in_words(delay), lips(peer)));
}

/// The parts one after the other, every second one darker, each with its letter where there is room.
fn bar(ui: &Ui, cell: Rect, delay: &MouthToEar, scale: Scale) {
    let colours = theme::palette(ui.ctx());
    let painter = ui.painter();
    painter.rect_filled(cell, CornerRadius::same(2), colours.raised);
    let mut from = 0.0;
    for (n, (_, ms)) in delay.parts().iter().enumerate() {
        let Some(ms) = words::known(*ms) else { continue };
        let x = |ms: f64| cell.left() + cell.width() * scale.share(ms);
        let part = Rect::from_min_max(pos2(x(from), cell.top()), pos2(x(from + ms), cell.bottom()));
        from += ms;
        painter.rect_filled(part.shrink2(vec2(0.5, 0.0)), CornerRadius::ZERO, fill(colours, n));
        if part.width() >= LETTER {
            painter.text(part.center(), Align2::CENTER_CENTER, LETTERS[n], Type::Small.font(), colours.text);
        }
    }
}

/// Their side, the network, our side: a colour each, in two shades.
fn fill(colours: &Palette, part: usize) -> Color32 {
    let colour = match part {
        0 | 1 => colours.fair,
        2..=4 => colours.in_use,
        _ => colours.good,
    };
    theme::mix(colours.panel, colour, if part.is_multiple_of(2) { 0.3 } else { 0.5 })
}

/// `C capture 24 · E encode 1 · …`, what is not known with a dash.
fn in_words(delay: &MouthToEar) -> String {
    let part = |(letter, (name, ms)): (&&str, &(&str, Option<f64>))| match words::known(*ms) {
        Some(ms) => format!("{letter}\u{a0}{name}\u{a0}{ms:.0}"),
        None => format!("{letter}\u{a0}{name}\u{a0}–"),
    };
    LETTERS.iter().zip(&delay.parts()).map(part).collect::<Vec<_>>().join(" · ").replace(" regions", "\u{a0}regions")
}

/// Where the picture is, if that is known.
fn lips(peer: &Peer) -> String {
    match words::known(peer.quality.lip_offset_ms).map(|ms| ms.round() as i64) {
        None => String::new(),
        Some(0) => "; picture in time".to_owned(),
        Some(ms) if ms > 0 => format!("; picture {ms} ms after the sound"),
        Some(ms) => format!("; picture {} ms before the sound", -ms),
    }
}
