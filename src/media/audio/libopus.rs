//! A decoder of libopus (RFC 6716) with its complexity set, for which the crate `opus` has no call: from 5 on a lost
//! frame is made up by a neural network ("deep PLC"; the weights are compiled in). The only place of this module that
//! calls C.

use opusic_sys as sys;

use super::RATE;

/// One mono decoder at 48 kHz.
#[derive(Debug)]
pub struct RawDecoder(std::ptr::NonNull<sys::OpusDecoder>);

/// What libopus answers with where it refuses: one of `OPUS_BAD_ARG` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("libopus says {0}")]
pub struct Refusal(i32);

#[expect(unsafe_code, reason = "libopus is C")]
// SAFETY: a decoder's state belongs to no thread, and nobody else has the pointer.
unsafe impl Send for RawDecoder {}

#[expect(unsafe_code, reason = "libopus is C")]
impl RawDecoder {
    /// A decoder of a complexity in 0..=10.
    ///
    /// # Errors
    /// Out of memory, or a complexity out of range.
    pub fn new(complexity: i32) -> Result<Self, Refusal> {
        let mut error = 0;
        // SAFETY: rate and channels are values, and `error` outlives the call.
        let state = unsafe { sys::opus_decoder_create(RATE as i32, 1, &raw mut error) };
        let decoder = Self(std::ptr::NonNull::new(state).ok_or(Refusal(error))?);
        // SAFETY: the state is a live decoder, and this request takes one `opus_int32`.
        check(unsafe { sys::opus_decoder_ctl(decoder.0.as_ptr(), sys::OPUS_SET_COMPLEXITY_REQUEST, complexity) })?;
        Ok(decoder)
    }

    /// Decodes a packet into `out` and tells how many samples it made. No packet: makes up as many as `out` holds, which
    /// must be a multiple of 2.5 ms. With `fec` the frame before the packet, from its redundancy.
    ///
    /// # Errors
    /// Not an Opus packet, or one of more samples than `out` holds.
    pub fn decode(&mut self, packet: &[u8], out: &mut [f32], fec: bool) -> Result<usize, Refusal> {
        let data = if packet.is_empty() { std::ptr::null() } else { packet.as_ptr() };
        let (len, room) = (clamped(packet.len()), clamped(out.len()));
        // SAFETY: the state is a live decoder; `data` holds `len` bytes or is null, which says that a packet is lost;
        // `out` has room for `room` samples of the one channel.
        check(unsafe { sys::opus_decode_float(self.0.as_ptr(), data, len, out.as_mut_ptr(), room, fec.into()) })
    }
}

#[expect(unsafe_code, reason = "libopus is C")]
impl Drop for RawDecoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_decoder_create`, and let go of here alone.
        unsafe { sys::opus_decoder_destroy(self.0.as_ptr()) }
    }
}

fn clamped(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

fn check(answer: i32) -> Result<usize, Refusal> {
    usize::try_from(answer).map_err(|_| Refusal(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complexity_that_does_not_exist_is_refused() {
        assert!(RawDecoder::new(11).is_err());
        assert!(RawDecoder::new(-1).is_err());
    }

    #[test]
    fn what_is_no_packet_is_an_error_and_a_lost_one_is_not() {
        let mut decoder = RawDecoder::new(7).unwrap();
        let mut out = [0.0; 960];
        assert!(decoder.decode(&[0xff; 7], &mut out, false).is_err());
        assert_eq!(decoder.decode(&[], &mut out, false), Ok(960));
        assert_eq!(decoder.decode(&[], &mut out[..480], false), Ok(480));
    }
}
