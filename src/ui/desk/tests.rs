//! The desk without a window.

use std::net::Ipv4Addr;

use super::*;
use crate::call::state::Phase;
use crate::media::audio::{AudioSource, Output};
use crate::media::video::{VideoConfig, VideoSource};

const PATIENCE: Duration = Duration::from_secs(15);

/// A lobby without relays or devices.
fn config() -> call::Config {
    call::Config {
        entry: None,
        sources: Vec::new(),
        window: Duration::from_secs(1),
        pin: None,
        audio: AudioSource::Off,
        video: VideoSource::Off,
        video_config: VideoConfig::default(),
        play: Output::Off,
        muted: false,
        camera_off: false,
        record_audio: None,
        record_video: None,
    }
}

/// The next word that is one of these.
fn heard<T>(desk: &mut Desk, wanted: impl Fn(Word) -> Option<T>) -> T {
    let next = async {
        loop {
            if let Some(found) = wanted(desk.words.recv().await.expect("the desk is open")) {
                return found;
            }
        }
    };
    desk.runtime.clone().block_on(async { tokio::time::timeout(PATIENCE, next).await.expect("no such word") })
}

#[test]
fn a_call_that_cannot_begin_leaves_everything_else_at_work() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (interrupt, interrupted) = mpsc::channel(1);
    let ears = Ears { interrupted: Some(interrupted), ..Ears::default() };
    // There is no folder of that name.
    let broken = call::Config { record_audio: Some(folder.path().join("none").join("all.wav")), ..config() };
    let mut desk = Desk::start(runtime.handle(), egui::Context::default(), Arc::default(), broken, ears);
    heard(&mut desk, |word| matches!(word, Word::Broken(_)).then_some(()));
    desk.order(Order::Host("Ada".into()));
    let hosted = heard(&mut desk, |word| match word {
        Word::Hosting(hosted) => Some(hosted.unwrap()),
        _ => None,
    });
    interrupt.try_send(()).unwrap();
    heard(&mut desk, |word| matches!(word, Word::Quit).then_some(()));
    desk.order(Order::Leave(Box::new(config())));
    let state = heard(&mut desk, |word| match word {
        Word::Opened { state, .. } => Some(state),
        _ => None,
    });
    assert_eq!(state.borrow().phase, Phase::Lobby);
    let url = url::Url::parse(hosted.manifest.relays[0].websocket.as_ref().unwrap()).unwrap();
    let at = (Ipv4Addr::LOCALHOST, url.port().unwrap());
    assert!(std::net::TcpStream::connect(at).is_ok(), "the relay goes on");
    desk.close();
    assert!(std::net::TcpStream::connect(at).is_err(), "and ends with the window");
}
