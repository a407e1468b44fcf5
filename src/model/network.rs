//! Networks, and the proxies whose word is taken for who their clients are.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::peer::Peer;

/// All addresses that begin alike (CIDR, RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    length: u8,
}

/// A text that is no network; says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNetwork(String);

impl Network {
    /// Whether `address` is in it. An IPv4 address that came as one of IPv6 (`::ffff:10.0.0.1`, as a listener of both
    /// sees it) counts as what it is.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                masked(first.to_bits().into(), 32 - self.length)
                    == masked(address.to_bits().into(), 32 - self.length)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                masked(first.to_bits(), 128 - self.length)
                    == masked(address.to_bits(), 128 - self.length)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// `bits` without the last `free` of them.
const fn masked(bits: u128, free: u8) -> u128 {
    match u128::MAX.checked_shl(free as u32) {
        Some(mask) => bits & mask,
        None => 0,
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| unreadable())?;
        if let IpAddr::V6(mapped) = first
            && mapped.to_ipv4_mapped().is_some()
        {
            let why = "is a network of IPv4 in the form of IPv6: write it as `10.0.0.0/8`";
            return Err(InvalidNetwork(why.into()));
        }
        let longest = if first.is_ipv4() { 32 } else { 128 };
        let length = match length.map(plain_number) {
            None => longest,
            Some(Some(length)) if length <= longest => length,
            Some(_) => {
                let why =
                    format!("has a length that is none: 0 to {longest} stands behind the `/`");
                return Err(InvalidNetwork(why));
            }
        };
        let network = Self { first, length };
        let beginning = network.beginning();
        if beginning != first {
            let why = format!("has bits behind its length: write {beginning}/{length}");
            return Err(InvalidNetwork(why));
        }
        Ok(network)
    }
}

impl Network {
    fn beginning(&self) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => {
                let bits = masked(first.to_bits().into(), 32 - self.length);
                IpAddr::V4(u32::try_from(bits).unwrap_or_default().into())
            }
            IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from_bits(masked(
                first.to_bits(),
                128 - self.length,
            ))),
        }
    }
}

fn plain_number(text: &str) -> Option<u8> {
    let is_plain =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

fn unreadable() -> InvalidNetwork {
    InvalidNetwork(
        "is no network: write `10.0.0.0/8`, `2001:db8::/32`, one address, or `unix` for whoever comes over a Unix \
         socket"
            .into(),
    )
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

/// Those whose word is taken for who is behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<Network>,
    unix: bool,
}

impl Proxies {
    /// Reads a list of networks and `unix`.
    ///
    /// # Errors
    /// The first entry that is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidNetwork> {
        let mut proxies = Self::default();
        for text in texts {
            match text {
                "unix" => proxies.unix = true,
                network => proxies.networks.push(network.parse()?),
            }
        }
        Ok(proxies)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether `peer` is one.
    #[must_use]
    pub fn trust(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Unix => self.unix,
            Peer::Tcp(address) => self.networks.iter().any(|one| one.holds(address.ip())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(network: &str, address: &str) -> bool {
        let network: Network = network.parse().unwrap();
        network.holds(address.parse().unwrap())
    }

    #[test]
    fn a_network_holds_what_begins_like_it() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("::/0", "2001:db8::1", "1.2.3.4"),
            ("::1/128", "::1", "::2"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
        ] {
            assert!(holds(network, inside), "{network} {inside}");
            assert!(!holds(network, outside), "{network} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_says_what_to_write() {
        for (text, why) in [
            ("", "no network"),
            ("localhost", "no network"),
            ("10.0.0.0/33", "0 to 32"),
            ("10.0.0.0/+8", "0 to 32"),
            ("10.0.0.0/08", "0 to 32"),
            ("10.0.0.0/", "0 to 32"),
            ("::/129", "0 to 128"),
            ("10.1.0.0/8", "write 10.0.0.0/8"),
            ("2001:db8::1/32", "write 2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "as `10.0.0.0/8`"),
        ] {
            let said = text.parse::<Network>().unwrap_err().to_string();
            assert!(said.contains(why), "{text:?}: {said}");
        }
    }

    #[test]
    fn proxies_are_networks_and_those_on_unix_sockets_where_it_says_so() {
        let tcp = Peer::Tcp("[::ffff:10.0.0.1]:1".parse().unwrap());
        let all = Proxies::parse(["10.0.0.0/8", "unix"]).unwrap();
        assert!(all.trust(&tcp) && all.trust(&Peer::Unix) && !all.is_empty());
        let one = Proxies::parse(["::1"]).unwrap();
        assert!(!one.trust(&tcp) && !one.trust(&Peer::Unix));
        let none = Proxies::default();
        assert!(!none.trust(&tcp) && !none.trust(&Peer::Unix) && none.is_empty());
    }

    proptest! {
        #[test]
        fn an_address_is_in_each_network_that_it_begins(bits: u128, v4: bool, length in 0_u8..=128) {
            let (address, length): (IpAddr, u8) = if v4 {
                (IpAddr::V4(u32::try_from(bits >> 96).unwrap().into()), length % 33)
            } else {
                (IpAddr::V6(bits.into()), length)
            };
            prop_assume!(address == address.to_canonical());
            let network = Network { first: address, length };
            let shown = Network { first: network.beginning(), length }.to_string();
            prop_assume!(!shown.starts_with("::ffff:"));
            let read: Network = shown.parse().unwrap();
            prop_assert_eq!(read.to_string(), shown);
            prop_assert!(read.holds(address));
            let last = u32::from(length.saturating_sub(1));
            let other: IpAddr = match address {
                IpAddr::V4(address) => IpAddr::V4((address.to_bits() ^ (1 << (31 - last))).into()),
                IpAddr::V6(address) => IpAddr::V6((address.to_bits() ^ (1 << (127 - last))).into()),
            };
            prop_assert_eq!(read.holds(other), length == 0 && other == other.to_canonical());
        }
    }
}
