//! Answers that may be long: compressed when the client asks for it.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, VARY};
use http::{HeaderValue, StatusCode};

use crate::lifecycle::random;
use crate::wire::encoding::{Encoding, gzip};

use super::{Response, Service, reply};

/// Below this a body gains nothing: it fits into a packet as it is.
const LEAST: usize = 1024;
/// From here on it is compressed on a thread of its own. A smaller one takes less than what a turn may take, and about
/// what the way to another thread and back would.
const LONG: usize = 32 * 1024;
/// How much the length of an answer is blurred, in bytes, so that it cannot tell an eavesdropper how well a guess of
/// his that stands in it was compressed (BREACH).
const BLUR: u64 = 100;

impl Service {
    /// 200 with a body that may be long, as `encoding` wants it. For what the client reads; not for streams, whose
    /// events must not wait for each other, nor for the short answers to what it sends.
    pub(super) async fn long(
        &self,
        encoding: Encoding,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Response {
        let body = body.into();
        let coded = match encoding {
            Encoding::Gzip if body.len() >= LEAST => self.compressed(&body).await,
            Encoding::Gzip | Encoding::Identity => None,
        };
        let is_coded = coded.is_some();
        let mut response = reply::whole(StatusCode::OK, content_type, coded.unwrap_or(body));
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        if is_coded {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    async fn compressed(&self, body: &Bytes) -> Option<Bytes> {
        let padding = usize::try_from(random::bits() % BLUR).unwrap_or_default();
        let coded = if body.len() < LONG {
            gzip(body, padding)
        } else {
            // Where every thread for it is taken, a longer answer is sooner there than a shorter one.
            let _turn = self.compressing.try_acquire().ok()?;
            let body = body.clone();
            let work = move || gzip(&body, padding);
            self.context.tasks.compute("compression", work).await?
        };
        coded.ok().map(Bytes::from)
    }
}
