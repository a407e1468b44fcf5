//! Request bodies: whole, bounded, and in time.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use crate::model::code::{Code, Refusal};

use super::Service;

impl Service {
    /// Reads a body of at most `most` bytes.
    ///
    /// # Errors
    /// `too_large` before the rest is read, `timeout`, or `bad_request` if it breaks off.
    pub(super) async fn body(&self, body: Incoming, most: usize) -> Result<Bytes, Refusal> {
        let too_large = || {
            Refusal::new(
                Code::TooLarge,
                format!("a request body has at most {most} bytes"),
            )
            .limit("body")
        };
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        let read = Limited::new(body, most).collect();
        let in_time = self
            .context
            .clock
            .timeout(self.context.rules().timeouts.body, read);
        let read = tokio::select! {
            read = in_time => read,
            () = self.hurried() => None,
        };
        match read {
            Some(Ok(body)) => Ok(body.to_bytes()),
            Some(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Some(Err(_)) => Err(Refusal::new(Code::BadRequest, "the request body broke off")),
            None => Err(
                Refusal::new(Code::Timeout, "the request body took too long")
                    .limit("timeouts.body"),
            ),
        }
    }

    /// Returns a moment after the gateway has begun to drain: half a request must not hold it up.
    async fn hurried(&self) {
        self.context.draining.clone().begun().await;
        self.context.clock.sleep(self.context.goodbye).await;
    }
}
