//! Where a set of keys is fetched.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// An https URL; or an http one of this machine, whose traffic nobody can change on its way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyUrl(Box<str>);

impl KeyUrl {
    /// Checks `text`.
    ///
    /// # Errors
    /// Says what is wrong with it and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text
            .parse()
            .map_err(|_| "is no URL: write one that begins with https://".to_owned())?;
        let host = uri.host().filter(|host| !host.is_empty());
        let (Some(scheme), Some(host)) = (uri.scheme_str(), host) else {
            return Err("is no whole URL: write one that begins with https://".into());
        };
        if uri
            .authority()
            .is_some_and(|all| all.as_str().contains('@'))
        {
            return Err("has a name or password in it: the keys of an issuer are public".into());
        }
        if text.contains('#') {
            return Err(
                "has a fragment, which no server sees: leave out what begins with #".into(),
            );
        }
        match scheme {
            "https" => Ok(Self(text.into())),
            "http" if is_loopback(host) => Ok(Self(text.into())),
            "http" => Err("is fetched in clear text, in which anybody on the way could put keys of his own: write https:// (http:// is for this machine only)".into()),
            _ => Err("is fetched neither by https:// nor by http://".into()),
        }
    }

    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyUrl {
    /// Without its query, which might hold what logs should not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for KeyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let of_address = address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback());
    of_address || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_tls_or_from_this_machine() {
        for good in [
            "https://id.example/.well-known/jwks.json",
            "https://id.example:8443/keys?tenant=1",
            "https://10.0.0.1/",
            "http://localhost:8080/keys",
            "http://127.0.0.1/keys",
            "http://127.8.8.8/keys",
            "http://[::1]:80/keys",
        ] {
            assert!(KeyUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "keys.json",
            "/keys",
            "id.example/keys",
            "https://",
            "https:///keys",
            "http://id.example/keys",
            "http://localhost.evil.example/keys",
            "http://127.0.0.1.evil.example/keys",
            "http://10.0.0.1/keys",
            "http://[::2]/keys",
            "ftp://id.example/keys",
            "file:///etc/passwd",
            "https://ann:secret@id.example/keys",
            "http://localhost@evil.example/keys",
            "https://id.example/keys#one",
            "https://id.example/a b",
        ] {
            assert!(KeyUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_query_is_shown() {
        let url = KeyUrl::parse("https://id.example/keys?token=hunter2").unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://id.example/keys https://id.example/keys"
        );
        assert!(url.as_str().contains("hunter2"));
    }
}
