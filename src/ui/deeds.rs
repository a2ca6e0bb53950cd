//! Carries out what the user asked.

mod export;
mod room;

use eframe::egui;

pub use self::export::Exporting;
use super::app::App;
use super::desk::Order;
use super::model::{Action, Choice, Drill, Entry, Hosting, NoticeKind, What};
use super::options::{self, chosen};
use crate::call::Command;
use crate::clock;
use crate::election;
use crate::media::Device;
use crate::settings::Settings;
use crate::telemetry::history;

impl App {
    pub(super) fn carry_out(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Name(name) => {
                (self.options.name, self.model.given_name) = (None, None);
                self.model.settings.name = name;
                self.save_soon();
            }
            Action::Room(text) if self.in_lobby() => self.read_room(text),
            Action::Consent(yes) if self.in_lobby() => self.consent(yes),
            // A room that is being joined stays the one that it is.
            Action::Room(_) | Action::Consent(_) => {}
            Action::Offered(yes) => self.answer_offer(yes),
            Action::Again(room) => self.again(&room),
            Action::Forget(room) => self.forget_room(room.as_ref()),
            Action::RememberRooms(yes) => self.remember_rooms(yes),
            Action::Join => drop(self.join()),
            Action::Host => {
                self.model.hosting = Hosting::Starting;
                self.desk.order(Order::Host);
            }
            Action::StopHosting => self.stop_hosting(),
            Action::Mute(muted) => {
                self.model.settings.muted = muted;
                self.save_soon();
                self.command(Command::Mute(muted));
            }
            Action::Talk(talking) => self.command(Command::Talk(talking)),
            Action::Volume(peer, volume) => self.command(Command::Volume { peer, volume }),
            Action::Camera(on) => {
                self.model.settings.camera_off = !on;
                self.save_soon();
                self.command(Command::Camera(on));
            }
            Action::Deafen(on) => self.command(Command::Deafen(on)),
            Action::Retry => self.command(Command::Retry),
            Action::ListScreens => {
                self.model.screens = None;
                self.desk.order(Order::ListScreens);
            }
            Action::Share(source) => self.command(Command::Share(source)),
            Action::Pick(device, choice) => self.pick(device, choice),
            Action::TestSound => self.command(Command::TestSound),
            Action::Chat(text) => self.command(Command::Chat(text)),
            Action::React(reaction) => self.command(Command::React(reaction)),
            Action::Hand(up) => self.command(Command::Hand(up)),
            Action::LowerHands(whose) => self.command(Command::LowerHands(whose)),
            Action::Moderate(order) => self.command(Command::Moderate(order)),
            Action::RaceAgain => {
                self.model.race = None;
                let sources = self.raced();
                self.command(Command::Relays(sources));
            }
            Action::Leave => self.leave(),
            Action::Elect(command, lasts) => {
                if matches!(command, election::Command::Pin(_)) {
                    self.options.pin = None;
                }
                self.note(&command, lasts);
                self.command(Command::Elect { command, lasts });
            }
            Action::StopWishes => {
                self.options.pin = None;
                self.command(Command::EndWishes);
                self.drilled("You ended every pin and block".into());
            }
            Action::Drill(region, drill) => {
                self.drilled(match drill {
                    Drill::Kill => format!("You killed {region}"),
                    Drill::Drain => format!("You drained {region}"),
                    Drill::Degrade => format!("You slowed {region} down"),
                    Drill::Revive => format!("You brought {region} back"),
                });
                self.desk.order(Order::Drill(region, drill));
            }
            Action::Copy { text, said } => {
                ctx.copy_text(text);
                self.toast(NoticeKind::Good, said.into());
            }
            Action::Export(format) => self.export(ctx, format),
            Action::Settings(settings) => self.change(ctx, *settings),
            Action::ClearHistory => self.clear_history(),
            Action::Dismiss(id) => self.model.toasts.retain(|toast| toast.id != id),
        }
    }

    pub(super) fn command(&self, command: Command) {
        self.desk.order(Order::Call(command));
    }

    fn pick(&mut self, device: Device, choice: Option<Choice>) {
        let choice = chosen(choice);
        let command = match device {
            Device::Microphone => Command::Microphone(options::microphone(choice.as_ref())),
            Device::Speaker => Command::Speaker(options::speaker(choice.as_ref())),
            Device::Camera => Command::Pictures(options::camera(choice.as_ref())),
        };
        // What is picked by hand weighs more than a flag, also at the next call.
        let (settings, options) = (&mut self.model.settings, &mut self.options);
        match device {
            Device::Microphone => (settings.microphone, options.audio) = (choice, None),
            Device::Speaker => (settings.speaker, options.play) = (choice, None),
            Device::Camera => (settings.camera, options.video) = (choice, None),
        }
        self.save_soon();
        self.command(command);
    }

    fn change(&mut self, ctx: &egui::Context, settings: Settings) {
        let before = std::mem::replace(&mut self.model.settings, settings.in_range());
        let now = self.model.settings.clone();
        if before.zoom != now.zoom {
            ctx.set_zoom_factor(now.zoom);
        }
        if options::processing(&before) != options::processing(&now) {
            self.command(Command::Processing(options::processing(&now)));
        }
        if before.pin != now.pin {
            // What is chosen by hand weighs more than a flag.
            self.options.pin = None;
            let command = election::Command::Pin(now.pin);
            self.note(&command, None);
            self.command(Command::Elect { command, lasts: None });
        }
        self.race();
        self.save_soon();
    }

    fn clear_history(&mut self) {
        let cleared = history::folder_of_user().map_or(Ok(0), |folder| history::clear(&folder));
        match cleared {
            Ok(_) => self.toast(NoticeKind::Good, "The measurements are cleared".into()),
            Err(error) => self.toast(NoticeKind::Danger, format!("The measurements are still there: {error}")),
        }
    }

    pub(super) fn save_soon(&mut self) {
        self.save_at = Some(self.model.now + super::app::SAVE);
    }

    pub(super) fn save(&mut self) {
        self.save_at = None;
        if self.rooms_unsaved {
            self.rooms_unsaved = !self.saver.save_rooms(&self.model.rooms);
        }
        if !self.saver.save(&self.model.settings) || self.rooms_unsaved {
            self.save_soon();
        }
    }

    fn note(&mut self, command: &election::Command, lasts: Option<std::time::Duration>) {
        let time = lasts.map(|lasts| format!(" for {} s", lasts.as_secs())).unwrap_or_default();
        self.drilled(match command {
            election::Command::Pin(Some(name)) => format!("You pinned {name}{time}"),
            election::Command::Pin(None) => "You ended the pin".into(),
            election::Command::Force(name) => format!("You asked to move to {name}"),
            election::Command::Block(name) => format!("You blocked {name}{time}"),
            election::Command::Unblock(name) => format!("You ended the block of {name}"),
        });
    }

    fn drilled(&mut self, what: String) {
        self.model.timeline.push(Entry { at: clock::wall(), what: What::Drill(what) });
    }
}
