//! Encoded patterns that arrive in any order or not at all, read back from the pictures.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::media::video::pattern::Pattern;
use crate::media::video::picture::I420;
use crate::media::video::y4m::Reader;
use crate::media::video::{Codec, PictureSource, VideoConfig, VideoEncoder, barcode};
use crate::proto::{Layer, MediaHeader};

const PEER: ParticipantId = ParticipantId(7);

/// A sender of pattern frames, numbered as `call` does.
struct Sender {
    encoder: Box<dyn VideoEncoder>,
    pattern: Pattern,
    next: u32,
    group: u32,
}

impl Sender {
    fn new(width: u32, height: u32) -> Self {
        let encoder = Codec::H264.encoder(&VideoConfig::pattern()).unwrap();
        Self { encoder, pattern: Pattern::new(width, height), next: 0, group: 0 }
    }

    fn frame(&mut self, key: bool) -> VideoIn {
        let (number, mut picture) = (self.next, I420::black(2, 2));
        self.next += 1;
        self.pattern.draw(number.into(), &mut picture).unwrap();
        let capture_us = u64::from(number) * 33_333;
        let packet = self.encoder.encode(&picture, capture_us, key).unwrap().unwrap();
        if packet.key {
            self.group = number;
        }
        let header = MediaHeader {
            track: Track::Camera,
            layer: Layer::default(),
            key: packet.key,
            discardable: false,
            dtx: false,
            participant: PEER,
            frame: number,
            since_key: (number - self.group) as u16,
            capture_us,
        };
        VideoIn { header, payload: packet.data }
    }

    fn frames(&mut self, count: usize) -> Vec<VideoIn> {
        (0..count).map(|_| self.frame(false)).collect()
    }
}

fn start(record: Option<PathBuf>) -> (Receiver, Pictures, mpsc::Receiver<Event>) {
    let (events, told) = mpsc::channel(64);
    let pictures = Pictures::default();
    (Receiver::start(events, record, pictures.clone()).unwrap(), pictures, told)
}

/// Waits until the peer's camera shows the picture with this barcode, or none.
fn wait_for(pictures: &Pictures, number: impl Into<Option<u32>>) {
    let number = number.into();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut told = pictures.subscribe();
    runtime.block_on(async {
        let shown = || pictures.get(Of::Peer(PEER, Track::Camera));
        while shown().map(|shown| barcode::read(&shown.picture.view()).unwrap()) != number {
            told.changed().await.unwrap();
        }
    });
}

fn numbers(path: &std::path::Path) -> Vec<Option<u32>> {
    let mut reader = Reader::open(path).unwrap();
    let (mut picture, mut numbers) = (I420::black(2, 2), Vec::new());
    let frame = 160 * 90 * 3 / 2 + 6;
    let count = std::fs::metadata(path).unwrap().len() / frame;
    for at in 0..count {
        reader.draw(at, &mut picture).unwrap();
        numbers.push(barcode::read(&picture.view()));
    }
    numbers
}

#[test]
fn three_hundred_frames_are_decoded_and_recorded_in_order_whatever_the_order_of_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.y4m");
    let (receiver, pictures, mut told) = start(Some(path.clone()));
    let mut frames = Sender::new(160, 90).frames(300);
    for pair in frames[1..].chunks_exact_mut(7) {
        pair.swap(1, 4);
    }
    for frame in &frames {
        receiver.push(PEER, frame.clone(), clock::now());
        if frame.header.frame % 5 == 0 {
            receiver.push(PEER, frame.clone(), clock::now());
        }
    }
    assert_eq!(told.blocking_recv(), Some(Event::FirstFrame { peer: PEER, track: Track::Camera }));
    wait_for(&pictures, 299);
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    assert!(pictures.get(Of::Peer(PEER, Track::Camera)).is_none(), "nothing is left behind");
    let views = shared.views();
    let mut stats = VideoPeerStats::default();
    let view = &views[&(PEER, Track::Camera)];
    view.add_to(&mut stats, clock::now());
    assert_eq!((stats.received, stats.decoded, stats.lost), (300, 300, 0));
    assert_eq!((stats.width, stats.height, stats.key_frames_requested), (160, 90, 0));
    assert_eq!(view.last_frame, Some((0, 0, 299)));
    assert_eq!(numbers(&path), (0..300).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_lost_frame_asks_for_a_key_frame_and_goes_on_with_it() {
    let (receiver, pictures, mut told) = start(None);
    let mut sender = Sender::new(160, 90);
    for frame in sender.frames(20).into_iter().filter(|frame| frame.header.frame != 10) {
        receiver.push(PEER, frame, clock::now());
    }
    assert_eq!(told.blocking_recv(), Some(Event::FirstFrame { peer: PEER, track: Track::Camera }));
    let needed = Event::KeyFrameNeeded { peer: PEER, track: Track::Camera, spatial: 0 };
    assert_eq!(told.blocking_recv(), Some(needed));
    receiver.push(PEER, sender.frame(true), clock::now());
    for frame in sender.frames(5) {
        receiver.push(PEER, frame, clock::now());
    }
    wait_for(&pictures, 25);
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    let views = shared.views();
    let view = &views[&(PEER, Track::Camera)];
    assert_eq!(view.last_frame, Some((0, 20, 25)));
    assert!(view.lost > 0 && view.key_frames_requested == 1);
}

#[test]
fn frames_that_no_decoder_takes_ask_for_a_key_frame_once() {
    let (receiver, pictures, mut told) = start(None);
    let mut sender = Sender::new(160, 90);
    for (at, mut frame) in sender.frames(12).into_iter().enumerate() {
        if at > 3 {
            frame.payload = Bytes::from_static(b"\0\0\0\x01\x65nothing that is a picture");
        }
        receiver.push(PEER, frame, clock::now());
    }
    receiver.push(PEER, sender.frame(true), clock::now());
    wait_for(&pictures, 12);
    drop(receiver);
    let asked = std::iter::from_fn(|| told.try_recv().ok())
        .filter(|event| matches!(event, Event::KeyFrameNeeded { .. }))
        .count();
    assert_eq!(asked, 1);
}

/// Takes a frame at a moment; returns the barcodes of what is shown, and the spatial layers that key frames are asked of.
fn look(lane: &mut Lane, now: Instant, frame: Option<VideoIn>) -> (Vec<u32>, Vec<u8>) {
    frame.into_iter().for_each(|frame| lane.push(frame, now));
    let (mut outcomes, mut shown, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    lane.advance(now, &mut outcomes);
    for outcome in outcomes {
        match outcome {
            Outcome::Picture(picture, _) => shown.extend(barcode::read(&picture.view())),
            Outcome::KeyFrameNeeded { spatial } => asked.push(spatial),
            Outcome::Passed => {}
        }
    }
    (shown, asked)
}

#[test]
fn a_smaller_picture_that_takes_over_from_an_earlier_key_frame_shows_nothing_twice() {
    let (mut small, mut large) = (Sender::new(160, 90), Sender::new(320, 180));
    let (mut lane, start, mut shown) = (Lane::default(), clock::now(), Vec::new());
    let mut now = start;
    for number in 0..40 {
        now = start + Duration::from_millis(33) * number;
        let (small, mut large) = (small.frame(false), large.frame(false));
        large.header.layer.spatial = 1;
        shown.extend(look(&mut lane, now, Some(large).filter(|_| number < 20)).0);
        shown.extend(look(&mut lane, now, Some(small)).0);
    }
    shown.extend(look(&mut lane, now + Duration::from_millis(200), None).0);
    assert_eq!(shown, (0..40).collect::<Vec<_>>());
}

#[test]
fn a_track_that_ended_is_left_alone() {
    let (mut lane, start, mut asked) = (Lane::default(), clock::now(), Vec::new());
    let frames = Sender::new(160, 90).frames(9);
    for frame in &frames[7..] {
        asked.extend(look(&mut lane, start, Some(frame.clone())).1);
    }
    let mut looks = 0;
    while let Some(now) = lane.poll_timeout().filter(|_| looks < 1000) {
        asked.extend(look(&mut lane, now, None).1);
        looks += 1;
    }
    assert_eq!((looks, asked.len()), (150, 10), "every 20 and every 300 ms for three seconds");
    assert_eq!(look(&mut lane, start + Duration::from_secs(60), Some(frames[3].clone())).1, [0], "it is back");
    assert!(lane.poll_timeout().is_some());
}

#[test]
fn a_subgroup_that_was_given_up_is_not_waited_for_and_a_move_is_waited_for_longer() {
    let wait_ms = |during: &dyn Fn(&mut Lane, &VideoIn, Instant)| {
        let (mut lane, start) = (Lane::default(), clock::now());
        let frames = Sender::new(160, 90).frames(4);
        for frame in [&frames[0], &frames[1], &frames[3]] {
            look(&mut lane, start, Some(frame.clone()));
        }
        during(&mut lane, &frames[2], start);
        let after = |ms: &u64| !look(&mut lane, start + Duration::from_millis(*ms), None).1.is_empty();
        (0..2000).step_by(10).find(after)
    };
    assert_eq!(wait_ms(&|_, _, _| ()), Some(150));
    assert_eq!(wait_ms(&|lane, missing, _| lane.gave_up(&SubgroupHead::of(&missing.header))), Some(0));
    assert_eq!(wait_ms(&|lane, _, start| lane.moving(start + Duration::from_secs(2))), Some(500));
}

#[test]
fn what_was_given_up_and_what_moves_reaches_each_track() {
    let (receiver, _pictures, mut told) = start(None);
    let mut sender = Sender::new(160, 90);
    receiver.moving(clock::now() + Duration::from_secs(3600));
    let frames = sender.frames(12);
    for frame in frames.iter().filter(|frame| frame.header.frame != 10) {
        receiver.push(PEER, frame.clone(), clock::now());
    }
    receiver.gave_up(&SubgroupHead::of(&frames[10].header));
    receiver.gave_up(&SubgroupHead { participant: ParticipantId(8), ..SubgroupHead::of(&frames[10].header) });
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    let told: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    let needed = Event::KeyFrameNeeded { peer: PEER, track: Track::Camera, spatial: 0 };
    assert_eq!(told, [Event::FirstFrame { peer: PEER, track: Track::Camera }, needed], "at once");
    assert_eq!(shared.views().len(), 1, "no track begins with what is missing of it");
}

#[test]
fn a_peer_that_is_removed_is_forgotten_and_may_come_back() {
    let (receiver, pictures, mut told) = start(None);
    let first = Event::FirstFrame { peer: PEER, track: Track::Camera };
    for _ in 0..2 {
        for frame in Sender::new(160, 90).frames(3) {
            receiver.push(PEER, frame, clock::now());
        }
        wait_for(&pictures, 2);
        receiver.remove(PEER);
        wait_for(&pictures, None);
        assert_eq!(told.blocking_recv(), Some(first.clone()));
    }
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    assert!(shared.views().is_empty());
}

#[test]
fn an_inbox_that_nobody_empties_drops_the_oldest_frames_and_nothing_that_we_ask_for() {
    let mut inbox = Inbox::default();
    inbox.add(Order::Remove(PEER));
    inbox.add(Order::Moving(clock::now()));
    let frame = Sender::new(160, 90).frame(false);
    for _ in 0..2 * MOST_WAITING {
        inbox.add(Order::GaveUp(SubgroupHead::of(&frame.header)));
        inbox.add(Order::Frame { peer: PEER, frame: frame.clone(), arrived: clock::now() });
    }
    assert_eq!(inbox.orders.len(), MOST_WAITING);
    assert!(matches!(inbox.orders.make_contiguous(), [Order::Remove(_), Order::Moving(_), ..]));
    assert_eq!(inbox.bytes, (MOST_WAITING / 2 - 1) * frame.payload.len());
}

#[test]
fn a_recording_that_cannot_be_made_is_an_error_at_once() {
    let (events, _told) = mpsc::channel(1);
    let error = Receiver::start(events, Some("nowhere/at/all.y4m".into()), Pictures::default()).unwrap_err();
    assert!(error.to_string().contains("all.y4m"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let (receiver, pictures, mut told) = start(Some("/dev/full".into()));
    let mut sender = Sender::new(160, 90);
    for frame in sender.frames(50) {
        receiver.push(PEER, frame, clock::now());
    }
    let events: Vec<_> = (0..2).map(|_| format!("{:?}", told.blocking_recv().unwrap())).collect();
    assert!(events.iter().any(|event| event.starts_with("Failed") && event.contains("/dev/full")), "{events:?}");
    wait_for(&pictures, 49);
}

/// Frames of two encoders that see the same pictures, as a relay that changes between their sizes sends them.
struct TwoSizes {
    encoders: [Box<dyn VideoEncoder>; 2],
    patterns: [Pattern; 2],
    groups: [u32; 2],
}

impl TwoSizes {
    fn new() -> Self {
        let encoder = || Codec::H264.encoder(&VideoConfig::pattern()).unwrap();
        let patterns = [Pattern::new(160, 90), Pattern::new(320, 180)];
        Self { encoders: [encoder(), encoder()], patterns, groups: [0; 2] }
    }

    /// A picture in both sizes; of `key` a key frame.
    fn frames(&mut self, number: u32, key: Option<usize>) -> [VideoIn; 2] {
        [0, 1].map(|size| {
            let mut picture = I420::black(2, 2);
            self.patterns[size].draw(number.into(), &mut picture).unwrap();
            let capture_us = u64::from(number) * 33_333;
            let packet = self.encoders[size].encode(&picture, capture_us, key == Some(size)).unwrap().unwrap();
            if packet.key {
                self.groups[size] = number;
            }
            let header = MediaHeader {
                track: Track::Camera,
                layer: Layer { spatial: size as u8, temporal: 0 },
                key: packet.key,
                discardable: false,
                dtx: false,
                participant: PEER,
                frame: number,
                since_key: (number - self.groups[size]) as u16,
                capture_us,
            };
            VideoIn { header, payload: packet.data }
        })
    }
}

#[test]
fn a_change_of_size_up_and_down_shows_every_picture_in_its_time() {
    use super::lane::{Lane, Outcome};
    // What a relay keeps of the group that it changes to: the key frame alone, or some frames before it.
    for kept in [0, 6] {
        let (mut both, mut lane, start) = (TwoSizes::new(), Lane::default(), clock::now());
        let changes = [(40, 1), (80, 0), (110, 1)];
        let mut size = 0;
        let mut recent: VecDeque<[VideoIn; 2]> = VecDeque::new();
        let mut shown = Vec::new();
        for number in 0..150_u32 {
            let keyed = changes.iter().find(|(at, _)| at - kept == number).map(|(_, size)| *size);
            recent.push_back(both.frames(number, keyed));
            let change = changes.iter().find(|(at, _)| *at == number);
            let sent: Vec<VideoIn> = match change {
                Some((_, to)) => {
                    size = *to;
                    recent.iter().skip(recent.len() - 1 - kept as usize).map(|both| both[size].clone()).collect()
                }
                None => recent.back().map(|both| both[size].clone()).into_iter().collect(),
            };
            let now = start + std::time::Duration::from_micros(u64::from(number) * 33_333);
            let mut outcomes = Vec::new();
            for frame in sent {
                lane.push(frame, now);
                lane.advance(now, &mut outcomes);
            }
            for outcome in outcomes {
                match outcome {
                    // The last picture before the change may come once more, larger.
                    Outcome::Picture(picture, _) => {
                        assert_eq!(picture.width(), [160, 320][size]);
                        shown.push(barcode::read(&picture.view()).unwrap());
                    }
                    Outcome::Passed => {}
                    Outcome::KeyFrameNeeded { spatial } => panic!("{number}: a key frame of {spatial} is asked for"),
                }
            }
            assert_eq!(shown.last(), Some(&number), "{kept} kept");
        }
        shown.dedup();
        assert_eq!(shown, (0..150).collect::<Vec<_>>(), "{kept} kept");
    }
}

#[test]
fn pictures_wait_coded_for_their_sound_and_come_with_it_however_they_arrived() {
    let (mut lane, start) = (Lane::default(), clock::now());
    let at = |ms: u64| start + Duration::from_millis(ms);
    // Taken each 33 ms; on their way for 20 to 90 ms; the sound of each moment is heard 150 ms after it was taken.
    let frames = Sender::new(160, 90).frames(90);
    let mut due: Vec<(u64, VideoIn)> = Vec::new();
    for (n, frame) in frames.into_iter().enumerate() {
        let before = due.last().map_or(0, |(ms, _)| *ms);
        due.push(((n as u64 * 33 + 20 + [0, 70, 35][n % 3]).max(before), frame));
    }
    let (mut shown, mut most_held, mut arrivals) = (Vec::new(), 0, due.into_iter().peekable());
    for ms in 0..3400 {
        if ms % 100 == 0 {
            lane.hear(at(ms), Heard { capture_us: ms * 1000, at: at(ms + 150) });
        }
        while let Some((_, frame)) = arrivals.next_if(|(arrival, _)| *arrival <= ms) {
            shown.extend(look(&mut lane, at(ms), Some(frame)).0.into_iter().map(|number| (number, ms)));
        }
        if lane.poll_timeout().is_some_and(|due| due <= at(ms)) {
            shown.extend(look(&mut lane, at(ms), None).0.into_iter().map(|number| (number, ms)));
        }
        most_held = most_held.max(lane.waiting());
    }
    assert_eq!(shown.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (0..90).collect::<Vec<_>>());
    for (number, ms) in &shown[..] {
        // The sender stamps 33.3 ms apart.
        let heard = f64::from(*number) * 33.333 + 150.0;
        assert!((*ms as f64 - heard).abs() <= 2.0, "picture {number} at {ms} ms, its sound at {heard:.0}");
    }
    assert!((2..=8).contains(&most_held), "{most_held} frames held");
}

#[test]
fn sound_that_is_far_behind_holds_no_more_than_a_few_frames() {
    let (mut lane, start) = (Lane::default(), clock::now());
    lane.hear(start, Heard { capture_us: 0, at: start + Duration::from_secs(5) });
    let mut shown = Vec::new();
    for (n, frame) in Sender::new(160, 90).frames(60).into_iter().enumerate() {
        shown.extend(look(&mut lane, start + Duration::from_millis(n as u64), Some(frame)).0);
        assert!(lane.waiting() <= 15);
    }
    assert_eq!(shown, (0..45).collect::<Vec<_>>(), "in a burst, the oldest are shown before their time");
    shown.extend(look(&mut lane, start + Duration::from_millis(360), None).0);
    assert_eq!(shown.len(), 60, "and nothing waits longer than 300 ms");
    lane.release();
    assert_eq!(lane.waiting(), 0);
}
