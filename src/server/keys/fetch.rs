//! One fetch of a set of keys.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, Request, StatusCode};

use crate::auth::jwt::jwks::Origin;
use crate::auth::jwt::{KeyUrl, Keys};
use crate::outbound::Client;
use crate::outbound::trust::Trust;
use crate::transport::context::Context;

/// Longer is no answer, however it is spread over time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Larger is no set of keys.
const MOST_BYTES: usize = 256 * 1024;

/// A set of keys that came.
pub(super) struct Fetched {
    pub(super) keys: Keys,
    /// For how long its source says that it holds.
    pub(super) max_age: Option<Duration>,
}

/// Fetches the set at `url`: by a client of its own, whose connection ends with it, because it is minutes until the
/// next one.
///
/// # Errors
/// Says why there is none. One without any key that could be of use is none: were it believed, a slip at the issuer
/// would end every stream.
pub(super) async fn fetch(
    context: &Context,
    trust: &Trust,
    url: &KeyUrl,
) -> Result<Fetched, String> {
    let request = Request::get(url.as_str())
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Bytes::new())
        .map_err(|why| why.to_string())?;
    let client = Client::new(trust, context.clock.clone(), &context.tasks);
    let answer = client.fetch(request, PATIENCE, MOST_BYTES).await;
    let answer = answer.map_err(|why| why.to_string())?;
    if answer.status() != StatusCode::OK {
        // Redirects included: where to they lead is not for whoever answers to say.
        return Err(format!("the answer is {}", answer.status()));
    }
    let keys = Keys::parse(answer.body(), Origin::Network)?;
    if keys.is_empty() {
        return Err(format!("no key of it is of use ({})", keys.skipped()));
    }
    let max_age = max_age(answer.headers());
    Ok(Fetched { keys, max_age })
}

/// `Cache-Control: max-age` (RFC 9111 §5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let all = headers.get_all(CACHE_CONTROL);
    let mut directives = all
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let seconds = directives.find_map(|one| {
        let (name, value) = one.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim()
            .eq_ignore_ascii_case("max-age")
            .then(|| value.parse().ok())?
    });
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_that_a_source_allows_is_read() {
        for (value, seconds) in [
            ("max-age=60", Some(60)),
            ("public, max-age=21600, must-revalidate", Some(21_600)),
            ("Max-Age=\"5\"", Some(5)),
            ("s-maxage=7", None),
            ("no-store", None),
            ("max-age=soon", None),
            ("max-age", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, value.parse().unwrap());
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(max_age(&headers), expected, "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
