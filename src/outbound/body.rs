//! The body of an answer, as it comes or whole.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::error::{Error, Fault};

/// A body under way.
#[derive(Debug)]
pub struct Body(Incoming);

impl From<Incoming> for Body {
    fn from(body: Incoming) -> Self {
        Self(body)
    }
}

impl Body {
    /// The next bytes; nothing at the end, if that is where the framing puts it. Safe to cancel.
    ///
    /// # Errors
    /// The connection broke off before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.0.frame().await {
            // Trailers say nothing to anybody here.
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// All of it.
    ///
    /// # Errors
    /// It has more than `most` bytes, or broke off.
    pub async fn whole(mut self, most: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if bytes.len() > most - all.len() {
                let why = format!("the answer has more than {most} bytes");
                return Err(Error::new(Fault::TooLarge, why));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }
}
