//! Tables of who gets which frame, in virtual time.

use super::*;
use crate::clock;
use crate::proto::MediaHeader;
use crate::proto::control::Wish;

const ADA: ParticipantId = ParticipantId(0xada);
const BOB: ParticipantId = ParticipantId(0xb0b);

/// A router, a virtual clock, and short words for what happens.
struct Bench {
    router: Router,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { router: Router::default(), now: clock::now() }
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.now += Duration::from_millis(50);
            self.router.handle_timeout(self.now);
        }
    }

    fn subscribe(&mut self, session: u64, participant: ParticipantId, wishes: &[Wish], resume: &[Resume]) {
        self.router.subscribe(self.now, SessionId(session), participant, Wishes::new(wishes), resume);
    }

    fn watch(&mut self, session: u64, participant: ParticipantId) {
        self.subscribe(session, participant, &[wish(Track::Camera, 2), wish(Track::Microphone, 0)], &[]);
    }

    fn send(&mut self, number: u32, group: u32) -> bool {
        self.router.video(self.now, &frame(number, group, Layer::default()))
    }

    /// (session, frame number) of each video frame that goes out, and everything else in words.
    fn out(&mut self) -> (Vec<(u64, u32)>, Vec<&'static str>) {
        let (mut frames, mut rest) = (Vec::new(), Vec::new());
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::Video { to, frame } => frames.push((to.0, frame.header.frame)),
                Output::Audio { .. } => rest.push("audio"),
                Output::KeyFrame(_) => rest.push("key"),
                Output::Fetch { after: None, .. } => rest.push("fetch"),
                Output::Fetch { .. } => rest.push("fetch the rest"),
            }
        }
        (frames, rest)
    }
}

fn wish(track: Track, max_spatial: u32) -> Wish {
    Wish { participant: 0, track: track as u32, max_spatial, max_temporal: 2 }
}

fn resume(group: u32, frame: u32) -> Resume {
    Resume { participant: ADA.0, track: Track::Camera as u32, spatial: 0, group, frame }
}

fn frame(number: u32, group: u32, layer: Layer) -> VideoFrame {
    let header = MediaHeader {
        track: Track::Camera,
        layer,
        key: number == group,
        discardable: false,
        dtx: false,
        participant: ADA,
        frame: number,
        since_key: (number - group) as u16,
        capture_us: 0,
    };
    VideoFrame::new(header, b"sealed")
}

fn stream() -> StreamId {
    StreamId { participant: ADA, track: Track::Camera, spatial: 0 }
}

#[test]
fn a_frame_goes_once_to_everybody_but_its_sender() {
    let mut bench = Bench::new();
    bench.watch(1, ADA);
    bench.watch(2, BOB);
    bench.watch(3, ParticipantId(3));
    assert!(bench.send(0, 0));
    assert!(!bench.send(0, 0), "the same frame over a second link");
    assert_eq!(bench.out(), (vec![(2, 0), (3, 0)], vec![]));
}

#[test]
fn both_sessions_of_a_participant_get_what_they_ask_for() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    bench.watch(3, BOB);
    bench.send(0, 0);
    assert_eq!(bench.out().0, [(2, 0), (3, 0)]);
}

#[test]
fn frames_that_come_out_of_order_go_on() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    for number in [0, 2, 1, 2, 3] {
        bench.send(number, 0);
    }
    assert_eq!(bench.out().0, [(2, 0), (2, 2), (2, 1), (2, 3)]);
}

#[test]
fn wishes_choose_track_size_and_rate() {
    let mut bench = Bench::new();
    let small = Wish { max_temporal: 0, ..wish(Track::Camera, 0) };
    bench.subscribe(2, BOB, &[small], &[]);
    bench.subscribe(3, ParticipantId(3), &[wish(Track::Screen, 2)], &[]);
    bench.subscribe(4, ParticipantId(4), &[wish(Track::Camera, 1)], &[]);
    for number in 0..12 {
        let temporal = [0, 2, 1, 2][number as usize % 4];
        // Sizes are numbered each on their own.
        for spatial in 0..3 {
            bench.router.video(bench.now, &frame(number, 0, Layer { spatial, temporal }));
        }
    }
    let got = |session: u64, all: &[(u64, u32)]| -> Vec<u32> {
        all.iter().filter(|(to, _)| *to == session).map(|(_, number)| *number).collect()
    };
    let all = bench.out().0;
    assert_eq!(got(2, &all), [0, 1, 2, 3, 4, 5, 6, 7, 8], "eight to learn the pattern from, then the base layer");
    assert_eq!(got(3, &all), [0_u32; 0]);
    assert_eq!(got(4, &all), [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], "the small one until the larger is there");
}

#[test]
fn audio_goes_to_who_wants_it_and_a_datagram_with_something_new_goes_whole() {
    let mut bench = Bench::new();
    bench.watch(1, ADA);
    bench.watch(2, BOB);
    bench.subscribe(3, ParticipantId(3), &[wish(Track::Camera, 0)], &[]);
    let datagram = Bytes::from_static(b"\x04sealed");
    let table = [(&[1u32][..], true), (&[2, 1], true), (&[2, 1], false), (&[1], false), (&[4, 3], true), (&[3], false)];
    for (packets, new) in table {
        assert_eq!(bench.router.audio(ADA, packets, &datagram), new, "{packets:?}");
    }
    let mut to = Vec::new();
    while let Some(output) = bench.router.poll_output() {
        assert!(matches!(&output, Output::Audio { to: SessionId(2), .. }), "{output:?}");
        to.push(output);
    }
    assert_eq!(to.len(), 3);
}

#[test]
fn a_late_subscriber_gets_the_group_at_once_and_then_what_follows() {
    let mut bench = Bench::new();
    (0..4).for_each(|number| assert!(bench.send(number, 0)));
    bench.watch(2, BOB);
    bench.send(4, 0);
    assert_eq!(bench.out(), ((0..5).map(|number| (2, number)).collect(), vec![]));
}

#[test]
fn a_subscriber_that_resumes_gets_what_follows_its_last_frame_or_the_newest_group() {
    let table = [(resume(10, 12), vec![13, 14]), (resume(10, 14), vec![]), (resume(2, 9), vec![10, 11, 12, 13, 14])];
    for (resume, expected) in table {
        let mut bench = Bench::new();
        (10..15).for_each(|number| assert!(bench.send(number, 10)));
        bench.subscribe(2, BOB, &[wish(Track::Camera, 0)], std::slice::from_ref(&resume));
        assert_eq!(bench.out(), (expected.iter().map(|number| (2, *number)).collect(), vec![]), "{resume:?}");
        bench.send(15, 10);
        assert_eq!(bench.out().0, [(2, 15)]);
    }
}

#[test]
fn who_is_ahead_of_this_relay_gets_nothing_twice() {
    let mut bench = Bench::new();
    bench.send(0, 0);
    bench.subscribe(2, BOB, &[wish(Track::Camera, 0)], &[resume(10, 12)]);
    for number in 10..15 {
        bench.send(number, 10);
    }
    assert_eq!(bench.out().0, [(2, 13), (2, 14)]);
}

#[test]
fn subscribing_anew_does_not_disturb_what_flows() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    bench.send(0, 0);
    bench.watch(2, BOB);
    bench.send(1, 0);
    assert_eq!(bench.out(), (vec![(2, 0), (2, 1)], vec![]));
    bench.subscribe(2, BOB, &[], &[]);
    bench.send(2, 0);
    assert_eq!(bench.out(), (vec![], vec![]));
    assert_eq!(bench.router.interest(), Interest::NONE);
}

#[test]
fn a_newcomer_to_a_stream_whose_group_is_lost_has_the_sender_asked_once() {
    let mut bench = Bench::new();
    (1..3).for_each(|number| assert!(bench.send(number, 0)));
    bench.watch(2, BOB);
    bench.watch(3, ParticipantId(3));
    assert_eq!(bench.out(), (vec![], vec!["key"]));
    bench.send(3, 0);
    assert_eq!(bench.out(), (vec![], vec![]));
    bench.send(4, 4);
    assert_eq!(bench.out().0, [(2, 4), (3, 4)]);
    bench.pass(2000);
    assert_eq!(bench.out(), (vec![], vec![]));
}

#[test]
fn key_frame_requests_are_merged_for_300_ms() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    bench.send(0, 0);
    bench.out();
    for _ in 0..5 {
        bench.router.key_frame_wanted(bench.now, stream());
        bench.pass(50);
    }
    assert_eq!(bench.out().1, ["key"]);
    bench.pass(100);
    assert_eq!(bench.out().1, ["key"], "those that came meanwhile are one more");
    bench.pass(1000);
    assert_eq!(bench.out().1, [] as [&str; 0]);
}

#[test]
fn a_key_frame_answers_the_requests_that_wait() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    bench.send(0, 0);
    bench.router.key_frame_wanted(bench.now, stream());
    bench.router.key_frame_wanted(bench.now, stream());
    bench.send(1, 1);
    bench.pass(1000);
    assert_eq!(bench.out().1, ["key"]);
}

#[test]
fn a_slow_session_is_left_out_until_the_next_key_frame_and_nobody_else_is() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    bench.watch(3, ParticipantId(3));
    bench.send(0, 0);
    bench.out();
    let head = SubgroupHead { participant: ADA, track: Track::Camera, layer: Layer::default(), group: 0 };
    bench.router.late(bench.now, SessionId(2), &head);
    bench.send(1, 0);
    assert_eq!(bench.out(), (vec![(3, 1)], vec!["key"]));
    bench.send(2, 2);
    assert_eq!(bench.out().0, [(2, 2), (3, 2)]);
}

#[test]
fn a_session_that_stays_slow_costs_the_sender_a_key_frame_each_two_seconds_at_most() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    let mut keys = 0;
    for group in 0..40 {
        bench.send(group, group);
        let head = SubgroupHead { participant: ADA, track: Track::Camera, layer: Layer::default(), group };
        bench.router.late(bench.now, SessionId(2), &head);
        bench.pass(250);
        keys += bench.out().1.len();
    }
    assert!((5..=6).contains(&keys), "{keys} in ten seconds");
}

#[test]
fn a_late_enhancement_layer_is_left_out_alone() {
    let mut bench = Bench::new();
    bench.watch(2, BOB);
    bench.send(0, 0);
    let upper = Layer { spatial: 0, temporal: 1 };
    bench.router.late(
        bench.now,
        SessionId(2),
        &SubgroupHead { participant: ADA, track: Track::Camera, layer: upper, group: 0 },
    );
    bench.router.video(bench.now, &frame(1, 0, upper));
    bench.send(2, 0);
    assert_eq!(bench.out(), (vec![(2, 0), (2, 2)], vec![]));
}

#[test]
fn what_another_relay_holds_is_fetched_and_goes_out_in_order_before_what_came_meanwhile() {
    let mut bench = Bench::new();
    bench.router.set_elsewhere(bench.now, ADA, true);
    bench.subscribe(2, BOB, &[wish(Track::Camera, 0)], &[]);
    assert_eq!(bench.out(), (vec![], vec!["fetch"]));
    bench.send(3, 0);
    let group: Vec<_> = (0..4).map(|number| frame(number, 0, Layer::default())).collect();
    bench.router.fetched(bench.now, stream(), &group);
    bench.send(4, 0);
    assert_eq!(bench.out(), ((0..5).map(|number| (2, number)).collect(), vec![]));
}

#[test]
fn a_member_that_turns_up_elsewhere_later_is_fetched_then() {
    let mut bench = Bench::new();
    bench.subscribe(2, BOB, &[wish(Track::Camera, 0)], &[resume(0, 1)]);
    assert_eq!(bench.out(), (vec![], vec![]));
    bench.router.set_elsewhere(bench.now, ADA, true);
    assert_eq!(bench.out(), (vec![], vec!["fetch the rest"]));
    bench.router.fetched(bench.now, stream(), &[frame(2, 0, Layer::default()), frame(3, 0, Layer::default())]);
    assert_eq!(bench.out().0, [(2, 2), (2, 3)]);
}

#[test]
fn a_fetch_that_is_not_answered_ends_in_a_request_for_a_key_frame() {
    let mut bench = Bench::new();
    bench.router.set_elsewhere(bench.now, ADA, true);
    bench.subscribe(2, BOB, &[wish(Track::Camera, 0)], &[]);
    bench.out();
    bench.send(7, 5);
    bench.pass(150);
    assert_eq!(bench.out(), (vec![], vec![]));
    bench.pass(100);
    assert_eq!(bench.out(), (vec![], vec!["key"]));
}

#[test]
fn a_stream_that_nobody_sends_is_not_asked_for() {
    let mut bench = Bench::new();
    bench.router.set_elsewhere(bench.now, ADA, true);
    bench.watch(2, BOB);
    bench.out();
    bench.pass(20_000);
    assert_eq!(bench.out(), (vec![], vec![]));
}

#[test]
fn a_picture_that_nobody_goes_on_sending_is_not_shown_to_newcomers() {
    let mut bench = Bench::new();
    bench.send(0, 0);
    bench.pass(11_000);
    bench.watch(2, BOB);
    assert_eq!(bench.out(), (vec![], vec![]));
}

#[test]
fn another_relay_is_served_from_the_cache() {
    let mut bench = Bench::new();
    (0..4).for_each(|number| assert!(bench.send(number, 0)));
    let numbers = |frames: Vec<VideoFrame>| frames.iter().map(|frame| frame.header.frame).collect::<Vec<_>>();
    assert_eq!(numbers(bench.router.cached(stream(), None)), [0, 1, 2, 3]);
    assert_eq!(numbers(bench.router.cached(stream(), Some(After { group: 0, frame: 2 }))), [3]);
    bench.router.remove_participant(ADA);
    assert!(bench.router.cached(stream(), None).is_empty());
}

#[test]
fn what_was_kept_before_a_hole_is_fetched_anew() {
    let mut bench = Bench::new();
    bench.router.set_elsewhere(bench.now, ADA, true);
    bench.subscribe(2, BOB, &[wish(Track::Camera, 0)], &[]);
    (0..3).for_each(|number| assert!(bench.send(number, 0)));
    bench.pass(1000);
    bench.out();
    bench.router.unsubscribe(SessionId(2));
    bench.subscribe(3, BOB, &[wish(Track::Camera, 0)], &[]);
    assert_eq!(bench.out(), (vec![], vec!["fetch"]));
    let group: Vec<_> = (0..6).map(|number| frame(number, 0, Layer::default())).collect();
    bench.router.fetched(bench.now, stream(), &group);
    assert_eq!(bench.out().0, (0..6).map(|number| (3, number)).collect::<Vec<_>>());
    bench.router.missed_elsewhere();
    bench.pass(1000);
    bench.subscribe(4, ParticipantId(4), &[wish(Track::Camera, 0)], &[]);
    assert_eq!(bench.out(), (vec![], vec!["fetch"]));
}

mod layers;

#[test]
fn what_comes_of_somebody_who_is_gone_leaves_nothing_behind() {
    let mut bench = Bench::new();
    bench.watch(1, BOB);
    bench.send(1, 1);
    bench.router.audio(BOB, &[1], &Bytes::new());
    bench.router.forget_strangers(bench.now, |_| false);
    assert!(!bench.send(1, 1), "word of a newcomer may be behind its frames");
    bench.pass(1500);
    bench.router.forget_strangers(bench.now, |_| true);
    assert!(!bench.send(1, 1));
    bench.router.forget_strangers(bench.now, |_| false);
    assert!(bench.router.streams.is_empty() && bench.router.heard.is_empty());
    assert!(bench.router.subscribers.values().all(|subscriber| subscriber.views.is_empty()));
}

#[test]
fn a_screen_that_stands_still_for_long_is_asked_for_when_somebody_comes() {
    let mut bench = Bench::new();
    let screen = |number| {
        let header = MediaHeader { track: Track::Screen, ..frame(number, number, Layer::default()).header };
        VideoFrame::new(header, &[0; 10])
    };
    let watch = |bench: &mut Bench, session| {
        bench.subscribe(session, ParticipantId(session), &[wish(Track::Screen, 2)], &[]);
    };
    bench.router.video(bench.now, &screen(1));
    bench.pass(5000);
    watch(&mut bench, 1);
    assert_eq!(bench.out(), (vec![(1, 1)], vec![]), "it is kept");
    bench.pass(6000);
    watch(&mut bench, 2);
    assert_eq!(bench.out(), (vec![], vec!["key"]));
    watch(&mut bench, 3);
    assert_eq!(bench.out(), (vec![], vec![]), "once for all who come");
    bench.pass(1000);
    bench.router.video(bench.now, &screen(2));
    assert_eq!(bench.out().0, [(1, 2), (2, 2), (3, 2)]);
    bench.pass(11_000);
    bench.out();
    bench.router.wake(bench.now, StreamId { participant: ADA, track: Track::Screen, spatial: 0 });
    assert_eq!(bench.out(), (vec![], vec!["key"]), "somebody at another relay wants it");
}
