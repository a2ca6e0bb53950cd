//! What an operator reads, and what a stranger can and cannot put there.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::clock;
use crate::proto::RelayInstance;
use crate::proto::control::{self, ClientMessage, client_message::Body};
use crate::proto::manifest::RelayEntry;
use crate::relay::bus::message::Announcement;

/// Where users come from.
const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 77));

fn entry(id: &str, region: &str, provider: &str) -> RelayEntry {
    RelayEntry {
        id: id.into(),
        region: region.into(),
        provider: provider.into(),
        city: String::new(),
        webtransport: Some("https://localhost:1/v1/call".into()),
        websocket: None,
        pins: Vec::new(),
    }
}

fn told(entry: RelayEntry) -> Announcement {
    Announcement { entry, instance: 2, gone: false, distances: Vec::new() }
}

fn directory() -> Directory {
    let directory = Directory::new(entry("oslo-1", "oslo", "metal"), RelayInstance(1));
    directory.heard(clock::now(), told(entry("lima-1", "lima", "cloud")));
    directory
}

fn path(relay: &str, region: &str) -> PathReport {
    PathReport {
        relay: relay.into(),
        region: region.into(),
        provider: "metal".into(),
        transport: ReportedTransport::WebTransport as i32,
        mean_us: Some(40_000),
        jitter_us: Some(1_000),
        loss_permille: Some(20),
        samples: 15,
    }
}

fn report(paths: Vec<PathReport>) -> ElectionReport {
    ElectionReport { paths, moves: Vec::new() }
}

fn text_of(metrics: &Users) -> String {
    let mut text = String::new();
    metrics.write(&mut text).unwrap();
    text
}

/// The lines that say this.
fn lines<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(what)).collect()
}

#[test]
fn a_report_is_seen_by_region_provider_and_transport() {
    let metrics = Users::new(0);
    let moves =
        vec![MoveReport { cause: MoveCause::FailOver as i32, audio_gap_ms: Some(320), video_gap_ms: Some(410) }];
    let verdict =
        metrics.take(&ElectionReport { moves, ..report(vec![path("oslo-1", "oslo")]) }, FROM, true, &directory());
    assert_eq!(verdict, Verdict::Accepted);
    let text = text_of(&metrics);
    let way = r#"{region="oslo",provider="metal",transport="webtransport"}"#;
    for line in [
        format!("nearcall_user_rtt_seconds_sum{way} 0.04"),
        format!("nearcall_user_rtt_seconds_count{way} 1"),
        format!("nearcall_user_loss_ratio_sum{way} 0.02"),
        r#"nearcall_user_moves_total{reason="fail_over"} 1"#.into(),
        r#"nearcall_user_gap_seconds_sum{reason="fail_over",media="audio"} 0.32"#.into(),
        r#"nearcall_user_reports_total{result="accepted"} 1"#.into(),
        "# TYPE nearcall_user_rtt_seconds histogram".into(),
    ] {
        assert!(text.lines().any(|is| is == line), "{line} in {text}");
    }
}

#[test]
fn what_was_not_measured_is_not_counted_as_nothing() {
    let metrics = Users::new(0);
    let silent = PathReport { mean_us: None, jitter_us: None, loss_permille: Some(1000), ..path("lima-1", "lima") };
    assert_eq!(metrics.take(&report(vec![silent]), FROM, true, &directory()), Verdict::Accepted);
    let text = text_of(&metrics);
    assert!(lines(&text, "nearcall_user_rtt_seconds_count").is_empty(), "{text}");
    assert_eq!(lines(&text, "nearcall_user_loss_ratio_count").len(), 1);
}

#[test]
fn the_relay_takes_its_own_names_and_not_the_clients() {
    let metrics = Users::new(0);
    let paths = vec![path("oslo-1", "my cellar"), path("gone", "oslo"), path("x\"} 1\nfake", "y\\")];
    assert_eq!(metrics.take(&report(paths), FROM, true, &directory()), Verdict::Accepted);
    let text = text_of(&metrics);
    let counts = lines(&text, "nearcall_user_rtt_seconds_count");
    assert_eq!(counts.len(), 2, "{counts:?}");
    assert!(counts.iter().any(|line| line.contains(r#"region="oslo""#) && line.ends_with(" 2")), "{counts:?}");
    assert!(counts.iter().any(|line| line.contains(r#"region="other",provider="other""#)), "{counts:?}");
    assert!(!text.contains("cellar") && !text.contains("fake"), "{text}");
}

#[test]
fn labels_do_not_grow_without_end_however_many_relays_come_and_go() {
    let metrics = Users::new(0);
    let start = clock::now();
    for n in 0..MOST_PLACES + 50 {
        let directory = Directory::new(entry("own", "own", ""), RelayInstance(1));
        let (id, region) = (format!("relay-{n}"), format!("region-{n}"));
        directory.heard(start, told(entry(&id, &region, "cloud")));
        assert_eq!(metrics.take(&report(vec![path(&id, &region)]), FROM, true, &directory), Verdict::Accepted);
    }
    let text = text_of(&metrics);
    assert_eq!(lines(&text, "nearcall_user_rtt_seconds_count").len(), MOST_PLACES + 1);
    let other = lines(&text, r#"nearcall_user_rtt_seconds_count{region="other""#);
    assert!(other[0].ends_with(" 50"), "{other:?}");
}

#[test]
fn a_report_with_a_figure_that_cannot_be_counts_for_nothing() {
    let good = || path("oslo-1", "oslo");
    let moved = |gap_ms| MoveReport { cause: 1, audio_gap_ms: Some(gap_ms), video_gap_ms: None };
    let wrong = [
        report(vec![PathReport { mean_us: Some(MOST_RTT_US + 1), ..good() }]),
        report(vec![PathReport { mean_us: Some(0), ..good() }]),
        report(vec![PathReport { samples: 0, ..good() }]),
        report(vec![PathReport { jitter_us: Some(u32::MAX), ..good() }]),
        report(vec![PathReport { loss_permille: Some(1001), ..good() }]),
        report(vec![PathReport { transport: 0, ..good() }]),
        report(vec![PathReport { transport: 77, ..good() }]),
        report(vec![good(), good()]),
        ElectionReport { moves: vec![moved(MOST_GAP_MS + 1)], ..report(vec![good()]) },
    ];
    let metrics = Users::new(0);
    for report in &wrong {
        assert_eq!(metrics.take(report, FROM, true, &directory()), Verdict::Rejected, "{report:?}");
    }
    assert_eq!(metrics.take(&report(vec![good()]), FROM, false, &directory()), Verdict::Limited);
    let text = text_of(&metrics);
    assert!(lines(&text, "nearcall_user_rtt_seconds_count").is_empty() && lines(&text, "moves_total{").is_empty());
    assert_eq!(
        lines(&text, "rejected"),
        [format!("nearcall_user_reports_total{{result=\"rejected\"}} {}", wrong.len())]
    );
    assert_eq!(lines(&text, "limited"), ["nearcall_user_reports_total{result=\"limited\"} 1"]);
}

#[test]
fn a_reason_of_a_later_version_is_counted_as_another() {
    let metrics = Users::new(0);
    let moves = vec![MoveReport { cause: 99, audio_gap_ms: None, video_gap_ms: None }];
    metrics.take(&ElectionReport { paths: Vec::new(), moves }, FROM, true, &directory());
    assert_eq!(lines(&text_of(&metrics), "moves_total{"), ["nearcall_user_moves_total{reason=\"other\"} 1"]);
}

prop_compose! {
    fn any_path()(
        names in vec("\\PC{0,16}", 3),
        numbers in any::<(i32, Option<u32>, Option<u32>, Option<u32>, u32)>(),
    ) -> PathReport {
        let [relay, region, provider] = [0, 1, 2].map(|n: usize| names[n].clone());
        let (transport, mean_us, jitter_us, loss_permille, samples) = numbers;
        PathReport { relay, region, provider, transport: transport % 4, mean_us, jitter_us, loss_permille, samples }
    }
}

proptest! {
    #[test]
    fn whatever_a_stranger_reports_the_text_stays_whole(
        paths in vec(any_path(), 0..4),
        moves in vec(any::<(i32, Option<u32>, Option<u32>)>(), 0..4),
    ) {
        let moves = moves.into_iter().map(|(cause, audio_gap_ms, video_gap_ms)| {
            MoveReport { cause, audio_gap_ms, video_gap_ms }
        });
        let report = ElectionReport { paths, moves: moves.collect() };
        let message = ClientMessage { body: Some(Body::ElectionReport(report)) };
        let decoded = control::decode::<ClientMessage>(&control::encode(&message));
        prop_assert_eq!(decoded.as_ref(), Ok(&message));
        let Some(Body::ElectionReport(report)) = decoded.unwrap().body else { unreachable!() };
        let metrics = Users::new(0);
        metrics.take(&report, FROM, true, &directory());
        let text = text_of(&metrics);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
            prop_assert!(line.starts_with("nearcall_user_") && value.is_some_and(f64::is_finite), "{}", line);
        }
    }
}
