//! HTTP/1.1 (RFC 9112) as a client reads and writes it: bytes in, and out of them the head and the content, in the
//! pieces that they come in.
//!
//! A connection of hyper's costs tens of kilobytes and a task; thousands of clients on one machine cannot afford that
//! beside the server that they measure.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

use crate::wire::negotiate::tokens;

mod chunked;

use chunked::Chunked;

/// Headers at most in one answer.
const MOST_HEADERS: usize = 64;
/// The largest head that is read, in bytes.
const MOST_HEAD: usize = 64 << 10;

/// What came is no answer in HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The head of an answer.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// An answer under way.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What has come of the head.
    ahead: Vec<u8>,
    head: Option<Head>,
    framing: Framing,
}

/// Where the content ends (RFC 9112 §6.3).
#[derive(Debug, Default, PartialEq, Eq)]
enum Framing {
    /// With the connection; after 101 what comes is no content, and does not end before either.
    #[default]
    Close,
    /// After so many bytes more.
    Length(u64),
    Chunked(Chunked),
}

/// The bytes of a request with its content.
pub(super) fn request(request: &Request<Bytes>) -> Vec<u8> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut head = format!("{} {target} HTTP/1.1\r\n", request.method());
    if !request.headers().contains_key(HOST) {
        let _ = write!(head, "Host: {authority}\r\n");
    }
    if !request.body().is_empty() {
        let _ = write!(head, "Content-Length: {}\r\n", request.body().len());
    }
    let mut bytes = head.into_bytes();
    for (name, value) in request.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(request.body());
    bytes
}

impl Answer {
    /// The head, once it is there.
    pub(super) const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The head, for who has read the rest.
    pub(super) fn into_head(self) -> Option<Head> {
        self.head
    }

    /// Whether nothing more belongs to it.
    pub(super) const fn is_whole(&self) -> bool {
        self.head.is_some()
            && match &self.framing {
                Framing::Close => false,
                Framing::Length(left) => *left == 0,
                Framing::Chunked(chunked) => chunked.is_over(),
            }
    }

    /// Whether the end of the connection is its end, too.
    pub(super) fn ends_with_the_connection(&self) -> bool {
        self.head.is_some() && self.framing == Framing::Close
    }

    /// Whether the connection is good for another request after it (RFC 9112 §9.3).
    pub(super) fn keeps_the_connection(&self) -> bool {
        let closes = |head: &Head| {
            tokens(&head.headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("close"))
        };
        self.is_whole() && !self.head.as_ref().is_some_and(closes)
    }

    /// Takes the next bytes, and gives the content that is in them.
    ///
    /// # Errors
    /// What came is no answer.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        content: &mut impl FnMut(&[u8]),
    ) -> Result<(), Malformed> {
        if self.head.is_some() {
            return self.content(bytes, content);
        }
        self.ahead.extend_from_slice(bytes);
        let ahead = std::mem::take(&mut self.ahead);
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let length = match parsed.parse(&ahead).map_err(|_| Malformed)? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial if ahead.len() > MOST_HEAD => return Err(Malformed),
            httparse::Status::Partial => {
                self.ahead = ahead;
                return Ok(());
            }
        };
        let head = Head::of(&parsed).ok_or(Malformed)?;
        // An interim answer (RFC 9110 §15.2) is not the one.
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            return self.push(&ahead[length..], content);
        }
        self.framing = Framing::of(&head)?;
        self.head = Some(head);
        self.content(&ahead[length..], content)
    }

    fn content(&mut self, bytes: &[u8], content: &mut impl FnMut(&[u8])) -> Result<(), Malformed> {
        match &mut self.framing {
            Framing::Close => content(bytes),
            Framing::Length(left) => {
                if bytes.len() as u64 > *left {
                    return Err(Malformed);
                }
                *left -= bytes.len() as u64;
                content(bytes);
            }
            Framing::Chunked(chunked) => chunked.push(bytes, content)?,
        }
        Ok(())
    }
}

impl Head {
    fn of(parsed: &httparse::Response<'_, '_>) -> Option<Self> {
        let mut headers = HeaderMap::new();
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
        }
        let status = StatusCode::from_u16(parsed.code?).ok()?;
        Some(Self { status, headers })
    }
}

impl Framing {
    fn of(head: &Head) -> Result<Self, Malformed> {
        let Head { status, headers } = head;
        if *status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Self::Close);
        }
        if matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Self::Length(0));
        }
        if headers.contains_key(TRANSFER_ENCODING) {
            return Ok(Self::Chunked(Chunked::default()));
        }
        match headers.get(CONTENT_LENGTH) {
            Some(length) => {
                let length = length.to_str().ok().and_then(|length| length.parse().ok());
                length.map(Self::Length).ok_or(Malformed)
            }
            None => Ok(Self::Close),
        }
    }
}

#[cfg(test)]
mod tests;
