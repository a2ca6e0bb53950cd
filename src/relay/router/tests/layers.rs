//! Three sizes of three temporal layers each, subscribers with links of all kinds, and minutes of it in virtual time.

mod demand;

use std::collections::BTreeMap;

use super::*;

/// Between frames, ms.
const FRAME: u64 = 40;
/// What each size has a second, bits, but for key frames.
const RATES: [u64; 3] = [150_000, 500_000, 1_200_000];
/// A camera answers a request for a key frame after this, ms.
const ANSWER: u64 = 80;
/// Bytes that may wait longer than this are given up, ms.
const OLD: f64 = 500.0;

/// A camera in some sizes.
struct Camera {
    participant: ParticipantId,
    sizes: Vec<u8>,
    number: u32,
    groups: [u32; 3],
    /// When a key frame of each size is due, ms.
    asked: [Option<u64>; 3],
    requests: Vec<(u64, u8)>,
}

impl Camera {
    fn new(participant: u64, sizes: &[u8]) -> Self {
        let asked = [Some(0); 3];
        let requests = Vec::new();
        Self {
            participant: ParticipantId(participant),
            sizes: sizes.into(),
            number: 0,
            groups: [0; 3],
            asked,
            requests,
        }
    }

    /// The frames of one moment.
    fn frames(&mut self, ms: u64) -> Vec<VideoFrame> {
        let number = self.number;
        self.number += 1;
        let mut frames = Vec::new();
        for spatial in self.sizes.clone() {
            let size = usize::from(spatial);
            let key = self.asked[size].take_if(|at| *at <= ms).is_some();
            if key {
                self.groups[size] = number;
            }
            let since_key = (number - self.groups[size]) as u16;
            let temporal = [0, 2, 1, 2][usize::from(since_key % 4)];
            let header = MediaHeader {
                track: Track::Camera,
                layer: Layer { spatial, temporal },
                key,
                discardable: temporal == 2,
                dtx: false,
                participant: self.participant,
                frame: number,
                since_key,
                capture_us: ms * 1000,
            };
            let bytes = RATES[size] * FRAME / 8000 * if key { 5 } else { 1 };
            frames.push(VideoFrame::new(header, &vec![0; bytes as usize]));
        }
        frames
    }
}

/// A link of a rate, and what came out of it.
struct Link {
    bps: f64,
    /// Bits that wait, as time, ms.
    queue: f64,
    /// When each frame came, ms, its capture time, ms, and its header.
    got: Vec<(u64, u64, MediaHeader)>,
    given_up: BTreeMap<SubgroupHead, u64>,
    late: u32,
}

struct Scene {
    bench: Bench,
    ms: u64,
    cameras: Vec<Camera>,
    links: BTreeMap<SessionId, Link>,
}

impl Scene {
    fn new(cameras: Vec<Camera>) -> Self {
        Self { bench: Bench::new(), ms: 0, cameras, links: BTreeMap::new() }
    }

    /// A subscriber to every camera behind a link of so many kbit/s.
    fn join(&mut self, session: u64, max_spatial: u32, kbps: u64) {
        self.bench.subscribe(session, ParticipantId(session + 1000), &[wish(Track::Camera, max_spatial)], &[]);
        self.connect(session, kbps);
    }

    fn connect(&mut self, session: u64, kbps: u64) {
        let link = Link { bps: kbps as f64 * 1000.0, queue: 0.0, got: vec![], given_up: BTreeMap::new(), late: 0 };
        self.links.insert(SessionId(session), link);
    }

    fn run(&mut self, ms: u64) {
        let end = self.ms + ms;
        while self.ms < end {
            if self.ms.is_multiple_of(FRAME) {
                let frames: Vec<_> = self.cameras.iter_mut().flat_map(|camera| camera.frames(self.ms)).collect();
                for frame in &frames {
                    self.bench.router.video(self.bench.now, frame);
                }
            }
            if self.ms.is_multiple_of(50) {
                for (session, link) in &self.links {
                    let waiting = Duration::from_micros((link.queue * 1000.0) as u64);
                    self.bench.router.set_link(self.bench.now, *session, Load { waiting, rate_bps: None });
                }
                self.bench.router.handle_timeout(self.bench.now);
            }
            self.carry();
            self.ms += 10;
            self.bench.now += Duration::from_millis(10);
            self.links.values_mut().for_each(|link| link.queue = (link.queue - 10.0).max(0.0));
        }
    }

    fn carry(&mut self) {
        let mut late = Vec::new();
        while let Some(output) = self.bench.router.poll_output() {
            match output {
                Output::Video { to, frame } => {
                    let link = self.links.get_mut(&to).unwrap();
                    let head = SubgroupHead::of(&frame.header);
                    if head.layer.temporal == 0 {
                        link.given_up.retain(|head, _| head.layer.temporal == 0);
                    }
                    if link.queue > OLD && !frame.header.discardable && link.given_up.insert(head, self.ms).is_none() {
                        late.push((to, head));
                        link.late += 1;
                    }
                    if link.queue > OLD || link.given_up.contains_key(&head) {
                        continue;
                    }
                    link.queue += frame.bytes.len() as f64 * 8000.0 / link.bps;
                    link.got.push((self.ms, frame.header.capture_us / 1000, frame.header));
                }
                Output::KeyFrame(stream) => {
                    let camera = self.cameras.iter_mut().find(|it| it.participant == stream.participant).unwrap();
                    camera.asked[usize::from(stream.spatial)].get_or_insert(self.ms + ANSWER);
                    camera.requests.push((self.ms, stream.spatial));
                }
                _ => {}
            }
        }
        for (session, head) in late {
            self.bench.router.late(self.bench.now, session, &head);
        }
    }

    fn link(&mut self, session: u64) -> &mut Link {
        self.links.get_mut(&SessionId(session)).unwrap()
    }

    /// Spatial and highest temporal layer of what came of a camera within the last so many ms.
    fn gets(&self, session: u64, participant: u64, last_ms: u64) -> Option<(u8, u8)> {
        let got = &self.links[&SessionId(session)].got;
        let of = got
            .iter()
            .filter(|(at, _, header)| header.participant == ParticipantId(participant) && at + last_ms >= self.ms);
        of.map(|(_, _, header)| (header.layer.spatial, header.layer.temporal)).max()
    }
}

impl Scene {
    /// The size of which most came within the last so many ms.
    fn mostly(&self, session: u64, last_ms: u64) -> Option<u8> {
        let got = self.links[&SessionId(session)].got.iter().filter(|(at, ..)| at + last_ms >= self.ms);
        let count = |size: u8| got.clone().filter(|(_, _, header)| header.layer.spatial == size).count();
        (0..3).filter(|size| count(*size) > 0).max_by_key(|size| count(*size))
    }
}

impl Link {
    /// Sizes in the order in which they came, and when each began.
    fn sizes(&self) -> Vec<(u64, u8)> {
        let mut sizes: Vec<(u64, u8)> = self.got.iter().map(|(at, _, header)| (*at, header.layer.spatial)).collect();
        sizes.dedup_by_key(|(_, spatial)| *spatial);
        sizes
    }

    /// Asserts that what came can be decoded and shown without a gap.
    fn check(&self, gap_ms: u64) {
        let mut last: BTreeMap<u8, MediaHeader> = BTreeMap::new();
        let mut shown: Option<u64> = None;
        for (at, capture, header) in &self.got {
            let before = last.insert(header.layer.spatial, *header);
            let group = before.filter(|before| before.group() == header.group());
            assert!(header.key || group.is_some(), "{at}: {header:?} without its key frame");
            if let Some(shown) = shown {
                assert!(*capture <= shown + gap_ms, "{at}: from {shown} to {capture} ms");
            }
            shown = shown.max(Some(*capture));
        }
        let mut moments: BTreeMap<u64, u32> = BTreeMap::new();
        self.got.iter().for_each(|(_, capture, _)| *moments.entry(*capture).or_default() += 1);
        let twice: Vec<u64> = moments.iter().filter(|(_, count)| **count > 1).map(|(capture, _)| *capture).collect();
        let changes = self.sizes().len() as u64;
        assert!(twice.len() as u64 <= changes * 14, "two sizes at once at {twice:?}");
    }
}

#[test]
fn wish_offer_and_link_together_choose_the_size() {
    let table: [(&[u8], u32, u64, u8); 12] = [
        (&[0, 1, 2], 2, 20_000, 2),
        (&[0, 1, 2], 1, 20_000, 1),
        (&[0, 1, 2], 0, 20_000, 0),
        (&[0], 2, 20_000, 0),
        (&[0, 1], 2, 20_000, 1),
        (&[0, 2], 1, 20_000, 0),
        (&[2], 0, 20_000, 2),
        (&[1, 2], 0, 20_000, 1),
        (&[0, 1, 2], 2, 800, 1),
        (&[0, 1, 2], 1, 800, 1),
        (&[0, 1, 2], 2, 200, 0),
        (&[0, 2], 2, 800, 0),
    ];
    for (offered, max_spatial, kbps, size) in table {
        let mut scene = Scene::new(vec![Camera::new(1, offered)]);
        scene.join(2, max_spatial, kbps);
        scene.run(30_000);
        assert_eq!(scene.mostly(2, 20_000), Some(size), "{offered:?} offered, {max_spatial} wished, {kbps} kbit/s");
    }
}

#[test]
fn a_change_of_wish_is_a_change_of_size_without_a_gap() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    scene.join(2, 2, 20_000);
    for (round, max_spatial) in [0, 2, 1, 2, 0, 1].into_iter().cycle().take(30).enumerate() {
        scene.run(700 + 90 * round as u64);
        scene.bench.subscribe(2, ParticipantId(1002), &[wish(Track::Camera, max_spatial)], &[]);
    }
    scene.run(1000);
    let link = scene.link(2);
    link.check(FRAME);
    assert!(link.sizes().len() > 30, "{:?}", link.sizes());
    assert_eq!(link.late, 0);
    assert_eq!(scene.gets(2, 1, 500), Some((1, 2)));
}

#[test]
fn thirty_that_change_at_once_ask_once() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    (2..32).for_each(|session| scene.join(session, 0, 20_000));
    scene.run(5_000);
    scene.cameras[0].requests.clear();
    for session in 2..32 {
        scene.bench.subscribe(session, ParticipantId(session + 1000), &[wish(Track::Camera, 2)], &[]);
        scene.run(10);
    }
    scene.run(1_000);
    assert!((2..32).all(|session| scene.gets(session, 1, 200) == Some((2, 2))));
    assert_eq!(scene.cameras[0].requests.len(), 1, "{:?}", scene.cameras[0].requests);
    scene.links.values().for_each(|link| link.check(FRAME));
}

#[test]
fn a_key_frame_that_does_not_come_is_asked_for_again_and_the_old_size_stays() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    scene.join(2, 0, 20_000);
    scene.run(3_000);
    scene.bench.subscribe(2, ParticipantId(1002), &[wish(Track::Camera, 2)], &[]);
    for _ in 0..300 {
        scene.run(10);
        scene.cameras[0].asked = [None; 3];
    }
    let requests: Vec<_> = scene.cameras[0].requests.iter().filter(|(at, _)| *at >= 3_000).collect();
    assert!((3..=4).contains(&requests.len()) && requests.iter().all(|(_, size)| *size == 2), "{requests:?}");
    assert_eq!(scene.gets(2, 1, 2_900), Some((0, 2)));
    scene.run(2_000);
    assert_eq!(scene.gets(2, 1, 200), Some((2, 2)));
    scene.link(2).check(FRAME);
}

#[test]
fn one_slow_link_among_thirty_gets_the_small_size_and_nobody_else_notices() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    (2..32).for_each(|session| scene.join(session, 2, if session == 2 { 200 } else { 20_000 }));
    scene.run(60_000);
    assert_eq!(scene.mostly(2, 40_000), Some(0));
    assert!(scene.link(2).late <= 12, "{}", scene.link(2).late);
    for session in 3..32 {
        let link = &scene.links[&SessionId(session)];
        link.check(FRAME);
        assert_eq!((link.late, link.sizes().last().map(|(_, spatial)| *spatial)), (0, Some(2)));
        let large = link.got.iter().filter(|(_, _, header)| header.layer.spatial == 2).count();
        assert_eq!(large, 60_000 / FRAME as usize);
    }
    let requests = scene.cameras[0].requests.iter().filter(|(_, spatial)| *spatial == 2).count();
    assert!(requests <= 6, "{requests} key frames of the large picture");
}

#[test]
fn ten_minutes_on_a_link_between_two_sizes_have_few_changes() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    scene.join(2, 2, 420);
    scene.run(600_000);
    let link = scene.link(2);
    let changes = link.sizes();
    assert!(changes.len() <= 45, "{} changes: {changes:?}", changes.len());
    assert!(changes.iter().filter(|(at, _)| *at > 300_000).count() <= 20, "{changes:?}");
    assert!(changes.iter().all(|(at, spatial)| *spatial < 2 || *at < 5_000), "{changes:?}");
    assert!(link.late <= 45, "{}", link.late);
}

#[test]
fn a_link_that_gets_better_is_given_everything_again_before_long() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    scene.join(2, 2, 180);
    scene.run(15_000);
    assert_eq!(scene.mostly(2, 12_000), Some(0));
    scene.link(2).bps = 10_000_000.0;
    scene.run(40_000);
    assert!(scene.gets(2, 1, 500) >= Some((1, 2)));
    scene.run(50_000);
    assert_eq!(scene.gets(2, 1, 500), Some((2, 2)));
}

#[test]
fn a_size_that_ends_gives_way_to_another_and_comes_back() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    scene.join(2, 2, 20_000);
    scene.run(5_000);
    scene.cameras[0].sizes = vec![0, 1];
    scene.run(2_000);
    assert_eq!(scene.gets(2, 1, 200), Some((1, 2)));
    scene.cameras[0].sizes = vec![0, 1, 2];
    scene.run(2_000);
    assert_eq!(scene.gets(2, 1, 200), Some((2, 2)));
    scene.link(2).check(850);
}

#[test]
fn more_temporal_layers_begin_with_a_base_frame_and_fewer_hold_at_once() {
    let mut scene = Scene::new(vec![Camera::new(1, &[1])]);
    scene.join(2, 2, 20_000);
    let few = |max_temporal| Wish { max_temporal, ..wish(Track::Camera, 2) };
    for (round, temporal) in [0, 2, 1, 0, 1, 2].into_iter().cycle().take(24).enumerate() {
        scene.run(400 + 10 * round as u64);
        scene.bench.subscribe(2, ParticipantId(1002), &[few(temporal)], &[]);
        let mark = scene.link(2).got.len();
        scene.run(200);
        let came = &scene.link(2).got[mark..];
        assert!(came.iter().all(|(_, _, header)| u32::from(header.layer.temporal) <= temporal));
    }
    let mut last: [Option<u32>; 3] = [None; 3];
    for (at, _, header) in &scene.link(2).got {
        let place = header.since_key % 4;
        let needs = [4, 1, 2, if last[1] > last[0] { 1 } else { 3 }][usize::from(place)];
        let newest = last[..header.layer.temporal.max(1).into()].iter().flatten().max().copied();
        assert!(header.key || newest.is_some_and(|newest| newest + needs >= header.frame), "{at}: {header:?}");
        last[usize::from(header.layer.temporal)] = Some(header.frame);
    }
}

#[test]
fn a_narrow_link_shares_what_it_has_among_many_cameras() {
    let mut scene = Scene::new((1..=6).map(|id| Camera::new(id, &[0, 1, 2])).collect());
    scene.join(20, 1, 1_500);
    scene.run(40_000);
    let gets: Vec<_> = (1..=6).map(|id| scene.gets(20, id, 2_000)).collect();
    assert!(gets.iter().all(|layer| layer.is_some_and(|(spatial, _)| spatial <= 1)), "{gets:?}");
    let pinned = Wish { participant: 3, ..wish(Track::Camera, 2) };
    scene.bench.subscribe(20, ParticipantId(1020), &[wish(Track::Camera, 0), pinned], &[]);
    scene.run(60_000);
    let gets: Vec<_> = (1..=6).map(|id| scene.gets(20, id, 2_000).map(|(spatial, _)| spatial)).collect();
    assert!(gets.iter().all(Option::is_some) && gets[2] > Some(0), "{gets:?}");
}

#[test]
fn who_moves_here_goes_on_with_the_size_that_it_had_and_is_judged_later() {
    let mut scene = Scene::new(vec![Camera::new(1, &[0, 1, 2])]);
    scene.join(2, 1, 20_000);
    scene.run(2_000);
    let last = scene.links[&SessionId(2)].got.last().unwrap().2;
    let resume = Resume { participant: 1, track: 1, spatial: 1, group: last.group(), frame: last.frame };
    scene.connect(3, 20_000);
    scene.cameras[0].requests.clear();
    scene.bench.subscribe(3, ParticipantId(1003), &[wish(Track::Camera, 2)], &[resume]);
    scene.run(900);
    let got = &scene.link(3).got;
    assert!(got.iter().all(|(_, _, header)| header.layer.spatial == 1));
    assert_eq!(got.first().map(|(_, _, header)| header.frame), Some(last.frame + 1), "nothing lost, nothing again");
    assert_eq!(scene.cameras[0].requests, []);
    scene.run(1_000);
    assert_eq!(scene.gets(3, 1, 200), Some((2, 2)));
}
