//! Requests: which are refused, and with what.

use http::Method;

use super::super::*;
use crate::wire::query::Query;

const POLLS: &str = "known";
const UPGRADED: &str = "upgraded";

fn session(sid: &str) -> Option<(String, Transport)> {
    let carrier = match sid {
        POLLS => Transport::Polling,
        UPGRADED => Transport::WebSocket,
        _ => return None,
    };
    Some((sid.to_owned(), carrier))
}

fn check(method: &Method, upgrades: bool, query: &str) -> Result<Asked<String>, Rejection> {
    let request = Request::parse(&Query::parse(Some(query)));
    request.check(method, upgrades, session, || query.contains("refused"))
}

fn get(query: &str) -> Result<Asked<String>, Rejection> {
    check(&Method::GET, false, query)
}

fn upgrade(query: &str) -> Result<Asked<String>, Rejection> {
    check(&Method::GET, true, query)
}

#[test]
fn a_request_asks_for_one_of_four_things() {
    let post = |query| check(&Method::POST, false, query);
    assert_eq!(
        get("EIO=4&transport=polling&t=N8hyd6w"),
        Ok(Asked::Handshake(Transport::Polling))
    );
    assert_eq!(
        upgrade("EIO=4&transport=websocket"),
        Ok(Asked::Handshake(Transport::WebSocket))
    );
    let http2 = check(&Method::CONNECT, true, "EIO=4&transport=websocket");
    assert_eq!(http2, Ok(Asked::Handshake(Transport::WebSocket)));
    assert_eq!(
        get("EIO=4&transport=polling&sid=known"),
        Ok(Asked::Poll(POLLS.into()))
    );
    assert_eq!(
        post("EIO=4&transport=polling&sid=known"),
        Ok(Asked::Post(POLLS.into()))
    );
    for sid in [POLLS, UPGRADED] {
        assert_eq!(
            upgrade(&format!("EIO=4&transport=websocket&sid={sid}")),
            Ok(Asked::Upgrade(sid.into()))
        );
    }
}

#[test]
fn each_refusal_has_its_code_its_status_and_its_sentence() {
    let table: Vec<_> = Rejection::ALL
        .into_iter()
        .map(|one| (one.status().as_u16(), one.to_json()))
        .collect();
    let row = |status, json: &str| (status, json.to_owned());
    assert_eq!(
        table,
        [
            row(400, r#"{"code":0,"message":"Transport unknown"}"#),
            row(400, r#"{"code":1,"message":"Session ID unknown"}"#),
            row(400, r#"{"code":2,"message":"Bad handshake method"}"#),
            row(400, r#"{"code":3,"message":"Bad request"}"#),
            row(403, r#"{"code":4,"message":"Forbidden"}"#),
            row(
                400,
                r#"{"code":5,"message":"Unsupported protocol version"}"#
            ),
        ]
    );
    for (place, one) in Rejection::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(one.code()), place);
        assert!(one.to_json().contains(one.message()));
    }
}

/// From a request with every mistake, one mistake mended after the other.
#[test]
fn of_several_mistakes_the_first_check_speaks() {
    let put = |query| check(&Method::PUT, false, query);
    for (answer, rejection) in [
        (
            put("transport=pigeon&sid=strange&refused"),
            Rejection::TransportUnknown,
        ),
        (
            put("transport=websocket&sid=strange&refused"),
            Rejection::SessionUnknown,
        ),
        (
            put("transport=websocket&sid=known&refused"),
            Rejection::BadRequest,
        ),
        (
            put("transport=websocket&refused"),
            Rejection::HandshakeMethod,
        ),
        (get("transport=websocket&refused"), Rejection::BadRequest),
        (get("transport=polling&refused"), Rejection::Forbidden),
        (get("transport=polling"), Rejection::Version),
    ] {
        assert_eq!(answer, Err(rejection));
    }
    assert!(get("transport=polling&EIO=4").is_ok());
}

#[test]
fn a_transport_is_one_of_two_names() {
    for query in [
        "EIO=4",
        "EIO=4&transport=",
        "EIO=4&transport=abc",
        "EIO=4&transport=Polling",
        "EIO=4&transport=webtransport",
    ] {
        assert_eq!(get(query), Err(Rejection::TransportUnknown), "{query}");
        assert_eq!(upgrade(query), Err(Rejection::TransportUnknown), "{query}");
    }
}

#[test]
fn only_revision_four_is_spoken_and_only_a_handshake_is_asked() {
    for query in [
        "",
        "EIO=",
        "EIO=abc",
        "EIO=3",
        "EIO=04",
        "EIO=4+",
        "eio=4",
        "EIO=4&EIO=3",
    ] {
        let query = format!("transport=polling&{query}");
        assert_eq!(get(&query), Err(Rejection::Version), "{query}");
    }
    assert!(get("EIO=3&EIO=4&transport=polling").is_ok());
    assert!(get("transport=polling&sid=known").is_ok());
}

#[test]
fn a_session_takes_requests_of_its_own_transport() {
    let polling = "EIO=4&transport=polling&sid=";
    let websocket = "EIO=4&transport=websocket&sid=";
    for (answer, what) in [
        (
            get(&format!("{websocket}{POLLS}")),
            "a WebSocket without an upgrade",
        ),
        (
            get(&format!("{websocket}{UPGRADED}")),
            "a WebSocket without an upgrade",
        ),
        (
            get(&format!("{polling}{UPGRADED}")),
            "a poll after the upgrade",
        ),
        (
            upgrade(&format!("{polling}{POLLS}")),
            "an upgrade to polling",
        ),
        (
            check(&Method::POST, true, &format!("{websocket}{POLLS}")),
            "an upgrade by POST",
        ),
        (
            check(&Method::PUT, false, &format!("{polling}{POLLS}")),
            "a PUT",
        ),
        (
            check(&Method::HEAD, false, &format!("{polling}{POLLS}")),
            "a HEAD",
        ),
        (upgrade("EIO=4&transport=polling"), "an upgrade to polling"),
    ] {
        assert_eq!(answer, Err(Rejection::BadRequest), "{what}");
    }
    assert_eq!(
        get(&format!("{polling}gone")),
        Err(Rejection::SessionUnknown)
    );
    assert_eq!(
        get(&format!("{polling}gone&sid={POLLS}")),
        Ok(Asked::Poll(POLLS.into()))
    );
    // An empty name is none, so this is a handshake.
    assert_eq!(get(polling), Ok(Asked::Handshake(Transport::Polling)));
}

#[test]
fn a_session_is_asked_for_once_and_a_refusal_only_where_it_counts() {
    let request = |query| Request::parse(&Query::parse(Some(query)));
    let never = || panic!("who has a session was let in");
    let asked = request("transport=polling&sid=known").check(&Method::GET, false, session, never);
    assert_eq!(asked, Ok(Asked::Poll(POLLS.into())));
    let shown = format!("{:?}", request("transport=polling&sid=known"));
    assert!(!shown.contains(POLLS), "{shown}");
}
