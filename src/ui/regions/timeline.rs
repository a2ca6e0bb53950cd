//! What happened to the path of the call and what did not, the newest first, with what each move cost.

use std::time::{Duration, SystemTime};

use eframe::egui::{Align, Color32, Label, Layout, Role, Ui, WidgetInfo, vec2};

use crate::call::event::Moved;
use crate::call::state::Phase;
use crate::election::Reason;
use crate::ui::icons;
use crate::ui::model::{Entry, Model, What};
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets;

use super::controls::{fitted, note};
use super::words;

/// Entries that are drawn: more cannot be read, and a long call costs no more than a short one. The export has all.
const SHOWN: usize = 60;
/// A gap longer than this is heard and seen, ms.
const NOTICED_MS: u64 = 350;

/// An entry in words. Pure.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub icon: &'static str,
    pub tone: Tone,
    /// One sentence.
    pub text: String,
    /// More of it, or nothing.
    pub note: String,
}

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A step on the way.
    Quiet,
    Plain,
    Good,
    /// A person did it.
    Asked,
    Bad,
}

/// The heading and the entries.
pub(super) fn timeline_ui(ui: &mut Ui, model: &Model) {
    widgets::section(ui, "What happened");
    if model.timeline.is_empty() {
        note(ui, "Nothing yet. Every move stands here with what it cost, and every decision to stay with its reason.");
        return;
    }
    let zero = start(model);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for entry in model.timeline.iter().rev().take(SHOWN) {
            entry_ui(ui, entry, zero);
        }
    });
    let more = model.timeline.len().saturating_sub(SHOWN);
    if more > 0 {
        note(ui, format!("{more} older: they are in the export."));
    }
}

/// What the times count from: the moment when the room was entered.
pub fn start(model: &Model) -> SystemTime {
    let entered = model.timeline.iter().rev().find(|entry| matches!(entry.what, What::Joined { .. }));
    let in_call = match model.call.as_deref().map(|state| state.phase) {
        Some(Phase::InCall { since }) => model.wall.checked_sub(model.now.saturating_duration_since(since)),
        _ => None,
    };
    entered.or(model.timeline.first()).map(|entry| entry.at).or(in_call).unwrap_or(model.wall)
}

/// `12:41` since the room was entered; `–0:03` before it.
pub fn time(at: SystemTime, zero: SystemTime) -> String {
    match at.duration_since(zero) {
        Ok(after) => words::span(after),
        Err(before) if before.duration() < Duration::from_secs(1) => words::span(Duration::ZERO),
        Err(before) => format!("–{}", words::span(before.duration())),
    }
}

fn entry_ui(ui: &mut Ui, entry: &Entry, zero: SystemTime) {
    let colours = theme::palette(ui.ctx());
    let told = tell(&entry.what);
    let colour = told.tone.colour(colours);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = theme::space::S;
        let (_, place) = ui.allocate_space(vec2(40.0, 20.0));
        let clock = fitted(ui, time(entry.at, zero), Type::Figures.font(), 60.0);
        let left = place.right() - clock.size().x;
        ui.painter().galley(eframe::egui::pos2(left, place.center().y - clock.size().y / 2.0), clock, colours.weak);
        let (_, mark) = ui.allocate_space(vec2(18.0, 20.0));
        let glyph = fitted(ui, told.icon, icons::font(16.0), 20.0);
        ui.painter().galley(mark.center() - glyph.size() / 2.0, glyph, colour);
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            words_ui(ui, entry, &told, zero);
        });
    });
}

fn words_ui(ui: &mut Ui, entry: &Entry, told: &Told, zero: SystemTime) {
    let colours = theme::palette(ui.ctx());
    let kind = if told.tone == Tone::Quiet { Type::Small } else { Type::Body };
    let colour = if told.tone == Tone::Quiet { colours.weak } else { colours.text };
    let text = kind.text(&told.text).color(colour);
    let label = ui.add(Label::new(text).wrap());
    let spoken = [time(entry.at, zero), told.text.clone(), told.note.clone()];
    let spoken = spoken.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    label.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
    if let What::Moved(moved) = &entry.what {
        cost_ui(ui, moved);
    } else if !told.note.is_empty() {
        note(ui, told.note.as_str());
    }
    ui.add_space(6.0);
}

/// RTT before and after, and the two gaps in the shape and the colour of what they mean.
fn cost_ui(ui: &mut Ui, moved: &Moved) {
    let colours = theme::palette(ui.ctx());
    note(ui, words::reason(moved.reason));
    // A row of figures is lower than a row of controls.
    ui.spacing_mut().interact_size.y = 18.0;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(10.0, 0.0);
        let mut say =
            |text: String, colour: Color32| ui.add(Label::new(Type::Figures.text(text).color(colour)).extend());
        say(rtt(moved), colours.weak);
        for (what, gap_ms) in [("audio gap", moved.audio_gap_ms), ("video", moved.video_gap_ms)] {
            match gap_ms {
                Some(gap_ms) => {
                    let (icon, colour) = gap(gap_ms, colours);
                    say(format!("{icon} {what} {gap_ms} ms"), colour)
                }
                None => say(format!("{what} {}", words::NOTHING), colours.weak),
            };
        }
    });
}

fn rtt(moved: &Moved) -> String {
    format!("{} {} {} ms", whole(moved.rtt_before_ms), icons::ARROW_RIGHT, whole(moved.rtt_after_ms))
}

/// A gap, or nothing where there was nobody to miss.
fn missed(gap_ms: Option<u64>) -> String {
    gap_ms.map_or_else(|| words::NOTHING.to_owned(), |ms| format!("{ms} ms"))
}

fn whole(ms: Option<f64>) -> String {
    words::known(ms).map_or_else(|| words::NOTHING.to_owned(), |ms| format!("{ms:.0}"))
}

fn gap(ms: u64, colours: &Palette) -> (&'static str, Color32) {
    match ms {
        0 => (icons::GOOD, colours.good),
        1..=NOTICED_MS => (icons::FAIR, colours.weak),
        _ => (icons::POOR, colours.poor),
    }
}

impl Tone {
    fn colour(self, colours: &Palette) -> Color32 {
        match self {
            Self::Quiet => colours.weak,
            Self::Plain => colours.accent_text,
            Self::Good => colours.good,
            Self::Asked => colours.fair,
            Self::Bad => colours.poor,
        }
    }
}

/// An entry in words, also for the export as text.
pub fn tell(what: &What) -> Told {
    let told = |icon, tone, text: String, note: String| Told { icon, tone, text, note };
    match what {
        What::Elected { region, transport, mean_ms, runner_up, margin_ms } => {
            let note = match (runner_up, words::known(*margin_ms)) {
                (Some(other), Some(margin)) if margin >= 0.0 => {
                    format!("by {transport}, {margin:.0} ms before {other}")
                }
                (Some(other), _) => format!("by {transport}, level with {other}"),
                (None, _) => format!("by {transport}; nobody else answers"),
            };
            told(icons::TROPHY_FILL, Tone::Asked, format!("{region} won the race – {}", words::ms(*mean_ms)), note)
        }
        What::Joined { region, since_join_ms } => told(
            icons::CHECK,
            Tone::Good,
            format!("Joined by {region} in {}", words::ms(Some(*since_join_ms))),
            String::new(),
        ),
        What::Moved(moved) => moved_words(moved),
        What::Kept { candidate, reason } => {
            told(icons::LOCK, Tone::Quiet, format!("Stayed: {candidate} is not worth a move"), reason.clone())
        }
        What::Suspect { region, on: true } => {
            told(icons::WARNING, Tone::Quiet, format!("{region} is in doubt: sound goes over two links"), String::new())
        }
        What::Suspect { region, on: false } => {
            told(icons::CHECK, Tone::Quiet, format!("{region} is no longer in doubt"), String::new())
        }
        What::Standby { region: Some(region) } => {
            told(icons::SHIELD, Tone::Quiet, format!("{region} stands by"), String::new())
        }
        What::Standby { region: None } => told(icons::SHIELD, Tone::Quiet, "Nobody stands by".into(), String::new()),
        What::Reconnecting => told(icons::PLUGS, Tone::Bad, "Every link is lost: reconnecting".into(), String::new()),
        What::Reconnected { region } => told(icons::CHECK, Tone::Good, format!("Back by {region}"), String::new()),
        What::Refused { relay, message } => {
            told(icons::DOWN, Tone::Bad, format!("{relay} does not take us in"), message.clone())
        }
        What::Drill(text) => told(icons::DRILL, Tone::Asked, text.clone(), String::new()),
    }
}

fn moved_words(moved: &Moved) -> Told {
    let text = match &moved.from {
        Some(from) if from.region == moved.to.region && from.relay == moved.to.relay => {
            format!("{}: now by {}", moved.to.region, words::transport(moved.to.transport))
        }
        Some(from) => format!("Moved from {} to {}", from.region, moved.to.region),
        None => format!("Moved to {}", moved.to.region),
    };
    let note = format!(
        "{}, {} to {} ms, audio gap {}, video gap {}",
        words::reason(moved.reason),
        whole(moved.rtt_before_ms),
        whole(moved.rtt_after_ms),
        missed(moved.audio_gap_ms),
        missed(moved.video_gap_ms)
    );
    let worst = moved.audio_gap_ms.max(moved.video_gap_ms);
    let tone = match moved.reason {
        _ if worst.is_some_and(|worst| worst > NOTICED_MS) => Tone::Bad,
        Reason::Pin | Reason::Force | Reason::Block => Tone::Asked,
        _ => Tone::Plain,
    };
    Told { icon: icons::SWAP, tone, text, note }
}
