//! Clients join and leave rooms of open streams.

use super::super::message::{self, Item};
use super::super::record::{Ask, Happening, Raw, Transport};
use super::super::script::{Draft, SECRET};
use super::{PATIENCE, Play, Post, World, principal, socketio};

/// What a client wants of a room that it joins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    /// The cursor that it had so many cursors ago.
    pub(super) since: Option<usize>,
    pub(super) snapshot: bool,
}

impl<W: World> Play<'_, W> {
    pub(super) async fn join(
        &mut self,
        at: usize,
        room: &str,
        past: Past,
        race: Option<&Draft>,
        cut: Option<usize>,
    ) {
        self.get_acquainted(at).await;
        let client = &mut self.clients[at];
        if client.rooms.iter().any(|have| have == room) || !client.opened || client.unknown() {
            return;
        }
        if !client.can_ask() {
            if room != SECRET {
                client.rooms.push(room.to_owned());
                client.names_later(room);
            }
            return;
        }
        let since = past.since.and_then(|ago| {
            client
                .seen
                .iter()
                .rev()
                .nth(ago % client.seen.len().max(1))
                .cloned()
        });
        self.resolve_doubt(at, room).await;
        let answered = self
            .ask(at, room, Some(since), past.snapshot, race, cut)
            .await;
        if matches!(answered, Some(Item::Ack { .. })) {
            self.clients[at].rooms.push(room.to_owned());
        }
    }

    /// Reads until the stream has said its name.
    pub(super) async fn get_acquainted(&mut self, at: usize) {
        for _ in 0..PATIENCE {
            if !self.clients[at].unknown() {
                return;
            }
            self.read(at, 1 << 10).await;
        }
    }

    pub(super) async fn leave(&mut self, at: usize, room: &str, race: Option<&Draft>) {
        self.get_acquainted(at).await;
        let client = &mut self.clients[at];
        if client.rooms.len() < 2
            || client.unknown()
            || !client.rooms.iter().any(|have| have == room)
        {
            return;
        }
        if client.can_ask()
            && !matches!(
                self.ask(at, room, None, false, race, None).await,
                Some(Item::Ack { .. })
            )
        {
            let client = &mut self.clients[at];
            if client.doubtful.iter().all(|have| have != room) {
                return;
            }
        }
        self.clients[at].gives_up(room);
    }

    /// Asks to join or leave, and reads on until the answer is there; `None` if it never was.
    pub(super) async fn ask(
        &mut self,
        at: usize,
        room: &str,
        join: Option<Option<String>>,
        snapshot: bool,
        race: Option<&Draft>,
        cut: Option<usize>,
    ) -> Option<Item> {
        let answered = self.inquire(at, room, join, snapshot, race, cut).await;
        self.clients[at].was_answered(room, answered.is_some());
        answered
    }

    async fn inquire(
        &mut self,
        at: usize,
        room: &str,
        join: Option<Option<String>>,
        snapshot: bool,
        race: Option<&Draft>,
        cut: Option<usize>,
    ) -> Option<Item> {
        self.asks += 1;
        let reference = format!("ask-{}", self.asks);
        let snapshot = snapshot && join == Some(None);
        let text = match self.clients[at].transport {
            Transport::SocketIo => socketio::asking(self.asks, room, join.as_ref(), snapshot),
            _ => asking(&reference, room, join.as_ref(), snapshot),
        };
        self.note(
            at,
            Happening::Asked(Ask {
                reference: reference.clone(),
                room: room.to_owned(),
                join,
                snapshot,
            }),
        );
        if self.clients[at].transport == Transport::Sse {
            // Who waits for the answer and lets its stream wait meanwhile may wait for itself.
            while !self.read(at, 1 << 20).await.is_empty() {}
            let stream = self.clients[at].stream.clone()?;
            let (status, body) = self.world.tell(principal(at), &stream, &text).await;
            self.note(at, Happening::Answered(status, body.clone()));
            let answers = message::response(status, &body);
            return answers
                .into_iter()
                .find(|item| answers_to(item, &reference));
        }
        let mut link = self.clients[at].link.take()?;
        self.world.send(&mut link, &text).await;
        self.clients[at].link = Some(link);
        if let Some(draft) = race {
            let post = Post::one(draft.clone());
            self.publish(&post).await;
        }
        if let Some(bytes) = cut {
            let said = self.read(at, bytes).await;
            self.over(at);
            return said.into_iter().find(|item| answers_to(item, &reference));
        }
        for attempt in 0..PATIENCE {
            self.world.linger(attempt / 8).await;
            let said = self.read(at, 1 << 20).await;
            let answer = said.into_iter().find(|item| answers_to(item, &reference));
            if answer.is_some() || !self.clients[at].can_ask() {
                return answer;
            }
        }
        self.note(
            at,
            Happening::Saw(Raw::Broken(format!("no answer to {text}"))),
        );
        None
    }
}

fn answers_to(item: &Item, reference: &str) -> bool {
    match item {
        Item::Ack { reference: have } => have == reference,
        Item::Error {
            reference: Some(have),
            ..
        } => have == reference,
        _ => false,
    }
}

fn asking(reference: &str, room: &str, join: Option<&Option<String>>, snapshot: bool) -> String {
    let kind = if join.is_some() {
        "subscribe"
    } else {
        "unsubscribe"
    };
    let since = match join {
        Some(Some(cursor)) => format!(r#","since":"{cursor}""#),
        _ => String::new(),
    };
    let snapshot = if snapshot { r#","snapshot":true"# } else { "" };
    format!(r#"{{"type":"{kind}","ref":"{reference}","room":"{room}"{since}{snapshot}}}"#)
}
