//! Where a credential stands in a request, and of which kind it is.
//!
//! The first one present decides, in this order: `Authorization: Bearer` (RFC 6750 §2.1), `X-API-Key`, the
//! subprotocol `bearer.<token>`, a signed URL's query parameter `ticket`, the query parameter that the configuration
//! names, the session cookie (RFC 6265 §5.4). One that is present and not good is refused and nothing else is tried,
//! because a credential that failed must not become a client without one.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};

use super::ticket::Kind;
use crate::model::code::{Code, Refusal};
use crate::model::secret::{Secret, in_subprotocol};

/// The longest credential, in bytes.
pub const MAX_BYTES: usize = 8 * 1024;

/// The query parameter of signed URLs.
pub const TICKET: &str = "ticket";

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a client presents, not yet believed.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A JSON Web Token (RFC 7519).
    Token(Secret),
    /// An API key.
    ApiKey(Secret),
    /// What one of them was swapped for.
    Ticket(Kind, Secret),
}

impl Credential {
    /// A credential from a place that may hold either kind: three dotted parts are a token, all else a key.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when the text is empty, longer than [`MAX_BYTES`], or not visible ASCII.
    pub fn from_token(text: &str) -> Result<Self, Refusal> {
        let secret = checked(text.as_bytes())?;
        Ok(if text.split('.').count() == 3 {
            Self::Token(secret)
        } else {
            Self::ApiKey(secret)
        })
    }
}

/// The places that the configuration names.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The query parameter that may carry a token or key, where there is one.
    pub query: Option<&'a str>,
    /// The session cookie.
    pub cookie: &'a str,
}

/// Finds the credential of a request, where it has one. `query` holds the decoded parameters.
///
/// # Errors
/// - [`Code::Unauthorized`] when what is present is empty, longer than [`MAX_BYTES`], or not visible ASCII;
/// - [`Code::BadRequest`] when its place is taken twice, so that nobody could say which one counts.
pub fn find<'a>(
    headers: &HeaderMap,
    query: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    places: Places<'_>,
) -> Result<Option<Credential>, Refusal> {
    if let Some(text) = bearer(headers)? {
        return any_kind(text).map(Some);
    }
    if let Some(value) = only(headers.get_all(X_API_KEY), "X-API-Key")? {
        let text = value.as_bytes().trim_ascii();
        return checked(text).map(Credential::ApiKey).map(Some);
    }
    if let Some(text) = only(subprotocols(headers), "the subprotocol `bearer.`")? {
        return any_kind(text).map(Some);
    }
    let named = |key| query.clone().filter(move |(name, _)| *name == key);
    if let Some((_, text)) = only(named(TICKET), "the query parameter `ticket`")? {
        return ticket(Kind::Url, text.as_bytes());
    }
    if let Some(key) = places.query
        && let Some((_, text)) = only(named(key), "the query parameter for credentials")?
    {
        return Credential::from_token(text).map(Some);
    }
    match only(cookies(headers, places.cookie), "the session cookie")? {
        Some(text) => ticket(Kind::Cookie, text),
        None => Ok(None),
    }
}

fn ticket(kind: Kind, text: &[u8]) -> Result<Option<Credential>, Refusal> {
    checked(text).map(|text| Some(Credential::Ticket(kind, text)))
}

/// The values of the cookies of this `name`: a list, over HTTP/2 possibly in several headers (RFC 9113 §8.2.3).
fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
    pairs.filter_map(move |pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|&byte| byte == b'=')?;
        let (own, value) = pair.split_at(at);
        let value = value.get(1..)?.trim_ascii();
        (own.trim_ascii() == name.as_bytes()).then_some(value)
    })
}

/// What follows `Bearer` in `Authorization`. Another scheme is no credential of ours: it may be meant for a
/// proxy on the way.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let Some(value) = only(headers.get_all(AUTHORIZATION), "Authorization")? else {
        return Ok(None);
    };
    let value = value.as_bytes().trim_ascii();
    let end = value.iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let (scheme, text) = value.split_at(end.unwrap_or(value.len()));
    Ok(scheme
        .eq_ignore_ascii_case(b"bearer")
        .then(|| text.trim_ascii()))
}

/// What follows `bearer.` in the offered subprotocols (RFC 6455 §11.3.4: a list, possibly in several headers).
fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .into_iter()
        .map(HeaderValue::as_bytes)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .filter_map(|offer| in_subprotocol(offer.trim_ascii()))
}

fn only<T>(all: impl IntoIterator<Item = T>, place: &str) -> Result<Option<T>, Refusal> {
    let mut all = all.into_iter();
    let first = all.next();
    if all.next().is_some() {
        let message = format!("{place} came more than once; send one credential");
        return Err(Refusal::new(Code::BadRequest, message));
    }
    Ok(first)
}

fn any_kind(text: &[u8]) -> Result<Credential, Refusal> {
    match std::str::from_utf8(text) {
        Ok(text) => Credential::from_token(text),
        Err(_) => Err(refused("a credential is visible ASCII")),
    }
}

fn checked(text: &[u8]) -> Result<Secret, Refusal> {
    if text.is_empty() {
        return Err(refused("the credential is empty"));
    }
    if text.len() > MAX_BYTES {
        return Err(refused("a credential is at most 8192 bytes"));
    }
    match std::str::from_utf8(text) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Secret::new(text)),
        Ok(_) | Err(_) => Err(refused("a credential is visible ASCII")),
    }
}

fn refused(message: &str) -> Refusal {
    Refusal::new(Code::Unauthorized, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'static str, &'a str)];

    fn find_in(headers: Headers<'_>, query: &[(&str, &str)]) -> Result<Option<String>, Code> {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                (HeaderName::from_static(name), value)
            })
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            });
        let places = Places {
            query: Some("access_token"),
            cookie: "session",
        };
        match find(&headers, query.iter().copied(), places) {
            Ok(found) => Ok(found.map(|credential| match credential {
                Credential::Ticket(Kind::Cookie, secret) => format!("cookie {}", secret.expose()),
                Credential::Ticket(Kind::Url, secret) => format!("url {}", secret.expose()),
                Credential::Token(secret) => format!("token {}", secret.expose()),
                Credential::ApiKey(secret) => format!("key {}", secret.expose()),
            })),
            Err(refusal) => Err(refusal.code),
        }
    }

    #[test]
    fn each_place_is_read_in_its_own_way() {
        for (headers, expected) in [
            (&[][..], None),
            (&[("authorization", "Bearer a.b.c")], Some("token a.b.c")),
            (&[("authorization", "bearer a.b.c")], Some("token a.b.c")),
            (&[("authorization", "BEARER   gk_1 ")], Some("key gk_1")),
            (&[("authorization", "Bearer a.b")], Some("key a.b")),
            (&[("authorization", "Bearer a.b.c.d")], Some("key a.b.c.d")),
            (&[("authorization", "Basic dTpw")], None),
            (&[("authorization", "Bearerer a.b.c")], None),
            (&[("authorization", "")], None),
            (&[("authorization", "Basic é")], None),
            (&[("x-api-key", " gk_1 ")], Some("key gk_1")),
            (&[("x-api-key", "a.b.c")], Some("key a.b.c")),
            (
                &[("sec-websocket-protocol", "bearer.a.b.c")],
                Some("token a.b.c"),
            ),
            (
                &[("sec-websocket-protocol", "gatecast.v1, bearer.gk_1")],
                Some("key gk_1"),
            ),
            (
                &[("sec-websocket-protocol", "gatecast.v1 ,bearer.gk_1 ,x")],
                Some("key gk_1"),
            ),
            (&[("sec-websocket-protocol", "gatecast.v1,chat")], None),
        ] {
            assert_eq!(
                find_in(headers, &[]),
                Ok(expected.map(str::to_owned)),
                "{headers:?}"
            );
        }
        let several = [
            ("sec-websocket-protocol", "gatecast.v1"),
            ("sec-websocket-protocol", "x, bearer.gk_1"),
        ];
        assert_eq!(find_in(&several, &[]), Ok(Some("key gk_1".to_owned())));
        let query = [("room", "a"), ("access_token", "a.b.c")];
        assert_eq!(find_in(&[], &query), Ok(Some("token a.b.c".to_owned())));
    }

    #[test]
    fn tickets_are_found_in_their_own_two_places_and_nowhere_else() {
        for (headers, query, expected) in [
            (
                &[("cookie", "session=a.b")][..],
                &[][..],
                Some("cookie a.b"),
            ),
            (
                &[("cookie", "x=1; session=a.b ;y=2")],
                &[],
                Some("cookie a.b"),
            ),
            (
                &[("cookie", "x=1"), ("cookie", "session=a=b")],
                &[],
                Some("cookie a=b"),
            ),
            (&[("cookie", "session; sessions=a; Session=b")], &[], None),
            (&[("cookie", "x=session=a")], &[], None),
            (&[], &[("room", "a"), ("ticket", "a.b")], Some("url a.b")),
            // A ticket in another place is a key, and as such known to nobody.
            (&[("authorization", "Bearer a.b")], &[], Some("key a.b")),
            (&[], &[("access_token", "a.b")], Some("key a.b")),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(
                find_in(headers, query),
                Ok(expected),
                "{headers:?} {query:?}"
            );
        }
    }

    #[test]
    fn the_first_place_decides_and_nothing_after_it_is_tried() {
        let query: &[(&str, &str)] = &[("access_token", "fifth"), ("ticket", "fourth")];
        let places: Headers<'_> = &[
            ("authorization", "Bearer first"),
            ("x-api-key", "second"),
            ("sec-websocket-protocol", "bearer.third"),
            ("cookie", "session=sixth"),
        ];
        for (from, expected) in ["first", "second", "third"].iter().enumerate() {
            let found = find_in(&places[from..], query);
            assert_eq!(found, Ok(Some(format!("key {expected}"))));
        }
        let cookie = &places[3..];
        let found = |query| find_in(cookie, query).unwrap().unwrap();
        assert_eq!(found(query), "url fourth");
        assert_eq!(found(&query[..1]), "key fifth");
        assert_eq!(found(&[]), "cookie sixth");
        let empty_first: Headers<'_> = &[("authorization", "Bearer"), ("x-api-key", "second")];
        assert_eq!(find_in(empty_first, query), Err(Code::Unauthorized));
        let foreign_first: Headers<'_> = &[("authorization", "Basic x"), ("x-api-key", "second")];
        assert_eq!(
            find_in(foreign_first, query),
            Ok(Some("key second".to_owned()))
        );
    }

    #[test]
    fn a_credential_that_is_present_and_malformed_is_refused_and_never_overlooked() {
        let long = format!("Bearer {}", "x".repeat(MAX_BYTES + 1));
        for headers in [
            &[("authorization", "Bearer")][..],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer a b")],
            &[("authorization", "Bearer é")],
            &[("authorization", &long)],
            &[("x-api-key", "")],
            &[("x-api-key", "é")],
            &[("x-api-key", "a b")],
            &[("sec-websocket-protocol", "bearer.")],
            &[("sec-websocket-protocol", "bearer.é")],
            &[("cookie", "session=")],
            &[("cookie", "session=a b")],
            &[("cookie", "session=é")],
        ] {
            assert_eq!(
                find_in(headers, &[]),
                Err(Code::Unauthorized),
                "{headers:?}"
            );
        }
        for value in ["", "a b", "é", "a\nb"] {
            let query = [("access_token", value)];
            assert_eq!(find_in(&[], &query), Err(Code::Unauthorized), "{value:?}");
            let cookie = &[("cookie", "session=good")];
            let query = [("ticket", value)];
            assert_eq!(
                find_in(cookie, &query),
                Err(Code::Unauthorized),
                "{value:?}"
            );
        }
        let longest = format!("Bearer {}", "x".repeat(MAX_BYTES));
        assert!(find_in(&[("authorization", &longest)], &[]).is_ok());
    }

    #[test]
    fn a_place_that_is_taken_twice_is_a_bad_request() {
        for headers in [
            &[("authorization", "Bearer a"), ("authorization", "Bearer a")][..],
            &[("authorization", "Basic a"), ("authorization", "Bearer a")],
            &[("x-api-key", "a"), ("x-api-key", "b")],
            &[("sec-websocket-protocol", "bearer.a, bearer.b")],
            &[("cookie", "session=a; session=a")],
            &[("cookie", "session=a"), ("cookie", "x=1; session=b")],
            &[
                ("sec-websocket-protocol", "bearer.a"),
                ("sec-websocket-protocol", "bearer.b"),
            ],
        ] {
            assert_eq!(find_in(headers, &[]), Err(Code::BadRequest), "{headers:?}");
        }
        for name in ["access_token", "ticket"] {
            let query = [(name, "a"), (name, "b")];
            assert_eq!(find_in(&[], &query), Err(Code::BadRequest));
        }
    }

    #[test]
    fn the_query_is_read_only_where_the_configuration_names_a_parameter() {
        let places = Places {
            query: None,
            cookie: "session",
        };
        let none = find(
            &HeaderMap::new(),
            [("access_token", "a.b.c")].into_iter(),
            places,
        );
        assert!(none.unwrap().is_none());
    }

    #[test]
    fn no_refusal_and_no_debug_text_repeats_the_credential() {
        let refusal = Credential::from_token("s3cret s3cret").unwrap_err();
        assert!(!format!("{refusal:?}").contains("s3cret"));
        let credential = Credential::from_token("s3cret").unwrap();
        assert!(!format!("{credential:?}").contains("s3cret"));
    }
}
