//! What a service has done to streams, and what it is told of them.

use serde_json::json;

use crate::auth::Access;
use crate::model::code::Refusal;
use crate::model::decree::Whom;
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::session::Answer;
use crate::session::deed::Deed;
use crate::telemetry::audit::{Asked, Event};
use crate::wire::client::Which;
use crate::wire::control::{Ack, millis};
use crate::wire::service::{Stream, Streams};

use super::audited::who;
use super::context::Context;
use super::shard::{Filter, Seen};

/// Streams in one list.
const LISTED: usize = 1000;

impl Context {
    /// Does what the service of `access` wants, and records it once it is done, as an operator's deed is.
    pub async fn serve(&self, access: &Access, asked: Asked, deed: Deed) -> Answer {
        let record = recorded(&deed);
        let done = self.done(deed).await;
        if let (Ok(_), Some((action, subject))) = (&done, record) {
            let event = Event::Admin {
                by: Some(who(access)),
                action,
                subject: &subject,
            };
            self.audit.record(Some(asked), &event);
        }
        match done {
            Ok(ack) => Answer::Done(ack),
            Err(refusal) => Answer::Refused(None, refusal),
        }
    }

    async fn done(&self, deed: Deed) -> Result<Ack, Refusal> {
        match deed {
            Deed::Move { whom, room, joins } => {
                self.move_streams(whom, room, joins).await.map(count)
            }
            Deed::Disconnect(whom) => self.disconnect_streams(&whom).await.map(count),
            Deed::List(Which {
                room,
                principal,
                after,
            }) => {
                let filter = Filter {
                    room,
                    principal,
                    is_known: true,
                    ..Filter::default()
                };
                let (seen, more) = self.list_streams(filter, after, LISTED).await?;
                let now = self.clock.unix();
                let streams = seen.into_iter().filter_map(|one| listed(one, now));
                Ok(Ack {
                    streams: Some(Streams::These(streams.collect())),
                    more: Some(more),
                    ..Ack::default()
                })
            }
        }
    }
}

fn count(streams: usize) -> Ack {
    Ack {
        streams: Some(Streams::Count(streams)),
        ..Ack::default()
    }
}

fn listed(seen: Seen, now: UnixMillis) -> Option<Stream> {
    let (principal, role) = seen.who?;
    Some(Stream {
        stream: seen.stream.to_string(),
        principal,
        role,
        transport: seen.transport.as_str(),
        dialect: seen.dialect.as_str(),
        rooms: seen.rooms,
        since: UnixMillis(now.0.saturating_sub(millis(seen.age))),
    })
}

/// What the audit log calls it, and to whom it is done. A look is nobody's business.
fn recorded(deed: &Deed) -> Option<(&'static str, String)> {
    match deed {
        Deed::Move {
            whom,
            room,
            joins: true,
        } => Some(("join", subject(whom, Some(room)))),
        Deed::Move {
            whom,
            room,
            joins: false,
        } => Some(("leave", subject(whom, Some(room)))),
        Deed::Disconnect(whom) => Some(("disconnect", subject(whom, None))),
        Deed::List(_) => None,
    }
}

fn subject(whom: &Whom, room: Option<&Room>) -> String {
    let mut subject = match whom {
        Whom::Stream(stream) => json!({"stream": stream.to_string()}),
        Whom::Principal(name) => json!({"principal": &**name}),
    };
    if let Some(room) = room {
        subject["room"] = json!(room);
    }
    subject.to_string()
}
