//! Which sound devices there are, by id and by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cpal::SupportedStreamConfig;
use cpal::traits::{DeviceTrait, HostTrait};

use super::rows::{self, Listed, Row};
use crate::media::Problem;

/// Sound servers that ALSA's list shows whether they run or not.
const SERVERS: [&str; 2] = ["pulse", "pipewire"];

/// Which way a device goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    Input,
    Output,
}

/// A device that can be picked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AudioDevice {
    pub kind: DeviceKind,
    /// Stays the same from run to run where the system allows it. What `AudioSource` and `Output` take.
    pub id: String,
    /// For people.
    pub name: String,
    /// What the system uses unless told otherwise.
    pub default: bool,
}

/// Every device of the system, inputs first, the default before the others of its kind; empty where there is none or no
/// sound system. May take a second.
pub fn devices() -> Vec<AudioDevice> {
    quiet();
    [DeviceKind::Input, DeviceKind::Output].into_iter().flat_map(devices_of).collect()
}

fn devices_of(kind: DeviceKind) -> Vec<AudioDevice> {
    // A default is named even where nothing stands behind it: it counts if it can be asked for its format.
    let default = default_device(kind).filter(|device| default_config(kind, device).is_ok());
    let default_id = default.as_ref().and_then(id);
    let list = List::of(kind);
    let row = |row: &Row| {
        let device = &list.devices[row.at];
        let id = id(device).filter(|_| !is_server(device) || default_config(kind, device).is_ok())?;
        let default = default_id.as_ref() == Some(&id);
        Some(AudioDevice { kind, id, name: row.name.clone(), default })
    };
    let mut rows: Vec<_> = list.rows.iter().filter_map(row).collect();
    if let Some((id, device)) = default_id.zip(default).filter(|_| !rows.iter().any(|row| row.default)) {
        rows.push(AudioDevice { kind, id, name: name(&device), default: true });
    }
    rows.sort_by_key(|row| !row.default);
    rows
}

fn id(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.to_string())
}

fn is_server(device: &cpal::Device) -> bool {
    device.id().is_ok_and(|id| SERVERS.contains(&id.id()))
}

/// A device's name as the system has it.
fn name(device: &cpal::Device) -> String {
    device.description().map_or_else(|_| "unnamed".to_owned(), |description| description.name().to_owned())
}

/// What the system lists, and what becomes of it for people.
struct List {
    kind: DeviceKind,
    devices: Vec<cpal::Device>,
    rows: Vec<Row>,
}

impl List {
    fn of(kind: DeviceKind) -> Self {
        let devices = cpal::default_host().devices().map_or_else(
            |error| {
                tracing::debug!(%error, ?kind, "sound devices cannot be listed");
                Vec::new()
            },
            Iterator::collect,
        );
        let listed: Vec<_> = devices
            .iter()
            .map(|device| Listed {
                id: device.id().map_or_else(|_| String::new(), |id| id.id().to_owned()),
                name: name(device),
                fits: fits(kind, device),
            })
            .collect();
        let rows = rows::rows(&listed, &cards(Path::new("/proc/asound")));
        Self { kind, devices, rows }
    }

    /// The device with this id or name, and its name for people.
    fn find(&self, wanted: &str) -> Option<(cpal::Device, String)> {
        let fit = || self.devices.iter().enumerate().filter(|(_, device)| fits(self.kind, device));
        let by_id = || {
            let is = |id: cpal::DeviceId| id.id() == wanted || id.to_string() == wanted;
            fit().find(|(_, device)| device.id().is_ok_and(is)).map(|(at, _)| at)
        };
        let by_row = || self.rows.iter().find(|row| row.name == wanted).map(|row| row.at);
        let by_name = || fit().find(|(_, device)| name(device) == wanted).map(|(at, _)| at);
        let at = by_id().or_else(by_row).or_else(by_name)?;
        let device = self.devices.get(at)?;
        let row = self.rows.iter().find(|row| row.all.contains(&at));
        Some((device.clone(), row.map_or_else(|| name(device), |row| row.name.clone())))
    }
}

fn fits(kind: DeviceKind, device: &cpal::Device) -> bool {
    match kind {
        DeviceKind::Input => device.supports_input(),
        DeviceKind::Output => device.supports_output(),
    }
}

/// Names of ALSA's cards by their numbers; empty on other systems.
fn cards(proc: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(proc).into_iter().flatten().flatten();
    let card = |entry: std::fs::DirEntry| {
        let number = entry.file_name().to_str()?.strip_prefix("card")?.parse::<u32>().ok()?;
        let id = std::fs::read_to_string(entry.path().join("id")).ok()?;
        Some((number.to_string(), id.trim().to_owned()))
    };
    entries.filter_map(card).collect()
}

/// The device with this id or name, or the system's default; and its name for people.
///
/// # Errors
/// There is none; or none is seen because the system does not let us see any.
pub fn find(kind: DeviceKind, wanted: Option<&str>) -> Result<(cpal::Device, String), Problem> {
    quiet();
    let found = match wanted {
        Some(wanted) => List::of(kind).find(wanted),
        None => default_device(kind).map(|device| {
            let listed = id(&device).and_then(|id| List::of(kind).find(&id));
            let name = listed.map_or_else(|| name(&device), |(_, name)| name);
            (device, name)
        }),
    };
    found.ok_or_else(missing)
}

/// Nothing is there; where the system shows its devices as files and lets us open none of them, that is why.
pub fn missing() -> Problem {
    let denied = std::fs::read_dir("/dev/snd").into_iter().flatten().flatten().map(|entry| entry.path());
    let open = |path: &Path| std::fs::File::open(path).map(drop);
    if are_denied(denied, open) { Problem::Denied } else { Problem::Missing }
}

/// True if there are cards and none may be opened.
fn are_denied(files: impl Iterator<Item = PathBuf>, open: impl Fn(&Path) -> std::io::Result<()>) -> bool {
    let is_card = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("controlC"))
    };
    let mut cards = files.filter(is_card).peekable();
    let denied = |path: PathBuf| open(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
    cards.peek().is_some() && cards.all(denied)
}

/// Keeps what ALSA writes to stderr on this thread to ourselves: its errors come back as values too. Each call empties what
/// was kept.
fn quiet() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        tracing::debug!(%error, "ALSA writes its errors to stderr");
    }
}

/// The id of what the system uses unless told otherwise: another one than before means that the default has changed. A
/// sound server behind ALSA's one default moves our stream by itself, and the id stays.
pub fn default_id(kind: DeviceKind) -> Option<String> {
    quiet();
    default_device(kind).as_ref().and_then(id)
}

/// What the system uses unless told otherwise. Given even where there is none: opening it tells.
fn default_device(kind: DeviceKind) -> Option<cpal::Device> {
    let host = cpal::default_host();
    match kind {
        DeviceKind::Input => host.default_input_device(),
        DeviceKind::Output => host.default_output_device(),
    }
}

/// The format that the system proposes for a device.
///
/// # Errors
/// The device cannot be opened.
pub fn default_config(kind: DeviceKind, device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
    match kind {
        DeviceKind::Input => device.default_input_config(),
        DeviceKind::Output => device.default_output_config(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing_devices_works_with_and_without_any() {
        for kind in [DeviceKind::Input, DeviceKind::Output] {
            let defaults = devices().into_iter().filter(|device| device.kind == kind && device.default).count();
            assert!(defaults <= 1);
        }
    }

    #[test]
    fn cards_that_may_not_be_opened_are_denied_and_not_missing() {
        use std::io::{Error, ErrorKind};
        let denied = |names: &[&str], open: &dyn Fn(&Path) -> std::io::Result<()>| {
            are_denied(names.iter().map(|name| Path::new("/dev/snd").join(name)), open)
        };
        let no = |_: &Path| Err(Error::from(ErrorKind::PermissionDenied));
        let first = |path: &Path| if path.ends_with("controlC0") { Ok(()) } else { no(path) };
        assert!(denied(&["seq", "controlC0", "controlC1", "pcmC0D0p"], &no));
        assert!(!denied(&["controlC0", "controlC1"], &first), "one is enough");
        assert!(!denied(&["seq", "timer"], &no), "no card");
        assert!(!denied(&["controlC0"], &|_| Err(Error::from(ErrorKind::NotFound))));
    }

    #[test]
    fn cards_are_known_by_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        for (number, id) in [("card0", "PCH\n"), ("card12", "II\n")] {
            std::fs::create_dir(dir.path().join(number)).unwrap();
            std::fs::write(dir.path().join(number).join("id"), id).unwrap();
        }
        std::fs::write(dir.path().join("cards"), "0 [PCH]").unwrap();
        let found = cards(dir.path());
        assert_eq!(found, [("0".into(), "PCH".into()), ("12".into(), "II".into())].into());
        assert!(cards(&dir.path().join("nowhere")).is_empty());
    }
}
