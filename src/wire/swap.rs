//! What a client swaps its credential for: the body of `POST /v1/session`, and the answers.

use std::time::Duration;

use serde::Serialize;

use crate::model::code::{Code, Refusal};
use crate::model::room::Room;
use crate::model::transport::Transport;

use super::client::{bad, fields, none_left};
use super::control::SignedUrl;
use super::publish;

/// The body, read.
#[derive(Debug, PartialEq, Eq)]
pub struct Swap {
    /// Where a signed URL shall lead; without it a cookie is meant.
    pub url: Option<UrlWanted>,
    /// How long it shall be good at most.
    pub ttl: Option<Duration>,
}

/// Where a signed URL shall lead.
#[derive(Debug, PartialEq, Eq)]
pub struct UrlWanted {
    /// The rooms, without repetition; none: the role's default rooms.
    pub rooms: Vec<Room>,
    /// Over which transport.
    pub transport: Option<Transport>,
}

/// The answer to who gets a cookie.
#[derive(Debug, Serialize)]
pub struct Opened<'a> {
    /// Who the credential says the client is.
    pub principal: &'a str,
    /// Its role.
    pub role: &'a str,
    /// How long the cookie is good.
    pub expires_in_ms: u64,
}

/// The answer to who gets a URL.
#[derive(Debug, Serialize)]
pub struct Signed {
    /// The URL.
    pub url: SignedUrl,
    /// How long it is good.
    pub expires_in_ms: u64,
}

impl Swap {
    /// Reads a body; an empty one asks for a cookie.
    ///
    /// # Errors
    /// It is no JSON object, or a field of it is wrong or not known: `invalid_utf8`, `invalid_json`, `bad_request`,
    /// `invalid_room`.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let body = std::str::from_utf8(body)
            .map_err(|_| Refusal::new(Code::InvalidUtf8, "the body is UTF-8"))?;
        if body.trim_ascii().is_empty() {
            return Ok(Self {
                url: None,
                ttl: None,
            });
        }
        let mut fields = fields(body)?;
        let mut take = |name: &str| fields.remove(name).map(|raw| raw.get());
        let url = read(take("url"), "`url` is true or false")?.unwrap_or(false);
        let ttl = read(take("ttl_ms"), TTL)?;
        if ttl.is_some_and(|ttl: u64| !(1..=YEAR).contains(&ttl)) {
            return Err(bad(TTL));
        }
        let ttl = ttl.map(Duration::from_millis);
        let rooms = read(take("rooms"), "`rooms` is a list of room names")?;
        let transport = transport(read(take("transport"), TRANSPORT)?)?;
        if !url && (rooms.is_some() || transport.is_some()) {
            return Err(bad(
                "`rooms` and `transport` are a signed URL's: send `\"url\": true` too",
            ));
        }
        let rooms = named(rooms.unwrap_or_default())?;
        let url = url.then_some(UrlWanted { rooms, transport });
        none_left(&fields, Self { url, ttl })
    }
}

/// In milliseconds: no configuration gives more.
const YEAR: u64 = 365 * 24 * 60 * 60 * 1000;
const TTL: &str = "`ttl_ms` is a whole number of milliseconds, from 1 to a year";
const TRANSPORT: &str = "`transport` is one of websocket, sse, long-poll";

fn read<'a, T: serde::Deserialize<'a>>(
    raw: Option<&'a str>,
    wrong: &str,
) -> Result<Option<T>, Refusal> {
    let value = raw.map(serde_json::from_str).transpose();
    value.map_err(|_| bad(wrong))
}

fn transport(name: Option<String>) -> Result<Option<Transport>, Refusal> {
    let parse = |name: String| Transport::parse(&name).ok_or_else(|| bad(TRANSPORT));
    name.map(parse).transpose()
}

fn named(names: Vec<String>) -> Result<Vec<Room>, Refusal> {
    let mut rooms = Vec::new();
    for name in names {
        let room = publish::room(&name)?;
        if !rooms.contains(&room) {
            rooms.push(room);
        }
    }
    Ok(rooms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Swap, Code> {
        Swap::parse(body.as_bytes()).map_err(|refusal| refusal.code)
    }

    fn url(rooms: &[&str], transport: Option<Transport>) -> Option<UrlWanted> {
        let rooms = rooms.iter().map(|room| Room::parse(room).unwrap());
        Some(UrlWanted {
            rooms: rooms.collect(),
            transport,
        })
    }

    #[test]
    fn a_cookie_is_meant_unless_a_url_is_asked_for() {
        for (body, url, ttl) in [
            ("", None, None),
            (" \n", None, None),
            ("{}", None, None),
            (r#"{"url":false,"ttl_ms":1500}"#, None, Some(1500)),
            (r#"{"url":true}"#, url(&[], None), None),
            (
                r#"{"url":true,"rooms":["a","b:c","a"],"transport":"sse","ttl_ms":1}"#,
                url(&["a", "b:c"], Some(Transport::Sse)),
                Some(1),
            ),
        ] {
            let ttl = ttl.map(Duration::from_millis);
            assert_eq!(parse(body), Ok(Swap { url, ttl }), "{body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        for (body, code) in [
            ("{", Code::InvalidJson),
            ("[]", Code::BadRequest),
            (r#"{"url":1}"#, Code::BadRequest),
            (r#"{"url":true,"rooms":"a"}"#, Code::BadRequest),
            (r#"{"url":true,"rooms":["a b"]}"#, Code::InvalidRoom),
            (r#"{"url":true,"rooms":["*"]}"#, Code::InvalidRoom),
            (r#"{"url":true,"transport":"pigeon"}"#, Code::BadRequest),
            (r#"{"rooms":["a"]}"#, Code::BadRequest),
            (r#"{"transport":"sse"}"#, Code::BadRequest),
            (r#"{"ttl_ms":0}"#, Code::BadRequest),
            (r#"{"ttl_ms":-1}"#, Code::BadRequest),
            (r#"{"ttl_ms":31536000001}"#, Code::BadRequest),
            (r#"{"url":null}"#, Code::BadRequest),
            (r#"{"ttl_ms":1.5}"#, Code::BadRequest),
            (r#"{"rights":"all"}"#, Code::BadRequest),
        ] {
            assert_eq!(parse(body).unwrap_err(), code, "{body}");
        }
        let refusal = Swap::parse(b"\xff").unwrap_err();
        assert_eq!(refusal.code, Code::InvalidUtf8);
    }
}
