//! Pictures from patterns, files and cameras that come and go, read back from what was encoded.

use std::sync::mpsc as std_mpsc;

use super::*;
use crate::media::video::camera::FrameSource;
use crate::media::video::convert::{PixelFormat, RawPicture};
use crate::media::video::{barcode, pattern};
use crate::media::{Device, Problem};

fn small() -> VideoConfig {
    VideoConfig { width: 320, height: 180, fps: 60, bitrate_bps: 300_000 }
}

fn channels(
    room: usize,
) -> (mpsc::Sender<Encoded>, mpsc::Receiver<Encoded>, mpsc::Sender<Event>, mpsc::Receiver<Event>) {
    let ((out, frames), (events, told)) = (mpsc::channel(room), mpsc::channel(16));
    (out, frames, events, told)
}

/// The numbers of the next `count` frames.
fn numbers(frames: &mut mpsc::Receiver<Encoded>, count: usize) -> Vec<(u32, Encoded)> {
    let mut decoder = Codec::H264.decoder().unwrap();
    (0..count)
        .map(|_| {
            let frame = frames.blocking_recv().unwrap();
            let picture = decoder.decode(&frame.data).unwrap().unwrap();
            (barcode::read(&picture.view()).unwrap(), frame)
        })
        .collect()
}

#[test]
fn the_pattern_runs_without_a_hole_and_stamps_each_frame_with_its_deadline() {
    let (out, mut frames, events, _told) = channels(4);
    let capture = Capture::start(VideoSource::Pattern, small(), MediaClock::start(), out, events);
    let seen = numbers(&mut frames, 40);
    capture.stop();
    for (at, (number, frame)) in seen.iter().enumerate() {
        assert_eq!(*number as usize, at);
        assert_eq!(frame.key, at == 0);
        let since = frame.capture_us - seen[0].1.capture_us;
        assert!(since.abs_diff(at as u64 * 1_000_000 / 60) <= 1, "frame {at} at {since} µs");
    }
}

#[test]
fn a_key_frame_is_made_when_it_is_asked_for() {
    let (out, mut frames, events, _told) = channels(1);
    let capture = Capture::start(VideoSource::Pattern, small(), MediaClock::start(), out, events);
    assert!(frames.blocking_recv().unwrap().key);
    capture.force_key();
    let next = std::iter::from_fn(|| frames.blocking_recv()).take(5).position(|frame| frame.key);
    assert!(next.is_some());
}

#[test]
fn nobody_reading_does_not_keep_a_capture_from_stopping() {
    let (out, frames, events, _told) = channels(1);
    let capture = Capture::start(VideoSource::Pattern, small(), MediaClock::start(), out, events);
    while frames.is_empty() {
        std::thread::yield_now();
    }
    drop(capture);
    assert_eq!(frames.sender_strong_count(), 0);
}

#[test]
fn a_file_is_sent_over_and_over_and_a_missing_one_is_an_event() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("three.y4m");
    let mut writer = y4m::Writer::create(&path, 60).unwrap();
    let mut picture = I420::black(2, 2);
    for number in [7, 8, 9] {
        Pattern::new(320, 180).draw(number, &mut picture).unwrap();
        writer.write(&picture).unwrap();
    }
    let (out, mut frames, events, mut told) = channels(4);
    let source = VideoSource::File(path);
    source.check().unwrap();
    let capture = Capture::start(source, small(), MediaClock::start(), out.clone(), events.clone());
    let seen: Vec<u32> = numbers(&mut frames, 8).into_iter().map(|(number, _)| number).collect();
    assert_eq!(seen, [7, 8, 9, 7, 8, 9, 7, 8]);
    drop(capture);

    let missing = VideoSource::File(dir.path().join("gone.y4m"));
    assert!(missing.check().unwrap_err().to_string().contains("gone.y4m"));
    Capture::start(missing, small(), MediaClock::start(), out, events).stop();
    let event = format!("{:?}", told.blocking_recv().unwrap());
    assert!(event.starts_with("Failed") && event.contains("gone.y4m"), "{event}");
}

#[test]
fn a_camera_that_is_not_there_is_told_and_the_call_goes_on() {
    let (out, mut frames, events, mut told) = channels(1);
    let source = VideoSource::Camera(Some("no such camera".into()));
    let capture = Capture::start(source, VideoConfig::default(), MediaClock::start(), out, events);
    let missing = Event::Device { what: Device::Camera, problem: Problem::Missing };
    assert_eq!(told.blocking_recv(), Some(missing));
    capture.force_key();
    capture.set_bitrate(300_000);
    drop(capture);
    assert!(frames.blocking_recv().is_none());
}

/// Gives what the test sends; when the test hangs up, it is unplugged.
struct Fake(std_mpsc::Receiver<RawPicture>);

impl FrameSource for Fake {
    fn name(&self) -> String {
        "Fake".into()
    }

    fn next_picture(&mut self) -> Result<RawPicture, Problem> {
        self.0.recv().map_err(|_| Problem::Unplugged)
    }
}

struct Opener(std_mpsc::Receiver<Result<Fake, Problem>>);

impl CameraOpener for Opener {
    fn open(&mut self) -> Result<Box<dyn FrameSource>, Problem> {
        Ok(Box::new(self.0.recv().unwrap_or(Err(Problem::Missing))?))
    }
}

fn shot(number: u64) -> RawPicture {
    let mut picture = I420::black(2, 2);
    pattern::Pattern::new(320, 180).draw(number, &mut picture).unwrap();
    let mut data = picture.y().to_vec();
    data.extend(picture.u().iter().zip(picture.v()).flat_map(|(u, v)| [*u, *v]));
    RawPicture { format: PixelFormat::Nv12, width: 320, height: 180, data: data.into() }
}

#[test]
fn a_camera_that_is_missing_unplugged_and_back_is_told_once_each_and_the_pictures_go_on() {
    let (out, mut frames, events, mut told) = channels(4);
    let (plug, plugged) = std_mpsc::channel();
    let brief = Duration::from_millis(1);
    let opener = Box::new(Opener(plugged));
    let capture =
        Capture::start_camera(opener, brief, VideoConfig { fps: 1000, ..small() }, MediaClock::start(), out, events)
            .unwrap();
    let device = |problem| Event::Device { what: Device::Camera, problem };
    let back = || Event::DeviceBack { what: Device::Camera, name: "Fake".into() };

    plug.send(Err(Problem::Missing)).unwrap();
    plug.send(Err(Problem::Missing)).unwrap();
    assert_eq!(told.blocking_recv(), Some(device(Problem::Missing)));

    for number in [3, 4] {
        let (shoot, shots) = std_mpsc::channel();
        plug.send(Ok(Fake(shots))).unwrap();
        shoot.send(RawPicture { data: vec![1, 2, 3].into(), ..shot(0) }).unwrap();
        shoot.send(shot(number)).unwrap();
        assert_eq!(told.blocking_recv(), Some(back()));
        let frame = frames.blocking_recv().unwrap();
        assert!(!frame.data.is_empty());
        drop(shoot);
        assert_eq!(told.blocking_recv(), Some(device(Problem::Unplugged)));
    }
    drop(plug);
    assert_eq!(told.blocking_recv(), Some(device(Problem::Missing)));
    drop(capture);
}
