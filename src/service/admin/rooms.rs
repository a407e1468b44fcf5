//! Which rooms there are.

use crate::model::code::Refusal;
use crate::service::{Response, Service};
use crate::wire::admin;
use crate::wire::query::Query;

use super::{limit, ok, room};

impl Service {
    pub(super) fn rooms(&self, query: &Query) -> Result<Response, Refusal> {
        let (most, after) = (limit(query)?, query.get("after").map(room).transpose()?);
        let prefix = query.get("prefix").unwrap_or_default();
        let mut rooms = self.context.bus.rooms(prefix, after.as_ref(), most + 1);
        let more = rooms.len() > most;
        rooms.truncate(most);
        Ok(ok(&admin::Rooms { rooms, more }))
    }
}
