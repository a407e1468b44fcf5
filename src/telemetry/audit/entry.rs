//! An open stream, from when it is accepted to its end.

use crate::model::code::Refusal;
use crate::model::dialect::Dialect;
use crate::model::id::{Principal, StreamId};
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;
use crate::telemetry::metrics::labels::End;

use super::{Asked, Audit, Event, Who, Why};

/// What the audit log knows of an open stream. There is none where the log is off.
#[derive(Debug)]
pub struct Entry {
    audit: Audit,
    asked: Asked,
    stream: StreamId,
    transport: Transport,
    dialect: Dialect,
    since: UnixMillis,
    /// Principal and role, once they are known.
    who: Option<(Principal, Box<str>)>,
}

impl Audit {
    /// A stream that begins, of a client of which nothing is known yet.
    #[must_use]
    pub fn entry(
        &self,
        asked: Asked,
        stream: StreamId,
        transport: Transport,
        dialect: Dialect,
    ) -> Option<Box<Entry>> {
        self.is_on().then(|| {
            Box::new(Entry {
                asked,
                stream,
                transport,
                dialect,
                since: self.now(),
                who: None,
                audit: self.clone(),
            })
        })
    }
}

impl Entry {
    /// From now on its events come so.
    pub const fn is_carried_by(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// Its client is `who`, and has these `rooms`.
    pub fn known(&mut self, who: Who<'_>, rooms: &[Room]) {
        let (stream, transport, dialect) = (self.stream, self.transport, self.dialect);
        let role = who.role.into();
        let is_new = self.who.replace((who.principal.clone(), role)).is_none();
        let event = if is_new {
            Event::StreamAccepted {
                stream,
                transport,
                dialect,
                who,
                rooms,
            }
        } else {
            Event::StreamChanged {
                stream,
                transport,
                dialect,
                who,
                rooms,
            }
        };
        self.audit.record(Some(self.asked), &event);
    }

    /// A message of its client was refused; one that came before it was known ends the stream, and is recorded there.
    pub fn refused(&self, refusal: &Refusal, is_publish: bool) {
        let (stream, who) = (Some(self.stream), self.who());
        if who.is_none() {
            return;
        }
        let event = if is_publish {
            Event::PublishRefused {
                stream,
                who,
                refusal,
                events: 1,
            }
        } else {
            Event::MessageRefused {
                stream,
                who,
                refusal,
            }
        };
        self.audit.refused(Some(self.asked), refusal, &event);
    }

    /// It has ended. One whose client was never known has been refused; a client that just went has done nothing.
    pub fn ended(&self, end: End) {
        let (stream, transport, dialect) = (self.stream, self.transport, self.dialect);
        let event = match (self.who(), end) {
            (Some(who), end) => Event::StreamEnded {
                stream,
                transport,
                dialect,
                who,
                end,
                lasted: self.audit.now().since(self.since),
            },
            (None, End::Code(_)) => Event::StreamRefused {
                stream: Some(stream),
                transport,
                dialect,
                who: None,
                why: Why::Ended(end),
            },
            (None, End::Client | End::Answered) => return,
        };
        self.audit.record(Some(self.asked), &event);
    }

    fn who(&self) -> Option<Who<'_>> {
        let (principal, role) = self.who.as_ref()?;
        Some(Who { principal, role })
    }
}
