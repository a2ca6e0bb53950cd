//! What a second of a crowd costs in virtual time, after the race: 1,000 clients beside 100, without media and with it.
//!
//! Time is the processor's, so that what runs beside it counts little.

use std::time::Duration;

use nearcall::clock;
use nearcall::sim::{ClientSpec, Condition, Jitter, Loss, Route, Scene, World, ms};

/// Virtual seconds that are measured in a row, of which the median counts.
const SECONDS: u32 = 9;

fn main() {
    // `cargo test --benches` asks for the list only.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    println!("a crowd over 4 relays and both transports, 1 % loss, after the race; median of {SECONDS} s");
    println!("{:<38} {:>8} {:>20} {:>14} {:>12}", "", "clients", "CPU ms a second", "us a client", "events");
    for (name, talking) in [("without media", false), ("rooms of four, everybody talks", true)] {
        let [small, large] = [100, 1000].map(|clients| {
            let (cost, events) = second(clients, talking);
            let each = cost.as_secs_f64() / f64::from(clients) * 1e6;
            println!("{name:<38} {clients:>8} {:>20.1} {each:>14.1} {events:>12}", cost.as_secs_f64() * 1e3);
            each
        });
        println!("{name:<38} a client of 1,000 : a client of 100 = {:.2}", large / small);
    }
}

/// The median cost of a virtual second, and its events.
fn second(clients: u32, talking: bool) -> (Duration, u64) {
    let relays = [("london-1", 20.0), ("london-2", 26.0), ("paris-1", 40.0), ("tokyo-1", 210.0)];
    let client = |index: u32| {
        let reach = relays.iter().map(|(_, rtt_ms)| {
            let (jitter, loss) = (Jitter::Normal(ms(2.0)), Loss::Random(0.01));
            let rtt_ms = rtt_ms + f64::from(index % 17);
            Route::steady(Condition { jitter, loss, ..Condition::half_of_rtt_ms(rtt_ms) }).into()
        });
        ClientSpec { room: index / 4, voice: talking, ..ClientSpec::new(reach.collect()) }
    };
    let scene = Scene::new(1, relays.iter().map(|(id, _)| *id), (0..clients).map(client).collect());
    let mut world = World::new(clock::now(), &scene);
    let mut at = 4000.0;
    world.run_to(ms(at));
    let mut seconds: Vec<(Duration, u64)> = (0..SECONDS)
        .map(|_| {
            at += 1000.0;
            let (began, before) = (processor_time(), world.events().0);
            world.run_to(ms(at));
            (processor_time() - began, world.events().0 - before)
        })
        .collect();
    seconds.sort();
    seconds[seconds.len() / 2]
}

#[cfg(unix)]
fn processor_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(not(unix))]
fn processor_time() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    clock::now().saturating_duration_since(*START.get_or_init(clock::now))
}
