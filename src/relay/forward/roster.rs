//! Who is in a room, as one who joins is told.

use prost::Message as _;

use super::send;
use crate::net::LinkSender;
use crate::proto::control::{Joined, Member, MemberChanged, server_message};
use crate::proto::limits;

/// Members in one `Joined`, bytes: what frames them in it has room besides.
const BYTES: usize = limits::CONTROL_BYTES - 64;
/// What frames one member, bytes: a tag and a length.
const FRAME: usize = 4;

/// Tells the whole roster: in `Joined` as many as one message holds, the others one by one behind it.
pub(super) fn tell(to: &LinkSender, members: Vec<Member>) {
    messages(members).for_each(|body| send(to, body));
}

fn messages(mut members: Vec<Member>) -> impl Iterator<Item = server_message::Body> {
    let mut bytes = 0;
    let fitting = members.iter().take_while(|member| {
        bytes += FRAME + member.encoded_len();
        bytes <= BYTES
    });
    let rest = members.split_off(fitting.count());
    let changed = |member| server_message::Body::MemberChanged(MemberChanged { member: Some(member) });
    std::iter::once(server_message::Body::Joined(Joined { members })).chain(rest.into_iter().map(changed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::control::{ServerMessage, decode, encode};

    fn member(participant: u64, bytes: usize) -> Member {
        Member { participant, profile: vec![7; bytes].into(), ..Member::default() }
    }

    #[test]
    fn a_full_room_of_long_profiles_can_be_read_by_who_joins() {
        for bytes in [0, 230, 250, limits::PROFILE_BYTES] {
            let members: Vec<_> = (1..=limits::MEMBERS as u64).map(|it| member(it, bytes)).collect();
            let mut heard = Vec::new();
            for (index, body) in messages(members.clone()).enumerate() {
                let message: ServerMessage = decode(&encode(&ServerMessage { body: Some(body) })).unwrap();
                match message.body.unwrap() {
                    server_message::Body::Joined(joined) if index == 0 => heard.extend(joined.members),
                    server_message::Body::MemberChanged(changed) if index > 0 => heard.extend(changed.member),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(heard, members, "{bytes}");
        }
    }

    #[test]
    fn a_room_of_common_size_is_told_at_once() {
        assert_eq!(messages((1..=100).map(|it| member(it, 200)).collect()).count(), 1);
        assert_eq!(messages(Vec::new()).count(), 1);
    }
}
