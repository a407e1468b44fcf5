//! The names that a gateway is reached by.

use std::net::Ipv6Addr;

/// A host, or `*.` and what the names of many end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// In small letters; with the dot in front where it is an ending.
    name: String,
    is_ending: bool,
}

impl HostPattern {
    /// Reads `live.example`, an address (`127.0.0.1`, `[::1]`), or `*.example`, which is every name below it and not
    /// `example` itself.
    ///
    /// # Errors
    /// Says what is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, is_ending) = match text.strip_prefix('*') {
            Some(ending) => (ending, true),
            None => (text, false),
        };
        if text.contains("://") || text.contains('/') {
            return Err("is more than a host: write live.example, without scheme and path".into());
        }
        if is_ending && !name.starts_with('.') || name.contains('*') {
            return Err(
                "has a `*` elsewhere than before a dot at its beginning: write *.example, or leave the key out for \
                 any host"
                    .into(),
            );
        }
        let labels = name.strip_prefix('.').filter(|_| is_ending);
        if !labels.is_some_and(is_name) && (is_ending || !is_name(name) && !is_ipv6(name)) {
            return Err(
                "is no host: write it as it stands in URLs, without port and final dot; an address of IPv6 stands in \
                 brackets, other names than ASCII in Punycode"
                    .into(),
            );
        }
        Ok(Self {
            name: name.to_ascii_lowercase(),
            is_ending,
        })
    }

    /// Whether `authority` (RFC 3986 §3.2), a host and perhaps a port, is one of these.
    #[must_use]
    pub fn fits(&self, authority: &str) -> bool {
        let host = without_port(authority);
        let host = host.strip_suffix('.').unwrap_or(host);
        if !self.is_ending {
            return host.eq_ignore_ascii_case(&self.name);
        }
        let begin = host.len().checked_sub(self.name.len());
        let ending = begin.and_then(|begin| host.as_bytes().get(begin..));
        begin.is_some_and(|begin| begin > 0)
            && ending.is_some_and(|ending| ending.eq_ignore_ascii_case(self.name.as_bytes()))
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_name(text: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let labels = || text.split('.');
    text.len() <= 253 && labels().all(|label| !label.is_empty() && label.bytes().all(fine))
}

fn is_ipv6(text: &str) -> bool {
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    inside.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, authority: &str) -> bool {
        HostPattern::parse(pattern).unwrap().fits(authority)
    }

    #[test]
    fn a_host_fits_whatever_its_port_and_its_case() {
        for (pattern, good, bad) in [
            ("live.example", "Live.Example:8443", "live.example.net"),
            ("LIVE.example", "live.example.", "xlive.example"),
            ("127.0.0.1", "127.0.0.1:80", "127.0.0.10"),
            ("[::1]", "[::1]:80", "[::2]"),
            ("[::1]", "[::1]", "::1"),
            ("*.example", "a.example", "example"),
            ("*.example", "A.B.EXAMPLE:1", ".example"),
            ("*.example", "a.example:", "aexample"),
            ("*.example", "a.example", ""),
            ("localhost", "localhost", "localhost:80x"),
        ] {
            assert!(fits(pattern, good), "{pattern} {good}");
            assert!(!fits(pattern, bad), "{pattern} {bad}");
        }
    }
}
