//! Carries out what the user asked.

use std::io;
use std::path::PathBuf;

use eframe::egui;

use super::app::App;
use super::desk::Order;
use super::model::{Action, Choice, Drill, Entry, Format, Hosting, NoticeKind, What};
use super::options::{self, chosen};
use super::room::{Place, host_of};
use super::{export, theme};
use crate::call::manifest::Source;
use crate::call::state::{Phase, Relays};
use crate::call::{self, Command, manifest};
use crate::clock;
use crate::crypto::invite::Invite;
use crate::election;
use crate::media::Device;
use crate::proto::manifest::Manifest;
use crate::settings::Settings;

/// A name for who typed none.
const GUEST: &str = "guest";

impl App {
    pub(super) fn carry_out(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Name(name) => {
                self.model.settings.name = name;
                self.save_soon();
            }
            Action::Room(text) => self.read_room(text),
            Action::Consent(yes) => self.consent(yes),
            Action::Join => self.join(),
            Action::Host => {
                self.model.hosting = Hosting::Starting;
                self.desk.order(Order::Host(self.model.settings.name.clone()));
            }
            Action::StopHosting => {
                self.model.hosting = Hosting::No;
                self.hosted_relay = None;
                self.desk.order(Order::StopHosting);
                self.read_room(String::new());
            }
            Action::Mute(muted) => {
                self.model.settings.muted = muted;
                self.save_soon();
                self.command(Command::Mute(muted));
            }
            Action::Camera(on) => {
                self.model.settings.camera_off = !on;
                self.save_soon();
                self.command(Command::Camera(on));
            }
            Action::Pick(device, choice) => self.pick(device, choice),
            Action::TestSound => self.command(Command::TestSound),
            Action::RaceAgain => {
                let sources = self.raced();
                self.command(Command::Relays(sources));
            }
            Action::Leave => self.leave(),
            Action::Elect(command, lasts) => {
                self.note(&command, lasts);
                self.command(Command::Elect { command, lasts });
            }
            Action::StopWishes => {
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
            Action::Export(format) => self.export(format),
            Action::Settings(settings) => self.change(ctx, *settings),
            Action::Dismiss(id) => self.model.toasts.retain(|toast| toast.id != id),
        }
    }

    fn command(&self, command: Command) {
        self.desk.order(Order::Call(command));
    }

    /// Reads the room's box anew; races other relays where it names others.
    pub(super) fn read_room(&mut self, text: String) {
        let room = &mut self.model.room;
        let place = Place::read(&text);
        (room.text, room.name, room.error, room.invite, room.consent) = (text, None, None, None, None);
        match place {
            Ok(Some(place)) => {
                room.name = Some(place.room.clone());
                room.invite.clone_from(&place.invite);
                let strangers = place.strangers(&self.trusted());
                if !strangers.is_empty() {
                    self.model.room.consent = Some(strangers);
                }
            }
            Ok(None) => {}
            Err(error) => room.error = Some(error),
        }
        self.race();
    }

    /// Hosts that may be contacted because of a link.
    fn trusted(&self) -> Vec<String> {
        let listed = self.model.settings.manifests.iter().filter_map(|manifest| host_of(manifest));
        listed.chain(self.agreed.iter().cloned()).collect()
    }

    fn consent(&mut self, yes: bool) {
        let Some(hosts) = self.model.room.consent.take() else { return };
        if yes {
            self.agreed.extend(hosts);
            self.race();
        } else {
            self.read_room(String::new());
        }
    }

    /// The lists of relays that the settings and the room's box name.
    fn raced(&self) -> Vec<Source> {
        let place = Place::read(&self.model.room.text).ok().flatten();
        let place = place.filter(|_| self.model.room.consent.is_none());
        let mut sources = self.hosted_relay.iter().cloned().map(Source::Given).collect::<Vec<_>>();
        sources.extend(place.map(|place| place.sources()).unwrap_or_default());
        sources.extend(options::listed(&self.model.settings));
        sources.extend(self.options.manifests.iter().cloned());
        sources
    }

    /// Races the relays that are named now, unless they are raced already.
    fn race(&mut self) {
        let sources = self.raced();
        if self.in_lobby() && sources != self.sources {
            self.sources.clone_from(&sources);
            self.model.race = None;
            self.command(Command::Relays(sources));
        }
    }

    /// A relay runs here: its invite goes into the room's box.
    pub(super) fn memory_of_host(&mut self, invite: &str, manifest: Manifest) {
        self.hosted_relay = Some(manifest);
        let at = Place::read(invite).ok().flatten().map(|place| place.at).unwrap_or_default();
        self.agreed.extend(at);
        if self.in_lobby() {
            self.read_room(invite.to_owned());
        }
    }

    fn join(&mut self) {
        let name = match self.model.settings.name.trim() {
            "" => GUEST.to_owned(),
            name => name.to_owned(),
        };
        let entry = match (self.options.entry.clone(), Place::read(&self.model.room.text)) {
            (Some(entry), _) => call::Entry { name, ..entry },
            (None, Ok(Some(place))) if self.model.room.consent.is_none() => place.entry(&name),
            _ => return,
        };
        let at = self.model.wall.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.model.settings.remember(&entry.room, at);
        self.save_soon();
        self.model.timeline.clear();
        self.model.room.name = Some(entry.room.clone());
        if self.model.room.invite.is_none() {
            self.model.room.invite = self.invite_to(&entry);
        }
        self.command(Command::Join(Box::new(entry)));
    }

    /// A link that leads others to the room, over the relays that are raced.
    fn invite_to(&self, entry: &call::Entry) -> Option<String> {
        let state = self.model.call.as_ref()?;
        let (at, pins) = manifest::addresses(&state.manifest);
        let (room, secret) = (entry.room.clone(), entry.secret.clone());
        Invite { room, at, secret, pins, grant: None }.to_link().ok()
    }

    /// As if Join were pressed, once, as soon as there is something to join over.
    pub(super) fn join_when_possible(&mut self) {
        let ready = self.model.call.as_ref().is_some_and(|state| {
            state.phase == Phase::Lobby && state.relays == Relays::Known && state.race.leader.is_some()
        });
        if self.options.join && ready {
            self.options.join = false;
            self.join();
        }
    }

    fn leave(&mut self) {
        self.model.room.consent = None;
        let sources = self.raced();
        let mut config = self.options.config(&self.model.settings, Vec::new());
        config.sources.clone_from(&sources);
        self.sources = sources;
        self.model.race = None;
        self.desk.order(Order::Leave(Box::new(config)));
    }

    fn pick(&mut self, device: Device, choice: Option<Choice>) {
        let choice = chosen(choice);
        let command = match device {
            Device::Microphone => Command::Microphone(options::microphone(choice.as_ref())),
            Device::Speaker => Command::Speaker(options::speaker(choice.as_ref())),
            Device::Camera => Command::Pictures(options::camera(choice.as_ref())),
        };
        let settings = &mut self.model.settings;
        match device {
            Device::Microphone => settings.microphone = choice,
            Device::Speaker => settings.speaker = choice,
            Device::Camera => settings.camera = choice,
        }
        self.save_soon();
        self.command(command);
    }

    fn change(&mut self, ctx: &egui::Context, settings: Settings) {
        let before = std::mem::replace(&mut self.model.settings, settings.in_range());
        let now = self.model.settings.clone();
        if before.look != now.look {
            theme::set(ctx, now.look);
        }
        if before.zoom != now.zoom {
            ctx.set_zoom_factor(now.zoom);
        }
        self.race();
        self.save_soon();
    }

    fn save_soon(&mut self) {
        self.save_at = Some(self.model.now + super::app::SAVE);
    }

    pub(super) fn save(&mut self) {
        self.save_at = None;
        if let Err(error) = self.store.save(&self.model.settings) {
            self.toast(NoticeKind::Danger, error.to_string());
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

    fn export(&mut self, format: Format) {
        let (text, ending) = match format {
            Format::Json => (export::json(&self.model), "json"),
            Format::Csv => (export::csv(&self.model), "csv"),
        };
        match write_export(&text, ending, self.model.wall) {
            Ok(path) => self.toast(NoticeKind::Good, format!("Exported to {}", path.display())),
            Err(error) => self.toast(
                NoticeKind::Danger,
                format!("Not exported: {error}. Make room or give access, or copy it as text instead."),
            ),
        }
    }
}

/// Writes an export where downloads go, under a name that is not taken.
fn write_export(text: &str, ending: &str, at: std::time::SystemTime) -> io::Result<PathBuf> {
    let folders = directories::UserDirs::new();
    let folder = folders.as_ref().and_then(|dirs| dirs.download_dir().or(Some(dirs.home_dir())));
    let folder = folder.map_or_else(std::env::temp_dir, |folder| folder.to_owned());
    std::fs::create_dir_all(&folder)?;
    let stamp = humantime::format_rfc3339_seconds(at).to_string().replace(':', "-");
    for n in 0..100 {
        let again = if n == 0 { String::new() } else { format!("-{n}") };
        let path = folder.join(format!("nearcall-regions-{stamp}{again}.{ending}"));
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                let written = io::Write::write_all(&mut file, text.as_bytes()).and_then(|()| file.sync_all());
                if written.is_err() {
                    // Half of an export misleads.
                    let _ = std::fs::remove_file(&path);
                }
                return written.map(|()| path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
