//! Everybody as tiles: all of one size, or a strip beside what is large. In the order in which they came, page by page.

use eframe::egui::{Align, Layout, Rect, Ui, UiBuilder, Vec2, pos2, vec2};

use super::view::Who;
use super::{Memory, Show, grid, own, tile};
use crate::call::state::Peer;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// Width of oneself as a part of the area, and its bounds in points.
const OWN_SHARE: f32 = 0.18;
const OWN: std::ops::RangeInclusive<f32> = 128.0..=224.0;
/// Room of the buttons that turn a page, points.
const PAGES: f32 = 36.0;

/// How large oneself is in a corner of `area`; `None` where one does not want to see oneself.
pub(super) fn own_size(model: &Model, area: Rect) -> Option<Vec2> {
    let width = (area.width() * OWN_SHARE).clamp(*OWN.start(), *OWN.end());
    model.settings.self_view.then_some(vec2(width, width * 9.0 / 16.0).floor())
}

/// Everybody in tiles of one size, and oneself in the corner.
pub(super) fn gallery_ui(ui: &mut Ui, show: Show, area: Rect, memory: &mut Memory, actions: &mut Vec<Action>) {
    let all: Vec<&Peer> = show.state.peers.iter().collect();
    let (area, shown) = page_ui(ui, area, &all, &mut memory.page, grid::capacity);
    let (places, own) = grid::layout(area, shown.len(), own_size(show.model, area));
    if all.is_empty() {
        alone_ui(ui, show.model, area, actions);
    }
    for (peer, place) in shown.into_iter().zip(places) {
        tile::peer_ui(ui, show, peer, place, memory, actions);
    }
    match own {
        Some(place) => own::own_ui(ui, show, place, memory, actions),
        None => own::come_back_ui(ui, show.model, area, actions),
    }
}

/// Everybody but who is large, one below the other, and oneself at the foot.
pub(super) fn strip_ui(
    ui: &mut Ui,
    show: Show,
    area: Rect,
    large: Option<Who>,
    memory: &mut Memory,
    actions: &mut Vec<Action>,
) {
    let rest: Vec<&Peer> = show.state.peers.iter().filter(|peer| large != Some(Who::Peer(peer.id))).collect();
    let with_own = show.model.settings.self_view && large != Some(Who::Own);
    let capacity = |area| grid::strip_capacity(area, with_own);
    let (area, shown) = page_ui(ui, area, &rest, &mut memory.page, capacity);
    let (places, own) = grid::strip(area, shown.len(), with_own);
    for (peer, place) in shown.into_iter().zip(places) {
        tile::peer_ui(ui, show, peer, place, memory, actions);
    }
    match own {
        Some(place) => own::own_ui(ui, show, place, memory, actions),
        None if large != Some(Who::Own) => own::come_back_ui(ui, show.model, area, actions),
        None => {}
    }
}

/// The people of the page that is open, and the area that is left for them: the buttons that turn pages stand below it
/// where there is more than one.
fn page_ui<'a>(
    ui: &mut Ui,
    area: Rect,
    all: &[&'a Peer],
    page: &mut usize,
    capacity: impl Fn(Rect) -> usize,
) -> (Rect, Vec<&'a Peer>) {
    let mut room = area;
    if all.len() > capacity(area) {
        room.max.y = (room.max.y - PAGES).max(room.min.y);
    }
    let each = capacity(room);
    let pages = all.len().div_ceil(each).max(1);
    *page = (*page).min(pages - 1);
    if room != area {
        pages_ui(ui, area, page, pages);
    }
    (room, all.iter().copied().skip(*page * each).take(each).collect())
}

/// Which part of everybody is shown.
fn pages_ui(ui: &mut Ui, area: Rect, page: &mut usize, pages: usize) {
    let centre = pos2(area.center().x, area.bottom() - PAGES / 2.0 + 1.0);
    let place = Rect::from_center_size(centre, vec2(140.0, 32.0));
    let layout = Layout::left_to_right(Align::Center);
    let mut child = ui.new_child(UiBuilder::new().id_salt("pages").max_rect(place).layout(layout));
    let ui = &mut child;
    ui.add_enabled_ui(*page > 0, |ui| {
        if widgets::icon_button(ui, icons::CHEVRON_LEFT, "Earlier people").clicked() {
            *page -= 1;
        }
    });
    ui.label(theme::figure(format!("{} / {pages}", *page + 1)));
    ui.add_enabled_ui(*page + 1 < pages, |ui| {
        if widgets::icon_button(ui, icons::CHEVRON_RIGHT, "More people").clicked() {
            *page += 1;
        }
    });
}

/// Nobody else is here yet: how they get here.
fn alone_ui(ui: &mut Ui, model: &Model, area: Rect, actions: &mut Vec<Action>) {
    let size = vec2(440.0_f32.min(area.width() - 2.0 * space::S), 170.0);
    let place = Rect::from_center_size(area.center() - vec2(0.0, area.height() * 0.08), size);
    let mut child = ui.new_child(UiBuilder::new().id_salt("alone").max_rect(place));
    widgets::card(&mut child, |ui| {
        ui.label(Type::Heading.text("You are alone here"));
        match &model.room.invite {
            Some(invite) => {
                ui.label(theme::note(ui.ctx(), "Whoever opens this link is with you at once."));
                ui.add(eframe::egui::Label::new(Type::Figures.text(invite)).truncate());
                if widgets::primary_icon(ui, icons::COPY, "Copy invite").clicked() {
                    actions.push(Action::Copy { text: invite.clone(), said: "Invite copied" });
                }
            }
            None => {
                let room = model.room.name.as_deref().unwrap_or("this room");
                ui.label(format!("Others join by the name of the room: {room}."));
            }
        }
    });
}
