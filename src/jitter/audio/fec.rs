//! Whether an Opus packet carries the one before it.

/// True if a 20 ms Opus packet holds an LBRR frame (RFC 6716 sections 3.1 and 4.2.4). Without one a decoder that is asked
/// for FEC conceals instead, which must not count as recovered.
pub(super) fn has_fec(packet: &[u8]) -> bool {
    let Some(&toc) = packet.first() else { return false };
    // SILK at 20 ms is configs 1, 5 and 9, hybrid 13 and 15; CELT alone knows no FEC.
    if !matches!(toc >> 3, 1 | 5 | 9 | 13 | 15) {
        return false;
    }
    let Some(first) = frame_at(packet).and_then(|at| packet.get(at)) else { return false };
    let stereo = toc & 4 != 0;
    // One SILK frame: VAD, LBRR, and the same two for the side channel.
    first & 0x40 != 0 || stereo && first & 0x10 != 0
}

/// Where the only frame begins: behind the TOC byte, or behind count and padding length where the packet is padded
/// (RFC 6716 section 3.2.5).
fn frame_at(packet: &[u8]) -> Option<usize> {
    match (packet.first()? & 3, packet.get(1)) {
        (0, _) => Some(1),
        (3, Some(count)) if count & 0x3F == 1 && count & 0x40 == 0 => Some(2),
        (3, Some(count)) if count & 0x3F == 1 => {
            packet.iter().skip(2).position(|length| *length != 255).map(|last| 2 + last + 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_silk_or_hybrid_packet_with_the_flag_set_recovers_the_one_before() {
        for (packet, expected, why) in [
            (&[0x78, 0xC0, 1, 2][..], true, "hybrid fullband mono, VAD and LBRR"),
            (&[0x78, 0x80, 1, 2][..], false, "hybrid without LBRR"),
            (&[0x48, 0x40, 1][..], true, "SILK wideband 20 ms"),
            (&[0x7C, 0x10, 1][..], true, "the side channel's LBRR"),
            (&[0x7B, 0x41, 3, 0x40, 0, 0, 0][..], true, "padded to a constant size"),
            (&[0x7B, 0x42, 3, 0x40, 0, 0, 0][..], false, "two frames are not a packet of ours"),
            (&[0xF8, 0xFF, 1][..], false, "CELT knows no FEC"),
            (&[0x78][..], false, "an empty frame, as in DTX"),
            (&[][..], false, "nothing"),
        ] {
            assert_eq!(has_fec(packet), expected, "{why}");
        }
    }
}
