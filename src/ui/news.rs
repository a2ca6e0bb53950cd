//! What happened, in the words of the window: entries of the timeline and toasts. Pure.

use super::model::{NoticeKind, What};
use crate::call::Event;
use crate::call::state::DeviceState;
use crate::media::Device;

/// The timeline's entry of an event, where it has one.
pub fn entry(event: &Event) -> Option<What> {
    Some(match event.clone() {
        Event::Elected { region, transport, mean_ms, runner_up, margin_ms, .. } => {
            What::Elected { region, transport: transport.to_string(), mean_ms, runner_up, margin_ms }
        }
        Event::Joined { region, since_join_ms, .. } => What::Joined { region, since_join_ms },
        Event::Moved(moved) => What::Moved(moved),
        Event::Kept { candidate, reason } => What::Kept { candidate, reason },
        Event::Suspect { region, on, .. } => What::Suspect { region, on },
        Event::Standby { region, .. } => What::Standby { region },
        Event::Reconnecting => What::Reconnecting,
        Event::Reconnected { region, .. } => What::Reconnected { region },
        Event::Refused { relay, message } => What::Refused { relay, message },
        _ => return None,
    })
}

/// The toast of an event, where it has one. Devices have their own: see [`device`].
pub fn toast(event: &Event) -> Option<(NoticeKind, String)> {
    Some(match event {
        Event::PeerJoined { name: Some(name), .. } => (NoticeKind::Info, format!("{name} joined")),
        Event::PeerJoined { name: None, .. } => {
            (NoticeKind::Warning, "Someone joined with another key: compare your invites".into())
        }
        Event::PeerLeft { name: Some(name), .. } => (NoticeKind::Info, format!("{name} left")),
        Event::PeerReconnecting { name: Some(name), .. } => {
            (NoticeKind::Info, format!("{name} lost the connection and is coming back"))
        }
        Event::Moved(moved) => {
            let cost = match moved.audio_gap_ms.max(moved.video_gap_ms) {
                None => String::new(),
                Some(0..60) => ": nothing was lost".to_owned(),
                Some(gap) => format!(": a gap of {gap} ms"),
            };
            (NoticeKind::Good, format!("Moved to {}{cost}", moved.to.region))
        }
        Event::Reconnected { region, .. } => (NoticeKind::Good, format!("Back, over {region}")),
        Event::Refused { relay, message } => (NoticeKind::Danger, format!("{relay} does not let you in: {message}")),
        Event::Hand { name: Some(name), me: false, up: true, .. } => {
            (NoticeKind::Info, format!("{name} raised a hand"))
        }
        Event::ChatDelivered { missed: 1, .. } => (NoticeKind::Warning, "One person did not get what you wrote".into()),
        Event::ChatDelivered { missed, .. } if *missed > 0 => {
            (NoticeKind::Warning, format!("{missed} people did not get what you wrote"))
        }
        Event::Moderated { .. } => return moderated(event),
        Event::Removed { message } => (NoticeKind::Danger, sentence(message)),
        Event::Error { message } => (NoticeKind::Warning, sentence(message)),
        _ => return None,
    })
}

/// The toast of what a host decided: about us, and about the room.
fn moderated(event: &Event) -> Option<(NoticeKind, String)> {
    let Event::Moderated { kind, on, me, track, firm, by, by_name, .. } = event else { return None };
    let by = by_name.as_ref().unwrap_or(by);
    let what = if *track == Some("microphone") { "muted you" } else { "turned your picture off" };
    Some(match (*kind, *on) {
        ("mute", true) if *me && *firm => (NoticeKind::Warning, format!("{by} {what}: only a host can lift it")),
        ("mute", true) if *me => (NoticeKind::Warning, format!("{by} {what}")),
        ("lock", true) => (NoticeKind::Info, format!("{by} locked the room")),
        ("lock", false) => (NoticeKind::Info, format!("{by} unlocked the room")),
        _ => return None,
    })
}

/// The toast of a device whose state changed in a call. `wanted` is what the user calls the device that was asked for.
pub fn device(what: Device, wanted: &str, before: &DeviceState, now: &DeviceState) -> Option<(NoticeKind, String)> {
    let label = sentence(&what.to_string());
    Some(match (before, now) {
        (before, now) if before == now => return None,
        (_, DeviceState::Trouble(problem)) => (NoticeKind::Warning, format!("{label} {}", problem.words(what))),
        (_, DeviceState::InUse { name, instead_of: Some(_) }) => {
            (NoticeKind::Warning, format!("{wanted} is gone: using {name}"))
        }
        (DeviceState::Trouble(_) | DeviceState::InUse { instead_of: Some(_), .. }, DeviceState::InUse { name, .. }) => {
            (NoticeKind::Good, format!("{label} is back: {name}"))
        }
        _ => return None,
    })
}

/// The same with a capital.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Problem;

    #[test]
    fn a_device_that_goes_and_comes_back_is_told_and_one_that_starts_is_not() {
        let used = |name: &str, instead: Option<&str>| DeviceState::InUse {
            name: name.into(),
            instead_of: instead.map(str::to_owned),
        };
        let rows = [
            (DeviceState::Opening, used("Jabra", None), None),
            (used("Jabra", None), used("Built-in", Some("Jabra")), Some("Jabra is gone: using Built-in")),
            (used("Built-in", Some("Jabra")), used("Jabra", None), Some("Microphone is back: Jabra")),
            (DeviceState::Trouble(Problem::Busy), used("Jabra", None), Some("Microphone is back: Jabra")),
            (used("Jabra", None), used("Other", None), None),
            (used("Jabra", None), DeviceState::Off, None),
        ];
        for (before, now, expected) in rows {
            let told = device(Device::Microphone, "Jabra", &before, &now).map(|(_, text)| text);
            assert_eq!(told.as_deref(), expected, "{before:?} to {now:?}");
        }
        let (kind, text) =
            device(Device::Camera, "HD webcam", &DeviceState::Opening, &DeviceState::Trouble(Problem::Denied)).unwrap();
        assert_eq!(kind, NoticeKind::Warning);
        assert!(text.starts_with("Camera not allowed"), "{text}");
    }
}
