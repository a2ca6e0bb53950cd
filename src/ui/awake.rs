//! Keeps the screen on and the computer from falling asleep by itself during a call, where the system lets it. Whoever
//! closes the lid or asks for sleep has it.
//!
//! [`super::app`] says when. Systems are asked on a thread of its own, for they may take their time; one that cannot be
//! asked, or says no, costs nothing but a line in the log. Must never: keep anything awake after the call.

#[cfg(target_os = "linux")]
mod bus;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

#[cfg(target_os = "linux")]
use bus::{Buses as Place, Hold};
#[cfg(not(target_os = "linux"))]
use elsewhere::{Hold, Place};

/// See the module. Dropped, everything may sleep again.
#[derive(Debug, Default)]
pub struct Awake {
    on: bool,
    place: Place,
    /// Begins with the first call.
    thread: Option<(Sender<bool>, JoinHandle<()>)>,
}

impl Awake {
    /// Stays awake from now on, or no longer.
    pub fn keep(&mut self, on: bool) {
        if std::mem::replace(&mut self.on, on) == on {
            return;
        }
        if self.thread.is_none() {
            let (orders, waiting) = channel();
            let place = self.place.clone();
            let run = move || attend(&place, &waiting);
            match std::thread::Builder::new().name("awake".into()).spawn(run) {
                Ok(thread) => self.thread = Some((orders, thread)),
                Err(error) => tracing::warn!(%error, "nothing keeps the screen on"),
            }
        }
        if let Some((orders, _)) = &self.thread {
            // A thread that is gone keeps nothing awake.
            let _ = orders.send(on);
        }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        if let Some((orders, thread)) = self.thread.take() {
            drop(orders);
            let _ = thread.join();
        }
    }
}

/// The thread: holds while the last order was yes.
fn attend(place: &Place, orders: &Receiver<bool>) {
    let mut hold = None;
    while let Ok(mut on) = orders.recv() {
        // Only the newest counts.
        while let Ok(newer) = orders.try_recv() {
            on = newer;
        }
        hold = match (on, hold) {
            (true, None) => Some(Hold::take(place)),
            (true, held) => held,
            (false, _) => None,
        };
    }
}

/// Windows and macOS.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    /// The system itself.
    #[derive(Debug, Clone, Default)]
    pub struct Place;

    pub struct Hold {
        _held: Option<keepawake::KeepAwake>,
    }

    impl Hold {
        pub fn take(_: &Place) -> Self {
            let mut wish = keepawake::Builder::default();
            wish.display(true).idle(true).app_name("Nearcall").reason("A call").app_reverse_domain("nearcall");
            let held = wish.create();
            Self { _held: held.inspect_err(|error| tracing::info!(%error, "the screen may go dark")).ok() }
        }
    }
}
