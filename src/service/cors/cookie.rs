//! Whether a cookie may stand for a client: browsers send it along with whatever a page asks for, whosever page that is.

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request};

use super::Origin;
use crate::model::code::{Code, Refusal};
use crate::wire::negotiate::is_upgrade;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose page makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The request does not say.
    Unnamed,
    /// The gateway's own, by its host and port.
    Own {
        /// Whether it came encrypted: then nobody on the way wrote it.
        encrypted: bool,
    },
    /// One that the allow-list names.
    Listed,
    /// Another one.
    Foreign,
}

impl Page {
    pub(super) fn of(origin: Option<&HeaderValue>, own: bool, listed: bool) -> Self {
        match origin {
            None => Self::Unnamed,
            Some(origin) if own => Self::Own {
                encrypted: origin.as_bytes().starts_with(b"https://"),
            },
            Some(_) if listed => Self::Listed,
            Some(_) => Self::Foreign,
        }
    }
}

impl Origin {
    /// Refuses a request whose credential is a cookie, unless a page made it that may use the cookie: on a connection that
    /// is `secure`, an encrypted one. What changes something, and a WebSocket, must name its page (RFC 6454 §7, RFC 6455
    /// §10.2); what only reads may leave it out, as browsers do on the page's own site, unless they say that it is another
    /// site (Fetch Metadata §2.3).
    pub(in crate::service) fn check_cookie<B>(
        &self,
        request: &Request<B>,
        secure: bool,
    ) -> Result<(), Refusal> {
        match self.page {
            Page::Unnamed if !reads(request) => Err(refused(
                "a session cookie comes with the `Origin` of its page here",
            )),
            Page::Unnamed if is_of_another_site(request) => Err(refused(
                "a session cookie is not taken from a page of another site",
            )),
            Page::Unnamed | Page::Own { .. } | Page::Listed | Page::Foreign => {
                self.check_setting(secure)
            }
        }
    }

    /// Refuses to set a cookie for a page that may not use it: it would make its visitor somebody else.
    pub(in crate::service) fn check_setting(&self, secure: bool) -> Result<(), Refusal> {
        match self.page {
            Page::Unnamed => Ok(()),
            Page::Own { encrypted } if encrypted || !secure => Ok(()),
            Page::Listed if self.credentials => Ok(()),
            Page::Own { .. } | Page::Listed | Page::Foreign => Err(refused(
                "pages of this origin may not use the session cookie; see [cors] origins and credentials",
            )),
        }
    }
}

fn reads<B>(request: &Request<B>) -> bool {
    let method = request.method();
    matches!(*method, Method::GET | Method::HEAD)
        && !is_upgrade(method, request.version(), request.headers())
}

fn is_of_another_site<B>(request: &Request<B>) -> bool {
    let mut sites = request.headers().get_all(SEC_FETCH_SITE).iter();
    sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn refused(message: &str) -> Refusal {
    Refusal::new(Code::OriginNotAllowed, message)
}
