//! Where a hook is.

use std::fmt;

use http::Uri;

/// An https URL, or an http one: inside a host, or a network of containers, there may be nobody else to read along.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Uri);

impl Url {
    /// Checks `text`.
    ///
    /// # Errors
    /// Says what is wrong with it and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('#') {
            return Err(
                "has a fragment, which no server sees: leave out what begins with #".into(),
            );
        }
        let uri: Uri = text
            .parse()
            .map_err(|_| "is no URL: write one that begins with https://".to_owned())?;
        let (scheme, authority) = (uri.scheme_str(), uri.authority());
        let (Some(scheme), Some(authority)) = (scheme, authority) else {
            return Err("is no whole URL: write one that begins with https://".into());
        };
        if authority.as_str().contains('@') {
            return Err(
                "has a name or password in it: a hook knows its gateway by the signature".into(),
            );
        }
        if authority.host().is_empty() {
            return Err("names no host: write one that begins with https://".into());
        }
        // What stands behind the host is a port, or none that could be.
        if authority.as_str() != authority.host() && authority.port_u16().is_none() {
            return Err("has a port that is none".into());
        }
        match scheme {
            "https" | "http" => Ok(Self(uri)),
            _ => Err("is called neither by https:// nor by http://".into()),
        }
    }

    /// All of it.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for Url {
    /// Without its query, which might hold what logs should not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, authority) = (self.0.scheme_str(), self.0.authority());
        let authority = authority.map_or("", |authority| authority.as_str());
        write!(
            f,
            "{}://{authority}{}",
            scheme.unwrap_or_default(),
            self.0.path()
        )
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_called_by_https_or_http_and_nothing_stands_in_its_url_that_is_not_sent() {
        for good in [
            "https://api.example/hooks/gatecast?v=1",
            "https://api.example",
            "http://backend:3000/hooks",
            "http://10.0.0.7/",
            "http://[::1]:8080/",
            "HTTPS://api.example/",
        ] {
            assert!(Url::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/hooks",
            "api.example/hooks",
            "https://",
            "https:///hooks",
            "ftp://api.example/",
            "unix:/run/api.sock",
            "https://ann:secret@api.example/",
            "https://api.example@evil.example/",
            "https://api.example/hooks#one",
            "https://api.example/a b",
            "https://api.example:99999/",
            "https://api.example:/",
            "https://api.example:a/",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_query_is_shown() {
        let url = Url::parse("https://api.example/hooks?token=hunter2").unwrap();
        let shown = "https://api.example/hooks";
        assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
        assert_eq!(url.uri().query(), Some("token=hunter2"));
    }
}
