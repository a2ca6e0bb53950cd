//! Shares of the page and of grabbers that fail.

use super::*;
use crate::media::video::{Codec, barcode};

fn channels(
    room: usize,
) -> (mpsc::Sender<Encoded>, mpsc::Receiver<Encoded>, mpsc::Sender<Event>, mpsc::Receiver<Event>) {
    let ((out, frames), (events, told)) = (mpsc::channel(room), mpsc::channel(16));
    (out, frames, events, told)
}

#[test]
fn the_page_is_told_sent_from_a_key_frame_on_and_read_at_the_other_end() {
    let (out, mut frames, events, mut told) = channels(64);
    let share = Share::start(7, ScreenSource::Pattern, MediaClock::start(), out, events);
    let first = frames.blocking_recv().unwrap();
    assert!(first.key && first.track == Track::Screen);
    assert_eq!(told.blocking_recv(), Some(Event::Sharing { number: 7, name: "a page of text".into() }));
    let picture = Codec::default().decoder().unwrap().decode(&first.data).unwrap().unwrap();
    assert_eq!(barcode::read(&picture.view()), Some(0));
    share.force_key();
    while !frames.blocking_recv().unwrap().key {}
    drop(share);
    assert_eq!(told.blocking_recv(), None, "who ends a share needs not be told");
}

#[test]
fn a_share_of_which_nobody_reads_the_frames_ends() {
    let (out, frames, events, mut told) = channels(1);
    let _share = Share::start(1, ScreenSource::Pattern, MediaClock::start(), out, events);
    drop(frames);
    let ended = std::iter::from_fn(|| told.blocking_recv()).find(|event| matches!(event, Event::SharingEnded { .. }));
    assert_eq!(ended, Some(Event::SharingEnded { number: 1, trouble: None }));
}

/// Gives one picture, and then this error.
struct Ends(Option<ScreenError>, u32);

impl ScreenGrabber for Ends {
    fn name(&self) -> String {
        "test".into()
    }

    fn grab(&mut self, into: &mut I420) -> Result<bool, ScreenError> {
        self.1 += 1;
        if self.1 == 1 {
            *into = I420::black(2600, 1300);
            return Ok(true);
        }
        self.0.take().map_or(Ok(false), Err)
    }
}

#[test]
fn a_picker_or_a_window_that_is_closed_ends_the_share_in_silence_and_a_refusal_in_words() {
    for (error, tells) in
        [(ScreenError::Gone, false), (ScreenError::Cancelled, false), (ScreenError::Denied("no".into()), true)]
    {
        let (out, mut frames, events, mut told) = channels(8);
        let _share = Share::start_with(3, MediaClock::start(), out, events, move || Ok(Box::new(Ends(Some(error), 0))));
        let ended = std::iter::from_fn(|| told.blocking_recv()).last();
        let Some(Event::SharingEnded { number: 3, trouble }) = ended else { unreachable!("{ended:?}") };
        assert_eq!(trouble.is_some(), tells, "{trouble:?}");
        let first = frames.blocking_recv().expect("the picture before the end");
        let picture = Codec::default().decoder().unwrap().decode(&first.data).unwrap().unwrap();
        assert_eq!((picture.width(), picture.height()), (1920, 960), "made smaller");
    }
}

#[test]
fn a_system_that_blocks_keeps_nobody_from_going_on() {
    let (out, _frames, events, _told) = channels(8);
    let (release, blocked) = std_mpsc::channel::<()>();
    let share = Share::start_with(1, MediaClock::start(), out, events, move || {
        let _ = blocked.recv();
        Err(ScreenError::Cancelled)
    });
    share.stop_later();
    drop(release);
}
