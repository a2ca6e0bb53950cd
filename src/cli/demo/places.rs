//! Where the demo plays: three regions, three seats, and how far each is from each.

use std::time::Duration;

use crate::cli::world::World;
use crate::net::distance::Shape;
use crate::proto::manifest::Manifest;
use crate::relay::config::Access;

/// Where somebody sits: the place in [`REGIONS`]' round trips.
#[derive(Debug, Clone, Copy)]
pub enum Seat {
    Singapore,
    Frankfurt,
    NewYork,
}

/// Round trips from each seat to each region, ms.
const REGIONS: [(&str, [u64; 3]); 3] =
    [("singapore", [40, 168, 236]), ("frankfurt", [170, 32, 92]), ("us-east", [254, 96, 24])];
/// One way between regions, ms.
const BETWEEN: [(&str, &str, u64); 3] =
    [("singapore", "frankfurt", 80), ("singapore", "us-east", 110), ("frankfurt", "us-east", 42)];
/// What a slow relay adds: as far as the other side of an ocean, over a bad line.
const DEGRADED: (Duration, f64) = (Duration::from_millis(75), 0.05);

/// The three relays.
pub async fn world(access: Access) -> anyhow::Result<World> {
    let world = World::start(&REGIONS.map(|(region, _)| region), access).await?;
    for (one, other, ms) in BETWEEN {
        world.apart(one, other, Duration::from_millis(ms));
    }
    Ok(world)
}

/// The relays as somebody in this seat sees them: behind its own distance from each.
pub async fn place(world: &mut World, seat: Seat) -> anyhow::Result<Manifest> {
    let round_trips = REGIONS.map(|(region, rtt_ms)| (region, Duration::from_millis(rtt_ms[seat as usize])));
    Ok(world.place(&round_trips).await?.0)
}

/// Puts more distance and loss in front of a relay, for everybody.
pub fn degrade(world: &World, region: &str) {
    let (delay, loss) = DEGRADED;
    world.paths.change(None, Some(region), |shape| Shape { delay: shape.delay + delay, loss, ..shape });
}
