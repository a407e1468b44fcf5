//! Answers that may be long: compressed when the client asks for it.

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;

use crate::lifecycle::random;
use crate::wire::encoding::{Effort, Encoding, blurred};

use super::{Response, Service, reply};

impl Service {
    /// 200 with a body that may be long, as `encoding` wants it. For what the client reads; not for streams, whose
    /// events must not wait for each other, nor for the short answers to what it sends.
    pub(super) async fn long(
        &self,
        encoding: Encoding,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Response {
        self.fill(reply::long(content_type), encoding, body.into())
            .await
    }

    /// `head` with its body, as `encoding` wants it.
    pub(super) async fn fill(
        &self,
        mut head: http::Response<()>,
        encoding: Encoding,
        body: Bytes,
    ) -> Response {
        let coded = match encoding.effort(body.len()) {
            Effort::None => None,
            Effort::Brief => encoding.brief(&body, random::bits()).map(Bytes::from),
            Effort::Long => self.compressed(&body).await,
        };
        if coded.is_some() {
            let gzip = HeaderValue::from_static("gzip");
            head.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        head.map(|()| reply::full(coded.unwrap_or(body)))
    }

    async fn compressed(&self, body: &Bytes) -> Option<Bytes> {
        // Where every thread for it is taken, a longer answer is sooner there than a shorter one.
        let _turn = self.compressing.try_acquire().ok()?;
        let body = body.clone();
        let work = move || blurred(&body, random::bits());
        let coded = self.context.tasks.compute("compression", work).await?;
        coded.map(Bytes::from)
    }
}
