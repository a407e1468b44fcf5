//! What one client may do, decided once when its credential is accepted.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::grants::Grants;
use super::roles::Role;
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;

/// The rights of one principal. Each stream holds one in an `Arc`; those of an API key, and of the anonymous
/// role, are made once for all.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who.
    pub principal: Principal,
    /// In which role.
    pub role: Arc<Role>,
    /// The rooms that the client gets when it names none.
    pub rooms: Vec<Room>,
    /// When these rights end; never for an API key or without credential.
    pub expires_at: Option<UnixMillis>,
    subscribe: Grants,
    publish: Grants,
}

impl Access {
    pub(super) fn new(
        principal: Principal,
        role: Arc<Role>,
        claims: &Map<String, Value>,
        expires_at: Option<UnixMillis>,
    ) -> Arc<Self> {
        Arc::new(Self {
            principal,
            rooms: role.rooms.rooms(claims),
            expires_at,
            subscribe: role.subscribe.grants(claims),
            publish: role.publish.grants(claims),
            role,
        })
    }

    /// About how many bytes it holds for itself; what it shares with others of its role does not count.
    pub(super) fn weight(&self) -> usize {
        let rooms = self.rooms.iter().map(|room| room.as_str().len());
        size_of::<Self>()
            + self.principal.name().len()
            + rooms.map(|text| size_of::<Room>() + text).sum::<usize>()
            + self.role.subscribe.weight(&self.subscribe)
            + self.role.publish.weight(&self.publish)
    }

    /// Whether it may read `room`.
    #[must_use]
    pub fn may_subscribe(&self, room: &Room) -> bool {
        self.subscribe.cover(room)
    }

    /// Whether it may publish to `room`.
    #[must_use]
    pub fn may_publish(&self, room: &Room) -> bool {
        self.publish.cover(room)
    }

    /// Whether it may publish to any room at all.
    #[must_use]
    pub fn publishes(&self) -> bool {
        !self.publish.is_empty()
    }

    /// Whether it may be served over `transport`.
    #[must_use]
    pub fn may_use(&self, transport: Transport) -> bool {
        self.role.transports.contains(&transport)
    }

    /// Whether it may do what operators do: purge a room, read the metrics.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role.admin
    }
}
