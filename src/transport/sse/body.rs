//! An event stream as the body of a response: whole blocks, and an end that is heard.

use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use crate::lifecycle::clock::Clock;
use crate::model::code::Refusal;
use crate::transport::context::come_back;
use crate::transport::link::Hold;
use crate::wire::control::Control;
use crate::wire::sse;

use super::pipe::Piece;

/// The stream broke off on purpose, so that its client comes back.
#[derive(Debug)]
pub struct BrokenOff;

/// The body of a stream whose task sends `pieces`.
pub(super) fn body(
    mut pieces: mpsc::Receiver<Piece>,
    hold: Hold,
    clock: Clock,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    stream! {
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Blocks(bytes) => yield Ok(bytes),
                // hyper takes the second part from here once HTTP/2's window has room for all of the first, and for
                // this byte: what is beyond the window would be lost with the stream's reset.
                Piece::Last(mut bytes) => {
                    let last = bytes.split_off(bytes.len().saturating_sub(1));
                    yield Ok(bytes);
                    yield Ok(last);
                    break;
                }
                Piece::End => return,
            }
        }
        // Also where the task ended without a word: a clean end would tell the client to stay away.
        break_off(&hold, &clock).await;
        yield Err(BrokenOff);
    }
}

/// The body that tells a refusal which time can heal to a client that any status but 200 would stop for ever:
/// when to come back, why, and an abrupt end.
pub fn refusal(
    clock: Clock,
    refusal: Refusal,
    hold: Hold,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    let hold = hold.into_stream();
    stream! {
        let retry = refusal.retry_after.unwrap_or_else(come_back).max(come_back());
        yield Ok(Bytes::from(sse::control(&Control::error(None, refusal), Some(retry))));
        break_off(&hold, &clock).await;
        yield Err(BrokenOff);
    }
}

/// How long the last block may take to the client's own code before the stream breaks off.
const HEARD: Duration = Duration::from_millis(250);

/// Waits until the client has what was written. That its socket has it is not enough: Chromium throws away what its
/// page has not read yet when the stream breaks off, and so do readers of `fetch` bodies.
async fn break_off(hold: &Hold, clock: &Clock) {
    hold.flushed().await;
    clock.sleep(HEARD).await;
}

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the stream broke off on purpose")
    }
}

impl std::error::Error for BrokenOff {}

impl From<Infallible> for BrokenOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
