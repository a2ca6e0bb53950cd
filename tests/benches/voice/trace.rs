//! What a network does to a stream of voice packets, packet by packet, from a seed: the same in every run.

/// One packet a frame, µs.
const FRAME_US: i64 = 20_000;

/// A network by its name.
#[derive(Clone)]
pub struct Trace {
    pub name: &'static str,
    loss: Loss,
    jitter: Jitter,
    /// How fast the sender's clock runs, parts per million.
    pub drift_ppm: i64,
    /// Each packet comes again with the one behind it.
    pub doubled: bool,
    /// What receivers would report, for the encoder, percent.
    pub reported_percent: u8,
}

#[derive(Clone, Copy)]
enum Loss {
    /// Each packet by itself, in thousandths.
    Random(u64),
    /// Gilbert and Elliott: this share in thousandths, in bursts of so many packets on average.
    Bursts(u64, u64),
}

#[derive(Clone, Copy)]
enum Jitter {
    /// Each packet is late by anything up to this, µs; so they overtake one another.
    Uniform(i64),
    /// A queue: late by anything up to this, µs, and never before the one ahead.
    Queue(i64),
    /// Every so many packets all wait for so long, µs.
    Spikes(usize, i64),
    /// One packet in ten takes so much longer, µs.
    Reordered(i64),
    /// In the middle third the path is longer by this, µs.
    Step(i64),
}

/// A small seeded generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

impl Trace {
    fn new(name: &'static str, loss: Loss, jitter: Jitter) -> Self {
        let reported = match loss {
            Loss::Random(permille) | Loss::Bursts(permille, _) => permille / 10,
        };
        // As `call::redundancy` does it.
        let reported_percent = if reported == 0 { 0 } else { reported.clamp(5, 30) as u8 };
        Self { name, loss, jitter, drift_ppm: 0, doubled: false, reported_percent }
    }

    fn doubled(self, name: &'static str) -> Self {
        Self { name, doubled: true, ..self }
    }

    fn drifting(self, name: &'static str, drift_ppm: i64) -> Self {
        Self { name, drift_ppm, ..self }
    }

    /// The bar's own: 80 ms of jitter and 5 % loss.
    pub fn barred() -> Self {
        Self::new("80 ms jitter, 5 % loss", Loss::Random(50), Jitter::Uniform(80_000))
    }

    /// Every row of the table.
    pub fn all() -> Vec<Self> {
        let still = Jitter::Uniform(0);
        let random = |permille| Loss::Random(permille);
        let (rare, often) = (Loss::Bursts(50, 3), Loss::Bursts(160, 4));
        vec![
            Self::new("nothing", random(0), still),
            Self::new("5 % loss", random(50), still),
            Self::new("10 % loss", random(100), still),
            Self::new("10 % loss", random(100), still).doubled("10 % loss, doubled"),
            Self::new("20 % loss", random(200), still),
            Self::new("20 % loss", random(200), still).doubled("20 % loss, doubled"),
            Self::new("5 % in bursts of 3", rare, still),
            Self::new("5 % in bursts of 3", rare, still).doubled("5 % in bursts of 3, doubled"),
            Self::new("16 % in bursts of 4", often, still),
            Self::new("20 ms jitter", random(0), Jitter::Uniform(20_000)),
            Self::new("40 ms jitter", random(0), Jitter::Uniform(40_000)),
            Self::new("80 ms jitter", random(0), Jitter::Uniform(80_000)),
            Self::new("80 ms jitter in a queue", random(0), Jitter::Queue(80_000)),
            Self::barred(),
            Self::barred().doubled("80 ms jitter, 5 % loss, doubled"),
            Self::new("80 ms queue, 5 % loss", random(50), Jitter::Queue(80_000)),
            Self::new("300 ms spike every 5 s", random(0), Jitter::Spikes(250, 300_000)),
            Self::new("80 ms spike every second", random(0), Jitter::Spikes(50, 80_000)),
            Self::new("a tenth 30 ms late", random(0), Jitter::Reordered(30_000)),
            Self::new("path 100 ms longer for a while", random(0), Jitter::Step(100_000)),
            Self::new("drift", random(0), still).drifting("clock fast by 200 ppm", 200),
            Self::new("drift", random(0), still).drifting("clock slow by 200 ppm", -200),
        ]
    }

    /// When each packet arrives, µs from the start of the call; `None`: never. One that is sent is sent when its frame is
    /// full.
    pub fn arrivals(&self, packets: usize, seed: u64) -> Vec<Option<i64>> {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (mut bad, mut before, mut stall_ends) = (false, 0, 0);
        let mut arrivals: Vec<Option<i64>> = (0..packets)
            .map(|index| {
                let sent = (index as i64 + 1) * FRAME_US * 1_000_000 / (1_000_000 + self.drift_ppm);
                let late = match self.jitter {
                    Jitter::Uniform(most) => dice.below(most as u64 + 1) as i64,
                    Jitter::Queue(most) => (sent + dice.below(most as u64 + 1) as i64).max(before) - sent,
                    Jitter::Spikes(every, length) => {
                        if index > 0 && index.is_multiple_of(every) {
                            stall_ends = sent + length;
                        }
                        (stall_ends - sent).max(0)
                    }
                    Jitter::Reordered(late) => late * i64::from(dice.below(10) == 0),
                    Jitter::Step(longer) => longer * i64::from((packets / 3..packets * 2 / 3).contains(&index)),
                };
                before = before.max(sent + late);
                let lost = match self.loss {
                    Loss::Random(permille) => dice.below(1000) < permille,
                    Loss::Bursts(permille, length) => {
                        // In the bad state all are lost; it is left after `length` packets on average.
                        let enter = permille * 1_000_000 / (length * (1000 - permille));
                        bad = if bad { dice.below(length) > 0 } else { dice.below(1_000_000) < enter };
                        bad
                    }
                };
                (!lost).then_some(sent + late)
            })
            .collect();
        if self.doubled {
            for index in 0..packets - 1 {
                arrivals[index] = match (arrivals[index], arrivals[index + 1]) {
                    (Some(own), Some(again)) => Some(own.min(again)),
                    (own, again) => own.or(again),
                };
            }
        }
        arrivals
    }
}
