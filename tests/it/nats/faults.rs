//! Each thing that can fail, failing and coming back.

use std::time::Duration;

use nearcall::clock;
use nearcall::proto::control::MemberState;
use nearcall::proto::manifest::Manifest;
use nearcall::proto::probe::RelayState;

use super::world::{BAR, World};
use crate::relay::alone;
use crate::relay::raw::get;

/// A frozen server takes calls and does not answer. Each of the other region's two gateways that finds it dead tosses a coin whether
/// it dials it again, and needs two seconds more each time: thirteen such times in a row are one run of four thousand.
const FROZEN: Duration = Duration::from_secs(30);
const ALL: [usize; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
const EAST: [usize; 4] = [0, 1, 2, 3];
const WEST: [usize; 4] = [4, 5, 6, 7];

#[tokio::test(flavor = "multi_thread")]
async fn every_relay_lists_all_four_and_how_far_they_are_from_one_another() {
    let _alone = alone().await;
    let world = World::start().await;
    let start = clock::now();
    loop {
        let mut whole = 0;
        for relay in world.relays.iter().flatten() {
            let manifest = Manifest::from_json(&get(relay.entry(), "/regions.json").await.1).unwrap();
            whole += usize::from(manifest.relays.len() == 4 && manifest.distances.len() == 12);
            assert!(manifest.distances.iter().all(|way| way.rtt_ms > 0.0 && way.from != way.to));
        }
        if whole == 4 {
            break;
        }
        assert!(start.elapsed() < 2 * BAR, "only {whole} relays have it all");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("every relay has all relays and the whole matrix after {:.1?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_killed_and_comes_back() {
    let _alone = alone().await;
    let mut world = World::start().await;
    let (mark, start) = (world.mark(), clock::now());
    world.kill_relay(1);
    let left = [0, 1, 4, 5, 6, 7];
    world.until("its people are reconnecting", &left, |world, at| world.lists(at, &left, &[2, 3])).await;
    let told = left.iter().filter_map(|at| world.told(*at, 2, MemberState::Reconnecting, start)).max();
    println!("a dead relay is noticed after {told:.1?}");
    world.assert_nothing_missing(&mark, &[&left]).await;
    let mark = world.mark();
    world.restart(1).await;
    world.until("all are listed again", &ALL, |world, at| world.lists(at, &ALL, &[])).await;
    world.until_heard("and heard", &ALL).await;
    world.assert_nothing_missing(&mark, &[&left]).await;
    world.assert_no_phantom();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_is_killed_and_comes_back() {
    let _alone = alone().await;
    let mut world = World::start().await;
    let server = world.servers.of("east-1").await;
    let mark = world.mark();
    world.servers.kill(server);
    world.until_heard("all hear all again", &ALL).await;
    world.until("all are listed", &ALL, |world, at| world.lists(at, &ALL, &[])).await;
    world.assert_nothing_missing(&mark, &[&EAST, &WEST]).await;
    assert!(world.relays.iter().flatten().all(|relay| relay.state() == RelayState::Ready));
    let mark = world.mark();
    world.servers.restart(server).await;
    world.servers.wait_joined().await;
    world.until_heard("all hear all", &ALL).await;
    world.assert_nothing_missing(&mark, &[&EAST, &WEST]).await;
    world.assert_no_phantom();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_dies_whole_and_comes_back() {
    let _alone = alone().await;
    let mut world = World::start().await;
    let mark = world.mark();
    for at in [2, 3] {
        world.kill_relay(at);
        world.servers.kill(at);
    }
    world.until("its people are reconnecting", &EAST, |world, at| world.lists(at, &EAST, &WEST)).await;
    world.assert_nothing_missing(&mark, &[&EAST]).await;
    let mark = world.mark();
    for at in [2, 3] {
        world.servers.restart(at).await;
    }
    for at in [2, 3] {
        world.restart(at).await;
    }
    world.until("all are listed again", &ALL, |world, at| world.lists(at, &ALL, &[])).await;
    world.until_heard("and heard", &ALL).await;
    world.assert_nothing_missing(&mark, &[&EAST]).await;
    world.assert_no_phantom();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_between_the_regions_is_cut_and_mended_and_who_left_meanwhile_is_gone() {
    let _alone = alone().await;
    let mut world = World::start().await;
    let mark = world.mark();
    world.servers.ways.cut();
    world.until("the east is on its own", &EAST, |world, at| world.lists(at, &EAST, &WEST)).await;
    world.until("the west is on its own", &WEST, |world, at| world.lists(at, &WEST, &EAST)).await;
    // One leaves, where the other side cannot hear it.
    world.people[7].as_ref().unwrap().client.leave(false);
    world.until("who left is gone here", &[4, 5, 6], |world, at| world.lists(at, &[4, 5, 6], &EAST)).await;
    world.people[7] = None;
    world.assert_nothing_missing(&mark, &[&EAST, &[4, 5, 6]]).await;
    let mark = world.mark();
    world.servers.ways.mend();
    let left = [0, 1, 2, 3, 4, 5, 6];
    world.until("both sides list each other, and not who left", &left, |world, at| world.lists(at, &left, &[])).await;
    world.until_heard("and hear each other", &left).await;
    world.assert_nothing_missing(&mark, &[&EAST, &[4, 5, 6]]).await;
    world.assert_no_phantom();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_is_frozen_and_goes_on_and_nothing_old_is_heard() {
    let _alone = alone().await;
    let world = World::start().await;
    let server = world.servers.of("east-1").await;
    let mark = world.mark();
    world.servers.freeze(server);
    world.until_heard("the east hears the east again", &EAST).await;
    world.until_heard_within(FROZEN, "all hear all again", &ALL).await;
    world.until("all are listed", &ALL, |world, at| world.lists(at, &ALL, &[])).await;
    // Calls of one relay noticed nothing.
    world.assert_nothing_missing(&mark, &[&[0, 1], &[2, 3], &[4, 5], &[6, 7]]).await;
    assert!(world.relays.iter().flatten().all(|relay| relay.state() == RelayState::Ready));
    let thawed = clock::now();
    world.servers.thaw(server);
    world.servers.wait_joined().await;
    world.until_heard("all hear all", &ALL).await;
    world.until("all are listed", &ALL, |world, at| world.lists(at, &ALL, &[])).await;
    let worst = ALL.iter().filter_map(|at| {
        world.look(*at, |heard| heard.audio.iter().filter(|it| it.at >= thawed).map(|it| it.delay).max())
    });
    let worst = worst.max().unwrap();
    let stale: Vec<_> = world.relays.iter().flatten().map(|relay| relay.bus_stats().lost()).collect();
    println!("the oldest sound after the thaw was {worst:.1?} old; the relays dropped {stale:?} messages");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    world.assert_no_phantom();
}
