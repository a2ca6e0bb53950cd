//! What is sealed opens for the right receiver, unchanged, and for nobody else.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ring::rand::SystemRandom;
use sframe::frame::EncryptedFrameView;

use super::*;
use crate::proto::Layer;

const ME: ParticipantId = ParticipantId(0x0102_0304_0506_0708);

fn secret() -> RoomSecret {
    RoomSecret::from([0x5A; 32])
}

fn pair() -> (Sealer, Opener) {
    let sealer = Sealer::new(&secret(), "room", ME, &SystemRandom::new()).unwrap();
    let opener = Opener::new(&secret(), "room", ME, sealer.salt());
    (sealer, opener)
}

fn header(track: Track) -> MediaHeader {
    MediaHeader {
        track,
        layer: Layer { spatial: 0, temporal: 0 },
        key: true,
        discardable: false,
        dtx: false,
        participant: ME,
        frame: 7,
        since_key: 0,
        capture_us: 123_456_789,
    }
}

#[test]
fn what_is_sealed_opens_for_every_track_and_length() {
    let (sealer, opener) = pair();
    for track in Track::ALL {
        for len in [0, 1, 160, 60_000] {
            let payload = vec![0xC3; len];
            let sealed = sealer.seal(&header(track), &payload).unwrap();
            assert_eq!(opener.open(&header(track), &sealed).unwrap(), payload);
        }
    }
}

#[test]
fn a_stranger_with_a_library_for_rfc_9605_opens_it_from_the_documented_keys() {
    let (sealer, _) = pair();
    let head = header(Track::Camera);
    let sealed = sealer.seal(&head, b"picture").unwrap();
    let kid = 1u64;
    let info = [&b"nearcall v1 frame"[..], b"room", &ME.0.to_be_bytes(), &kid.to_be_bytes()].concat();
    let base: [u8; 32] = super::super::derive(sealer.salt(), &[0x5A; 32], &[&info]);
    let key = DecryptionKey::derive_from(SUITE, kid, base).unwrap();
    let metadata = head.to_bytes();
    let frame = EncryptedFrameView::try_with_meta_data(&sealed, &metadata).unwrap();
    assert_eq!((frame.header().key_id(), frame.header().counter()), (kid, 0));
    assert_eq!(frame.decrypt(&key).unwrap().payload(), b"picture");
}

#[test]
fn sealing_adds_17_bytes_at_first_and_21_at_most() {
    let (sealer, _) = pair();
    assert_eq!(sealer.seal(&header(Track::Microphone), &[0; 80]).unwrap().len(), 80 + 17);
    sealer.streams.microphone.counter.store(FRAMES_PER_KEY - 1, Ordering::Relaxed);
    assert_eq!(sealer.seal(&header(Track::Microphone), &[0; 80]).unwrap().len(), 80 + 21);
    let largest = SframeHeader::new(key_id(u32::MAX, Stream::Profile), FRAMES_PER_KEY - 1);
    assert_eq!(largest.len() + TAG, OVERHEAD);
}

#[test]
fn counters_never_repeat_from_many_threads_and_layers() {
    let (sealer, _) = pair();
    let counters: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4u8)
            .map(|n| {
                let sealer = &sealer;
                scope.spawn(move || {
                    let head = MediaHeader { layer: Layer { spatial: n % 3, temporal: 0 }, ..header(Track::Camera) };
                    let sealed = |_| sealer.seal(&head, b"x").unwrap();
                    (0..500).map(sealed).map(|frame| SframeHeader::deserialize(frame).unwrap().counter()).collect()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread: std::thread::ScopedJoinHandle<'_, Vec<u64>>| thread.join().unwrap())
            .collect()
    });
    assert_eq!(counters.iter().collect::<BTreeSet<_>>().len(), 2000);
    assert_eq!(counters.iter().max(), Some(&1999));
}

#[test]
fn a_used_up_key_refuses_instead_of_starting_again() {
    let (sealer, _) = pair();
    sealer.streams.control.counter.store(FRAMES_PER_KEY - 1, Ordering::Relaxed);
    assert!(sealer.seal_control(b"last").is_ok());
    assert_eq!(sealer.seal_control(b"more"), Err(SealError::Exhausted));
    assert_eq!(sealer.seal_control(b"more"), Err(SealError::Exhausted));
    assert!(sealer.seal(&header(Track::Camera), b"x").is_ok());
}

#[test]
fn joining_again_takes_new_keys() {
    let (one, _) = pair();
    let (two, _) = pair();
    assert_ne!(one.salt(), two.salt());
    let head = header(Track::Camera);
    assert_ne!(one.seal(&head, b"same").unwrap(), two.seal(&head, b"same").unwrap());
}

#[test]
fn another_secret_room_participant_or_salt_does_not_open_it() {
    let (sealer, _) = pair();
    let salt = *sealer.salt();
    let other = ParticipantId(9);
    let head = header(Track::Camera);
    let sealed = sealer.seal(&head, b"picture").unwrap();
    let control = sealer.seal_control(b"hello").unwrap();
    let profile = sealer.seal_profile(&Profile::named("Zoë")).unwrap();
    for opener in [
        Opener::new(&RoomSecret::of_room("room"), "room", ME, &salt),
        Opener::new(&secret(), "moor", ME, &salt),
        Opener::new(&secret(), "room", ME, &[0; 16]),
        Opener::new(&secret(), "room", other, &salt),
    ] {
        assert_eq!(opener.open(&head, &sealed), Err(OpenError::Forged));
        assert_eq!(opener.open(&MediaHeader { participant: other, ..head }, &sealed), Err(OpenError::Forged));
        assert_eq!(opener.open_control(&control), Err(OpenError::Forged));
        assert_eq!(opener.open_profile(&profile), Err(OpenError::Forged));
    }
}

#[test]
fn every_field_of_the_header_is_bound() {
    let (sealer, opener) = pair();
    let head = header(Track::Camera);
    let sealed = sealer.seal(&head, b"picture").unwrap();
    for changed in [
        MediaHeader { track: Track::Screen, ..head },
        MediaHeader { track: Track::Microphone, ..head },
        MediaHeader { layer: Layer { spatial: 1, temporal: 0 }, ..head },
        MediaHeader { key: false, ..head },
        MediaHeader { discardable: true, ..head },
        MediaHeader { dtx: true, ..head },
        MediaHeader { participant: ParticipantId(9), ..head },
        MediaHeader { frame: 8, ..head },
        MediaHeader { since_key: 1, ..head },
        MediaHeader { capture_us: 0, ..head },
    ] {
        assert_eq!(opener.open(&changed, &sealed), Err(OpenError::Forged), "{changed:?}");
    }
}

#[test]
fn media_control_and_profiles_do_not_stand_in_for_one_another() {
    let (sealer, opener) = pair();
    let control = sealer.seal_control(b"hello").unwrap();
    let profile = sealer.seal_profile(&Profile::named("Zoë")).unwrap();
    assert_eq!(opener.open_profile(&control), Err(OpenError::Forged));
    assert_eq!(opener.open_control(&profile), Err(OpenError::Forged));
    assert_eq!(opener.open(&header(Track::Camera), &control), Err(OpenError::Forged));
}

#[test]
fn an_unknown_epoch_has_no_key() {
    let (sealer, opener) = pair();
    let body = sealer.seal_control(b"hello").unwrap();
    for kid in [key_id(1, Stream::Control), key_id(u32::MAX, Stream::Control), u64::MAX] {
        let sealed = [Vec::from(&SframeHeader::new(kid, 0)), body[1..].to_vec()].concat();
        assert_eq!(opener.open_control(&sealed), Err(OpenError::NoKey), "{kid:x}");
    }
}

#[test]
fn control_messages_are_numbered_so_that_a_repeated_one_is_told() {
    let (sealer, opener) = pair();
    let sealed = [sealer.seal_control(b"a").unwrap(), sealer.seal_control(b"b").unwrap()];
    let opened = sealed.map(|bytes| opener.open_control(&bytes).unwrap());
    assert_eq!(opened[0], Control { sequence: 0, payload: b"a".to_vec() });
    assert_eq!(opened[1], Control { sequence: 1, payload: b"b".to_vec() });
}

#[test]
fn a_profile_is_clean_on_both_sides_and_fits_its_limit() {
    let (sealer, opener) = pair();
    let sealed =
        sealer.seal_profile(&Profile { name: format!(" {}\n", "𝄞".repeat(100)), ..Profile::default() }).unwrap();
    assert!(sealed.len() <= limits::PROFILE_BYTES);
    assert_eq!(opener.open_profile(&sealed).unwrap().name, "𝄞".repeat(64));
    let dirty = Profile { name: "a\u{202E}\n".repeat(50), ..Profile::default() }.encode_to_vec();
    let sealed = sealer.seal_stream(Stream::Profile, &sealer.bound, &dirty, 1024).unwrap();
    assert_eq!(opener.open_profile(&sealed).unwrap().name, "a".repeat(50));
    let nonsense = sealer.seal_stream(Stream::Profile, &sealer.bound, &[0xFF; 9], 1024).unwrap();
    assert_eq!(opener.open_profile(&nonsense), Err(OpenError::Malformed));
}

#[test]
fn what_is_too_long_or_not_ours_is_not_sealed() {
    let (sealer, _) = pair();
    let other = MediaHeader { participant: ParticipantId(9), ..header(Track::Camera) };
    assert_eq!(sealer.seal(&other, b"x"), Err(SealError::Participant(ParticipantId(9))));
    let max = limits::SEALED_BYTES - OVERHEAD;
    assert!(sealer.seal_control(&vec![0; max]).unwrap().len() <= limits::SEALED_BYTES);
    assert_eq!(sealer.seal_control(&vec![0; max + 1]), Err(SealError::TooLong { len: max + 1, max }));
    let huge = vec![0; limits::VIDEO_FRAME_BYTES];
    assert!(matches!(sealer.seal(&header(Track::Camera), &huge), Err(SealError::TooLong { .. })));
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_error() {
    let (sealer, opener) = pair();
    sealer.streams.camera.counter.store(70_000, Ordering::Relaxed);
    let head = header(Track::Camera);
    let sealed = sealer.seal(&head, b"a small picture").unwrap();
    for len in 0..sealed.len() {
        assert!(opener.open(&head, &sealed[..len]).is_err(), "{len}");
    }
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(opener.open(&head, &changed).is_err(), "{bit}");
    }
    assert_eq!(opener.open(&head, &[]), Err(OpenError::Malformed));
}

#[test]
fn debug_shows_no_key() {
    let (sealer, opener) = pair();
    assert_eq!(format!("{sealer:?}"), "Sealer { participant: ParticipantId(72623859790382856), .. }");
    assert_eq!(format!("{opener:?}"), "Opener { participant: ParticipantId(72623859790382856), .. }");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let (_, opener) = pair();
        prop_assert!(opener.open(&header(Track::Microphone), &bytes).is_err());
        prop_assert!(opener.open_control(&bytes).is_err());
        prop_assert!(opener.open_profile(&bytes).is_err());
    }

    #[test]
    fn any_payload_round_trips(payload in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (sealer, opener) = pair();
        let sealed = sealer.seal(&header(Track::Screen), &payload).unwrap();
        prop_assert_eq!(opener.open(&header(Track::Screen), &sealed).unwrap(), payload);
    }
}
