//! Requests for a stream: the query and the headers that decide, and the WebSocket handshake.

use std::collections::HashSet;
use std::time::Duration;

use http::header::{SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, Method, Version};

use super::assert_tells_why;
use super::request::Head;
use crate::model::code::Code;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::wire::negotiate::{StreamRequest, is_upgrade};
use crate::wire::query::Query;
use crate::wire::websocket::deflate::negotiate;
use crate::wire::websocket::{SUBPROTOCOL, handshake};

/// The head of a request.
pub fn stream_request(data: &[u8]) {
    let Some(head) = Head::read(data) else { return };
    assert_query_reads_back(&head.query);
    assert_handshake(&head);
    assert_extensions(&head.headers);
    match StreamRequest::parse(&head.method, head.version, &head.headers, &head.query) {
        Ok(request) => assert_reads_back(&request),
        Err(refusal) => {
            assert_tells_why(&refusal);
            let known = [Code::BadRequest, Code::InvalidRoom, Code::InvalidCursor];
            assert!(known.contains(&refusal.code), "{refusal}");
        }
    }
}

fn assert_query_reads_back(query: &Query) {
    let mut printed = form_urlencoded::Serializer::new(String::new());
    printed.extend_pairs(query.pairs());
    let again = Query::parse(Some(&printed.finish()));
    assert!(again == *query, "{query:?}");
}

/// What a request asks for, said in its query alone, is the same request.
fn assert_reads_back(request: &StreamRequest) {
    assert!(request.wait <= Duration::from_secs(55));
    let distinct: HashSet<_> = request.rooms.iter().collect();
    assert_eq!(distinct.len(), request.rooms.len());
    let query = Query::parse(Some(&printed(request)));
    let headers = HeaderMap::new();
    let again = StreamRequest::parse(&Method::GET, Version::HTTP_10, &headers, &query);
    assert_eq!(again.as_ref(), Ok(request));
}

fn printed(request: &StreamRequest) -> String {
    let flag = |flag: bool| if flag { "1" } else { "0" }.to_owned();
    let mut pairs = vec![
        ("transport", request.transport.as_str().to_owned()),
        ("wait", request.wait.as_secs().to_string()),
        ("data", if request.raw { "raw" } else { "envelope" }.into()),
        ("padding", flag(request.padding)),
        ("batch", flag(request.batch)),
    ];
    if request.quiet_heartbeat {
        pairs.push(("heartbeat", "comment".into()));
    }
    if request.plain_refusals {
        pairs.push(("on_error", "status".into()));
    }
    pairs.extend(
        request
            .rooms
            .iter()
            .map(|room| ("room", room.as_str().to_owned())),
    );
    pairs.extend(match request.start {
        Start::Now => None,
        Start::At(position) => Some(("since", position.to_cursor())),
        // As `since` it would be refused to all but an event stream.
        Start::Unreadable => Some(("lastEventId", "unreadable".into())),
        Start::Earliest => Some(("since", "earliest".into())),
        Start::Newest(count) => {
            assert!((1..=1000).contains(&count));
            Some(("rewind", count.to_string()))
        }
    });
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    query.finish()
}

fn assert_handshake(head: &Head) {
    let upgrade = is_upgrade(&head.method, head.version, &head.headers);
    let no_query = Query::default();
    let by_headers = StreamRequest::parse(&head.method, head.version, &head.headers, &no_query);
    if let Ok(request) = by_headers {
        assert_eq!(request.transport == Transport::WebSocket, upgrade);
    }
    match handshake(&head.method, head.version, &head.headers) {
        Ok(agreed) => {
            assert!(upgrade);
            if head.version == Version::HTTP_11 {
                assert_eq!(head.headers.get_all(SEC_WEBSOCKET_KEY).iter().count(), 1);
            }
            let accept = agreed.accept.map(|accept| accept.len());
            let is_http1 = head.version == Version::HTTP_11;
            assert_eq!(accept, is_http1.then_some(28), "a SHA-1 in base64");
            if let Some(protocol) = agreed.protocol {
                assert!(protocol.eq_ignore_ascii_case(SUBPROTOCOL));
                let mut offers = head.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
                let offered = |value: &http::HeaderValue| {
                    let value = value.to_str().unwrap_or_default();
                    value.split(',').any(|offer| offer.trim() == protocol)
                };
                assert!(offers.any(offered));
            }
        }
        Err(refusal) => {
            assert_tells_why(&refusal);
            let known = [Code::BadRequest, Code::UpgradeRequired];
            assert!(known.contains(&refusal.code), "{refusal}");
        }
    }
}

/// What is agreed on, offered again, is agreed on.
fn assert_extensions(headers: &HeaderMap) {
    match negotiate(headers) {
        Ok(Some(agreed)) => {
            let mut again = HeaderMap::new();
            let text = agreed.to_string().parse().unwrap();
            again.insert(SEC_WEBSOCKET_EXTENSIONS, text);
            assert_eq!(negotiate(&again), Ok(Some(agreed)));
        }
        Ok(None) => {}
        Err(refusal) => assert_tells_why(&refusal),
    }
}
