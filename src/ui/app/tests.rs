//! The whole app over real relays, without a display: what somebody presses and what they then see.

mod window;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::Duration;

use eframe::egui::{Key, Theme};
use tempfile::TempDir;
use tokio::time::timeout_at;

use self::window::{Window, peer, relay, relays, runtime};
use super::*;
use crate::call::manifest::Source;
use crate::crypto::invite::Invite;
use crate::crypto::secret::RoomSecret;
use crate::media::audio::AudioSource;
use crate::media::video::VideoSource;
use crate::relay::Relay;
use crate::settings::Look;
use crate::settings::store::load_from;
use crate::ui::host::{REGION, Reach, find_reach};

/// Two relays on one bus, and the file that lists them.
struct Relays {
    running: Vec<Relay>,
    source: Source,
    _folder: TempDir,
}

fn two_relays(runtime: &tokio::runtime::Runtime) -> Relays {
    let folder = tempfile::tempdir().unwrap();
    let (relays, manifest) = relays(runtime, &["north", "south"]);
    let path = folder.path().join("regions.json");
    std::fs::write(&path, serde_json::to_string(&manifest).unwrap()).unwrap();
    Relays { running: relays, source: Source::File(path), _folder: folder }
}

/// An address of this machine that a reader does not take for one.
fn own_address() -> IpAddr {
    match find_reach() {
        Reach::LocalNetwork(address) => address,
        Reach::ThisMachine => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// In the room "kitchen", over one of two relays.
fn in_the_kitchen(runtime: &tokio::runtime::Runtime, options: Options) -> (Relays, Window) {
    let relays = two_relays(runtime);
    let options = Options { manifests: vec![relays.source.clone()], room: Some("kitchen".into()), ..options };
    let mut window = Window::open(runtime, options);
    window.press("Join");
    window.until_button("Leave");
    (relays, window)
}

#[test]
fn a_first_start_without_relays_hosts_a_call_and_joins_it_over_its_own_relay() {
    let runtime = runtime();
    let mut window = Window::open(&runtime, Options::default());
    window.until_said("No relays yet");
    window.write("Your name", "Ada");
    window.press("Host a call here");
    window.until_said("You are hosting");
    let invite = window.until("an invite", |window| window.words("nearcall://join/"));
    let invite = Invite::parse(&invite).unwrap();
    window.until_row(REGION);

    window.press("Join");
    window.until_button("Leave");
    window.until_said(&invite.room);
    let state = window.state();
    let used = state.leader().unwrap();
    assert_eq!(used.candidate.region, REGION);
    assert!(used.candidate.url.contains("127.0.0.1") || used.candidate.url.contains("[::1]"), "{used:?}");
    assert_eq!(state.own.name, "Ada");

    window.press("Leave");
    window.until_button("Join");
    assert!(window.says("You are hosting"), "the relay goes on for the others");
    window.write("Room or invite link", "kitchen");
    window.press("Stop hosting");
    window.until_said("No relays yet");
    window.until_button("Host a call here");
    assert_eq!(window.written("Room or invite link"), "kitchen", "only its own invite goes with the relay");
}

#[test]
fn a_link_to_hosts_that_nobody_agreed_to_contacts_nobody_until_contact_is_pressed() {
    let runtime = runtime();
    let address = own_address();
    // Whoever is contacted because of the link calls here first.
    let bell = TcpListener::bind((address, 0)).unwrap();
    bell.set_nonblocking(true).unwrap();
    let rung = || match bell.accept() {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            false
        }
    };
    let far = relay(&runtime, "far", address);
    let far_address = std::net::SocketAddr::new(address, far.address().port()).to_string();
    let link = Invite {
        room: "garden".into(),
        at: vec![bell.local_addr().unwrap().to_string(), far_address],
        secret: RoomSecret::of_room("x"),
        pins: far.entry().pins.clone(),
        grant: None,
    };
    let link = link.to_link().unwrap();
    let near = two_relays(&runtime);
    let options = Options { manifests: vec![near.source.clone()], ..Options::default() };
    let mut window = Window::open(&runtime, options);
    window.until_row("north");

    window.write("Room or invite link", &link);
    window.until_said("This link leads to");
    assert!(!window.is_enabled("Join"));
    // A link's relays are read before those that are listed: had they been, the bell would have rung by now.
    window.press("Measure again");
    window.until("another race", |window| window.says("leads –").then_some(()));
    assert!(!rung(), "somebody was contacted");
    window.press("No");
    window.until("an empty box", |window| window.written("Room or invite link").is_empty().then_some(()));
    assert!(!window.says("This link leads to") && window.says("Type a room, or paste an invite link."));

    window.write("Room or invite link", &link);
    window.until_said("This link leads to");
    assert!(!rung(), "somebody was contacted");
    window.press("Contact");
    window.until("a call at the bell", |_| rung().then_some(()));
    window.until_row("far");
    window.press("Join");
    window.until_button("Leave");
    window.until_said("garden");
}

#[test]
fn what_is_typed_while_joining_changes_neither_the_call_nor_its_invite() {
    let runtime = runtime();
    let relays = two_relays(&runtime);
    // The first list takes its time, so that joining does.
    let slow = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let list = format!("https://{}/regions.json", slow.local_addr().unwrap());
    let manifests = vec![Source::Url { url: list, pins: Vec::new() }, relays.source.clone()];
    let options = Options { manifests, room: Some("kitchen".into()), ..Options::default() };
    let mut window = Window::open(&runtime, options);
    window.press("Join");
    window.until_said("Joining…");
    window.write("Room or invite link", "garden");
    drop(slow);
    window.until_button("Leave");
    assert!(window.says("kitchen") && !window.says("garden"));
    let invite = Invite::parse(&window.copied("Copy invite")).unwrap();
    assert_eq!((invite.room.as_str(), invite.at.len()), ("kitchen", 2), "{invite:?}");
    window.press("Leave");
    window.until_button("Join");
    assert_eq!(window.written("Room or invite link"), "kitchen");
}

#[test]
fn a_start_that_joins_at_once_waits_for_the_answer_whether_a_host_may_be_contacted() {
    let runtime = runtime();
    let relays = two_relays(&runtime);
    // Nobody answers there any more.
    let gone = TcpListener::bind((own_address(), 0)).unwrap().local_addr().unwrap().to_string();
    let link = Invite {
        room: "garden".into(),
        at: vec![gone.clone()],
        secret: RoomSecret::of_room("x"),
        pins: Vec::new(),
        grant: None,
    };
    let room = Some(link.to_link().unwrap());
    let options = Options { manifests: vec![relays.source.clone()], room, join: true, ..Options::default() };
    let mut window = Window::open(&runtime, options);
    window.until_said("won –");
    assert!(window.says(&gone) && !window.is_enabled("Leave"));
    window.press("Contact");
    window.until_button("Leave");
    assert!(window.says("garden"));
}

#[test]
fn a_block_of_the_region_that_carries_the_call_moves_it_counts_down_and_is_stopped() {
    let runtime = runtime();
    let tone = Options { audio: Some(AudioSource::Tone(440.0)), ..Options::default() };
    let relays = two_relays(&runtime);
    let options = Options { manifests: vec![relays.source.clone()], room: Some("kitchen".into()), ..tone };
    let mut window = Window::open(&runtime, options);
    window.until_row("north");
    window.until_row("south");
    let mut ben = peer(&runtime, "Ben", "kitchen", relays.source.clone());
    window.press("Join");
    window.until_said("People: 2");

    window.harness.key_press(Key::M);
    window.until_button("Turn the microphone on");
    assert!(window.state().own.muted);
    ben.until_sees(&runtime, |ada| ada.muted);
    window.press("Turn the microphone on");
    window.until_button("Turn the microphone off");
    assert!(!window.state().own.muted);
    ben.until_sees(&runtime, |ada| !ada.muted);

    window.press("Regions");
    window.until_said("takes over at once");
    let before = window.state().active.clone().unwrap().region;
    let after = if before == "north" { "south" } else { "north" };
    window.open_row(&before);
    window.press(&format!("Block {before} for 30 s"));
    window.until_said(&format!("In use: {after}"));
    let entry = format!("Moved from {before} to {after}, you blocked the old one");
    let entry = window.until("the move", |window| window.words(&entry));
    assert!(entry.contains("audio gap "), "{entry}");
    assert_eq!(window.state().active.clone().unwrap().region, after);

    let banner = format!("Drill: {before} blocked – 0:");
    let left = move |window: &Window| {
        let text = window.words(&banner)?;
        text.rsplit_once(':').map(|(_, seconds)| seconds.parse::<u32>().unwrap())
    };
    let first = window.until("the banner", &left);
    assert!((1..=30).contains(&first), "{first} s");
    window.until("a second less", |window| left(window).filter(|now| *now < first));
    window.press("Stop all");
    window.until("no banner", |window| left(window).is_none().then_some(()));
    assert_eq!(window.state().wishes, []);
    assert!(window.says("You ended every pin and block"));
}

#[test]
fn what_is_changed_in_the_sheet_is_in_the_file_afterwards() {
    let runtime = runtime();
    let mut window = Window::open(&runtime, Options::default());
    assert!(load_from(window.folder.path()).settings.mirror);
    window.press("Settings");
    window.turn_to("Video");
    window.toggle("Mirror my picture");
    window.turn_to("Look");
    window.choose("Light");
    window.until("the file", |window| {
        let kept = load_from(window.folder.path()).settings;
        (kept.look == Look::Light && !kept.mirror).then_some(())
    });
    assert_eq!(window.harness.ctx.theme(), Theme::Light);
    // What was changed a moment before the end is kept, too.
    window.choose("No");
    window.close();
    assert_eq!(load_from(window.folder.path()).settings.motion, settings::Motion::Off);
}

#[test]
fn a_settings_file_that_is_broken_is_told_and_kept() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let broken = "name = \"Eve\"\nmanifests = [[[\n";
    std::fs::write(folder.path().join("settings.toml"), broken).unwrap();
    let mut window = Window::open_in(folder, &runtime, Options::default());
    window.until_said("Your settings could not be read");
    assert_eq!(std::fs::read_to_string(window.folder.path().join("settings.toml.bad-1")).unwrap(), broken);
    assert!(window.written("Your name").is_empty());
    window.press("Close notice");
    window.until("no notice", |window| (!window.says("could not be read")).then_some(()));
}

#[test]
fn an_export_is_a_file_that_names_every_candidate() {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    // A folder that is not there yet.
    let exports = folder.path().join("downloads");
    let options = Options { exports: Some(exports.clone()), ..Options::default() };
    let (_relays, mut window) = in_the_kitchen(&runtime, options);
    window.press("Regions");
    window.press("Export JSON");
    let said = window.until("a notice", |window| window.words("Exported to "));
    let path = std::fs::read_dir(exports).unwrap().next().unwrap().unwrap().path();
    assert_eq!(said, format!("Exported to {}", path.display()));
    let export: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(export["phase"], "in_call");
    let candidates = export["candidates"].as_array().unwrap();
    let mut named: Vec<_> =
        candidates.iter().map(|row| (row["region"].as_str().unwrap(), row["transport"].as_str().unwrap())).collect();
    named.sort_unstable();
    let transports = ["websocket", "webtransport"];
    assert_eq!(named, ["north", "south"].map(|region| transports.map(|by| (region, by))).concat());
    assert!(!export.to_string().contains("kitchen"), "the room is nobody's business");
}

#[test]
fn the_panel_shows_where_the_others_are_and_is_exported_as_a_picture() {
    let runtime = runtime();
    let exports = tempfile::tempdir().unwrap();
    let options = Options { exports: Some(exports.path().to_owned()), ..Options::default() };
    let (relays, mut window) = in_the_kitchen(&runtime, options);
    let _ben = peer(&runtime, "Ben", "kitchen", relays.source.clone());
    window.until_said("People: 2");
    window.press("Regions");
    let said = window.until("Ben's place", |window| window.words("Ben: on "));
    assert!(
        said.contains("-") && said.contains(" by Web") && said.contains("north") && said.contains("south"),
        "{said}"
    );
    window.until_said(" is the best for all who said");
    window.press("Export PNG");
    window.until_said("Exported to ");
    let path = std::fs::read_dir(exports.path()).unwrap().next().unwrap().unwrap().path();
    let picture = image::open(&path).unwrap();
    assert!(picture.width() == 1800 && picture.height() > 1000, "{path:?}");
}

#[test]
fn closing_the_window_in_a_call_asks_once_and_leaves_the_room() {
    let runtime = runtime();
    let (relays, mut window) = in_the_kitchen(&runtime, Options { name: Some("Ada".into()), ..Options::default() });
    let mut ben = peer(&runtime, "Ben", "kitchen", relays.source.clone());
    window.until_said("People: 2");
    ben.until_sees(&runtime, |ada| ada.name.as_deref() == Some("Ada"));
    // The first time it asks.
    window.close();
    window.until_button("Leave and quit");
    let end = clock::now() + Duration::from_secs(2);
    window.close();
    let left = runtime.block_on(async { timeout_at(end.into(), ben.until_left()).await });
    assert_eq!(left.expect("the others hear of it at once").as_deref(), Some("Ada"));
}

#[test]
fn a_call_that_falls_silent_says_so_before_its_links_are_given_up() {
    let runtime = runtime();
    let (mut relays, mut window) = in_the_kitchen(&runtime, Options::default());
    relays.running.drain(..).for_each(Relay::kill);
    window.until_said("Reconnecting");
    assert!(window.state().active.is_some(), "the link is silent, and not yet lost");
    assert!(window.says("kitchen"));
    window.until_said("Attempt ");
    window.press("Retry now");
    assert!(window.state().redial.is_some());
}

#[test]
fn who_hears_nobody_is_not_heard_and_has_the_microphone_back_as_it_was() {
    let runtime = runtime();
    let options = Options { audio: Some(AudioSource::Tone(440.0)), name: Some("Ada".into()), ..Options::default() };
    let (relays, mut window) = in_the_kitchen(&runtime, options);
    let mut ben = peer(&runtime, "Ben", "kitchen", relays.source.clone());
    window.until("Ben's voice", |window| (window.state().own.output_level > 0.0).then_some(()));
    let deafen = |window: &mut Window| {
        window.harness.key_press_modifiers(egui::Modifiers::COMMAND | egui::Modifiers::SHIFT, Key::D);
        window.harness.step();
    };
    deafen(&mut window);
    window.until_said("You hear nobody, and nobody hears you");
    window.until("silence", |window| (window.state().own.output_level == 0.0).then_some(()));
    ben.until_sees(&runtime, |ada| ada.muted);
    deafen(&mut window);
    window.until("Ben's voice", |window| (window.state().own.output_level > 0.0).then_some(()));
    ben.until_sees(&runtime, |ada| !ada.muted);
    // Whoever speaks wants to hear the answer.
    deafen(&mut window);
    window.until_button("Turn the microphone on");
    window.press("Turn the microphone on");
    window.until("Ben's voice", |window| (!window.state().own.deaf).then_some(()));
    // A microphone that was off stays off.
    window.press("Turn the microphone off");
    window.until_button("Turn the microphone on");
    deafen(&mut window);
    window.until("deafness", |window| window.state().own.deaf.then_some(()));
    deafen(&mut window);
    window.until("hearing", |window| (!window.state().own.deaf).then_some(()));
    assert!(window.state().own.muted);
}

#[test]
fn a_window_that_nobody_sees_draws_nothing_and_the_call_goes_on() {
    let runtime = runtime();
    let options = Options {
        audio: Some(AudioSource::Tone(440.0)),
        video: Some(VideoSource::Pattern),
        name: Some("Ada".into()),
        ..Options::default()
    };
    let (relays, mut window) = in_the_kitchen(&runtime, options);
    let mut ben = peer(&runtime, "Ben", "kitchen", relays.source.clone());
    window.until("Ben's voice", |window| (window.state().own.output_level > 0.0).then_some(()));
    const PICTURES: usize = 40;
    let seen = window.frames_while(PICTURES);
    assert!(seen >= 10, "{seen} frames for {PICTURES} pictures");
    window.hide(true);
    let hidden = window.frames_while(PICTURES);
    // Nothing is drawn then; what wakes the program is what happens to the call, and no picture and no meter.
    assert!(hidden <= 4, "woken {hidden} times that nobody sees, {seen} while somebody did");
    // Our pictures went on, or they would not have been counted; and so does sound, both ways.
    ben.until_sees(&runtime, |ada| ada.level > 0.0);
    assert!(window.newest().own.output_level > 0.0);
    window.hide(false);
    let back = window.frames_while(PICTURES);
    assert!(back >= 10, "{back} frames");
}

#[test]
fn a_link_that_is_offered_in_a_call_does_not_leave_it() {
    let runtime = runtime();
    let (_relays, mut window) = in_the_kitchen(&runtime, Options::default());
    let link = Invite {
        room: "garden".into(),
        at: vec!["127.0.0.1:1".into()],
        secret: RoomSecret::of_room("x"),
        pins: Vec::new(),
        grant: None,
    };
    let link = link.to_link().unwrap();
    let before = window.state();
    window.offer(&link);
    window.until_said("The link leads to the room garden.");
    window.press("Stay here");
    window.until("no question", |window| (!window.says("garden")).then_some(()));
    assert_eq!(window.state().phase, before.phase);
    // Closed without an answer, it is a no, and may be asked again.
    window.offer(&link);
    window.until_said("The link leads to the room garden.");
    window.harness.key_press(Key::Escape);
    window.until("no question", |window| (!window.says("garden")).then_some(()));
    window.offer("nearcall://join/");
    window.until_said("the link has no secret");
    assert_eq!(window.state().phase, before.phase);
    window.press("Leave");
    window.until_button("Join");
    assert_eq!(window.written("Room or invite link"), "kitchen");
    window.offer(&link);
    window.until("the link in its box", |window| (window.written("Room or invite link") == link).then_some(()));
}

#[test]
fn a_link_that_is_agreed_to_in_a_call_opens_its_lobby_and_no_call() {
    let runtime = runtime();
    let (_relays, mut window) = in_the_kitchen(&runtime, Options::default());
    let link = Invite {
        room: "garden".into(),
        at: vec!["127.0.0.1:1".into()],
        secret: RoomSecret::of_room("x"),
        pins: Vec::new(),
        grant: None,
    };
    let link = link.to_link().unwrap();
    window.offer(&link);
    window.press("Leave this call");
    window.until_button("Join");
    window.until("the link in its box", |window| (window.written("Room or invite link") == link).then_some(()));
    assert_eq!(window.state().phase, Phase::Lobby);
    // The same link again, and a room that one is in already, ask nothing.
    window.press("Join");
    window.until_button("Leave");
    window.offer(&link);
    window.until_said("You are in that call already");
}

#[test]
fn a_room_that_was_joined_is_one_click_away_at_the_next_start_until_it_is_forgotten() {
    let runtime = runtime();
    let (relays, mut window) = in_the_kitchen(&runtime, Options::default());
    window.press("Leave");
    window.until_button("Join");
    window.close();
    let folder = std::mem::replace(&mut window.folder, tempfile::tempdir().unwrap());
    drop(window);
    let options = Options { manifests: vec![relays.source.clone()], ..Options::default() };
    let mut window = Window::open_in(folder, &runtime, options);
    window.press("kitchen, just now");
    window.until("the room in its box", |window| (window.written("Room or invite link") == "kitchen").then_some(()));
    assert_eq!(window.state().phase, Phase::Lobby);
    window.press("Recent rooms");
    window.press("Forget kitchen");
    window.until("no room", |window| (!window.says("Recent rooms")).then_some(()));
    window.close();
    let kept = std::fs::read_to_string(window.folder.path().join("rooms.toml")).unwrap();
    assert!(!kept.contains("kitchen"), "{kept}");
}

#[test]
fn a_request_to_end_closes_the_window() {
    let runtime = runtime();
    let (interrupt, interrupted) = tokio::sync::mpsc::channel(1);
    let ears = crate::ui::desk::Ears { interrupted: Some(interrupted), ..Default::default() };
    let (_relays, mut window) = in_the_kitchen(&runtime, Options { ears, ..Options::default() });
    interrupt.try_send(()).unwrap();
    window.until("the wish to close", |window| {
        let commands = &window.harness.output().viewport_output[&egui::ViewportId::ROOT].commands;
        commands.contains(&egui::ViewportCommand::Close).then_some(())
    });
}
