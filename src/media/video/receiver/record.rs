//! The recording of the first peer's pictures, on a thread of its own so that a slow disk does not hold up the decoder.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;

use tokio::sync::mpsc as tokio_mpsc;

use crate::media::video::picture::I420;
use crate::media::video::{VideoError, failed, y4m};
use crate::media::{Event, tell};
use crate::proto::{ParticipantId, Track};

/// What the header says, whatever the peer's real rate.
const FPS: u32 = 30;
/// Pictures that wait for the disk; then the decoder waits too, for a recording has every picture.
const WAITING: usize = 30;

/// Writes what it is given until the disk is full. Dropping it writes what waits.
#[derive(Debug)]
pub struct Recorder {
    /// Whose pictures are recorded: the first that came.
    of: Option<(ParticipantId, Track)>,
    pictures: Option<SyncSender<Arc<I420>>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Creates the file and the thread.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn start(path: &Path, events: tokio_mpsc::Sender<Event>) -> Result<Self, VideoError> {
        let mut writer = y4m::Writer::create(path, FPS)?;
        let (pictures, waiting) = mpsc::sync_channel::<Arc<I420>>(WAITING);
        let run = move || {
            for picture in waiting {
                if let Err(error) = writer.write(&picture) {
                    tell(&events, failed("recording of video", &error));
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("video-record".into()).spawn(run).map_err(VideoError::Thread)?;
        Ok(Self { of: None, pictures: Some(pictures), thread: Some(thread) })
    }

    /// Writes a picture if it is of the first track that ever had one.
    pub fn take(&mut self, peer: ParticipantId, track: Track, picture: &Arc<I420>) {
        if *self.of.get_or_insert((peer, track)) != (peer, track) {
            return;
        }
        if let Some(pictures) = &self.pictures
            && pictures.send(Arc::clone(picture)).is_err()
        {
            self.pictures = None;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.pictures = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recording's thread panicked");
        }
    }
}
