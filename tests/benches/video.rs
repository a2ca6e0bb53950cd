//! What it costs to encode a camera, and what comes of it: one size and three, each codec that is built in, and the way back.
//!
//! The scene is made here: a head with hair and a face that turns before a wall with texture, under the noise of a sensor. Times are CPU
//! time of the one thread that works, so that what else runs on the machine does not count; ratios are of one run.
//!
//! Bars: three sizes cost at most 1.75 times what the largest alone costs; a 1:1 call of 720p30 (one size out, one in) takes at most
//! 60 % of a core; 180 lines at 60 kbit/s and 15 pictures a second, of the scene without its noise, are at least 35 dB.

#[path = "common/figures.rs"]
mod figures;

use std::time::Duration;

use nearcall::clock;
use nearcall::media::video::ladder::{Ladder, Wishes};
use nearcall::media::video::sizes::{self, Size};
use nearcall::media::video::{Codec, I420, VideoConfig, VideoEncoder, scale};
use rustix::time::{ClockId, clock_gettime};

use self::figures::quantile;

const FPS: u32 = 30;
const SECONDS: u32 = 8;
/// Pictures at the beginning that do not count: the first key frame, and what the encoder does to make up for it.
const WARM: usize = 30;
const SIMULCAST: f64 = 1.75;
const CORE_PERCENT: f64 = 60.0;
const SMALL_DB: f64 = 35.0;

fn main() {
    // `cargo test --benches` asks for the list only.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let scene = Scene::new(1280, 720, true);
    println!("1280x720, {FPS} pictures a second, {SECONDS} s of a made scene; CPU ms of one thread for each picture");
    scaling(&scene);
    let mut missed = false;
    println!(
        "\n{:<6} {:<31} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "codec", "what", "mean ms", "p95 ms", "decode", "kbit/s", "first key", "PSNR dB"
    );
    for codec in Codec::ALL {
        let single = run(*codec, &scene, &[(2, 1_200_000, false)]);
        let all = run(*codec, &scene, &[(0, 150_000, false), (1, 500_000, false), (2, 1_200_000, false)]);
        let ratio = all.iter().map(Figures::mean).sum::<f64>() / single[0].mean();
        let core = (single[0].mean() + mean(&single[0].decode)) * f64::from(FPS) / 10.0;
        print(*codec, "720 alone", &single[0]);
        ["180 of three", "360 of three", "720 of three"]
            .iter()
            .zip(&all)
            .for_each(|(what, it)| print(*codec, what, it));
        print(*codec, "720 alone, 600 kbit/s, 15", &run(*codec, &scene, &[(2, 600_000, true)])[0]);
        print(*codec, "360 alone, 250 kbit/s, 15", &run(*codec, &scene, &[(1, 250_000, true)])[0]);
        print(*codec, "180 alone, 100 kbit/s", &run(*codec, &scene, &[(0, 100_000, false)])[0]);
        let still = Scene::new(1280, 720, false);
        let small = run(*codec, &still, &[(0, 60_000, true)]);
        print(*codec, "180 alone, 60 kbit/s, 15, clean", &small[0]);
        let h264 = *codec == Codec::H264;
        missed |= bar(codec.name(), "three sizes : the largest alone", ratio, SIMULCAST, ratio <= SIMULCAST);
        missed |= bar(codec.name(), "720 out and in, % of a core", core, CORE_PERCENT, core <= CORE_PERCENT || !h264);
        missed |= bar(codec.name(), "180 at 60 kbit/s, dB", small[0].psnr(), SMALL_DB, small[0].psnr() >= SMALL_DB);
    }
    std::process::exit(i32::from(missed));
}

/// What the smaller pictures cost, and what a ladder does.
fn scaling(scene: &Scene) {
    let picture = scene.draw(0);
    let (mut half, mut quarter) = (I420::black(2, 2), I420::black(2, 2));
    let mut times = Vec::new();
    for _ in 0..200 {
        let before = cpu();
        scale::shrink(&picture, 2, &mut half);
        scale::shrink(&half, 2, &mut quarter);
        times.push((cpu() - before).as_secs_f64() * 1000.0);
    }
    let nearest = {
        let before = cpu();
        (0..20).for_each(|_| drop(std::hint::black_box(picture.scaled(640, 360))));
        (cpu() - before).as_secs_f64() * 1000.0 / 20.0
    };
    let times = quantile(times, 0.5).expect("200 of them");
    println!("to 640x360 and on to 320x180: {times:.3} ms (nearest pixel to 640x360: {nearest:.3} ms)");
    let mut ladder = Ladder::new(&sizes::of(1280, 720), FPS);
    let (now, wishes) = (clock::now(), Wishes { total_bps: 900_000, wanted: 7, cap: Default::default() });
    let before = cpu();
    for _ in 0..100_000 {
        std::hint::black_box(ladder.plan(now, &wishes));
    }
    let each = (cpu() - before).as_secs_f64() * 1e6 / 100_000.0;
    println!("a plan of the ladder: {each:.2} µs");
}

/// What came of a size.
#[derive(Default)]
struct Figures {
    encode: Vec<f64>,
    decode: Vec<f64>,
    bytes: usize,
    key: usize,
    error: f64,
    pixels: f64,
    seconds: f64,
}

impl Figures {
    fn mean(&self) -> f64 {
        mean(&self.encode)
    }

    fn psnr(&self) -> f64 {
        10.0 * (255.0 * 255.0 * self.pixels / self.error.max(1.0)).log10()
    }
}

/// Encodes the scene in these sizes (number, bits a second, every second picture alone), all for each picture, and decodes.
fn run(codec: Codec, scene: &Scene, wanted: &[(u8, u32, bool)]) -> Vec<Figures> {
    let all = sizes::of(1280, 720);
    let find = |spatial: u8| all.iter().find(|size| size.spatial == spatial).expect("720 lines have three sizes");
    let mut lanes: Vec<_> =
        wanted.iter().map(|(spatial, bps, half)| lane(codec, find(*spatial), *bps, *half)).collect();
    let mut figures: Vec<Figures> = wanted.iter().map(|_| Figures::default()).collect();
    let (mut half, mut quarter) = (I420::black(2, 2), I420::black(2, 2));
    for number in 0..(SECONDS * FPS) as usize {
        let picture = scene.draw(number);
        let before = cpu();
        if wanted.iter().any(|(spatial, ..)| *spatial < 2) {
            scale::shrink(&picture, 2, &mut half);
        }
        if wanted.iter().any(|(spatial, ..)| *spatial == 0) {
            scale::shrink(&half, 2, &mut quarter);
        }
        let mut scaled = (cpu() - before).as_secs_f64() * 1000.0;
        for ((spatial, _, sparse), (lane, figures)) in wanted.iter().zip(lanes.iter_mut().zip(&mut figures)) {
            if *sparse && number % 2 == 1 {
                continue;
            }
            let picture = [&quarter, &half, &picture][usize::from(*spatial)];
            let at_us = number as u64 * 1_000_000 / u64::from(FPS);
            let before = cpu();
            let packet = lane.0.encode(picture, at_us, false).expect("it encodes").expect("nothing is left out");
            let spent = (cpu() - before).as_secs_f64() * 1000.0 + std::mem::take(&mut scaled);
            let before = cpu();
            let decoded = lane.1.decode(&packet.data).expect("it decodes").expect("a picture");
            let decode = (cpu() - before).as_secs_f64() * 1000.0;
            if number == 0 {
                figures.key = packet.data.len();
            }
            if number < WARM {
                continue;
            }
            figures.encode.push(spent);
            figures.decode.push(decode);
            figures.bytes += packet.data.len();
            figures.seconds += if *sparse { 2.0 } else { 1.0 } / f64::from(FPS);
            let errors =
                picture.y().iter().zip(decoded.y()).map(|(one, other)| f64::from(one.abs_diff(*other)).powi(2));
            figures.error += errors.sum::<f64>();
            figures.pixels += picture.y().len() as f64;
        }
    }
    figures
}

type Pair = (Box<dyn VideoEncoder>, Box<dyn nearcall::media::video::VideoDecoder>);

fn lane(codec: Codec, size: &Size, bitrate_bps: u32, half: bool) -> Pair {
    let fps = if half { FPS / 2 } else { FPS };
    let config = VideoConfig { width: size.width, height: size.height, fps, bitrate_bps, codec };
    (codec.encoder(&config).expect("an encoder"), codec.decoder().expect("a decoder"))
}

fn print(codec: Codec, what: &str, figures: &Figures) {
    println!(
        "{:<6} {what:<31} {:>9.2} {:>9.2} {:>9.2} {:>9.0} {:>8.1}kB {:>8.2}",
        codec.name(),
        figures.mean(),
        quantile(figures.encode.iter().copied(), 0.95).expect("pictures were encoded"),
        mean(&figures.decode),
        figures.bytes as f64 * 8.0 / figures.seconds / 1000.0,
        figures.key as f64 / 1000.0,
        figures.psnr()
    );
}

fn bar(codec: &str, what: &str, figure: f64, bar: f64, met: bool) -> bool {
    println!("{codec:<6} {what}: {figure:.2} (bar {bar}){}", if met { "" } else { " MISSED" });
    !met
}

/// A head before a wall.
struct Scene {
    wall: I420,
    noisy: bool,
}

impl Scene {
    fn new(width: u32, height: u32, noisy: bool) -> Self {
        let mut wall = I420::black(width, height);
        let [y, u, v] = wall.planes_mut();
        let width = width as usize;
        for (at, pixel) in y.iter_mut().enumerate() {
            let (row, column) = ((at / width) as f64, (at % width) as f64);
            let shelves = if (row / 90.0).fract() < 0.08 || (column / 140.0).fract() < 0.05 { 30.0 } else { 0.0 };
            let plaster = (row * 0.11).sin() * (column * 0.07).cos() * 10.0 + f64::from(hash(at as u64) % 9);
            *pixel = (110.0 + column / width as f64 * 50.0 + plaster - shelves) as u8;
        }
        u.fill(122);
        v.fill(134);
        Self { wall, noisy }
    }

    fn draw(&self, number: usize) -> I420 {
        let mut picture = self.wall.clone();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let time = number as f64 / f64::from(FPS);
        let (x, y) = (0.5 + 0.05 * (time * 1.3).sin(), 0.55 + 0.02 * (time * 2.1).cos());
        let (centre, middle) = (x * width as f64, y * height as f64);
        let (wide, high) = (0.13 * width as f64, 0.32 * height as f64);
        let [luma, u, v] = picture.planes_mut();
        for row in 0..height {
            for column in 0..width {
                let (dx, dy) = ((column as f64 - centre) / wide, (row as f64 - middle) / high);
                let shoulders = dy > 0.8 && dx.abs() < 0.8 + (dy - 0.8) * 2.0;
                if dx * dx + dy * dy > 1.0 && !shoulders {
                    continue;
                }
                let at = row * width + column;
                let mouth = (dx * 2.5).powi(2) + ((dy - 0.45) * (6.0 + 3.0 * (time * 9.0).sin())).powi(2) < 0.25;
                let eye = ((dx.abs() - 0.38) * 6.0).powi(2) + ((dy + 0.15) * 12.0).powi(2) < 0.6;
                luma[at] = if shoulders {
                    (60.0 + ((dx * 40.0).sin() + (dy * 40.0).sin()) * 12.0) as u8
                } else if mouth || eye {
                    50
                } else if dy < -0.45 {
                    (45.0 + (dx * 90.0 + dy * 30.0).sin() * 20.0) as u8
                } else {
                    (165.0 - dx * 30.0 + (dy * 8.0).sin() * 5.0) as u8
                };
                let at = row / 2 * (width / 2) + column / 2;
                (u[at], v[at]) = if shoulders { (140, 110) } else { (112, 148) };
            }
        }
        if self.noisy {
            for (at, pixel) in luma.iter_mut().enumerate() {
                *pixel = pixel.saturating_add((hash((at + number * 7_919_003) as u64) % 7) as u8).saturating_sub(3);
            }
        }
        picture
    }
}

/// The finisher of MurmurHash3.
fn hash(mut value: u64) -> u32 {
    for factor in [0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53] {
        value = (value ^ value >> 33).wrapping_mul(factor);
    }
    (value >> 33) as u32
}

/// What this thread has spent of a core.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
