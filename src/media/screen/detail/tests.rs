//! A screen in virtual time: pages of a known cost, and what is sent of them.

use super::*;

/// What was sent: when, ms, and how.
type Sent = Vec<(u64, Shot, usize)>;

/// A screen that changes where `changes` says so, whose pictures cost `bits`.
struct Bench {
    start: Instant,
    detail: Detail,
    sent: Sent,
    at: u64,
}

impl Bench {
    fn new(budget_bps: u32) -> Self {
        let start = crate::clock::now();
        Self { start, detail: Detail::new(start, budget_bps), sent: Vec::new(), at: 0 }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.at)
    }

    /// Looks every 67 ms until `until` ms.
    fn run(&mut self, until: u64, changes: impl Fn(u64) -> bool, bits: impl Fn(u64, Shot) -> usize) {
        while self.at < until {
            let now = self.now();
            if let Some(mut shot) = self.detail.plan(now, changes(self.at)) {
                let mut cost = bits(self.at, shot);
                if let Some(again) = self.detail.again(shot, cost) {
                    shot = again;
                    cost = bits(self.at, shot);
                }
                self.detail.sent(now, shot, cost, shot.key);
                self.sent.push((self.at, shot, cost));
            }
            self.at += 67;
        }
    }

    fn between(&self, from: u64, to: u64) -> Sent {
        self.sent.iter().filter(|(at, ..)| (from..to).contains(at)).copied().collect()
    }
}

/// A page of text that costs `whole` bits in all, with the finest quantiser for what moves.
fn page(whole: usize) -> impl Fn(u64, Shot) -> usize {
    move |_, shot| (whole as f64 * 2f64.powf((f64::from(FINEST) - f64::from(shot.quantiser)) / HALVING)) as usize
}

#[test]
fn a_still_page_is_sent_once_and_then_a_few_bytes_a_second() {
    let mut bench = Bench::new(1_500_000);
    let page = page(600_000);
    bench.run(10_000, |_| false, |at, shot| if at == 0 { page(at, shot) } else { 800 });
    assert_eq!(bench.sent[0].1, Shot { quantiser: FINEST, key: true, still: false });
    let rest = bench.between(1, 10_000);
    assert!((7..=10).contains(&rest.len()), "{rest:?}");
    assert!(rest.iter().all(|(_, shot, _)| !shot.key));
}

#[test]
fn a_page_that_the_budget_does_not_carry_comes_coarse_and_is_sharpened_once_it_stands() {
    let mut bench = Bench::new(200_000);
    let page = page(600_000);
    // A step costs a part of a page, and what is sharp already nothing.
    let sharp = std::cell::Cell::new(false);
    let cost = |at, shot: Shot| match shot {
        Shot { still: true, .. } if sharp.get() => 800,
        Shot { still: true, quantiser, .. } => {
            sharp.set(quantiser <= SHARP_ENOUGH);
            150_000
        }
        shot => page(at, shot),
    };
    bench.run(8_000, |_| false, cost);
    let (first, second, third) = (bench.sent[0], bench.sent[1], bench.sent[2]);
    assert!(first.1.quantiser > 28 && first.2 <= 350_000, "{first:?}");
    assert!(second.1.still && third.1.still, "{second:?} {third:?}");
    assert!(second.0 as usize >= first.2 / 200, "not before the first is on its way: {second:?}");
    assert!(third.1.quantiser <= SHARP_ENOUGH && third.0 <= 4_000, "{third:?}");
    assert!(bench.between(third.0 + 1, 8_000).iter().all(|(.., bits)| *bits == 800));
}

#[test]
fn what_moves_comes_fifteen_times_a_second_where_it_is_cheap_and_five_times_where_it_is_not() {
    let rate = |budget: u32, cost: usize| {
        let mut bench = Bench::new(budget);
        bench.run(20_000, |_| true, page(cost));
        bench.between(10_000, 20_000).len() as f64 / 10.0
    };
    assert!((14.0..=15.5).contains(&rate(1_500_000, 50_000)), "{}", rate(1_500_000, 50_000));
    assert!((7.0..=11.0).contains(&rate(500_000, 50_000)), "{}", rate(500_000, 50_000));
    assert!((4.0..=6.0).contains(&rate(500_000, 130_000)), "{}", rate(500_000, 130_000));
}

#[test]
fn fewer_pictures_come_before_coarser_ones() {
    let mut bench = Bench::new(500_000);
    bench.run(20_000, |_| true, page(90_000));
    let moving = bench.between(10_000, 20_000);
    assert!(moving.len() < 80, "{}", moving.len());
    assert!(moving.iter().all(|(_, shot, _)| shot.quantiser == FINEST));
}

#[test]
fn the_budget_is_kept_whatever_moves() {
    for (budget, cost) in [(200_000, 50_000), (200_000, 900_000), (1_000_000, 400_000), (3_000_000, 2_000_000)] {
        let mut bench = Bench::new(budget);
        bench.run(30_000, |_| true, page(cost));
        let spent: usize = bench.between(5_000, 30_000).iter().map(|(.., bits)| bits).sum();
        let allowed = budget as usize * 25;
        assert!(spent <= allowed * 11 / 10, "{spent} of {allowed} bits with {cost} a picture");
    }
}

#[test]
fn a_change_is_not_forgotten_while_it_has_to_wait() {
    let mut bench = Bench::new(200_000);
    bench.run(6_000, |at| at == 134, page(600_000));
    let moved = bench.between(1, 6_000);
    assert!(moved.iter().any(|(_, shot, _)| !shot.still), "{moved:?}");
}

#[test]
fn a_key_frame_is_given_on_request_also_of_what_stands_still_and_a_burst_gets_one() {
    let mut bench = Bench::new(1_500_000);
    bench.run(3_000, |_| false, page(100_000));
    bench.detail.want_key();
    bench.run(3_100, |_| false, page(100_000));
    bench.detail.want_key();
    bench.run(3_200, |_| false, page(100_000));
    bench.detail.want_key();
    bench.run(5_000, |_| false, page(100_000));
    let keys: Vec<u64> = bench.between(1, 5_000).iter().filter(|(_, shot, _)| shot.key).map(|(at, ..)| *at).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0] < 3_100 && keys[1] - keys[0] >= 300, "{keys:?}");
}

#[test]
fn a_budget_that_falls_holds_pictures_back_and_one_that_rises_lets_them_go() {
    let mut bench = Bench::new(1_000_000);
    bench.run(5_000, |_| true, page(60_000));
    bench.detail.set_budget(bench.now(), 200_000);
    bench.run(15_000, |_| true, page(60_000));
    let (fast, slow) = (bench.between(2_000, 5_000).len() / 3, bench.between(8_000, 15_000).len() / 7);
    assert!(fast >= 12 && (3..=6).contains(&slow), "{fast} and {slow} a second");
    bench.detail.set_budget(bench.now(), 1_000_000);
    bench.run(25_000, |_| true, page(60_000));
    assert!(bench.between(20_000, 25_000).len() >= 60);
}

#[test]
fn a_calm_screen_is_looked_at_less_often_until_it_moves_again() {
    let mut bench = Bench::new(1_000_000);
    bench.run(10_000, |_| false, page(1_000));
    let wait = |bench: &Bench| bench.detail.next_look(bench.now()).duration_since(bench.now());
    assert_eq!(wait(&bench), CALM_APART);
    bench.run(10_060, |_| true, page(1_000));
    assert_eq!(wait(&bench), APART);
}
