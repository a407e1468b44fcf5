//! What one client may do, decided once when its credential is accepted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::added::Added;
use super::digest::Digest;
use super::emits::{Filled, Target};
use super::grants::Grants;
use super::jwt::jwks::SetKey;
use super::roles::Role;
use super::ticket::Kind;
use crate::model::decree::Bearer;
use crate::model::event::EventName;
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::secret::Secret;
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
    pub rooms: Box<[Room]>,
    /// When these rights end; never for an API key or without credential.
    pub expires_at: Option<UnixMillis>,
    /// What showed it, so that it can be judged anew.
    pub(super) proof: Proof,
    pub(super) subscribe: Grants,
    pub(super) publish: Grants,
    /// What few have: the others pay for one word.
    pub(super) more: Option<Box<More>>,
}

/// What few clients have.
#[derive(Clone, Debug, Default)]
pub(super) struct More {
    /// Of which rooms it may see who is there.
    pub(super) presence: Option<Grants>,
    /// Where what it emits is published.
    pub(super) mapped: Filled,
    /// What a backend has added, for one stream.
    pub(super) added: Option<Arc<Added>>,
}

impl More {
    /// The same, unless it is nothing.
    pub(super) fn if_any(self) -> Option<Box<Self>> {
        let is_any = self.presence.is_some() || self.mapped.is_some() || self.added.is_some();
        is_any.then(|| Box::new(self))
    }

    /// That of a client of `role` with these claims.
    fn of(role: &Role, claims: &Map<String, Value>) -> Self {
        Self {
            presence: role.presence.grants(claims).if_any(),
            mapped: role.mapped.fill(claims),
            added: None,
        }
    }
}

/// What showed who somebody is.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// Nothing.
    Anonymous,
    /// The API key of this hash.
    Key(Box<Digest>),
    /// A token.
    Token(Box<Token>),
    /// A ticket that it was swapped for, whatever it was.
    Ticket(Box<Ticket>),
}

/// A token that was good.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: Secret,
    /// The key of a set that it was signed with.
    pub(super) key: Option<Arc<SetKey>>,
    /// `jti`.
    pub(super) id: Option<Box<str>>,
    /// `iat`.
    pub(super) issued: Option<UnixMillis>,
}

impl Token {
    fn stands(&self) -> bool {
        self.key.as_ref().is_none_or(|key| !key.is_gone())
    }
}

/// A ticket that was good, and what it tells of the token that it was swapped for, if it was one.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) kind: Kind,
    /// How long it lives in all.
    pub(super) life: Duration,
    pub(super) token: Token,
}

impl Access {
    pub(super) fn new(
        principal: Principal,
        role: Arc<Role>,
        claims: &Map<String, Value>,
        expires_at: Option<UnixMillis>,
        proof: Proof,
    ) -> Arc<Self> {
        Arc::new(Self {
            principal,
            proof,
            rooms: role.rooms.rooms(claims).into(),
            expires_at,
            subscribe: role.subscribe.grants(claims),
            publish: role.publish.grants(claims),
            more: More::of(&role, claims).if_any(),
            role,
        })
    }

    /// The same, with rooms and grants made of these claims, and without what was added before.
    pub(super) fn made_of(self, claims: &Map<String, Value>) -> Self {
        let role = &self.role;
        Self {
            rooms: role.rooms.rooms(claims).into(),
            subscribe: role.subscribe.grants(claims),
            publish: role.publish.grants(claims),
            more: More::of(role, claims).if_any(),
            ..self
        }
    }

    /// The same for `rooms` alone: to read those that it may read, to see who is there where it may, and to publish
    /// nothing.
    pub(super) fn bound_to(&self, rooms: Vec<Room>) -> Arc<Self> {
        let names = || rooms.iter().map(Room::as_str);
        // Whoever may read a companion may see who is in its room.
        let seen = rooms
            .iter()
            .map(|room| room.tells_of().unwrap_or(room.as_str()));
        let presence = self.presence().and_then(|own| own.only(seen).if_any());
        let more = More {
            presence,
            ..More::default()
        };
        Arc::new(Self {
            subscribe: self.subscribe.only(names()),
            publish: Grants::none(),
            more: more.if_any(),
            rooms: rooms.into(),
            ..self.clone()
        })
    }

    /// Whether a signed URL showed it, which can be had anew.
    #[must_use]
    pub fn is_by_url(&self) -> bool {
        matches!(&self.proof, Proof::Ticket(ticket) if ticket.kind == Kind::Url)
    }

    /// How long before its end its client is told so, where that is `usual`ly so long. Whoever comes with a signed URL goes
    /// over to the next one at once, which must not be told the same at once again.
    #[must_use]
    pub fn notice(&self, usual: Duration) -> Duration {
        match &self.proof {
            Proof::Ticket(ticket) if ticket.kind == Kind::Url => usual.min(ticket.life / 2),
            Proof::Anonymous | Proof::Key(_) | Proof::Token(_) | Proof::Ticket(_) => usual,
        }
    }

    /// About how many bytes it holds for itself; what it shares with others of its role does not count.
    pub(super) fn weight(&self) -> usize {
        let rooms = self.rooms.iter().map(|room| room.as_str().len());
        let mapped = self.more.iter().flat_map(|more| &more.mapped);
        let mapped = mapped.flatten().flatten();
        let mapped = mapped.map(|room| room.as_str().len() + size_of::<Room>());
        let proof = match &self.proof {
            Proof::Token(token) => size_of::<Token>() + token.text.expose().len(),
            Proof::Ticket(ticket) => size_of::<Ticket>() + ticket.token.text.expose().len(),
            Proof::Anonymous | Proof::Key(_) => 0,
        };
        size_of::<Self>()
            + proof
            + self.principal.name().len()
            + rooms.map(|text| size_of::<Room>() + text).sum::<usize>()
            + self.role.subscribe.weight(&self.subscribe)
            + self.role.publish.weight(&self.publish)
            + self
                .presence()
                .map_or(0, |own| size_of::<More>() + self.role.presence.weight(own))
            + mapped.sum::<usize>()
    }

    /// Whether the key that vouches for it is still in its set.
    pub(super) fn stands(&self) -> bool {
        match &self.proof {
            Proof::Token(token) => token.stands(),
            Proof::Ticket(ticket) => ticket.token.stands(),
            Proof::Anonymous | Proof::Key(_) => true,
        }
    }

    /// What of it a revocation can name.
    #[must_use]
    pub fn bearer(&self) -> Bearer<'_> {
        let token = match &self.proof {
            Proof::Token(token) => Some(&**token),
            Proof::Ticket(ticket) => Some(&ticket.token),
            Proof::Anonymous | Proof::Key(_) => None,
        };
        Bearer {
            principal: &self.principal,
            token: token.and_then(|token| token.id.as_deref()),
            issued: token.and_then(|token| token.issued),
        }
    }

    /// Whether it may read `room`. A companion tells who comes and goes, and is open to who may see that: no grant to
    /// subscribe opens it. The room of one stream is joined by nobody but the gateway.
    #[must_use]
    pub fn may_subscribe(&self, room: &Room) -> bool {
        match room.tells_of() {
            Some(name) => self.sees_into(name),
            None => !room.is_of_a_stream() && self.subscribe.cover(room.as_str()),
        }
    }

    /// Whether it may publish to `room`. To a companion nobody may.
    #[must_use]
    pub fn may_publish(&self, room: &Room) -> bool {
        let is_granted = self.publish.cover(room.as_str());
        let is_served = self.is_service() && room.is_of_a_stream();
        room.tells_of().is_none() && (is_granted || is_served)
    }

    /// Whether it may see who is in `room`.
    #[must_use]
    pub fn may_see(&self, room: &Room) -> bool {
        self.sees_into(room.as_str())
    }

    fn presence(&self) -> Option<&Grants> {
        self.more.as_ref()?.presence.as_ref()
    }

    fn sees_into(&self, room: &str) -> bool {
        self.presence().is_some_and(|own| own.cover(room))
    }

    /// Whether it may publish to any room at all.
    #[must_use]
    pub fn publishes(&self) -> bool {
        self.is_service() || !self.publish.is_empty()
    }

    /// Whether it may tell the backend what is called by this name. A signed URL is to read, whoever has it.
    #[must_use]
    pub fn may_emit(&self, name: &EventName) -> bool {
        !self.is_by_url() && self.role.emit.cover(name.as_str())
    }

    /// Where what it emits by this name is published, if it is.
    #[must_use]
    pub fn target(&self, name: &EventName) -> Option<Target<'_>> {
        const NONE: &Filled = &None;
        let filled = self.more.as_ref().map_or(NONE, |more| &more.mapped);
        self.role.mapped.target(name, filled)
    }

    /// The patterns of the rooms that it may read.
    #[must_use]
    pub fn subscribes(&self) -> Vec<String> {
        self.subscribe.texts()
    }

    /// The patterns of the rooms that it may publish to.
    #[must_use]
    pub fn publishes_to(&self) -> Vec<String> {
        self.publish.texts()
    }

    /// The patterns of the rooms of which it may see who is there.
    #[must_use]
    pub fn sees(&self) -> Vec<String> {
        self.presence()
            .as_ref()
            .map_or_else(Vec::new, |own| own.texts())
    }

    /// Whether it may be served over `transport`.
    #[must_use]
    pub fn may_use(&self, transport: Transport) -> bool {
        self.role.transports.contains(&transport)
    }

    /// Whether it is the backend's own: it may move, end and list the streams of others. A signed URL of it is to read, and
    /// is not.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.role.service && !self.is_by_url()
    }

    /// Whether it may do what operators do: purge a room, read the metrics.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role.admin
    }
}
