//! The three things that people take for one another: the region that carries the call, the one that answers soonest, and
//! the one that somebody pinned. Each has its own name, shape and figure.

use eframe::egui::{Align2, CornerRadius, Role, Sense, Ui, WidgetInfo, vec2};

use super::condition::{Condition, racing};
use super::controls::write;
use super::{group, words};
use crate::call::state::{State, Wish, Wished};
use crate::election::{LinkState, Standing};
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::theme::{self, Palette, Type, space};

/// Height of a cell, points; where the region and its figure stand below one another.
const HEIGHT: f32 = 48.0;
const HIGH: f32 = 64.0;
/// Narrower than this they do, points.
const ROOMY: f32 = 150.0;
/// Cells narrower than this stand below one another, points.
const NARROW: f32 = 104.0;

/// One of the three.
struct Place {
    icon: &'static str,
    colour: eframe::egui::Color32,
    name: &'static str,
    /// The region, or that there is none.
    region: String,
    /// Its figure, or nothing.
    figure: String,
    known: bool,
}

/// Draws the three side by side, below one another where it is narrow.
pub(super) fn places_ui(ui: &mut Ui, model: &Model, state: &State) {
    let places = places(model, state, theme::palette(ui.ctx()));
    let width = ui.available_width();
    let cell = (width - 2.0 * space::S) / 3.0;
    if cell < NARROW {
        places.iter().for_each(|place| place_ui(ui, place, width));
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        places.iter().for_each(|place| place_ui(ui, place, cell));
    });
}

fn place_ui(ui: &mut Ui, place: &Place, width: f32) {
    let high = width < ROOMY;
    let (rect, response) = ui.allocate_exact_size(vec2(width, if high { HIGH } else { HEIGHT }), Sense::hover());
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::M);
    let fill = if place.known { colours.tint(place.colour) } else { colours.raised };
    ui.painter().rect_filled(rect, corner, fill);
    let inner = rect.shrink2(vec2(10.0, 6.0));
    let (top, bottom) = (inner.top() + 8.0, inner.bottom() - 9.0);
    let middle = if high { bottom - 17.0 } else { bottom };
    let ink = if place.known { place.colour } else { colours.weak };
    let mark = write(ui, inner.x_range(), top, Align2::LEFT_CENTER, place.icon, icons::font(14.0), ink);
    let rest = eframe::egui::Rangef::new(mark.right() + 5.0, inner.right());
    write(ui, rest, top, Align2::LEFT_CENTER, place.name, Type::Small.font(), colours.weak);
    let align = if high { Align2::LEFT_CENTER } else { Align2::RIGHT_CENTER };
    let font = Type::Figures.font();
    let figure = write(ui, inner.x_range(), bottom, align, &place.figure, font, colours.text);
    let right = if high { inner.right() } else { figure.left() - 6.0 };
    let room = eframe::egui::Rangef::new(inner.left(), right);
    let (font, ink) = if place.known { (Type::Strong.font(), colours.text) } else { (Type::Body.font(), colours.weak) };
    write(ui, room, middle, Align2::LEFT_CENTER, &place.region, font, ink);
    let said = match place.figure.is_empty() {
        true => format!("{}: {}", place.name, place.region),
        false => format!("{}: {}, {}", place.name, place.region, place.figure),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
    response.on_hover_text(said);
}

/// What stands in the cells.
fn places(model: &Model, state: &State, colours: &Palette) -> [Place; 3] {
    let used = state.candidates.iter().find(|standing| standing.state == LinkState::Active);
    let pin = state.wishes.iter().find(|wish| wish.what == Wished::Pin);
    let of = |standing: Option<&Standing>, none: &str| match standing {
        Some(standing) => (standing.candidate.region.clone(), figure(standing), true),
        None => (none.to_owned(), String::new(), false),
    };
    let (region, figure, known) = of(used, "none");
    let used = Place { icon: icons::GOOD, colour: colours.in_use, name: "In use", region, figure, known };
    let (region, figure, known) = of(fastest(model, state), "not known yet");
    let fastest = Place { icon: icons::FASTEST, colour: colours.fastest, name: "Fastest", region, figure, known };
    let (region, figure, known) = match pin {
        Some(pin) => (pin.name.clone(), pinned(state, pin), true),
        None => ("none".to_owned(), String::new(), false),
    };
    let pinned = Place { icon: icons::PIN_FILL, colour: colours.accent_text, name: "Pinned", region, figure, known };
    [used, fastest, pinned]
}

/// Whose mean is the least of those that could carry a call.
pub(super) fn fastest<'a>(model: &Model, state: &'a State) -> Option<&'a Standing> {
    let racing = racing(state, model.now);
    let fit = |standing: &&Standing| !Condition::of(state, standing, racing).is_out();
    let known = state.candidates.iter().filter(fit).filter_map(|row| Some((row, words::known(row.mean_ms)?)));
    known.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(row, _)| row)
}

fn figure(standing: &Standing) -> String {
    words::known(standing.mean_ms).map_or_else(String::new, |_| words::ms(standing.mean_ms))
}

/// The figure of the pinned one, or that it cannot be had now.
fn pinned(state: &State, pin: &Wish) -> String {
    let rows = state.candidates.iter().filter(|row| group::concerns(pin, row));
    let least = rows.filter_map(|row| words::known(row.mean_ms)).min_by(f64::total_cmp);
    least.map_or_else(|| "no answer".to_owned(), |ms| words::ms(Some(ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;

    fn said(model: &Model) -> Vec<String> {
        let places = places(model, model.call.as_deref().unwrap(), Palette::of(crate::ui::theme::Scheme::Dark));
        places.iter().map(|place| format!("{}: {} {}", place.name, place.region, place.figure)).collect()
    }

    #[test]
    fn the_region_in_use_the_fastest_and_the_pinned_one_are_three_things() {
        let mut model = fixtures::call(2);
        fixtures::change(&mut model, |state, _| {
            state.candidates[3].mean_ms = Some(31.0);
            state.wishes = vec![Wish { what: Wished::Pin, name: "frankfurt".into(), until: None }];
        });
        let expected = ["In use: singapore 42 ms", "Fastest: tokyo 31 ms", "Pinned: frankfurt 170 ms"];
        assert_eq!(said(&model), expected);
        fixtures::change(&mut model, |state, _| {
            state.wishes[0].name = "sao-paulo".into();
            state.candidates.iter_mut().for_each(|row| row.state = LinkState::Failed);
        });
        let expected = ["In use: none ", "Fastest: not known yet ", "Pinned: sao-paulo no answer"];
        assert_eq!(said(&model), expected);
        fixtures::change(&mut model, |state, _| state.wishes.clear());
        assert_eq!(said(&model)[2], "Pinned: none ");
    }
}
