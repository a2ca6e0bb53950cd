//! stand-in
pub struct Receiver;
pub struct VideoIn;
pub struct VideoPeerStats;
