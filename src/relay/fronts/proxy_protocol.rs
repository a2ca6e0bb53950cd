//! The header that a proxy at layer 4 puts before a client's bytes: the PROXY protocol, versions 1 and 2 (HAProxy's
//! `proxy-protocol.txt`). Pure; what reads the socket is `accept::proxied`.
//!
//! The bytes behind the header are the client's and are never looked at here. What a proxy adds besides the addresses (TLVs) is
//! skipped: it is bounded, and nothing is decided on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Begins version 2. No TLS record and no HTTP request does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;
/// Addresses and additions of version 2: far above what known proxies send.
const MOST_BEHIND: usize = 1024;
/// A line of version 1, its end included.
const MOST_LINE: usize = 107;
/// `PROXY UNKNOWN` and its end: so much there is in any header.
const LEAST: usize = 15;

/// How far the header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many more bytes belong to it at least, never 0. Whoever reads no more than these never takes a byte of the client's.
    More(usize),
    Whole(Header),
}

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes that it is long.
    pub len: usize,
    /// For whom the proxy connected. `None`: for itself (a health check), or it does not know.
    pub source: Option<SocketAddr>,
}

/// Why bytes are not such a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("no PROXY header, and this peer has to send one")]
    Missing,
    #[error("the PROXY header is {len} bytes long, {most} are read at most")]
    TooLong { len: usize, most: usize },
    #[error("a PROXY header of version {0}: 1 and 2 are known")]
    Version(u8),
    #[error("command {0} in the PROXY header: LOCAL and PROXY are known")]
    Command(u8),
    #[error("the PROXY header is for something else than TCP (family and protocol {0:#04x})")]
    NotTcp(u8),
    #[error("the PROXY header has no room for its addresses")]
    Short,
    #[error("the line of the PROXY header does not hold two addresses and two ports")]
    Line,
}

/// Reads the header at the beginning of `bytes`.
///
/// # Errors
/// What comes is no header, or one that cannot be believed: the connection is to be closed.
pub fn read(bytes: &[u8]) -> Result<Progress, HeaderError> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(one, other)| one == other);
    if begins(&SIGNATURE) {
        binary(bytes)
    } else if begins(b"PROXY ") {
        line(bytes)
    } else {
        Err(HeaderError::Missing)
    }
}

fn binary(bytes: &[u8]) -> Result<Progress, HeaderError> {
    let Some([.., command, protocol, high, low]) = bytes.first_chunk::<FIXED>().copied() else {
        // An empty beginning could be either version.
        let least = if bytes.len() < LEAST { LEAST } else { FIXED };
        return Ok(Progress::More(least - bytes.len()));
    };
    if command >> 4 != 2 {
        return Err(HeaderError::Version(command >> 4));
    }
    let behind = usize::from(u16::from_be_bytes([high, low]));
    if behind > MOST_BEHIND {
        return Err(HeaderError::TooLong { len: FIXED + behind, most: FIXED + MOST_BEHIND });
    }
    let len = FIXED + behind;
    let Some(body) = bytes.get(FIXED..len) else { return Ok(Progress::More(len - bytes.len())) };
    let source = match (command & 0x0f, protocol) {
        // LOCAL: whatever else it says is to be ignored.
        (0, _) => None,
        // Unspecified, or a Unix socket: there is no address that means anything here.
        (1, 0x00 | 0x31) => None,
        (1, 0x11) => Some(four(body).ok_or(HeaderError::Short)?),
        (1, 0x21) => Some(six(body).ok_or(HeaderError::Short)?),
        (1, other) => return Err(HeaderError::NotTcp(other)),
        (other, _) => return Err(HeaderError::Command(other)),
    };
    Ok(Progress::Whole(Header { len, source }))
}

/// Source and destination address, then their ports.
fn four(body: &[u8]) -> Option<SocketAddr> {
    let [a, b, c, d, _, _, _, _, high, low, _, _] = *body.first_chunk::<12>()?;
    Some((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
}

fn six(body: &[u8]) -> Option<SocketAddr> {
    let (address, behind) = body.first_chunk::<36>()?.split_first_chunk::<16>()?;
    let address = IpAddr::from(Ipv6Addr::from(*address)).to_canonical();
    Some((address, u16::from_be_bytes([behind[16], behind[17]])).into())
}

fn line(bytes: &[u8]) -> Result<Progress, HeaderError> {
    if bytes.len() < LEAST {
        return Ok(Progress::More(LEAST - bytes.len()));
    }
    let reachable = &bytes[..bytes.len().min(MOST_LINE)];
    let Some(end) = reachable.windows(2).position(|pair| pair == b"\r\n") else {
        if bytes.len() >= MOST_LINE {
            return Err(HeaderError::TooLong { len: bytes.len(), most: MOST_LINE });
        }
        return Ok(Progress::More(if bytes.last() == Some(&b'\r') { 1 } else { 2.min(MOST_LINE - bytes.len()) }));
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| HeaderError::Line)?;
    let source = match text.split(' ').collect::<Vec<_>>()[..] {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", "TCP4", source, destination, from, to] => Some(pair::<Ipv4Addr>([source, destination], [from, to])?),
        ["PROXY", "TCP6", source, destination, from, to] => Some(pair::<Ipv6Addr>([source, destination], [from, to])?),
        _ => return Err(HeaderError::Line),
    };
    Ok(Progress::Whole(Header { len: end + 2, source }))
}

/// All four must make sense, though only the source counts.
fn pair<A: std::str::FromStr + Into<IpAddr>>(
    addresses: [&str; 2],
    ports: [&str; 2],
) -> Result<SocketAddr, HeaderError> {
    let address = |text: &str| text.parse::<A>().map_err(|_| HeaderError::Line);
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u16>().ok().filter(|_| plain).ok_or(HeaderError::Line)
    };
    address(addresses[1])?;
    port(ports[1])?;
    let source: IpAddr = address(addresses[0])?.into();
    Ok((source.to_canonical(), port(ports[0])?).into())
}

#[cfg(test)]
mod tests;
