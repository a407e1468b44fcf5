//! The head of an HTTP/1 response (RFC 9112 §2.1), for connections that leave the HTTP server.

use std::time::{Duration, UNIX_EPOCH};

use http::header::DATE;
use http::{HeaderMap, StatusCode, Version};

use crate::model::time::UnixMillis;

/// The bytes of a response's head, up to the empty line, with the date (RFC 9110 §6.6.1) where it has none.
#[must_use]
pub fn head(version: Version, status: StatusCode, headers: &HeaderMap, now: UnixMillis) -> Vec<u8> {
    let version: &[u8] = match version {
        Version::HTTP_10 => b"HTTP/1.0 ",
        _ => b"HTTP/1.1 ",
    };
    let reason = status.canonical_reason().unwrap_or_default();
    let mut out = Vec::with_capacity(512);
    for part in [
        version,
        status.as_str().as_bytes(),
        b" ",
        reason.as_bytes(),
        b"\r\n",
    ] {
        out.extend_from_slice(part);
    }
    for (name, value) in headers {
        line(&mut out, name.as_str(), value.as_bytes());
    }
    if !headers.contains_key(DATE) {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now.0));
        line(&mut out, DATE.as_str(), date.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_head_is_its_status_its_fields_and_the_date() {
        let mut headers = HeaderMap::new();
        headers.append("vary", HeaderValue::from_static("Origin"));
        headers.append("vary", HeaderValue::from_static("Accept"));
        let at = UnixMillis(1_700_000_000_123);
        assert_eq!(
            String::from_utf8(head(Version::HTTP_11, StatusCode::OK, &headers, at)).unwrap(),
            "HTTP/1.1 200 OK\r\nvary: Origin\r\nvary: Accept\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n"
        );
        let head = head(
            Version::HTTP_10,
            StatusCode::NO_CONTENT,
            &HeaderMap::new(),
            at,
        );
        assert!(head.starts_with(b"HTTP/1.0 204 No Content\r\ndate: "));
    }
}
