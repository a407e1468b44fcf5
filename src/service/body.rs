//! Request bodies: whole, bounded, and in time.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use crate::model::code::{Code, Refusal};

use super::Service;

/// How much of a body that is too large is still taken, in bytes, so that its sender gets to read the refusal.
const FORGOTTEN: usize = 4 << 20;

impl Service {
    /// Reads a body of at most `most` bytes.
    ///
    /// # Errors
    /// `too_large` before the rest is read, `timeout`, or `bad_request` if it breaks off.
    pub(super) async fn body(&self, mut body: Incoming, most: usize) -> Result<Bytes, Refusal> {
        if body.size_hint().lower() > most as u64 {
            self.forget(body);
            return Err(too_large(most));
        }
        let read = Limited::new(&mut body, most).collect();
        let in_time = self.context.clock.timeout(self.patience.body, read);
        let read = tokio::select! {
            read = in_time => read,
            () = self.hurried() => None,
        };
        match read {
            Some(Ok(body)) => Ok(body.to_bytes()),
            Some(Err(error)) if error.is::<LengthLimitError>() => {
                self.forget(body);
                Err(too_large(most))
            }
            Some(Err(_)) => Err(Refusal::new(Code::BadRequest, "the request body broke off")),
            None => Err(
                Refusal::new(Code::Timeout, "the request body took too long")
                    .limit("timeouts.body"),
            ),
        }
    }

    /// Takes the rest of a refused body while the refusal is on its way. A connection that is closed over unread
    /// bytes is reset, and the reset overtakes the answer (RFC 9112 §9.6): nginx makes a 502 of it.
    fn forget(&self, body: Incoming) {
        let (clock, patience) = (self.context.clock.clone(), self.patience.body);
        let mut draining = self.context.draining.clone();
        self.context.tasks.spawn("refused body", async move {
            let mut rest = Limited::new(body, FORGOTTEN);
            let taken = async { while let Some(Ok(_)) = rest.frame().await {} };
            tokio::select! {
                _ = clock.timeout(patience, taken) => {}
                () = draining.begun() => {}
            }
        });
    }

    /// Returns a moment after the gateway has begun to drain: half a request must not hold it up.
    async fn hurried(&self) {
        self.context.draining.clone().begun().await;
        self.context.clock.sleep(self.context.goodbye).await;
    }
}

fn too_large(most: usize) -> Refusal {
    let message = format!("a request body has at most {most} bytes");
    Refusal::new(Code::TooLarge, message).limit("body")
}
