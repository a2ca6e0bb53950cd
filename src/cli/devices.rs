//! `nearcall devices`: what can be plugged in and was found.

use serde::Serialize;

use super::Exit;
use super::args::DevicesArgs;
use crate::media::audio::{self, DeviceKind};
use crate::media::video;

#[derive(Debug, Serialize)]
struct Report {
    cameras: Vec<Row>,
    microphones: Vec<Row>,
    speakers: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    name: String,
    default: bool,
}

pub fn run(args: &DevicesArgs) -> anyhow::Result<Exit> {
    let found = audio::devices();
    let of = |kind: DeviceKind| -> Vec<Row> {
        let found = found.iter().filter(|device| device.kind == kind);
        found.map(|device| Row { id: device.id.clone(), name: device.name.clone(), default: device.default }).collect()
    };
    let cameras = video::cameras().into_iter().enumerate();
    let report = Report {
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
    Ok(Exit::Done)
}
