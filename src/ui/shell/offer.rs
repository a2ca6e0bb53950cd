//! The question about a link that came while a call runs: nobody is taken out of a call by a link.

use eframe::egui::{Label, Ui};

use super::{Memory, Sheet};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type};
use crate::ui::widgets;

/// Opens the question where a link came, and says no where it was closed without an answer. Called before the sheets and
/// behind them.
pub(super) fn follow(model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    let asked = memory.sheet == Some(Sheet::Offer);
    match (model.offered.is_some(), asked, memory.offered) {
        (true, false, false) => (memory.sheet, memory.offered) = (Some(Sheet::Offer), true),
        (true, false, true) => {
            memory.offered = false;
            if !actions.iter().any(|action| matches!(action, Action::Offered(_))) {
                actions.push(Action::Offered(false));
            }
        }
        (false, true, _) => (memory.sheet, memory.offered) = (None, false),
        (false, false, _) => memory.offered = false,
        (true, true, _) => {}
    }
}

/// What the question looks like; `false` once it is answered.
pub(super) fn offer_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) -> bool {
    let Some(offer) = &model.offered else { return false };
    ui.add(Label::new(Type::Strong.text(format!("The link leads to the room {}.", offer.room))).wrap());
    ui.label("You are in a call. Leave it, and look at that room's lobby? Nobody hears you there before you join.");
    ui.add_space(theme::space::S);
    ui.horizontal(|ui| {
        let leave = widgets::danger(ui, "Leave this call").clicked();
        let stay = widgets::secondary(ui, "Stay here").clicked();
        if leave || stay {
            actions.push(Action::Offered(leave));
        }
        !(leave || stay)
    })
    .inner
}
