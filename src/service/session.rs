//! `POST /v1/session`, `DELETE /v1/session`: a credential swapped for a cookie, or for a signed URL.

use std::sync::Once;
use std::time::Duration;

use http::header::{COOKIE, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::auth::ticket::Bound;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::secret::Secret;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::session::admission::{Opening, admit};
use crate::wire::base_url::BaseUrl;
use crate::wire::control::{SignedUrl, millis};
use crate::wire::poll;
use crate::wire::query::Query;
use crate::wire::swap::{Opened, Signed, Swap, UrlWanted};

use super::caller::{Circumstances, needed};
use super::{Response, Service, reply};

/// More than the longest list of rooms that fits into a ticket.
const BODY: usize = 16 * 1024;

impl Service {
    pub(super) async fn session(
        &self,
        request: Request<Incoming>,
        query: &Query,
        secure: bool,
    ) -> Result<Response, Refusal> {
        let mut response = if *request.method() == Method::DELETE {
            self.forget_session(&request)?
        } else {
            self.swap(request, query, secure).await?
        };
        // Neither what was sent nor what is answered shall travel on in a `Referer`.
        let policy = HeaderValue::from_static("no-referrer");
        response.headers_mut().insert(REFERRER_POLICY, policy);
        Ok(response)
    }

    async fn swap(
        &self,
        request: Request<Incoming>,
        query: &Query,
        secure: bool,
    ) -> Result<Response, Refusal> {
        let credential = self.credential(&request, query)?.ok_or_else(needed)?;
        let base = self.base(&request, secure);
        let may_set = self.may_set_cookie(&request);
        // Before its body is read, which a stranger could make us wait for.
        self.access(&request, query)?;
        let body = self.body(request.into_body(), BODY).await?;
        // And after it, because that may have taken a while.
        let access = self.context.identify(&credential)?;
        self.hint();
        match Swap::parse(&body)? {
            Swap { url: None, ttl } => {
                may_set?;
                let authority = &self.context.rules().authority;
                let now = self.context.clock.unix();
                let swapped = authority.session(&credential, ttl, now)?;
                let left = swapped.expires_at.since(now);
                Ok(self.with_cookie(&access, &swapped.ticket, left, self.is_secure(secure)))
            }
            Swap {
                url: Some(wanted),
                ttl,
            } => {
                let sign = Sign {
                    credential: &credential,
                    access: &access,
                    base: &base?,
                    ttl,
                };
                self.sign(sign, wanted)
            }
        }
    }

    fn may_set_cookie<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let about = request.extensions().get::<Circumstances>();
        about.ok_or_else(needed)?.check_setting()
    }

    fn with_cookie(
        &self,
        access: &Access,
        ticket: &Secret,
        left: Duration,
        secure: bool,
    ) -> Response {
        let opened = Opened {
            principal: access.principal.name(),
            role: &access.role.name,
            expires_in_ms: millis(left),
        };
        let mut response = reply::json(StatusCode::OK, poll::to_json(&opened));
        let cookie = self.cookie(secure, ticket.expose(), left.as_secs());
        response.headers_mut().extend(cookie);
        response
    }

    /// `Set-Cookie` (RFC 6265 §4.1): for scripts never, and for requests that another site's page makes never.
    fn cookie(
        &self,
        secure: bool,
        value: &str,
        seconds: u64,
    ) -> Option<(http::HeaderName, HeaderValue)> {
        let rules = self.context.rules();
        let name = rules.authority.cookie(secure);
        let encrypted = if secure { "; Secure" } else { "" };
        let text = Secret::new(format!(
            "{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{encrypted}"
        ));
        let mut value = HeaderValue::from_str(text.expose()).ok()?;
        value.set_sensitive(true);
        Some((SET_COOKIE, value))
    }

    fn sign(&self, sign: Sign<'_>, wanted: UrlWanted) -> Result<Response, Refusal> {
        let rules = self.context.rules();
        let now = self.context.clock.unix();
        let transport = wanted.transport.unwrap_or(Transport::Sse);
        let opening = Opening {
            transport,
            dialect: Dialect::Native,
            rooms: wanted.rooms,
            start: Start::Now,
            keeps: None,
        };
        let rooms = admit(sign.access, &opening)?.rooms;
        if rooms.is_empty() {
            let message = "name the URL's rooms (`rooms`): the role has none by default";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        let to = Bound {
            base: sign.base.to_string(),
            transport,
            rooms: rooms.clone(),
        };
        let swapped = rules
            .authority
            .signed_url(sign.credential, to, sign.ttl, now)?;
        let signed = Signed {
            url: SignedUrl::new(sign.base, transport, &rooms, &swapped.ticket),
            expires_in_ms: millis(swapped.expires_at.since(now)),
        };
        Ok(reply::json(StatusCode::OK, poll::to_json(&signed)))
    }

    /// The browser drops the cookie. It is not looked at: one that is not good any more must not stay for ever.
    fn forget_session<B>(&self, request: &Request<B>) -> Result<Response, Refusal> {
        let Some(about) = request.extensions().get::<Circumstances>() else {
            return Err(needed());
        };
        if request.headers().contains_key(COOKIE) {
            about.check_cookie(request)?;
        } else {
            about.check_setting()?;
        }
        let mut response = reply::empty(StatusCode::NO_CONTENT);
        let cookie = self.cookie(about.is_secure(), "", 0);
        response.headers_mut().extend(cookie);
        Ok(response)
    }

    /// Told once, and only to an operator whose clients swap anything.
    fn hint(&self) {
        static TOLD: Once = Once::new();
        if self.context.rules().authority.is_alone() {
            TOLD.call_once(|| {
                tracing::info!(
                    "sessions and signed URLs end with this process, and other nodes do not know them: set `[auth.session] secret`"
                );
            });
        }
    }
}

/// What a URL is signed with.
struct Sign<'a> {
    credential: &'a Credential,
    access: &'a Access,
    base: &'a BaseUrl,
    ttl: Option<Duration>,
}
