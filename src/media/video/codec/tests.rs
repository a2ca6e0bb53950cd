//! What holds for every codec that is built in.

use proptest::prelude::*;

use super::*;
use crate::media::video::pattern::Pattern;
use crate::media::video::{PictureSource, barcode};
use crate::proto::Layer;

fn config(bitrate_bps: u32) -> VideoConfig {
    VideoConfig { bitrate_bps, ..VideoConfig::pattern() }
}

fn encoder(codec: Codec, bitrate_bps: u32) -> Box<dyn VideoEncoder> {
    codec.encoder(&config(bitrate_bps)).unwrap()
}

/// Packets of frames `numbers` of the pattern at 640x360.
fn packets(codec: Codec, bitrate_bps: u32, numbers: std::ops::Range<u64>) -> Vec<Packet> {
    let mut encoder = encoder(codec, bitrate_bps);
    let mut pattern = Pattern::new(640, 360);
    let mut picture = I420::black(2, 2);
    numbers
        .map(|number| {
            pattern.draw(number, &mut picture).unwrap();
            encoder.encode(&picture, number * 33_333, false).unwrap().expect("no frame is skipped")
        })
        .collect()
}

fn seen(decoder: &mut dyn VideoDecoder, packet: &Packet) -> Option<u32> {
    barcode::read(&decoder.decode(&packet.data).ok().flatten()?.view())
}

/// The next of a row of noisy pictures.
fn stir(picture: &mut I420, seed: &mut u32) {
    for pixel in picture.planes_mut()[0].iter_mut().step_by(3) {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *pixel = 60 + (*seed >> 26) as u8;
    }
}

#[test]
fn every_number_of_the_pattern_survives_150_kbit_s() {
    for codec in Codec::ALL {
        let packets = packets(*codec, 150_000, 0..300);
        let bits: usize = packets[30..].iter().map(|packet| packet.data.len() * 8).sum();
        assert!(bits < 9 * 300_000, "{codec:?}: {bits} bits in nine seconds");
        assert!(packets[0].key && packets[1..].iter().all(|packet| !packet.key), "{codec:?}");
        let mut decoder = codec.decoder().unwrap();
        for (number, packet) in packets.iter().enumerate() {
            assert_eq!(seen(decoder.as_mut(), packet), Some(number as u32), "{codec:?}");
        }
    }
}

#[test]
fn a_coded_picture_says_what_it_is() {
    for codec in Codec::ALL {
        assert!(packets(*codec, 300_000, 0..9).iter().all(|packet| Codec::of(&packet.data) == Some(*codec)));
        assert_eq!(codec.name().parse(), Ok(*codec));
    }
    assert_eq!([Codec::of(&[]), Codec::of(&[1, 0]), Codec::of(&[200])], [None; 3]);
    assert!("h265".parse::<Codec>().is_err());
}

#[test]
fn what_is_wished_is_sent_where_everybody_reads_it() {
    for codec in Codec::ALL {
        let number = *codec as u32;
        assert_eq!(Codec::for_all(*codec, [&[1, number, 9][..], &[number]].into_iter()), *codec);
        assert_eq!(Codec::for_all(*codec, [&[1, number][..], &[]].into_iter()), Codec::H264);
        assert_eq!(Codec::for_all(*codec, std::iter::empty()), *codec);
    }
}

/// Temporal layers as receivers and relays know them: a place in four, from a key frame on, says what a frame is.
#[test]
fn temporal_layers_begin_anew_at_each_key_frame_and_after_a_change_of_size() {
    for codec in Codec::ALL {
        let mut encoder = encoder(*codec, 500_000);
        let mut picture = I420::black(2, 2);
        let mut since_key = 0;
        for number in 0..200_u64 {
            let (width, height) = if number < 120 { (320, 180) } else { (480, 270) };
            Pattern::new(width, height).draw(number, &mut picture).unwrap();
            let packet = encoder.encode(&picture, number * 33_333, [31, 66, 67].contains(&number)).unwrap().unwrap();
            assert_eq!(packet.key, [0, 31, 66, 67, 120].contains(&number), "{codec:?} {number}");
            since_key = if packet.key { 0 } else { since_key + 1 };
            let layers = if codec.temporal_layers() == 1 { [0; 4] } else { [0, 2, 1, 2] };
            let layers = layers.map(|temporal| (temporal, temporal == Layer::MAX_TEMPORAL));
            assert_eq!((packet.temporal, packet.discardable), layers[since_key % 4], "{codec:?} {number}");
        }
    }
}

#[test]
fn each_number_is_read_of_what_is_left_when_the_upper_layers_are_dropped() {
    for codec in Codec::ALL {
        let packets = packets(*codec, 300_000, 0..120);
        for most in 0..=Layer::MAX_TEMPORAL {
            let mut decoder = codec.decoder().unwrap();
            let kept = packets.iter().enumerate().filter(|(_, packet)| packet.temporal <= most);
            let mut count = 0;
            for (number, packet) in kept {
                assert_eq!(seen(decoder.as_mut(), packet), Some(number as u32), "{codec:?} up to {most}");
                count += 1;
            }
            let expected = if codec.temporal_layers() == 1 { 120 } else { 30 << most };
            assert_eq!(count, expected, "{codec:?} up to {most}");
        }
    }
}

#[test]
fn a_lost_reference_gives_no_picture_of_h264_until_the_next_key_frame() {
    {
        let codec = &Codec::H264;
        let (mut encoder, mut decoder) = (encoder(*codec, 500_000), codec.decoder().unwrap());
        let mut pattern = Pattern::new(320, 180);
        let mut picture = I420::black(2, 2);
        for number in 0..40 {
            pattern.draw(number, &mut picture).unwrap();
            let packet = encoder.encode(&picture, number * 33_333, number == 30).unwrap().unwrap();
            assert_eq!(packet.key, number == 0 || number == 30);
            // A base frame.
            if number == 12 {
                continue;
            }
            let decoded = decoder.decode(&packet.data);
            let whole = matches!(decoded, Ok(Some(_)));
            assert_eq!(whole, !(12..30).contains(&number), "{codec:?} frame {number}");
        }
    }
}

#[test]
fn the_rate_follows_down_and_up_and_beyond_where_it_began() {
    for codec in Codec::ALL {
        let mut encoder = encoder(*codec, 300_000);
        let (mut noise, mut seed) = (I420::black(320, 180), 1);
        let mut rates = Vec::new();
        for (phase, bps) in [300_000, 100_000, 900_000].into_iter().enumerate() {
            if phase > 0 {
                encoder.set_bitrate(bps).unwrap();
            }
            let mut bytes = 0;
            for frame in 0..90 {
                stir(&mut noise, &mut seed);
                let at_us = (phase as u64 * 90 + frame) * 33_333;
                let packet = encoder.encode(&noise, at_us, false).unwrap().unwrap();
                bytes += if frame >= 30 { packet.data.len() } else { 0 };
            }
            rates.push(bytes * 8 / 2);
        }
        assert!(rates[1] < rates[0] * 2 / 3 && rates[2] > rates[0] * 3 / 2, "{codec:?}: {rates:?}");
    }
}

#[test]
fn at_half_the_pictures_each_has_twice_the_bits() {
    for codec in Codec::ALL {
        let mut encoder = encoder(*codec, 200_000);
        let (mut noise, mut seed) = (I420::black(320, 180), 1);
        let mut means = Vec::new();
        for (phase, fps) in [30, 15, 30].into_iter().enumerate() {
            encoder.set_fps(fps).unwrap();
            let mut bytes = 0;
            for frame in 0..120 {
                stir(&mut noise, &mut seed);
                let at_us = phase as u64 * 10_000_000 + frame * 1_000_000 / u64::from(fps);
                let packet = encoder.encode(&noise, at_us, false).unwrap().unwrap();
                bytes += if frame >= 40 { packet.data.len() } else { 0 };
            }
            means.push(bytes / 80);
        }
        let wanted = 200_000 / 8 / 30;
        assert!(means[1] > means[0] * 3 / 2 && means[2] < means[1] * 2 / 3, "{codec:?}: {means:?} of {wanted}");
    }
}

#[test]
fn a_new_size_gives_a_key_frame_and_decodes() {
    for codec in Codec::ALL {
        let (mut encoder, mut decoder) = (encoder(*codec, 500_000), codec.decoder().unwrap());
        for (number, (width, height)) in [(320, 180), (640, 360), (160, 90), (426, 240)].into_iter().enumerate() {
            let mut picture = I420::black(2, 2);
            Pattern::new(width, height).draw(number as u64, &mut picture).unwrap();
            let packet = encoder.encode(&picture, number as u64 * 33_333, false).unwrap().unwrap();
            assert!(packet.key);
            let decoded = decoder.decode(&packet.data).unwrap().unwrap();
            assert_eq!((decoded.width(), decoded.height()), (width, height));
            assert_eq!(barcode::read(&decoded.view()), Some(number as u32), "{codec:?}");
        }
    }
}

#[test]
fn a_picture_that_cannot_be_encoded_is_an_error() {
    for codec in Codec::ALL {
        let mut encoder = encoder(*codec, 500_000);
        assert!(encoder.encode(&I420::black(8, 8), 0, true).is_err());
        encoder.set_bitrate(100_000).unwrap();
        encoder.set_fps(15).unwrap();
        assert!(encoder.encode(&I420::black(16, 16), 0, true).unwrap().unwrap().key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn hostile_bytes_give_an_error_or_a_picture_and_never_a_panic(
        junk in proptest::collection::vec(any::<u8>(), 0..2000),
        cut in 0usize..6000,
        flips in proptest::collection::vec((0usize..6000, any::<u8>()), 0..20),
    ) {
        for codec in Codec::ALL {
            let good = packets(*codec, 500_000, 0..4);
            let mut decoder = codec.decoder().unwrap();
            let _ = decoder.decode(&junk);
            for packet in &good {
                let mut bytes = packet.data.to_vec();
                for (at, value) in &flips {
                    let len = bytes.len();
                    bytes[at % len] ^= value;
                }
                let _ = decoder.decode(&bytes);
                let _ = decoder.decode(&packet.data[..cut.min(packet.data.len())]);
                let _ = decoder.decode(&[&[0, 0, 0, 1], &junk[..]].concat());
                let _ = decoder.decode(&[&packet.data[..1], &junk[..]].concat());
            }
        }
    }
}
