//! A tile of somebody else: a picture or what stands for it, a name, and how the person is heard and received.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::quality::{self, Trouble};
use super::view::{Large, Who};
use super::{Memory, Show, face, menu, signs, volume};
use crate::call::state::Peer;
use crate::call::views::View;
use crate::media::video::{Of, Shown};
use crate::proto::Track;
use crate::ui::model::Action;
use crate::ui::picture::{Fit, Placement};
use crate::ui::theme::{self, Palette, space};
use crate::ui::{icons, widgets};

/// A tile lower than this has room for a name and a face, points.
const LOW: f32 = 150.0;
/// And one lower than this for a name alone, points.
const LOWEST: f32 = 110.0;
/// Of the button that takes a pin away, points.
const UNPIN: f32 = 26.0;

/// What is to be seen on a tile.
struct Seen<'a> {
    peer: &'a Peer,
    /// There is a picture to draw.
    picture: bool,
    /// It stands still.
    frozen: bool,
    pinned: bool,
    /// Its figures stand above the name.
    figures: bool,
    trouble: Option<Trouble>,
    /// What a raised hand takes of the top, points.
    taken: f32,
}

/// Draws somebody, and notes how large.
pub(super) fn peer_ui(
    ui: &mut Ui,
    show: Show,
    peer: &Peer,
    place: Rect,
    memory: &mut Memory,
    actions: &mut Vec<Action>,
) {
    let height = (place.height() * ui.ctx().pixels_per_point()).round() as u32;
    memory.shown.insert(peer.id, View::Height(height));
    let id = ui.scope_id().with(("tile", peer.id));
    // Not on the keyboard's way: keys and the list of people have the same.
    let response = ui.interact(place, id, Sense::CLICK);
    let colours = theme::palette(ui.ctx());
    ui.painter().rect_filled(place, corner(place), colours.tile);
    let frozen = peer.quality.frozen && peer.camera;
    let picture = picture_ui(ui, show, peer, place, frozen || peer.reconnecting);
    let what = Large::Person(Who::Peer(peer.id));
    let pinned = memory.view.is_pinned(what);
    let trouble = quality::of(show.state, peer);
    let taken = signs::taken(show.model, peer.id);
    let seen = Seen { peer, picture, frozen, pinned, figures: memory.figures, trouble, taken };
    seen.over_ui(ui, place, colours);
    if memory.figures {
        figures_ui(ui, peer, place);
    }
    if peer.speaking && !peer.muted {
        ui.painter().rect_stroke(place, corner(place), Stroke::new(3.0, colours.in_use), StrokeKind::Inside);
    }
    signs::over_ui(ui, show.model, peer.id, place);
    let said = seen.said() + &signs::words(show.model, peer.id);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    if response.double_clicked() {
        memory.view.toggle_pin(what);
    }
    menu::of_peer(&response, peer, &mut memory.view, actions);
    response.on_hover_ui(|ui| tip_ui(ui, peer, seen.trouble));
    unpin_ui(ui, place, what, peer.label(), memory);
}

/// The picture, or the initials; whether there is a picture.
fn picture_ui(ui: &Ui, show: Show, peer: &Peer, place: Rect, greyed: bool) -> bool {
    let of = Of::Peer(peer.id, Track::Camera);
    let Some(shown) = show.model.pictures.get(of).filter(|_| peer.camera) else {
        let radius = (place.height() * 0.2).clamp(16.0, 64.0);
        let name = peer.name.as_deref().unwrap_or("?");
        face::disc(ui.painter(), theme::palette(ui.ctx()), place.center(), radius, name);
        return false;
    };
    let rounding = f32::from(corner(place).nw);
    let placement = Placement { mirrored: false, fit: fit(&shown), rounding, greyed };
    show.painter.paint(ui.painter(), place, of, &shown, &placement);
    true
}

/// On what is pinned: that it is, and the way back.
pub(super) fn unpin_ui(ui: &mut Ui, place: Rect, what: Large, name: &str, memory: &mut Memory) {
    if !memory.view.is_pinned(what) {
        return;
    }
    let button = Rect::from_min_size(place.max - vec2(face::INSET + UNPIN, face::INSET + UNPIN), vec2(UNPIN, UNPIN));
    if widgets::picture_button(ui, button, icons::PIN_FILL, &format!("Unpin {name}")).clicked() {
        memory.view.toggle_pin(what);
    }
}

pub(super) fn corner(place: Rect) -> CornerRadius {
    CornerRadius::same(if place.width() < 240.0 { theme::radius::M } else { theme::radius::L })
}

/// A picture of nearly the tile's shape fills it; another one is shown whole.
pub(super) fn fit(shown: &Shown) -> Fit {
    let aspect = shown.picture.width() as f32 / shown.picture.height().max(1) as f32;
    if (1.5..=2.1).contains(&aspect) { Fit::Cover } else { Fit::Contain }
}

/// The same colour, light enough for the dark ground that marks on pictures have in both themes.
pub(super) fn dark(colour: Color32) -> Color32 {
    let light = colour.intensity();
    if light < 0.5 { theme::mix(colour, Color32::WHITE, 0.5) } else { colour }
}

impl Seen<'_> {
    /// What is wrong with the picture.
    fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let peer = self.peer;
        if peer.name.is_none() {
            Some((icons::LOCK, "compare your invites"))
        } else if peer.reconnecting {
            Some((icons::PLUGS, "reconnecting…"))
        } else if self.frozen && self.picture {
            Some((icons::SNOWFLAKE, "frozen"))
        } else if !peer.camera {
            Some((icons::CAMERA_OFF, "camera off"))
        } else if !self.picture {
            Some((icons::HOURGLASS, "no picture yet"))
        } else {
            None
        }
    }

    /// What lies over the picture: what is wrong with it, the name, the quality where it is not good.
    fn over_ui(&self, ui: &Ui, place: Rect, colours: &Palette) {
        // Beside the initials of a low tile, and beside figures, there is no room for words: the sign goes to the name.
        let full = self.figures || place.height() < if self.picture { LOWEST } else { LOW };
        let lead = self.wrong().filter(|_| full && self.peer.name.is_some());
        if let Some((icon, word)) = self.wrong().filter(|_| lead.is_none()) {
            let at = place.center() + vec2(0.0, if self.picture { 0.0 } else { place.height() * 0.2 + 24.0 });
            face::pill(ui, at, Align2::CENTER_CENTER, word, &[(icon, colours.on_tile)], place.width() - 16.0);
        }
        self.name_ui(ui, place, lead, colours);
        if let Some(trouble) = self.trouble {
            let mark = (trouble.quality.icon(), dark(trouble.quality.colour(colours)));
            face::trouble_ui(ui, place, self.taken, trouble.fault.word(), mark);
        }
    }

    /// The name with what goes with it, and with `lead`: what is wrong with the picture.
    fn name_ui(&self, ui: &Ui, place: Rect, lead: Option<(&'static str, &'static str)>, colours: &Palette) {
        let peer = self.peer;
        let mut marks: Vec<(&str, Color32)> = Vec::new();
        if peer.muted {
            marks.push((icons::MIC_OFF, dark(colours.danger_text)));
        } else if peer.speaking {
            marks.push((icons::SPEAKER, dark(colours.fastest)));
        }
        if volume::is_silent(peer) {
            marks.push((icons::SPEAKER_OFF, dark(colours.danger_text)));
        }
        marks.extend(lead.map(|(icon, _)| (icon, colours.on_tile)));
        let name = match (&peer.name, lead.filter(|_| self.picture)) {
            // A picture looks right until it is said that it stands still.
            (Some(name), Some((_, word))) => format!("{name} · {word}"),
            (Some(name), None) => name.clone(),
            (None, _) => {
                marks.push((icons::WARNING, dark(colours.fair)));
                "Someone with another key".to_owned()
            }
        };
        let taken = if self.pinned { UNPIN + space::XS } else { 0.0 };
        face::name_ui(ui, place.with_max_x(place.right() - taken), &name, &marks);
    }

    /// The tile in words.
    fn said(&self) -> String {
        let peer = self.peer;
        let mut words = vec![peer.label().to_owned()];
        let mut add = |on: bool, word: &str| {
            if on {
                words.push(word.to_owned());
            }
        };
        add(peer.speaking && !peer.muted, "speaking");
        add(peer.muted, "muted");
        add(volume::is_silent(peer), "muted for you");
        if let Some((_, word)) = self.wrong() {
            add(true, word.trim_end_matches('…'));
        }
        if let Some(Trouble { quality, fault }) = self.trouble {
            add(true, &format!("{}: {}", quality.word(), fault.word()));
        }
        add(self.pinned, "pinned");
        words.join(", ")
    }
}

/// `–` for what is not known.
fn or_dash(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "–".to_owned())
}

/// The figures of somebody in one line on the tile, for who asked to see them on all.
fn figures_ui(ui: &Ui, peer: &Peer, place: Rect) {
    let quality = &peer.quality;
    let picture = (quality.height > 0).then(|| format!("{}p {:.0}", quality.height, quality.fps));
    let lost = quality.recent_loss.map(|loss| format!("{:.1} %", loss * 100.0));
    let delay = quality.delay_ms.map(|ms| format!("{ms:.0} ms"));
    let text = [picture, lost, delay].map(or_dash).join(" · ");
    // Above the name.
    let at = place.left_bottom() + vec2(face::INSET, -face::INSET - UNPIN - space::XS);
    let mark = [(icons::PULSE, theme::palette(ui.ctx()).on_tile)];
    face::pill(ui, at, Align2::LEFT_BOTTOM, &text, &mark, place.width() - 2.0 * face::INSET);
}

/// How a peer is received, in figures: the tooltip of a tile.
fn tip_ui(ui: &mut Ui, peer: &Peer, trouble: Option<Trouble>) {
    let quality = &peer.quality;
    let percent = |loss: f64| format!("{:.1} %", loss * 100.0);
    let picture =
        (quality.height > 0).then(|| format!("{} x {}, {:.0} fps", quality.width, quality.height, quality.fps));
    let rows = [
        ("Picture", or_dash(picture)),
        ("Sound lost now", or_dash(quality.recent_loss.map(percent))),
        ("Sound lost since the start", or_dash(quality.audio_loss.map(percent))),
        ("Jitter", or_dash(quality.jitter_ms.map(|ms| format!("{ms:.1} ms")))),
        ("Held back to be smooth", or_dash(quality.delay_ms.map(|ms| format!("{ms:.0} ms")))),
        ("In the way", or_dash(trouble.map(|trouble| trouble.fault.word().to_owned()))),
    ];
    ui.label(theme::strong_text(peer.label()));
    eframe::egui::Grid::new("figures").spacing(vec2(space::L, 4.0)).show(ui, |ui| {
        for (what, figure) in rows {
            ui.label(theme::note(ui.ctx(), what));
            ui.label(theme::figure(figure));
            ui.end_row();
        }
    });
    ui.label(theme::note(ui.ctx(), "A double click pins it, a right click has more."));
}
