//! What a run does: where its clients connect, what they say there, where it publishes and what.

use std::fmt::Display;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};

use super::Args;
use super::http1::{self, Head};
use super::mark::{Mark, Marks};
use crate::cli::remote::Refused;
use crate::lifecycle::random;
use crate::model::transport::Transport;
use crate::outbound::dial::Dialer;
use crate::outbound::error::Error;
use crate::wire::websocket::Offer;

/// How long a poll waits for an event, in seconds.
const WAIT: u32 = 25;
/// Without a credential a WebSocket is open and silent until somebody says who is there; a message that wants an answer
/// finds that out at once.
const WHO_AM_I: &str = r#"{"type":"ping","ref":"am I in"}"#;

/// A server, and what every request there begins with.
pub(super) struct Target {
    pub(super) dialer: Dialer,
    request: Request<Bytes>,
}

/// A run, the same for each of its clients.
pub(super) struct Plan {
    pub(super) transport: Transport,
    /// Whether it is gatecast that is spoken to, whose messages are understood.
    pub(super) is_native: bool,
    pub(super) marks: Marks,
    pub(super) stream: Target,
    /// What a WebSocket says first.
    pub(super) hello: Vec<String>,
    /// A text message, and how it is answered.
    pub(super) answer: Option<(String, String)>,
    /// Where the clients begin; nothing: with what comes.
    pub(super) since: Option<String>,
    /// With so many events every client has all.
    pub(super) replay: Option<u32>,
}

/// Where it publishes.
pub(super) struct Publication {
    pub(super) target: Target,
    /// With `{MARK}` where the payload belongs.
    body: String,
    size: usize,
}

impl Plan {
    /// What `args` say.
    pub(super) async fn new(args: &Args) -> Result<Self, String> {
        let stream = match &args.against.against {
            Some(uri) => Target::foreign(args, uri, Method::GET, &args.against.headers).await?,
            None => Target::native(args, Method::GET, &stream_path(args)).await?,
        };
        let is_native = args.against.against.is_none();
        let hello = if is_native && !args.remote.has_credential() {
            vec![WHO_AM_I.to_owned()]
        } else {
            args.against.hello.clone()
        };
        Ok(Self {
            transport: args.transport,
            is_native,
            marks: Marks::of_run(random::bits()),
            stream,
            hello,
            answer: args.against.answer.clone(),
            since: None,
            replay: args.herd,
        })
    }

    /// The request of a stream or a poll after `cursor`, with a WebSocket's `offer`.
    pub(super) fn get(
        &self,
        cursor: Option<&str>,
        offer: Option<&Offer>,
    ) -> Result<Vec<u8>, String> {
        let mut request = self.stream.request.clone();
        let polls = self.transport == Transport::LongPoll;
        if let Some(cursor) = cursor {
            let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
            let wait = if polls {
                format!("&wait={WAIT}")
            } else {
                String::new()
            };
            let uri = format!("{}&since={cursor}{wait}", request.uri());
            *request.uri_mut() = uri.parse().map_err(|_| "a cursor that no URL takes")?;
        }
        let headers = request.headers_mut();
        if self.transport == Transport::Sse {
            headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        }
        for (name, value) in offer.iter().flat_map(|offer| offer.headers()) {
            if self.is_native || name != SEC_WEBSOCKET_PROTOCOL {
                let value = HeaderValue::from_str(value).map_err(|why| why.to_string())?;
                headers.insert(name, value);
            }
        }
        Ok(http1::request(&request))
    }

    /// Whether `head` opens what was asked for.
    pub(super) fn is_open(&self, head: &Head, offer: Option<&Offer>) -> bool {
        let Some(offer) = offer else {
            let kind = head.headers.get(CONTENT_TYPE);
            return head.status == StatusCode::OK
                && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        };
        // Load is put also on servers that do not take the handshake seriously.
        head.status == StatusCode::SWITCHING_PROTOCOLS
            && (!self.is_native || offer.is_accepted(&head.headers))
    }
}

impl Publication {
    /// What `args` say.
    pub(super) async fn new(args: &Args) -> Result<Self, String> {
        let (target, body) = match &args.against.publish_to {
            Some(uri) => {
                let headers = &args.against.publish_headers;
                let target = Target::foreign(args, uri, Method::POST, headers).await?;
                (target, args.against.publish_body.clone())
            }
            None => {
                let path = format!("/v1/rooms/{}/events", args.room);
                let mut target = Target::native(args, Method::POST, &path).await?;
                let json = HeaderValue::from_static("application/json");
                target.request.headers_mut().insert(CONTENT_TYPE, json);
                (target, r#"{"event":"bench","data":"{MARK}"}"#.to_owned())
            }
        };
        Ok(Self {
            target,
            body,
            size: args.size,
        })
    }

    /// The request that publishes `mark`.
    pub(super) fn request(&self, marks: &Marks, mark: Mark) -> Vec<u8> {
        self.with(&marks.payload(mark, self.size))
    }

    /// The request that publishes `payload`.
    pub(super) fn with(&self, payload: &str) -> Vec<u8> {
        let mut request = self.target.request.clone();
        *request.body_mut() = self.body.replace("{MARK}", payload).into();
        http1::request(&request)
    }
}

impl Target {
    async fn native(args: &Args, method: Method, path: &str) -> Result<Self, String> {
        let request = args.remote.request(method, path, "")?;
        let dialer = Dialer::new(&args.remote.trust()?, request.uri()).await;
        let dialer = dialer.map_err(|why| args.remote.unanswered(&why))?;
        Ok(Self { dialer, request })
    }

    async fn foreign(
        args: &Args,
        uri: &Uri,
        method: Method,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Self, String> {
        let mut request = Request::new(Bytes::new());
        (*request.method_mut(), *request.uri_mut()) = (method, uri.clone());
        request.headers_mut().extend(headers.iter().cloned());
        let dialer = Dialer::new(&args.remote.trust()?, uri).await;
        let dialer = dialer.map_err(|why| unanswered(uri, &why))?;
        Ok(Self { dialer, request })
    }
}

/// Why a publish came to nothing, in words.
pub(super) fn unpublished(args: &Args, why: &Result<Refused, Error>) -> String {
    match (&args.against.publish_to, why) {
        (None, Ok(refused)) => args.remote.refused(refused),
        (None, Err(error)) => args.remote.unanswered(error),
        (Some(uri), Ok(refused)) => format!("{uri} answers {}", refused.status),
        (Some(uri), Err(error)) => unanswered(uri, error),
    }
}

fn unanswered(uri: &Uri, why: &dyn Display) -> String {
    format!("{uri} cannot be reached: {why}")
}

fn stream_path(args: &Args) -> String {
    let transport = args.transport.as_str();
    format!(
        "/v1/stream?transport={transport}&room={}&on_error=status",
        args.room
    )
}
