//! Responses, and the headers that each of them carries.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE, VARY, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Body as _;

use crate::model::code::{Advice, Code, Refusal};
use crate::transport::context::come_back;
use crate::transport::granted::Granted;
use crate::transport::shard::Parked;
use crate::transport::sse::BrokenOff;
use crate::wire::client::Ref;
use crate::wire::problem;
use crate::wire::websocket::Handshake;

use super::rates;
use super::route::Route;

/// A response's body: whole, or a stream that may break off.
pub type Body = UnsyncBoxBody<Bytes, BrokenOff>;
/// A response.
pub type Response = http::Response<Body>;

/// The answer to a request.
pub enum Answer {
    /// A response.
    Whole(Response),
    /// A stream: the head of its response, and what is to be run on the connection behind it.
    Stream(http::Response<()>, Box<Granted>),
    /// A poll that waits: the head of its response, as far as it is known, and what it waits for.
    Poll(http::Response<()>, Parked),
}

impl Answer {
    pub(super) fn headers(&mut self) -> &mut HeaderMap {
        match self {
            Self::Whole(response) => response.headers_mut(),
            Self::Stream(head, _) | Self::Poll(head, _) => head.headers_mut(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Whole(response) => response.status(),
            Self::Stream(head, _) | Self::Poll(head, _) => head.status(),
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Whole(response)
    }
}

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A response that is whole.
pub(super) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, content_type);
    response
}

/// A body that is whole.
pub(super) fn full(body: impl Into<Bytes>) -> Body {
    let body = Full::new(body.into());
    body.map_err(BrokenOff::from).boxed_unsync()
}

fn set<B>(response: &mut http::Response<B>, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// A response without body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Empty::new().map_err(BrokenOff::from).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// The answer to a HEAD (RFC 9110 §9.3.2): what a GET would have said of its body, and no body. hyper leaves it out
/// by itself over HTTP/1.1 only.
pub(super) fn without_body(response: &mut Response) {
    let length = response.body().size_hint().exact();
    if let Some(length) = length {
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Empty::new().map_err(BrokenOff::from).boxed_unsync();
}

/// Plain text for probes.
pub(super) fn text(body: &'static str) -> Response {
    whole(StatusCode::OK, "text/plain; charset=utf-8", body)
}

/// A page that may talk to its own origin only.
pub(super) fn html(body: &'static str) -> Response {
    let mut response = whole(StatusCode::OK, "text/html; charset=utf-8", body);
    let policy = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";
    set(&mut response, CONTENT_SECURITY_POLICY, policy);
    response
}

/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// JSON.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    whole(status, JSON, body)
}

/// The answer to a method that a route does not have.
pub(super) fn method_not_allowed(route: &Route) -> Response {
    let message = format!("this takes {}", route.methods());
    let mut response = refusal(&Refusal::new(Code::MethodNotAllowed, message));
    set(&mut response, ALLOW, route.methods());
    response
}

/// A refusal as problem details, with the headers that its status asks for.
pub(super) fn refusal(refusal: &Refusal) -> Response {
    answer_refused(refusal, None)
}

/// A refusal of the client message `reference`.
pub(super) fn answer_refused(refusal: &Refusal, reference: Option<&Ref>) -> Response {
    let row = refusal.code.row();
    // Whoever is told that there is no room comes back spread, whichever part of the gateway said so.
    let spread = (row.status == 503).then(come_back);
    let refusal = &Refusal {
        retry_after: refusal.retry_after.or(spread),
        ..refusal.clone()
    };
    let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = whole(
        status,
        problem::CONTENT_TYPE,
        problem::to_json(refusal, reference),
    );
    if status == StatusCode::UNAUTHORIZED {
        set(&mut response, WWW_AUTHENTICATE, "Bearer");
    }
    if status == StatusCode::UPGRADE_REQUIRED {
        set(&mut response, UPGRADE, "websocket");
        set(&mut response, CONNECTION, "Upgrade");
        set(&mut response, SEC_WEBSOCKET_VERSION, "13");
    }
    if let (Some(pause), Advice::ComeBack) = (refusal.retry_after, row.advice) {
        // RFC 9110 §10.2.3.
        let seconds = HeaderValue::from(rates::seconds(pause));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    rates::tell(response.headers_mut(), refusal);
    response
}

/// The head of an answer whose body may be long, and so may come compressed.
pub(super) fn long(content_type: &'static str) -> http::Response<()> {
    let mut head = http::Response::new(());
    set(&mut head, CONTENT_TYPE, content_type);
    set(&mut head, VARY, "Accept-Encoding");
    head
}

/// The head of an event stream.
pub(super) fn event_stream() -> http::Response<()> {
    let mut head = http::Response::new(());
    set(&mut head, CONTENT_TYPE, "text/event-stream");
    set(&mut head, CACHE_CONTROL, "no-store, no-transform");
    head
}

/// 101: the connection is a WebSocket from here on. Exactly `Upgrade`, because some clients refuse a list. Over HTTP/2
/// 200, and the stream is one (RFC 8441 §5).
pub(super) fn switching(handshake: Handshake) -> http::Response<()> {
    let mut response = http::Response::new(());
    if handshake.accept.is_some() {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        set(&mut response, CONNECTION, "Upgrade");
        set(&mut response, UPGRADE, "websocket");
    }
    let headers = response.headers_mut();
    let extensions = handshake.deflate.map(|agreed| agreed.to_string());
    for (name, value) in [
        (SEC_WEBSOCKET_ACCEPT, handshake.accept),
        (SEC_WEBSOCKET_PROTOCOL, handshake.protocol),
        (SEC_WEBSOCKET_EXTENSIONS, extensions),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    response
}

/// What every response carries: no store, no proxy's buffer, and the request's id.
pub(super) fn stamp(headers: &mut HeaderMap, id: &str) {
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_room_is_told_when_to_come_back_and_not_all_the_same() {
        for code in Code::ALL.iter().filter(|code| code.row().status == 503) {
            let answers = (0..50).map(|_| refusal(&Refusal::new(*code, "why")));
            let pauses: std::collections::HashSet<_> = answers
                .map(|answer| answer.headers()[RETRY_AFTER].to_str().unwrap().to_owned())
                .collect();
            assert!(pauses.len() > 1, "{code:?}: {pauses:?}");
        }
        let forbidden = refusal(&Refusal::new(Code::Forbidden, "why"));
        assert!(!forbidden.headers().contains_key(RETRY_AFTER));
    }
}
