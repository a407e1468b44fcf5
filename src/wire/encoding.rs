//! Content codings (RFC 9110 §8.4, §12.5.3): whether an answer goes out compressed, and how.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
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

/// Below this a body gains nothing: it fits into a packet as it is.
const LEAST: usize = 1024;
/// From here on compressing takes longer than a turn may, in bytes. What is shorter takes about what the way to another
/// thread and back would.
const LONG: usize = 32 * 1024;
/// How much the length of an answer is blurred, in bytes, so that it cannot tell an eavesdropper how well a guess of
/// his that stands in it was compressed (BREACH).
const BLUR: u64 = 100;

/// Whether a body of this length is one to be compressed, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// It stays as it is.
    None,
    /// It may be compressed within a turn.
    Brief,
    /// It is compressed where it holds up nobody.
    Long,
}

impl Encoding {
    /// What it takes to code a body of `length` bytes.
    #[must_use]
    pub const fn effort(self, length: usize) -> Effort {
        match self {
            Self::Identity => Effort::None,
            Self::Gzip if length < LEAST => Effort::None,
            Self::Gzip if length < LONG => Effort::Brief,
            Self::Gzip => Effort::Long,
        }
    }

    /// `body` coded, where that is worth it and takes no longer than a turn may; blurred by `random` bits.
    #[must_use]
    pub fn brief(self, body: &[u8], random: u64) -> Option<Vec<u8>> {
        let is_brief = self.effort(body.len()) == Effort::Brief;
        is_brief.then(|| blurred(body, random)).flatten()
    }
}

/// `body` as gzip, its length blurred by `random` bits; nothing where that fails.
///
/// At the fast level: events are JSON that repeats itself, of which the next level saves a few per cent more at twice
/// the time.
#[must_use]
pub fn blurred(body: &[u8], random: u64) -> Option<Vec<u8>> {
    gzip(body, usize::try_from(random % BLUR).unwrap_or_default()).ok()
}

/// `body` as gzip, with a file name of `padding` bytes in its header (RFC 1952 §2.3.1), which every client passes over.
///
/// # Errors
/// None that a writer to memory would have.
fn gzip(body: &[u8], padding: usize) -> io::Result<Vec<u8>> {
    let out = Vec::with_capacity(body.len() / 4);
    let mut encoder = GzBuilder::new()
        .filename(vec![b'a'; padding])
        .write(out, Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_compressed_is_what_comes_out(body in prop::collection::vec(0_u8..4, 0..20_000), padding in 0..100_usize) {
            let mut back = Vec::new();
            GzDecoder::new(&*gzip(&body, padding).unwrap()).read_to_end(&mut back).unwrap();
            prop_assert_eq!(back, body);
        }
    }

    #[test]
    fn the_padding_is_seen_in_the_length_and_nowhere_else() {
        let body = "0123456789".repeat(100);
        let length = |padding| gzip(body.as_bytes(), padding).unwrap().len();
        assert_eq!(length(40), length(10) + 30);
    }

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
