//! From a source to packets.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::codec::{Encoder, FIRST_LOSS_PERCENT};
use super::level::{Level, Loudness};
use super::pace::{Pace, Stop, Worker};
use super::processing::{CHUNK, Cleaner, Cleaning, Detector, Speech, Switches};
use super::source::Synthetic;
use super::took::Took;
use super::{AudioError, AudioSource, FRAME, Frame, microphone};
use crate::clock;
use crate::media::control::drop_later;
use crate::media::{Device, Encoded, Event, MediaClock, tell};
use crate::proto::{Layer, Track};

/// A tone or a file that is later than this, after the machine stood still, skips what nobody would still play.
const TOO_LATE: Duration = Duration::from_secs(1);
/// Mute and unmute fade over this many samples (5 ms): a cut clicks.
const FADE: usize = 240;
/// The least that a meter tells from nothing (-74 dBFS).
const FAINT: f32 = 2e-4;

/// Sends a source's sound, from its start until it is dropped.
///
/// Frame `n` of a tone or a file is made at start + `n` x 20 ms, exactly on the wall clock; a file is played once and
/// silence follows. A microphone that is missing, taken away or broken sends nothing until it is back.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Shared {
    muted: AtomicBool,
    loss_percent: AtomicU8,
    dropped: AtomicU64,
    /// Time in the encoder.
    encode: Took,
    level: Level,
    loudness: Mutex<Loudness>,
    /// [`Switches`], as bits.
    switches: AtomicU8,
    /// [`Speech`]: the probability's bits, negative while nobody speaks.
    speech: AtomicU32,
}

impl Capture {
    /// Starts a source. `cleaning` is done to a microphone alone. A packet for which `out` has no room is dropped and counted. A file is read here, whole, which
    /// may take a while if it is long.
    ///
    /// # Errors
    /// A file or a pitch that cannot be played; no thread. Trouble with a microphone is an [`Event`] instead.
    pub fn start(
        source: AudioSource,
        muted: bool,
        cleaning: Cleaning,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, AudioError> {
        let shared = Arc::new(Shared::new(muted, cleaning.switches));
        let publisher = |save_silence| Publisher::new(save_silence, clock, out, shared.clone());
        let workers = match source {
            AudioSource::Off => Vec::new(),
            AudioSource::Microphone(wanted) => {
                microphone::start(wanted, publisher(true)?, Cleaner::new(&cleaning, clock), events)?
            }
            AudioSource::Tone(hz) => vec![synthetic(Synthetic::tone(hz)?, publisher(false)?, events)?],
            AudioSource::File(path) => vec![synthetic(Synthetic::file(&path)?, publisher(false)?, events)?],
        };
        Ok(Self { shared, workers })
    }

    /// Stops the source without waiting for its driver: nothing is sent any more, and a thread of its own sees the end.
    pub fn stop_later(mut self) {
        self.workers.iter_mut().for_each(Worker::tell_to_stop);
        drop_later("audio", self);
    }

    /// Sends silence, or the source again.
    pub fn mute(&self, muted: bool) {
        self.shared.muted.store(muted, Ordering::Relaxed);
    }

    /// How much loss receivers report, percent: the encoder puts in as much redundancy. 10 until told.
    pub fn set_loss_percent(&self, percent: u8) {
        self.shared.loss_percent.store(percent, Ordering::Relaxed);
    }

    /// What is done to a microphone's sound, from the next frame on.
    pub fn set_cleaning(&self, switches: Switches) {
        self.shared.switches.store(bits(switches), Ordering::Relaxed);
    }

    /// Whether somebody speaks, also while muted: of the cleaned sound, so that an echo is nobody's voice.
    pub fn speech(&self) -> Speech {
        let signed = f32::from_bits(self.shared.speech.load(Ordering::Relaxed));
        Speech { probability: signed.abs(), speaking: signed.is_sign_positive() }
    }

    /// How loud the source is, 0.0..=1.0, also while muted.
    pub fn level(&self) -> f32 {
        self.shared.level.get()
    }

    /// What the encoder takes for a packet, mean of the last ones.
    pub fn encoding(&self) -> Duration {
        self.shared.encode.mean().unwrap_or_default()
    }

    /// How loud the source was, 20 ms by 20 ms, since this was last asked, also while muted: RMS, 0.0..=1.0, of the last two
    /// seconds.
    pub fn take_loudness(&self) -> Vec<f32> {
        self.shared.loudness.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Packets for which the channel had no room.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn new(muted: bool, switches: Switches) -> Self {
        Self {
            muted: AtomicBool::new(muted),
            loss_percent: AtomicU8::new(FIRST_LOSS_PERCENT),
            dropped: AtomicU64::new(0),
            encode: Took::default(),
            level: Level::default(),
            loudness: Mutex::default(),
            switches: AtomicU8::new(bits(switches)),
            speech: AtomicU32::new((-0.0f32).to_bits()),
        }
    }
}

fn bits(Switches { echo, noise, gain }: Switches) -> u8 {
    u8::from(echo) | u8::from(noise) << 1 | u8::from(gain) << 2
}

fn synthetic(
    mut source: Synthetic,
    mut publisher: Publisher,
    events: mpsc::Sender<Event>,
) -> Result<Worker, AudioError> {
    let start = clock::now();
    Worker::spawn("audio-encode", move |stop| play(&stop, start, &mut source, &mut publisher, &events))
}

fn play(stop: &Stop, start: Instant, source: &mut Synthetic, publisher: &mut Publisher, events: &mpsc::Sender<Event>) {
    let mut pace = Pace::new(start);
    let mut frame = [0.0; FRAME];
    while stop.wait_until(pace.due()) {
        let ended = source.next(&mut frame);
        let late = clock::now().saturating_duration_since(pace.due());
        if late < TOO_LATE && !publisher.publish(&mut frame, publisher.clock.us_at(pace.due())) {
            return;
        }
        if ended {
            tell(events, Event::Ended { what: Device::Microphone });
        }
        pace.step();
    }
}

/// Encodes frames and hands the packets on.
pub struct Publisher {
    pub clock: MediaClock,
    encoder: Encoder,
    detector: Detector,
    /// Silence costs no packets. Not for files, so that what arrives can be compared with them exactly.
    save_silence: bool,
    out: mpsc::Sender<Encoded>,
    shared: Arc<Shared>,
    silent: bool,
    gain: f32,
    faint: f32,
}

impl Publisher {
    fn new(
        save_silence: bool,
        clock: MediaClock,
        out: mpsc::Sender<Encoded>,
        shared: Arc<Shared>,
    ) -> Result<Self, AudioError> {
        // Of a source that begins muted not even the fade is heard.
        let gain = if shared.muted.load(Ordering::Relaxed) { 0.0 } else { 1.0 };
        let (encoder, detector) = (Encoder::new()?, Detector::new());
        Ok(Self { clock, encoder, detector, save_silence, out, shared, silent: false, gain, faint: 0.0 })
    }

    /// What is to be done to a microphone's sound.
    pub fn switches(&self) -> Switches {
        let bits = self.shared.switches.load(Ordering::Relaxed);
        Switches { echo: bits & 1 != 0, noise: bits & 2 != 0, gain: bits & 4 != 0 }
    }

    /// What the microphone itself gave for the next frame: where it hears anything, the meter says so, however much of it is
    /// held down as noise.
    pub fn hears(&mut self, raw: &Frame) {
        self.faint = raw.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())).min(FAINT);
    }

    /// Encodes and sends a frame whose first sample is of `capture_us`; false when nobody listens any more.
    pub fn publish(&mut self, frame: &mut Frame, capture_us: u64) -> bool {
        self.shared.level.feed_at_least(frame, self.faint);
        self.shared.loudness.lock().unwrap_or_else(PoisonError::into_inner).feed(frame);
        self.listen(frame);
        let muted = self.shared.muted.load(Ordering::Relaxed);
        self.fade(frame, if muted { 0.0 } else { 1.0 });
        let begun = clock::now();
        let encoded = self.encode(frame, muted);
        self.shared.encode.add(clock::now().saturating_duration_since(begun));
        match encoded {
            Ok((data, dtx)) => self.send(data, dtx, capture_us),
            Err(error) => {
                tracing::warn!(%error, "a frame of sound could not be encoded");
                true
            }
        }
    }

    fn listen(&mut self, frame: &Frame) {
        for chunk in frame.as_chunks::<CHUNK>().0 {
            let Speech { probability, speaking } = self.detector.hear(chunk);
            let signed = if speaking { probability } else { -probability };
            self.shared.speech.store(signed.to_bits(), Ordering::Relaxed);
        }
    }

    fn encode(&mut self, frame: &Frame, muted: bool) -> Result<(Bytes, bool), opus::Error> {
        self.encoder.set_loss_percent(self.shared.loss_percent.load(Ordering::Relaxed))?;
        self.encoder.set_dtx(self.save_silence || muted)?;
        let (packet, dtx) = self.encoder.encode(frame)?;
        Ok((Bytes::copy_from_slice(packet), dtx))
    }

    /// The first packet of a silence tells that it began; of the others only the encoder's refreshes go out.
    fn send(&mut self, data: Bytes, dtx: bool, capture_us: u64) -> bool {
        let goes_on = std::mem::replace(&mut self.silent, dtx) && dtx;
        if goes_on {
            return !self.out.is_closed();
        }
        let packet = Encoded {
            track: Track::Microphone,
            layer: Layer::default(),
            key: true,
            discardable: false,
            dtx,
            capture_us,
            data,
        };
        match self.out.try_send(packet) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    fn fade(&mut self, frame: &mut Frame, target: f32) {
        let step = (target - self.gain) / FADE as f32;
        let (fading, rest) = frame.split_at_mut(FADE);
        for sample in fading {
            self.gain += step;
            *sample *= self.gain;
        }
        self.gain = target;
        rest.iter_mut().for_each(|sample| *sample *= target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publisher(save_silence: bool) -> (Publisher, mpsc::Receiver<Encoded>) {
        let (out, packets) = mpsc::channel(1000);
        let shared = Arc::new(Shared::new(false, Switches::default()));
        (Publisher::new(save_silence, MediaClock::start(), out, shared).unwrap(), packets)
    }

    fn drain(packets: &mut mpsc::Receiver<Encoded>) -> Vec<Encoded> {
        std::iter::from_fn(|| packets.try_recv().ok()).collect()
    }

    #[test]
    fn a_muted_tone_fades_out_and_soon_costs_two_packets_in_400_ms() {
        let (mut publisher, mut packets) = publisher(false);
        let mut send = |publisher: &mut Publisher, frames: u64| {
            (0..frames).for_each(|n| assert!(publisher.publish(&mut [0.25; FRAME], n * 20_000)));
            drain(&mut packets)
        };
        assert_eq!(send(&mut publisher, 50).len(), 50);
        publisher.shared.muted.store(true, Ordering::Relaxed);
        send(&mut publisher, 50);
        let silent = send(&mut publisher, 100);
        assert!((2..=12).contains(&silent.len()), "{} packets", silent.len());
        assert!(silent.iter().any(|packet| packet.dtx));
        publisher.shared.muted.store(false, Ordering::Relaxed);
        assert_eq!(send(&mut publisher, 50).len(), 50);
    }

    #[test]
    fn mute_does_not_click() {
        let (mut publisher, _packets) = publisher(false);
        let (mut one, mut two) = ([0.5; FRAME], [0.5; FRAME]);
        publisher.fade(&mut one, 0.0);
        publisher.fade(&mut two, 1.0);
        let heard = [one, two].concat();
        assert!(heard.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.01));
        assert_eq!((heard[FRAME - 1], heard[2 * FRAME - 1]), (0.0, 0.5));
    }

    #[test]
    fn a_full_channel_drops_and_counts_and_a_closed_one_ends_it() {
        let (out, packets) = mpsc::channel(1);
        let (mut publisher, _) = publisher(false);
        publisher.out = out;
        for n in 0..5 {
            assert!(publisher.publish(&mut [0.1; FRAME], n * 20_000));
        }
        assert_eq!(publisher.shared.dropped.load(Ordering::Relaxed), 4);
        drop(packets);
        assert!(!publisher.publish(&mut [0.1; FRAME], 0));
    }

    #[test]
    fn a_tone_leaves_on_the_wall_clock_with_even_times() {
        let (out, mut packets) = mpsc::channel(100);
        let (events, _events) = mpsc::channel(10);
        let clock = MediaClock::start();
        let capture = Capture::start(AudioSource::Tone(440.0), false, Cleaning::default(), clock, out, events).unwrap();
        let got: Vec<Encoded> = (0..10).map(|_| packets.blocking_recv().unwrap()).collect();
        let now = clock.us_at(clock::now());
        assert!(got.windows(2).all(|pair| pair[1].capture_us - pair[0].capture_us == 20_000));
        assert!(now >= got[9].capture_us, "nothing is sent before its time");
        assert!(got.iter().all(|packet| packet.key && !packet.dtx && packet.track == Track::Microphone));
        assert!(capture.level() > 0.05);
    }

    #[test]
    fn a_file_that_cannot_be_played_is_refused_with_its_name() {
        let (out, _packets) = mpsc::channel(1);
        let (events, _events) = mpsc::channel(1);
        let source = AudioSource::File("no-such-file.wav".into());
        let error = Capture::start(source, false, Cleaning::default(), MediaClock::start(), out, events).unwrap_err();
        assert!(error.to_string().contains("no-such-file.wav"), "{error}");
    }

    #[test]
    fn a_file_ends_with_an_event_and_silence_follows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in.wav");
        let mut recorder = crate::media::wav::Recorder::create(&path).unwrap();
        recorder.write(&[0.5; 2 * FRAME]).unwrap();
        drop(recorder);
        let (out, mut packets) = mpsc::channel(100);
        let (events, mut told) = mpsc::channel(10);
        let _capture =
            Capture::start(AudioSource::File(path), false, Cleaning::default(), MediaClock::start(), out, events)
                .unwrap();
        assert_eq!(told.blocking_recv(), Some(Event::Ended { what: Device::Microphone }));
        (0..5).for_each(|_| assert!(!packets.blocking_recv().unwrap().dtx));
    }

    #[test]
    fn a_microphone_that_is_not_there_is_an_event_and_no_error() {
        let (out, _packets) = mpsc::channel(100);
        let (events, mut told) = mpsc::channel(10);
        let source = AudioSource::Microphone(Some("no device has this name".into()));
        let _capture = Capture::start(source, false, Cleaning::default(), MediaClock::start(), out, events).unwrap();
        assert!(matches!(told.blocking_recv(), Some(Event::Device { what: Device::Microphone, .. })));
    }
}
