//! What a call keeps of its election and what it reports: decisions go to the history on this computer, figures and moves
//! to the relay that carries the call.
//!
//! Called by `controller`. Must never: write or report the room, its secret, a token or a name,
//! nor write what a relay or the network said: an address may be in it.

use std::time::{Duration, Instant};

use super::event::{Moved, Place};
use crate::election::{CandidateId, Elector, EventKind, LinkId, Reason, Standing};
use crate::proto::limits;
use crate::proto::report::{ElectionReport, MoveCause, MoveReport, PathReport, ReportedTransport};
use crate::telemetry::history::{Figures, Keep, Recorder, Way, What, plain};

/// Between two reports in which nothing happened.
const EVERY: Duration = Duration::from_secs(30);
/// The least time between two reports: within what a relay reads.
const LEAST: Duration = Duration::from_secs(5);
/// Candidates in a decision after the race: those that it is about, and the best.
const ROWS: usize = 12;
/// Instead of words that are not the election's, or that have something in them that is nobody's business.
const LEFT_OUT: &str = "(words of others are left out)";
/// Why the election itself says that a move failed or a wish is not met; [`is_ours`] knows those with a figure or a name.
const OURS: [&str; 14] = [
    "blocked",
    "blocked, but nothing else answers",
    "fell silent",
    "gone from the manifest",
    "it does not answer",
    "it does not answer, or is not ready",
    "it is blocked",
    "no link carries the call yet",
    "no such relay or region",
    "nothing else is left",
    "the old link answers again",
    "the old link closed before the new one was ready",
    "the old link fell silent before the new one was ready",
    "the relay goes away",
];

/// See the module.
#[derive(Debug)]
pub struct Journal {
    recorder: Option<Recorder>,
    moves: Vec<MoveReport>,
    move_count: u64,
    reported: Option<Instant>,
    /// Something happened since the last report.
    news: bool,
    /// The race's window is over, and its figures are written.
    raced: bool,
    /// What must not be written, whoever says it.
    private: Vec<String>,
}

impl Journal {
    /// Keeps a history where it is asked for.
    pub fn start(keep: Option<Keep>) -> Self {
        Self {
            recorder: keep.map(Recorder::start),
            moves: Vec::new(),
            move_count: 0,
            reported: None,
            news: false,
            raced: false,
            private: Vec::new(),
        }
    }

    /// Words that are nobody's business.
    pub fn keep_quiet_about(&mut self, words: impl IntoIterator<Item = String>) {
        self.private.extend(words.into_iter().filter(|word| !word.is_empty()));
    }

    /// The race starts over, among other relays.
    pub fn anew(&mut self) {
        self.raced = false;
        if let Some(recorder) = &self.recorder {
            recorder.anew();
        }
    }

    /// A move was decided. The first choice of a call is no move.
    pub fn moving(&mut self, elector: &Elector, from: Option<LinkId>, to: LinkId, reason: Reason) {
        let Some(recorder) = self.recorder.as_ref().filter(|_| reason != Reason::First) else { return };
        let about = [from, Some(to)].map(|link| elector.link_candidate_id(link?));
        let way = |link| elector.candidate_of(link).map(Way::of);
        recorder.note(What::Moving {
            from: from.and_then(way),
            to: way(to),
            reason: reason.to_string(),
            candidates: rows(elector, &about, ROWS),
        });
    }

    /// What a move cost is known.
    pub fn moved(&mut self, elector: &Elector, moved: &Moved) {
        self.move_count += 1;
        self.news = true;
        let gap = |ms: Option<u64>| ms.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
        if self.moves.len() < limits::REPORT_MOVES {
            self.moves.push(MoveReport {
                cause: cause(moved.reason) as i32,
                audio_gap_ms: gap(moved.audio_gap_ms),
                video_gap_ms: gap(moved.video_gap_ms),
            });
        }
        let Some(recorder) = &self.recorder else { return };
        let standings = elector.standings();
        recorder.note(What::Moved {
            from: moved.from.as_ref().map(|place| way_of(&standings, place)),
            to: way_of(&standings, &moved.to),
            reason: moved.reason.to_string(),
            rtt_before_ms: moved.rtt_before_ms,
            rtt_after_ms: moved.rtt_after_ms,
            audio_gap_ms: moved.audio_gap_ms,
            video_gap_ms: moved.video_gap_ms,
        });
    }

    /// Every link is lost.
    pub fn reconnecting(&self, elector: &Elector) {
        if let Some(recorder) = &self.recorder {
            recorder.note(What::Reconnecting { candidates: rows(elector, &[], ROWS) });
        }
    }

    /// Something of the election.
    pub fn event(&mut self, elector: &Elector, kind: &EventKind) {
        if matches!(kind, EventKind::RaceOver) {
            (self.news, self.raced) = (true, true);
        }
        let Some(recorder) = &self.recorder else { return };
        let way = |id: CandidateId| elector.candidate(id).map(Way::of);
        let about = |ids: &[Option<CandidateId>]| rows(elector, ids, ROWS);
        let what = match kind {
            EventKind::Candidate { .. } | EventKind::Leader { .. } => return,
            EventKind::RaceOver => race(elector),
            EventKind::Elected { from, to, reason, margin_ms, runner_up } => {
                let Some(elected) = way(*to) else { return };
                What::Elected {
                    from: from.and_then(way),
                    to: elected,
                    reason: reason.to_string(),
                    margin_ms: super::controller::round(*margin_ms),
                    runner_up: runner_up.and_then(way),
                    candidates: about(&[*from, Some(*to), *runner_up]),
                }
            }
            EventKind::Kept { candidate, reason } => {
                What::Kept { candidate: way(*candidate), reason: plain(reason), candidates: about(&[Some(*candidate)]) }
            }
            EventKind::MoveFailed { to, reason } => {
                What::MoveFailed { to: way(*to), reason: self.reason(elector, reason), candidates: about(&[Some(*to)]) }
            }
            EventKind::Suspect { candidate, on } => What::Suspect {
                candidate: way(*candidate),
                on: *on,
                candidates: if *on { about(&[Some(*candidate)]) } else { Vec::new() },
            },
            EventKind::Standby { candidate } => What::Standby { candidate: candidate.and_then(way) },
            EventKind::Unmet { wish, reason } => {
                What::Unmet { wish: self.discreet(wish), reason: self.reason(elector, reason), candidates: about(&[]) }
            }
        };
        recorder.note(what);
    }

    /// What the relay is to hear now, if anything: after the race, after moves, and every half minute.
    pub fn report(&mut self, now: Instant, elector: &Elector) -> Option<ElectionReport> {
        let wait = if self.news { LEAST } else { EVERY };
        let due = match self.reported {
            Some(at) => now.saturating_duration_since(at) >= wait,
            None => self.news,
        };
        if !due {
            return None;
        }
        let mut standings = elector.standings();
        let rank = |row: &Standing| row.score_ms.unwrap_or(f64::INFINITY);
        standings.sort_by(|one, other| rank(one).total_cmp(&rank(other)));
        let paths = standings.iter().filter_map(path).take(limits::REPORT_PATHS).collect();
        (self.reported, self.news) = (Some(now), false);
        Some(ElectionReport { paths, moves: std::mem::take(&mut self.moves) })
    }

    /// Why the history is not whole; told once.
    pub fn trouble(&self) -> Option<String> {
        self.recorder.as_ref()?.trouble()
    }

    /// The call ends, perhaps before its race did. Waits for the disk, a moment.
    pub async fn close(&mut self, elector: &Elector) {
        let Some(recorder) = self.recorder.take() else { return };
        if !self.raced && elector.leader().is_some() {
            recorder.note(race(elector));
        }
        recorder.note(What::Ended { moves: self.move_count });
        let _ = tokio::task::spawn_blocking(move || drop(recorder)).await;
    }

    /// The election's own words are kept; those of a relay or of the network are not.
    fn reason(&self, elector: &Elector, text: &str) -> String {
        if is_ours(elector, text) { self.discreet(text) } else { LEFT_OUT.to_owned() }
    }

    /// Words that are kept unless there is something private in them, looked for before they are cut.
    fn discreet(&self, text: &str) -> String {
        let shown: String = text.chars().filter(|c| !c.is_control()).collect();
        let private = |word: &String| text.contains(word.as_str()) || shown.contains(word.as_str());
        if self.private.iter().any(private) { LEFT_OUT.to_owned() } else { plain(text) }
    }
}

/// True for a reason in the election's own words. A relay that uses the same words tells nothing by it.
fn is_ours(elector: &Elector, reason: &str) -> bool {
    let between = |begin, end| reason.strip_prefix(begin)?.strip_suffix(end);
    let is_listed = |relay: &str| elector.standings().iter().any(|row| row.candidate.relay == relay);
    OURS.contains(&reason)
        || between("nothing delivered in ", " ms").is_some_and(|ms| ms.parse::<u32>().is_ok())
        || between("carried by ", " for now").is_some_and(is_listed)
}

/// How the race stands, with every candidate.
pub fn race(elector: &Elector) -> What {
    let outcome = elector.outcome();
    let way = |id| elector.candidate(id).map(Way::of);
    let about =
        [outcome.as_ref().map(|outcome| outcome.elected), outcome.as_ref().and_then(|outcome| outcome.runner_up)];
    What::Race {
        elected: about[0].and_then(way),
        margin_ms: super::controller::round(outcome.as_ref().and_then(|outcome| outcome.margin_ms)),
        runner_up: about[1].and_then(way),
        reason: outcome.map(|outcome| plain(&outcome.reason)),
        candidates: rows(elector, &about, usize::MAX),
    }
}

fn rows(elector: &Elector, about: &[Option<CandidateId>], most: usize) -> Vec<Figures> {
    let standings = elector.standings();
    let is_about =
        |row: &Standing| about.contains(&Some(row.id)) || row.link.is_some() && row.link == elector.standby();
    Figures::of_all(&standings, is_about, most)
}

/// A place with its provider, where it is still listed.
fn way_of(standings: &[Standing], place: &Place) -> Way {
    let row = standings.iter().find(|row| row.candidate.relay == place.relay);
    let provider = row.map(|row| row.candidate.provider.clone()).unwrap_or_default();
    let Place { relay, region, transport } = place.clone();
    Way { relay, region, provider, transport }
}

/// A row of the table, if anything was measured of it lately. Names too long for the wire belong to no relay of ours.
fn path(row: &Standing) -> Option<PathReport> {
    let micros = |ms: Option<f64>| ms.filter(|ms| ms.is_finite()).map(|ms| (ms * 1000.0).round().max(1.0) as u32);
    let names = [&row.candidate.relay, &row.candidate.region, &row.candidate.provider];
    (row.loss.is_some() && names.iter().all(|name| name.len() <= limits::NAME_BYTES)).then(|| PathReport {
        relay: row.candidate.relay.clone(),
        region: row.candidate.region.clone(),
        provider: row.candidate.provider.clone(),
        transport: ReportedTransport::from(row.candidate.transport) as i32,
        mean_us: micros(row.mean_ms),
        jitter_us: micros(row.jitter_ms),
        loss_permille: row.loss.map(|loss| (loss * 1000.0).round().clamp(0.0, 1000.0) as u32),
        samples: row.received,
    })
}

fn cause(reason: Reason) -> MoveCause {
    match reason {
        Reason::First => MoveCause::Unspecified,
        Reason::Improve => MoveCause::Improve,
        Reason::Transport => MoveCause::Transport,
        Reason::FailOver => MoveCause::FailOver,
        Reason::Drain => MoveCause::Drain,
        Reason::Pin => MoveCause::Pin,
        Reason::Force => MoveCause::Force,
        Reason::Block => MoveCause::Block,
        Reason::Reconnect => MoveCause::Reconnect,
    }
}

#[cfg(test)]
mod tests;
