//! The chat at the right: what was said, and a box to say something. Its button among the tools, and what a screen reader hears of it.
//!
//! A draft is kept while the drawer is closed. Nothing that was said is kept after the call.

use eframe::egui::{
    Color32, CornerRadius, Event, FontId, Id, Key, KeyboardShortcut, Label, Margin, Modifiers, Rect, Role, ScrollArea,
    Sense, TextEdit, Ui, Vec2, WidgetInfo, accesskit, pos2, vec2,
};

use super::{Drawer, face, within};
use crate::call::conversation::{Conversation, Delivery, Line};
use crate::call::state::State;
use crate::ui::links::{self, Piece};
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, regions, widgets};
use widgets::{Tone, round_toggle};

/// Letters of a line: whatever their script, they fit what is sent.
const LETTERS: usize = 2000;
/// Letters that are left are told from here on.
const NEAR: usize = 200;
/// Lines that are drawn at first, and more at each wish: an old conversation costs no drawing.
const SHOWN: usize = 100;
/// Rows of the box before it scrolls.
const ROWS: usize = 6;
/// The next line of the same person stands under the same name for so long, s.
const TOGETHER: u64 = 180;
/// Ours is told to be on its way after so long, ms: most are there before.
const SLOW_MS: u128 = 1500;
/// Letters of a line that a screen reader is told by itself.
const SAID: usize = 200;

/// What the chat remembers from frame to frame.
#[derive(Debug, Default)]
pub(in crate::ui) struct Memory {
    draft: String,
    /// The serial of the newest line that was seen.
    seen: u64,
    /// The same of what the screen reader was told, and that.
    told: u64,
    said: String,
    /// How many lines more than [`SHOWN`] are drawn.
    more: usize,
    /// What was typed behind the Enter that sent a line, for the next frame.
    later: Vec<Event>,
    /// The box takes the keyboard.
    pub focus: bool,
}

impl Memory {
    /// Lines of others that nobody has looked at.
    pub fn unread(&self, talk: &Conversation) -> usize {
        talk.lines.iter().rev().take_while(|line| line.serial > self.seen).filter(|line| !line.me).count()
    }

    /// Takes in what came, once a frame. `open`: the chat is looked at.
    pub fn take_in(&mut self, talk: &Conversation, open: bool) {
        let newest = talk.newest();
        if newest < self.seen.max(self.told) {
            // Another call.
            (self.seen, self.told, self.more) = (0, 0, 0);
            self.said.clear();
        }
        if open {
            self.seen = newest;
        }
        let news = talk.lines.iter().rev().take_while(|line| line.serial > self.told).filter(|line| !line.me);
        if let Some(line) = news.last() {
            let more = talk.lines.iter().filter(|other| other.serial > line.serial && !other.me).count();
            let text: String = line.text.chars().take(SAID).collect();
            self.said = match more {
                0 => format!("{} says: {text}", line.name),
                more => format!("{} says: {text}. {more} more in the chat.", line.name),
            };
        }
        self.told = newest;
    }
}

/// The button among the tools, with the number of lines that nobody has looked at.
pub(super) fn button_ui(ui: &mut Ui, talk: &Conversation, memory: &mut super::Memory) {
    let open = memory.drawer == Some(Drawer::Chat);
    let unread = memory.chat.unread(talk);
    let label = match unread {
        0 => "Chat".to_owned(),
        1 => "Chat: 1 unread line".to_owned(),
        some => format!("Chat: {some} unread lines"),
    };
    let tone = if open { Tone::Active } else { Tone::Plain };
    let button = round_toggle(ui, icons::CHAT, &label, "C", tone, open);
    if unread > 0 {
        badge(ui, button.rect, unread);
    }
    if button.clicked() {
        memory.toggle(Drawer::Chat);
    }
}

fn badge(ui: &Ui, button: Rect, count: usize) {
    let colours = theme::palette(ui.ctx());
    let words = if count > 99 { "99+".to_owned() } else { count.to_string() };
    let words = face::line(ui, &words, FontId::new(11.0, theme::strong_figures()), 40.0);
    let size = vec2((words.size().x + 10.0).max(18.0), 18.0);
    let rect = Rect::from_center_size(pos2(button.right() - 6.0, button.top() + 5.0), size);
    ui.painter().rect_filled(rect.expand(2.0), CornerRadius::same(11), colours.ground);
    ui.painter().rect_filled(rect, CornerRadius::same(9), colours.danger);
    ui.painter().galley(rect.center() - words.size() / 2.0, words, colours.on_danger);
}

/// What came, for who cannot see it: said once, whether the chat is open or not.
pub(super) fn announce_ui(ui: &Ui, memory: &Memory) {
    if memory.said.is_empty() {
        return;
    }
    let place = Rect::from_center_size(ui.max_rect().center_bottom(), Vec2::ZERO);
    let response = ui.interact(place, ui.scope_id().with("said in the chat"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &memory.said));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(accesskit::Live::Polite);
        node.set_value(memory.said.as_str());
    });
}

/// Draws the lines and the box in the whole of `ui`.
pub(super) fn panel_ui(ui: &mut Ui, model: &Model, state: &State, memory: &mut Memory, actions: &mut Vec<Action>) {
    let whole = ui.available_rect_before_wrap();
    let height = composer_height(ui, whole.width(), &memory.draft);
    let (lines, composer) = whole.split_top_bottom_at_y((whole.bottom() - height).max(whole.top()));
    within(ui, "lines", lines.with_max_y(lines.bottom() - space::S), |ui| {
        if state.conversation.lines.is_empty() {
            empty_ui(ui);
        } else {
            lines_ui(ui, model, &state.conversation, &mut memory.more);
        }
    });
    within(ui, "composer", composer, |ui| composer_ui(ui, memory, actions));
}

fn empty_ui(ui: &mut Ui) {
    let colours = theme::palette(ui.ctx());
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).min(140.0));
        ui.label(icons::text(icons::CHAT, 36.0).color(colours.weak));
        ui.label(Type::Strong.text("Nothing was said yet"));
        let words = "Only the people in this call can read it, and it is gone with the call. Who joins later does not see \
                     what was said before.";
        ui.add(Label::new(theme::note(ui.ctx(), words)).wrap());
    });
}

fn lines_ui(ui: &mut Ui, model: &Model, talk: &Conversation, more: &mut usize) {
    let zero = regions::call_start(model);
    let drawn = talk.lines.len().min(SHOWN + *more);
    let earlier = talk.lines.len() - drawn;
    ScrollArea::vertical().id_salt("chat").auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if earlier > 0 && widgets::quiet_icon(ui, icons::CHEVRON_UP, "Earlier lines").clicked() {
            *more += SHOWN;
        }
        let mut before: Option<&Line> = None;
        for line in &talk.lines[earlier..] {
            if !before.is_some_and(|before| goes_on(before, line)) {
                ui.add_space(if before.is_some() { space::M } else { 0.0 });
                head_ui(ui, line, &regions::call_time(line.at, zero));
            }
            ui.push_id(line.serial, |ui| line_ui(ui, model, line));
            before = Some(line);
        }
        // What stands lowest does not touch the box.
        ui.add_space(space::XS);
    });
}

/// Whether a line stands under the same name as the one before.
fn goes_on(before: &Line, line: &Line) -> bool {
    let soon = line.at.duration_since(before.at).is_ok_and(|after| after.as_secs() < TOGETHER);
    soon && before.from == line.from && before.name == line.name
}

fn head_ui(ui: &mut Ui, line: &Line, time: &str) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let name = if line.me { "You" } else { line.name.as_str() };
        let most = (ui.available_width() - 60.0).max(40.0);
        ui.scope(|ui| {
            ui.set_max_width(most);
            ui.add(Label::new(Type::Strong.text(name)).truncate());
        });
        let time = ui.label(theme::figure(time).color(theme::palette(ui.ctx()).weak));
        time.on_hover_text("Time in the call");
    });
}

fn line_ui(ui: &mut Ui, model: &Model, line: &Line) {
    let colours = theme::palette(ui.ctx());
    for row in line.text.split('\n') {
        if row.trim().is_empty() {
            ui.add_space(Type::Body.font().size * 0.6);
            continue;
        }
        let pieces = links::pieces(row);
        if let [Piece::Text(text)] = pieces[..] {
            ui.add(Label::new(Type::Body.text(text)).wrap().selectable(true));
            continue;
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            for piece in pieces {
                match piece {
                    Piece::Text(text) => drop(ui.add(Label::new(Type::Body.text(text)).wrap().selectable(true))),
                    Piece::Link { shown, url } => link_ui(ui, shown, &url),
                }
            }
        });
    }
    let slow = || model.wall.duration_since(line.at).is_ok_and(|since| since.as_millis() >= SLOW_MS);
    let (words, colour) = match line.delivery {
        Delivery::Done => return,
        Delivery::Sending if !slow() => {
            let rest = std::time::Duration::from_millis(SLOW_MS as u64);
            return ui.ctx().request_repaint_after(rest);
        }
        Delivery::Sending => ("On its way: not everybody has it yet".to_owned(), colours.weak),
        Delivery::Missed(1) => ("One person did not get this".to_owned(), colours.fair),
        Delivery::Missed(some) => (format!("{some} people did not get this"), colours.fair),
    };
    ui.label(Type::Small.text(words).color(colour));
}

fn link_ui(ui: &mut Ui, shown: &str, url: &str) {
    let colour = theme::palette(ui.ctx()).accent_text;
    let link = ui.add(eframe::egui::Link::new(Type::Body.text(shown).color(colour).underline()));
    if link.clicked() {
        ui.ctx().open_url(eframe::egui::OpenUrl::new_tab(url));
    }
    link.on_hover_text(url);
}

/// What lies around the words in the box, and at its right, points.
const MARGIN: Vec2 = vec2(10.0, 8.0);
const SEND: f32 = theme::CONTROL;

/// As high as its rows, and a row of what is to be known of it.
fn composer_height(ui: &Ui, width: f32, draft: &str) -> f32 {
    let font = Type::Body.font();
    let room = width - SEND - space::S - 2.0 * MARGIN.x;
    let galley = ui.painter().layout(draft.to_owned(), font, Color32::PLACEHOLDER, room.max(40.0));
    let row = galley.size().y / galley.rows.len().max(1) as f32;
    let rows = galley.rows.len().clamp(1, ROWS) as f32;
    let note = if left(draft) < NEAR { 20.0 } else { 0.0 };
    (rows * row + 2.0 * MARGIN.y).max(theme::CONTROL) + note
}

fn left(draft: &str) -> usize {
    LETTERS.saturating_sub(draft.chars().count())
}

fn composer_ui(ui: &mut Ui, memory: &mut Memory, actions: &mut Vec<Action>) {
    let whole = ui.max_rect();
    let rest = left(&memory.draft);
    let note = if rest < NEAR { 20.0 } else { 0.0 };
    let (row, below) = whole.split_top_bottom_at_y(whole.bottom() - note);
    let (text, send) = row.split_left_right_at_x(row.right() - SEND - space::S);
    let id = ui.scope_id().with("a line of chat");
    let mut sends = enter(ui, id, &mut memory.later);
    within(ui, "text", text, |ui| {
        let height = text.height();
        ScrollArea::vertical().id_salt("draft").max_height(height).min_scrolled_height(height).show(ui, |ui| {
            let edit = TextEdit::multiline(&mut memory.draft)
                .id(id)
                .hint_text("Say something to everybody")
                .font(Type::Body.font())
                .margin(Margin::symmetric(MARGIN.x as i8, MARGIN.y as i8))
                .desired_rows(1)
                .desired_width(f32::INFINITY)
                .char_limit(LETTERS)
                // Enter alone sends.
                .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
            let response = ui.add(edit);
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Your line of chat"));
            if std::mem::take(&mut memory.focus) {
                response.request_focus();
            }
        });
    });
    let place = Rect::from_min_size(pos2(send.right() - SEND, row.bottom() - SEND), Vec2::splat(SEND));
    within(ui, "send", place, |ui| {
        ui.add_enabled_ui(!memory.draft.trim().is_empty(), |ui| {
            if widgets::icon_button(ui, icons::ARROW_UP, "Send").clicked() {
                (sends, memory.focus) = (true, true);
            }
        });
    });
    if note > 0.0 {
        within(ui, "left", below.with_min_x(below.left() + MARGIN.x), |ui| {
            ui.label(theme::note(ui.ctx(), format!("{rest} letters left")));
        });
    }
    if sends && !memory.draft.trim().is_empty() {
        actions.push(Action::Chat(std::mem::take(&mut memory.draft)));
    }
}

/// Whether Enter was pressed alone in the box. What was typed behind it within the same frame belongs to the next line: it waits in
/// `later` for the next frame. A slow machine draws few frames, and a fast hand does not wait for them.
fn enter(ui: &Ui, id: Id, later: &mut Vec<Event>) -> bool {
    if !ui.memory(|memory| memory.has_focus(id)) {
        later.clear();
        return false;
    }
    let is_typing =
        |event: &Event| matches!(event, Event::Key { .. } | Event::Text(_) | Event::Paste(_) | Event::Ime(_));
    let sends = |event: &Event| match event {
        Event::Key { key: Key::Enter, pressed: true, modifiers, .. } => modifiers.is_none(),
        _ => false,
    };
    let pressed = ui.input_mut(|input| {
        input.events.splice(0..0, later.drain(..));
        let at = input.events.iter().position(sends)?;
        let behind = input.events.split_off(at + 1);
        let (typed, others): (Vec<_>, Vec<_>) = behind.into_iter().partition(is_typing);
        input.events.extend(others);
        *later = typed;
        Some(())
    });
    if !later.is_empty() {
        ui.ctx().request_repaint();
    }
    pressed.is_some()
}

#[cfg(test)]
mod tests;
