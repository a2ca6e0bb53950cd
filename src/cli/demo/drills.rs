//! What the window's drill buttons do to the demo's relays. Whatever is done ends by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::places::degrade;
use crate::cli::world::World;
use crate::clock;
use crate::ui::model::{Drill, DrillRelay, DrillState};

/// How long a drill lasts.
const LASTS: Duration = Duration::from_secs(30);
/// How long a draining relay gives its clients.
const DEADLINE: Duration = Duration::from_secs(9);
/// When a relay whose port is still taken is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Carries out drills until nobody can ask for one; gives the world back.
pub async fn run(
    mut world: World,
    mut orders: mpsc::Receiver<(String, Drill)>,
    shown: watch::Sender<Vec<DrillRelay>>,
) -> World {
    let mut states: BTreeMap<String, DrillState> =
        world.regions().map(|region| (region.to_owned(), DrillState::Running)).collect();
    loop {
        let relays = world
            .regions()
            .filter_map(|region| Some(DrillRelay { region: region.to_owned(), state: *states.get(region)? }));
        shown.send_replace(relays.collect());
        let next = states.iter().filter_map(|(region, state)| Some((until(*state)?, region.clone()))).min();
        let (region, drill) = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => order,
                None => return world,
            },
            region = over(next) => (region, Drill::Revive),
        };
        let Some(state) = states.get_mut(&region) else { continue };
        let until = clock::now() + LASTS;
        *state = match drill {
            Drill::Kill => {
                world.kill(&region).await;
                DrillState::Dead { until }
            }
            Drill::Drain => {
                world.drain(&region, DEADLINE);
                DrillState::Draining { until }
            }
            Drill::Degrade => {
                degrade(&world, &region);
                DrillState::Slow { until }
            }
            Drill::Revive => match world.revive(&region).await {
                Ok(()) => DrillState::Running,
                Err(error) => {
                    tracing::warn!("{error:#}");
                    DrillState::Dead { until: clock::now() + AGAIN }
                }
            },
        };
    }
}

fn until(state: DrillState) -> Option<Instant> {
    match state {
        DrillState::Running => None,
        DrillState::Dead { until } | DrillState::Draining { until } | DrillState::Slow { until } => Some(until),
    }
}

/// Waits for the end of a drill; for ever where there is none.
async fn over(next: Option<(Instant, String)>) -> String {
    match next {
        Some((at, region)) => {
            tokio::time::sleep_until(at.into()).await;
            region
        }
        None => std::future::pending().await,
    }
}
