//! Carries out what the user asks.

use super::super::command::{Command, Entry, Talking};
use super::super::event::Event;
use super::super::state::{DeviceState, Relays, Sharing};
use super::super::wishes::until;
use super::{Controller, view};
use crate::clock;
use crate::election::{self, Candidate, Input};
use crate::media::Device;
use crate::media::video::VideoConfig;
use crate::proto::Track;

impl Controller {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Relays(sources) => {
                if self.membership.is_none() {
                    self.relays = if sources.is_empty() { Relays::None } else { Relays::Loading };
                    self.config.sources = sources;
                    self.manifest = Default::default();
                    self.race_anew(Vec::new());
                    self.follow_manifest();
                }
            }
            Command::Join(entry) => self.join(*entry),
            Command::Elect { command, lasts } => self.elect(command, lasts),
            Command::EndWishes => {
                for command in self.wishes.all() {
                    self.elect(command, None);
                }
            }
            Command::Mute(muted) => {
                if muted || self.may_send(Track::Microphone) {
                    self.set_muted(muted);
                    self.heed_mute(muted);
                }
            }
            Command::Deafen(on) => self.set_deaf(on),
            Command::Retry => self.feed(Input::Retry),
            Command::Talk(talking) => self.push_to_talk(talking),
            Command::Volume { peer, volume } => self.subscriber.set_volume(peer, volume),
            Command::Camera(on) => {
                if !on || self.may_send(Track::Camera) {
                    self.switch_camera(on);
                }
            }
            Command::Share(source) => self.set_share(source),
            Command::Microphone(source) => {
                self.config.audio = source;
                if let Some(before) = self.microphone.take() {
                    before.stop_later();
                }
                if self.membership.is_none() || self.entered.is_some() {
                    self.start_audio();
                }
            }
            Command::Pictures(source) => {
                let codec = self.config.video_config.codec;
                self.config.video_config = VideoConfig { codec, ..VideoConfig::of(&source) };
                self.config.video = source;
                if self.camera.is_some() {
                    self.stop_video();
                    self.start_video();
                }
            }
            Command::Speaker(output) => {
                if output != self.config.play {
                    self.config.play = output.clone();
                    self.devices.insert(Device::Speaker, DeviceState::Opening);
                    if let Err(error) = self.subscriber.mixer().set_output(output) {
                        self.tell(Event::Error { message: error.to_string() });
                    }
                }
            }
            Command::Processing(switches) => {
                self.config.processing = switches;
                if let Some(microphone) = &self.microphone {
                    microphone.set_cleaning(switches);
                }
            }
            Command::View(shown) => {
                if self.views.set(&shown) {
                    self.subscriber.hide(|peer| self.views.is_hidden(peer));
                    self.ask_again();
                }
            }
            Command::TestSound => self.subscriber.mixer().play_test(),
            Command::Sound(sound) => self.subscriber.mixer().play(sound),
            Command::Chat(text) => self.chat(&text),
            Command::React(reaction) => self.react(reaction),
            Command::Hand(up) => self.raise_hand(up),
            Command::LowerHands(whose) => self.lower_hands(whose),
            Command::Moderate(order) => self.moderate(order),
            Command::Leave => {}
        }
        self.show(clock::now());
    }

    /// Says anew what is wanted, on every link that carries the call.
    pub(super) fn ask_again(&mut self) {
        let (wishes, resume) = (self.views.wishes(self.roster.order()), self.subscriber.resume());
        self.sessions.values_mut().for_each(|session| session.ask_again(wishes.clone(), resume.clone()));
    }

    fn join(&mut self, entry: Entry) {
        if self.membership.is_some() {
            return;
        }
        if let Err(error) = self.become_member(entry) {
            return self.tell(Event::Error { message: error.to_string() });
        }
        if self.elector.leader().is_some() {
            self.join_at.get_or_insert(clock::now());
        }
        self.feed(Input::Join);
    }

    /// A wish, which ends by itself after a while where that is asked.
    pub(super) fn elect(&mut self, command: election::Command, lasts: Option<std::time::Duration>) {
        self.wishes.take(&command, until(clock::now(), lasts));
        self.feed(Input::Command(command));
    }

    /// Closes every link and starts over: nobody has joined.
    pub(super) fn race_anew(&mut self, candidates: Vec<Candidate>) {
        self.dials = Default::default();
        for (_, session) in std::mem::take(&mut self.sessions) {
            tokio::spawn(async move { session.sender.close_gracefully("other relays").await });
        }
        self.journal.anew();
        let last_winner = super::last_winner(self.winners.as_mut(), &candidates);
        self.elector.race_anew(clock::now(), candidates, last_winner);
        if self.membership.is_some() {
            self.feed(Input::Join);
        }
        self.drain();
    }

    /// Opens the microphone while a key is held. Whoever is not muted does not need it.
    fn push_to_talk(&mut self, talking: Talking) {
        let open = self.talk.is_open();
        match talking {
            Talking::Ends if open => self.set_muted(true),
            Talking::GoesOn if open => self.talk.hold(clock::now()),
            // Nobody talks whom no answer reaches.
            Talking::Starts if self.deaf.is_on() => {}
            Talking::Starts if self.muted && self.entered.is_some() && self.may_send(Track::Microphone) => {
                self.set_muted(false);
                self.talk.hold(clock::now());
            }
            _ => {}
        }
    }

    pub(super) fn set_muted(&mut self, muted: bool) {
        self.talk.end();
        self.deaf.forget_microphone();
        self.muted = muted;
        if let Some(microphone) = &self.microphone {
            microphone.mute(muted);
        }
        self.announce();
    }

    pub(super) fn switch_camera(&mut self, on: bool) {
        self.camera_off = !on;
        if on {
            self.start_video();
        } else {
            self.stop_video();
        }
        self.announce();
    }

    fn stop_video(&mut self) {
        if let Some(camera) = self.camera.take() {
            camera.stop_later();
        }
        self.devices.insert(Device::Camera, DeviceState::Off);
    }

    /// Says on every link what the others should see of us.
    pub(super) fn announce(&mut self) {
        let Some(membership) = &mut self.membership else { return };
        let sharing = matches!(self.sharing, Sharing::Of(_));
        match membership.show(self.muted, self.camera_off, sharing) {
            Ok(true) => self.sessions.values().for_each(|session| session.say_again(&membership.identity)),
            Ok(false) => {}
            Err(error) => self.tell(Event::Error { message: error.to_string() }),
        }
    }

    /// Puts up a new snapshot, if somebody looks and it differs from the last one.
    pub(super) fn show(&mut self, now: std::time::Instant) {
        if self.shown.receiver_count() == 0 {
            return;
        }
        let state = view::of(self, now);
        self.shown.send_if_modified(|shown| {
            let differs = **shown != state;
            if differs {
                *shown = std::sync::Arc::new(state);
            }
            differs
        });
    }
}
