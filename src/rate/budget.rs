//! One budget for all that is sent: sound always, the screen before the camera, the camera what is left. Pure; asked by `call`.

/// Sound: 50 packets a second of Opus at 32 kbit/s, each with some 75 bytes of its own: heads of QUIC, WebTransport and the media,
/// and the seal. Without and with the packet before.
const SOUND_BPS: (u64, u64) = (62_000, 110_000);
/// Control, probes and acknowledgements.
const REST_BPS: u64 = 6_000;
/// What is left free, percent: pictures differ in size.
const HEADROOM: u64 = 5;
/// A picture's heads, percent of it.
const HEADS: u64 = 6;
/// A camera below the first is of no use, and is off after this many answers in a row: a queue that drains takes fewer.
const CAMERA_OFF: u64 = 50_000;
const LASTS: u32 = 8;
/// It comes back from here on, after this many.
const CAMERA_AGAIN: u64 = 80_000;
const AGAIN: u32 = 20;
/// Of what pictures get, percent at least for the camera beside a screen, where the screen wants all.
const BESIDE_SCREEN: u64 = 15;

/// What there is to send, bits a second at most; `None` for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    pub sound: bool,
    /// Each packet of sound carries the one before.
    pub doubled: bool,
    pub screen_bps: Option<u64>,
    pub camera_bps: Option<u64>,
}

/// What each gets: the encoder's bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shares {
    pub screen_bps: u64,
    /// 0: no pictures.
    pub camera_bps: u64,
    /// The camera is off because the network does not carry it.
    pub camera_off: bool,
    /// It gets less than it wants, off included.
    pub camera_limited: bool,
}

/// See the module. Remembers that the camera is off, so that it does not flicker.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    camera_off: bool,
    /// Answers in a row that speak for a change.
    change: u32,
}

impl Wants {
    /// What all of it takes on the wire, bits a second.
    pub fn wire_bps(&self) -> u64 {
        let pictures = self.screen_bps.unwrap_or(0) + self.camera_bps.unwrap_or(0);
        self.sound_bps() + REST_BPS + pictures * (100 + HEADS) / 100
    }

    fn sound_bps(&self) -> u64 {
        match (self.sound, self.doubled) {
            (false, _) => 0,
            (true, false) => SOUND_BPS.0,
            (true, true) => SOUND_BPS.1,
        }
    }
}

impl Budget {
    /// Divides a target, some ten times a second.
    pub fn divide(&mut self, target_bps: u64, wants: &Wants) -> Shares {
        let left = (target_bps * (100 - HEADROOM) / 100).saturating_sub(wants.sound_bps() + REST_BPS);
        let pictures = left * 100 / (100 + HEADS);
        let kept = wants.camera_bps.map_or(0, |wanted| wanted.min(pictures * BESIDE_SCREEN / 100));
        let screen_bps = wants.screen_bps.map_or(0, |wanted| wanted.min(pictures - kept));
        let Some(wanted) = wants.camera_bps else {
            *self = Self::default();
            return Shares { screen_bps, ..Shares::default() };
        };
        let camera_bps = wanted.min(pictures - screen_bps);
        self.switch(camera_bps, wanted);
        // What a camera cannot use is the screen's.
        let screen_bps =
            if self.camera_off { wants.screen_bps.map_or(0, |wanted| wanted.min(pictures)) } else { screen_bps };
        Shares {
            screen_bps,
            camera_bps: if self.camera_off { 0 } else { camera_bps },
            camera_off: self.camera_off,
            camera_limited: self.camera_off || camera_bps < wanted,
        }
    }

    fn switch(&mut self, camera_bps: u64, wanted: u64) {
        let (speaks, enough) = if self.camera_off {
            (camera_bps >= CAMERA_AGAIN.min(wanted), AGAIN)
        } else {
            (camera_bps < CAMERA_OFF.min(wanted), LASTS)
        };
        self.change = if speaks { self.change + 1 } else { 0 };
        if self.change >= enough {
            (self.camera_off, self.change) = (!self.camera_off, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Wants = Wants { sound: true, doubled: false, screen_bps: None, camera_bps: Some(1_200_000) };

    #[test]
    fn sound_comes_first_and_the_camera_gets_what_is_left() {
        let share = |target, wants: &Wants| Budget::default().divide(target, wants).camera_bps;
        assert_eq!(share(2_000_000, &CALL), 1_200_000);
        let at_300k = share(300_000, &CALL);
        assert!((190_000..230_000).contains(&at_300k), "{at_300k}");
        assert!(share(300_000, &Wants { doubled: true, ..CALL }) < at_300k - 40_000);
        for target in (0..3_000_000).step_by(10_000) {
            let shares = Budget::default().divide(target, &Wants { screen_bps: Some(1_500_000), ..CALL });
            let wire = SOUND_BPS.0 + (shares.camera_bps + shares.screen_bps) * 106 / 100;
            assert!(wire <= target.max(SOUND_BPS.0), "{shares:?} of {target}");
        }
    }

    #[test]
    fn a_screen_goes_before_the_camera_and_leaves_it_a_little() {
        let wants = Wants { screen_bps: Some(1_500_000), ..CALL };
        let shares = Budget::default().divide(1_000_000, &wants);
        assert!(shares.screen_bps > 5 * shares.camera_bps && shares.camera_bps >= 100_000, "{shares:?}");
        let rich = Budget::default().divide(4_000_000, &wants);
        assert_eq!((rich.screen_bps, rich.camera_bps, rich.camera_limited), (1_500_000, 1_200_000, false));
    }

    #[test]
    fn a_camera_is_off_after_a_while_of_too_little_and_comes_back_after_one_of_enough() {
        let mut budget = Budget::default();
        let low = (1..LASTS).map(|_| budget.divide(110_000, &CALL)).find(|low| low.camera_off || low.camera_bps == 0);
        assert_eq!(low, None, "a queue that drains is no reason");
        let off = budget.divide(110_000, &CALL);
        assert_eq!((off.camera_bps, off.camera_off, off.camera_limited), (0, true, true));
        assert!((1..AGAIN).all(|_| budget.divide(300_000, &CALL).camera_off));
        assert!(!budget.divide(300_000, &CALL).camera_off);
        assert!(!budget.divide(140_000, &CALL).camera_off, "a little less is no reason");
    }

    #[test]
    fn what_is_wanted_is_granted_by_what_it_takes() {
        let target = CALL.wire_bps() * 100 / (100 - HEADROOM) + 1000;
        assert!(!Budget::default().divide(target, &CALL).camera_limited);
    }
}
