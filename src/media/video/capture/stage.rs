//! From pictures to encoded frames: which sizes of each are made, with what, and in which order they go out. Called by the
//! thread of each source.
//!
//! A picture is scaled down step by step, as far as somebody wants it, and each size has an encoder of its own; they run one after
//! the other on this thread, the smallest first: what all of them take is little more than the largest takes, and a second core is better
//! left to what arrives. When the largest size ends, the next smaller one begins a new group, because everybody who saw the
//! larger one goes on with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::mpsc::error::TrySendError;

use super::lane::{Lane, MOST_FAILURES, Make};
use super::{Control, Figures, Wires};
use crate::clock;
use crate::media::video::guard::Guard;
use crate::media::video::ladder::{Ladder, Plan, Wishes};
use crate::media::video::picture::I420;
use crate::media::video::{Codec, Limit, VideoConfig, failed, scale, sizes};
use crate::media::{Encoded, tell};
use crate::proto::{Layer, Track};

/// A network that carries less is told after so long: at its beginning every call is careful.
const SHORT: Duration = Duration::from_secs(8);

/// Room for an encoded picture in each of its sizes.
pub enum Room {
    For(Vec<OwnedPermit<Encoded>>),
    /// The owner wants none sent.
    Unwanted,
    /// The reader of the frames is behind.
    Full,
    /// Nobody reads them any more.
    Gone,
}

/// A picture to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Shot<'a> {
    pub picture: &'a I420,
    /// When it was taken.
    pub at: Instant,
    /// Since when this thread works on it.
    pub begun: Instant,
    /// How far pictures are apart where they come by themselves, and this computer may be too slow for them.
    pub interval: Option<Duration>,
}

/// See the module.
pub struct Stage {
    pub config: VideoConfig,
    pub wires: Wires,
    control: Arc<Control>,
    make: Make,
    /// The largest size first; none before the first picture.
    lanes: Vec<Lane>,
    /// The picture in each of the sizes but the largest.
    copies: Vec<I420>,
    ladder: Ladder,
    guard: Guard,
    plan: Plan,
    /// Pictures since the source has this size.
    count: u64,
    /// There are fewer bits than are of use, since then.
    short_since: Option<Instant>,
}

impl Stage {
    pub fn new(config: VideoConfig, wires: Wires, control: Arc<Control>) -> Self {
        Self {
            config,
            wires,
            control,
            make: Codec::encoder,
            lanes: Vec::new(),
            copies: Vec::new(),
            ladder: Ladder::new(&[], config.fps),
            guard: Guard::default(),
            plan: Plan::default(),
            count: 0,
            short_since: None,
        }
    }

    /// Takes encoders from elsewhere.
    #[cfg(test)]
    pub fn with(self, make: Make) -> Self {
        Self { make, ..self }
    }

    /// Whether a picture may be encoded now.
    pub fn room(&mut self) -> Room {
        if !self.control.lock().sends {
            self.lanes.clear();
            self.control.lock().figures = Figures::default();
            return Room::Unwanted;
        }
        let out = &self.wires.out;
        let mut permits = Vec::with_capacity(sizes::MOST);
        for _ in 0..sizes::MOST.min(out.max_capacity()) {
            match out.clone().try_reserve_owned() {
                Ok(permit) => permits.push(permit),
                Err(TrySendError::Full(_)) => return Room::Full,
                Err(TrySendError::Closed(_)) => return Room::Gone,
            }
        }
        Room::For(permits)
    }

    /// Encodes a picture and sends it where there is room.
    pub fn send(&mut self, room: Room, shot: Shot<'_>) {
        let Room::For(mut permits) = room else { return };
        let now = clock::now();
        self.fit(shot.picture);
        let codec = self.plan(now);
        let deepest = self.scale(shot.picture);
        let at_us = self.wires.clock.us_at(shot.at);
        for index in (0..deepest).rev() {
            if !self.is_due(index) {
                continue;
            }
            let Some(encoded) = self.encode(index, codec, shot.picture, at_us, now) else { continue };
            match permits.pop() {
                Some(permit) => drop(permit.send(encoded)),
                // A channel for fewer frames than a picture has sizes: what refers to this one cannot be read.
                None => self.lanes[index].want_key(),
            }
        }
        self.look_back(deepest > 0, &shot);
        self.count += 1;
    }

    /// Makes ready for the size that the source has.
    fn fit(&mut self, picture: &I420) {
        let has = self.lanes.first().map(|lane| (lane.size.width, lane.size.height));
        if has == Some((picture.width(), picture.height())) {
            return;
        }
        let sizes = sizes::of(picture.width(), picture.height());
        self.ladder = Ladder::new(&sizes, self.config.fps);
        self.copies = sizes.iter().skip(1).map(|_| I420::black(2, 2)).collect();
        self.lanes = sizes.into_iter().map(Lane::new).collect();
        (self.plan, self.count) = (Plan::default(), 0);
        self.guard.start_over();
    }

    /// Decides which sizes are made of this picture.
    fn plan(&mut self, now: Instant) -> Codec {
        let (keys, wanted, total_bps, codec) = {
            let mut wishes = self.control.lock();
            (std::mem::take(&mut wishes.keys), wishes.wanted, wishes.bitrate_bps, wishes.codec)
        };
        let usual = || self.config.bitrate_bps.min(self.ladder.usual_bps(wanted));
        let total_bps = total_bps.unwrap_or_else(usual);
        let plan = self.ladder.plan(now, &Wishes { total_bps, wanted, cap: self.guard.cap() });
        let before = std::mem::replace(&mut self.plan, plan);
        let top = |plan: &Plan| plan.iter().rposition(Option::is_some);
        let sinks = top(&plan) < top(&before);
        for lane in &mut self.lanes {
            let spatial = usize::from(lane.size.spatial);
            if plan[spatial].is_none() {
                lane.rest();
            } else if keys >> spatial & 1 == 1 || sinks && top(&plan) == Some(spatial) {
                lane.want_key();
            }
        }
        if before.map(|share| share.is_some()) != plan.map(|share| share.is_some()) {
            tracing::debug!(?plan, total_bps, wanted, "other sizes are sent");
            self.guard.start_over();
        }
        codec
    }

    /// Makes the smaller pictures as far as they are encoded; returns how many of the sizes that takes.
    fn scale(&mut self, picture: &I420) -> usize {
        let deepest = (0..self.lanes.len()).rev().find(|index| self.is_due(*index)).map_or(0, |index| index + 1);
        for index in 1..deepest {
            let factor = self.lanes[index].size.factor;
            let (larger, smaller) = self.copies.split_at_mut(index - 1);
            scale::shrink(larger.last().unwrap_or(picture), factor, &mut smaller[0]);
        }
        deepest
    }

    /// This picture is encoded in this size.
    fn is_due(&self, index: usize) -> bool {
        let share = self.plan[usize::from(self.lanes[index].size.spatial)];
        share.is_some_and(|share| !share.half || self.count.is_multiple_of(2))
    }

    fn encode(&mut self, index: usize, codec: Codec, picture: &I420, at_us: u64, now: Instant) -> Option<Encoded> {
        let picture = index.checked_sub(1).map_or(picture, |copy| &self.copies[copy]);
        let lane = &mut self.lanes[index];
        let spatial = lane.size.spatial;
        let share = self.plan[usize::from(spatial)]?;
        match lane.encode(self.make, codec, share, self.config.fps, (picture, at_us), now) {
            Ok(packet) => packet.map(|packet| Encoded {
                track: Track::Camera,
                layer: Layer { spatial, temporal: packet.temporal },
                key: packet.key,
                discardable: packet.discardable,
                dtx: codec.temporal_layers() == 3,
                capture_us: at_us,
                data: packet.data,
            }),
            Err((error, failures)) => {
                tracing::warn!(%error, spatial, failures, "a picture is not encoded");
                if failures == MOST_FAILURES {
                    tell(&self.wires.events, failed("video encoder", &error.into()));
                }
                None
            }
        }
    }

    /// What the picture cost, and what comes of that.
    fn look_back(&mut self, encoded: bool, shot: &Shot<'_>) {
        let now = clock::now();
        let spent = now.saturating_duration_since(shot.begun);
        if let Some(interval) = shot.interval.filter(|_| encoded) {
            self.judge(now, spent, interval);
        }
        let mut wishes = self.control.lock();
        let wanted = wishes.wanted;
        let figures = &mut wishes.figures;
        figures.sizes = Default::default();
        for size in self.lanes.iter().map(|lane| lane.size) {
            let spatial = usize::from(size.spatial);
            figures.sizes[spatial] = self.plan[spatial].map(|share| (size, share));
        }
        if encoded {
            figures.encode = if figures.encode.is_zero() { spent } else { (figures.encode * 15 + spent) / 16 };
        }
        figures.of_use_bps = self.ladder.of_use_bps(wanted);
        self.short_since = self.ladder.is_short().then(|| self.short_since.unwrap_or(now));
        let short = self.short_since.is_some_and(|since| now.saturating_duration_since(since) >= SHORT);
        figures.limit = if self.guard.cap().limits() { Some(Limit::Computer) } else { short.then_some(Limit::Network) };
    }

    /// A picture that was encoded took this long, while pictures are so far apart.
    fn judge(&mut self, now: Instant, spent: Duration, interval: Duration) {
        let half = self.plan.iter().flatten().all(|share| share.half);
        let interval = interval * if half { 2 } else { 1 };
        let before = self.guard.cap();
        if self.guard.note(now, spent, interval, self.lanes.len()) {
            let cap = self.guard.cap();
            tracing::info!(?before, ?cap, ?spent, "what this computer has time for has changed");
        }
    }
}

#[cfg(test)]
mod tests;
