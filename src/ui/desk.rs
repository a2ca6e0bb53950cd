//! The desk behind the window: one task that holds the call, the embedded relay and the lists of devices. The window
//! sends [`Order`]s and reads [`Word`]s; neither ever waits for the other.
//!
//! It also says when to draw: see [`super::pace`]. Never: anything that is drawn.

mod drawing;
mod hearing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::drawing::Drawing;
use self::hearing::Hearing;
use super::host;
use super::model::{Devices, Drill, DrillRelay};
use crate::call::state::State;
use crate::call::{self, Call, Command, Event};
use crate::instance::{Listener, Request};
use crate::media::screen::{self, Screens};
use crate::media::video::Pictures;
use crate::proto::manifest::Manifest;

pub use self::drawing::Attention;

/// What the window asks. It has no `Debug`: there may be a room's secret and a token inside.
pub enum Order {
    Call(Command),
    /// Ends the call and opens the next lobby.
    Leave(Box<call::Config>),
    /// Hosts a call here.
    Host,
    StopHosting,
    Drill(String, Drill),
    /// Looks for what can be shared.
    ListScreens,
}

/// What the desk tells.
#[derive(Debug)]
pub enum Word {
    /// A call began, in its lobby.
    Opened {
        pictures: Pictures,
        state: watch::Receiver<Arc<State>>,
    },
    Event(Box<Event>),
    Devices(Devices),
    Screens(Screens),
    Asked(Request),
    Hosting(Result<Hosted, String>),
    Drills(Vec<DrillRelay>),
    /// There is no call, and why.
    Broken(String),
    /// The window is to be closed.
    Quit,
}

/// A relay that runs here.
pub struct Hosted {
    /// With the room's secret.
    pub invite: String,
    /// For the one who hosts alone.
    pub token: String,
    pub reach: String,
    pub manifest: Manifest,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("reach", &self.reach).finish_non_exhaustive()
    }
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
        let work = Work { words: words_out, drawing, hosting: None, hearing: Hearing::new(ears, attention) };
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
    hearing: Hearing,
}

impl Work {
    /// One call after the other, until the window is closed.
    async fn run(mut self, first: call::Config, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut next = Some(first);
        while let Some(config) = next {
            next = match Call::open(config) {
                Ok(call) => self.attend(call, &mut orders).await,
                Err(error) => self.idle(error.to_string(), &mut orders).await,
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
        let mut why = "the call ended by itself".to_owned();
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
                    Some(event) => {
                        if let Event::Removed { message } = &event {
                            why.clone_from(message);
                        }
                        self.say(Word::Event(event.into()));
                    }
                    None => return self.idle(why, orders).await,
                },
                Ok(()) = state.changed() => self.drawing.state(&state.borrow_and_update()),
                Ok(()) = shown.changed() => {
                    shown.mark_unchanged();
                    self.drawing.picture();
                }
                word = self.hearing.next() => self.say(word),
                () = drawing::sleep_until(due) => self.drawing.draw(),
            }
        }
    }

    /// Has no call, and says why; everything else goes on. Ends as [`Work::attend`] does.
    async fn idle(&mut self, why: String, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<call::Config> {
        self.say(Word::Broken(why));
        loop {
            tokio::select! {
                order = orders.recv() => match order? {
                    Order::Leave(next) => return Some(*next),
                    order => self.carry_out(None, order).await,
                },
                word = self.hearing.next() => self.say(word),
            }
        }
    }

    async fn carry_out(&mut self, call: Option<&Call>, order: Order) {
        match order {
            Order::Call(command) => {
                if !call.is_some_and(|call| call.command(command)) {
                    tracing::warn!("no call takes an order");
                }
            }
            Order::Host => {
                let started = host::Hosting::start().await;
                let word = started.map_err(|error| error.to_string()).map(|hosting| {
                    let hosted = Hosted {
                        invite: hosting.invite.clone(),
                        token: hosting.token.clone(),
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
                if !self.hearing.drill(region, drill) {
                    tracing::warn!("the demo takes no drill");
                }
            }
            Order::ListScreens => {
                let (words, ctx) = (self.words.clone(), self.drawing.ctx());
                // It may take a moment.
                tokio::task::spawn_blocking(move || {
                    if words.send(Word::Screens(screen::screens())).is_ok() {
                        ctx.request_repaint();
                    }
                });
            }
            // Whoever attends a call sees to it.
            Order::Leave(_) => {}
        }
    }

    /// Leaves a call and lets it say goodbye.
    async fn end(&self, mut call: Call) {
        call.command(Command::Leave);
        while let Some(event) = call.event().await {
            self.say(Word::Event(event.into()));
        }
        call.ended().await;
    }

    fn say(&self, word: Word) {
        if self.words.send(word).is_ok() {
            self.drawing.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::options::Options;

    #[tokio::test]
    async fn without_a_call_everything_else_is_still_heard() {
        let (signals, interrupted) = mpsc::channel(1);
        let (drills, mut asked) = mpsc::channel(1);
        let (_shown, relays) = watch::channel(Vec::new());
        let ears =
            Ears { interrupted: Some(interrupted), drills: Some(Drills { orders: drills, relays }), ..Ears::default() };
        let (words, mut said) = mpsc::unbounded_channel();
        let attention = Arc::new(Attention::default());
        let drawing = Drawing::new(egui::Context::default(), attention.clone());
        let mut work = Work { words, drawing, hosting: None, hearing: Hearing::new(ears, attention) };
        let (orders, mut orders_in) = mpsc::unbounded_channel();
        let config = Options::default().config(&crate::settings::Settings::default(), Vec::new());
        let task = tokio::spawn(async move { work.idle("no luck".into(), &mut orders_in).await.is_some() });
        signals.send(()).await.unwrap();
        let quit = async { while !matches!(said.recv().await, Some(Word::Quit)) {} };
        tokio::time::timeout(Duration::from_secs(10), quit).await.expect("the signal is heard");
        assert!(orders.send(Order::Drill("tokyo".into(), Drill::Kill)).is_ok());
        assert_eq!(asked.recv().await, Some(("tokyo".into(), Drill::Kill)));
        assert!(orders.send(Order::Leave(Box::new(config))).is_ok());
        assert!(task.await.unwrap(), "the next lobby opens");
    }

    #[test]
    fn what_is_hosted_is_not_shown_with_its_secret() {
        let token = "#secret too".into();
        let hosted = Hosted { invite: "#secret".into(), token, reach: "here".into(), manifest: Manifest::default() };
        assert!(!format!("{:?}", Word::Hosting(Ok(hosted))).contains("secret"));
    }
}
