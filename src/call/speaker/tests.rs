//! People in rooms, in virtual time: 20 ms are a frame, and levels are drawn around what a row says.

use super::*;

const ADA: ParticipantId = ParticipantId(1);
const BEN: ParticipantId = ParticipantId(2);
const EVE: ParticipantId = ParticipantId(3);

/// What somebody does for a while.
#[derive(Debug, Clone, Copy)]
enum Does {
    Nothing,
    /// Syllables at this loudness, dB: 160 ms of sound and 60 ms of less, and a breath now and then.
    Speaks(f32),
    /// One burst at the start, so many ms.
    Coughs(u64),
    /// A burst of so many ms each second.
    CoughsAgain(u64),
    /// A key each 150 ms.
    Types,
    /// All the time, dB.
    Hums(f32),
}
use Does::{Coughs, CoughsAgain, Hums, Nothing, Speaks, Types};

/// How long Ada and Ben do something, ms.
type Scene = (u64, Does, Does);
/// Who was found to speak, and when, ms.
type Change = (u64, ParticipantId);

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    /// -1.0..1.0
    fn roll(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// The level of a frame that begins `ms` after somebody began to do this, in a room that is never quite still.
fn level(does: Does, ms: u64, dice: &mut Dice) -> f32 {
    let room = -62.0 + 2.0 * dice.roll();
    let db = match does {
        Nothing => room,
        Speaks(db) => match (ms % 1900, ms % 220) {
            (1700.., _) => room + 6.0,
            (_, 160..) => db - 25.0 + 3.0 * dice.roll(),
            _ => db + 4.0 * dice.roll(),
        },
        Coughs(long) if ms < long => -14.0 + 3.0 * dice.roll(),
        CoughsAgain(long) if ms % 1000 < long => -14.0 + 3.0 * dice.roll(),
        Types if ms % 150 < 20 => -30.0 + 5.0 * dice.roll(),
        Hums(db) => db + 1.5 * dice.roll(),
        Coughs(_) | CoughsAgain(_) | Types => room,
    };
    10f32.powf(db / 20.0)
}

/// Plays scenes of (ms, what Ada does, what Ben does); fed each `step` ms. Gives each change of who speaks, with its time.
fn play(scenes: &[Scene], step: u64, seed: u64) -> Vec<Change> {
    let (mut speakers, mut dice) = (Speakers::default(), Dice(seed));
    let (mut changes, mut now) = (Vec::new(), 0);
    let mut waiting: BTreeMap<ParticipantId, Vec<f32>> = BTreeMap::from([(ADA, Vec::new()), (BEN, Vec::new())]);
    for (long, ada, ben) in scenes {
        for ms in (0..*long).step_by(20) {
            waiting.get_mut(&ADA).unwrap().push(level(*ada, ms, &mut dice));
            waiting.get_mut(&BEN).unwrap().push(level(*ben, ms, &mut dice));
            now += 20;
            if now % step == 0 {
                let before = speakers.current();
                speakers.feed(&waiting);
                waiting.values_mut().for_each(Vec::clear);
                if let Some(current) = speakers.current().filter(|current| Some(*current) != before) {
                    changes.push((now, current));
                }
            }
        }
    }
    changes
}

#[test]
fn who_speaks_is_found_within_600_ms_and_nothing_else_takes_the_floor() {
    let a = Speaks(-26.0);
    let b = Speaks(-30.0);
    // Scenes, and the changes: to whom, and the time from which it may be found, with 600 ms to do so.
    let rows: [(&str, &[Scene], &[Change]); 13] = [
        ("nobody", &[(10_000, Nothing, Nothing)], &[]),
        ("the first", &[(1000, Nothing, Nothing), (3000, a, Nothing)], &[(1000, ADA)]),
        ("silence keeps the last one", &[(2000, a, Nothing), (20_000, Nothing, Nothing)], &[(0, ADA)]),
        ("turns", &[(4000, a, Nothing), (4000, Nothing, b), (4000, a, Nothing)], &[(0, ADA), (4000, BEN), (8000, ADA)]),
        (
            "a cough in silence",
            &[(2000, a, Nothing), (2000, Nothing, Nothing), (3000, Nothing, Coughs(280))],
            &[(0, ADA)],
        ),
        ("a cough while another speaks", &[(2000, a, Nothing), (3000, a, Coughs(280))], &[(0, ADA)]),
        ("coughs before anybody spoke", &[(9000, CoughsAgain(280), Nothing)], &[]),
        ("typing", &[(2000, a, Nothing), (10_000, Nothing, Types)], &[(0, ADA)]),
        ("yes, and right", &[(3000, a, Nothing), (300, a, b), (3000, a, Nothing)], &[(0, ADA)]),
        (
            "a fan that was always there",
            &[(4000, Nothing, Hums(-38.0)), (4000, a, Hums(-38.0))],
            &[(0, BEN), (4000, ADA)],
        ),
        ("an echo of oneself in the other room", &[(8000, Speaks(-22.0), Speaks(-40.0))], &[(0, ADA)]),
        ("a quiet voice", &[(4000, Nothing, Nothing), (4000, Speaks(-42.0), Nothing)], &[(4000, ADA)]),
        ("speech in noise", &[(5000, Hums(-55.0), Nothing), (3000, Speaks(-30.0), Nothing)], &[(5000, ADA)]),
    ];
    for (what, scenes, expected) in rows {
        for step in [20, 100] {
            for seed in 0..50 {
                let changes = play(scenes, step, seed);
                let fits = changes.len() == expected.len()
                    && changes
                        .iter()
                        .zip(expected)
                        .all(|(change, due)| change.1 == due.1 && (due.0..=due.0 + 600).contains(&change.0));
                assert!(fits, "{what}, each {step} ms, seed {seed}: {changes:?} instead of {expected:?}");
            }
        }
    }
}

#[test]
fn of_two_who_both_go_on_the_later_one_gets_the_floor_once() {
    for seed in 0..50 {
        let scenes = [(3000, Speaks(-26.0), Nothing), (20_000, Speaks(-26.0), Speaks(-27.0))];
        let changes = play(&scenes, 100, seed);
        assert_eq!(changes.len(), 2, "seed {seed}: {changes:?}");
        assert!(changes[1].1 == BEN && (4000..6000).contains(&changes[1].0), "seed {seed}: {changes:?}");
    }
}

#[test]
fn the_mark_of_a_speaker_comes_with_speech_and_stays_through_a_breath() {
    let (mut speakers, mut dice) = (Speakers::default(), Dice(1));
    let mut feed = |does, from: u64, long: u64| {
        let ada = (from..from + long).step_by(20).map(|ms| level(does, ms, &mut dice)).collect();
        speakers.feed(&BTreeMap::from([(ADA, ada), (BEN, Vec::new())]));
        (speakers.speaks(ADA), speakers.speaks(BEN))
    };
    assert_eq!(feed(Nothing, 0, 1000), (false, false));
    assert_eq!(feed(Coughs(40), 0, 100), (false, false), "a click");
    assert_eq!(feed(Nothing, 0, 1000), (false, false));
    assert_eq!(feed(Speaks(-26.0), 0, 200), (true, false));
    assert_eq!(feed(Nothing, 0, 400), (true, false));
    assert_eq!(feed(Nothing, 0, 600), (false, false));
}

#[test]
fn whoever_left_speaks_no_more_and_whoever_comes_is_heard() {
    let mut speakers = Speakers::default();
    let speech = |dice: &mut Dice, ms: u64| -> Vec<f32> {
        (0..ms).step_by(20).map(|ms| level(Speaks(-26.0), ms, dice)).collect()
    };
    let mut dice = Dice(3);
    speakers.feed(&BTreeMap::from([(ADA, speech(&mut dice, 1000)), (BEN, vec![0.0; 50])]));
    assert_eq!(speakers.current(), Some(ADA));
    speakers.feed(&BTreeMap::from([(BEN, vec![0.0; 5])]));
    assert_eq!(speakers.current(), None);
    assert!(!speakers.speaks(ADA));
    speakers.feed(&BTreeMap::from([(BEN, vec![0.0; 50]), (EVE, speech(&mut dice, 600))]));
    assert_eq!(speakers.current(), Some(EVE), "with fewer frames than the others");
    for broken in [f32::NAN, f32::INFINITY, -1.0] {
        speakers.feed(&BTreeMap::from([(BEN, vec![broken; 50]), (EVE, Vec::new())]));
        assert_eq!(speakers.current(), Some(EVE));
    }
}
