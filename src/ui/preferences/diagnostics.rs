//! What helps whoever looks for a fault, as text: versions, settings, states and figures.
//!
//! Must never: hold a name, a room, a link, an address or a device's name. What it says of a relay is its region.

use std::fmt::Write as _;

use crate::call::state::{DeviceState, Phase, State};
use crate::media::{Device, Problem};
use crate::settings::Settings;
use crate::ui::model::{Hosting, Model};

/// The program's name and version.
pub fn version() -> String {
    format!("Nearcall {}", env!("CARGO_PKG_VERSION"))
}

/// The version and the system that it runs on.
pub fn system() -> String {
    format!("{}, {} {}", version(), std::env::consts::OS, std::env::consts::ARCH)
}

/// All of it.
pub fn text(model: &Model) -> String {
    let mut text = format!("{}\n", system());
    settings(&mut text, &model.settings);
    let hosting = match model.hosting {
        Hosting::No => "no",
        Hosting::Starting => "starting",
        Hosting::Yes { .. } => "yes",
        Hosting::Failed(_) => "failed",
    };
    let _ = writeln!(text, "hosting: {hosting}");
    match &model.call {
        Some(state) => call(&mut text, state),
        None => text.push_str("call: not yet\n"),
    }
    text
}

fn settings(text: &mut String, settings: &Settings) {
    let Settings { look, motion, zoom, renderer, echo, noise, gain, race_ms, ask_hosts, single_keys, .. } = settings;
    let _ = writeln!(text, "look: {look}, motion {motion:?}, zoom {zoom:.1}, drawn by {renderer:?}");
    let _ = writeln!(text, "sound: echo {echo}, noise {noise}, gain {gain}");
    let lists = settings.manifests.len();
    let preferred = settings.pin.as_deref().unwrap_or("none");
    let _ = writeln!(text, "network: {lists} lists, race {race_ms} ms, preferred {preferred}, asks {ask_hosts}");
    let keys = settings.keys.len();
    let _ = writeln!(text, "keys: single {single_keys}, {keys} actions with keys of the user's own");
}

fn call(text: &mut String, state: &State) {
    let phase = match state.phase {
        Phase::Lobby => "lobby",
        Phase::Joining => "joining",
        Phase::InCall { .. } => "in a call",
        Phase::Reconnecting { .. } => "reconnecting",
    };
    let _ = writeln!(text, "call: {phase}, {} others", state.peers.len());
    for device in [Device::Microphone, Device::Speaker, Device::Camera] {
        let is = match state.own.device(device) {
            DeviceState::InUse { instead_of: None, .. } => "in use",
            DeviceState::InUse { .. } => "another one in use",
            DeviceState::Trouble(problem) => trouble(problem),
            DeviceState::Opening => "opening",
            DeviceState::Off => "off",
        };
        let _ = writeln!(text, "{device}: {is}");
    }
    if let Some(active) = &state.active {
        let _ = writeln!(text, "relay in use: {} by {:?}", active.region, active.transport);
    }
    text.push_str("relays: region, transport, state, mean ms, jitter ms, loss, answered of sent\n");
    for standing in &state.candidates {
        let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        let loss = standing.loss.map_or_else(|| "-".to_owned(), |loss| format!("{:.1} %", loss * 100.0));
        let candidate = &standing.candidate;
        let _ = writeln!(
            text,
            "  {}, {:?}, {:?}, {}, {}, {loss}, {} of {}",
            candidate.region,
            candidate.transport,
            standing.state,
            figure(standing.mean_ms),
            figure(standing.jitter_ms),
            standing.received,
            standing.sent,
        );
    }
}

/// In our words: the system's may name anything.
fn trouble(problem: &Problem) -> &'static str {
    match problem {
        Problem::Missing => "missing",
        Problem::Denied => "denied",
        Problem::Busy => "busy",
        Problem::Unplugged => "unplugged",
        Problem::Other(_) => "broken",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn it_says_what_runs_and_how_well() {
        let text = text(&fixtures::call(2));
        for part in
            [env!("CARGO_PKG_VERSION"), "look: System", "in a call, 2 others", "Microphone: in use", "singapore"]
        {
            assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part} in {text}");
        }
    }

    #[test]
    fn nobody_and_nothing_private_is_in_it() {
        let mut hosting = fixtures::hosting();
        hosting.settings.manifests = vec!["https://calls.example.org/regions.json".into()];
        hosting.given_name = Some("Grace".into());
        for model in [fixtures::call(9), hosting, fixtures::lobby_without_anything(), fixtures::consent()] {
            let text = text(&model);
            let names =
                ["Ada", "Ben", "Grace", "kitchen", "kip-mora", "example.org", "nearcall://", "192.168", "webcam"];
            for private in names.iter().chain(&["Built-in", "Jabra", "://", "4433"]) {
                assert!(!text.contains(private), "{private} in {text}");
            }
        }
        assert!(text(&fixtures::lobby(Duration::ZERO)).contains("lobby"));
    }
}
