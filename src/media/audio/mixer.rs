//! From every peer's packets to one mix, 20 ms at a time on the wall clock.
//!
//! One thread pulls, decodes, mixes, records and feeds the speaker's ring. Whoever pushes or asks shares locks with it that
//! nobody holds while something is decoded.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::chime::{Chime, Sound};
use super::level::Level;
use super::pace::{Pace, Stop, Worker};
use super::processing::played::Played;
use super::speaker::Speaker;
use super::took::Took;
use super::voice::Voice;
use super::{AudioError, FRAME, FRAME_US, Frame};
use crate::clock;
use crate::jitter::{AudioIn, AudioStats};
use crate::media::wav::Recorder;
use crate::media::{Event, tell};
use crate::proto::limits::MEMBERS;
use crate::proto::{ParticipantId, Track};

/// Where the mix goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A device by its id or name, or the system's default.
    Speaker(Option<String>),
    /// Nowhere.
    Off,
}

impl std::str::FromStr for Output {
    type Err = String;

    /// Reads `speaker[:ID]` or `off`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, id) = text.split_once(':').map_or((text, None), |(kind, id)| (kind, Some(id)));
        match (kind, id) {
            ("speaker", id) => Ok(Output::Speaker(id.filter(|id| !id.is_empty()).map(str::to_owned))),
            ("off", None) => Ok(Output::Off),
            _ => Err(format!("{text:?} is no place for sound: speaker[:ID] or off")),
        }
    }
}

/// What a mixer does with its mix.
#[derive(Debug, Clone)]
pub struct MixerConfig {
    pub output: Output,
    /// Writes what the speaker gets, or would get, sample for sample on the wall clock from the mixer's start: silence
    /// where nothing came. 48 kHz mono 16 bit WAV.
    pub record: Option<PathBuf>,
}

/// Plays everybody. Dropping it completes the recording.
#[derive(Debug)]
pub struct Mixer {
    voices: Arc<Voices>,
    way_out: Arc<WayOut>,
    played: Played,
    events: mpsc::Sender<Event>,
    start: Instant,
    _worker: Worker,
}

/// Sounds of our own that may wait: who asks for more has been heard.
const SOUNDS: usize = 4;

/// What lies between the mix and the ear: the owner's and the thread's.
#[derive(Debug, Default)]
struct WayOut {
    place: Mutex<Place>,
    /// Sounds of our own that were asked for, oldest first; no more than [`SOUNDS`].
    sounds: Mutex<VecDeque<Sound>>,
    /// Nothing is to be heard.
    deaf: AtomicBool,
    level: Level,
    /// From the turn of a packet to the mix, and from there to the ear.
    mixing: Took,
    playout: Took,
}

/// Where the mix goes now.
#[derive(Debug)]
struct Place {
    output: Output,
    speaker: Option<Speaker>,
}

impl Default for Place {
    fn default() -> Self {
        Self { output: Output::Off, speaker: None }
    }
}

impl WayOut {
    /// Held for a look at a ring and no longer.
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sounds(&self) -> MutexGuard<'_, VecDeque<Sound>> {
        self.sounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, sound: Sound) {
        let mut sounds = self.sounds();
        if sounds.len() < SOUNDS && !sounds.contains(&sound) {
            sounds.push_back(sound);
        }
    }
}

type Voices = Mutex<BTreeMap<ParticipantId, Arc<Voice>>>;

fn lock(voices: &Voices) -> MutexGuard<'_, BTreeMap<ParticipantId, Arc<Voice>>> {
    voices.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mixer {
    /// Starts mixing: the first 20 ms end 20 ms from now.
    ///
    /// # Errors
    /// The recording cannot be created; no thread. Trouble with a speaker is an [`Event`] instead.
    pub fn start(config: MixerConfig, events: mpsc::Sender<Event>) -> Result<Self, AudioError> {
        let recorder = config.record.as_deref().map(Recorder::create).transpose()?;
        let (voices, way_out) = (Arc::new(Voices::default()), Arc::new(WayOut::default()));
        let mut desk = Desk::new(voices.clone(), way_out.clone(), recorder, events.clone());
        let start = clock::now();
        let worker = Worker::spawn("audio-mixer", move |stop| desk.run(&stop, start))?;
        let mixer = Self { voices, way_out, played: Played::default(), events, start, _worker: worker };
        mixer.set_output(config.output)?;
        Ok(mixer)
    }

    /// Sends the mix elsewhere, at once and without a pause for the recording; the speaker before is let go of by a thread
    /// of its own. The output that is in use stays as it is.
    ///
    /// # Errors
    /// No thread; the output before stays. Trouble with a speaker is an [`Event`] instead.
    pub fn set_output(&self, output: Output) -> Result<(), AudioError> {
        if self.way_out.place().output == output {
            return Ok(());
        }
        let speaker = match &output {
            Output::Speaker(wanted) => Some(Speaker::start(wanted.clone(), self.played.clone(), self.events.clone())?),
            Output::Off => None,
        };
        let before = std::mem::replace(&mut *self.way_out.place(), Place { output, speaker });
        if let Some(speaker) = before.speaker {
            speaker.stop_later();
        }
        Ok(())
    }

    /// Where what the speaker really plays can be heard, whichever it is: for a microphone beside it.
    pub fn played(&self) -> Played {
        self.played.clone()
    }

    /// Plays a pleasant sound of a second with the mix; nothing if one is being played. A speaker that is being opened
    /// misses it: wait for its [`Event::DeviceInUse`].
    pub fn play_test(&self) {
        self.play(Sound::Test);
    }

    /// Plays a sound with the mix, after those that were asked for before; nothing if the same one waits or is being played.
    pub fn play(&self, sound: Sound) {
        self.way_out.ask(sound);
    }

    /// Nothing is heard from now on, or everything again; the recording has what is heard.
    pub fn set_deaf(&self, deaf: bool) {
        self.way_out.deaf.store(deaf, Ordering::Relaxed);
    }

    /// When the first sample of the recording goes to the speaker: the end of the frame that it is in.
    pub fn recorded_from(&self) -> Instant {
        self.start + Duration::from_micros(FRAME_US)
    }

    /// What decoding and mixing take, ms. `None` before the first frame.
    pub fn mixing_ms(&self) -> Option<f64> {
        self.way_out.mixing.mean().map(|took| took.as_secs_f64() * 1000.0)
    }

    /// From the mix to the ear, ms: the speaker's ring and the device. `None` where nothing is played.
    pub fn playout_ms(&self) -> Option<f64> {
        self.way_out.playout.mean().map(|took| took.as_secs_f64() * 1000.0)
    }

    /// How loud the mix is that goes to the speaker, 0.0..=1.0, also where there is none.
    pub fn output_level(&self) -> f32 {
        self.way_out.level.get()
    }

    /// Takes in an opened packet that arrived at `arrived`. A peer not heard before gets a voice; one that was removed gets
    /// a new one, so push for members of the room alone.
    pub fn push(&self, peer: ParticipantId, packet: AudioIn, arrived: Instant) {
        let known = self.voice(peer);
        if let Some(voice) = known.or_else(|| self.invite(peer)) {
            voice.push(packet, arrived);
        }
    }

    /// How loud a peer is played from now on: percent of what it says, 0..=200, whether or not it was heard before.
    pub fn set_volume(&self, peer: ParticipantId, percent: u8) {
        let known = self.voice(peer);
        if let Some(voice) = known.or_else(|| self.invite(peer)) {
            voice.set_volume(percent);
        }
    }

    /// A new voice, if there is room for one.
    fn invite(&self, peer: ParticipantId) -> Option<Arc<Voice>> {
        let mut voices = lock(&self.voices);
        if voices.len() >= MEMBERS {
            return None;
        }
        match Voice::new() {
            Ok(voice) => Some(voices.entry(peer).or_insert(Arc::new(voice)).clone()),
            Err(error) => {
                tracing::error!(%error, "no decoder for a peer's sound");
                None
            }
        }
    }

    fn voice(&self, peer: ParticipantId) -> Option<Arc<Voice>> {
        lock(&self.voices).get(&peer).cloned()
    }

    /// Forgets a peer and its figures.
    pub fn remove(&self, peer: ParticipantId) {
        lock(&self.voices).remove(&peer);
    }

    /// What happened to each peer's packets so far.
    pub fn stats(&self) -> BTreeMap<ParticipantId, AudioStats> {
        lock(&self.voices).iter().map(|(peer, voice)| (*peer, voice.buffer().stats())).collect()
    }

    /// The longest time without a peer's sound since this was last asked, ms: see [`crate::jitter::AudioBuffer::take_longest_gap_ms`].
    pub fn take_longest_gap_ms(&self, peer: ParticipantId) -> Option<u64> {
        self.voice(peer).map(|voice| voice.buffer().take_longest_gap_ms())
    }

    /// The roster says that a peer is muted or gone: what does not come from here on is no gap.
    pub fn pause(&self, peer: ParticipantId) {
        if let Some(voice) = self.voice(peer) {
            voice.buffer().pause();
        }
    }

    /// A peer's sound waits so much longer than its packets ask for, for its pictures are slower.
    pub fn wait_longer(&self, peer: ParticipantId, longer: Duration) {
        if let Some(voice) = self.voice(peer) {
            voice.buffer().wait_longer(u32::try_from(longer.as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// True while sound of anybody should be arriving: somebody has started and not announced silence.
    pub fn media_expected(&self) -> bool {
        lock(&self.voices).values().any(|voice| voice.buffer().media_expected())
    }

    /// What of a peer is heard: the capture time of a packet, in µs of the peer's media clock, and the moment to which its
    /// first sample belongs in the mix (the speaker adds its own delay), reckoned back from its end where it was stretched.
    /// Lips are aligned to this.
    pub fn playing(&self, peer: ParticipantId) -> Option<(u64, Instant)> {
        self.voice(peer)?.playing()
    }

    /// How loud a peer was, 20 ms by 20 ms, since this was last asked: RMS, 0.0..=1.0, of the last two seconds.
    pub fn take_loudness(&self, peer: ParticipantId) -> Vec<f32> {
        self.voice(peer).map(|voice| voice.take_loudness()).unwrap_or_default()
    }

    /// How loud a peer is, 0.0..=1.0; 0 for one that was never heard.
    pub fn level(&self, peer: ParticipantId) -> f32 {
        self.voice(peer).map_or(0.0, |voice| voice.level())
    }
}

/// The thread's own.
struct Desk {
    voices: Arc<Voices>,
    way_out: Arc<WayOut>,
    chime: Option<Chime>,
    /// How loud the mix was at its end, 0.0..=1.0: what is turned off or on does not click.
    gain: f32,
    limiter: Limiter,
    recorder: Option<Recorder>,
    events: mpsc::Sender<Event>,
}

impl Desk {
    fn new(voices: Arc<Voices>, way_out: Arc<WayOut>, recorder: Option<Recorder>, events: mpsc::Sender<Event>) -> Self {
        Self { voices, way_out, chime: None, gain: 1.0, limiter: Limiter::new(), recorder, events }
    }

    /// A tick that is late is made up for at once, as many as are due, so that the recording stays on the wall clock; the
    /// speaker drops what it cannot still play.
    fn run(&mut self, stop: &Stop, start: Instant) {
        let mut pace = Pace::new(start);
        pace.step();
        while stop.wait_until(pace.due()) {
            self.tick(pace.due());
            pace.step();
        }
        // Whatever became due between the last look and the stop belongs to the recording.
        while pace.due() <= clock::now() {
            self.tick(pace.due());
            pace.step();
        }
    }

    fn tick(&mut self, now: Instant) {
        let begun = clock::now();
        let mut mix = [0.0; FRAME];
        let mut first = Vec::new();
        let voices: Vec<_> = lock(&self.voices).iter().map(|(peer, voice)| (*peer, voice.clone())).collect();
        for (peer, voice) in voices {
            if voice.add_to(&mut mix, now) {
                first.push(peer);
            }
        }
        for peer in first {
            tell(&self.events, Event::FirstFrame { peer, track: Track::Microphone });
        }
        self.add_sounds(&mut mix);
        self.limiter.apply(&mut mix);
        self.silence(&mut mix);
        self.way_out.level.feed(&mix);
        self.way_out.mixing.add(clock::now().saturating_duration_since(begun));
        match &mut self.way_out.place().speaker {
            Some(speaker) => {
                speaker.play(&mix);
                speaker.waiting().into_iter().for_each(|waits| self.way_out.playout.add(waits));
            }
            None => self.way_out.playout.forget(),
        }
        self.record(&mix);
    }

    /// The sound that is played stays in the list until it is over, so that it is not asked for twice.
    fn add_sounds(&mut self, mix: &mut Frame) {
        let Some(sound) = self.way_out.sounds().front().copied() else { return };
        let chime = self.chime.get_or_insert_with(|| Chime::new(sound));
        if !chime.add_to(mix) {
            self.chime = None;
            self.way_out.sounds().pop_front();
        }
    }

    /// Nobody is heard where that was asked for; within one frame, so that it does not click.
    fn silence(&mut self, mix: &mut Frame) {
        let to = if self.way_out.deaf.load(Ordering::Relaxed) { 0.0 } else { 1.0 };
        let from = std::mem::replace(&mut self.gain, to);
        if (from, to) != (1.0, 1.0) {
            let ramp = |n: usize| from + (to - from) * n as f32 / FRAME as f32;
            mix.iter_mut().enumerate().for_each(|(n, sample)| *sample *= ramp(n));
        }
    }

    fn record(&mut self, mix: &Frame) {
        if let Some(Err(error)) = self.recorder.as_mut().map(|recorder| recorder.write(mix)) {
            self.recorder = None;
            tracing::error!(%error, "the recording of sound stopped");
            tell(&self.events, Event::Failed { what: "the recording of sound", error: error.to_string() });
        }
    }
}

/// Keeps a sum of voices within -1.0..=1.0 without hard edges; leaves what fits as it is.
struct Limiter(opus::SoftClip);

impl Limiter {
    fn new() -> Self {
        Self(opus::SoftClip::new(opus::Channels::Mono))
    }

    fn apply(&mut self, mix: &mut Frame) {
        self.0.apply(mix);
        mix.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;

    use super::super::codec::Encoder;
    use super::super::source::tests::{correlation_at, speech};
    use super::*;
    use crate::media::audio::{AudioSource, Capture};
    use crate::media::wav;
    use crate::media::{Device, MediaClock};

    /// Lets time pass: a tone's packets come on the wall clock, one each 20 ms.
    fn tick_for(frames: usize) {
        let (out, mut packets) = mpsc::channel(100);
        let (events, _told) = mpsc::channel(1);
        let _tone =
            Capture::start(AudioSource::Tone(440.0), false, Default::default(), MediaClock::start(), out, events)
                .unwrap();
        (0..frames).for_each(|_| drop(packets.blocking_recv().unwrap()));
    }

    const PEER: ParticipantId = ParticipantId(7);

    fn recording(path: &Path) -> MixerConfig {
        MixerConfig { output: Output::Off, record: Some(path.to_owned()) }
    }

    fn packet(number: u32, payload: &[u8]) -> AudioIn {
        AudioIn { number, capture_us: u64::from(number) * 20_000, dtx: false, payload: Bytes::copy_from_slice(payload) }
    }

    /// A desk without a thread: ticks are called, time is virtual.
    fn desk() -> (Desk, mpsc::Receiver<Event>) {
        let (events, told) = mpsc::channel(100);
        let voices = Arc::new(Voices::default());
        (Desk::new(voices, Arc::default(), None, events), told)
    }

    /// Codes speech, plays every packet that `keep` names as it comes, and gives (sent, recorded).
    fn call(seconds: usize, keep: impl Fn(u32) -> bool) -> (Vec<f32>, Vec<f32>, AudioStats) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let (mut desk, _told) = desk();
        desk.recorder = Some(Recorder::create(&path).unwrap());
        let voices = desk.voices.clone();
        lock(&voices).insert(PEER, Arc::new(Voice::new().unwrap()));
        let (sent, mut encoder) = (speech(48_000 * seconds), Encoder::new().unwrap());
        let start = clock::now();
        let quiet = std::iter::repeat_n([0.0; FRAME], 10);
        for (number, frame) in (0u32..).zip(sent.as_chunks::<FRAME>().0.iter().copied().chain(quiet)) {
            let now = start + Duration::from_millis(20) * number;
            let (data, _) = encoder.encode(&frame).unwrap();
            if keep(number) {
                lock(&voices)[&PEER].push(packet(number, data), now);
            }
            desk.tick(now + Duration::from_millis(5));
        }
        let stats = lock(&voices)[&PEER].buffer().stats();
        drop(desk);
        (sent, wav::read_mono(&path).unwrap(), stats)
    }

    /// The lag at which `heard` is most like `sent`, and how like.
    fn align(sent: &[f32], heard: &[f32]) -> (usize, f64) {
        (0..48 * 300)
            .step_by(8)
            .map(|lag| (lag, correlation_at(sent, heard, lag)))
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .unwrap()
    }

    #[test]
    fn what_is_recorded_is_what_was_sent_without_a_gap() {
        let (sent, heard, _) = call(4, |_| true);
        let (lag, likeness) = align(&sent, &heard);
        assert!(likeness > 0.9, "{likeness} at {lag}");
        assert!(lag < 48 * 200, "{lag} samples late");
        let loud = |frame: &[f32]| frame.iter().map(|sample| sample * sample).sum::<f32>() > 0.01;
        for (n, _) in sent.chunks_exact(FRAME).enumerate().filter(|(_, frame)| loud(frame)) {
            let heard = &heard[n * FRAME + lag..][..FRAME];
            assert!(heard.iter().any(|sample| sample.abs() > 0.001), "frame {n} is silent");
        }
    }

    #[test]
    fn a_missing_packet_is_recovered_from_the_next() {
        let (sent, heard, stats) = call(4, |number| number % 10 != 5);
        assert!(stats.recovered >= 15, "{stats:?}");
        let (lag, likeness) = align(&sent, &heard);
        assert!(likeness > 0.85, "{likeness} at {lag}");
    }

    #[test]
    fn a_recording_is_as_long_as_the_wall_clock_and_silent_where_nothing_came() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let (events, _told) = mpsc::channel(100);
        let mixer = Mixer::start(recording(&path), events).unwrap();
        let start = clock::now();
        tick_for(17);
        let least = clock::now() - start;
        drop(mixer);
        let most = clock::now() - start;
        let heard = wav::read_mono(&path).unwrap();
        let frame = Duration::from_millis(20);
        let length = frame * (heard.len() / FRAME) as u32;
        assert!(length + frame > least && length <= most + frame, "{length:?} of {least:?}..{most:?}");
        assert!(heard.iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn ticks_that_are_late_are_made_up_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let (mut desk, _told) = desk();
        desk.recorder = Some(Recorder::create(&path).unwrap());
        let start = clock::now();
        tick_for(26);
        drop(Worker::spawn("test-late", move |stop| desk.run(&stop, start)).unwrap());
        assert!(wav::read_mono(&path).unwrap().len() >= 25 * FRAME);
    }

    #[test]
    fn the_first_packet_that_is_heard_is_told_once_and_garbage_is_not_heard() {
        let (mut desk, mut told) = desk();
        let start = clock::now();
        let mut encoder = Encoder::new().unwrap();
        let mixer = desk.voices.clone();
        lock(&mixer).insert(PEER, Arc::new(Voice::new().unwrap()));
        for number in 0..50u32 {
            let now = start + Duration::from_millis(20) * number;
            let (data, _) = encoder.encode(&[0.1; FRAME]).unwrap();
            let garbage = number < 10;
            let payload: &[u8] = if garbage { &[0xff, 0xff, 0xff] } else { data };
            lock(&mixer)[&PEER].push(packet(number, payload), now);
            desk.tick(now + Duration::from_millis(5));
        }
        assert_eq!(told.try_recv(), Ok(Event::FirstFrame { peer: PEER, track: Track::Microphone }));
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn many_loud_voices_never_leave_the_scale() {
        let mut limiter = Limiter::new();
        let mut quiet = [0.25; FRAME];
        limiter.apply(&mut quiet);
        assert_eq!(quiet, [0.25; FRAME]);
        let mut loud: Frame = std::array::from_fn(|n| (n as f32 * 0.05).sin() * 12.0);
        limiter.apply(&mut loud);
        assert!(loud.iter().all(|sample| (-1.0..=1.0).contains(sample)));
    }

    #[test]
    fn a_recording_that_fails_is_told_and_the_mix_goes_on() {
        let (mut desk, mut told) = desk();
        let Ok(recorder) = Recorder::create(Path::new("/dev/full")) else { return };
        desk.recorder = Some(recorder);
        let start = clock::now();
        (0..100u32).for_each(|n| desk.tick(start + Duration::from_millis(20) * n));
        assert!(matches!(told.try_recv(), Ok(Event::Failed { .. })));
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn a_speaker_that_is_not_there_is_an_event_and_the_recording_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let (events, mut told) = mpsc::channel(100);
        let output = Output::Speaker(Some("no device has this name".into()));
        let mixer = Mixer::start(MixerConfig { output, record: Some(path.clone()) }, events).unwrap();
        assert!(matches!(told.blocking_recv(), Some(Event::Device { .. })));
        drop(mixer);
        assert!(wav::read_mono(&path).is_ok());
    }

    #[test]
    fn the_test_sound_is_mixed_in_once_and_shows_on_the_meter() {
        let (mut desk, _told) = desk();
        let start = clock::now();
        let tick = |desk: &mut Desk, n: u32| {
            desk.tick(start + Duration::from_millis(20) * n);
            desk.way_out.level.get()
        };
        assert_eq!(tick(&mut desk, 0), 0.0);
        let mut loud = 0;
        for n in 1..=100 {
            // Asked for again while it plays, it goes on.
            if n < 20 {
                desk.way_out.ask(Sound::Test);
            }
            loud += u32::from(tick(&mut desk, n) > 0.01);
        }
        assert!((35..=70).contains(&loud), "{loud} frames");
        assert_eq!(desk.way_out.level.get(), 0.0);
    }

    #[test]
    fn sounds_that_come_together_are_heard_one_after_the_other() {
        let (mut desk, _told) = desk();
        for sound in [Sound::Joined, Sound::Left, Sound::Joined, Sound::Lost, Sound::Back, Sound::Test] {
            desk.way_out.ask(sound);
        }
        assert_eq!(
            *desk.way_out.sounds(),
            [Sound::Joined, Sound::Left, Sound::Lost, Sound::Back],
            "and no flood of them"
        );
        let start = clock::now();
        // 0.5 + 0.5 + 0.7 + 0.7 s.
        let waiting = (1..=120).map(|n| {
            desk.tick(start + Duration::from_millis(20) * n);
            desk.way_out.sounds().len()
        });
        let waiting: Vec<usize> = waiting.collect();
        assert_eq!([waiting[23], waiting[24], waiting[49], waiting[84], waiting[119]], [4, 3, 2, 1, 0]);
    }

    #[test]
    fn who_hears_nobody_hears_nothing_and_no_click_when_that_begins_and_ends() {
        let (mut desk, _told) = desk();
        let mut heard = Vec::new();
        for n in 0..6 {
            desk.way_out.deaf.store((2..4).contains(&n), Ordering::Relaxed);
            let mut frame = [0.5; FRAME];
            desk.silence(&mut frame);
            heard.extend(frame);
        }
        assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.001));
        assert!(heard[..2 * FRAME].iter().all(|sample| *sample == 0.5));
        assert!(heard[3 * FRAME..4 * FRAME].iter().all(|sample| *sample == 0.0));
        assert!(heard[5 * FRAME..].iter().all(|sample| *sample == 0.5));
    }

    #[test]
    fn the_output_is_switched_while_the_mix_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let (events, mut told) = mpsc::channel(100);
        let mixer = Mixer::start(recording(&path), events).unwrap();
        let start = clock::now();
        let nowhere = |name: &str| Output::Speaker(Some(name.into()));
        for output in [nowhere("no such one"), nowhere("nor this"), nowhere("nor this"), Output::Off] {
            mixer.set_output(output.clone()).unwrap();
            assert_eq!(mixer.way_out.place().output, output);
        }
        assert!(clock::now() - start < Duration::from_millis(500), "nothing was waited for");
        mixer.set_output(nowhere("last")).unwrap();
        assert!(matches!(
            told.blocking_recv(),
            Some(Event::Device { what: Device::Speaker, .. } | Event::DeviceInUse { what: Device::Speaker, .. })
        ));
        mixer.play_test();
        tick_for(30);
        assert!(mixer.output_level() > 0.0);
        drop(mixer);
        let heard = wav::read_mono(&path).unwrap();
        assert!(heard.len() / FRAME >= 29, "{} frames", heard.len() / FRAME);
        assert!(heard.iter().any(|sample| sample.abs() > 0.05), "the recording has what the speaker would have got");
    }

    #[test]
    fn a_removed_peer_is_silent_and_has_no_figures() {
        let (events, _told) = mpsc::channel(100);
        let mixer = Mixer::start(MixerConfig { output: Output::Off, record: None }, events).unwrap();
        mixer.push(PEER, packet(0, &[0; 10]), clock::now());
        assert_eq!(mixer.stats().len(), 1);
        assert!(mixer.take_longest_gap_ms(PEER).is_some());
        mixer.remove(PEER);
        assert!(mixer.stats().is_empty());
        assert_eq!((mixer.take_longest_gap_ms(PEER), mixer.level(PEER)), (None, 0.0));
    }
}
