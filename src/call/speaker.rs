//! Who speaks: from loudness, 20 ms by 20 ms. Pure: time is the count of frames, so it may be fed whenever it suits.
//!
//! Three time scales, after Volfin and Cohen, "Dominant speaker identification for multipoint videoconferencing" (2012):
//! a frame carries speech where it stands out of its own room's noise; half a second of that is somebody who speaks,
//! rather than coughs; and only a longer stretch takes the floor from somebody who still speaks. Their likelihoods are
//! counts with bounds here: the same decisions, and each bound can be read.

use std::collections::BTreeMap;

use crate::proto::ParticipantId;

/// Speech is louder than this, RMS of 20 ms in dB of full scale ...
const LEAST_DB: f32 = -50.0;
/// ... and by so much louder than the quietest frame of late, the noise of the room.
const ABOVE_NOISE_DB: f32 = 9.0;
/// Noise that is louder than this is speech all the same.
const MOST_NOISE_DB: f32 = -30.0;
/// Frames after speech that count as speech: the stops within words (80 ms).
const HANGOVER: u32 = 4;
/// Of the last half second so much must be speech: 0.42 s, which a cough of 0.3 s with its hangover does not reach.
const MEDIUM: u32 = 25;
const SPEAKS: u32 = 21;
/// With less speech than this in the same time, one has stopped.
const STOPPED: u32 = 10;
/// Who takes the floor from somebody who goes on has spoken for 1.2 of the last 1.5 s ...
const LONG: u32 = 75;
const INSISTS: u32 = 60;
/// ... about as loud: one's own voice comes back quieter from a loudspeaker in another room.
const QUIETER_DB: f32 = 10.0;
/// A pause of so many frames ends what somebody was saying (0.4 s).
const PAUSE: u32 = 20;
/// For the mark at a tile: 160 ms of the last 200 ms set it, and it stays through the pauses between words (0.6 s).
const SHORT: u32 = 10;
const SOUNDS: u32 = 8;
const WORDS: u64 = 30;
/// The quietest frame is that of the last 3 s, kept in pieces of half a second.
const PIECES: usize = 6;
const PIECE: u32 = 25;

/// See the module.
#[derive(Debug, Default)]
pub struct Speakers {
    talkers: BTreeMap<ParticipantId, Talker>,
    current: Option<Floor>,
}

/// Who has the floor.
#[derive(Debug, Clone, Copy)]
struct Floor {
    id: ParticipantId,
    /// Frames since then.
    age: u32,
}

impl Speakers {
    /// Takes in how loud everybody was, frame by frame since this was last called: RMS, 0.0..=1.0. Whoever is not listed has
    /// left.
    pub fn feed(&mut self, heard: &BTreeMap<ParticipantId, Vec<f32>>) {
        self.talkers.retain(|id, _| heard.contains_key(id));
        self.current = self.current.filter(|floor| heard.contains_key(&floor.id));
        let frames = heard.values().map(Vec::len).max().unwrap_or_default();
        for at in 0..frames {
            for (id, levels) in heard {
                // Who came a moment ago has fewer frames, the newest.
                let Some(level) = (at + levels.len()).checked_sub(frames).and_then(|at| levels.get(at)) else {
                    continue;
                };
                self.talkers.entry(*id).or_default().feed(*level);
            }
            self.decide();
        }
    }

    fn decide(&mut self) {
        let floor = self.current.map(|floor| Floor { age: floor.age.saturating_add(1), ..floor });
        let holder = floor.and_then(|floor| Some((floor, self.talkers.get(&floor.id)?)));
        let takes = |(id, talker): &(&ParticipantId, &Talker)| match holder {
            None => talker.voiced(MEDIUM) >= SPEAKS,
            Some((floor, _)) if floor.id == **id => false,
            Some((_, holder)) if holder.voiced(MEDIUM) < STOPPED => talker.voiced(MEDIUM) >= SPEAKS,
            Some((floor, holder)) => {
                // Of two who never pause the later one has it: it does not go to and fro.
                let later = talker.since_onset < floor.age;
                later && talker.insists() && talker.speech_db > holder.speech_db - QUIETER_DB
            }
        };
        let rank = |(_, talker): &(&ParticipantId, &Talker)| (talker.voiced(LONG), talker.speech_db as i32);
        let next = self.talkers.iter().filter(takes).max_by_key(rank);
        self.current = next.map(|(id, _)| Floor { id: *id, age: 0 }).or(floor);
    }

    /// Whether somebody is speaking.
    pub fn speaks(&self, id: ParticipantId) -> bool {
        self.talkers.get(&id).is_some_and(Talker::speaks)
    }

    /// Who speaks, or spoke last.
    pub fn current(&self) -> Option<ParticipantId> {
        self.current.map(|floor| floor.id)
    }
}

/// One voice over the last seconds.
#[derive(Debug)]
pub struct Talker {
    /// Of the last 128 frames which were speech: the newest is the lowest bit.
    speech: u128,
    hangover: u32,
    noise: Noise,
    /// How loud speech was, falling to what it is in about half a second.
    speech_db: f32,
    silent: u32,
    since_onset: u32,
    frames: u64,
    marked_until: u64,
}

impl Default for Talker {
    fn default() -> Self {
        Self {
            speech: 0,
            hangover: 0,
            noise: Noise::default(),
            speech_db: LEAST_DB,
            silent: PAUSE,
            since_onset: 0,
            frames: 0,
            marked_until: 0,
        }
    }
}

impl Talker {
    /// Takes in the next 20 ms: RMS, 0.0..=1.0.
    pub fn feed(&mut self, level: f32) {
        let db = 20.0 * level.clamp(1e-5, 1.0).log10();
        let loud = db > LEAST_DB.max(self.noise.db() + ABOVE_NOISE_DB);
        self.noise.feed(db);
        self.hangover = if loud { HANGOVER } else { self.hangover.saturating_sub(1) };
        let active = loud || self.hangover > 0;
        self.speech = self.speech << 1 | u128::from(active);
        self.since_onset = self.since_onset.saturating_add(1);
        if loud {
            self.speech_db += (db - self.speech_db) / 25.0;
        }
        if active && std::mem::take(&mut self.silent) >= PAUSE {
            self.since_onset = 0;
        } else if !active {
            self.silent = self.silent.saturating_add(1);
        }
        self.frames += 1;
        if self.voiced(SHORT) >= SOUNDS {
            self.marked_until = self.frames + WORDS;
        }
    }

    /// How many of the last frames were speech.
    fn voiced(&self, frames: u32) -> u32 {
        (self.speech & ((1 << frames) - 1)).count_ones()
    }

    /// Speech, or a pause between words.
    pub fn speaks(&self) -> bool {
        self.frames < self.marked_until
    }

    /// More than a second of speech, with hardly a pause.
    pub fn insists(&self) -> bool {
        self.voiced(LONG) >= INSISTS
    }
}

/// The quietest frame of the last seconds: what a room sounds like when nobody speaks in it.
#[derive(Debug)]
struct Noise {
    pieces: [f32; PIECES],
    at: usize,
    frames: u32,
}

impl Default for Noise {
    /// A quiet room until it is known.
    fn default() -> Self {
        Self { pieces: [LEAST_DB - ABOVE_NOISE_DB; PIECES], at: 0, frames: 0 }
    }
}

impl Noise {
    fn feed(&mut self, db: f32) {
        if self.frames == 0 {
            self.at = (self.at + 1) % PIECES;
            self.pieces[self.at] = db;
        }
        self.pieces[self.at] = self.pieces[self.at].min(db);
        self.frames = (self.frames + 1) % PIECE;
    }

    fn db(&self) -> f32 {
        self.pieces.iter().copied().fold(MOST_NOISE_DB, f32::min)
    }
}

#[cfg(test)]
mod tests;
