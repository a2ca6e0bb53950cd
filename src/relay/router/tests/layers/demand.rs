//! The same with cameras that make what somebody has a use for, and no more.

use super::*;

/// Runs while cameras heed what they are told: with the timer of the room, and a way to the sender. Returns the sizes that came.
fn run(scene: &mut Scene, ms: u64) {
    let mut told: BTreeMap<ParticipantId, (u64, u8)> = BTreeMap::new();
    for _ in 0..ms / 50 {
        scene.run(50);
        let demand = scene.bench.router.demand(Track::Camera);
        let now = scene.ms;
        for camera in &mut scene.cameras {
            let (since, wanted) = told.entry(camera.participant).or_insert((now, 0b111));
            let sizes = demand.of(camera.participant);
            if *wanted != sizes {
                (*since, *wanted) = (now, sizes);
            }
            if now >= *since + ANSWER {
                for size in (0..3_u8).filter(|size| *wanted >> size & 1 == 1 && !camera.sizes.contains(size)) {
                    camera.asked[usize::from(size)] = Some(now);
                }
                camera.sizes = (0..3).filter(|size| *wanted >> size & 1 == 1).collect();
            }
        }
    }
}

/// Size, and since when, ms, of all that a session got.
fn runs(scene: &Scene, session: u64) -> Vec<(u64, u8)> {
    let mut runs: Vec<(u64, u8)> = Vec::new();
    for (at, _, header) in &scene.links[&SessionId(session)].got {
        if runs.last().is_none_or(|(_, size)| *size != header.layer.spatial) {
            runs.push((*at, header.layer.spatial));
        }
    }
    runs
}

fn longest_gap(scene: &Scene, session: u64, from: u64) -> u64 {
    let times = scene.links[&SessionId(session)].got.iter().map(|(at, ..)| *at).filter(|at| *at >= from);
    let times: Vec<u64> = times.chain([scene.ms]).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u64::MAX)
}

#[test]
fn a_link_as_narrow_as_any_is_served_as_if_every_size_were_made() {
    for kbps in [120, 250, 400, 700, 1000, 5000] {
        let (mut heeds, mut offers) =
            (Scene::new(vec![Camera::new(1, &[2])]), Scene::new(vec![Camera::new(1, &[0, 1, 2])]));
        [&mut heeds, &mut offers].into_iter().for_each(|scene| scene.join(7, 2, 5000));
        run(&mut heeds, 5_000);
        offers.run(5_000);
        for scene in [&mut heeds, &mut offers] {
            scene.link(7).bps = kbps as f64 * 1000.0;
        }
        run(&mut heeds, 120_000);
        offers.run(120_000);
        let [one, other] = [&heeds, &offers].map(|scene| (runs(scene, 7).len(), longest_gap(scene, 7, 20_000)));
        println!(
            "{kbps} kbit/s: {one:?} where it heeds, {other:?} where it offers all (changes of size, longest gap, ms)"
        );
        assert!(one.0 <= other.0 + 6 && one.1 <= other.1 + 500, "{kbps} kbit/s: {one:?}, {other:?}");
    }
}
