//! What is kept of a call and what is reported of it: decisions whole, and nothing of the person.

use super::*;
use crate::clock;
use crate::election::{Candidate, Config, Input, Output};
use crate::proto::probe::RelayState;
use crate::proto::{RelayInstance, Transport};
use crate::telemetry::history::{self, Limits, Program};

fn candidate(relay: &str) -> Candidate {
    Candidate {
        relay: relay.into(),
        region: relay.into(),
        provider: "metal".into(),
        transport: Transport::WebTransport,
        url: format!("https://{relay}.example/v1/call"),
    }
}

/// A race between `oslo` and `lima`, in which each has answered so many probes, and what it said.
fn raced(probes: usize) -> (Elector, Vec<EventKind>, Instant) {
    let mut now = clock::now();
    let candidates = vec![candidate("oslo"), candidate("lima")];
    let mut elector = Elector::new(now, Config::default(), candidates, 1);
    let (mut events, mut answered) = (Vec::new(), 0);
    while answered < probes {
        while let Some(output) = elector.poll_output() {
            match output {
                Output::Dial { link, .. } => elector.handle_input(now, Input::Connected { link }),
                Output::Probe { link, id } => {
                    answered += 1;
                    let rtt = Duration::from_millis(if elector.candidate_of(link) == Some(&candidate("oslo")) {
                        10
                    } else {
                        20
                    });
                    now += rtt;
                    let (state, instance) = (RelayState::Ready, RelayInstance(link.0));
                    elector.handle_input(now, Input::ProbeReply { link, id, rtt, state, instance });
                }
                Output::Event(event) => events.push(event.kind),
                _ => {}
            }
        }
        now = elector.poll_timeout().unwrap_or(now).max(now);
        elector.handle_timeout(now);
    }
    (elector, events, now)
}

fn first(elector: &Elector) -> CandidateId {
    elector.standings()[0].id
}

fn moved(reason: Reason, audio_gap_ms: u64) -> Moved {
    let place = |relay: &str| Place { relay: relay.into(), region: relay.into(), transport: Transport::WebTransport };
    Moved {
        from: Some(place("oslo")),
        to: place("lima"),
        reason,
        rtt_before_ms: Some(10.0),
        rtt_after_ms: Some(20.0),
        audio_gap_ms: Some(audio_gap_ms),
        video_gap_ms: None,
    }
}

#[test]
fn a_report_has_what_was_measured_and_the_moves_once() {
    let (elector, _, now) = raced(8);
    let mut journal = Journal::start(None);
    assert_eq!(journal.report(now, &elector), None, "nothing happened");
    journal.event(&elector, &EventKind::RaceOver);
    let report = journal.report(now, &elector).unwrap();
    let rtts: Vec<_> = report.paths.iter().map(|path| (path.relay.as_str(), path.mean_us.unwrap() / 1000)).collect();
    assert_eq!(rtts, [("oslo", 10), ("lima", 20)]);
    assert!(report.paths.iter().all(|path| path.samples > 0 && path.loss_permille == Some(0)));
    journal.moved(&elector, &moved(Reason::FailOver, 320));
    assert_eq!(journal.report(now + LEAST / 2, &elector), None, "not at once again");
    let report = journal.report(now + LEAST, &elector).unwrap();
    let told: Vec<_> = report.moves.iter().map(|moved| (moved.cause(), moved.audio_gap_ms)).collect();
    assert_eq!(told, [(MoveCause::FailOver, Some(320))]);
    assert_eq!(journal.report(now + LEAST * 2, &elector), None);
    assert!(journal.report(now + LEAST + EVERY, &elector).is_some_and(|report| report.moves.is_empty()));
}

#[test]
fn a_relay_that_was_not_measured_lately_is_not_reported() {
    let (elector, ..) = raced(0);
    let mut journal = Journal::start(None);
    journal.event(&elector, &EventKind::RaceOver);
    assert_eq!(journal.report(clock::now(), &elector).unwrap().paths, []);
}

#[tokio::test]
async fn every_decision_is_kept_with_the_figures_of_those_that_it_is_about() {
    let dir = tempfile::tempdir().unwrap();
    let (elector, events, _) = raced(8);
    let mut journal = Journal::start(Some(Keep::in_folder(dir.path().into(), Program::Call, Limits::default())));
    events.iter().for_each(|kind| journal.event(&elector, kind));
    let (to, reason) = (first(&elector), Reason::First);
    journal.event(&elector, &EventKind::Elected { from: None, to, reason, margin_ms: Some(9.999), runner_up: None });
    let candidate = elector.standings()[1].id;
    journal.event(&elector, &EventKind::Kept { candidate, reason: "not better for long enough".into() });
    journal.moved(&elector, &moved(Reason::Improve, 0));
    journal.close(&elector).await;
    let log = history::load(dir.path(), 1);
    let election = &log.elections[0];
    let (winner, mean_ms, margin_ms) = election.winner().unwrap();
    assert_eq!((winner.relay.as_str(), mean_ms, margin_ms), ("oslo", Some(10.0), Some(10.0)));
    let kept = election.lines.iter().find(|line| matches!(line.what, What::Kept { .. })).unwrap();
    assert_eq!(kept.what.candidates()[0].way.relay, "lima", "who it is about comes first");
    assert!(kept.what.candidates().iter().all(|row| row.received > 0 && row.mean_ms.is_some()));
    let last: Vec<_> = election.lines.iter().rev().take(2).map(|line| &line.what).collect();
    assert!(matches!(last[0], What::Ended { moves: 1 }), "{last:?}");
    assert!(matches!(last[1], What::Race { .. }), "the race was not over and is kept as it stood: {last:?}");
}

#[tokio::test]
async fn what_a_relay_says_is_not_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let (elector, ..) = raced(2);
    let mut journal = Journal::start(Some(Keep::in_folder(dir.path().into(), Program::Call, Limits::default())));
    journal.keep_quiet_about(["blue kitchen".into(), "Ada".into(), String::new()]);
    let to = first(&elector);
    journal.event(&elector, &EventKind::MoveFailed { to, reason: "no room blue kitchen".into() });
    journal.event(&elector, &EventKind::Unmet { wish: "oslo".into(), reason: "no room for 203.0.113.7".into() });
    journal.event(&elector, &EventKind::Unmet { wish: "Ada".into(), reason: "carried by 203.0.113.7 for now".into() });
    journal.event(&elector, &EventKind::Unmet { wish: "oslo".into(), reason: "carried by lima for now".into() });
    journal.event(&elector, &EventKind::MoveFailed { to, reason: "nothing delivered in 2000 ms".into() });
    journal.close(&elector).await;
    let text = history::export::json(&history::load(dir.path(), 1), clock::wall());
    assert!(["kitchen", "Ada", "203.0.113.7"].iter().all(|word| !text.contains(word)), "{text}");
    assert_eq!(text.matches(LEFT_OUT).count(), 4, "{text}");
    assert!(text.contains("nothing delivered in 2000 ms") && text.contains("carried by lima for now"), "{text}");
}

#[test]
fn what_is_private_is_found_before_words_are_cut() {
    let mut journal = Journal::start(None);
    let token = "t0".repeat(125);
    journal.keep_quiet_about([token.clone(), "blue\tkitchen".into(), "Ada".into()]);
    for words in [format!("bad token {token}"), "the blue\tkitchen".into(), "A\u{7}da".into()] {
        assert_eq!(journal.discreet(&words), LEFT_OUT, "{words:?}");
    }
    assert_eq!(journal.discreet("the relay\ngoes away"), "the relaygoes away");
    assert_eq!(journal.discreet(&"x".repeat(300)).len(), 200);
}

/// What is handed to a function in a source, the last argument of each call.
fn handed_to(function: &str, source: &str) -> Vec<String> {
    let calls = source.match_indices(function).filter(|(at, _)| !source[..*at].ends_with("fn "));
    let last = |(at, _): (usize, &str)| {
        let (mut depth, mut quoted, mut last) = (1, false, String::new());
        for c in source[at + function.len()..].chars() {
            match c {
                '"' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                ',' if !quoted && depth == 1 => last.clear(),
                _ => {}
            }
            match c {
                _ if depth == 0 => break,
                ',' if last.is_empty() && !quoted => {}
                c => last.push(c),
            }
        }
        last.trim().trim_start_matches('&').to_owned()
    };
    calls.map(last).collect()
}

#[test]
fn every_reason_that_the_election_gives_is_known_as_ours() {
    let (elector, ..) = raced(0);
    let mut ours = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/election")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let functions = [".fail_move(", ".call_off(", ".unmet(", ".wish_failed(", ".refused(", ".closed("];
        for mut reason in functions.iter().flat_map(|function| handed_to(function, &source)) {
            if let Some((_, made)) = source.split_once(&format!("let {reason} = format!")) {
                reason = made.lines().next().unwrap().to_owned();
            }
            // A relay's or the network's, handed on.
            if reason == "error" {
                continue;
            }
            let text = reason.split('"').nth(1).unwrap_or_else(|| panic!("whose words is {reason}?"));
            let text = text.replace("{took:.0}", "2000").replace("{}", "oslo");
            assert!(is_ours(&elector, &text), "{text}");
            ours += 1;
        }
    }
    assert!(ours > OURS.len(), "{ours}");
}
