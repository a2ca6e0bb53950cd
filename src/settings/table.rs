//! Settings to a TOML table and back, key by key: one bad value costs that value and no other, and keys that this
//! version does not know stay where they are.
//!
//! Called by `store` alone. Must never: touch a file.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Settings, VERSION};

/// The keys that [`Settings`] has; one that is `None` must vanish from the file.
const KEYS: &[&str] = &[
    "name",
    "manifests",
    "microphone",
    "speaker",
    "camera",
    "muted",
    "camera_off",
    "echo",
    "noise",
    "gain",
    "mirror",
    "look",
    "renderer",
    "zoom",
    "self_view",
    "sounds",
    "history",
    "window",
    "motion",
    "keys",
    "single_keys",
    "pin",
    "race_ms",
    "ask_hosts",
];

/// What a table says.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub settings: Settings,
    /// Keys whose values were none; the defaults stand in for them.
    pub wrong: Vec<&'static str>,
    /// The version of the program that wrote it: [`VERSION`] where it says nothing.
    pub version: u32,
}

/// Reads what can be read.
pub(super) fn read(table: &Table) -> Read {
    let mut wrong = Vec::new();
    let mut version = VERSION;
    take(table, "version", &mut version, &mut wrong);
    let mut settings = Settings::default();
    let Settings {
        name,
        manifests,
        microphone,
        speaker,
        camera,
        muted,
        camera_off,
        echo,
        noise,
        gain,
        mirror,
        look,
        renderer,
        zoom,
        self_view,
        sounds,
        history,
        window,
        motion,
        keys,
        single_keys,
        pin,
        race_ms,
        ask_hosts,
    } = &mut settings;
    take(table, "name", name, &mut wrong);
    take(table, "manifests", manifests, &mut wrong);
    take(table, "microphone", microphone, &mut wrong);
    take(table, "speaker", speaker, &mut wrong);
    take(table, "camera", camera, &mut wrong);
    take(table, "muted", muted, &mut wrong);
    take(table, "camera_off", camera_off, &mut wrong);
    take(table, "echo", echo, &mut wrong);
    take(table, "noise", noise, &mut wrong);
    take(table, "gain", gain, &mut wrong);
    take(table, "mirror", mirror, &mut wrong);
    take(table, "look", look, &mut wrong);
    take(table, "renderer", renderer, &mut wrong);
    take(table, "zoom", zoom, &mut wrong);
    take(table, "self_view", self_view, &mut wrong);
    take(table, "sounds", sounds, &mut wrong);
    take(table, "history", history, &mut wrong);
    take(table, "window", window, &mut wrong);
    take(table, "motion", motion, &mut wrong);
    take(table, "keys", keys, &mut wrong);
    take(table, "single_keys", single_keys, &mut wrong);
    take(table, "pin", pin, &mut wrong);
    take(table, "race_ms", race_ms, &mut wrong);
    take(table, "ask_hosts", ask_hosts, &mut wrong);
    Read { settings: settings.in_range(), wrong, version }
}

fn take<T: DeserializeOwned>(table: &Table, key: &'static str, into: &mut T, wrong: &mut Vec<&'static str>) {
    match table.get(key).cloned().map(Value::try_into) {
        None => {}
        Some(Ok(value)) => *into = value,
        Some(Err(_)) => wrong.push(key),
    }
}

/// Writes settings over what is there.
///
/// # Errors
/// A value that TOML has no way to write; none of ours is one.
pub(super) fn overlay(table: &mut Table, settings: &Settings) -> Result<(), toml::ser::Error> {
    let ours = Table::try_from(settings)?;
    for key in KEYS.iter().filter(|key| !ours.contains_key(**key)) {
        table.remove(*key);
    }
    // An action that has the program's keys again has no line there.
    table.remove("keys");
    merge(table, ours);
    table.insert("version".into(), Value::Integer(VERSION.into()));
    Ok(())
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Chosen, Look, Motion, Renderer};

    fn full() -> Settings {
        let device = |id: &str| Some(Chosen { id: id.into(), name: format!("The {id}") });
        Settings {
            name: "Zoë".into(),
            manifests: vec!["/etc/regions.json".into()],
            microphone: device("mic"),
            speaker: device("speaker"),
            camera: device("camera"),
            muted: true,
            camera_off: true,
            echo: false,
            noise: false,
            gain: false,
            mirror: false,
            look: Look::Dark,
            renderer: Renderer::Glow,
            zoom: 1.1,
            self_view: false,
            sounds: false,
            history: false,
            window: Some([1200.0, 800.0]),
            motion: Motion::Off,
            keys: [("mute".to_owned(), vec!["F9".to_owned()])].into(),
            single_keys: false,
            pin: Some("tokyo".into()),
            race_ms: 5_000,
            ask_hosts: false,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for settings in [full(), Settings::default()] {
            let mut table = Table::new();
            overlay(&mut table, &settings).unwrap();
            let text = toml::to_string(&table).unwrap();
            let read = read(&text.parse().unwrap());
            assert_eq!(read.settings, settings);
            assert_eq!((read.wrong.len(), read.version), (0, VERSION));
        }
    }

    #[test]
    fn every_setting_has_its_key() {
        let table = Table::try_from(full()).unwrap();
        let mut known = KEYS.to_vec();
        known.sort_unstable();
        assert_eq!(table.keys().map(String::as_str).collect::<Vec<_>>(), known);
    }

    #[test]
    fn a_zoom_is_written_as_it_was_chosen() {
        let mut table = Table::new();
        overlay(&mut table, &full()).unwrap();
        assert!(toml::to_string(&table).unwrap().contains("zoom = 1.1\n"));
    }

    #[test]
    fn one_bad_value_costs_no_other() {
        let text = "name = 7\nmuted = true\nlook = \"purple\"\nzoom = 2\nwindow = [800]\ncamera = {}\n";
        let read = read(&text.parse().unwrap());
        assert_eq!(read.wrong, ["name", "camera", "look", "window"]);
        assert!(read.settings.muted);
        assert_eq!(read.settings.zoom, 2.0);
    }

    #[test]
    fn unknown_keys_stay_and_what_is_no_longer_chosen_goes() {
        let text = "future = [1, 2]\n[camera]\nid = \"a\"\nfocus = 3\n[other]\nx = 1\n";
        let mut table: Table = text.parse().unwrap();
        let mut settings = read(&table).settings;
        settings.camera = Some(Chosen { id: "b".into(), name: "B".into() });
        overlay(&mut table, &settings).unwrap();
        assert_eq!(table["future"].as_array().unwrap().len(), 2);
        assert_eq!(table["other"]["x"].as_integer(), Some(1));
        assert_eq!((table["camera"]["id"].as_str(), table["camera"]["focus"].as_integer()), (Some("b"), Some(3)));
        settings.camera = None;
        overlay(&mut table, &settings).unwrap();
        assert!(!table.contains_key("camera"));
        settings.keys.insert("mute".into(), vec!["F9".into()]);
        overlay(&mut table, &settings).unwrap();
        assert_eq!(table["keys"]["mute"][0].as_str(), Some("F9"));
        settings.keys.clear();
        overlay(&mut table, &settings).unwrap();
        assert_eq!(table["keys"].as_table().unwrap().len(), 0);
    }
}
