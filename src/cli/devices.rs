//! `nearcall devices`: what can be plugged in and was found, and what can be shared.

use serde::Serialize;

use super::Exit;
use super::args::DevicesArgs;
use crate::media::audio::{self, DeviceKind};
use crate::media::screen::{self, ScreenInfo};
use crate::media::video;

#[derive(Debug, Serialize)]
struct Report {
    cameras: Vec<Row>,
    microphones: Vec<Row>,
    speakers: Vec<Row>,
    screens: Vec<Shown>,
    windows: Vec<Shown>,
    /// Why a screen or a window is not listed.
    note: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    default: bool,
}

/// A screen or a window.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    name: String,
    width: u32,
    height: u32,
}

impl From<ScreenInfo> for Shown {
    fn from(ScreenInfo { id, name, width, height }: ScreenInfo) -> Self {
        Self { id, name, width, height }
    }
}

pub fn run(args: &DevicesArgs) -> anyhow::Result<Exit> {
    let found = audio::devices();
    let of = |kind: DeviceKind| -> Vec<Row> {
        let found = found.iter().filter(|device| device.kind == kind);
        found.map(|device| Row { id: device.id.clone(), name: device.name.clone(), default: device.default }).collect()
    };
    let cameras = video::cameras().into_iter().enumerate();
    let shown = screen::screens();
    let rows = |shown: Vec<ScreenInfo>| shown.into_iter().map(Shown::from).collect();
    let report = Report {
        screens: rows(shown.screens),
        windows: rows(shown.windows),
        note: shown.note,
        cameras: cameras.map(|(n, camera)| Row { id: camera.id, name: camera.name, default: n == 0 }).collect(),
        microphones: of(DeviceKind::Input),
        speakers: of(DeviceKind::Output),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(Exit::Done);
    }
    for (what, rows) in
        [("cameras", &report.cameras), ("microphones", &report.microphones), ("speakers", &report.speakers)]
    {
        println!("{what}:");
        if rows.is_empty() {
            println!("  none found; a call goes on without");
        }
        for row in rows {
            println!("{} {}  {}", if row.default { " *" } else { "  " }, row.id, row.name);
        }
    }
    for (what, flag, rows) in [("screens", "screen", &report.screens), ("windows", "window", &report.windows)] {
        println!("{what} (call --share {flag}:ID):");
        if rows.is_empty() {
            println!("  none found");
        }
        for row in rows {
            let size = if row.width > 0 { format!(", {} x {}", row.width, row.height) } else { String::new() };
            println!("   {}  {}{size}", row.id, row.name);
        }
    }
    if let Some(note) = &report.note {
        println!("{note}");
    }
    Ok(Exit::Done)
}
