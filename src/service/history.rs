//! `GET` and `DELETE /v1/rooms/{room}/events`.

use http::{Request, StatusCode};
use hyper::body::Incoming;

use crate::bus::history::Query as Page;
use crate::bus::reader::Credit;
use crate::model::code::{Code, Refusal};
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::session::admission::forbidden;
use crate::wire::control::Envelope;
use crate::wire::encoding::Encoding;
use crate::wire::negotiate::invalid_cursor;
use crate::wire::poll;
use crate::wire::query::Query;

use super::{Connection, Response, Service, reply};

const LIMIT: std::ops::RangeInclusive<u64> = 1..=1000;
const DEFAULT_LIMIT: u64 = 100;
/// A page ends here, so that no answer grows without bound.
const PAGE_BYTES: usize = 1 << 20;

/// How much a page may have, by the `limit` that is asked for.
pub(super) fn page_credit(query: &Query) -> Result<Credit, Refusal> {
    let limit = query.number("limit", LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    Ok(Credit {
        events: usize::try_from(limit).unwrap_or(usize::MAX),
        bytes: PAGE_BYTES,
    })
}

impl Service {
    /// A page of a room's past.
    pub(super) async fn history(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        room: Room,
    ) -> Result<Response, Refusal> {
        let access = self.access(request, query)?;
        if !access.may_subscribe(&room) {
            return Err(forbidden(&room));
        }
        let access = self.may_read(request, access, &room).await?;
        if !access.may_subscribe(&room) {
            return Err(forbidden(&room));
        }
        let credit = page_credit(query)?;
        let page = self.context.bus.history(&Page {
            room,
            since: match query.get("since") {
                None | Some("earliest") => None,
                Some(text) => Some(Start::At(position("since", text)?)),
            },
            until: query
                .get("until")
                .map(|text| self.until(text))
                .transpose()?,
            credit,
            reverse: query.switch("reverse")?,
        });
        let page = poll::Page {
            events: page
                .events
                .iter()
                .map(|event| Envelope(event.envelope()))
                .collect(),
            gaps: page.gaps,
            cursor: page.cursor,
            more: page.more,
        };
        let encoding = Encoding::preferred(request.headers());
        Ok(self.long(encoding, reply::JSON, poll::to_json(&page)).await)
    }

    /// A page cannot end in another life of the log; an empty one would say that there was nothing.
    fn until(&self, text: &str) -> Result<Position, Refusal> {
        let until = position("until", text)?;
        if until.epoch == self.context.bus.head().epoch {
            Ok(until)
        } else {
            Err(invalid_cursor("until"))
        }
    }

    /// Drops what a room holds; its readers get a gap.
    pub(super) fn purge(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        room: Room,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        let access = self.access(request, query)?;
        if !access.is_admin() {
            let message = "only a role with `admin = true` may purge a room";
            return Err(Refusal::new(Code::Forbidden, message).room(room));
        }
        self.context.bus.purge(&room);
        self.audit_operator(connection, &access, "purge", room.as_str());
        tracing::info!(%room, principal = access.principal.name(), "purged");
        Ok(reply::empty(StatusCode::NO_CONTENT))
    }
}

fn position(name: &str, text: &str) -> Result<Position, Refusal> {
    Position::parse_cursor(text).map_err(|_| invalid_cursor(name))
}
