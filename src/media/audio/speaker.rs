//! From the mix to the speaker's ring: never waits, never lets the ring grow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::device::{self, DeviceKind, Feed, Health};
use super::line::Line;
use super::pace::Worker;
use super::processing::played::Played;
use super::retry::{Keeper, System};
use super::{AudioError, Frame};
use crate::clock;
use crate::media::control::drop_later;
use crate::media::{Device, Event};

/// A speaker, there or not.
pub struct Speaker {
    fresh: Arc<Mutex<Option<Feed>>>,
    line: Option<Line>,
    device: Worker,
}

impl std::fmt::Debug for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Speaker").field("line", &self.line.is_some()).finish_non_exhaustive()
    }
}

impl Speaker {
    /// Starts the thread that keeps the device open. What it really plays is heard at `played`.
    pub fn start(wanted: Option<String>, played: Played, events: mpsc::Sender<Event>) -> Result<Self, AudioError> {
        let fresh = Arc::new(Mutex::new(None));
        let slot = fresh.clone();
        let keeper = Keeper::new(Device::Speaker, wanted, events);
        let device = Worker::spawn_driver("audio-speaker", move |stop| {
            let open = |device: &cpal::Device, health: &Arc<Health>| {
                let (stream, mut feed) = device::open_output(device, health)?;
                if let Some(heard) = feed.heard.take() {
                    played.set(heard);
                }
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(feed);
                Ok(stream)
            };
            keeper.run(&stop, System { kind: DeviceKind::Output, open });
        })?;
        Ok(Self { fresh, line: None, device })
    }

    /// Lets go of the device without waiting for it.
    pub fn stop_later(mut self) {
        self.device.tell_to_stop();
        drop_later("audio", self.device);
    }

    /// How long what was handed on last waited for its turn. `None` without a device.
    pub fn waiting(&self) -> Option<Duration> {
        Some(self.line.as_ref()?.waiting(clock::now()))
    }

    /// Hands on 20 ms, or drops them where there is no device.
    pub fn play(&mut self, frame: &Frame) {
        if let Some(feed) = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.line = Line::new(feed).inspect_err(|error| tracing::error!(%error, "speaker")).ok();
        }
        if let Some(line) = &mut self.line {
            line.play(frame, clock::now());
        }
    }
}
