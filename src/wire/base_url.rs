//! Where clients reach the gateway: what stands before `/v1/…` in its URLs.

use std::net::Ipv6Addr;

use crate::model::room::Room;
use crate::model::transport::Transport;

/// A scheme, an authority, and the path prefix under which a proxy serves the gateway (RFC 3986 §3).
///
/// Valid by construction: the authority may come from a request and is echoed, so nothing that could be read as
/// anything but a host and a port gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    secure: bool,
    authority: String,
    /// Empty, or segments that each begin with `/`.
    prefix: String,
}

/// Why a text is no base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidBaseUrl {
    /// Neither `https://` nor `http://`.
    Scheme,
    /// No host, or more than a host and a port.
    Authority,
    /// A query or a fragment.
    Query,
    /// A path of other segments than `[A-Za-z0-9_.~-]+`, or with `.` or `..` as one.
    Path,
}

impl BaseUrl {
    /// Reads `https://gateway.example/prefix`; one `/` at the end is dropped.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidBaseUrl::Scheme)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidBaseUrl::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(InvalidBaseUrl::Query);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !prefix.split('/').skip(1).all(is_segment) {
            return Err(InvalidBaseUrl::Path);
        }
        let base = Self::of_authority(secure, authority).ok_or(InvalidBaseUrl::Authority)?;
        Ok(Self {
            prefix: prefix.to_owned(),
            ..base
        })
    }

    /// The base URL of a host and port, as `Host` (RFC 9110 §7.2) or `:authority` (RFC 9113 §8.3.1) name them;
    /// `None` for anything else.
    #[must_use]
    pub fn of_authority(secure: bool, authority: &str) -> Option<Self> {
        is_authority(authority).then(|| Self {
            secure,
            authority: authority.to_owned(),
            prefix: String::new(),
        })
    }

    /// Whether its scheme is `https`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, and the port where there is one.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The URL of a stream of `rooms` over `transport`; of none: of the role's default rooms.
    #[must_use]
    pub fn stream(&self, transport: Transport, rooms: &[Room]) -> String {
        let scheme = match (transport, self.secure) {
            (Transport::WebSocket, true) => "wss",
            (Transport::WebSocket, false) => "ws",
            (Transport::Sse | Transport::LongPoll, true) => "https",
            (Transport::Sse | Transport::LongPoll, false) => "http",
        };
        let Self {
            authority, prefix, ..
        } = self;
        let start = format!(
            "{scheme}://{authority}{prefix}/v1/stream?transport={}",
            transport.as_str()
        );
        // All bytes of a room's name may stand in a query as they are (RFC 3986 §3.4).
        rooms
            .iter()
            .fold(start, |url, room| url + "&room=" + room.as_str())
    }
}

impl std::fmt::Display for BaseUrl {
    /// Without a `/` at the end: any path of the gateway can stand right after it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

impl std::fmt::Display for InvalidBaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scheme => "it starts with https:// or http://",
            Self::Authority => "it names a host and perhaps a port, and no user",
            Self::Query => "it ends before a query or a fragment",
            Self::Path => "each part of its path is of A-Z a-z 0-9 _ . ~ -",
        })
    }
}

impl std::error::Error for InvalidBaseUrl {}

fn is_authority(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
    }
    let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    // A name in the DNS has at most 253 bytes (RFC 1035 §2.3.4).
    (1..=253).contains(&host.len()) && host.bytes().all(fine) && (port.is_empty() || is_port(port))
}

/// `:1` to `:65535`.
fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or_default();
    digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_segment(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    !matches!(text, "" | "." | "..") && text.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, transport: Transport, rooms: &[&str]) -> String {
        let rooms: Vec<Room> = rooms
            .iter()
            .map(|name| Room::parse(name).unwrap())
            .collect();
        BaseUrl::parse(base).unwrap().stream(transport, &rooms)
    }

    #[test]
    fn a_stream_has_the_scheme_of_its_transport_below_the_prefix() {
        use Transport::{LongPoll, Sse, WebSocket};
        for (base, transport, rooms, expected) in [
            (
                "https://a.example",
                WebSocket,
                &["org:a:7", "b~2e"][..],
                "wss://a.example/v1/stream?transport=websocket&room=org:a:7&room=b~2e",
            ),
            (
                "http://[::1]:8080/",
                WebSocket,
                &[],
                "ws://[::1]:8080/v1/stream?transport=websocket",
            ),
            (
                "https://a.example:8443/live/v2/",
                Sse,
                &["a"],
                "https://a.example:8443/live/v2/v1/stream?transport=sse&room=a",
            ),
            (
                "http://10.0.0.1/live",
                LongPoll,
                &[],
                "http://10.0.0.1/live/v1/stream?transport=long-poll",
            ),
        ] {
            assert_eq!(url(base, transport, rooms), expected);
        }
    }

    #[test]
    fn what_is_no_base_url_says_why() {
        use InvalidBaseUrl::{Authority, Path, Query, Scheme};
        for (text, why) in [
            ("", Scheme),
            ("a.example", Scheme),
            ("wss://a.example", Scheme),
            ("https://", Authority),
            ("https:///live", Authority),
            ("https://u:p@a.example", Authority),
            ("https://a.example:0", Authority),
            ("https://a.example?x=1", Query),
            ("https://a.example/#x", Query),
            ("https://a.example//", Path),
            ("https://a.example/a/../b", Path),
            ("https://a.example/a b", Path),
            ("https://a.example/%2e", Path),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn an_authority_is_a_host_and_a_port_and_nothing_else() {
        for good in [
            "a",
            "localhost:8080",
            "A.example",
            "a_b.example",
            "10.0.0.1:1",
            "[::1]",
            "[::1]:65535",
        ] {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "", ":80", "a:", "a:0", "a:65536", "a:+1", "a:80:80", "a b", "a/b", "a?b", "a#b",
            "a@b", "a\\b", "a\"b", "a<b", "é", "%41", "[::1", "[::1]x", "[a]", "::1", "a,b",
            "[v1.a]", "a:8 0",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
        assert!(!is_authority(&"a".repeat(254)));
    }
}
