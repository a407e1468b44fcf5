//! An event stream as the body of an HTTP/2 response: whole blocks, and an end that is heard.

use std::convert::Infallible;

use async_stream::stream;
use bytes::Bytes;
use futures_util::Stream;

use crate::transport::link::Hold;

use super::pipe::Outlet;

/// The stream broke off on purpose, so that its client comes back.
#[derive(Debug)]
pub struct BrokenOff;

/// The body of what is written into a pipe. It breaks off where the pipe does: a clean end would tell the client to stay
/// away.
pub fn body(
    mut outlet: Outlet,
    hold: Hold,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send + 'static {
    let hold = hold.into_stream();
    stream! {
        while let Some(piece) = outlet.next().await {
            yield Ok(piece);
        }
        if !outlet.ended_cleanly() {
            // An error would overtake what hyper still has.
            hold.flushed().await;
            yield Err(BrokenOff);
        }
    }
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
