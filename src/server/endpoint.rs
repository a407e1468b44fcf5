//! Where a gateway listens, and what is spoken there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The place of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port; port 0 is any free one.
    Tcp(SocketAddr),
    /// A Unix socket at this path, for a proxy on the same machine.
    Unix(PathBuf),
}

/// Whether HTTP is spoken in clear text or over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear text.
    Http,
    /// Over TLS.
    Https,
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where.
    pub address: Address,
    /// What.
    pub scheme: Scheme,
}

impl Endpoint {
    /// Reads `127.0.0.1:8080`, which speaks `default`, `http://…`, `https://…`, or `unix:/path`, which is clear.
    ///
    /// # Errors
    /// Says what is wrong and what to write instead.
    pub fn parse(text: &str, default: Scheme) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        let (scheme, address) = match text.split_once("://") {
            None => (default, text),
            Some(("http", address)) => (Scheme::Http, address),
            Some(("https", address)) => (Scheme::Https, address),
            Some((other, _)) => {
                return Err(format!(
                    "begins with {other:?}: write http://, https:// or unix:"
                ));
            }
        };
        let address = address.parse().map_err(|_| {
            "is no IP address and port: names such as localhost are not looked up, and an IPv6 address stands in \
             brackets, as in `[::1]:8080`"
        })?;
        Ok(Self {
            address: Address::Tcp(address),
            scheme,
        })
    }
}

/// The longest path of a Unix socket: `sun_path` holds 108 bytes on Linux and 104 elsewhere, with a zero at the end.
const UNIX_PATH: usize = 103;

fn unix(path: &str) -> Result<Endpoint, String> {
    if !path.starts_with('/') || path.contains('\0') {
        return Err(
            "names no socket: write unix: and an absolute path, as in `unix:/run/gatecast.sock`"
                .into(),
        );
    }
    if path.len() > UNIX_PATH {
        return Err(format!(
            "is too long: the path of a Unix socket has at most {UNIX_PATH} bytes"
        ));
    }
    Ok(Endpoint {
        address: Address::Unix(path.into()),
        scheme: Scheme::Http,
    })
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self {
            address: Address::Tcp(address),
            scheme: Scheme::Http,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp(address) => write!(f, "{}://{address}", self.scheme),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_as_it_is_shown() {
        for (text, shown) in [
            ("127.0.0.1:80", "https://127.0.0.1:80"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("https://[::]:443", "https://[::]:443"),
            ("unix:/run/gatecast.sock", "unix:/run/gatecast.sock"),
        ] {
            let endpoint = Endpoint::parse(text, Scheme::Https).unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(Endpoint::parse(shown, Scheme::Http), Ok(endpoint));
        }
    }

    #[test]
    fn what_is_no_endpoint_says_what_to_write() {
        let long = format!("unix:/{}", "x".repeat(UNIX_PATH));
        for (text, why) in [
            ("localhost:80", "not looked up"),
            ("ws://127.0.0.1:80", "http://"),
            ("unix:gatecast.sock", "absolute"),
            ("unix:", "absolute"),
            (&*long, "at most 103"),
        ] {
            let said = Endpoint::parse(text, Scheme::Http).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
