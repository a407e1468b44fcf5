//! Who joins a namespace: by the credential that it shows there, else by that of its connection.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::json::Json;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::session::admission::{Admitted, Opening};
use crate::transport::context::{Context, come_back};
use crate::transport::granted::Caller;
use crate::wire::socketio::Auth;

use super::origin::{Origin, new_stream};
use super::returning::{self, Back};
use super::settings::{Settings, Space};

/// The members of `auth` that a client comes back with.
pub(super) const PID: &str = "pid";
pub(super) const OFFSET: &str = "offset";

/// Who is let into a namespace, and with what.
pub(crate) struct Admission {
    /// What it may.
    pub access: Arc<Access>,
    /// What it has asked for.
    pub opening: Opening,
    /// What it gets of that.
    pub admitted: Admitted,
    /// What its stream is known by.
    pub caller: Box<Caller>,
    /// The name of its stream.
    pub stream: StreamId,
    /// Where it goes on as the same: as what.
    pub back: Option<Back>,
}

/// Who is not let into a namespace, and why.
pub(crate) struct Refused {
    /// Who, where that is known.
    pub who: Option<Arc<Access>>,
    /// Why.
    pub refusal: Refusal,
}

/// Lets a client into `space`, or says why not.
///
/// # Errors
/// What it is refused for, and who that is once it has shown a credential that is good.
pub(crate) async fn admit(
    context: Arc<Context>,
    origin: Arc<Origin>,
    space: Arc<Space>,
    auth: Option<Auth>,
    transport: Transport,
) -> Result<Admission, Refused> {
    let stranger = |refusal| Refused { who: None, refusal };
    if context.draining.has_begun() {
        let refusal = Refusal::new(Code::Draining, "the gateway is draining");
        return Err(stranger(refusal.retry_after(come_back())));
    }
    let settings = context.rules().socketio.clone();
    let auth = auth.as_ref();
    let identified = identify(&context, &origin, &settings, auth).await;
    let access = identified.map_err(stranger)?;
    let says = says(&settings, auth);
    let entering = enter(
        &context,
        &origin,
        &space,
        auth,
        (access.clone(), says),
        transport,
    );
    entering.await.map_err(|refusal| Refused {
        who: Some(access),
        refusal,
    })
}

/// Lets a client in of whom it is known who it is, and what it says of itself.
async fn enter(
    context: &Context,
    origin: &Origin,
    space: &Space,
    auth: Option<&Auth>,
    (access, says): (Arc<Access>, Json),
    transport: Transport,
) -> Result<Admission, Refusal> {
    may_join(space, &access)?;
    let (auth, asks) = (auth.filter(|_| space.terms.recovery), (&access, &says));
    if let Some(auth) = auth
        && let Some(back) =
            returning::comes_back(context, origin, space, auth, asks, transport).await?
    {
        return Ok(back);
    }
    let (stream, opening) = (new_stream(), fresh(transport));
    let mut caller = origin.caller(context, stream, transport);
    let let_in = context.let_in(access, &opening, Some(says), &mut caller);
    let (access, admitted) = let_in.await?;
    Ok(Admission {
        access,
        opening,
        admitted,
        caller,
        stream,
        back: None,
    })
}

const fn fresh(transport: Transport) -> Opening {
    Opening {
        transport,
        dialect: Dialect::SocketIo,
        rooms: Vec::new(),
        start: Start::Now,
        keeps: None,
    }
}

async fn identify(
    context: &Context,
    origin: &Origin,
    settings: &Settings,
    auth: Option<&Auth>,
) -> Result<Arc<Access>, Refusal> {
    let text = |name: &str| auth.and_then(|auth| auth.text(name));
    let own = match (text(&settings.token), text(&settings.api_key)) {
        (Some(token), _) => Some(Credential::from_token(&token)),
        (None, Some(key)) => Some(Credential::from_token(&key)),
        (None, None) => None,
    };
    let Some(credential) = own.or_else(|| shown(origin)) else {
        let anonymous = context.rules().authority.anonymous();
        return anonymous.ok_or_else(|| {
            let message = format!("this needs a credential: auth.{}", settings.token);
            Refusal::new(Code::Unauthorized, message)
        });
    };
    if let Ok(credential) = &credential
        && let Some(fetch) = context.key_of(credential)
    {
        fetch.await;
    }
    context.authenticate(credential, origin.peer)
}

/// The credential that the request of the connection showed.
fn shown(origin: &Origin) -> Option<Result<Credential, Refusal>> {
    match &origin.credential {
        Ok(credential) => credential.clone().map(Ok),
        Err(refusal) => Some(Err(Refusal::clone(refusal))),
    }
}

/// Whether who has `access` may be in `space`.
///
/// # Errors
/// `forbidden`.
pub(crate) fn may_join(space: &Space, access: &Access) -> Result<(), Refusal> {
    let roles = &space.terms.roles;
    if roles.is_empty() || roles.iter().any(|role| *role == *access.role.name) {
        return Ok(());
    }
    let message = format!(
        "the role {} may not join {}",
        access.role.name,
        space.name.as_str()
    );
    Err(Refusal::new(Code::Forbidden, message))
}

/// What the client says of itself besides its credential, as an object.
fn says(settings: &Settings, auth: Option<&Auth>) -> Json {
    type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
    let members: Option<Members<'_>> =
        auth.and_then(|auth| serde_json::from_str(auth.expose().as_str()).ok());
    let mut members = members.unwrap_or_default();
    for secret in [&*settings.token, &*settings.api_key, PID, OFFSET] {
        members.remove(secret);
    }
    Json::around(&members)
}
