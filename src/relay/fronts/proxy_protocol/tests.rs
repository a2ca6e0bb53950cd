//! Headers byte by byte: what is believed, what is refused, and that no byte of the client's is ever asked for.

use super::*;

fn v2(command: u8, protocol: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u16).to_be_bytes();
    [&SIGNATURE[..], &[command, protocol], &len, body].concat()
}

fn four_body() -> Vec<u8> {
    [&[203, 0, 113, 7][..], &[198, 51, 100, 1], &50_000u16.to_be_bytes(), &443u16.to_be_bytes()].concat()
}

fn six_body() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::7".parse().unwrap();
    [&source.octets()[..], &[0; 16], &50_000u16.to_be_bytes(), &443u16.to_be_bytes()].concat()
}

fn source(bytes: &[u8]) -> Option<String> {
    match read(bytes).unwrap() {
        Progress::Whole(header) => {
            assert_eq!(header.len, bytes.len());
            header.source.map(|source| source.to_string())
        }
        Progress::More(more) => panic!("{more} more than {bytes:?}"),
    }
}

#[test]
fn the_source_of_a_connection_is_read_in_both_versions() {
    let additions = [four_body(), vec![0x04, 0, 3, 1, 2, 3]].concat();
    for (bytes, expected) in [
        (v2(0x21, 0x11, &four_body()), Some("203.0.113.7:50000")),
        (v2(0x21, 0x11, &additions), Some("203.0.113.7:50000")),
        (v2(0x21, 0x21, &six_body()), Some("[2001:db8::7]:50000")),
        (v2(0x20, 0x00, &[]), None),
        (v2(0x20, 0x11, &four_body()), None),
        (v2(0x21, 0x00, &[1, 2, 3]), None),
        (v2(0x21, 0x31, &[0; 216]), None),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n".to_vec(), Some("203.0.113.7:50000")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n".to_vec(), Some("[2001:db8::7]:50000")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n".to_vec(), None),
    ] {
        assert_eq!(source(&bytes).as_deref(), expected, "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn read_as_it_asks_a_header_never_takes_a_byte_of_what_follows() {
    for header in [
        v2(0x21, 0x11, &four_body()),
        v2(0x21, 0x21, &six_body()),
        v2(0x20, 0, &[]),
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n".to_vec(),
    ] {
        let stream = [&header[..], b"\x16\x03\x01 and the rest"].concat();
        let mut have = 0;
        let found = loop {
            match read(&stream[..have]).unwrap() {
                Progress::More(more) => have += more,
                Progress::Whole(found) => break found,
            }
            assert!(have <= header.len(), "{have} of {}", header.len());
        };
        assert_eq!(found.len, header.len());
        // And the same byte by byte.
        let slow = (0..header.len()).all(|len| matches!(read(&stream[..len]), Ok(Progress::More(1..))));
        assert!(slow, "{header:?}");
    }
}

#[test]
fn what_is_no_header_is_refused_at_its_first_byte_and_a_wrong_one_at_its_wrong_byte() {
    let endless = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat();
    let long = [&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat();
    for (bytes, expected) in [
        (vec![0x16, 0x03, 0x01], HeaderError::Missing),
        (b"GET / HTTP/1.1".to_vec(), HeaderError::Missing),
        (b"PROXZ".to_vec(), HeaderError::Missing),
        (b"\r\n\r\n\0\r\nQUIZ".to_vec(), HeaderError::Missing),
        (v2(0x31, 0x11, &four_body()), HeaderError::Version(3)),
        (v2(0x22, 0x11, &four_body()), HeaderError::Command(2)),
        (v2(0x21, 0x12, &four_body()), HeaderError::NotTcp(0x12)),
        (v2(0x21, 0x11, &four_body()[..11]), HeaderError::Short),
        (v2(0x21, 0x21, &four_body()), HeaderError::Short),
        (long, HeaderError::TooLong { len: 65_551, most: 1040 }),
        (endless, HeaderError::TooLong { len: 211, most: 107 }),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 50000\r\n".to_vec(), HeaderError::Line),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 +5000 443\r\n".to_vec(), HeaderError::Line),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 050 443\r\n".to_vec(), HeaderError::Line),
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 70000 443\r\n".to_vec(), HeaderError::Line),
        (b"PROXY TCP4 2001:db8::7 198.51.100.1 50000 443\r\n".to_vec(), HeaderError::Line),
        (b"PROXY TCP6 203.0.113.7 198.51.100.1 50000 443\r\n".to_vec(), HeaderError::Line),
        (b"PROXY TCP4  203.0.113.7 198.51.100.1 50000 443\r\n".to_vec(), HeaderError::Line),
        (b"PROXY \xff\xff\xff\xff\xff\xff\xff\xff\r\n".to_vec(), HeaderError::Line),
    ] {
        assert_eq!(read(&bytes), Err(expected), "{:?}", String::from_utf8_lossy(&bytes));
    }
}
