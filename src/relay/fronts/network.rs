//! A range of addresses, as configurations write it (CIDR, RFC 4632).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::Deserialize;

/// `10.0.0.0/8`, `2001:db8::/32`; an address alone is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// What is wrong with a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("{0:?} is not a network: it looks like 10.0.0.0/8 or 2001:db8::/32")]
    Unreadable(String),
    #[error("{given} has bits behind its length: the network is {meant}")]
    HostBits { given: String, meant: Network },
}

impl Network {
    /// Whether an address lies in it. An IPv4 address that came in over IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.bits) == Some(self.address)
    }
}

/// The first bits of an address; `None` where it has fewer.
fn masked(address: IpAddr, bits: u8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(four) => {
            let rest = 32u32.checked_sub(bits.into())?;
            Ipv4Addr::from_bits(four.to_bits() & u32::MAX.checked_shl(rest).unwrap_or(0)).into()
        }
        IpAddr::V6(six) => {
            let rest = 128u32.checked_sub(bits.into())?;
            Ipv6Addr::from_bits(six.to_bits() & u128::MAX.checked_shl(rest).unwrap_or(0)).into()
        }
    })
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || NetworkError::Unreadable(text.into());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| unreadable())?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(whole), |bits| bits.parse().map_err(|_| unreadable()))?;
        // IPv4 as it comes in over IPv6 is IPv4.
        let (address, bits) = match address.to_canonical() {
            v4 @ IpAddr::V4(_) if address.is_ipv6() && (96..=128).contains(&bits) => (v4, bits - 96),
            _ => (address, bits),
        };
        let first = masked(address, bits).ok_or_else(unreadable)?;
        let network = Network { address: first, bits };
        if first == address { Ok(network) } else { Err(NetworkError::HostBits { given: text.into(), meant: network }) }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.255.0.1", true),
            ("::ffff:10.0.0.0/104", "::ffff:11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:9::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ] {
            let found = network.parse::<Network>().unwrap().contains(address.parse().unwrap());
            assert_eq!(found, inside, "{address} in {network}");
        }
    }

    #[test]
    fn what_is_no_network_says_what_one_looks_like() {
        for text in ["", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0/8", "everybody", "10.0.0.0/8/8"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Unreadable(text.into())), "{text}");
        }
        let error = "10.1.2.3/8".parse::<Network>().unwrap_err().to_string();
        assert_eq!(error, "10.1.2.3/8 has bits behind its length: the network is 10.0.0.0/8");
    }
}
