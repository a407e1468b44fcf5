//! What of a request's head hyper lets pass, and a gateway behind a proxy must not: whatever two readers could read
//! differently.

use http::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{Request, Version};

use crate::model::code::{Code, Refusal};

/// Refuses a head that says two things.
///
/// # Errors
/// `bad_request`: not exactly one host, or a coding of the body other than `chunked`.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    if !has_one_host(request) {
        let message = "exactly one `Host`, and a valid one, is needed";
        return Err(Refusal::new(Code::BadRequest, message));
    }
    if !is_chunked_at_most(request) {
        let message = "the only transfer coding is `chunked`, once";
        return Err(Refusal::new(Code::BadRequest, message));
    }
    Ok(())
}

/// HTTP/1.1 names its host exactly once (RFC 9112 §3.2), HTTP/2 by `:authority`, and `Host` says the same if it is
/// there (RFC 9113 §8.3.1): two would let a proxy and us see two sites.
fn has_one_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let authority = request.uri().authority();
    second.is_none()
        && host.is_none_or(is_host)
        && match (request.version(), authority, host) {
            (Version::HTTP_10, ..) | (Version::HTTP_2, Some(_), None) => true,
            (Version::HTTP_2, Some(authority), Some(host)) => {
                authority.as_str().as_bytes() == host.as_bytes()
            }
            (_, _, host) => host.is_some(),
        }
}

/// `uri-host [ ":" port ]`, without the user that an authority may have, or nothing where there is none (RFC 9110
/// §7.2).
fn is_host(host: &HeaderValue) -> bool {
    host.is_empty()
        || !host.as_bytes().contains(&b'@') && Authority::try_from(host.as_bytes()).is_ok()
}

/// hyper undoes one `chunked`, the last, and hands over as a body what any other coding made of it (RFC 9112 §6.1).
fn is_chunked_at_most<B>(request: &Request<B>) -> bool {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) => only
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(version: Version, uri: &str, fields: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn a_host_is_named_once_and_is_one() {
        let http1 = |fields: &[(&str, &str)]| passes(Version::HTTP_11, "/", fields);
        for good in ["x", "x:80", "a.example", "127.0.0.1:8080", "[::1]:80", ""] {
            assert!(http1(&[("host", good)]), "{good:?}");
        }
        for bad in ["a b", "a@b", "a/b", "x:y:z", "[::1"] {
            assert!(!http1(&[("host", bad)]), "{bad:?}");
        }
        assert!(!http1(&[]));
        assert!(!http1(&[("host", "x"), ("host", "x")]));
        assert!(passes(Version::HTTP_10, "/", &[]));
    }

    #[test]
    fn http_2_names_it_by_authority_and_host_may_only_repeat_that() {
        let http2 = |fields: &[(&str, &str)]| passes(Version::HTTP_2, "https://x/", fields);
        assert!(http2(&[]));
        assert!(http2(&[("host", "x")]));
        assert!(!http2(&[("host", "y")]));
        assert!(passes(Version::HTTP_2, "/", &[("host", "x")]));
        assert!(!passes(Version::HTTP_2, "/", &[]));
    }

    #[test]
    fn a_body_is_chunked_once_or_not_at_all() {
        let coded = |fields: &[&str]| {
            let fields: Vec<_> = fields
                .iter()
                .map(|value| ("transfer-encoding", *value))
                .collect();
            passes(
                Version::HTTP_11,
                "/",
                &[&[("host", "x")], &fields[..]].concat(),
            )
        };
        for good in [&[][..], &["chunked"], &["Chunked"]] {
            assert!(coded(good), "{good:?}");
        }
        for bad in [
            &["chunked", "chunked"][..],
            &["gzip, chunked"],
            &["chunked, chunked"],
            &["gzip"],
        ] {
            assert!(!coded(bad), "{bad:?}");
        }
    }
}
