//! A voice over a bad network, scored: the bench's own bar with some lenience, on one trace, in virtual time.

#[allow(dead_code)]
#[path = "../benches/voice/play.rs"]
mod play;
#[allow(dead_code)]
#[path = "../benches/voice/trace.rs"]
mod trace;

#[test]
fn speech_survives_80_ms_of_jitter_with_5_percent_loss() {
    let speech = play::speech(Some(&crate::support::speech())).unwrap();
    let outcome = play::play(&speech, &trace::Trace::barred(), 1);
    let score = play::pesq(&speech, &outcome).unwrap();
    println!("PESQ {score:.2}, {:?}", outcome.stats);
    assert!(score >= 2.7, "PESQ {score:.2}: {:?}", outcome.stats);
    assert!(outcome.stats.delay_ms <= 110.0, "{:?}", outcome.stats);
}
