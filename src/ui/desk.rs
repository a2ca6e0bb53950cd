//! The desk behind the window: one task that holds the call, the embedded relay and the lists of devices. The window
//! sends [`Order`]s and reads [`Word`]s; neither ever waits for the other.
//!
//! It also says when to draw: see [`super::pace`]. Never: anything that is drawn.

mod drawing;

use std::sync::Arc;
use std::time::Duration;

use eframe::egui;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::drawing::Drawing;
use super::host;
use super::model::{Choice, Devices, Drill, DrillRelay};
use crate::call::state::State;
use crate::call::{self, Call, Command, Event};
use crate::instance::{Listener, Request};
use crate::media::audio::{self, DeviceKind};
use crate::media::video::{self, Pictures};
use crate::proto::manifest::Manifest;

pub use self::drawing::Attention;

/// Devices are looked for this often while somebody may be picking one.
const LOOK: Duration = Duration::from_secs(4);

/// What the window asks.
#[derive(Debug)]
pub enum Order {
    Call(Command),
    /// Ends the call and opens the next lobby.
    Leave(Box<call::Config>),
    /// Hosts a call under this name.
    Host(String),
    StopHosting,
    Drill(String, Drill),
}

/// What the desk tells.
#[derive(Debug)]
pub enum Word {
    /// A call began, in its lobby.
    Opened {
        pictures: Pictures,
        state: watch::Receiver<Arc<State>>,
    },
    Event(Event),
    Devices(Devices),
    Asked(Request),
    Hosting(Result<Hosted, String>),
    Drills(Vec<DrillRelay>),
    /// There is no call, and why.
    Broken(String),
    /// The window is to be closed.
    Quit,
}

/// A relay that runs here.
#[derive(Debug)]
pub struct Hosted {
    pub invite: String,
    pub reach: String,
    pub manifest: Manifest,
}

/// The relays of a demo, and what may be done to them.
#[derive(Debug)]
pub struct Drills {
    pub orders: mpsc::Sender<(String, Drill)>,
    pub relays: watch::Receiver<Vec<DrillRelay>>,
}

/// What the desk hears of besides its call.
#[derive(Debug, Default)]
pub struct Ears {
    /// Other starts of the program.
    pub listener: Option<Listener>,
    pub drills: Option<Drills>,
    /// Somebody asks the process to end.
    pub interrupted: Option<mpsc::Receiver<()>>,
}

/// The window's end. Dropped, the call is left and the relay stops.
#[derive(Debug)]
pub struct Desk {
    orders: mpsc::UnboundedSender<Order>,
    words: mpsc::UnboundedReceiver<Word>,
    task: Option<JoinHandle<()>>,
    runtime: Handle,
}

impl Desk {
    /// Opens the first lobby.
    pub fn start(
        runtime: &Handle,
        ctx: egui::Context,
        attention: Arc<Attention>,
        config: call::Config,
        ears: Ears,
    ) -> Self {
        // Unbounded: orders come from a person's hand, words from events that no packet makes.
        let (orders, orders_in) = mpsc::unbounded_channel();
        let (words_out, words) = mpsc::unbounded_channel();
        let drawing = Drawing::new(ctx, attention.clone());
        let (hosting, listing, listed) = (None, None, Devices::default());
        let work = Work { words: words_out, drawing, attention, hosting, listing, listed, ears };
        let task = runtime.spawn(work.run(config, orders_in));
        Self { orders, words, task: Some(task), runtime: runtime.clone() }
    }

    pub fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the desk is closed");
        }
    }

    /// What was told since the last time.
    pub fn word(&mut self) -> Option<Word> {
        self.words.try_recv().ok()
    }

    /// Leaves the call and stops the relay; waits for both, a moment.
    pub fn close(&mut self) {
        let (orders, _) = mpsc::unbounded_channel();
        self.orders = orders;
        if let Some(task) = self.task.take() {
            let patience = Duration::from_secs(2);
            let ended = self.runtime.block_on(async { tokio::time::timeout(patience, task).await });
            if ended.is_err() {
                tracing::warn!("the call did not end in time");
            }
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the task holds besides the call.
struct Work {
    words: mpsc::UnboundedSender<Word>,
    drawing: Drawing,
    hosting: Option<host::Hosting>,
    attention: Arc<Attention>,
    listing: Option<JoinHandle<Devices>>,
    /// The lists that were told last.
    listed: Devices,
    ears: Ears,
}

impl Work {
    /// One call after the other, until the window is closed.
    async fn run(mut self, first: call::Config, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut next = Some(first);
        self.list_devices();
        while let Some(config) = next {
            next = match Call::open(config) {
                Ok(call) => self.attend(call, &mut orders).await,
                Err(error) => {
                    self.say(Word::Broken(error.to_string()));
                    self.idle(&mut orders).await
                }
            };
        }
        if let Some(hosting) = self.hosting.take() {
            hosting.stop().await;
        }
    }

    /// Sits in a call until it is left; gives the config of the next one, `None` where the window is closed.
    async fn attend(&mut self, mut call: Call, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<call::Config> {
        let (mut state, pictures) = (call.state(), call.pictures());
        let mut shown = pictures.subscribe();
        self.say(Word::Opened { pictures, state: call.state() });
        let mut look = tokio::time::interval(LOOK);
        loop {
            let due = self.drawing.due();
            tokio::select! {
                order = orders.recv() => match order {
                    None => {
                        self.end(call).await;
                        return None;
                    }
                    Some(Order::Leave(next)) => {
                        self.end(call).await;
                        return Some(*next);
                    }
                    Some(order) => self.carry_out(Some(&call), order).await,
                },
                event = call.event() => match event {
                    Some(event) => self.say(Word::Event(event)),
                    None => {
                        self.say(Word::Broken("the call ended by itself".into()));
                        return self.idle(orders).await;
                    }
                },
                Ok(()) = state.changed() => self.drawing.state(&state.borrow_and_update()),
                Ok(()) = shown.changed() => {
                    shown.mark_unchanged();
                    self.drawing.picture();
                }
                devices = listed(&mut self.listing) => {
                    self.listing = None;
                    if devices != self.listed {
                        self.listed.clone_from(&devices);
                        self.say(Word::Devices(devices));
                    }
                }
                _ = look.tick() => {
                    if self.attention.is_picking() {
                        self.list_devices();
                    }
                }
                request = next_request(&mut self.ears.listener) => self.say(Word::Asked(request)),
                relays = next_relays(&mut self.ears.drills) => self.say(Word::Drills(relays)),
                () = interruption(&mut self.ears.interrupted) => self.say(Word::Quit),
                () = drawing::sleep_until(due) => self.drawing.draw(),
            }
        }
    }

    /// Without a call, does the rest until the next call is asked for; `None` where the window is closed.
    async fn idle(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<call::Config> {
        loop {
            tokio::select! {
                order = orders.recv() => match order? {
                    Order::Leave(next) => return Some(*next),
                    order => self.carry_out(None, order).await,
                },
                request = next_request(&mut self.ears.listener) => self.say(Word::Asked(request)),
                () = interruption(&mut self.ears.interrupted) => self.say(Word::Quit),
            }
        }
    }

    async fn carry_out(&mut self, call: Option<&Call>, order: Order) {
        match order {
            Order::Call(command) => {
                if !call.is_some_and(|call| call.command(command)) {
                    tracing::warn!("no call takes the order");
                }
            }
            Order::Host(name) => {
                let started = host::Hosting::start(&name).await;
                let word = started.map_err(|error| error.to_string()).map(|hosting| {
                    let hosted = Hosted {
                        invite: hosting.invite.clone(),
                        reach: hosting.reach.to_string(),
                        manifest: hosting.manifest.clone(),
                    };
                    self.hosting = Some(hosting);
                    hosted
                });
                self.say(Word::Hosting(word));
            }
            Order::StopHosting => {
                if let Some(hosting) = self.hosting.take() {
                    tokio::spawn(hosting.stop());
                }
            }
            Order::Drill(region, drill) => {
                if let Some(drills) = &self.ears.drills
                    && drills.orders.try_send((region, drill)).is_err()
                {
                    tracing::warn!("the demo takes no drill");
                }
            }
            // Whoever attends a call sees to it.
            Order::Leave(_) => {}
        }
    }

    /// Leaves a call and lets it say goodbye.
    async fn end(&self, mut call: Call) {
        call.command(Command::Leave);
        while let Some(event) = call.event().await {
            self.say(Word::Event(event));
        }
        call.ended().await;
    }

    fn list_devices(&mut self) {
        if self.listing.is_none() {
            // It may take a second.
            self.listing = Some(tokio::task::spawn_blocking(devices));
        }
    }

    fn say(&self, word: Word) {
        if self.words.send(word).is_ok() {
            self.drawing.wake();
        }
    }
}

async fn listed(listing: &mut Option<JoinHandle<Devices>>) -> Devices {
    match listing {
        Some(task) => task.await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}

async fn next_request(listener: &mut Option<Listener>) -> Request {
    if let Some(listening) = listener {
        if let Some(request) = listening.next().await {
            return request;
        }
        *listener = None;
    }
    std::future::pending().await
}

async fn interruption(interrupted: &mut Option<mpsc::Receiver<()>>) {
    if let Some(signals) = interrupted
        && signals.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

async fn next_relays(drills: &mut Option<Drills>) -> Vec<DrillRelay> {
    if let Some(drills) = drills
        && drills.relays.changed().await.is_ok()
    {
        return drills.relays.borrow_and_update().clone();
    }
    std::future::pending().await
}

/// What can be picked now.
fn devices() -> Devices {
    let sound = audio::devices();
    let of = |kind: DeviceKind| {
        let listed = sound.iter().filter(|device| device.kind == kind);
        listed
            .map(|device| Choice { id: device.id.clone(), name: device.name.clone(), default: device.default })
            .collect()
    };
    let cameras = video::cameras().into_iter().enumerate();
    let cameras = cameras.map(|(n, camera)| Choice { id: camera.id, name: camera.name, default: n == 0 }).collect();
    Devices { microphones: Some(of(DeviceKind::Input)), speakers: Some(of(DeviceKind::Output)), cameras: Some(cameras) }
}

#[cfg(test)]
mod tests;
