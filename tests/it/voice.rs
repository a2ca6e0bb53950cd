//! A voice over a bad network, scored: the bench's own bar with some lenience, on one trace, in virtual time.

#[allow(dead_code, reason = "the bench prints the rest")]
#[path = "../benches/voice/play.rs"]
mod play;
#[path = "../benches/common/quality.rs"]
mod quality;
#[allow(dead_code, reason = "the bench has more rows")]
#[path = "../benches/voice/trace.rs"]
mod trace;

#[test]
fn speech_survives_80_ms_of_jitter_with_5_percent_loss() {
    let speech = nearcall::media::wav::read_mono(&crate::support::speech()).unwrap();
    let outcomes: Vec<_> = (1..=3).map(|seed| play::play(&speech, &trace::Trace::barred(), seed)).collect();
    let score = outcomes.iter().map(|outcome| play::pesq(&speech, outcome).unwrap()).sum::<f64>() / 3.0;
    let delay_ms = outcomes.iter().map(|outcome| outcome.stats.delay_ms).sum::<f64>() / 3.0;
    println!("PESQ {score:.2} at {delay_ms:.0} ms");
    assert!(score >= 2.8, "PESQ {score:.2}");
    assert!(delay_ms <= 105.0, "{delay_ms} ms");
}
