//! What it takes to be a member of a room: our entry in its roster, and our keys. Made when a room is entered; outlives
//! every link.

use ring::rand::SystemRandom;

use super::CallError;
use super::command::Entry;
use super::session::Identity;
use crate::crypto::frame::{SealError, Sealer};
use crate::crypto::profile::Profile;
use crate::media::video::Codec;
use crate::proto::ParticipantId;
use crate::proto::control::Member;

/// See the module.
pub struct Membership {
    pub identity: Identity,
    pub sealer: Sealer,
    profile: Profile,
}

impl Membership {
    /// Draws a salt, and with it the keys, and the proof that we are ourselves.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(entry: Entry, participant: ParticipantId, muted: bool, camera_off: bool) -> Result<Self, CallError> {
        let sealer = Sealer::new(&entry.secret, &entry.room, participant, &SystemRandom::new())?;
        let codecs = Codec::ALL.iter().map(|codec| *codec as u32).collect();
        let profile = Profile { muted, camera_off, codecs, ..Profile::named(&entry.name) };
        let member = Member {
            participant: participant.0,
            salt: sealer.salt().to_vec().into(),
            epoch: sealer.epoch(),
            profile: sealer.seal_profile(&profile)?.into(),
            ..Member::default()
        };
        let identity = Identity {
            room: entry.room,
            participant,
            token: entry.token.unwrap_or_default(),
            ticket: Default::default(),
            proof: crate::crypto::random::<16>(&SystemRandom::new())?.to_vec().into(),
            member,
        };
        Ok(Self { identity, sealer, profile })
    }

    /// Changes what the others see of us; true where that is something new, to be said on every link.
    ///
    /// # Errors
    /// The key is used up.
    pub fn show(&mut self, muted: bool, camera_off: bool, sharing: bool) -> Result<bool, SealError> {
        let profile = Profile { muted, camera_off, sharing, ..self.profile.clone() };
        if profile == self.profile {
            return Ok(false);
        }
        self.identity.member.profile = self.sealer.seal_profile(&profile)?.into();
        self.profile = profile;
        Ok(true)
    }

    /// Shows our hand as this, 0 for down: to be said on every link.
    ///
    /// # Errors
    /// The key is used up.
    pub fn raise(&mut self, hand: u32) -> Result<(), SealError> {
        let profile = Profile { hand, ..self.profile.clone() };
        self.identity.member.profile = self.sealer.seal_profile(&profile)?.into();
        self.profile = profile;
        Ok(())
    }

    /// Our name, as the others see it.
    pub fn name(&self) -> &str {
        &self.profile.name
    }
}
