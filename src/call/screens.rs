//! Who shares a screen, the newest first. Pure.
//!
//! What counts is when it was first seen here: nobody's clock is asked, and who joins later sees them in the order in
//! which their owners came.

use crate::proto::ParticipantId;

/// See the module.
#[derive(Debug, Default)]
pub struct Screens {
    /// The newest last.
    order: Vec<ParticipantId>,
}

impl Screens {
    /// Takes in who shares now.
    pub fn feed(&mut self, sharing: &[ParticipantId]) {
        self.order.retain(|peer| sharing.contains(peer));
        let new: Vec<_> = sharing.iter().filter(|peer| !self.order.contains(peer)).copied().collect();
        self.order.extend(new);
    }

    /// Everybody who shares.
    pub fn newest_first(&self) -> Vec<ParticipantId> {
        self.order.iter().rev().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_began_last_is_first_and_who_ends_goes() {
        let [ada, ben, emi] = [1, 2, 3].map(ParticipantId);
        let mut screens = Screens::default();
        screens.feed(&[ben]);
        screens.feed(&[ada, ben, emi]);
        assert_eq!(screens.newest_first(), [emi, ada, ben]);
        screens.feed(&[ada, ben]);
        screens.feed(&[ada, ben, emi]);
        assert_eq!(screens.newest_first(), [emi, ada, ben]);
        screens.feed(&[]);
        assert_eq!(screens.newest_first(), []);
    }
}
