//! What the configuration says of Socket.IO.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::SpokenRoom;
use crate::model::event::EventName;
use crate::wire::engineio::Transport;
use crate::wire::socketio::Namespace;

use super::style::Style;

/// What the configuration says of Socket.IO.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it is served: begins and ends with `/`. Nothing: it is not spoken.
    pub path: Option<Box<str>>,
    /// From a client's sign of life to the next time that it is asked for one. Whole milliseconds.
    pub ping_interval: Duration,
    /// How long it may take to answer. Whole milliseconds.
    pub ping_timeout: Duration,
    /// What a client may send in one piece, in bytes: a message with its attachments, or a body of polling.
    pub max_payload: usize,
    /// How long a connection may be without a namespace.
    pub connect_timeout: Duration,
    /// How long a client that was cut may take to come back as the same.
    pub recovery: Duration,
    /// The member of `auth` that holds a token.
    pub token: Box<str>,
    /// The member of `auth` that holds an API key.
    pub api_key: Box<str>,
    /// The namespaces that there are.
    pub namespaces: BTreeMap<Namespace, Arc<Space>>,
}

impl Settings {
    /// How long an upgrade to a WebSocket may take, as with the original.
    pub const UPGRADE: Duration = Duration::from_secs(10);
}

impl Default for Settings {
    fn default() -> Self {
        let main = Space::new(Namespace::MAIN, Terms::default());
        Self {
            path: Some("/socket.io/".into()),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 1_000_000,
            connect_timeout: Duration::from_secs(45),
            recovery: Duration::from_secs(120),
            token: "token".into(),
            api_key: "apiKey".into(),
            namespaces: BTreeMap::from([(Namespace::MAIN, Arc::new(main))]),
        }
    }
}

/// One namespace.
#[derive(Debug, PartialEq)]
pub struct Space {
    /// Its name.
    pub name: Namespace,
    /// What holds in it.
    pub terms: Terms,
    /// How its events are written, by what carries them.
    styles: [Arc<Style>; 2],
}

/// What holds in a namespace.
#[derive(Debug, Default, PartialEq)]
pub struct Terms {
    /// The roles that may join it; all, where none is named.
    pub roles: Vec<String>,
    /// Whether who was cut may come back as the same. Each event then has a last argument more: how far its client is.
    pub recovery: bool,
    /// Whether each event has a second argument: its room, its id, and when it happened.
    pub meta: bool,
    /// What events of clients mean, by their names.
    pub events: BTreeMap<Box<str>, Meaning>,
}

/// What an event of a client means.
#[derive(Debug, PartialEq)]
pub enum Meaning {
    /// It joins a room.
    Subscribe {
        /// Which.
        room: SpokenRoom,
        /// What it is told when it has, with what it has said.
        answer: Option<EventName>,
        /// So many of the newest events of the room are told first.
        rewind: usize,
        /// They come as one event of this name, with a list of their payloads; without it each as itself.
        backfill: Option<EventName>,
    },
    /// It leaves a room.
    Unsubscribe {
        /// Which.
        room: SpokenRoom,
        /// What it is told when it has, with what it has said.
        answer: Option<EventName>,
    },
    /// It wants what it missed in its rooms since the event that it names (`lastEventId`).
    Recover {
        /// It comes as one event of this name, with a list of payloads, for each room; without it each as itself.
        answer: Option<EventName>,
    },
}

impl Space {
    /// The namespace of this name.
    #[must_use]
    pub fn new(name: Namespace, terms: Terms) -> Self {
        let style = |carrier| {
            Arc::new(Style {
                carrier,
                namespace: name.clone(),
                offset: terms.recovery,
                meta: terms.meta,
            })
        };
        let styles = [style(Transport::Polling), style(Transport::WebSocket)];
        Self {
            name,
            terms,
            styles,
        }
    }

    /// How its events are written for who is reached by `carrier`.
    #[must_use]
    pub fn style(&self, carrier: Transport) -> &Arc<Style> {
        match carrier {
            Transport::Polling => &self.styles[0],
            Transport::WebSocket => &self.styles[1],
        }
    }
}
