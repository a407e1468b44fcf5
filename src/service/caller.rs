//! Who makes a request: by the first credential that it shows. One that fails is never less than one.

use std::sync::Arc;

use http::Request;

use crate::auth::Access;
use crate::auth::credentials::{self, Credential};
use crate::auth::ticket::Kind;
use crate::model::code::{Code, Refusal};
use crate::model::peer::Peer;
use crate::wire::query::Query;

use super::audit::Seen;
use super::route::Route;
use super::{Connection, Service, cors};

/// What decides, beside a request's own head, whether its credential is taken. It travels with the request.
#[derive(Clone)]
pub(super) struct Circumstances {
    /// Where it comes from.
    peer: Peer,
    /// Whether its client says `https`.
    secure: bool,
    /// Whether it asks for a stream.
    stream: bool,
    origin: cors::Origin,
}

impl Circumstances {
    /// Whether the client says `https`.
    pub(super) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Refuses a cookie that the page of `request` may not use.
    pub(super) fn check_cookie<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        self.origin.check_cookie(request, self.secure)
    }

    /// Refuses to set a cookie that its page may not use.
    pub(super) fn check_setting(&self) -> Result<(), Refusal> {
        self.origin.check_setting(self.secure)
    }
}

impl Service {
    pub(super) fn circumstances(
        &self,
        route: &Route,
        connection: &Connection,
        origin: &cors::Origin,
    ) -> Circumstances {
        Circumstances {
            peer: connection.peer,
            secure: self.is_secure(connection.secure),
            stream: matches!(route, Route::Stream),
            origin: origin.clone(),
        }
    }

    /// Whether a client says `https` whose connection here is encrypted, or is not because a proxy has ended the TLS.
    pub(super) fn is_secure(&self, connection: bool) -> bool {
        let settings = self.settings();
        let public = settings.public_url.as_ref();
        connection || public.is_some_and(|public| public.is_secure())
    }

    /// Waits, where the key that the request's credential was signed with is being fetched: whoever judges it then does
    /// so at once.
    pub(super) async fn await_key<B>(&self, request: &Request<B>, query: &Query) {
        if !self.context.rules().authority.fetches_keys() {
            return;
        }
        // One that may not be shown here is refused by whoever asks whose it is.
        let credential = self.credential(request, query).ok().flatten();
        if let Some(fetch) = credential.and_then(|credential| self.context.key_of(&credential)) {
            Box::pin(fetch).await;
        }
    }

    /// Who makes this request.
    pub(super) fn access<B>(
        &self,
        request: &Request<B>,
        query: &Query,
    ) -> Result<Arc<Access>, Refusal> {
        self.access_if_any(request, query)?.ok_or_else(needed)
    }

    /// The same where it may be nobody in particular.
    pub(super) fn access_if_any<B>(
        &self,
        request: &Request<B>,
        query: &Query,
    ) -> Result<Option<Arc<Access>>, Refusal> {
        let about = request.extensions().get::<Circumstances>();
        let peer = about.map_or(Peer::Unix, |about| about.peer);
        let shown = self.credential(request, query).transpose();
        let shown = shown.map(|credential| self.context.authenticate(credential, peer));
        let access = shown
            .transpose()?
            .or_else(|| self.context.rules().authority.anonymous());
        if let Some(access) = &access {
            Seen::note(request, access);
            self.context.request(access, peer)?;
        }
        Ok(access)
    }

    /// What the credential that was worth `access` is worth now that its request has been read, which may have taken a
    /// while.
    ///
    /// # Errors
    /// Why it is worth nothing any more.
    pub(super) fn still(&self, access: &Arc<Access>) -> Result<Arc<Access>, Refusal> {
        self.context.judge_in_time(access)
    }

    /// The credential that this request shows, if it may show it here.
    pub(super) fn credential<B>(
        &self,
        request: &Request<B>,
        query: &Query,
    ) -> Result<Option<Credential>, Refusal> {
        let authority = &self.context.rules().authority;
        let about = request.extensions().get::<Circumstances>();
        let secure = about.is_some_and(|about| about.secure);
        let places = authority.places(secure);
        let credential = credentials::find(request.headers(), query.pairs(), places)?;
        match (&credential, about) {
            (Some(Credential::Ticket(Kind::Cookie, _)), Some(about)) => {
                about.check_cookie(request)?;
            }
            (Some(Credential::Ticket(Kind::Url, _)), Some(about)) if about.stream => {}
            (Some(Credential::Ticket(..)), _) => {
                let message = "a signed URL opens its stream, and nothing else";
                return Err(Refusal::new(Code::Forbidden, message));
            }
            (Some(Credential::Token(_) | Credential::ApiKey(_)) | None, _) => {}
        }
        Ok(credential)
    }
}

/// The refusal of a request without credential.
pub(super) fn needed() -> Refusal {
    Refusal::new(Code::Unauthorized, "this needs a credential")
}
