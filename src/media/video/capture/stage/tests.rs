//! The sizes of a picture: which are made, with which key frames, and what happens when an encoder fails.

use std::cell::RefCell;

use tokio::sync::mpsc;

use super::*;
use crate::media::video::pattern::Pattern;
use crate::media::video::pictures::Pictures;
use crate::media::video::{CodecError, PictureSource, VideoDecoder, VideoEncoder, barcode};
use crate::media::{Event, MediaClock};

struct Bench {
    stage: Stage,
    control: Arc<Control>,
    frames: mpsc::Receiver<Encoded>,
    told: mpsc::Receiver<Event>,
    pattern: Pattern,
    number: u64,
}

impl Bench {
    fn new(width: u32, height: u32) -> Self {
        let ((out, frames), (events, told)) = (mpsc::channel(64), mpsc::channel(16));
        let wires = Wires { clock: MediaClock::start(), out, events, pictures: Pictures::default() };
        let control = Arc::<Control>::default();
        control.lock().sends = true;
        control.lock().wanted = 0b111;
        let config = VideoConfig { width, height, ..VideoConfig::default() };
        let stage = Stage::new(config, wires, Arc::clone(&control));
        Self { stage, control, frames, told, pattern: Pattern::new(width, height), number: 0 }
    }

    /// Sends the next picture; what came of it.
    fn step(&mut self) -> Vec<Encoded> {
        let mut picture = I420::black(2, 2);
        self.pattern.draw(self.number, &mut picture).unwrap();
        self.number += 1;
        let now = clock::now();
        let room = self.stage.room();
        self.stage.send(room, Shot { picture: &picture, at: now, begun: now, interval: None });
        std::iter::from_fn(|| self.frames.try_recv().ok()).collect()
    }

    /// The sizes that the next picture is sent in, and whether each is a key frame.
    fn sizes(&mut self) -> Vec<(u8, bool)> {
        self.step().iter().map(|frame| (frame.layer.spatial, frame.key)).collect()
    }
}

#[test]
fn a_picture_goes_out_in_three_sizes_the_smallest_first_and_each_is_read() {
    let mut bench = Bench::new(1280, 720);
    let mut decoders: Vec<Box<dyn VideoDecoder>> = (0..3).map(|_| Codec::H264.decoder().unwrap()).collect();
    for number in 0..20 {
        let frames = bench.step();
        assert_eq!(frames.iter().map(|frame| frame.layer.spatial).collect::<Vec<_>>(), [0, 1, 2]);
        for frame in frames {
            let picture = decoders[usize::from(frame.layer.spatial)].decode(&frame.data).unwrap().unwrap();
            assert_eq!(picture.height(), 180 << frame.layer.spatial);
            assert_eq!(barcode::read(&picture.view()), Some(number));
            assert_eq!((frame.key, frame.layer.temporal), (number == 0, [0, 2, 1, 2][number as usize % 4]));
            assert_eq!((frame.discardable, frame.dtx), (frame.layer.temporal == 2, true), "as layers are known to be");
        }
    }
    let figures = bench.control.lock().figures;
    assert_eq!(figures.sizes.map(|size| size.map(|(size, _)| size.height)), [Some(180), Some(360), Some(720)]);
    assert_eq!((figures.limit, figures.encode.is_zero()), (None, false));
}

#[test]
fn a_key_frame_is_made_of_the_size_that_needs_one_and_of_no_other() {
    let mut bench = Bench::new(640, 360);
    assert_eq!(bench.sizes(), [(0, true), (1, true)]);
    bench.control.lock().keys = 0b001;
    assert_eq!(bench.sizes(), [(0, true), (1, false)]);
    bench.control.lock().keys = 0b010;
    assert_eq!(bench.sizes(), [(0, false), (1, true)]);
    bench.control.lock().keys = 0b100;
    assert_eq!(bench.sizes(), [(0, false), (1, false)], "there is no such size");
}

#[test]
fn a_size_that_nobody_wants_is_not_made_and_wakes_with_a_key_frame() {
    let mut bench = Bench::new(640, 360);
    bench.control.lock().wanted = 0b100;
    assert_eq!((bench.sizes(), bench.sizes()), (vec![(1, true)], vec![(1, false)]), "the largest that there is");
    bench.control.lock().wanted = 0b111;
    assert_eq!((bench.sizes(), bench.sizes()), (vec![(0, true), (1, false)], vec![(0, false), (1, false)]));
    bench.control.lock().wanted = 0b001;
    assert_eq!(bench.sizes(), [(0, true)], "those who saw the larger one go on with a new group");
    bench.control.lock().wanted = 0;
    assert_eq!(bench.sizes(), [(0, false)]);
    assert_eq!(bench.control.lock().figures.limit, None);
}

#[test]
fn with_few_bits_the_smallest_size_alone_is_sent_of_every_second_picture() {
    let mut bench = Bench::new(640, 360);
    bench.step();
    bench.control.lock().bitrate_bps = Some(60_000);
    let sent: Vec<_> = (0..4).map(|_| bench.sizes()).collect();
    let expected = [vec![], vec![(0, true)], vec![], vec![(0, false)]];
    assert_eq!(sent, expected);
    assert_eq!(bench.control.lock().figures.limit, None, "a call may begin like that");
    bench.stage.short_since = bench.stage.short_since.and_then(|since| since.checked_sub(SHORT));
    bench.step();
    assert_eq!(bench.control.lock().figures.limit, Some(Limit::Network));
}

#[test]
fn a_computer_that_is_too_slow_sends_fewer_pictures_then_smaller_ones_and_says_so() {
    let mut bench = Bench::new(640, 360);
    let (start, interval) = (clock::now(), Duration::from_millis(33));
    let after = |bench: &mut Bench, pictures: std::ops::Range<u32>| {
        bench.step();
        for number in pictures {
            bench.stage.judge(start + interval * number, Duration::from_millis(90), interval);
        }
        let sent = [bench.sizes(), bench.sizes()].concat();
        (sent.iter().map(|(spatial, _)| *spatial).collect::<Vec<_>>(), bench.control.lock().figures.limit)
    };
    assert_eq!(after(&mut bench, 0..50), (vec![0, 1, 0, 1], None), "a while is waited");
    let (half, limit) = after(&mut bench, 50..65);
    assert_eq!((half, limit), (vec![0, 1], Some(Limit::Computer)), "of two pictures one");
    let (small, limit) = after(&mut bench, 100..170);
    assert_eq!((small, limit), (vec![0, 0], Some(Limit::Computer)));
}

#[test]
fn a_source_that_changes_its_size_goes_on_with_key_frames() {
    let mut bench = Bench::new(640, 360);
    bench.step();
    bench.pattern = Pattern::new(320, 180);
    assert_eq!(bench.sizes(), [(0, true)]);
    bench.pattern = Pattern::new(960, 720);
    assert_eq!(bench.sizes(), [(0, true), (1, true), (2, true)]);
}

#[test]
fn after_a_pause_everything_begins_with_a_key_frame() {
    let mut bench = Bench::new(640, 360);
    bench.step();
    bench.control.lock().sends = false;
    assert_eq!(bench.sizes(), []);
    assert_eq!(bench.control.lock().figures, Figures::default());
    bench.control.lock().sends = true;
    assert_eq!(bench.sizes(), [(0, true), (1, true)]);
}

thread_local! {
    /// Heights whose encoders fail.
    static BROKEN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// An encoder that fails while its height is broken.
struct Shaky(u32, Box<dyn VideoEncoder>);

impl VideoEncoder for Shaky {
    fn encode(
        &mut self,
        picture: &I420,
        at_us: u64,
        key: bool,
    ) -> Result<Option<crate::media::video::codec::Packet>, CodecError> {
        if BROKEN.with_borrow(|broken| broken.contains(&self.0)) {
            return Err(CodecError::Encoder("it smells".into()));
        }
        self.1.encode(picture, at_us, key)
    }

    fn set_bitrate(&mut self, bps: u32) -> Result<(), CodecError> {
        self.1.set_bitrate(bps)
    }

    fn set_fps(&mut self, fps: u32) -> Result<(), CodecError> {
        self.1.set_fps(fps)
    }
}

fn shaky(codec: Codec, config: &VideoConfig) -> Result<Box<dyn VideoEncoder>, CodecError> {
    Ok(Box::new(Shaky(config.height, codec.encoder(config)?)))
}

#[test]
fn an_encoder_that_fails_is_made_anew_with_a_key_frame_and_the_other_sizes_go_on() {
    let mut bench = Bench::new(640, 360);
    bench.stage = bench.stage.with(shaky);
    bench.step();
    BROKEN.with_borrow_mut(|broken| broken.push(180));
    assert_eq!((bench.sizes(), bench.sizes()), (vec![(1, false)], vec![(1, false)]));
    BROKEN.with_borrow_mut(|broken| broken.clear());
    assert_eq!((bench.sizes(), bench.sizes()), (vec![(0, true), (1, false)], vec![(0, false), (1, false)]));
    assert!(bench.told.try_recv().is_err(), "twice is nothing to speak of");
}

#[test]
fn an_encoder_that_keeps_failing_is_told_once_and_tried_ever_more_rarely() {
    let mut bench = Bench::new(640, 360);
    bench.stage = bench.stage.with(shaky);
    BROKEN.with_borrow_mut(|broken| broken.push(360));
    let start = clock::now();
    let mut made = Vec::new();
    let lane = &mut Lane::new(sizes::of(640, 360)[0]);
    let share = crate::media::video::ladder::Share { bps: 500_000, half: false };
    for frame in 0..1800_u64 {
        let now = start + Duration::from_millis(33) * frame as u32;
        let picture = I420::black(640, 360);
        let result = lane.encode(shaky, Codec::H264, share, 30, (&picture, frame * 33_000), now);
        if result.is_err() {
            made.push(frame * 33 / 1000);
        }
    }
    assert_eq!(made, [0, 0, 0, 0, 1, 3, 7, 15, 25, 35, 45, 55]);
    for _ in 0..50 {
        assert_eq!(bench.sizes().first().map(|(spatial, _)| *spatial), Some(0));
    }
    let event = bench.told.try_recv().unwrap().to_string();
    assert!(event.contains("video encoder") && event.contains("it smells"), "{event}");
    assert!(bench.told.try_recv().is_err(), "once");
}

#[test]
fn a_reader_that_is_behind_gets_no_old_pictures_but_those_after_it_came_back() {
    let ((out, mut frames), (events, _told)) = (mpsc::channel(4), mpsc::channel(16));
    let wires = Wires { clock: MediaClock::start(), out, events, pictures: Pictures::default() };
    let mut bench = Bench::new(640, 360);
    bench.stage = Stage::new(bench.stage.config, wires, Arc::clone(&bench.control));
    for _ in 0..10 {
        bench.step();
    }
    assert!(matches!(bench.stage.room(), Room::Full));
    let mut decoder = Codec::H264.decoder().unwrap();
    let mut read = |frame: Encoded| {
        let small = (frame.layer.spatial == 0).then(|| decoder.decode(&frame.data).unwrap().unwrap());
        small.and_then(|picture| barcode::read(&picture.view()))
    };
    let waited: Vec<_> = std::iter::from_fn(|| frames.try_recv().ok()).filter_map(&mut read).collect();
    assert_eq!(waited, [0]);
    bench.step();
    let after: Vec<_> = std::iter::from_fn(|| frames.try_recv().ok()).filter_map(&mut read).collect();
    assert_eq!(after, [10], "read without a key frame: none of those between was encoded");
}
