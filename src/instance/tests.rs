//! Starts against starts, over real sockets in a folder of their own.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// Longer than any of this takes; what hangs fails here.
const LONG: Duration = Duration::from_secs(20);
/// For what is meant to run out.
const SHORT: Duration = Duration::from_millis(200);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("window");
    (folder, path)
}

fn start(path: &Path, link: Option<&str>) -> Claim {
    claim_at(Place::at(path.to_owned()), link, LONG)
}

fn first(path: &Path) -> Listener {
    match start(path, None) {
        Claim::First(listener) => listener,
        other => panic!("{other:?}"),
    }
}

fn next(listener: &mut Listener) -> Option<Request> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LONG, listener.next()).await.unwrap() })
}

#[test]
fn a_second_start_hands_over_its_link_and_a_third_asks_for_the_window() {
    let (_folder, path) = folder();
    let mut listener = first(&path);
    assert!(matches!(start(&path, Some(" nearcall://join/r#k=x\n")), Claim::Forwarded));
    assert!(matches!(start(&path, None), Claim::Forwarded));
    assert_eq!(next(&mut listener), Some(Request::Open("nearcall://join/r#k=x".into())));
    assert_eq!(listener.try_next(), Some(Request::Show));
    assert_eq!(listener.try_next(), None);
}

#[test]
fn who_is_dropped_takes_its_socket_away_and_the_next_is_first() {
    let (_folder, path) = folder();
    let listener = first(&path);
    assert!(path.exists());
    drop(listener);
    assert!(!path.exists());
    first(&path);
}

#[test]
fn a_claim_may_be_made_and_dropped_inside_a_runtime() {
    let (_folder, path) = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let listener = first(&path);
        assert!(matches!(start(&path, None), Claim::Forwarded));
        drop(listener);
    });
}

#[test]
fn of_many_that_start_at_once_one_is_first() {
    let (_folder, path) = folder();
    let claims: Vec<Claim> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| start(&path, None))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let firsts = claims.iter().filter(|claim| matches!(claim, Claim::First(_))).count();
    let forwarded = claims.iter().filter(|claim| matches!(claim, Claim::Forwarded)).count();
    assert_eq!((firsts, forwarded), (1, 5), "{claims:?}");
}

#[test]
fn a_socket_that_a_crash_left_is_replaced() {
    let (_folder, path) = folder();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let _listener = first(&path);
    assert!(matches!(start(&path, None), Claim::Forwarded));
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let (_folder, path) = folder();
    fs::write(&path, "letters").unwrap();
    assert!(matches!(start(&path, None), Claim::Alone(Trouble::Listen { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "letters");
}

#[test]
fn a_folder_that_is_missing_keeps_nobody_from_starting() {
    let (_folder, path) = folder();
    assert!(matches!(start(&path.join("deep/window"), None), Claim::Alone(Trouble::Listen { .. })));
    let long = path.join("x".repeat(200));
    fs::create_dir(&path).unwrap();
    assert!(matches!(start(&long, None), Claim::Alone(Trouble::Listen { .. })));
}

#[test]
fn one_that_hangs_is_not_waited_for() {
    let (_folder, path) = folder();
    // It has the place and never accepts.
    let lock = fs::File::create(path.with_extension("lock")).unwrap();
    lock.try_lock().unwrap();
    let _hanging = UnixListener::bind(&path).unwrap();
    let claim = claim_at(Place::at(path.clone()), Some("nearcall://join/r#k=x"), SHORT);
    assert!(matches!(claim, Claim::Alone(Trouble::Silent)), "{claim:?}");
    // Nor one that never comes to listen.
    fs::remove_file(&path).unwrap();
    let claim = claim_at(Place::at(path), None, SHORT);
    assert!(matches!(claim, Claim::Alone(Trouble::Silent)), "{claim:?}");
}

/// What comes back for these bytes, up to the end of the connection.
fn say(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    // The other side may hang up before all is said.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn garbage_is_refused_and_the_next_is_served() {
    let (_folder, path) = folder();
    let mut listener = first(&path);
    let message = |len: u16, link: &[u8]| [b"nearcall1\n", &len.to_be_bytes()[..], link].concat();
    let garbage = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0; 100_000],
        message(u16::MAX, &[b'x'; 70_000]),
        message(LINK_BYTES as u16 + 1, &[b'x'; LINK_BYTES + 1]),
        message(2, &[0xFF, 0xFE]),
        message(3, b"a\nb"),
    ];
    for bytes in &garbage {
        assert_eq!(say(&path, bytes), b"");
    }
    let longest = "x".repeat(LINK_BYTES);
    assert!(matches!(start(&path, Some(&longest)), Claim::Forwarded));
    assert_eq!(next(&mut listener), Some(Request::Open(longest.clone())));
    assert_eq!(listener.try_next(), None);
    assert!(matches!(start(&path, Some(&(longest + "x"))), Claim::Alone(Trouble::TooLong)));
}

#[test]
fn who_says_nothing_keeps_nobody_waiting_and_is_let_go() {
    let (_folder, path) = folder();
    let mut listener = first(&path);
    let mut silent = UnixStream::connect(&path).unwrap();
    silent.write_all(b"near").unwrap();
    assert!(matches!(start(&path, None), Claim::Forwarded));
    assert_eq!(next(&mut listener), Some(Request::Show));
    silent.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap(), 0, "it is hung up on");
}

#[test]
fn a_window_that_takes_no_requests_is_not_sent_more() {
    let (_folder, path) = folder();
    let _listener = first(&path);
    for _ in 0..WAITING {
        assert!(matches!(start(&path, None), Claim::Forwarded));
    }
    assert!(matches!(start(&path, None), Claim::Alone(Trouble::Refused(_))));
}

#[test]
fn another_user_is_refused() {
    let (_folder, path) = folder();
    let _listener = first(&path);
    let mut stranger = Place::at(path);
    stranger.owner = Some(u32::MAX - 1);
    let claim = claim_at(stranger, None, LONG);
    assert!(matches!(&claim, Claim::Alone(Trouble::Refused(error)) if error.kind() == io::ErrorKind::PermissionDenied));
}

#[test]
fn a_debug_line_does_not_show_the_link() {
    assert_eq!(format!("{:?}", Request::Open("nearcall://join/r#k=secret".into())), "Open(..)");
}
