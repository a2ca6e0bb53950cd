//! What can be shared, as a list: screens, then windows.

use eframe::egui::{Label, RichText, Ui};

use crate::media::screen::{ScreenInfo, ScreenSource};
use crate::ui::model::{Action, Model};
use crate::ui::{icons, theme, widgets};

/// Draws the list; `false` once something was picked.
pub(super) fn screens_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) -> bool {
    ui.label(theme::note(ui.ctx(), "Everybody in the call sees what you share, with your pointer."));
    let Some(screens) = &model.screens else {
        ui.label("Looking for screens and windows…");
        return true;
    };
    let mut picked = None;
    let mut list = |ui: &mut Ui, title: &str, icon: &str, rows: &[ScreenInfo], of: fn(String) -> ScreenSource| {
        if rows.is_empty() {
            return;
        }
        widgets::section(ui, title);
        for row in rows {
            if widgets::secondary_icon(ui, icon, &shortened(&row.to_string())).clicked() {
                picked = Some(of(row.id.clone()));
            }
        }
    };
    list(ui, "Screens", icons::MONITOR, &screens.screens, |id| ScreenSource::Screen(Some(id)));
    list(ui, "Windows", icons::IMAGE, &screens.windows, ScreenSource::Window);
    if let Some(note) = &screens.note {
        ui.add_space(theme::space::XS);
        ui.add(Label::new(RichText::new(note).color(theme::palette(ui.ctx()).weak)).wrap());
    }
    ui.add_space(theme::space::S);
    if widgets::icon_button(ui, icons::REFRESH, "Look again").clicked() {
        actions.push(Action::ListScreens);
    }
    match picked {
        Some(source) => {
            actions.push(Action::Share(Some(source)));
            false
        }
        None => true,
    }
}

/// A window's title may be a sentence.
fn shortened(text: &str) -> String {
    const MOST: usize = 52;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_title_is_cut_between_letters() {
        assert_eq!(shortened("notes"), "notes");
        let long = shortened(&"é".repeat(80));
        assert!(long.chars().count() == 52 && long.ends_with('…'));
    }
}
