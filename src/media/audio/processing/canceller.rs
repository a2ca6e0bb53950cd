//! Takes echo and noise out of 10 ms: the parts of AEC3 and of the noise suppressor, put together as WebRTC does, so that
//! one begins anew without the other. Pure.
//!
//! AEC3 is set up as its authors do. Longer filters, and more belief in them, are kinder to a voice that talks against an
//! echo (PESQ 1.8 for 1.4 where the echo is 12 dB below it), but let bursts of a tonal voice's echo through (15 dB less for
//! 38): the bench `echo` measures both.

use sonora::high_pass_filter::HighPassFilter;
use sonora::three_band_filter_bank::ThreeBandFilterBank;
use sonora_aec3::block::Block;
use sonora_aec3::block_framer::BlockFramer;
use sonora_aec3::block_processor::BlockProcessor;
use sonora_aec3::config::EchoCanceller3Config;
use sonora_aec3::frame_blocker::FrameBlocker;
use sonora_ns::config::{NsConfig, SuppressionLevel};
use sonora_ns::noise_suppressor::NoiseSuppressor;

use super::{Chunk, RATE};

/// Bands of 8 kHz each, and the samples of one in 10 ms.
const BANDS: usize = 3;
const BAND: usize = 160;
/// The canceller takes 5 ms at a time.
const HALF: usize = BAND / 2;
/// Its parts count as 16 bits do.
const SCALE: f32 = 32_768.0;
/// From here on a microphone is driven too far.
const SATURATED: f32 = 0.998;

type Bands = [[f32; BAND]; BANDS];

/// See the module.
pub struct Canceller {
    high_pass: HighPassFilter,
    /// The samples of 10 ms, as the filter takes them.
    whole: [Vec<f32>; 1],
    near: ThreeBandFilterBank,
    echo: Option<Echo>,
    noise: Option<NoiseSuppressor>,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (echo, noise) = self.does();
        f.debug_struct("Canceller").field("echo", &echo).field("noise", &noise).finish_non_exhaustive()
    }
}

impl Canceller {
    /// For one or both of them.
    pub fn new(echo: bool, noise: bool) -> Self {
        let suppressor = || NoiseSuppressor::new_with_bands(NsConfig { target_level: SuppressionLevel::K12dB }, BANDS);
        Self {
            high_pass: HighPassFilter::new(RATE as i32, 1),
            whole: [Vec::new()],
            near: ThreeBandFilterBank::new(),
            echo: echo.then(Echo::new),
            noise: noise.then(suppressor),
        }
    }

    /// Cleans 10 ms of samples in -1.0..=1.0, in place. Without `played` no echo is taken out.
    pub fn process(&mut self, near: &mut Chunk, played: Option<&Chunk>) {
        let saturated = near.iter().any(|sample| sample.abs() >= SATURATED);
        self.whole[0].clear();
        self.whole[0].extend(near.iter().map(|sample| sample * SCALE));
        self.high_pass.process_channels(&mut self.whole);
        near.copy_from_slice(&self.whole[0]);
        let mut bands = [[0.0; BAND]; BANDS];
        self.near.analysis(near, &mut bands);
        if let Some(noise) = &mut self.noise {
            noise.analyze(&bands[0]);
        }
        if let (Some(echo), Some(played)) = (&mut self.echo, played) {
            echo.hear(played);
            echo.cancel(&mut bands, saturated);
        }
        if let Some(noise) = &mut self.noise {
            suppress(noise, &mut bands);
        }
        self.near.synthesis(&bands, near);
        near.iter_mut().for_each(|sample| *sample /= SCALE);
    }

    /// Whether it takes out echo, and noise.
    pub fn does(&self) -> (bool, bool) {
        (self.echo.is_some(), self.noise.is_some())
    }

    /// Learns the echo anew.
    pub fn forget_echo(&mut self) {
        self.echo = self.echo.as_ref().map(|_| Echo::new());
    }

    /// How far the echo lies behind what was played, ms.
    pub fn delay_ms(&self) -> Option<u32> {
        self.echo.as_ref().and_then(|echo| u32::try_from(echo.processor.get_metrics().delay_ms).ok())
    }
}

fn suppress(noise: &mut NoiseSuppressor, bands: &mut Bands) {
    let [low, upper @ ..] = bands;
    noise.process(low);
    let gain = noise.upper_band_gain();
    for (n, band) in upper.iter_mut().enumerate() {
        noise.process_upper_band(band, n, gain);
    }
    bands.iter_mut().for_each(NoiseSuppressor::clamp_frame);
}

/// AEC3, and the cutting of 10 ms into its blocks of 4 ms.
struct Echo {
    far: ThreeBandFilterBank,
    processor: BlockProcessor,
    far_blocks: FrameBlocker,
    near_blocks: FrameBlocker,
    framer: BlockFramer,
    block: Block,
    frame: Vec<Vec<Vec<f32>>>,
}

impl Echo {
    fn new() -> Self {
        Self {
            far: ThreeBandFilterBank::new(),
            processor: BlockProcessor::new(&EchoCanceller3Config::default(), RATE as usize, 1, 1),
            far_blocks: FrameBlocker::new(BANDS, 1),
            near_blocks: FrameBlocker::new(BANDS, 1),
            framer: BlockFramer::new(BANDS, 1),
            block: Block::new(BANDS, 1),
            frame: vec![vec![vec![0.0; HALF]]; BANDS],
        }
    }

    fn hear(&mut self, played: &Chunk) {
        let mut bands = [[0.0; BAND]; BANDS];
        self.far.analysis(&played.map(|sample| sample * SCALE), &mut bands);
        for half in 0..2 {
            self.far_blocks.insert_sub_frame_and_extract_block(&piece(&bands, half), &mut self.block);
            self.processor.buffer_render(&self.block);
        }
        if self.far_blocks.is_block_available() {
            self.far_blocks.extract_block(&mut self.block);
            self.processor.buffer_render(&self.block);
        }
    }

    fn cancel(&mut self, bands: &mut Bands, saturated: bool) {
        for half in 0..2 {
            self.near_blocks.insert_sub_frame_and_extract_block(&piece(bands, half), &mut self.block);
            self.processor.process_capture(false, saturated, None, &mut self.block);
            self.framer.insert_block_and_extract_sub_frame(&self.block, &mut self.frame);
            for (band, frame) in bands.iter_mut().zip(&self.frame) {
                band[half * HALF..][..HALF].copy_from_slice(&frame[0]);
            }
        }
        if self.near_blocks.is_block_available() {
            self.near_blocks.extract_block(&mut self.block);
            self.processor.process_capture(false, saturated, None, &mut self.block);
            self.framer.insert_block(&self.block);
        }
    }
}

/// One half of 10 ms, as the library takes it: by band and by channel.
fn piece(bands: &Bands, half: usize) -> Vec<Vec<&[f32]>> {
    bands.iter().map(|band| vec![&band[half * HALF..][..HALF]]).collect()
}
