//! What a request for a stream asks for: transport, rooms, cursor and options, from headers and query.

use std::time::Duration;

use http::header::{ACCEPT, CONNECTION, UPGRADE};
use http::{HeaderMap, Method, Version};

use crate::model::code::{Code, Refusal};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::transport::Transport;

use super::accept::weighted;
use super::publish;
use super::query::Query;

/// A well-formed request for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRequest {
    /// How the events shall come.
    pub transport: Transport,
    /// The rooms named, without repetition; none: the role's default rooms.
    pub rooms: Vec<Room>,
    /// Where to begin.
    pub start: Start,
    /// Whether the retained state of its rooms is to come too.
    pub snapshot: bool,
    /// What it is called by those who publish to all but some.
    pub origin: Option<Box<str>>,
    /// Long-poll: how long to wait for an event.
    pub wait: Duration,
    /// SSE: the payload alone as data.
    pub raw: bool,
    /// SSE: a prelude of 2 KB, for clients and proxies that hold the first bytes back.
    pub padding: bool,
    /// SSE: heartbeats as comments.
    pub quiet_heartbeat: bool,
    /// WebSocket: several messages joined by line ends in one frame.
    pub batch: bool,
    /// Refusals as plain statuses, whatever the transport.
    pub plain_refusals: bool,
}

const WAIT: std::ops::RangeInclusive<u64> = 0..=55;
const REWIND: std::ops::RangeInclusive<u64> = 1..=1000;
/// How long a poll with a cursor waits unless it says otherwise.
const DEFAULT_WAIT: Duration = Duration::from_secs(25);

impl StreamRequest {
    /// Reads a request for a stream.
    ///
    /// # Errors
    /// A parameter is malformed: `bad_request`, `invalid_room`, `invalid_cursor`.
    pub fn parse(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        query: &Query,
    ) -> Result<Self, Refusal> {
        let transport = transport(method, version, headers, query)?;
        let start = start(transport, headers, query)?;
        let wait = query.number("wait", WAIT)?.map(Duration::from_secs);
        Ok(Self {
            transport,
            rooms: rooms(query)?,
            snapshot: snapshot(start, query)?,
            origin: query.get("origin").map(publish::origin_of).transpose()?,
            start,
            wait: wait.unwrap_or(if start.is_resume() {
                DEFAULT_WAIT
            } else {
                Duration::ZERO
            }),
            raw: query.word("data", &["raw", "envelope"])? == Some("raw"),
            padding: query.switch("padding")?,
            quiet_heartbeat: query.word("heartbeat", &["comment", "event"])? == Some("comment"),
            batch: query.switch("batch")?,
            plain_refusals: plain_refusals(query)?,
        })
    }
}

/// Whether the retained state is to come too.
///
/// # Errors
/// It is asked for beside the past: which of both would come first?
fn snapshot(start: Start, query: &Query) -> Result<bool, Refusal> {
    let snapshot = query.switch("snapshot")?;
    if snapshot && matches!(start, Start::Newest(_) | Start::Earliest) {
        let message = "either `snapshot` or the past (`rewind`, `since=earliest`), not both";
        return Err(Refusal::new(Code::BadRequest, message));
    }
    Ok(snapshot)
}

/// Whether the client asks for plain statuses (`on_error=status`).
///
/// # Errors
/// `on_error` is something else.
pub fn plain_refusals(query: &Query) -> Result<bool, Refusal> {
    Ok(query.word("on_error", &["status", "stream"])? == Some("status"))
}

/// The transport: what `transport` names, else by the headers.
///
/// # Errors
/// `transport` names none.
pub fn transport(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    query: &Query,
) -> Result<Transport, Refusal> {
    if let Some(name) = query.word("transport", &["websocket", "sse", "long-poll"])? {
        return Ok(Transport::parse(name).unwrap_or(Transport::LongPoll));
    }
    Ok(if is_upgrade(method, version, headers) {
        Transport::WebSocket
    } else if method == Method::GET && accepts_event_stream(headers) {
        Transport::Sse
    } else {
        Transport::LongPoll
    })
}

/// Whether the request asks for a WebSocket: by an upgrade over HTTP/1.1 (RFC 6455 §4.1), by CONNECT over HTTP/2 (RFC
/// 8441 §4; with no other `:protocol` does CONNECT get this far). Over HTTP/1.0 there is no upgrade (RFC 9110 §7.8).
#[must_use]
pub fn is_upgrade(method: &Method, version: Version, headers: &HeaderMap) -> bool {
    if version == Version::HTTP_2 {
        return method == Method::CONNECT;
    }
    version == Version::HTTP_11
        && tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
        && tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
}

/// The members of a comma-separated header, over all its lines.
pub(crate) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &http::HeaderName,
) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

fn accepts_event_stream(headers: &HeaderMap) -> bool {
    weighted(headers, &ACCEPT)
        .any(|(kind, weight)| kind.eq_ignore_ascii_case("text/event-stream") && weight > 0.0)
}

/// The rooms that `room=` names, without repetition.
///
/// # Errors
/// `invalid_room`.
pub fn rooms(query: &Query) -> Result<Vec<Room>, Refusal> {
    let mut rooms = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for name in query.all("room") {
        let room = publish::room(name)?;
        if seen.insert(room.clone()) {
            rooms.push(room);
        }
    }
    Ok(rooms)
}

/// The first of `Last-Event-ID`, `since`, `last_event_id`, `lastEventId` that is not empty; else the start.
fn start(transport: Transport, headers: &HeaderMap, query: &Query) -> Result<Start, Refusal> {
    let rewind = query.number("rewind", REWIND)?;
    let header = headers
        .get("last-event-id")
        .filter(|value| !value.is_empty());
    let since = query.get("since");
    let named = query
        .get("last_event_id")
        .or_else(|| query.get("lastEventId"));
    if let Some(header) = header {
        return Ok(header.to_str().map_or(Start::Unreadable, cursor));
    }
    match (since, named, rewind) {
        (Some("earliest"), _, _) => Ok(Start::Earliest),
        (Some(text), _, _) if cursor(text) == Start::Unreadable && transport != Transport::Sse => {
            Err(invalid_cursor("since"))
        }
        (Some(text), _, _) => Ok(cursor(text)),
        (None, Some(text), _) => Ok(cursor(text)),
        (None, None, Some(count)) => Ok(Start::Newest(usize::try_from(count).unwrap_or(1))),
        (None, None, None) => Ok(Start::Now),
    }
}

fn cursor(text: &str) -> Start {
    Position::parse_cursor(text).map_or(Start::Unreadable, Start::At)
}

/// The refusal of a parameter or field `name` that is no cursor.
#[must_use]
pub fn invalid_cursor(name: &str) -> Refusal {
    let error = crate::model::position::InvalidCursor;
    Refusal::new(Code::InvalidCursor, format!("`{name}` is {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::position::Epoch;

    const P: Position = Position {
        epoch: Epoch::from_random(5),
        seq: 9,
    };

    fn parse(headers: &[(&'static str, &str)], query: &str) -> Result<StreamRequest, Code> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let query = Query::parse(Some(query));
        StreamRequest::parse(&Method::GET, Version::HTTP_11, &map, &query)
            .map_err(|refusal| refusal.code)
    }

    const UPGRADE: [(&str, &str); 2] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
    ];

    #[test]
    fn headers_choose_the_transport_and_the_query_overrules_them() {
        let of = |headers: &[(&'static str, &str)], query| parse(headers, query).unwrap().transport;
        assert_eq!(of(&UPGRADE, ""), Transport::WebSocket);
        assert_eq!(of(&UPGRADE[..1], ""), Transport::LongPoll);
        assert_eq!(
            of(&[("accept", "text/html, Text/Event-Stream;q=0.9")], ""),
            Transport::Sse
        );
        assert_eq!(
            of(&[("accept", "text/event-stream;q=0")], ""),
            Transport::LongPoll
        );
        assert_eq!(
            of(&[("accept", "text/event-stream; Q=0.0")], ""),
            Transport::LongPoll
        );
        assert_eq!(of(&[("accept", "*/*")], ""), Transport::LongPoll);
        assert_eq!(of(&UPGRADE, "transport=sse"), Transport::Sse);
        assert_eq!(of(&[], "transport=websocket"), Transport::WebSocket);
        assert_eq!(parse(&[], "transport=pigeon"), Err(Code::BadRequest));
        let mut headers = HeaderMap::new();
        UPGRADE
            .iter()
            .for_each(|(name, value)| assert!(!headers.append(*name, value.parse().unwrap())));
        assert!(!is_upgrade(&Method::GET, Version::HTTP_10, &headers));
    }

    #[test]
    fn the_first_cursor_wins_and_an_empty_one_is_absent() {
        let (p, q) = (P.to_cursor(), Position { seq: 8, ..P }.to_cursor());
        let from = |headers: &[(&'static str, &str)], query: &str| {
            parse(headers, query).map(|one| one.start)
        };
        let header = [("last-event-id", p.as_str())];
        assert_eq!(from(&header, &format!("since={q}")), Ok(Start::At(P)));
        assert_eq!(
            from(&[("last-event-id", "")], &format!("since={p}")),
            Ok(Start::At(P))
        );
        assert_eq!(
            from(&[], &format!("since=&last_event_id={p}&lastEventId={q}")),
            Ok(Start::At(P))
        );
        assert_eq!(
            from(&[], &format!("lastEventId={p}&rewind=5")),
            Ok(Start::At(P))
        );
        assert_eq!(from(&[], "since=earliest"), Ok(Start::Earliest));
        assert_eq!(from(&[], "rewind=5"), Ok(Start::Newest(5)));
        assert_eq!(from(&[], ""), Ok(Start::Now));
        assert_eq!(from(&[], "rewind=0"), Err(Code::BadRequest));
        assert_eq!(from(&[], "rewind=1001"), Err(Code::BadRequest));
    }

    #[test]
    fn what_is_no_cursor_is_refused_only_as_since_and_only_where_no_event_source_dies_of_it() {
        let from = |headers: &[(&'static str, &str)], query: &str| {
            parse(headers, query).map(|one| one.start)
        };
        assert_eq!(from(&[], "since=nonsense"), Err(Code::InvalidCursor));
        assert_eq!(
            from(&[("accept", "text/event-stream")], "since=nonsense"),
            Ok(Start::Unreadable)
        );
        assert_eq!(
            from(&[("last-event-id", "nonsense")], ""),
            Ok(Start::Unreadable)
        );
        assert_eq!(from(&[], "lastEventId=nonsense"), Ok(Start::Unreadable));
    }

    #[test]
    fn a_poll_waits_by_default_only_with_a_cursor() {
        let wait = |query: &str| parse(&[], query).map(|one| one.wait.as_secs());
        assert_eq!(wait(""), Ok(0));
        assert_eq!(wait(&format!("since={P}")), Ok(25));
        assert_eq!(wait("wait=55"), Ok(55));
        assert_eq!(wait("wait=56"), Err(Code::BadRequest));
    }

    #[test]
    fn the_state_comes_on_its_own_and_an_origin_is_short() {
        let read = |query: &str| parse(&[], query);
        assert!(read("snapshot=1").unwrap().snapshot && !read("").unwrap().snapshot);
        assert_eq!(read("snapshot=1&rewind=5"), Err(Code::BadRequest));
        assert_eq!(read("snapshot=1&since=earliest"), Err(Code::BadRequest));
        // `EventSource` repeats its URL.
        assert!(
            read(&format!("snapshot=1&rewind=5&since={P}"))
                .unwrap()
                .snapshot
        );
        assert_eq!(
            read("origin=tab-7").unwrap().origin.as_deref(),
            Some("tab-7")
        );
        assert_eq!(read("origin="), read(""));
        let long = format!("origin={}", "x".repeat(65));
        for wrong in ["snapshot=yes", "origin=a+b", &long] {
            assert_eq!(read(wrong), Err(Code::BadRequest), "{wrong}");
        }
    }

    #[test]
    fn rooms_are_checked_and_named_once() {
        let rooms = |query: &str| parse(&[], query).map(|one| one.rooms.len());
        assert_eq!(rooms("room=a&room=b&room=a"), Ok(2));
        assert_eq!(rooms("room=*"), Err(Code::InvalidRoom));
        assert_eq!(rooms("room="), Err(Code::InvalidRoom));
    }
}
