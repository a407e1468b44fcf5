//! Content codings (RFC 9110 §8.4, §12.5.3): whether an answer goes out compressed.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::accept::weight_of;

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
}

impl Encoding {
    /// What the client that sent `headers` prefers; gzip, if it likes both alike.
    ///
    /// A client that accepts neither gets its answer as it is, which the standard allows and which is more use to it
    /// than a 406.
    #[must_use]
    pub fn preferred(headers: &HeaderMap) -> Self {
        let weight = |names: &[&str]| weight_of(headers, &ACCEPT_ENCODING, names);
        let gzip = weight(&["gzip", "x-gzip", "*"]).unwrap_or(0.0);
        // Not named, it is acceptable and the last choice.
        let identity = weight(&["identity"]).unwrap_or(0.0);
        if gzip > 0.0 && gzip >= identity {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(lines: &[&str]) -> Encoding {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, line.parse().unwrap());
        }
        Encoding::preferred(&headers)
    }

    #[test]
    fn gzip_is_for_those_who_accept_it_and_prefer_nothing_to_it() {
        for gzip in [
            &["gzip"][..],
            &["GZip"],
            &["x-gzip"],
            &["deflate, gzip;q=1.0, *;q=0.5"],
            &["br", "gzip"],
            &["*"],
            &["deflate, gzip, br, zstd"],
            &["gzip;q=0.001"],
            &["identity;q=0.5, gzip;q=0.5"],
            &["identity;q=0, *;q=0.1"],
            &["gzip ; Q=0.8"],
        ] {
            assert_eq!(preferred(gzip), Encoding::Gzip, "{gzip:?}");
        }
    }

    #[test]
    fn everybody_else_gets_the_answer_as_it_is() {
        for identity in [
            &[][..],
            &[""],
            &["identity"],
            &["br, deflate"],
            &["gzip;q=0"],
            &["gzip;q=0.000"],
            &["gzip;q=0, *"],
            &["*;q=0"],
            &["identity, gzip;q=0.5"],
            &["identity, *;q=0.5"],
            &["gzipped"],
            // Neither is acceptable.
            &["identity;q=0"],
        ] {
            assert_eq!(preferred(identity), Encoding::Identity, "{identity:?}");
        }
    }
}
