//! Plays a script on a world and writes down what happened.

mod answers;
mod audit;
mod client;
mod rooms;
mod settle;
mod socketio;

use std::time::Duration;

use super::message::{self, Item};
use super::record::{Dated, Entry, Happening, Opening, Raw, Record, Start, Transport};
use super::script::{Draft, First, Op, PRINCIPALS, SECRET, Script, Source};
use super::windows::Windows;
use client::Client;

/// A publish request.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) events: Vec<Draft>,
    pub(super) key: Option<String>,
    /// By the role that adds the sender.
    pub(super) sender: bool,
    /// Put an event with a reserved name after the first.
    pub(super) spoilt: bool,
}

impl Post {
    /// A single event.
    fn one(draft: Draft) -> Self {
        Self {
            events: vec![draft],
            key: None,
            sender: false,
            spoilt: false,
        }
    }
}

/// A connection that is to be opened.
#[derive(Clone, Debug)]
pub(super) struct Get {
    pub(super) opening: Opening,
    pub(super) source: Source,
    pub(super) decoy: Option<String>,
    pub(super) wait: u64,
}

/// What a connection gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub(super) frames: Vec<Raw>,
    pub(super) over: bool,
}

/// A gateway, real or not, as scripts use it.
pub(super) trait World {
    /// A client's connection.
    type Link;
    async fn publish(&mut self, post: &Post) -> (u16, String);
    async fn open(&mut self, get: &Get) -> Self::Link;
    /// Takes at most so many bytes of what has arrived, and gives the frames that are whole.
    async fn read(&mut self, link: &mut Self::Link, bytes: usize) -> Taken;
    /// Sends a text message on a WebSocket.
    async fn send(&mut self, link: &mut Self::Link, text: &str);
    /// `POST /v1/messages?stream=…` by this principal.
    async fn tell(&mut self, principal: &str, stream: &str, text: &str) -> (u16, String);
    fn advance(&mut self, span: Duration);
    async fn restart(&mut self);
    /// Waits longer, in real time, the more often it has waited.
    async fn linger(&mut self, round: usize);
}

/// The name that `role = sender` gives to the publisher.
pub(super) const SENDER: &str = "relay";
/// As often does a client look for something that must come, before the script gives up.
const PATIENCE: usize = 400;

struct Sent {
    post: Post,
    answer: String,
    at: Duration,
}

/// Plays `script` on `world`.
pub(super) async fn play<W: World>(script: &Script, world: &mut W) -> Record {
    let record = Record {
        rules: script.rules.clone(),
        total: script.total,
        calm: script.calm,
        log: Vec::new(),
        clients: vec![Vec::new(); script.clients + usize::from(script.policies)],
    };
    let clients = record.clients.iter().map(|_| Client::new()).collect();
    let mut play = Play {
        world,
        record,
        clients,
        keys: Vec::new(),
        now: Duration::ZERO,
        asks: 0,
        calls: 0,
        head: None,
        windows: Windows::new(&script.rules),
        auditor: script.policies.then_some(script.clients),
    };
    play.audit(&[]).await;
    for op in &script.ops {
        play.step(op).await;
    }
    for client in 0..script.clients {
        play.wake(client).await;
    }
    play.close_windows().await;
    for client in 0..play.clients.len() {
        play.settle(client, script.seed).await;
    }
    play.record
}

struct Play<'w, W: World> {
    world: &'w mut W,
    record: Record,
    clients: Vec<Client<W::Link>>,
    keys: Vec<(usize, Sent)>,
    now: Duration,
    asks: usize,
    calls: usize,
    /// The newest event of the present life of the log.
    head: Option<String>,
    /// What is to be waited for when the clock goes on.
    windows: Windows,
    /// The client that is always there, and sees what nobody published.
    auditor: Option<usize>,
}

impl<W: World> Play<'_, W> {
    async fn step(&mut self, op: &Op) {
        match op {
            Op::Publish {
                events,
                key,
                sender,
            } => {
                let name = key.map(|key| format!("key-{key}"));
                let post = Post {
                    events: events.clone(),
                    key: name,
                    sender: *sender,
                    spoilt: false,
                };
                let answer = self.publish(&post).await;
                if let Some(key) = key {
                    self.keys.push((
                        *key,
                        Sent {
                            post,
                            answer,
                            at: self.now,
                        },
                    ));
                }
            }
            Op::Spoilt { events } => {
                let post = Post {
                    events: events.to_vec(),
                    key: None,
                    sender: false,
                    spoilt: true,
                };
                self.publish(&post).await;
            }
            Op::Repeat { key, same } => self.repeat(*key, *same).await,
            Op::Open { client, .. } => self.open(*client, op).await,
            Op::Read { client, bytes } => {
                self.read(*client, *bytes).await;
            }
            Op::Cut { client, bytes } => {
                self.read(*client, *bytes).await;
                self.over(*client);
            }
            Op::Join {
                client,
                room,
                since,
                snapshot,
                race,
                cut,
            } => {
                let past = rooms::Past {
                    since: *since,
                    snapshot: *snapshot,
                };
                self.join(*client, room, past, race.as_ref(), *cut).await;
            }
            Op::Leave { client, room, race } => self.leave(*client, room, race.as_ref()).await,
            Op::Advance { millis } => self.advance(Duration::from_millis(*millis)).await,
            Op::Restart => self.restart().await,
        }
    }

    async fn publish(&mut self, post: &Post) -> String {
        let (status, answer) = self.world.publish(post).await;
        let entries = answers::published(post, status, &answer);
        for entry in &entries {
            if let Entry::Published(event) = entry {
                self.head = Some(event.id.clone());
                self.windows.publish(event);
            }
        }
        self.record.log.extend(entries);
        self.clients
            .iter_mut()
            .for_each(|client| client.fresh = false);
        answer
    }

    async fn repeat(&mut self, key: usize, same: bool) {
        let Some((_, sent)) = self.keys.iter().find(|(have, _)| *have == key) else {
            return;
        };
        if self.now - sent.at > Duration::from_secs(590) {
            return;
        }
        let (mut post, first) = (sent.post.clone(), sent.answer.clone());
        if !same {
            post.events[0].number += 1_000_000;
        }
        let (status, answer) = self.world.publish(&post).await;
        let entry = match same {
            true => Entry::Repeated(first, answer),
            false if status == 422 => return,
            false => Entry::Refused {
                wanted: "422 for another body under a used key",
                answer,
            },
        };
        self.record.log.push(entry);
    }

    async fn open(&mut self, at: usize, op: &Op) {
        let Op::Open {
            transport,
            rooms,
            secret,
            first,
            source,
            decoy,
            wait,
            snapshot,
            origin,
            back,
            cut,
            ..
        } = op
        else {
            return;
        };
        let client = &mut self.clients[at];
        if client.link.is_some() {
            return;
        }
        if client.rooms.is_empty() {
            client.rooms = rooms.iter().map(|&room| room.to_owned()).collect();
        }
        if *transport == Transport::SocketIo
            || client.is_behind()
            || (*back && client.may_recover())
        {
            return self.connect_by_socketio(at, *cut).await;
        }
        let start = start(client.cursor.as_ref(), *first, self.head.as_deref());
        let old = client
            .seen
            .first()
            .cloned()
            .filter(|_| matches!(start, Start::At(_)));
        let transport = possible(*transport, &start);
        let mut rooms = client.rooms.clone();
        if transport == Transport::History {
            // A page is of one room; a later connection names the others again, from where this one ends.
            rooms.swap(0, self.asks % client.rooms.len());
            rooms.truncate(1);
        }
        if *secret && transport != Transport::History {
            rooms.push(SECRET.to_owned());
        }
        // An unreadable `since` is a 400 where no event stream is asked for.
        let unreadable = matches!(start, Start::Unreadable(_)) && transport != Transport::Sse;
        let source = if unreadable { Source::Header } else { *source };
        let possible = transport != Transport::History;
        let values = !matches!(start, Start::Rewind(_) | Start::Earliest);
        let opening = Opening {
            transport,
            rooms,
            start,
            snapshot: (*snapshot || !client.awaits.is_empty()) && possible && values,
            principal: principal(at),
            origin: origin.filter(|_| possible),
            pid: None,
        };
        let get = Get {
            opening,
            source,
            decoy: old.filter(|_| *decoy),
            wait: *wait,
        };
        self.connect(at, &get).await;
    }

    async fn connect(&mut self, at: usize, get: &Get) {
        self.note(at, Happening::Opened(get.opening.clone()));
        let link = self.world.open(get).await;
        let client = &mut self.clients[at];
        client.connected(&get.opening, link);
    }

    /// Reads, and gives what was said.
    async fn read(&mut self, at: usize, bytes: usize) -> Vec<Item> {
        let Some(mut link) = self.clients[at].link.take() else {
            return Vec::new();
        };
        let taken = self.world.read(&mut link, bytes).await;
        self.clients[at].link = Some(link);
        let mut said = Vec::new();
        for raw in taken.frames {
            let items = message::items(&raw);
            self.note(at, Happening::Saw(raw));
            items.iter().for_each(|item| self.clients[at].take(item));
            said.extend(items);
        }
        if taken.over {
            self.over(at);
        }
        said
    }

    fn over(&mut self, at: usize) {
        if self.clients[at].link.take().is_some() {
            self.note(at, Happening::Over);
        }
    }

    fn note(&mut self, at: usize, what: Happening) {
        let step = self.record.log.len();
        self.record.clients[at].push(Dated { step, what });
    }

    async fn advance(&mut self, span: Duration) {
        self.now += span;
        self.world.advance(span);
        self.record.log.push(Entry::Advanced(span));
        let made = self.windows.advance(span);
        self.audit(&made).await;
    }

    async fn restart(&mut self) {
        self.world.restart().await;
        for at in 0..self.clients.len() {
            for attempt in 0..PATIENCE {
                if self.clients[at].link.is_none() {
                    break;
                }
                self.world.linger(attempt / 8).await;
                self.read(at, 1 << 20).await;
            }
            if self.clients[at].link.is_some() {
                self.note(
                    at,
                    Happening::Saw(Raw::Broken("a stream outlived its gateway".into())),
                );
            }
            self.over(at);
            self.clients[at].seen.clear();
            self.clients[at].fresh = false;
        }
        self.record.log.push(Entry::Restarted);
        self.keys.clear();
        self.head = None;
        self.windows.restart();
        self.audit(&[]).await;
    }
}

/// Who the client is: a credential each for every second one.
fn principal(at: usize) -> &'static str {
    PRINCIPALS[at % PRINCIPALS.len()]
}

/// Where a client begins: at its cursor, if it has one.
fn start(cursor: Option<&String>, first: First, head: Option<&str>) -> Start {
    match (cursor, first) {
        (Some(cursor), _) => Start::At(cursor.clone()),
        (None, First::Now) => Start::Now,
        (None, First::Earliest) => Start::Earliest,
        (None, First::Rewind(count)) => Start::Rewind(count),
        (None, First::Unreadable) => Start::Unreadable(unreadable(head)),
    }
}

/// History answers neither `rewind` nor cursors that cannot be read, and has no present.
const fn possible(transport: Transport, start: &Start) -> Transport {
    match (transport, start) {
        (Transport::History, Start::Now | Start::Rewind(_) | Start::Unreadable(_)) => {
            Transport::LongPoll
        }
        (other, _) => other,
    }
}

/// A cursor that lost its last character is no cursor.
fn unreadable(head: Option<&str>) -> String {
    match head {
        Some(head) => head[..head.len() - 1].to_owned(),
        None => "no~cursor".to_owned(),
    }
}
