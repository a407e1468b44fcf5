//! `GET /v1/rooms/{room}/presence`.

use http::Request;
use hyper::body::Incoming;

use crate::model::code::Refusal;
use crate::model::room::Room;
use crate::wire::encoding::Encoding;
use crate::wire::poll;
use crate::wire::query::Query;

use super::history::page_credit;
use super::{Response, Service, reply};

impl Service {
    /// A page of those who are in a room.
    pub(super) async fn presence(
        &self,
        request: &Request<Incoming>,
        query: &Query,
        room: Room,
    ) -> Result<Response, Refusal> {
        let access = self.access(request, query)?;
        let access = if access.may_see(&room) {
            self.may_read(request, access, &room).await?
        } else {
            access
        };
        let credit = page_credit(query)?;
        let after = query.get("after");
        let page = self.context.members(&access, &room, after, credit)?;
        let encoding = Encoding::preferred(request.headers());
        let body = poll::to_json(&page.of(room));
        Ok(self.long(encoding, reply::JSON, body).await)
    }
}
