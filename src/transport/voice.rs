//! What the backend knows a stream by, and what it is told of it.

use std::sync::Arc;

use crate::auth::Access;
use crate::hooks::{Hooks, Kind};
use crate::model::code::Code;
use crate::model::dialect::Dialect;
use crate::model::id::StreamId;
use crate::model::room::Room;
use crate::model::trace::TraceParent;
use crate::model::transport::Transport;
use crate::session::Session;
use crate::sync::{Mutex, lock};
use crate::wire::hook::{About, Notice};

use super::emit::Teller;

/// What the backend knows somebody by who asks for something, apart from its rights.
#[derive(Clone, Debug)]
pub struct Line {
    /// The stream; nothing for who has none.
    pub stream: Option<StreamId>,
    /// How the client is reached.
    pub transport: Transport,
    /// In which language.
    pub dialect: Dialect,
    /// The headers of its request that hooks want to see.
    pub headers: Arc<[(String, String)]>,
    /// The trace that its request is part of.
    pub trace: Option<TraceParent>,
}

impl Line {
    /// What a stream is known by of whose request nothing was kept, because there were no hooks then.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            stream: Some(session.stream()),
            transport: session.transport(),
            dialect: session.dialect(),
            headers: Arc::default(),
            trace: None,
        }
    }

    /// The same with whoever has `access`.
    #[must_use]
    pub fn about(&self, access: &Access) -> Arc<About> {
        Arc::new(About {
            stream: self.stream,
            principal: access.principal.name().to_owned(),
            role: access.role.name.clone(),
            transport: self.transport,
            dialect: self.dialect,
            claims: access.claims(),
            headers: self.headers.to_vec(),
        })
    }

    /// Whoever has `access`, as it emits.
    #[must_use]
    pub fn teller(&self, access: &Access) -> Teller {
        Teller {
            about: self.about(access),
            trace: self.trace,
        }
    }
}

/// A stream's own line to the backend. It tells what becomes of the stream: that it leaves a room, and once, when it is
/// dropped, that the stream has ended.
#[derive(Debug)]
pub struct Voice {
    line: Line,
    hooks: Listener,
    /// Who and where it was when the backend last could have known; nothing before it was let in.
    known: Option<(Arc<Access>, Vec<Room>)>,
    /// Who is let in while nobody waits here for that.
    entrance: Entrance,
    /// Why it ends, once that is known.
    code: Option<Code>,
}

/// Where it stands that the backend has said yes to a stream, as soon as it has: whoever waited for it may be gone, and
/// the end of the stream is to be told all the same. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Entrance(Arc<Mutex<Option<Arc<Access>>>>);

impl Entrance {
    /// The backend has said yes to whoever has `access`.
    pub fn admits(&self, access: Arc<Access>) {
        *lock(&self.0) = Some(access);
    }

    fn take(&self) -> Option<Arc<Access>> {
        let mut access = lock(&self.0);
        access.take()
    }
}

/// Whoever is told.
struct Listener(Hooks);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}

/// What is told of a stream whose client has just gone.
const GONE: &str = "client";

impl Voice {
    /// That of a stream which is not let in yet.
    #[must_use]
    pub fn new(line: Line, hooks: Hooks) -> Self {
        Self {
            line,
            hooks: Listener(hooks),
            known: None,
            entrance: Entrance::default(),
            code: None,
        }
    }

    /// What the backend knows it by.
    #[must_use]
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// From now on the client is reached so.
    pub const fn is_carried_by(&mut self, transport: Transport) {
        self.line.transport = transport;
    }

    /// Where it is to stand that it is let in.
    #[must_use]
    pub fn entrance(&self) -> Entrance {
        self.entrance.clone()
    }

    /// Where the backend has said yes to it, its end is told from now on.
    pub fn may_be_let_in(&mut self) {
        let Some(access) = self.entrance.take() else {
            return;
        };
        let rooms = self.known.take().map(|(_, rooms)| rooms);
        self.known = Some((access, rooms.unwrap_or_default()));
    }

    /// It ends for this reason.
    pub const fn ends(&mut self, code: Code) {
        if self.code.is_none() {
            self.code = Some(code);
        }
    }

    /// Looks at what has become of the stream.
    pub fn look(&mut self, session: &Session) {
        let Some(access) = session.access() else {
            return;
        };
        let rooms = session.rooms();
        let Some((known, held)) = &mut self.known else {
            self.known = Some((access.clone(), rooms.to_vec()));
            return;
        };
        if !Arc::ptr_eq(known, access) {
            *known = access.clone();
        }
        if held.as_slice() == rooms {
            return;
        }
        let before = std::mem::replace(held, rooms.to_vec());
        if !self.hooks.0.has(Kind::Unsubscribe) {
            return;
        }
        for room in before.into_iter().filter(|room| !rooms.contains(room)) {
            let about = self.line.about(access);
            self.hooks.0.notify(&Notice::Unsubscribe { about, room });
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.may_be_let_in();
        if let Some((access, rooms)) = self.known.take()
            && self.hooks.0.has(Kind::Disconnect)
        {
            let about = self.line.about(&access);
            let code = self.code.map_or(GONE, Code::as_str);
            self.hooks
                .0
                .notify(&Notice::Disconnect { about, code, rooms });
        }
    }
}
