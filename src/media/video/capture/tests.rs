//! Pictures from patterns, files and cameras that come and go, read back from what was encoded.

use std::sync::{Mutex, mpsc as std_mpsc};

use super::*;
use crate::media::video::camera::FrameSource;
use crate::media::video::convert::{PixelFormat, RawPicture};
use crate::media::video::{Codec, I420, Of, barcode, pattern};
use crate::media::{Device, Problem};

fn small() -> VideoConfig {
    VideoConfig { width: 320, height: 180, fps: 60, bitrate_bps: 300_000, codec: Codec::H264 }
}

/// The other ends of a capture's wires.
struct Ends {
    frames: mpsc::Receiver<Encoded>,
    told: mpsc::Receiver<Event>,
    pictures: Pictures,
}

impl Ends {
    /// The number in our own picture, and the picture's.
    fn own(&self) -> Option<(u32, u64)> {
        let shown = self.pictures.get(Of::Own)?;
        Some((barcode::read(&shown.picture.view())?, shown.number))
    }

    /// Waits for pictures to come or go until they are as they should be.
    fn wait_until(&self, is: impl Fn(Option<(u32, u64)>) -> bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut told = self.pictures.subscribe();
        runtime.block_on(async {
            while !is(self.own()) {
                told.changed().await.unwrap();
            }
        });
    }

    /// Waits until `count` more pictures were shown.
    fn wait_for_more(&self, count: u64) {
        let before = self.own().map_or(0, |(_, number)| number);
        self.wait_until(|own| own.is_some_and(|(_, number)| number >= before + count));
    }
}

fn wires(room: usize) -> (Wires, Ends) {
    let ((out, frames), (events, told), pictures) = (mpsc::channel(room), mpsc::channel(16), Pictures::default());
    let wires = Wires { clock: MediaClock::start(), out, events, pictures: pictures.clone() };
    (wires, Ends { frames, told, pictures })
}

fn start(source: VideoSource, config: VideoConfig, room: usize) -> (Capture, Ends) {
    let (Wires { clock, out, events, pictures }, ends) = wires(room);
    (Capture::start(source, config, true, clock, out, events, pictures), ends)
}

fn start_camera(opener: impl CameraOpener + 'static, wires: Wires) -> Capture {
    let config = VideoConfig { fps: 1000, ..small() };
    let idle = Capture::idle(wires.pictures.clone(), true);
    idle.start_camera(Box::new(opener), Duration::from_millis(1), config, wires).unwrap()
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
    let (capture, mut ends) = start(VideoSource::Pattern, small(), 4);
    let seen = numbers(&mut ends.frames, 40);
    assert!(ends.own().is_some_and(|(number, _)| number >= 39), "we see ourselves");
    capture.stop();
    assert!(ends.own().is_none());
    for (at, (number, frame)) in seen.iter().enumerate() {
        assert_eq!(*number as usize, at);
        assert_eq!(frame.key, at == 0);
        let since = frame.capture_us - seen[0].1.capture_us;
        assert!(since.abs_diff(at as u64 * 1_000_000 / 60) <= 1, "frame {at} at {since} µs");
    }
}

#[test]
fn a_key_frame_is_made_when_it_is_asked_for() {
    let (capture, mut ends) = start(VideoSource::Pattern, small(), 1);
    assert!(ends.frames.blocking_recv().unwrap().key);
    capture.force_key(None);
    let next = std::iter::from_fn(|| ends.frames.blocking_recv()).take(5).position(|frame| frame.key);
    assert!(next.is_some());
}

#[test]
fn nobody_reading_does_not_keep_a_capture_from_stopping() {
    let (capture, ends) = start(VideoSource::Pattern, small(), 1);
    while ends.frames.is_empty() {
        std::thread::yield_now();
    }
    drop(capture);
    assert_eq!(ends.frames.sender_strong_count(), 0);
}

#[test]
fn a_preview_is_shown_and_not_encoded_and_sending_begins_with_a_key_frame() {
    let (Wires { clock, out, events, pictures }, mut ends) = wires(64);
    let capture = Capture::start(VideoSource::Pattern, small(), false, clock, out, events, pictures);
    ends.wait_for_more(5);
    assert!(ends.frames.is_empty());
    for _ in 0..2 {
        capture.send(true);
        let seen: Vec<bool> = (0..4).map(|_| ends.frames.blocking_recv().unwrap().key).collect();
        assert_eq!(seen, [true, false, false, false]);
        capture.send(false);
        // One may have been under way.
        ends.wait_for_more(2);
        while ends.frames.try_recv().is_ok() {}
        ends.wait_for_more(5);
        assert!(ends.frames.is_empty());
    }
}

#[test]
fn a_preview_goes_on_where_nobody_reads_frames_and_ends_with_them_where_they_are_sent() {
    let (Wires { clock, out, events, pictures }, ends) = wires(1);
    let capture = Capture::start(VideoSource::Pattern, small(), false, clock, out, events, pictures.clone());
    let Ends { frames, told, .. } = ends;
    drop(frames);
    let ends = Ends { frames: mpsc::channel(1).1, told, pictures };
    ends.wait_for_more(5);
    capture.send(true);
    ends.wait_until(|own| own.is_none());
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
    let source = VideoSource::File(path);
    source.check().unwrap();
    let (capture, mut ends) = start(source, small(), 4);
    let seen: Vec<u32> = numbers(&mut ends.frames, 8).into_iter().map(|(number, _)| number).collect();
    assert_eq!(seen, [7, 8, 9, 7, 8, 9, 7, 8]);
    assert!(ends.own().is_some_and(|(number, _)| (7..=9).contains(&number)));
    drop(capture);

    let missing = VideoSource::File(dir.path().join("gone.y4m"));
    assert!(missing.check().unwrap_err().to_string().contains("gone.y4m"));
    let (capture, mut ends) = start(missing, small(), 4);
    capture.stop();
    let event = format!("{:?}", ends.told.blocking_recv().unwrap());
    assert!(event.starts_with("Failed") && event.contains("gone.y4m"), "{event}");
}

#[test]
fn a_camera_that_is_not_there_is_told_and_the_call_goes_on() {
    let source = VideoSource::Camera(Some("no such camera".into()));
    let (capture, mut ends) = start(source, VideoConfig::default(), 1);
    let missing = Event::Device { what: Device::Camera, problem: Problem::Missing };
    assert_eq!(ends.told.blocking_recv(), Some(missing));
    capture.force_key(None);
    capture.set_bitrate(300_000);
    drop(capture);
    // Where there is another camera, that one stood in.
    while ends.frames.blocking_recv().is_some() {}
}

/// Gives what the test sends; when the test hangs up, it is unplugged.
struct Fake(&'static str, std_mpsc::Receiver<RawPicture>);

impl FrameSource for Fake {
    fn name(&self) -> String {
        self.0.into()
    }

    fn next_picture(&mut self) -> Result<RawPicture, Problem> {
        self.1.recv().map_err(|_| Problem::Unplugged)
    }
}

/// Any camera, of those that the test plugs in.
struct Opener(std_mpsc::Receiver<Result<Fake, Problem>>);

impl CameraOpener for Opener {
    fn wanted(&self) -> Option<String> {
        None
    }

    fn open(&mut self) -> Result<Box<dyn FrameSource>, Problem> {
        Ok(Box::new(self.0.recv().unwrap_or(Err(Problem::Missing))?))
    }

    fn open_other(&mut self) -> Option<Box<dyn FrameSource>> {
        None
    }
}

fn shot(number: u64) -> RawPicture {
    let mut picture = I420::black(2, 2);
    pattern::Pattern::new(320, 180).draw(number, &mut picture).unwrap();
    let mut data = picture.y().to_vec();
    data.extend(picture.u().iter().zip(picture.v()).flat_map(|(u, v)| [*u, *v]));
    RawPicture { format: PixelFormat::Nv12, width: 320, height: 180, data: data.into() }
}

fn device(problem: Problem) -> Option<Event> {
    Some(Event::Device { what: Device::Camera, problem })
}

fn runs(name: &str, instead_of: Option<&str>) -> Option<Event> {
    let instead_of = instead_of.map(str::to_owned);
    Some(Event::DeviceInUse { what: Device::Camera, name: name.into(), instead_of })
}

#[test]
fn a_camera_that_is_missing_unplugged_and_back_is_told_once_each_and_the_pictures_go_on() {
    let (wires, mut ends) = wires(4);
    let (plug, plugged) = std_mpsc::channel();
    let capture = start_camera(Opener(plugged), wires);

    plug.send(Err(Problem::Missing)).unwrap();
    plug.send(Err(Problem::Missing)).unwrap();
    assert_eq!(ends.told.blocking_recv(), device(Problem::Missing));

    for number in [3, 4] {
        let (shoot, shots) = std_mpsc::channel();
        plug.send(Ok(Fake("Fake", shots))).unwrap();
        shoot.send(RawPicture { data: vec![1, 2, 3].into(), ..shot(0) }).unwrap();
        shoot.send(shot(number)).unwrap();
        assert_eq!(ends.told.blocking_recv(), runs("Fake", None));
        let frame = ends.frames.blocking_recv().unwrap();
        assert!(!frame.data.is_empty());
        assert_eq!(ends.own().map(|(barcode, _)| barcode), Some(number as u32));
        drop(shoot);
        assert_eq!(ends.told.blocking_recv(), device(Problem::Unplugged));
    }
    drop(plug);
    assert_eq!(ends.told.blocking_recv(), device(Problem::Missing));
    drop(capture);
    assert!(ends.own().is_none());
}

/// A desk camera that is asked for and may be wrong, and one in the lid; each gives one picture after the other.
struct Two(Arc<Mutex<Option<Problem>>>);

/// Gives pictures, at most 200 a second, for as long as it is not wrong.
struct Endless(&'static str, Arc<Mutex<Option<Problem>>>);

impl FrameSource for Endless {
    fn name(&self) -> String {
        self.0.into()
    }

    fn next_picture(&mut self) -> Result<RawPicture, Problem> {
        std::thread::sleep(Duration::from_millis(5));
        self.1.lock().unwrap().as_ref().map_or(Ok(shot(7)), |_| Err(Problem::Unplugged))
    }
}

impl CameraOpener for Two {
    fn wanted(&self) -> Option<String> {
        Some("Desk".into())
    }

    fn open(&mut self) -> Result<Box<dyn FrameSource>, Problem> {
        let wrong = self.0.lock().unwrap().clone();
        wrong.map_or_else(|| Ok(Box::new(Endless("Desk", Arc::clone(&self.0))) as _), Err)
    }

    fn open_other(&mut self) -> Option<Box<dyn FrameSource>> {
        Some(Box::new(Endless("Lid", Arc::default())))
    }
}

#[test]
fn another_camera_stands_in_for_the_one_that_was_asked_for_and_it_is_taken_back() {
    let (wires, mut ends) = wires(1);
    let wrong = Arc::new(Mutex::new(Some(Problem::Missing)));
    let capture = start_camera(Two(Arc::clone(&wrong)), wires);
    assert_eq!(ends.told.blocking_recv(), device(Problem::Missing));
    assert_eq!(ends.told.blocking_recv(), runs("Lid", Some("Desk")));
    for why in [Problem::Missing, Problem::Denied, Problem::Busy] {
        *wrong.lock().unwrap() = None;
        assert_eq!(ends.told.blocking_recv(), runs("Desk", None));
        *wrong.lock().unwrap() = Some(why.clone());
        assert_eq!(ends.told.blocking_recv(), device(Problem::Unplugged));
        if why != Problem::Busy {
            assert_eq!(ends.told.blocking_recv(), device(why));
            assert_eq!(ends.told.blocking_recv(), runs("Lid", Some("Desk")));
        }
    }
    drop(capture);
}

#[test]
fn a_camera_that_the_capture_before_still_holds_is_waited_for_in_silence() {
    let (wires, mut ends) = wires(4);
    let (plug, plugged) = std_mpsc::channel();
    let capture = start_camera(Opener(plugged), wires);
    let (shoot, shots) = std_mpsc::channel();
    plug.send(Err(Problem::Busy)).unwrap();
    plug.send(Ok(Fake("Fake", shots))).unwrap();
    shoot.send(shot(1)).unwrap();
    assert_eq!(ends.told.blocking_recv(), runs("Fake", None));
    drop((shoot, plug));
    drop(capture);
}

#[test]
fn a_driver_that_blocks_holds_up_nobody_who_stops_it_later() {
    let (wires, mut ends) = wires(4);
    let (plug, plugged) = std_mpsc::channel();
    let capture = start_camera(Opener(plugged), wires);
    let (shoot, shots) = std_mpsc::channel();
    plug.send(Ok(Fake("Fake", shots))).unwrap();
    shoot.send(shot(1)).unwrap();
    assert_eq!(ends.told.blocking_recv(), runs("Fake", None));
    ends.wait_until(|own| own.is_some());
    let began = clock::now();
    capture.stop_later();
    assert!(clock::now() - began < DRIVER_PATIENCE / 2);
    assert!(ends.own().is_none(), "nothing is shown from then on");
    while ends.frames.blocking_recv().is_some() {}
    drop((shoot, plug));
}
