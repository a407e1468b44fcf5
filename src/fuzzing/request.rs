//! The head of an HTTP request as text: `GET /v1/stream?room=a HTTP/1.1`, and a line for each header.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::wire::query::Query;

/// What the codecs are given of a request.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
}

impl Head {
    /// Reads a head; headers that HTTP does not allow are left out, for they never get past hyper.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut lines = data.split(|&byte| byte == b'\n');
        let mut words = std::str::from_utf8(lines.next()?).ok()?.splitn(3, ' ');
        let method = Method::from_bytes(words.next()?.as_bytes()).ok()?;
        let query = words.next()?.split_once('?').map(|(_, query)| query);
        let version = match words.next()?.trim_end() {
            "HTTP/1.0" => Version::HTTP_10,
            "HTTP/2" => Version::HTTP_2,
            _ => Version::HTTP_11,
        };
        Some(Self {
            method,
            version,
            query: Query::parse(query),
            headers: lines.map_while(header).flatten().collect(),
        })
    }
}

/// One line; nothing at the empty line that ends the head, and no header where it is none.
fn header(line: &[u8]) -> Option<Option<(HeaderName, HeaderValue)>> {
    let line = line.trim_ascii();
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = line.split_at(colon.unwrap_or(line.len()));
    let header = || {
        let value = value.strip_prefix(b":")?.trim_ascii();
        let value = HeaderValue::from_bytes(value).ok()?;
        Some((HeaderName::from_bytes(name).ok()?, value))
    };
    (!line.is_empty()).then(header)
}
