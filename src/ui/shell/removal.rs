//! The question before somebody is removed from the call.

use eframe::egui::{Context, Label};

use super::sheet;
use crate::call::Moderation;
use crate::proto::ParticipantId;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, space};
use crate::ui::widgets;

/// Asks; `false` once it is answered, or there is nobody to ask about any more.
pub(super) fn removal_ui(ctx: &Context, model: &Model, whom: ParticipantId, actions: &mut Vec<Action>) -> bool {
    let peer = model.call.as_ref().and_then(|state| state.peers.iter().find(|peer| peer.id == whom));
    let Some(peer) = peer else { return false };
    let short: String = peer.label().chars().take(32).collect();
    sheet::show(ctx, &format!("Remove {short}?"), 440.0, |ui| {
        let words = "They leave the call at once and are not let in again while anybody is in this room.";
        ui.add(Label::new(words).wrap());
        ui.add_space(space::XS);
        let open =
            "An invite that is open to everybody lets them come as somebody else: lock the room to prevent that.";
        ui.add(Label::new(theme::note(ui.ctx(), open)).wrap());
        ui.add_space(space::S);
        ui.horizontal(|ui| {
            let removes = widgets::danger(ui, "Remove").clicked();
            if removes {
                actions.push(Action::Moderate(Moderation::Remove { peer: whom }));
            }
            !widgets::secondary(ui, "Keep them").clicked() && !removes
        })
        .inner
    })
}
