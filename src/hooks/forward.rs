//! Which headers of a client's request a hook may be shown.

use http::header::{self, HeaderMap, HeaderName};

/// Those that carry credentials: who has them could act as the client.
const CREDENTIALS: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    // `bearer.CREDENTIAL` stands here for pages that can set no header.
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SET_COOKIE,
];

/// Those in which the URL of a request is repeated, by the client or a proxy: a credential may be in its query.
const URLS: [HeaderName; 8] = [
    header::REFERER,
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-forwarded-url"),
    HeaderName::from_static("x-request-uri"),
    HeaderName::from_static("x-envoy-original-path"),
];

/// Those that concern one connection (RFC 9110 §7.6.1), or how a message is framed or routed.
const OF_THE_CONNECTION: [HeaderName; 10] = [
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::HOST,
    header::EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("http2-settings"),
];

/// Whether a hook may be shown headers of this name.
///
/// # Errors
/// Says why not.
pub fn may_be_shown(name: &HeaderName) -> Result<(), String> {
    if CREDENTIALS.contains(name) {
        return Err(
            "carries credentials, which no hook is shown: `claims` says what they say".into(),
        );
    }
    if URLS.contains(name) {
        return Err(
            "repeats a URL, whose query may carry a credential, which no hook is shown".into(),
        );
    }
    if OF_THE_CONNECTION.contains(name) || name.as_str().starts_with("proxy-") {
        return Err(
            "concerns a connection or how a message is framed, and is not passed on".into(),
        );
    }
    Ok(())
}

/// Of `headers` those that are `shown`, in lower case, unless the request says that they concern its connection. What is
/// no UTF-8 is left out.
pub(super) fn forwarded(shown: &[HeaderName], headers: &HeaderMap) -> Vec<(String, String)> {
    let listed = headers.get_all(header::CONNECTION);
    let is_listed = |name: &HeaderName| {
        let mut options = listed
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        options.any(|option| {
            option
                .trim_ascii()
                .eq_ignore_ascii_case(name.as_str().as_bytes())
        })
    };
    let shown = shown
        .iter()
        .filter(|name| may_be_shown(name).is_ok() && !is_listed(name));
    shown
        .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
        .filter_map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_the_list_is_shown_and_neither_credentials_nor_what_concerns_the_connection() {
        let names = [
            "x-tenant",
            "authorization",
            "x-hop",
            "proxy-authorization",
            "te",
            "referer",
            "x-original-uri",
            "x-absent",
        ];
        let shown = names.map(HeaderName::from_static);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-tenant", "acme"),
            ("x-tenant", "\u{fc}"),
            ("x-other", "1"),
            ("authorization", "Bearer secret"),
            ("proxy-authorization", "Basic secret"),
            ("te", "trailers"),
            ("referer", "https://a.example/?access_token=secret"),
            ("x-original-uri", "/v1/stream?access_token=secret"),
            ("x-hop", "1"),
            ("connection", "close, X-Hop"),
            ("connection", "te"),
        ] {
            let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [pair("x-tenant", "acme"), pair("x-tenant", "\u{fc}")];
        assert_eq!(forwarded(&shown, &headers), expected);
    }
}
