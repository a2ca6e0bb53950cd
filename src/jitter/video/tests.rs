//! Wires that mix frames up, and what a viewer sees of them, in virtual time.

use proptest::prelude::*;

use super::*;
use crate::proto::{ParticipantId, Track};

const GROUP: u32 = 60;

/// Frame `index` of a camera at 25 frames a second that sends a key frame every [`GROUP`] frames.
fn frame(spatial: u8, index: u32) -> VideoIn {
    let header = MediaHeader {
        track: Track::Camera,
        layer: Layer { spatial, temporal: 0 },
        key: index.is_multiple_of(GROUP),
        discardable: false,
        dtx: false,
        participant: ParticipantId(1),
        frame: index,
        since_key: (index % GROUP) as u16,
        capture_us: 1_000_000 + u64::from(index) * 40_000,
    };
    VideoIn { header, payload: Bytes::from_static(&[0; 100]) }
}

/// The same with three dyadic temporal layers, the highest discardable.
fn layered(index: u32) -> VideoIn {
    let mut video = frame(0, index);
    video.header.layer.temporal = [0, 2, 1, 2][(index % GROUP % 4) as usize];
    video.header.discardable = video.header.layer.temporal == 2;
    video
}

struct Viewer {
    buffer: VideoBuffer,
    base: Instant,
    now_ms: u64,
    shown: Vec<(u64, u8, u32)>,
    asked: Vec<(u64, u8)>,
}

impl Viewer {
    fn new() -> Self {
        let buffer = VideoBuffer::new(VideoConfig::default());
        Self { buffer, base: crate::clock::now(), now_ms: 0, shown: Vec::new(), asked: Vec::new() }
    }

    fn now(&self) -> Instant {
        self.base + Duration::from_millis(self.now_ms)
    }

    fn drain(&mut self) {
        let now = self.now();
        while let Some(video) = self.buffer.pop(now) {
            self.shown.push((self.now_ms, video.header.layer.spatial, video.header.frame));
        }
        if let Some(request) = self.buffer.needs_key(now) {
            self.asked.push((self.now_ms, request.spatial));
        }
    }

    /// Lets the time pass to `until_ms` in steps of 10 ms.
    fn wait(&mut self, until_ms: u64) {
        while self.now_ms < until_ms {
            self.now_ms = (self.now_ms / 10 * 10 + 10).min(until_ms);
            self.drain();
        }
    }

    /// Brings frames, each at its time in ms.
    fn watch(&mut self, mut wire: Vec<(u64, VideoIn)>) {
        wire.sort_by_key(|(at, _)| *at);
        for (at, video) in wire {
            self.wait(at);
            let now = self.now();
            self.buffer.push(now, video);
            self.drain();
        }
    }

    fn numbers(&self) -> Vec<u32> {
        self.shown.iter().map(|(.., number)| *number).collect()
    }

    fn stats(&self) -> VideoStats {
        self.buffer.stats(self.now())
    }
}

fn at(index: u32) -> u64 {
    u64::from(index) * 40
}

#[test]
fn frames_in_order_are_handed_on_as_they_come() {
    let mut viewer = Viewer::new();
    viewer.watch((0..150).map(|index| (at(index), frame(2, index))).collect());
    assert_eq!(viewer.shown, (0..150).map(|index| (at(index), 2, index)).collect::<Vec<_>>());
    let stats = viewer.stats();
    assert_eq!(stats, VideoStats { received: 150, longest_gap_ms: 40, ..VideoStats::default() });
    assert_eq!(viewer.buffer.last(), Some((2, 120, 149)));
}

#[test]
fn make_before_break_hands_on_each_frame_once_and_in_order() {
    for (old_ms, new_ms) in [(20, 90), (90, 20)] {
        let mut viewer = Viewer::new();
        let old = (0..90).map(|index| (at(index) + old_ms, frame(1, index)));
        let new = (70..200).map(|index| (at(index) + new_ms, frame(1, index)));
        viewer.watch(old.chain(new).collect());
        assert_eq!(viewer.numbers(), (0..200).collect::<Vec<_>>());
        let stats = viewer.stats();
        assert_eq!((stats.duplicates, stats.lost, stats.key_frames_requested, stats.frozen_ms), (20, 0, 0, 0));
        assert_eq!(viewer.buffer.take_longest_gap_ms(viewer.now()), if new_ms > old_ms { 110 } else { 40 });
        assert_eq!(viewer.buffer.take_longest_gap_ms(viewer.now()), 0);
    }
}

#[test]
fn a_frame_that_comes_within_the_patience_costs_a_stall_and_nothing_else() {
    for (late_ms, moving, whole) in [(100, false, true), (170, false, false), (450, true, true), (700, true, false)] {
        let mut viewer = Viewer::new();
        if moving {
            viewer.buffer.moving(viewer.now() + Duration::from_secs(60));
        }
        let delay = |index| if index == 20 { at(index) + 40 + late_ms } else { at(index) };
        viewer.watch((0..60).map(|index| (delay(index), frame(0, index))).collect());
        let stats = viewer.stats();
        assert_eq!(viewer.numbers() == (0..60).collect::<Vec<_>>(), whole, "{late_ms} ms, moving: {moving}");
        assert_eq!(stats.key_frames_requested > 0, !whole, "{late_ms} ms, moving: {moving}");
    }
}

#[test]
fn a_lost_frame_asks_for_a_key_frame_once_in_300_ms_and_goes_on_with_it() {
    let mut viewer = Viewer::new();
    let wire = (0..180).filter(|index| *index != 30).map(|index| (at(index), frame(1, index)));
    viewer.watch(wire.collect());
    // Noticed with frame 31, given up 150 ms later.
    let first = at(31) + 150;
    let expected: Vec<_> = (0..4).map(|retry| (first + 300 * retry, 1)).filter(|(at_ms, _)| *at_ms < at(60)).collect();
    assert_eq!(viewer.asked, expected);
    assert_eq!(viewer.numbers(), (0..30).chain(60..180).collect::<Vec<_>>());
    let stats = viewer.stats();
    assert_eq!((stats.lost, stats.undecodable), (1, 29));
    assert_eq!((stats.longest_gap_ms, stats.frozen_ms), (31 * 40, 30 * 40));
}

#[test]
fn a_key_frame_that_is_there_ends_a_stall_at_once() {
    let mut viewer = Viewer::new();
    let wire = (0..120).filter(|index| *index != 59).map(|index| (at(index), frame(1, index)));
    viewer.watch(wire.collect());
    assert_eq!(viewer.shown[59], (at(60) + 30, 1, 60));
    assert_eq!((viewer.stats().lost, viewer.stats().key_frames_requested), (1, 0));
}

#[test]
fn the_end_of_a_group_that_is_overtaken_by_the_next_key_frame_is_played_before_it() {
    let mut viewer = Viewer::new();
    let delay = |index| if index == 59 { at(60) + 20 } else { at(index) };
    viewer.watch((0..120).map(|index| (delay(index), frame(1, index))).collect());
    assert_eq!(viewer.numbers(), (0..120).collect::<Vec<_>>());
}

#[test]
fn frames_that_nothing_needs_may_be_missing_without_a_stall() {
    for (missing, most_stall_ms, why) in
        [(&[1_u32, 3][..], 0, "the highest layer is left out"), (&[1, 2, 3][..], 0, "only the base layer comes")]
    {
        let mut viewer = Viewer::new();
        let kept = |index: &u32| *index < 60 || !missing.contains(&(index % 4));
        viewer.watch((0..240).filter(kept).map(|index| (at(index), layered(index))).collect());
        assert_eq!(viewer.numbers(), (0..240).filter(kept).collect::<Vec<_>>(), "{why}");
        let late = viewer.shown.iter().filter(|(shown, _, number)| *shown > at(*number) + most_stall_ms).count();
        assert!(late <= 1, "{why}: one is waited for, then none, {:?}", &viewer.shown[55..75]);
        assert_eq!((viewer.stats().lost, viewer.stats().key_frames_requested), (0, 0), "{why}");
    }
}

#[test]
fn a_discardable_frame_without_its_reference_is_dropped_and_the_picture_goes_on() {
    let mut viewer = Viewer::new();
    let kept = |index: &u32| *index != 30;
    viewer.watch((0..60).filter(kept).map(|index| (at(index), layered(index))).collect());
    assert_eq!(viewer.numbers(), (0..60).filter(|index| *index != 30 && *index != 31).collect::<Vec<_>>());
    assert_eq!(viewer.stats().key_frames_requested, 0);
}

#[test]
fn a_subgroup_that_was_given_up_is_not_waited_for() {
    let mut viewer = Viewer::new();
    viewer.watch((0..30).map(|index| (at(index), frame(1, index))).collect());
    viewer.buffer.gave_up(&SubgroupHead::of(&frame(1, 10).header));
    viewer.watch((31..33).map(|index| (at(index), frame(1, index))).collect());
    assert_eq!(viewer.asked, [(at(31), 1)]);
}

#[test]
fn joining_in_the_middle_asks_for_a_key_frame_and_one_that_comes_soon_is_not_asked_for() {
    let mut viewer = Viewer::new();
    viewer.watch((30..40).map(|index| (at(index), frame(1, index))).collect());
    assert_eq!(viewer.asked, [(at(30) + 100, 1)]);
    let mut viewer = Viewer::new();
    viewer.watch(vec![(0, frame(1, 1)), (5, frame(1, 2)), (50, frame(1, 0))]);
    assert_eq!((viewer.numbers(), viewer.asked), (vec![0, 1, 2], vec![]));
}

#[test]
fn another_size_takes_over_at_its_key_frame_and_the_end_of_the_one_before_does_not_bring_it_back() {
    let mut viewer = Viewer::new();
    let small = (0..70).map(|index| (at(index), frame(0, index)));
    let large = (60..130).map(|index| (at(index) + 5, frame(2, index)));
    let small_again = (120..180).map(|index| (at(index), frame(0, index)));
    viewer.watch(small.chain(large).chain(small_again).collect());
    let layers: Vec<u8> = viewer.shown.iter().map(|(_, spatial, _)| *spatial).collect();
    assert!(layers.starts_with(&[0; 60]) && layers.ends_with(&[0; 60]));
    let large: Vec<_> =
        viewer.shown.iter().filter(|(_, spatial, _)| *spatial == 2).map(|(.., number)| *number).collect();
    assert_eq!(large, (60..120).collect::<Vec<_>>());
    assert_eq!(viewer.stats().lost, 0);
    assert!(viewer.stats().frozen_ms == 0 && viewer.asked.is_empty(), "{:?}", viewer.stats());
}

#[test]
fn a_relay_that_changes_to_a_smaller_picture_is_followed_within_150_ms() {
    let mut viewer = Viewer::new();
    let large = (0..60).map(|index| (at(index), frame(2, index)));
    let small = (60..120).map(|index| (at(index), frame(0, index)));
    viewer.watch(large.chain(small).collect());
    assert_eq!(viewer.numbers(), (0..120).collect::<Vec<_>>());
    assert!(viewer.stats().longest_gap_ms <= 150, "{:?}", viewer.stats());
}

/// Frames `range` of a size whose group began with frame `group`.
fn group(spatial: u8, group: u32, range: std::ops::Range<u32>) -> impl Iterator<Item = VideoIn> {
    range.map(move |index| {
        let mut video = frame(spatial, index);
        video.header.key = index == group;
        video.header.since_key = (index - group) as u16;
        video
    })
}

#[test]
fn a_relay_that_changes_the_size_is_followed_without_a_gap_with_a_key_frame_or_a_group_that_is_kept() {
    // The sizes in turn: where the group of each begins, its first frame after the change, and its end.
    for (first, second) in [(0, 2), (2, 0), (1, 2), (2, 1)] {
        for kept in [0, 1, 5, 12] {
            let mut viewer = Viewer::new();
            let mut wire: Vec<_> = group(first, 0, 0..50).map(|video| (at(video.header.frame), video)).collect();
            let from = 50 - kept;
            let burst = group(second, from, from..90).map(|video| (at(video.header.frame.max(50)), video));
            wire.extend(burst);
            let back = 90 - kept;
            wire.extend(group(first, back, back..130).map(|video| (at(video.header.frame.max(90)), video)));
            viewer.watch(wire);
            let in_time = |index: &u32| viewer.shown.iter().any(|(ms, _, it)| it == index && *ms == at(*index));
            let late: Vec<u32> = (0..130).filter(|index| !in_time(index)).collect();
            assert_eq!(late, [0_u32; 0], "{first} to {second} and back, {kept} frames kept");
            assert_eq!(viewer.asked, [], "{first} to {second} and back, {kept} frames kept");
            assert_eq!(viewer.stats().lost, 0);
        }
    }
}

#[test]
fn another_size_that_comes_without_its_key_frame_is_asked_for() {
    let mut viewer = Viewer::new();
    viewer.watch(group(2, 0, 0..50).map(|video| (at(video.header.frame), video)).collect());
    viewer.watch(group(0, 30, 50..70).map(|video| (at(video.header.frame), video)).collect());
    assert!(!viewer.asked.is_empty() && viewer.asked.len() <= 2, "{:?}", viewer.asked);
    assert!(viewer.asked.iter().all(|(_, spatial)| *spatial == 0), "{:?}", viewer.asked);
}

#[test]
fn who_gets_eight_whole_frames_and_then_few_layers_waits_for_nothing() {
    for most in [0, 1] {
        let mut viewer = Viewer::new();
        let thin = (0..240).map(layered).filter(|video| video.header.frame < 8 || video.header.layer.temporal <= most);
        let wire: Vec<_> = thin.map(|video| (at(video.header.frame), video)).collect();
        let all: Vec<u32> = wire.iter().map(|(_, video)| video.header.frame).collect();
        viewer.watch(wire);
        assert_eq!(viewer.numbers(), all);
        assert_eq!((viewer.asked.len(), viewer.stats().lost), (0, 0));
        let late = viewer.shown.iter().filter(|(ms, _, frame)| *ms > at(*frame)).count();
        assert!(late <= 1, "{late} late");
    }
}

#[test]
fn two_sizes_at_once_do_not_alternate() {
    let mut viewer = Viewer::new();
    let both = (0..300).flat_map(|index| [(at(index), frame(0, index)), (at(index) + 35, frame(1, index))]);
    viewer.watch(both.collect());
    let changes = viewer.shown.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert_eq!(changes, 1, "from the one that came first to the larger");
}

#[test]
fn a_sender_that_counts_anew_is_followed_at_its_key_frame() {
    for first in [0_u32, 60] {
        let mut viewer = Viewer::new();
        let old = (1200..1230).map(|index| (at(index), frame(1, index)));
        let new = (0..90).map(|index| {
            let mut video = frame(1, first + index);
            video.header.capture_us += 2_000_000_000;
            (at(1230 + index), video)
        });
        viewer.watch(old.chain(new).collect());
        assert_eq!(viewer.numbers(), (1200..1230).chain(first..first + 90).collect::<Vec<_>>());
        assert!(viewer.asked.is_empty());
    }
}

#[test]
fn numbers_go_on_through_their_wrap() {
    let mut viewer = Viewer::new();
    let first = u32::MAX - 100;
    let wire = (0..240).map(|index| {
        let mut video = frame(1, index);
        video.header.frame = first.wrapping_add(index);
        (at(index), video)
    });
    viewer.watch(wire.collect());
    assert_eq!(viewer.numbers(), (0..240).map(|index| first.wrapping_add(index)).collect::<Vec<_>>());
    assert_eq!(viewer.stats().lost, 0);
}

#[test]
fn a_dead_link_counts_as_frozen_and_a_camera_that_is_off_does_not() {
    for (paused, frozen_ms) in [(false, 960), (true, 0)] {
        let mut viewer = Viewer::new();
        viewer.watch((0..30).map(|index| (at(index), frame(1, index))).collect());
        if paused {
            viewer.buffer.pause();
        }
        viewer.wait(at(29) + 1000);
        assert_eq!(viewer.stats().frozen_ms, frozen_ms);
        assert!(viewer.asked.is_empty(), "nothing flows that a key frame would help");
    }
}

#[test]
fn a_group_whose_head_is_missing_stays_within_the_limits() {
    let mut viewer = Viewer::new();
    for index in 0..2000 {
        let mut video = frame((index % 3) as u8, 100_000 + index);
        video.header.key = false;
        video.payload = vec![0; if index % 2 == 0 { 0 } else { 200_000 }].into();
        let now = viewer.now();
        viewer.buffer.push(now, video);
        let (frames, bytes) = held(&viewer.buffer);
        assert!(frames <= 256 && bytes <= 8_000_000);
    }
}

fn held(buffer: &VideoBuffer) -> (usize, usize) {
    buffer.layers.iter().fold((0, 0), |(frames, bytes), layer| (frames + layer.len(), bytes + layer.bytes()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_network_does_frames_come_once_in_order_and_decodable(
        first in prop_oneof![Just(0_u32), Just(u32::MAX - 59)],
        fates in prop::collection::vec((0_u64..400, prop::option::weighted(0.3, 0_u64..900), 0_u8..30), 1..300),
    ) {
        let mut viewer = Viewer::new();
        let mut wire = Vec::new();
        for (index, (delay, copy, luck)) in fates.iter().enumerate() {
            let mut video = frame(1, index as u32);
            video.header.frame = first.wrapping_add(index as u32);
            if *luck > 0 {
                wire.push((at(index as u32) + delay, video.clone()));
            }
            wire.extend(copy.map(|copy| (at(index as u32) + copy, video)));
        }
        viewer.watch(wire);
        viewer.wait(viewer.now_ms + 2000);
        let numbers: Vec<u32> = viewer.numbers().iter().map(|number| number.wrapping_sub(first)).collect();
        for pair in numbers.windows(2) {
            prop_assert!(pair[1] > pair[0], "{} then {}", pair[0], pair[1]);
            prop_assert!(pair[1] == pair[0] + 1 || pair[1].is_multiple_of(GROUP), "{} then {}", pair[0], pair[1]);
        }
        prop_assert!(numbers.first().is_none_or(|number| number.is_multiple_of(GROUP)));
    }

    #[test]
    fn no_frame_makes_it_panic_or_grow(
        steps in prop::collection::vec(
            (any::<u32>(), any::<u16>(), any::<u64>(), 0_u8..4, 0_u8..3, any::<[bool; 3]>(), 0_u64..200, 0_usize..300_000), 0..400),
    ) {
        let mut buffer = VideoBuffer::new(VideoConfig::default());
        let mut now = crate::clock::now();
        for (number, since_key, capture_us, spatial, temporal, [key, discardable, small], wait_ms, size) in steps {
            let mut video = frame(spatial, 0);
            let header = &mut video.header;
            (header.frame, header.capture_us) = if small { (number % 500, capture_us % 9_000_000) } else { (number, capture_us) };
            header.since_key = if small { since_key % 30 } else { since_key };
            (header.key, header.discardable, header.layer.temporal) = (key, discardable, temporal);
            video.payload = vec![0; size].into();
            buffer.push(now, video);
            let (frames, bytes) = held(&buffer);
            prop_assert!(frames <= 256 && bytes <= 8_000_000);
            now += Duration::from_millis(wait_ms);
            while wait_ms % 3 == 0 && buffer.pop(now).is_some() {}
            buffer.needs_key(now);
            buffer.last();
        }
        buffer.stats(now);
    }
}
