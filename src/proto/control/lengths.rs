//! The lengths inside control messages, each against its limit. Called by `decode` alone.

use super::{ClientMessage, Limited, Member, ServerMessage, client_message, server_message, within};
use crate::proto::{DecodeError, limits};

impl Limited for ClientMessage {
    fn check(&self) -> Result<(), DecodeError> {
        use client_message::Body;
        match &self.body {
            Some(Body::Hello(hello)) => {
                within("room", hello.room.len(), limits::ROOM_BYTES)?;
                within("token", hello.token.len(), limits::TOKEN_BYTES)?;
                within("ticket", hello.ticket.len(), limits::TICKET_BYTES)?;
                within("agent", hello.agent.len(), limits::NAME_BYTES)?;
                within("proof", hello.proof.len(), limits::PROOF_BYTES.1)
            }
            Some(Body::Join(join)) => join.member.iter().try_for_each(check_member),
            Some(Body::Subscribe(subscribe)) => {
                within("wishes", subscribe.wishes.len(), limits::WISHES)?;
                within("frames to resume from", subscribe.resume.len(), limits::WISHES)
            }
            Some(Body::Sealed(sealed)) => within("sealed message", sealed.payload.len(), limits::SEALED_BYTES),
            Some(Body::ElectionReport(report)) => report.check(),
            Some(Body::Moderate(moderate)) => moderate.check(),
            _ => Ok(()),
        }
    }
}

impl Limited for ServerMessage {
    fn check(&self) -> Result<(), DecodeError> {
        use server_message::Body;
        match &self.body {
            Some(Body::Welcome(welcome)) => {
                within("ticket", welcome.ticket.len(), limits::TICKET_BYTES)?;
                welcome.relay.iter().try_for_each(|relay| {
                    [&relay.id, &relay.region, &relay.provider]
                        .into_iter()
                        .try_for_each(|name| within("relay name", name.len(), limits::NAME_BYTES))
                })
            }
            Some(Body::Joined(joined)) => {
                within("roster", joined.members.len(), limits::MEMBERS)?;
                joined.members.iter().try_for_each(check_member)
            }
            Some(Body::MemberChanged(changed)) => changed.member.iter().try_for_each(check_member),
            Some(Body::Sealed(sealed)) => within("sealed message", sealed.payload.len(), limits::SEALED_BYTES),
            Some(Body::Moderated(moderated)) => moderated.check(),
            _ => Ok(()),
        }
    }
}

fn check_member(member: &Member) -> Result<(), DecodeError> {
    within("salt", member.salt.len(), limits::SALT_BYTES)?;
    within("public key", member.public_key.len(), limits::PUBLIC_KEY_BYTES)?;
    within("profile", member.profile.len(), limits::PROFILE_BYTES)?;
    within("stamp", member.stamp.len(), limits::SALT_BYTES)?;
    within("user", member.user.len(), limits::ROOM_BYTES)
}
