//! A history that stays within its bounds, survives its disk, and is read past everything that is broken.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;

use super::folder::{Writer, files};
use super::*;
use crate::proto::Transport;
use crate::telemetry::csv;

/// Longer than any machine takes.
const LONG: Duration = Duration::from_secs(60);

fn way(relay: &str) -> Way {
    Way { relay: relay.into(), region: relay.into(), provider: "metal".into(), transport: Transport::WebTransport }
}

fn figures(relay: &str) -> Figures {
    Figures {
        way: way(relay),
        state: "connected".into(),
        relay_state: Some("ready".into()),
        mean_ms: Some(40.25),
        jitter_ms: None,
        loss: Some(0.3333),
        score_ms: Some(86.98),
        sent: 3,
        received: 2,
        recent_ms: vec![Some(40.0), None, Some(40.5)],
    }
}

fn elected(relay: &str) -> What {
    What::Elected {
        from: None,
        to: way(relay),
        reason: "first".into(),
        margin_ms: Some(8.5),
        runner_up: Some(way("lima")),
        candidates: vec![figures(relay), figures("lima")],
    }
}

fn moved(to: &str, audio_gap_ms: u64) -> What {
    What::Moved {
        from: Some(way("oslo")),
        to: way(to),
        reason: "fail_over".into(),
        rtt_before_ms: Some(40.0),
        rtt_after_ms: None,
        audio_gap_ms: Some(audio_gap_ms),
        video_gap_ms: None,
    }
}

fn recorder(folder: &Path, program: Program, limits: Limits) -> Recorder {
    Recorder::start(Keep::in_folder(folder.to_owned(), program, limits))
}

fn record(folder: &Path, lines: impl IntoIterator<Item = What>) {
    let recorder = recorder(folder, Program::Call, Limits::default());
    lines.into_iter().for_each(|what| recorder.note(what));
    assert_eq!(recorder.finish(), None);
}

fn all(folder: &Path) -> Log {
    load(folder, usize::MAX)
}

fn bytes(folder: &Path) -> u64 {
    files(folder).iter().map(|file| file.bytes).sum()
}

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_000 + ms)
}

/// A line that is read.
fn kept(n: usize) -> String {
    let what = What::Kept { candidate: Some(way("lima")), reason: format!("number {n}"), candidates: Vec::new() };
    serde_json::to_string(&Line { v: SCHEMA, at_utc: "2026-11-21T17:00:00.000Z".into(), what }).unwrap()
}

#[test]
fn what_was_noted_is_read_with_its_figures() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("deep/history");
    record(&folder, [elected("oslo"), moved("lima", 320), moved("oslo", 20), What::Ended { moves: 2 }]);
    let log = all(&folder);
    assert_eq!((log.elections.len(), log.broken, log.strange), (1, 0, 0));
    let election = &log.elections[0];
    assert_eq!(election.program(), Some("call"));
    assert_eq!(election.winner(), Some((&way("oslo"), Some(40.25), Some(8.5))));
    assert_eq!((election.moves(), election.worst_gap()), (2, Some((320, "fail_over"))));
    assert_eq!(election.lines.len(), 5);
    assert_eq!(election.lines[1].what, elected("oslo"), "a lost probe is still a lost probe");
    assert_eq!(load(&folder, 0).elections.len(), 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&files(&folder)[0].path)), (0o700, 0o600));
    }
}

#[test]
fn nothing_is_written_before_there_is_something_to_say() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    record(&folder, [What::Ended { moves: 0 }]);
    assert!(!folder.exists());
    assert_eq!(all(&folder), Log::default());
}

#[test]
fn the_oldest_elections_make_room_and_foreign_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = ["notes.jsonl", "20261121T170312123Z-1.jsonl.bak", "20261121T170312123-1.jsonl"];
    foreign.iter().for_each(|name| fs::write(dir.path().join(name), "mine").unwrap());
    let limits = Limits { elections: 3, ..Limits::default() };
    let recorder = recorder(dir.path(), Program::Window, limits);
    for n in 0..6 {
        recorder.anew();
        recorder.note(elected(&format!("relay-{n}")));
    }
    assert_eq!(recorder.finish(), None);
    let winners: Vec<_> =
        all(dir.path()).elections.iter().map(|it| it.winner().map(|it| it.0.relay.clone()).unwrap()).collect();
    assert_eq!(winners, ["relay-3", "relay-4", "relay-5"]);
    assert!(foreign.iter().all(|name| dir.path().join(name).exists()));
}

#[test]
fn the_bytes_of_all_and_of_one_stay_under_their_limits() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { elections: 50, bytes: 10_000, election_bytes: 4_000 };
    for n in 0..8 {
        let mut writer = Writer::create(dir.path(), limits, at(n)).unwrap();
        for line in 0..100 {
            writer.line(&kept(line)).unwrap();
            assert!(bytes(dir.path()) <= limits.bytes, "{}", bytes(dir.path()));
            assert!(files(dir.path()).iter().all(|file| file.bytes <= limits.election_bytes));
        }
    }
    let log = all(dir.path());
    assert!(log.elections.len() >= 2 && log.broken == 0, "{}", log.elections.len());
    let lines: Vec<_> = log.elections.last().unwrap().lines.iter().map(|line| format!("{:?}", line.what)).collect();
    assert!(lines[0].contains("number 0\"") && lines[2].contains("number 2\""), "the beginning stays: {lines:?}");
    assert!(lines.last().unwrap().contains("number 99"), "and the latest: {lines:?}");
    assert!(Writer::create(dir.path(), limits, at(99)).unwrap().line(&"x".repeat(3_000)).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_line_and_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let full = |path: &Path| -> io::Result<File> {
        File::create_new(path)?;
        OpenOptions::new().append(true).open("/dev/full")
    };
    let mut writer = Writer::create_with(dir.path(), Limits::default(), at(0), full).unwrap();
    for _ in 0..3 {
        assert_eq!(writer.line(&kept(1)).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

#[test]
fn a_folder_that_cannot_be_is_told_once_and_nothing_fails() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "no folder").unwrap();
    let recorder = recorder(&file.join("history"), Program::Call, Limits::default());
    (0..1000).for_each(|_| recorder.note(elected("oslo")));
    let trouble = recorder.finish().unwrap();
    assert!(trouble.contains("NEARCALL_STATE_DIR") || trouble.contains("too slow"), "{trouble}");
}

#[test]
fn broken_lines_and_other_versions_are_skipped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let whole = kept(1);
    let later = whole.replace(r#""v":1"#, r#""v":2"#);
    let strange = whole.replace(r#""kept""#, r#""invented""#);
    let half = &whole[..whole.len() / 2];
    let text = format!("{whole}\n{half}\n{later}\n\u{0}\u{1}\n{strange}\n[]\n{{\"v\":1}}\n{whole}\n{half}");
    fs::write(dir.path().join("20261121T170312123Z-1.jsonl"), text).unwrap();
    let log = all(dir.path());
    assert_eq!((log.elections[0].lines.len(), log.broken, log.strange), (2, 5, 2));
}

#[test]
fn two_programs_write_beside_each_other_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let writers = [0, 1].map(|_| {
        let folder = dir.path().to_owned();
        std::thread::spawn(move || {
            let mut writer = Writer::create(&folder, Limits::default(), at(0)).unwrap();
            (0..200).for_each(|n| writer.line(&kept(n)).unwrap());
        })
    });
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let log = all(dir.path());
    assert_eq!(log.elections.iter().map(|it| it.lines.len()).collect::<Vec<_>>(), [200, 200]);
    assert_eq!(log.broken, 0);
}

#[test]
fn a_file_that_another_program_took_away_begins_again_with_its_first_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path(), Limits::default(), at(0)).unwrap();
    (0..5).for_each(|n| writer.line(&kept(n)).unwrap());
    fs::remove_file(&files(dir.path())[0].path).unwrap();
    writer.line(&kept(5)).unwrap();
    let log = all(dir.path());
    let lines: Vec<_> = log.elections[0].lines.iter().map(|line| format!("{:?}", line.what)).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].contains("number 0") && lines[3].contains("number 5"), "{lines:?}");
}

#[test]
fn the_last_winner_is_the_newest_that_is_still_listed() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Keep::in_folder(dir.path().to_owned(), Program::Call, Limits::default());
    let winners = || keep.winners_within(LONG);
    assert_eq!(winners().newest(|_| true), None);
    let calls: [Vec<What>; 4] = [
        vec![elected("lima")],
        vec![elected("oslo"), elected("rome")],
        vec![elected("gone")],
        vec![What::Race {
            elected: Some(way("probed")),
            margin_ms: None,
            runner_up: None,
            reason: None,
            candidates: vec![],
        }],
    ];
    for (n, lines) in calls.into_iter().enumerate() {
        let mut writer = Writer::create(dir.path(), Limits::default(), at(n as u64)).unwrap();
        for what in lines {
            let line = Line { v: SCHEMA, at_utc: String::new(), what };
            writer.line(&serde_json::to_string(&line).unwrap()).unwrap();
        }
    }
    let mut asked = winners();
    assert_eq!(asked.newest(|relay| relay == "oslo"), None, "it was moved away from");
    for mut winners in [winners(), asked] {
        assert_eq!(winners.newest(|_| true).as_deref(), Some("gone"));
        assert_eq!(winners.newest(|relay| relay != "gone").as_deref(), Some("rome"));
        assert_eq!(winners.newest(|relay| relay == "lima").as_deref(), Some("lima"));
        assert_eq!(winners.newest(|_| true).as_deref(), Some("gone"), "the list is read once");
    }
}

#[test]
fn a_disk_that_hangs_keeps_no_call_waiting() {
    let (disk, files) = std::sync::mpsc::channel::<String>();
    let mut hangs = Winners::read(move || files.into_iter(), 50, Duration::ZERO);
    assert_eq!(hangs.newest(|_| true), None);
    drop(disk);
    let (disk, files) = std::sync::mpsc::channel();
    disk.send("oslo".to_owned()).unwrap();
    let mut hangs_later = Winners::read(move || files.into_iter(), 50, LONG);
    assert_eq!(hangs_later.newest(|_| true).as_deref(), Some("oslo"), "what was read is of use");
}

#[test]
fn a_lost_probe_is_lost_in_every_export_and_never_nothing() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), [elected("=oslo"), moved("lima", 320)]);
    let log = all(dir.path());
    let table = export::csv(&log);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|column| *column == name).unwrap();
    let samples: Vec<_> = rows.iter().filter(|row| row[0] == "sample").map(|row| row[column("rtt_ms")]).collect();
    assert_eq!(samples, ["40", "lost", "40.5", "40", "lost", "40.5"]);
    let candidates: Vec<_> = rows.iter().filter(|row| row[0] == "candidate").collect();
    assert_eq!(candidates[0][column("relay")], "'=oslo", "no formula");
    assert_eq!((candidates[0][column("jitter_ms")], candidates[0][column("mean_ms")]), ("", "40.25"));
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{table}");
    let event = rows.iter().find(|row| row[column("event")] == "moved").unwrap();
    assert_eq!((event[column("to")], event[column("audio_gap_ms")]), ("lima webtransport", "320"));
    assert_eq!(csv::guarded("@x"), "'@x");

    let json: serde_json::Value = serde_json::from_str(&export::json(&log, at(0))).unwrap();
    let election = &json["elections"][0];
    assert_eq!((json["schema_version"].as_u64(), json["broken_lines"].as_u64()), (Some(1), Some(0)));
    assert_eq!((election["winner"]["relay"].as_str(), election["worst_gap_ms"].as_u64()), (Some("=oslo"), Some(320)));
    let recent = &election["decisions"][1]["candidates"][0]["recent_ms"];
    assert_eq!(recent.to_string(), "[40.0,null,40.5]");
}

#[test]
fn words_are_one_line_and_not_many() {
    assert_eq!(plain("a\nb\u{1b}[0m "), "ab[0m");
    assert_eq!(plain(&"ü".repeat(300)).len(), 200);
}

proptest! {
    #[test]
    fn whatever_is_in_a_file_is_read_to_its_end(chunks in vec(vec(any::<u8>(), 0..60), 0..8), good in 0usize..4) {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = chunks.join(&b'\n');
        (0..good).for_each(|n| bytes.extend(format!("\n{}", kept(n)).bytes()));
        fs::write(dir.path().join("20261121T170312123Z-1.jsonl"), bytes).unwrap();
        let log = all(dir.path());
        prop_assert!(log.elections.iter().map(|it| it.lines.len()).sum::<usize>() >= good.saturating_sub(1));
        export::csv(&log);
    }
}

#[test]
fn clearing_takes_every_election_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let name = |ms: u32| format!("20261121T170312{ms:03}Z-1.jsonl");
    for ms in [1, 2] {
        fs::write(folder.path().join(name(ms)), "{}\n").unwrap();
    }
    fs::write(folder.path().join("diary.jsonl"), "mine").unwrap();
    assert_eq!(clear(folder.path()).unwrap(), 2);
    assert_eq!(files(folder.path()), []);
    assert!(folder.path().join("diary.jsonl").exists());
    assert_eq!(clear(&folder.path().join("nowhere")).unwrap(), 0);
}
