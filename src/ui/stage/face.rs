//! What tiles, the list of people and the preview share: a disc with initials, a name on a picture, words in its place.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, RichText, TextWrapMode, Ui, WidgetText, pos2,
    vec2,
};

use crate::ui::icons;
use crate::ui::theme::{self, Palette, Type};

/// From the edge of a picture to what lies on it, points.
pub(in crate::ui) const INSET: f32 = 8.0;
/// Height of what lies on it, points.
const PILL: f32 = 26.0;

/// `text` in one line of at most `width` points, cut with an ellipsis; without a colour of its own.
pub(in crate::ui) fn line(ui: &Ui, text: &str, font: FontId, width: f32) -> Arc<Galley> {
    let text: WidgetText = RichText::new(text).font(font.clone()).into();
    text.into_galley(ui, Some(TextWrapMode::Truncate), width.max(0.0), font)
}

/// The first letters of the first and the last word.
pub(in crate::ui) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = words.next();
    let letters: String = first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

/// A disc with initials, of a colour that goes with the name.
pub(in crate::ui) fn disc(painter: &Painter, colours: &Palette, centre: Pos2, radius: f32, name: &str) {
    let shades = [colours.accent, colours.good, colours.fair, colours.poor, colours.fastest, colours.edge];
    let sum = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let fill = theme::mix(colours.tile, shades[sum % shades.len()], 0.42);
    painter.circle_filled(centre, radius, fill);
    let font = FontId::new(radius * 0.78, theme::strong());
    painter.text(centre, Align2::CENTER_CENTER, initials(name), font, colours.on_tile);
}

/// A name at the lower left of a picture, after `marks`: icons with their colours.
pub(in crate::ui) fn name_ui(ui: &Ui, picture: Rect, name: &str, marks: &[(&str, Color32)]) {
    let at = picture.left_bottom() + vec2(INSET, -INSET);
    pill(ui, at, Align2::LEFT_BOTTOM, name, marks, picture.width() - 2.0 * INSET);
}

/// Icons and a word on a dark ground, `align`ed to `at`, at most `width` points wide.
pub(in crate::ui) fn pill(ui: &Ui, at: Pos2, align: Align2, text: &str, marks: &[(&str, Color32)], width: f32) {
    let colours = theme::palette(ui.ctx());
    let icons_width = marks.len() as f32 * 20.0;
    let words = line(ui, text, FontId::new(13.0, theme::medium()), width - icons_width - 20.0);
    let size = vec2((words.size().x + icons_width + 18.0).min(width), PILL);
    let rect = align.anchor_size(at, size);
    ui.painter().rect_filled(rect, CornerRadius::same(PILL as u8 / 2), colours.scrim);
    let mut left = rect.left() + 9.0;
    for (icon, colour) in marks {
        let centre = pos2(left + 7.0, rect.center().y);
        ui.painter().text(centre, Align2::CENTER_CENTER, icon, icons::font(15.0), *colour);
        left += 20.0;
    }
    let pos = pos2(left, rect.center().y - words.size().y / 2.0);
    ui.painter().galley(pos, words, colours.on_tile);
}

/// What is in the way, at the upper right of a picture: a word where at least it finds room, and its sign alone where `taken`
/// points at the left leave none.
pub(in crate::ui) fn trouble_ui(ui: &Ui, picture: Rect, taken: f32, word: &str, mark: (&str, Color32)) {
    const WORD: f32 = 112.0;
    let room = picture.width() - 2.0 * INSET - taken;
    let word = if taken > 0.0 && room < WORD { "" } else { word };
    pill(ui, picture.right_top() + vec2(-INSET, INSET), Align2::RIGHT_TOP, word, &[mark], room);
}

/// In a picture's place: an icon, what is, and what to do.
pub(in crate::ui) fn words_ui(ui: &Ui, picture: Rect, icon: &str, what: &str, remedy: &str) {
    let colours = theme::palette(ui.ctx());
    let room = picture.width() - 2.0 * theme::space::L;
    let what = line(ui, what, Type::Strong.font(), room);
    let remedy = ui.painter().layout(remedy.to_owned(), Type::Small.font(), colours.weak_on_tile, room);
    let gap = theme::space::S;
    let height = 40.0 + gap + what.size().y + 4.0 + remedy.size().y;
    let middle = picture.center().x;
    let mut top = picture.center().y - height / 2.0;
    let font = icons::font(36.0);
    ui.painter().text(pos2(middle, top + 20.0), Align2::CENTER_CENTER, icon, font, colours.weak_on_tile);
    top += 40.0 + gap;
    ui.painter().galley(pos2(middle - what.size().x / 2.0, top), what.clone(), colours.on_tile);
    top += what.size().y + 4.0;
    ui.painter().galley(pos2(middle - remedy.size().x / 2.0, top), remedy, colours.weak_on_tile);
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        let cases = [
            ("Ada", "A"),
            ("ben okafor", "BO"),
            ("Emi 田中", "E田"),
            ("Ana Maria de la Cruz", "AC"),
            ("", "?"),
            ("  - ", "?"),
        ];
        for (name, wanted) in cases {
            assert_eq!(initials(name), wanted, "{name}");
        }
    }
}
