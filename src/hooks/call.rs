//! One request to a hook, and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use super::failure::Failure;
use super::settings::Hook;
use super::sign::{MessageId, seconds, signature};
use crate::lifecycle::clock::Clock;
use crate::model::time::Moment;
use crate::model::trace::TraceParent;
use crate::outbound::body::Body;
use crate::outbound::error::{Error, Fault};
use crate::outbound::{Client, retry_after};

/// What is sent.
pub(super) struct Sent<'a> {
    pub(super) id: &'a MessageId,
    pub(super) trace: Option<TraceParent>,
    pub(super) body: Bytes,
}

/// What is done with the body of an answer.
#[derive(Clone, Copy)]
pub(super) enum Taken {
    /// It is what was asked for, and has so many bytes at most.
    Whole(usize),
    /// Nothing: that there is an answer says enough. It is read, up to a bound, so that its connection can be used again.
    Away,
}

/// The most that is read of an answer in which nobody is interested, in bytes.
const AWAY: usize = 64 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Sends it, and gives what the answer holds; all before `deadline`.
pub(super) async fn call(
    client: &Client,
    clock: &Clock,
    hook: &Hook,
    sent: Sent<'_>,
    taken: Taken,
    deadline: Moment,
) -> Result<Bytes, Failure> {
    let request = request(hook, sent, seconds(clock.unix()))?;
    let left = || deadline.since(clock.now());
    let answer = client.open(request, left()).await.map_err(Failure::None)?;
    let (head, body) = well(answer)?.into_parts();
    match taken {
        Taken::Whole(most) => {
            if is_encoded(&head.headers) {
                return Err(Failure::Encoded);
            }
            whole(clock, body, most, left()).await
        }
        Taken::Away => {
            // Whatever comes: it has heard it.
            let _ = whole(clock, body, AWAY, left()).await;
            Ok(Bytes::new())
        }
    }
}

async fn whole(clock: &Clock, body: Body, most: usize, within: Duration) -> Result<Bytes, Failure> {
    let late = || Error::new(Fault::TimedOut, "no answer in time");
    let read = clock.timeout(within, body.whole(most)).await;
    let read = read.unwrap_or_else(|| Err(late()));
    read.map_err(|error| {
        // Somebody who finds out what makes an answer large shuts the hook for nobody.
        if error.fault == Fault::TooLarge {
            Failure::TooLarge(error)
        } else {
            Failure::None(error)
        }
    })
}

fn request(hook: &Hook, sent: Sent<'_>, seconds: u64) -> Result<Request<Bytes>, Failure> {
    let signature = signature(&hook.keys, sent.id, seconds, &sent.body);
    let mut request = Request::post(hook.url.uri().clone())
        .header(CONTENT_TYPE, JSON)
        .header(ACCEPT, JSON)
        .header("webhook-id", sent.id.as_str())
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature);
    if let Some(trace) = sent.trace {
        request = request.header("traceparent", trace.to_string());
    }
    let made = request.body(sent.body);
    made.map_err(|why| Failure::None(Error::new(Fault::Unreachable, why.to_string())))
}

/// An answer whose status says that there is one.
fn well(answer: Response<Body>) -> Result<Response<Body>, Failure> {
    match answer.status() {
        status if status.is_success() && status != StatusCode::PARTIAL_CONTENT => Ok(answer),
        status => Err(Failure::Status(status, retry_after(answer.headers()))),
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(CONTENT_ENCODING);
    codings.iter().any(|coding| coding != "identity")
}
