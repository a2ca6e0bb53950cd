//! Every relay is in every export, and no secret is.

use std::time::SystemTime;

use serde_json::Value;

use super::*;
use crate::call::event::{Moved, Place};
use crate::election::Reason;
use crate::proto::Transport;
use crate::ui::model::{Action, Room};
use crate::ui::{fixtures, host};

fn parsed(model: &Model) -> Value {
    serde_json::from_str(&json(model)).expect("the export is JSON")
}

/// Reads RFC 4180 back.
fn read(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => cell.push(letters.next().unwrap()),
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (letter, _) => cell.push(letter),
        }
    }
    rows
}

#[test]
fn the_json_holds_every_candidate_and_a_failure_is_null_with_its_error() {
    let value = parsed(&fixtures::call(2));
    assert_eq!(value["schema_version"], SCHEMA);
    assert_eq!(value["candidates"].as_array().unwrap().len(), 12);
    assert_eq!(value["active"]["region"], "singapore");
    assert_eq!(value["elected"]["runner_up"], "tokyo-1 webtransport");
    assert_eq!(value["exported_utc"], "2026-11-21T14:16:40.000Z");
    let dead = value["candidates"].as_array().unwrap().iter().find(|row| row["region"] == "sao-paulo").unwrap();
    assert_eq!(dead["state"], "failed");
    assert_eq!(dead["error"], "no answer in 5 s: UDP may be blocked");
    for figure in ["mean_ms", "median_ms", "min_ms", "p95_ms", "jitter_ms", "connect_ms", "score_ms"] {
        assert!(dead.get(figure).is_some_and(Value::is_null), "{figure}");
    }
    assert!(dead["recent_ms"].as_array().unwrap().iter().all(Value::is_null));
    let moved = value["timeline"].as_array().unwrap().iter().find(|entry| entry["event"] == "moved").unwrap();
    assert_eq!(moved["audio_gap_ms"], 0);
    assert_eq!(moved["at_utc"], "2026-11-21T14:10:01.000Z");
}

#[test]
fn the_rows_of_the_json_are_those_of_the_probe_command() {
    let model = fixtures::call(1);
    let state = model.call.as_deref().unwrap();
    let standing = state.candidates[0].clone();
    let answered = state.hops.of(standing.id);
    let probe = serde_json::to_value(CandidateRow { answered, ..standing.into() }).unwrap();
    let ours = &parsed(&model)["candidates"][0];
    for (key, value) in probe.as_object().unwrap() {
        assert_eq!(&ours[key], value, "{key}");
    }
}

#[test]
fn the_csv_reads_back_with_a_row_for_every_sample_and_an_empty_cell_for_a_lost_one() {
    let model = fixtures::call(2);
    let rows = read(&csv(&model));
    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let of = |record: &str| rows.iter().filter(|row| row[0] == record).cloned().collect::<Vec<_>>();
    assert_eq!(of("candidate").len(), 12);
    assert_eq!(of("event").len(), model.timeline.len());
    let sent: usize = model.call.as_deref().unwrap().candidates.iter().map(|standing| standing.recent_ms.len()).sum();
    assert_eq!(of("sample").len(), sent);
    for sample in of("sample") {
        assert_eq!(sample[column("lost")] == "1", sample[column("rtt_ms")].is_empty());
    }
    let dead = of("candidate").into_iter().find(|row| row[column("region")] == "sao-paulo").unwrap();
    assert_eq!(dead[column("mean_ms")], "");
    assert_eq!(dead[column("detail")], "no answer in 5 s: UDP may be blocked");
    let moved = of("event").into_iter().find(|row| row[column("event")] == "moved").unwrap();
    assert_eq!((moved[column("from")].as_str(), moved[column("to")].as_str()), ("tokyo", "singapore"));
    assert_eq!(moved[column("audio_gap_ms")], "0");
}

#[test]
fn cells_with_commas_quotes_and_formulas_come_back_as_text() {
    let mut model = fixtures::call(1);
    fixtures::change(&mut model, |state, _| {
        state.candidates[10].error = Some("said \"no\", then\nclosed".into());
        state.candidates[0].candidate.provider = "=HYPERLINK(\"x\")".into();
    });
    let rows = read(&csv(&model));
    let has = |cell: &str| rows.iter().flatten().any(|other| other == cell);
    assert!(has("said \"no\", then\nclosed"));
    assert!(has("'=HYPERLINK(\"x\")"));
    assert!(!rows.iter().flatten().any(|cell| cell.starts_with('=')));
}

#[test]
fn no_export_tells_the_room_its_secret_or_who_is_in_it() {
    let mut model = fixtures::call(4);
    let invite = "nearcall://join/kip-mora-tel?at=192.168.1.20:4433#c2VjcmV0LW9mLXRoZS1yb29t";
    model.room =
        Room { text: invite.into(), name: Some("kip-mora-tel".into()), invite: Some(invite.into()), ..Room::default() };
    // Ada hosts: her own relay has its rows.
    fixtures::change(&mut model, |state, _| {
        let candidate = &mut state.candidates[0].candidate;
        (candidate.region, candidate.relay) = (host::REGION.into(), format!("{}-0a1b", host::REGION));
    });
    assert!(json(&model).contains(host::REGION) && csv(&model).contains(host::REGION));
    for text in [json(&model), csv(&model), text(&model)] {
        for secret in ["c2VjcmV0LW9mLXRoZS1yb29t", "kip-mora-tel", "192.168.1.20", "Ada", "Ben Okafor", "Dmitri"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[test]
fn every_state_of_a_window_can_be_exported() {
    let mut nothing = fixtures::lobby_first_start();
    nothing.call = None;
    let mut odd = fixtures::call(1);
    odd.wall = SystemTime::UNIX_EPOCH;
    odd.timeline.push(Entry {
        at: SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap_or(SystemTime::UNIX_EPOCH),
        what: What::Moved(Moved {
            from: None,
            to: Place { relay: "a".into(), region: "a".into(), transport: Transport::WebSocket },
            reason: Reason::Reconnect,
            rtt_before_ms: None,
            rtt_after_ms: Some(f64::NAN),
            audio_gap_ms: Some(4000),
            video_gap_ms: Some(4000),
        }),
    });
    let lobby = fixtures::lobby_without_anything();
    for model in [nothing, odd, lobby, fixtures::drill(), fixtures::reconnecting()] {
        parsed(&model);
        assert!(csv(&model).lines().count() >= 2);
        assert!(text(&model).starts_with("Nearcall "));
    }
}

#[test]
fn the_text_stands_in_columns_and_says_no_answer_in_words() {
    let text = text(&fixtures::call(2));
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("relay ")).skip(1).take(12).collect();
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| row.find("Web") == rows[0].find("Web")), "{text}");
    assert!(text.contains("no answer: no answer in 5 s"), "{text}");
    assert!(text.contains("In use:  singapore by WebTransport"), "{text}");
    let _: Action = Action::Copy { text, said: "Copied" };
}

#[test]
fn a_clock_out_of_range_is_written_as_the_nearest_time_there_is() {
    assert_eq!(utc(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    let far = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(400_000_000_000)).unwrap();
    assert_eq!(utc(far), "9999-12-31T23:59:59.000Z");
}

#[test]
fn everybody_is_in_the_json_the_csv_and_the_text_under_a_number() {
    let model = fixtures::call(3);
    let members = parsed(&model)["members"].as_array().unwrap().clone();
    assert_eq!(
        members.iter().map(|one| one["member"].as_str().unwrap()).collect::<Vec<_>>(),
        ["You", "Member 2", "Member 3", "Member 4"]
    );
    assert_eq!((&members[1]["place"]["region"], &members[1]["rtt_ms"]), (&"tokyo".into(), &9.0.into()));
    assert_eq!(members[1]["mouth_to_ear_ms"], 143.0);
    assert!(members[1]["ways"].as_array().unwrap().iter().any(|way| way["rtt_ms"].is_null()));
    assert!(members[3]["place"].is_null() && members[3]["ways"] == serde_json::json!([]), "it did not say");
    assert_eq!(parsed(&model)["relay_distances"].as_array().unwrap().len(), 12);
    assert_eq!(parsed(&model)["next"]["next_round_ms"], 100_000);

    let rows = read(&csv(&model));
    let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    let of = |record: &str| rows.iter().filter(|row| row[0] == record).collect::<Vec<_>>();
    assert_eq!((of("way").len(), of("distance").len()), (18, 12));
    let lost = of("way").into_iter().find(|row| row[column("region")] == "sao-paulo").unwrap();
    assert_eq!((lost[column("member")].as_str(), lost[column("rtt_ms")].as_str()), ("You", ""));

    let text = text(&model);
    for line in ["Member 2  tokyo by WebTransport", "Member 4  –", "farthest"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn the_picture_is_a_png_with_something_on_it_in_every_state() {
    let mut nothing = fixtures::lobby_first_start();
    nothing.call = None;
    for (model, least) in [(fixtures::call(3), 1600), (fixtures::lobby(Duration::from_secs(5)), 600), (nothing, 100)] {
        for dark in [true, false] {
            let picture = image::load_from_memory(&png(&model, dark).unwrap()).unwrap().to_rgb8();
            assert!(picture.width() == 1800 && picture.height() > least, "{} high", picture.height());
            let ground = picture.get_pixel(2, 2).0[0];
            assert_eq!(ground < 64, dark);
            let words = picture.pixels().filter(|pixel| pixel.0[0].abs_diff(ground) > 100).count();
            assert!(words > 1000, "{words}");
        }
    }
}

#[test]
fn nobody_s_name_and_no_room_is_left_for_a_picture() {
    let mut model = fixtures::call(4);
    model.rooms.joined(crate::settings::rooms::Room { name: "den".into(), link: None, joined: 1 });
    let bare = nameless(&model);
    let state = bare.call.as_deref().unwrap();
    assert!(state.peers.iter().enumerate().all(|(n, peer)| peer.name == Some(member(n))));
    assert!(state.own.name.is_empty() && bare.name().is_empty() && bare.room == Room::default());
    assert!(bare.rooms.rooms.is_empty());
}
