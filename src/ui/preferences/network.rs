//! The tab of the servers: which are known, which is preferred, how long they are measured, who is contacted unasked.

use std::collections::BTreeSet;

use eframe::egui::Ui;

use super::{change, paragraph, relays, row, switch};
use crate::ui::model::{Action, Model};
use crate::ui::theme::space;
use crate::ui::{icons, widgets};

/// Windows of the race that are offered, ms.
const WINDOWS: [u32; 4] = [1_000, 3_000, 5_000, 10_000];

pub(super) fn network_ui(ui: &mut Ui, model: &Model, typed: &mut String, actions: &mut Vec<Action>) {
    widgets::section(ui, "Lists of relays");
    relays::relays_ui(ui, model, typed, actions);
    ui.add_space(space::S);
    widgets::section(ui, "Which relay carries the call");
    let (names, chosen) = regions(model);
    let rows: Vec<(String, bool)> =
        names.iter().enumerate().map(|(index, name)| (name.clone(), index == chosen)).collect();
    if let Some(picked) = widgets::picker(ui, "Preferred region", icons::PIN, &names[chosen], &rows) {
        change(model, actions, |settings| settings.pin = (picked > 0).then(|| names[picked].clone()));
    }
    paragraph(ui, "A region that is preferred is used while it answers. Where it does not, the nearest one is.");
    ui.add_space(space::S);
    row(ui, "Measure for", "From the next race on.", |ui| {
        let now = model.settings.race_ms;
        // One that was written by hand has no place of its own.
        let mut chosen = WINDOWS.iter().position(|window| *window == now).unwrap_or(WINDOWS.len());
        if widgets::segmented(ui, "Measure for", &["1 s", "3 s", "5 s", "10 s"], &mut chosen).changed() {
            change(model, actions, |settings| settings.race_ms = WINDOWS[chosen]);
        }
    });
    paragraph(ui, "Nobody waits for it: a call is joined as soon as one relay leads.");
    ui.add_space(space::S);
    widgets::section(ui, "Who is contacted");
    let ask = "Servers that are contacted see the address of this computer. Those of your own lists are contacted when \
               the lobby opens.";
    switch(ui, model, actions, "Ask before a link's servers are contacted", ask, |settings| &mut settings.ask_hosts);
}

/// What can be preferred, "the fastest" first, and which of it is.
fn regions(model: &Model) -> (Vec<String>, usize) {
    let standings = model.call.iter().flat_map(|state| &state.candidates);
    let mut known: BTreeSet<String> = standings.map(|standing| standing.candidate.region.clone()).collect();
    // One that is away stays in the list, so that nobody wonders where it went.
    known.extend(model.settings.pin.clone());
    let names: Vec<String> = std::iter::once("The fastest".to_owned()).chain(known).collect();
    let chosen = model.settings.pin.as_ref().and_then(|pin| names.iter().skip(1).position(|name| name == pin));
    (names, chosen.map_or(0, |index| index + 1))
}
