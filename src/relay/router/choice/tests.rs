//! Tables of what is chosen.

use super::*;

const ALL: Offer =
    [Some([75_000, 110_000, 150_000]), Some([250_000, 380_000, 500_000]), Some([600_000, 900_000, 1_200_000])];

fn layer(spatial: u8, temporal: u8) -> Layer {
    Layer { spatial, temporal }
}

fn ladder(participant: u64, track: Track, wish: Layer, offer: &Offer) -> Ladder {
    Ladder::new(ParticipantId(participant), track, wish, offer, None).unwrap()
}

/// What each participant's track gets, by number, as (spatial, temporal).
fn shared(mut ladders: Vec<Ladder>, budget: Option<u64>) -> Vec<(u64, Option<(u8, u8)>)> {
    share(&mut ladders, budget);
    ladders.sort_by_key(|ladder| ladder.participant);
    let layer = |ladder: &Ladder| ladder.layer().map(|layer| (layer.spatial, layer.temporal));
    ladders.iter().map(|ladder| (ladder.participant.0, layer(ladder))).collect()
}

#[test]
fn one_camera_gets_the_most_that_wish_offer_and_link_allow() {
    let only = |size: usize| {
        let mut offer = Offer::default();
        offer[size] = ALL[size];
        offer
    };
    let table = [
        ((2, 2), ALL, None, (2, 2)),
        ((1, 2), ALL, None, (1, 2)),
        ((0, 1), ALL, None, (0, 1)),
        ((2, 2), only(0), None, (0, 2)),
        ((2, 2), only(1), None, (1, 2)),
        // Nothing as small as the wish: the smallest that there is.
        ((0, 2), only(2), None, (2, 2)),
        ((2, 2), ALL, Some(1_000_000), (2, 1)),
        ((2, 2), ALL, Some(899_999), (1, 2)),
        ((2, 2), ALL, Some(400_000), (1, 1)),
        ((2, 2), ALL, Some(300_000), (0, 2)),
        ((2, 2), ALL, Some(100_000), (0, 0)),
        ((2, 0), ALL, Some(300_000), (1, 0)),
        // The first has its lowest rung whatever it costs.
        ((2, 2), ALL, Some(0), (0, 0)),
        ((2, 2), only(2), Some(0), (2, 0)),
    ];
    for ((spatial, temporal), offer, budget, chosen) in table {
        let one = ladder(1, Track::Camera, layer(spatial, temporal), &offer);
        assert_eq!(shared(vec![one], budget), [(1, Some(chosen))], "wish {spatial} {temporal}, {budget:?}");
    }
}

#[test]
fn a_screen_keeps_its_detail_to_the_last() {
    for (budget, chosen) in [(1_200_000, (2, 2)), (700_000, (2, 0)), (550_000, (1, 2)), (300_000, (1, 0))] {
        let screen = ladder(1, Track::Screen, layer(2, 2), &ALL);
        assert_eq!(shared(vec![screen], Some(budget)), [(1, Some(chosen))], "{budget}");
    }
}

#[test]
fn rates_that_do_not_grow_are_no_rungs() {
    let flat: Offer = [Some([150_000; 3]), Some([140_000; 3]), Some([800_000; 3])];
    let at = |budget| shared(vec![ladder(1, Track::Camera, layer(2, 2), &flat)], budget)[0].1;
    assert_eq!(at(None), Some((2, 2)));
    assert_eq!(at(Some(700_000)), Some((1, 2)), "larger and no dearer");
}

#[test]
fn everybody_has_a_picture_before_anybody_has_a_better_one() {
    let cameras = |count: u64| (1..=count).map(|id| ladder(id, Track::Camera, layer(2, 2), &ALL)).collect::<Vec<_>>();
    let count = |budget, layer| shared(cameras(4), Some(budget)).iter().filter(|(_, it)| *it == layer).count();
    assert_eq!(count(300_000, Some((0, 0))), 4);
    assert_eq!(count(299_999, None), 1);
    assert_eq!(count(600_000, Some((0, 2))), 4);
    assert_eq!(shared(cameras(2), Some(530_000)), [(1, Some((1, 1))), (2, Some((0, 2)))]);
}

#[test]
fn a_screen_and_a_pinned_camera_go_before_the_others() {
    let all = || {
        vec![
            ladder(1, Track::Camera, layer(1, 2), &ALL),
            ladder(2, Track::Camera, layer(2, 2), &ALL),
            ladder(3, Track::Screen, layer(2, 2), &ALL),
        ]
    };
    let low = Some((0, 0));
    assert_eq!(shared(all(), Some(230_000)), [(1, low), (2, low), (3, low)]);
    assert_eq!(shared(all(), Some(1_350_000)), [(1, low), (2, low), (3, Some((2, 2)))]);
    assert_eq!(shared(all(), Some(2_475_000)), [(1, low), (2, Some((2, 2))), (3, Some((2, 2)))]);
}

#[test]
fn a_step_up_is_one_rung_for_who_is_next_and_costs_what_it_says() {
    let mut ladders: Vec<_> = (1..=2).map(|id| ladder(id, Track::Camera, layer(2, 2), &ALL)).collect();
    share(&mut ladders, Some(75_000));
    let mut spending = vec![spent(&ladders)];
    while step_up(&mut ladders) {
        spending.push(spent(&ladders));
    }
    assert_eq!(spending[..5], [75_000, 150_000, 185_000, 220_000, 260_000]);
    assert_eq!(spending.last(), Some(&2_400_000));
    assert_eq!(spending.len(), 2 * 7);
    assert!(spending.is_sorted());
}

#[test]
fn a_ladder_remembers_where_its_subscriber_is() {
    let at = |has| Ladder::new(ParticipantId(1), Track::Camera, layer(2, 2), &ALL, has).unwrap().layer();
    assert_eq!(at(Some(layer(1, 1))), Some(layer(1, 1)));
    assert_eq!(at(None), None);
    let smaller: Offer = [ALL[0], None, None];
    let ladder = Ladder::new(ParticipantId(1), Track::Camera, layer(2, 2), &smaller, Some(layer(1, 1))).unwrap();
    assert_eq!(ladder.layer(), Some(layer(0, 2)));
}
