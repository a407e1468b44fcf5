//! One policy for pages of other origins, on all routes (Fetch §3.2).

mod cookie;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    HOST, ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use crate::model::code::{Code, Refusal};

use crate::wire::base_url::BaseUrl;

use super::route::Route;
use super::settings::Cors;
use super::{Response, reply};

const HEADERS: &str =
    "Authorization, X-API-Key, Content-Type, Last-Event-ID, Idempotency-Key, Cache-Control";
const EXPOSED: &str =
    "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Idempotency-Replayed";
/// A day, which browsers shorten to their own bound.
const MAX_AGE: &str = "86400";

/// Where a request comes from, and what the policy makes of it.
#[derive(Clone)]
pub(super) struct Origin {
    /// The value to allow it with, if it is allowed.
    allowed: Option<HeaderValue>,
    credentials: bool,
    /// Whether the request names an origin that is neither allowed nor our own.
    foreign: bool,
    /// Whose page it is, for a cookie.
    page: cookie::Page,
}

impl Origin {
    pub(super) fn of<B>(cors: &Cors, public: Option<&BaseUrl>, request: &Request<B>) -> Self {
        let origin = request.headers().get(ORIGIN);
        let listed = origin.filter(|origin| cors.origins.iter().any(|one| *one == **origin));
        let any = origin.filter(|_| cors.origins.iter().any(|one| one == "*"));
        let allowed = listed
            .cloned()
            .or_else(|| any.map(|_| HeaderValue::from_static("*")));
        let own = origin.is_none_or(|origin| is_own(origin, public, request));
        Self {
            page: cookie::Page::of(origin, own, listed.is_some()),
            foreign: !own && allowed.is_none(),
            allowed,
            credentials: cors.credentials,
        }
    }

    /// Refuses a page that the policy does not know. For what a browser does not guard itself: a WebSocket
    /// (RFC 6455 §10.2).
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.foreign {
            let message = "pages of this origin may not use the gateway; see [cors] origins";
            return Err(Refusal::new(Code::OriginNotAllowed, message));
        }
        Ok(())
    }

    /// The origin that was refused, if one was: for the log, and so only what a browser sends.
    pub(super) fn foreign<'a, B>(&self, request: &'a Request<B>) -> Option<&'a str> {
        let origin = request.headers().get(ORIGIN).filter(|_| self.foreign)?;
        origin.to_str().ok().filter(|text| is_shown(text))
    }

    /// Lets the page read the response, if the policy does.
    pub(super) fn grant(&self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(allowed) = &self.allowed else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
        if self.credentials && allowed != "*" {
            headers.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    /// Answers OPTIONS.
    pub(super) fn preflight(&self, route: &Route) -> Response {
        let mut response = reply::empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static(route.methods());
        if self.allowed.is_some() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
            headers.insert(
                ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static(HEADERS),
            );
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        }
        headers.insert(ALLOW, methods);
        response
    }
}

/// A page's origin, or that of one that has none.
fn is_shown(origin: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._[]:".contains(&b);
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    origin == "null" || host.is_some_and(|host| host.len() <= 255 && host.bytes().all(fine))
}

/// What would let a page in.
pub(super) fn advice(cors: &Cors, page: &str) -> String {
    if page == "null" {
        return "a page from a file or in a sandbox has no origin that could be allowed, but by `*`".into();
    }
    let all = cors.origins.iter().map(String::as_str).chain([page]);
    let all: Vec<String> = all.map(|one| format!("{one:?}")).collect();
    format!(
        "if they are yours, write [cors] origins = [{}]",
        all.join(", ")
    )
}

/// Whether the page comes from the gateway itself. The scheme is not compared: a proxy in front may end the TLS.
/// Whether it is the site that the request names: by `Host`, or over HTTP/2 by `:authority` (RFC 9113 §8.3.1); or the
/// `public` one, which a proxy may not pass on.
fn is_own<B>(origin: &HeaderValue, public: Option<&BaseUrl>, request: &Request<B>) -> bool {
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    let host = request.headers().get(HOST);
    let named = request.uri().authority().map(Authority::as_str);
    let host = host.map_or(named, |host| host.to_str().ok());
    let sites = [host, public.map(BaseUrl::authority)].into_iter().flatten();
    authority.is_some_and(|(_, page)| {
        sites
            .into_iter()
            .any(|site| page.eq_ignore_ascii_case(site))
    })
}
