//! How the audio buffer behaves.

/// How the buffer behaves. Times in µs.
#[derive(Debug, Clone, Copy)]
pub struct AudioConfig {
    /// Target before anything was measured. Default 10 ms, so that the first packet waits 10-30 ms.
    pub initial_us: i64,
    /// The least target. Default 2 ms: what threads are late by that have a core to themselves.
    pub floor_us: i64,
    /// The largest target. Default 1 s.
    pub ceiling_us: i64,
    /// The price of missing audio: so much delay is borne to save one percent of it from coming too late. Default 12 ms.
    pub price_us: i64,
    /// How long arrivals are remembered. Default 10 s.
    pub window_us: i64,
    /// Arrivals of this time alone can raise the target too. Default 2 s: a stall, whose packets come all at once,
    /// does not, two of them do.
    pub short_window_us: i64,
    /// The target stays so long where it is before it goes down, for what was late comes again. Default 4 s.
    pub hold_us: i64,
    /// Delay above the target at which audio is skipped at once. Default 500 ms.
    pub excess_us: i64,
    /// Pulls in a row that are concealed before silence. Default 5.
    pub conceal_frames: u32,
    /// Most packets held. Default 100.
    pub capacity: usize,
}

impl Default for AudioConfig {
    fn default() -> Self {
        Self {
            initial_us: 10_000,
            floor_us: 2_000,
            ceiling_us: 1_000_000,
            price_us: 12_000,
            window_us: 10_000_000,
            short_window_us: 2_000_000,
            hold_us: 4_000_000,
            excess_us: 500_000,
            conceal_frames: 5,
            capacity: 100,
        }
    }
}
