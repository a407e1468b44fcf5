//! A response's body, which keeps its connection in use until it has been taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, SizeHint};

use crate::service::{Body, Response};
use crate::transport::link::Hold;
use crate::transport::sse::BrokenOff;

/// What hyper is given of a body at a time over HTTP/2, in bytes: it passes a piece on whole once the stream's window
/// has room for any of it.
const PIECE: usize = 16 * 1024;

/// A body and what it holds of its connection.
struct Held {
    body: Body,
    hold: Hold,
    /// Data that waits to be given piece by piece, where it is.
    left: Option<Bytes>,
    in_pieces: bool,
    /// Whether it is an answer, which has an end, and no event stream.
    is_whole: bool,
}

/// The response as it is sent on a connection; `in_pieces` where the connection has streams.
pub(super) fn held(response: Response, hold: Hold, in_pieces: bool) -> Response {
    keep(response, hold, in_pieces, true)
}

/// The same for an event stream over HTTP/2.
pub(super) fn held_stream(response: Response, hold: Hold) -> Response {
    keep(response, hold, true, false)
}

fn keep(response: Response, hold: Hold, in_pieces: bool, is_whole: bool) -> Response {
    if response.body().is_end_stream() {
        return response;
    }
    let hold = hold.into_answer();
    response.map(|body| {
        let left = None;
        Held {
            body,
            hold,
            left,
            in_pieces,
            is_whole,
        }
        .boxed_unsync()
    })
}

impl Held {
    /// The next piece of `data`, which is the rest of longer data or has just come. What fits into one piece stays
    /// whole: an event is one frame. The last byte of longer data goes by itself: it is taken when there is room for
    /// all before it.
    fn piece(&mut self, mut data: Bytes, is_rest: bool) -> Bytes {
        let is_long = is_rest || data.len() > PIECE;
        if !self.in_pieces || !is_long || data.len() <= 1 {
            return data;
        }
        let piece = data.split_to(PIECE.min(data.len() - 1));
        self.left = Some(data);
        piece
    }
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.hold.taken();
        let left = self.left.take();
        let is_rest = left.is_some();
        let data = match left {
            Some(data) => data,
            None => match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            },
        };
        let piece = self.piece(data, is_rest);
        let is_whole = self.is_whole;
        self.hold.gave(is_whole);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.left.as_ref().map_or(0, |left| left.len() as u64);
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + left);
        rest.upper()
            .into_iter()
            .for_each(|upper| hint.set_upper(upper + left));
        hint
    }
}
