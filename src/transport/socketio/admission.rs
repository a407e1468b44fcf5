//! Who joins a namespace: by the credential that it shows there, else by that of its connection.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::gap::Reason;
use crate::model::id::StreamId;
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::session::admission::{Admitted, Opening};
use crate::transport::context::{Context, come_back};
use crate::transport::engineio::sid::Sid;
use crate::transport::granted::Caller;
use crate::transport::shard::{Farewell, Filter};
use crate::wire::socketio::Auth;

use super::origin::{Origin, new_stream};
use super::recovery::{Kept, Record};
use super::settings::{Settings, Space};

/// The members of `auth` that a client comes back with.
const PID: &str = "pid";
const OFFSET: &str = "offset";

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
    /// Its place among those that come back, where it goes on as the same.
    pub kept: Option<Kept>,
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
    let before = returning(context, space, auth, &access).await?;
    let (stream, opening) = match before {
        Some((kept, record, since)) => {
            let opening = Opening {
                transport,
                dialect: Dialect::SocketIo,
                rooms: record.rooms.clone(),
                start: since.map_or(Start::Now, Start::At),
            };
            let caller = origin.caller(context, record.stream, transport);
            let returning = (kept, &record);
            let back = goes_on(context, &access, returning, opening, &says, caller).await?;
            if let Some(back) = back {
                return Ok(back);
            }
            (new_stream(), fresh(transport))
        }
        None => (new_stream(), fresh(transport)),
    };
    let mut caller = origin.caller(context, stream, transport);
    let let_in = context.let_in(access, &opening, Some(says), &mut caller);
    let (access, admitted) = let_in.await?;
    Ok(Admission {
        access,
        opening,
        admitted,
        caller,
        stream,
        kept: None,
    })
}

const fn fresh(transport: Transport) -> Opening {
    Opening {
        transport,
        dialect: Dialect::SocketIo,
        rooms: Vec::new(),
        start: Start::Now,
    }
}

/// Lets a client go on as who it was, if it may still have all its rooms; those that its stream was granted itself are not
/// asked about again.
async fn goes_on(
    context: &Context,
    access: &Arc<Access>,
    (mut kept, record): (Kept, &Record),
    opening: Opening,
    says: &Json,
    mut caller: Box<Caller>,
) -> Result<Option<Admission>, Refusal> {
    let own = opening.rooms.iter();
    let own: Vec<_> = own
        .filter(|room| !record.extra.contains(room))
        .cloned()
        .collect();
    // Whoever names no room gets those of its role.
    if own.is_empty() || own.iter().any(|room| !access.may_subscribe(room)) {
        kept.is_over();
        return Ok(None);
    }
    let asked = Opening {
        rooms: own,
        ..opening.clone()
    };
    let let_in = context.let_in(access.clone(), &asked, Some(says.clone()), &mut caller);
    let (access, mut admitted) = match let_in.await {
        Ok(let_in) => let_in,
        // The backend says no to what it had: it is asked as anybody is.
        Err(refusal) if refusal.code == Code::Refused => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    if admitted
        .gaps
        .iter()
        .any(|gap| gap.reason == Reason::Unauthorized)
    {
        return Ok(None);
    }
    for room in &record.extra {
        if !admitted.rooms.contains(room) {
            admitted.rooms.push(room.clone());
            admitted.extra.push(room.clone());
        }
    }
    Ok(Some(Admission {
        access,
        opening,
        admitted,
        caller,
        stream: record.stream,
        kept: Some(kept),
    }))
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

fn may_join(space: &Space, access: &Access) -> Result<(), Refusal> {
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

/// Who the client was, and from where it goes on, if it may go on as the same. Whoever is still there under its name is
/// known by nobody but this client, and is ended: its connection is dead, or will be.
async fn returning(
    context: &Context,
    space: &Space,
    auth: Option<&Auth>,
    access: &Access,
) -> Result<Option<(Kept, Record, Option<Position>)>, Refusal> {
    let said = auth.filter(|_| space.terms.recovery);
    let pid = said.and_then(|auth| Sid::from_client(&auth.text(PID)?));
    let (Some(auth), Some(pid)) = (said, pid) else {
        return Ok(None);
    };
    let (whose, now) = ((&access.principal, &space.name), context.clock.now());
    let Some(record) = context.recovery.find(pid, whose, now) else {
        return Ok(None);
    };
    if record.is_there() {
        let filter = Filter {
            stream: Some(record.stream),
            ..Filter::default()
        };
        let ended = context.of_all_shards(|shard| shard.dismiss(filter.clone(), Farewell::Replace));
        ended.await?;
    }
    let span = context.rules().socketio.recovery;
    let Some((kept, record)) = context.recovery.claim(pid, whose, span, &context.clock) else {
        return Ok(None);
    };
    let offset = auth
        .text(OFFSET)
        .map(|offset| Position::parse_cursor(&offset));
    let since = match (offset, record.since) {
        // What it confirmed it has, though an offset never comes with that.
        (Some(Ok(offset)), Some(since))
            if since.epoch == offset.epoch && since.seq > offset.seq =>
        {
            Some(since)
        }
        (Some(Ok(offset)), _) => Some(offset),
        // An offset that is none: it has lost where it was.
        (Some(Err(_)), _) => return Ok(None),
        (None, since) => since,
    };
    Ok(since.map(|since| (kept, record, Some(since))))
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
