//! What the desk hears of besides its call: other starts, drills, signals, and which devices there are. The same with a
//! call and without one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Interval;

use super::drawing::Attention;
use super::{Drills, Ears, Word};
use crate::instance::{Listener, Request};
use crate::media::audio::{self, DeviceKind};
use crate::media::video;
use crate::ui::model::{Choice, Devices, Drill, DrillRelay};

/// Devices are looked for this often while somebody may be picking one.
const LOOK: Duration = Duration::from_secs(4);

/// See the module.
pub struct Hearing {
    ears: Ears,
    attention: Arc<Attention>,
    look: Option<Interval>,
    listing: Option<JoinHandle<Devices>>,
    /// The lists that were told last; `None` before the first.
    listed: Option<Devices>,
}

impl Hearing {
    pub fn new(ears: Ears, attention: Arc<Attention>) -> Self {
        Self { ears, attention, look: None, listing: None, listed: None }
    }

    /// The next word, inside of the runtime. Nothing is lost where this is dropped and called again.
    pub async fn next(&mut self) -> Word {
        loop {
            let look = self.look.get_or_insert_with(|| tokio::time::interval(LOOK));
            tokio::select! {
                devices = listed(&mut self.listing) => {
                    self.listing = None;
                    if self.listed.as_ref() != Some(&devices) {
                        self.listed = Some(devices.clone());
                        return Word::Devices(devices);
                    }
                }
                _ = look.tick() => {
                    let wanted = self.listed.is_none() || self.attention.is_picking();
                    if wanted && self.listing.is_none() {
                        // It may take a second.
                        self.listing = Some(tokio::task::spawn_blocking(devices));
                    }
                }
                request = next_request(&mut self.ears.listener) => return Word::Asked(request),
                relays = next_relays(&mut self.ears.drills) => return Word::Drills(relays),
                () = interruption(&mut self.ears.interrupted) => return Word::Quit,
            }
        }
    }

    /// Hands a drill to the demo; `false` where there is none, or it is busy.
    pub fn drill(&self, region: String, drill: Drill) -> bool {
        self.ears.drills.as_ref().is_some_and(|drills| drills.orders.try_send((region, drill)).is_ok())
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
