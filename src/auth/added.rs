//! What a backend adds to a credential, for one stream.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::access::{Access, More, Proof};
use super::{authority, jwt, ticket};
use crate::model::id::Principal;
use crate::model::room::Room;

/// What a backend has added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Claims: grants and rooms are made of them as of those of the credential.
    pub claims: Map<String, Value>,
    /// Rooms that may be read, and are joined.
    pub rooms: Vec<Room>,
}

impl Access {
    /// What the credential says of its holder, and what a backend has added: a token's claims, or the name of an API key.
    #[must_use]
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = self.own_claims();
        let added = self.added().into_iter().flat_map(|added| &added.claims);
        claims.extend(added.map(|(name, value)| (name.clone(), value.clone())));
        claims
    }

    fn own_claims(&self) -> Map<String, Value> {
        match &self.proof {
            Proof::Anonymous => Map::new(),
            Proof::Key(_) => authority::claims_of_key(self.principal.name()),
            Proof::Token(token) => jwt::verifier::claims_of(&token.text),
            Proof::Ticket(_) if matches!(self.principal, Principal::ApiKey(_)) => {
                authority::claims_of_key(self.principal.name())
            }
            Proof::Ticket(ticket) => ticket::claims_of(&ticket.token.text),
        }
    }

    /// What a backend has added to it.
    #[must_use]
    pub fn added(&self) -> Option<&Arc<Added>> {
        self.more.as_ref()?.added.as_ref()
    }

    /// The rooms that a backend has added.
    #[must_use]
    pub fn invited(&self) -> &[Room] {
        self.added().map_or(&[], |added| &added.rooms)
    }

    /// What the credential is worth with what was `added`, instead of what was added before. A signed URL leads to its
    /// rooms, whatever anybody says of its holder: it gets the rooms, and nothing of the claims.
    #[must_use]
    pub fn with(&self, added: Arc<Added>) -> Arc<Self> {
        let own = if self.is_by_url() {
            Self {
                subscribe: self.subscribe.without(self.invited()),
                ..self.clone()
            }
        } else {
            let mut claims = self.own_claims();
            claims.extend(added.claims.clone());
            self.clone().made_of(&claims)
        };
        let more = More {
            added: Some(added.clone()),
            ..own.more.as_deref().cloned().unwrap_or_default()
        };
        Arc::new(Self {
            subscribe: own.subscribe.and(&added.rooms),
            more: more.if_any(),
            ..own
        })
    }

    /// The same without this room, where a backend had added it.
    #[must_use]
    pub fn without_room(self: &Arc<Self>, room: &Room) -> Arc<Self> {
        let Some(added) = self.added().filter(|added| added.rooms.contains(room)) else {
            return self.clone();
        };
        let mut added = Added::clone(added);
        added.rooms.retain(|one| one != room);
        self.with(Arc::new(added))
    }
}
