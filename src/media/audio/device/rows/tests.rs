//! Lists as ALSA gives them on a laptop, and the rows that a person should see.

use super::*;

const PCH: &str = "HDA Intel PCH, ALC257 Analog";
const DIGITAL: &str = "HDA Intel PCH, ALC257 Digital";
const HDMI: [&str; 2] = ["HDA Intel PCH, HDMI 0", "HDA Intel PCH, HDMI 1"];
const HEADSET: &str = "Jabra EVOLVE 30 II, USB Audio";

/// What is listed in both directions and in one: `<` captures, `>` plays, `=` both.
fn laptop() -> Vec<(char, &'static str, &'static str)> {
    vec![
        ('=', "null", "Discard all samples (playback) or generate zero samples (capture)"),
        ('=', "lavrate", "Rate Converter Plugin Using Libav/FFmpeg Library"),
        ('=', "upmix", "Plugin for channel upmix (4,6,8)"),
        ('=', "jack", "JACK Audio Connection Kit"),
        ('=', "pipewire", "PipeWire Sound Server"),
        ('=', "pulse", "PulseAudio Sound Server"),
        ('=', "default", "Default ALSA Output (currently PipeWire Media Server)"),
        ('>', "hw:CARD=HDMI,DEV=3", "HDA ATI HDMI, LG TV"),
        ('>', "plughw:CARD=HDMI,DEV=3", "HDA ATI HDMI, LG TV"),
        ('=', "sysdefault:CARD=HDMI", "HDA ATI HDMI, LG TV"),
        ('>', "hdmi:CARD=HDMI,DEV=0", "HDA ATI HDMI, LG TV"),
        ('>', "dmix:CARD=HDMI,DEV=3", "HDA ATI HDMI, LG TV"),
        ('=', "usbstream:CARD=HDMI", "HDA ATI HDMI"),
        ('=', "hw:CARD=PCH,DEV=0", PCH),
        ('>', "hw:CARD=PCH,DEV=1", DIGITAL),
        ('>', "hw:CARD=PCH,DEV=3", HDMI[0]),
        ('>', "hw:CARD=PCH,DEV=7", HDMI[1]),
        ('=', "plughw:CARD=PCH,DEV=0", PCH),
        ('>', "plughw:CARD=PCH,DEV=1", DIGITAL),
        ('>', "plughw:CARD=PCH,DEV=3", HDMI[0]),
        ('>', "plughw:CARD=PCH,DEV=7", HDMI[1]),
        ('=', "sysdefault:CARD=PCH", PCH),
        ('=', "front:CARD=PCH,DEV=0", PCH),
        ('>', "surround21:CARD=PCH,DEV=0", PCH),
        ('>', "surround51:CARD=PCH,DEV=0", PCH),
        ('>', "surround71:CARD=PCH,DEV=0", PCH),
        ('>', "iec958:CARD=PCH,DEV=0", DIGITAL),
        ('>', "hdmi:CARD=PCH,DEV=0", HDMI[0]),
        ('>', "hdmi:CARD=PCH,DEV=1", HDMI[1]),
        ('>', "dmix:CARD=PCH,DEV=0", PCH),
        ('<', "dsnoop:CARD=PCH,DEV=0", PCH),
        ('=', "usbstream:CARD=PCH", "HDA Intel PCH"),
        ('=', "hw:CARD=II,DEV=0", HEADSET),
        ('=', "plughw:CARD=II,DEV=0", HEADSET),
        ('=', "sysdefault:CARD=II", HEADSET),
        ('>', "front:CARD=II,DEV=0", HEADSET),
        ('>', "surround40:CARD=II,DEV=0", HEADSET),
        ('>', "iec958:CARD=II,DEV=0", HEADSET),
        ('=', "usbstream:CARD=II", "Jabra EVOLVE 30 II"),
        ('>', "hw:CARD=0,DEV=3", "HDA ATI HDMI, LG TV"),
        ('>', "plughw:CARD=0,DEV=3", "HDA ATI HDMI, LG TV"),
        ('=', "hw:CARD=1,DEV=0", PCH),
        ('=', "plughw:CARD=1,DEV=0", PCH),
        ('>', "hw:CARD=1,DEV=1", DIGITAL),
        ('>', "plughw:CARD=1,DEV=1", DIGITAL),
        ('=', "hw:CARD=2,DEV=0", HEADSET),
        ('=', "plughw:CARD=2,DEV=0", HEADSET),
    ]
}

fn cards() -> BTreeMap<String, String> {
    [("0", "HDMI"), ("1", "PCH"), ("2", "II")].map(|(number, id)| (number.into(), id.into())).into()
}

fn listed(all: &[(char, &str, &str)], way: char) -> Vec<Listed> {
    all.iter()
        .map(|(goes, id, name)| Listed { id: (*id).into(), name: (*name).into(), fits: *goes == '=' || *goes == way })
        .collect()
}

fn shown(all: &[(char, &str, &str)], way: char, cards: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let listed = listed(all, way);
    rows(&listed, cards).into_iter().map(|row| (listed[row.at].id.clone(), row.name)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn a_laptop_with_a_headset_shows_each_device_once_by_the_name_that_shares_it() {
    let servers = [
        ("pipewire", "PipeWire Sound Server"),
        ("pulse", "PulseAudio Sound Server"),
        ("default", "Default ALSA Output (currently PipeWire Media Server)"),
    ];
    let speakers = [
        ("plughw:CARD=HDMI,DEV=3", "HDA ATI HDMI"),
        ("sysdefault:CARD=PCH", PCH),
        ("plughw:CARD=PCH,DEV=1", DIGITAL),
        ("plughw:CARD=PCH,DEV=3", HDMI[0]),
        ("plughw:CARD=PCH,DEV=7", HDMI[1]),
        ("sysdefault:CARD=II", "Jabra EVOLVE 30 II"),
    ];
    assert_eq!(shown(&laptop(), '>', &cards()), pairs(&[&servers[..], &speakers].concat()));
    let microphones = [("sysdefault:CARD=PCH", "HDA Intel PCH"), ("sysdefault:CARD=II", "Jabra EVOLVE 30 II")];
    assert_eq!(shown(&laptop(), '<', &cards()), pairs(&[&servers[..], &microphones].concat()));
}

#[test]
fn every_name_of_a_device_leads_to_its_row() {
    let listed = listed(&laptop(), '>');
    let rows = rows(&listed, &cards());
    for id in ["hw:CARD=II,DEV=0", "plughw:CARD=2,DEV=0", "front:CARD=II,DEV=0", "surround40:CARD=II,DEV=0"] {
        let at = listed.iter().position(|listed| listed.id == id).unwrap();
        let row = rows.iter().find(|row| row.all.contains(&at)).unwrap();
        assert_eq!(row.name, "Jabra EVOLVE 30 II", "{id}");
    }
}

#[test]
fn lists_as_other_systems_give_them_are_told_apart() {
    type Row = (char, &'static str, &'static str);
    type Case<'a> = (&'a [Row], char, &'a [(&'a str, &'a str)]);
    let twins: [Row; 4] = [
        ('=', "plughw:CARD=Headset,DEV=0", "USB Headset, USB Audio"),
        ('=', "sysdefault:CARD=Headset", "USB Headset, USB Audio"),
        ('=', "plughw:CARD=Headset_1,DEV=0", "USB Headset, USB Audio"),
        ('=', "sysdefault:CARD=Headset_1", "USB Headset, USB Audio"),
    ];
    // Where hints do not show hardware, its numbers do.
    let numbers: [Row; 4] = [
        ('=', "sysdefault:CARD=PCH", PCH),
        ('=', "front:CARD=PCH,DEV=0", PCH),
        ('=', "hw:CARD=1,DEV=0", PCH),
        ('=', "plughw:CARD=1,DEV=0", PCH),
    ];
    let alone: [Row; 2] = [('>', "hw:CARD=3,DEV=0", "Odd, Thing"), ('=', "dmix:CARD=Odd,DEV=0", "Odd, Thing")];
    let no_hardware: [Row; 2] = [('>', "front:CARD=X,DEV=0", "X, Y"), ('>', "sysdefault:CARD=X", "X, Y")];
    let coreaudio: [Row; 2] = [('=', "BuiltInSpeakerDevice", "MacBook Speakers"), ('<', "AppleUSB:1:2", "Microphone")];
    let cases: [Case<'_>; 6] = [
        (&twins, '<', &[("sysdefault:CARD=Headset", "USB Headset"), ("sysdefault:CARD=Headset_1", "USB Headset (2)")]),
        (&numbers, '>', &[("sysdefault:CARD=PCH", "HDA Intel PCH")]),
        (&alone, '>', &[("hw:CARD=3,DEV=0", "Odd")]),
        (&no_hardware, '>', &[("sysdefault:CARD=X", "X")]),
        (&coreaudio, '>', &[("BuiltInSpeakerDevice", "MacBook Speakers")]),
        (&[], '>', &[]),
    ];
    for (list, way, expected) in cases {
        assert_eq!(shown(list, way, &cards()), pairs(expected), "{list:?}");
    }
}
