//! The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.6/doc/proxy-protocol.txt): what a proxy says of its
//! client, once, before the first byte of the connection itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header that is taken, in bytes. Version 1 has at most 107; in version 2 additions may follow the
/// addresses, and none that are in use need so much.
pub const LONGEST: usize = 4096;

const LONGEST_LINE: usize = 107;
/// How a header of version 2 begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// How one of version 1 does.
const WORD: &[u8] = b"PROXY ";
/// Signature, command, family, and the length of the rest.
const FIXED: usize = 16;
/// The addition that holds a checksum of the header (CRC-32C).
const CHECKSUM: u8 = 0x03;

/// What the beginning of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The beginning of a header: more bytes are needed.
    Incomplete,
    /// A header.
    Whole {
        /// Its bytes.
        length: usize,
        /// The client, unless the connection is the proxy's own, or its client has no such address.
        client: Option<SocketAddr>,
    },
}

/// The connection does not begin with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHeader(&'static str);

impl fmt::Display for NoHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoHeader {}

type Decoded = Result<Header, NoHeader>;

/// Reads the header at the beginning of what has come. Nothing behind it is looked at, and none needs more bytes than
/// [`LONGEST`].
///
/// # Errors
/// What has come begins no header.
pub fn decode(seen: &[u8]) -> Decoded {
    if begins_alike(seen, SIGNATURE) {
        version_2(seen)
    } else if begins_alike(seen, WORD) {
        version_1(seen)
    } else {
        Err(NoHeader("no PROXY header"))
    }
}

fn begins_alike(seen: &[u8], mark: &[u8]) -> bool {
    let length = seen.len().min(mark.len());
    seen[..length] == mark[..length]
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 4711 443` and a line end.
fn version_1(seen: &[u8]) -> Decoded {
    let bounded = &seen[..seen.len().min(LONGEST_LINE)];
    let Some(end) = bounded.windows(2).position(|two| two == b"\r\n") else {
        return if seen.len() < LONGEST_LINE {
            Ok(Header::Incomplete)
        } else {
            Err(NoHeader("a PROXY line without end"))
        };
    };
    let line = std::str::from_utf8(&seen[WORD.len()..end]).unwrap_or_default();
    let client = match line.split(' ').collect::<Vec<_>>()[..] {
        // Whatever follows.
        ["UNKNOWN", ..] => None,
        [family @ ("TCP4" | "TCP6"), from, to, from_port, to_port] => {
            let end = |address: &str, port: &str| {
                let address: IpAddr = address.parse().ok()?;
                let fits = address.is_ipv4() == (family == "TCP4");
                Some(SocketAddr::from((address, plain_port(port)?))).filter(|_| fits)
            };
            let ends = end(from, from_port).zip(end(to, to_port));
            Some(
                ends.ok_or(NoHeader("a PROXY line with addresses that are none"))?
                    .0,
            )
        }
        _ => return Err(NoHeader("a PROXY line that cannot be read")),
    };
    Ok(Header::Whole {
        length: end + 2,
        client,
    })
}

fn plain_port(text: &str) -> Option<u16> {
    let is_plain =
        text == "0" || !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Signature, version and command, family, length, addresses, and additions (§2.2).
fn version_2(seen: &[u8]) -> Decoded {
    if seen.get(12).is_some_and(|byte| byte >> 4 != 2) {
        return Err(NoHeader("a PROXY header of a version that is not known"));
    }
    if seen.get(12).is_some_and(|byte| byte & 15 > 1) {
        return Err(NoHeader("a PROXY header with a command that is not known"));
    }
    let Some(&[.., command, family, high, low]) = seen.first_chunk::<FIXED>() else {
        return Ok(Header::Incomplete);
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(NoHeader("a PROXY header that is too long"));
    }
    let Some(header) = seen.get(..length) else {
        return Ok(Header::Incomplete);
    };
    // The proxy's own: family and all that follows are to be ignored, whatever they are.
    if command & 15 == 0 {
        let client = None;
        return Ok(Header::Whole { length, client });
    }
    let (client, additions) = addresses(family, &header[FIXED..])?;
    check(header, header.len() - additions)?;
    Ok(Header::Whole { length, client })
}

/// The client, and how many bytes there are behind the addresses.
fn addresses(family: u8, rest: &[u8]) -> Result<(Option<SocketAddr>, usize), NoHeader> {
    const SHORT: NoHeader = NoHeader("a PROXY header without its addresses");
    match family {
        // TCP over IPv4: two addresses, two ports.
        0x11 => {
            let (&[a, b, c, d, _, _, _, _, high, low, _, _], behind) =
                rest.split_first_chunk::<12>().ok_or(SHORT)?;
            let (address, port) = (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]));
            Ok((Some((address, port).into()), behind.len()))
        }
        // TCP over IPv6.
        0x21 => {
            let (whole, behind) = rest.split_first_chunk::<36>().ok_or(SHORT)?;
            let (address, ports) = whole.split_first_chunk::<16>().ok_or(SHORT)?;
            let port = u16::from_be_bytes([ports[16], ports[17]]);
            Ok((Some((Ipv6Addr::from(*address), port).into()), behind.len()))
        }
        // Unix sockets, and datagrams: no address that means anything here.
        0x12 => Ok((None, rest.len().checked_sub(12).ok_or(SHORT)?)),
        0x22 => Ok((None, rest.len().checked_sub(36).ok_or(SHORT)?)),
        0x31 | 0x32 => Ok((None, rest.len().checked_sub(216).ok_or(SHORT)?)),
        // Unspecified: what follows is skipped, whatever it is.
        _ => Ok((None, 0)),
    }
}

/// The additions, which begin at `place`, must be whole, and a checksum among them right (§2.2.3). Nothing else of them
/// matters here.
fn check(header: &[u8], place: usize) -> Result<(), NoHeader> {
    let mut at = place;
    while at < header.len() {
        let Some(&[kind, high, low]) = header[at..].first_chunk::<3>() else {
            return Err(NoHeader("a PROXY header whose additions are cut"));
        };
        let (begin, length) = (at + 3, usize::from(u16::from_be_bytes([high, low])));
        let Some(value) = header.get(begin..begin + length) else {
            return Err(NoHeader("a PROXY header whose additions are cut"));
        };
        if kind == CHECKSUM {
            let mut zeroed = header.to_vec();
            zeroed[begin..begin + length].fill(0);
            if value != crc32c(&zeroed).to_be_bytes() {
                return Err(NoHeader("a PROXY header whose checksum is wrong"));
            }
        }
        at = begin + length;
    }
    Ok(())
}

/// CRC-32C (RFC 3720 §12.1), bit by bit: a header has a few hundred bytes, and comes once a connection.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82F6_3B78 * (crc & 1))
        })
    })
}

#[cfg(test)]
mod tests;
