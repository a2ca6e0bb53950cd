//! A rolling upgrade: every relay in turn drains, stops and starts again, under calls.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::stage::Stage;
use crate::clock;

/// How long a relay gives its clients; the program's own default is longer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a port may take to be free again.
const PORT: Duration = Duration::from_secs(5);

/// Upgrades all relays of this process, one after the other. How many sessions were left on a relay when it stopped, in all.
///
/// # Errors
/// A relay does not start again, or the calls do not settle.
pub async fn upgrade_all(stage: &mut Stage) -> anyhow::Result<usize> {
    let mut left_behind = 0;
    for region in stage.setting.regions {
        stage.world()?.drain(region, DEADLINE);
        stage.wait(DEADLINE * 2, |stage| stage.is_drained(region)).await;
        left_behind += stage.world()?.sessions(region);
        stage.world()?.shut(region).await;
        let patience = clock::now() + PORT;
        while let Err(error) = stage.world()?.revive(region).await {
            ensure!(clock::now() < patience, error);
            stage.watch(clock::now() + PORT / 50).await;
        }
        // An operator goes on to the next one when everybody has a standby again.
        stage.steady().await.with_context(|| format!("after {region} was upgraded"))?;
    }
    Ok(left_behind)
}
