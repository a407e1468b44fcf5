//! The head of an HTTP/1 response (RFC 9112 §2.1), for connections that leave the HTTP server.

use std::time::{Duration, UNIX_EPOCH};

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, DATE};
use http::{HeaderMap, StatusCode, Version};

use crate::model::time::UnixMillis;

/// The bytes of a response's head, up to the empty line, with the date (RFC 9110 §6.6.1).
#[must_use]
pub fn head(version: Version, status: StatusCode, headers: &HeaderMap, now: UnixMillis) -> Vec<u8> {
    let mut out = beginning(version, status, headers);
    date(&mut out, now);
    out.extend_from_slice(b"\r\n");
    out
}

/// The same without what is known only when the body is: the status line, and `headers`.
#[must_use]
pub fn beginning(version: Version, status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
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
    out
}

/// Adds what a head gets when its body is known: how that is coded, whether the connection closes behind it, the date.
pub fn rest(out: &mut Vec<u8>, coding: Option<&str>, closes: bool, now: UnixMillis) {
    if let Some(coding) = coding {
        line(out, CONTENT_ENCODING.as_str(), coding.as_bytes());
    }
    if closes {
        line(out, CONNECTION.as_str(), b"close");
    }
    date(out, now);
}

/// Adds the length of a body (RFC 9112 §6.2), the empty line, and the body.
pub fn body(out: &mut Vec<u8>, body: &[u8]) {
    line(
        out,
        CONTENT_LENGTH.as_str(),
        body.len().to_string().as_bytes(),
    );
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

fn date(out: &mut Vec<u8>, now: UnixMillis) {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(now.0));
    line(out, DATE.as_str(), date.as_bytes());
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
    fn a_head_is_its_status_its_fields_and_the_date_and_its_rest_is_what_the_body_tells() {
        let mut headers = HeaderMap::new();
        headers.append("vary", HeaderValue::from_static("Origin"));
        headers.append("vary", HeaderValue::from_static("Accept"));
        let at = UnixMillis(1_700_000_000_123);
        assert_eq!(
            String::from_utf8(head(Version::HTTP_11, StatusCode::OK, &headers, at)).unwrap(),
            "HTTP/1.1 200 OK\r\nvary: Origin\r\nvary: Accept\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n"
        );
        let mut answer = beginning(Version::HTTP_11, StatusCode::OK, &HeaderMap::new());
        rest(&mut answer, Some("gzip"), true, at);
        body(&mut answer, b"{}");
        assert_eq!(
            String::from_utf8(answer).unwrap(),
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\
             date: Tue, 14 Nov 2023 22:13:20 GMT\r\ncontent-length: 2\r\n\r\n{}"
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
