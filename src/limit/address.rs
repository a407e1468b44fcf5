//! Whom an address stands for.

use std::net::{IpAddr, Ipv6Addr};

use crate::model::peer::Peer;

/// An address as limits see it: an IPv4 address, or the 64 bits of an IPv6 address that name its network (RFC 4291
/// §2.5.4). Whoever has one address of such a network has all of them, and would get a fresh budget with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl Address {
    /// Whom `address` stands for. An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            address @ IpAddr::V4(_) => address,
        })
    }

    /// Whom `peer` stands for; nobody, where it is a process of this machine.
    #[must_use]
    pub fn of_peer(peer: Peer) -> Option<Self> {
        match peer {
            Peer::Tcp(address) => Some(Self::of(address.ip())),
            Peer::Unix => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Address {
        Address::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one() {
        assert_eq!(
            of("2001:db8:0:1::1"),
            of("2001:db8:0:1:ffff:ffff:ffff:ffff")
        );
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:1:1::1"));
    }

    #[test]
    fn each_ipv4_address_is_one_in_either_clothes() {
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
    }

    #[test]
    fn the_port_does_not_count_and_a_unix_socket_is_nobody() {
        let peer = |text: &str| Address::of_peer(Peer::Tcp(text.parse().unwrap()));
        assert_eq!(peer("192.0.2.1:1"), peer("192.0.2.1:2"));
        assert_eq!(Address::of_peer(Peer::Unix), None);
    }
}
