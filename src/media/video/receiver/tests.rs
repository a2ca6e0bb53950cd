use super::*;
use crate::media::video::pattern::Pattern;
use crate::media::video::y4m::Reader;
use crate::media::video::{Codec, PictureSource, VideoConfig, VideoEncoder, barcode};
use crate::proto::Layer;

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

fn start(record: Option<PathBuf>) -> (Receiver, mpsc::Receiver<Event>) {
    let (events, told) = mpsc::channel(64);
    (Receiver::start(events, record).unwrap(), told)
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
    let (receiver, mut told) = start(Some(path.clone()));
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
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    let views = shared.views();
    let mut stats = VideoPeerStats::default();
    let view = &views[&(PEER, Track::Camera)];
    view.add_to(&mut stats, clock::now());
    assert_eq!((stats.received, stats.decoded, stats.lost), (300, 300, 0));
    assert_eq!((stats.width, stats.height, stats.key_frames_requested), (160, 90, 0));
    assert_eq!(view.last_frame, Some((0, 0, 299)));
    assert_eq!(barcode::read(&view.latest.as_ref().unwrap().view()), Some(299));
    assert_eq!(numbers(&path), (0..300).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_lost_frame_asks_for_a_key_frame_and_goes_on_with_it() {
    let (receiver, mut told) = start(None);
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
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    let views = shared.views();
    let view = &views[&(PEER, Track::Camera)];
    assert_eq!(barcode::read(&view.latest.as_ref().unwrap().view()), Some(25));
    assert_eq!(view.last_frame, Some((0, 20, 25)));
    assert!(view.lost > 0 && view.key_frames_requested == 1);
}

#[test]
fn frames_that_no_decoder_takes_ask_for_a_key_frame_once() {
    let (receiver, mut told) = start(None);
    let mut sender = Sender::new(160, 90);
    for (at, mut frame) in sender.frames(12).into_iter().enumerate() {
        if at > 3 {
            frame.payload = Bytes::from_static(b"\0\0\0\x01\x65nothing that is a picture");
        }
        receiver.push(PEER, frame, clock::now());
    }
    receiver.push(PEER, sender.frame(true), clock::now());
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    let asked = std::iter::from_fn(|| told.try_recv().ok())
        .filter(|event| matches!(event, Event::KeyFrameNeeded { .. }))
        .count();
    assert_eq!(asked, 1);
    let views = shared.views();
    let latest = views[&(PEER, Track::Camera)].latest.clone().unwrap();
    assert_eq!(barcode::read(&latest.view()), Some(12));
}

#[test]
fn a_peer_that_is_removed_is_forgotten_and_may_come_back() {
    let (receiver, mut told) = start(None);
    let first = Event::FirstFrame { peer: PEER, track: Track::Camera };
    for _ in 0..2 {
        for frame in Sender::new(160, 90).frames(3) {
            receiver.push(PEER, frame, clock::now());
        }
        receiver.remove(PEER);
        assert_eq!(told.blocking_recv(), Some(first.clone()));
    }
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    assert!(shared.views().is_empty());
}

#[test]
fn an_inbox_that_nobody_empties_drops_the_oldest_frames_and_no_removal() {
    let mut inbox = Inbox::default();
    inbox.add(Order::Remove(PEER));
    let frame = Sender::new(160, 90).frame(false);
    for _ in 0..2 * MOST_WAITING {
        inbox.add(Order::Frame { peer: PEER, frame: frame.clone(), arrived: clock::now() });
    }
    assert_eq!(inbox.orders.len(), MOST_WAITING);
    assert!(matches!(inbox.orders[0], Order::Remove(_)));
    assert_eq!(inbox.bytes, (MOST_WAITING - 1) * frame.payload.len());
}

#[test]
fn a_recording_that_cannot_be_made_is_an_error_at_once() {
    let (events, _told) = mpsc::channel(1);
    let error = Receiver::start(events, Some("nowhere/at/all.y4m".into())).unwrap_err();
    assert!(error.to_string().contains("all.y4m"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    let (receiver, mut told) = start(Some("/dev/full".into()));
    let mut sender = Sender::new(160, 90);
    for frame in sender.frames(50) {
        receiver.push(PEER, frame, clock::now());
    }
    let events: Vec<_> = (0..2).map(|_| format!("{:?}", told.blocking_recv().unwrap())).collect();
    assert!(events.iter().any(|event| event.starts_with("Failed") && event.contains("/dev/full")), "{events:?}");
    let shared = Arc::clone(&receiver.shared);
    drop(receiver);
    let latest = shared.views()[&(PEER, Track::Camera)].latest.clone().unwrap();
    assert_eq!(barcode::read(&latest.view()), Some(49));
}
