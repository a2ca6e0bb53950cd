//! Files of the history to elections. What is broken, of another version or half written is skipped and counted.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::folder::{self, Found};
use super::{Line, SCHEMA, Way, What};

/// Of a file, bytes that are read: none of ours is longer.
const MOST: u64 = 1 << 20;

/// What was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    /// The oldest first.
    pub elections: Vec<Election>,
    /// Lines that cannot be read.
    pub broken: usize,
    /// Lines of another schema, or of a kind that is not known here.
    pub strange: usize,
}

/// One election with all that was decided after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Election {
    /// Unique, and ordered by time.
    pub id: String,
    pub lines: Vec<Line>,
}

impl Election {
    /// When it began.
    pub fn at_utc(&self) -> &str {
        self.lines.first().map_or("", |line| &line.at_utc)
    }

    /// Which part of the program held it: `window`, `call` or `probe`.
    pub fn program(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| match &line.what {
            What::Started { program, .. } => Some(program.as_str()),
            _ => None,
        })
    }

    /// Who was elected first, its mean, and by how much. Where nobody joined, who would have been.
    pub fn winner(&self) -> Option<(&Way, Option<f64>, Option<f64>)> {
        let first = self.lines.iter().find_map(|line| match &line.what {
            What::Elected { to, margin_ms, candidates, .. } => Some((to, *margin_ms, candidates)),
            _ => None,
        });
        let raced = || {
            self.lines.iter().find_map(|line| match &line.what {
                What::Race { elected: Some(to), margin_ms, candidates, .. } => Some((to, *margin_ms, candidates)),
                _ => None,
            })
        };
        let (way, margin_ms, candidates) = first.or_else(raced)?;
        let row = candidates.iter().find(|row| row.way == *way);
        Some((way, row.and_then(|row| row.mean_ms), margin_ms))
    }

    /// The relay that carried the call last.
    pub fn carried(&self) -> Option<&Way> {
        self.lines.iter().rev().find_map(|line| match &line.what {
            What::Elected { to, .. } => Some(to),
            _ => None,
        })
    }

    /// How often the call moved.
    pub fn moves(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.what, What::Moved { .. })).count()
    }

    /// The longest time without sound or pictures around a move, ms, and the move's reason.
    pub fn worst_gap(&self) -> Option<(u64, &str)> {
        let gaps = self.lines.iter().filter_map(|line| match &line.what {
            What::Moved { audio_gap_ms, video_gap_ms, reason, .. } => {
                (*audio_gap_ms).max(*video_gap_ms).map(|gap_ms| (gap_ms, reason.as_str()))
            }
            _ => None,
        });
        gaps.max_by_key(|(gap_ms, _)| *gap_ms)
    }
}

pub(super) fn load(folder: &Path, last: usize) -> Log {
    let files = folder::files(folder);
    let mut log = Log::default();
    for file in &files[files.len().saturating_sub(last)..] {
        let lines = lines(file, &mut log);
        if !lines.is_empty() {
            log.elections.push(Election { id: file.id.clone(), lines });
        }
    }
    log
}

/// The relay that each call was over at its end, the newest call first. A file is read when it is its turn.
pub(super) fn winners(folder: &Path) -> impl Iterator<Item = String> + use<> {
    folder::files(folder).into_iter().rev().filter_map(|file| {
        let lines = lines(&file, &mut Log::default());
        Election { id: file.id, lines }.carried().map(|way| way.relay.clone())
    })
}

fn lines(file: &Found, log: &mut Log) -> Vec<Line> {
    let mut bytes = Vec::new();
    let read = File::open(&file.path).and_then(|open| open.take(MOST).read_to_end(&mut bytes));
    if let Err(error) = read {
        // It may just have made room for another.
        tracing::debug!(%error, "a file of the history");
    }
    let (mut lines, mut broken, mut strange) = (Vec::new(), 0, 0);
    for text in bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
        match line(text) {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => strange += 1,
            Err(_) => broken += 1,
        }
    }
    log.broken += broken;
    log.strange += strange;
    lines
}

/// `Ok(None)` for a line of another version.
fn line(text: &[u8]) -> Result<Option<Line>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if serde_json::from_slice::<Version>(text)?.v != SCHEMA {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(text)?;
    Ok((line.what != What::Unknown).then_some(line))
}
