//! Single rules of the estimate; how they do together is judged by RFC 8867's cases, in `tests/it/rate`.

use super::*;

/// An estimator and a path of 100 ms on which everything is said by hand.
struct Bench {
    estimator: Estimator,
    now: Instant,
}

impl Bench {
    fn new(start_bps: u64) -> Self {
        let now = crate::clock::now();
        let limits = Limits { start_bps, most_bps: 4_000_000, ..Limits::default() };
        Self { estimator: Estimator::new(now, limits), now }
    }

    /// Sends `bps` for so many tenths of a second, all of which arrives but for a share, with these ms of queue there and back.
    fn run(&mut self, tenths: u32, bps: u64, lost: f64, queue_ms: (u64, u64)) -> u64 {
        (0..tenths * 5).for_each(|_| self.step(bps, lost, queue_ms));
        self.estimator.target_bps()
    }

    /// The same for 20 ms.
    fn step(&mut self, bps: u64, lost: f64, (there, back): (u64, u64)) {
        self.now += Duration::from_millis(20);
        let (now, bytes) = (self.now, bps / 8 / 50);
        let away = (bytes as f64 * lost) as u64;
        self.estimator.sent(now, bytes);
        self.estimator.delivered(now, bytes - away);
        self.estimator.lost(now, away);
        self.estimator.round_trip(now, Duration::from_millis(100 + there + back));
        self.estimator.delay().ways(now, 1000 * (50 + there as i64), 1000 * (50 + back as i64));
        self.estimator.update(now);
    }
}

#[test]
fn without_a_queue_it_grows_and_not_beyond_what_was_tried() {
    let mut bench = Bench::new(500_000);
    assert!(bench.run(40, 500_000, 0.0, (0, 0)) > 800_000);
    let most = bench.run(600, 500_000, 0.0, (0, 0));
    assert!((800_000..=880_000).contains(&most), "{most}");
}

#[test]
fn who_sends_little_keeps_the_estimate() {
    let mut bench = Bench::new(800_000);
    assert_eq!(bench.run(600, 60_000, 0.0, (0, 0)), 800_000);
    assert_eq!(bench.run(20, 60_000, 0.0, (40, 0)), 800_000, "it is somebody else's queue");
}

#[test]
fn a_long_queue_cuts_within_a_second_to_what_arrives() {
    let mut bench = Bench::new(1_000_000);
    bench.run(20, 1_000_000, 0.0, (0, 0));
    bench.run(1, 1_000_000, 0.0, (40, 0));
    let cut = bench.run(9, 1_000_000, 0.7, (200, 0));
    assert!(cut <= 300_000, "{cut}");
    let drained = bench.run(4, 300_000, 0.0, (0, 0));
    assert!((230_000..=330_000).contains(&drained), "{drained}");
}

#[test]
fn a_queue_on_the_way_back_is_not_blamed_on_what_is_sent() {
    let mut bench = Bench::new(1_000_000);
    bench.run(20, 1_000_000, 0.0, (0, 0));
    let before = bench.run(10, 1_000_000, 0.0, (0, 0));
    let after = bench.run(600, 1_000_000, 0.0, (0, 150));
    assert!(after as f64 > 0.8 * before as f64, "{after} of {before}");
}

/// Where the other side has much to send, an answer waits before it is sent, and an acknowledgement does not.
#[test]
fn an_answer_that_waited_hides_no_queue_on_the_way_there() {
    let mut bench = Bench::new(1_000_000);
    bench.run(20, 1_000_000, 0.0, (0, 0));
    let mut cut = 0;
    for _ in 0..50 {
        bench.now += Duration::from_millis(20);
        let now = bench.now;
        bench.estimator.sent(now, 2500);
        bench.estimator.delivered(now, 750);
        bench.estimator.round_trip(now, Duration::from_millis(100 + 300));
        bench.estimator.delay().ways(now, 1000 * (50 + 300), 1000 * (50 + 700));
        bench.estimator.update(now);
        cut = bench.estimator.target_bps();
    }
    assert!(bench.estimator.wants_probe(bench.now) && cut < 400_000, "{cut}");
}

/// 80 ms to either side on each way, another figure every 60 ms: no 200 ms of it are without.
#[test]
fn jitter_of_any_size_is_no_queue() {
    let mut bench = Bench::new(600_000);
    let mut random = 1u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % 160
    };
    for _ in 0..500 {
        let bps = bench.estimator.target_bps();
        let (there, back) = (draw(), draw());
        for _ in 0..3 {
            bench.step(bps, 0.0, (there, back));
        }
    }
    let target = bench.estimator.target_bps();
    assert!(target > 2_000_000, "{target} after 30 s on a path with room for everything");
}

#[test]
fn isolated_loss_is_no_sign_and_heavy_loss_is() {
    let mut bench = Bench::new(1_000_000);
    assert!(bench.run(50, 1_000_000, 0.02, (0, 0)) > 1_300_000);
    assert!(bench.run(50, 1_000_000, 0.3, (0, 0)) < 600_000);
}

#[test]
fn a_queue_that_does_not_respond_is_shared_by_losses() {
    let mut bench = Bench::new(1_000_000);
    bench.run(20, 1_000_000, 0.0, (0, 0));
    for _ in 0..40 {
        let bps = bench.estimator.target_bps();
        bench.run(1, bps, 0.0, (120, 0));
    }
    let figures = bench.estimator.figures(bench.now);
    assert!(figures.mode == Mode::Loss && figures.target_bps > 500_000, "{figures:?}");
    bench.run(10, figures.target_bps, 0.0, (0, 0));
    assert_eq!(bench.estimator.figures(bench.now).mode, Mode::Delay);
}

#[test]
fn another_path_begins_with_what_is_known_of_it_or_within_bounds() {
    let mut bench = Bench::new(600_000);
    bench.run(300, 3_000_000, 0.0, (0, 0));
    bench.estimator.moved(bench.now, None, Delay::default());
    assert_eq!(bench.estimator.target_bps(), 1_200_000);
    bench.estimator.moved(bench.now, Some(400_000), Delay::default());
    assert_eq!(bench.estimator.target_bps(), 400_000);
    // Where probes told its delay before, a queue shows at once.
    let mut delay = Delay::default();
    delay.round_trip(bench.now, Duration::from_millis(40));
    bench.estimator.moved(bench.now, Some(400_000), delay);
    assert!(bench.run(10, 400_000, 0.5, (200, 0)) < 250_000);
}

#[test]
fn a_path_that_carries_nothing_at_all_is_broken_and_not_slow() {
    let mut bench = Bench::new(1_000_000);
    bench.run(20, 1_000_000, 0.0, (0, 0));
    for _ in 0..30 {
        bench.now += Duration::from_millis(100);
        bench.estimator.waiting(Duration::from_millis(400));
        bench.estimator.update(bench.now);
    }
    bench.estimator.waiting(Duration::ZERO);
    assert!(bench.run(10, 500_000, 0.0, (0, 0)) > 400_000);
}
