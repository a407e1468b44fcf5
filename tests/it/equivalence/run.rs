//! Plays a script on a world and writes down what happened.

use std::time::Duration;

use serde_json::Value;

use super::message::{self, Item};
use super::record::{
    Ask, Dated, Entry, Happening, Opening, Published, Raw, Record, Start, Transport,
};
use super::script::{Draft, First, Op, SECRET, Script, Source};

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
    /// `POST /v1/messages?stream=…`.
    async fn tell(&mut self, stream: &str, text: &str) -> (u16, String);
    fn advance(&mut self, span: Duration);
    async fn restart(&mut self);
    /// Waits longer, in real time, the more often it has waited.
    async fn linger(&mut self, round: usize);
}

/// The name that `role = sender` gives to the publisher.
pub(super) const SENDER: &str = "relay";
/// As often does a client look for something that must come, before the script gives up.
const PATIENCE: usize = 400;
/// As often is the clock moved at the end, to let heartbeats say where everybody is.
const ROUNDS: usize = 60;

struct Client<L> {
    link: Option<L>,
    transport: Transport,
    rooms: Vec<String>,
    cursor: Option<String>,
    /// Every cursor that it had, of the present life of the log.
    seen: Vec<String>,
    stream: Option<String>,
    opened: bool,
    /// Whether it was given a position since the log last changed.
    fresh: bool,
}

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
        clients: vec![Vec::new(); script.clients],
    };
    let clients = (0..script.clients).map(|_| Client::new()).collect();
    let mut play = Play {
        world,
        record,
        clients,
        keys: Vec::new(),
        now: Duration::ZERO,
        asks: 0,
        head: None,
    };
    for op in &script.ops {
        play.step(op).await;
    }
    for client in 0..script.clients {
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
    /// The newest event of the present life of the log.
    head: Option<String>,
}

impl<L> Client<L> {
    const fn new() -> Self {
        Self {
            link: None,
            transport: Transport::Sse,
            rooms: Vec::new(),
            cursor: None,
            seen: Vec::new(),
            stream: None,
            opened: false,
            fresh: false,
        }
    }
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
                race,
                cut,
            } => {
                self.join(*client, room, *since, race.as_ref(), *cut).await;
            }
            Op::Leave { client, room, race } => self.leave(*client, room, race.as_ref()).await,
            Op::Advance { millis } => self.advance(Duration::from_millis(*millis)),
            Op::Restart => self.restart().await,
        }
    }

    async fn publish(&mut self, post: &Post) -> String {
        let (status, answer) = self.world.publish(post).await;
        let entries = published(post, status, &answer);
        for entry in &entries {
            if let Entry::Published(event) = entry {
                self.head = Some(event.id.clone());
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
        let start = match (&client.cursor, first) {
            (Some(cursor), _) => Start::At(cursor.clone()),
            (None, First::Now) => Start::Now,
            (None, First::Earliest) => Start::Earliest,
            (None, First::Rewind(count)) => Start::Rewind(*count),
            (None, First::Unreadable) => Start::Unreadable(unreadable(self.head.as_deref())),
        };
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
        let opening = Opening {
            transport,
            rooms,
            start,
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
        client.transport = get.opening.transport;
        client.stream = None;
        client.opened = true;
        client.link = Some(link);
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

    fn advance(&mut self, span: Duration) {
        self.now += span;
        self.world.advance(span);
        self.record.log.push(Entry::Advanced(span));
    }

    async fn restart(&mut self) {
        self.world.restart().await;
        for at in 0..self.clients.len() {
            for _ in 0..PATIENCE {
                if self.clients[at].link.is_none() {
                    break;
                }
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
    }

    async fn join(
        &mut self,
        at: usize,
        room: &str,
        since: Option<usize>,
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
            }
            return;
        }
        let since = since.and_then(|ago| {
            client
                .seen
                .iter()
                .rev()
                .nth(ago % client.seen.len().max(1))
                .cloned()
        });
        let answered = self.ask(at, room, Some(since), race, cut).await;
        if matches!(answered, Some(Item::Ack { .. })) {
            self.clients[at].rooms.push(room.to_owned());
        }
    }

    /// Reads until the stream has said its name.
    async fn get_acquainted(&mut self, at: usize) {
        for _ in 0..PATIENCE {
            if !self.clients[at].unknown() {
                return;
            }
            self.read(at, 1 << 10).await;
        }
    }

    async fn leave(&mut self, at: usize, room: &str, race: Option<&Draft>) {
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
                self.ask(at, room, None, race, None).await,
                Some(Item::Ack { .. })
            )
        {
            return;
        }
        self.clients[at].rooms.retain(|have| have != room);
    }

    /// Asks to join or leave, and reads on until the answer is there; `None` if it never was.
    async fn ask(
        &mut self,
        at: usize,
        room: &str,
        join: Option<Option<String>>,
        race: Option<&Draft>,
        cut: Option<usize>,
    ) -> Option<Item> {
        self.asks += 1;
        let reference = format!("ask-{}", self.asks);
        let text = asking(&reference, room, join.as_ref());
        self.note(
            at,
            Happening::Asked(Ask {
                reference: reference.clone(),
                room: room.to_owned(),
                join,
            }),
        );
        if self.clients[at].transport == Transport::Sse {
            // Who waits for the answer and lets its stream wait meanwhile may wait for itself.
            while !self.read(at, 1 << 20).await.is_empty() {}
            let stream = self.clients[at].stream.clone()?;
            let (status, body) = self.world.tell(&stream, &text).await;
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
            let post = Post {
                events: vec![draft.clone()],
                key: None,
                sender: false,
                spoilt: false,
            };
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
            if answer.is_some() || self.clients[at].link.is_none() {
                return answer;
            }
        }
        self.note(
            at,
            Happening::Saw(Raw::Broken(format!("no answer to {text}"))),
        );
        None
    }

    /// The script is quiet: reads on until the client stands at the head.
    async fn settle(&mut self, at: usize, seed: u64) {
        if !self.clients[at].opened {
            return;
        }
        let all = [
            Transport::WebSocket,
            Transport::Sse,
            Transport::LongPoll,
            Transport::History,
        ];
        let choice = all[(seed as usize + at) % all.len()];
        let mut round = 0;
        while round < ROUNDS {
            let before = self.clients[at].cursor.clone();
            if self.clients[at].link.is_none() {
                let sources = [
                    Source::Header,
                    Source::Since,
                    Source::Underscored,
                    Source::CamelCase,
                ];
                let op = Op::Open {
                    client: at,
                    transport: choice,
                    rooms: vec!["r:busy", "r:small"],
                    secret: false,
                    first: First::Now,
                    source: sources[(seed / 4) as usize % 4],
                    decoy: false,
                    wait: 0,
                };
                self.open(at, &op).await;
            }
            for _ in 0..PATIENCE {
                let said = self.read(at, 1 << 20).await;
                if self.arrived(at) {
                    return;
                }
                if said.iter().any(|item| matches!(item, Item::Malformed(_))) {
                    return;
                }
                if said.is_empty() || self.clients[at].link.is_none() {
                    break;
                }
            }
            round = if self.clients[at].cursor == before {
                round + 1
            } else {
                0
            };
            self.world.linger(round).await;
            if round > 0 && self.clients[at].link.is_some() {
                self.advance(Duration::from_millis(16_003));
            }
        }
    }

    fn arrived(&self, at: usize) -> bool {
        let client = &self.clients[at];
        match &self.head {
            Some(head) => client.cursor.as_ref() == Some(head),
            None => client.fresh,
        }
    }
}

impl<L> Client<L> {
    fn take(&mut self, item: &Item) {
        if let Item::Welcome { stream, .. } = item {
            self.stream = Some(stream.clone());
        }
        if let Some(position) = message::position(item) {
            self.fresh = self.fresh || self.cursor.as_ref() != Some(&position);
            if self.cursor.as_ref() != Some(&position) {
                self.seen.push(position.clone());
            }
            self.cursor = Some(position);
        }
    }

    /// A stream is open that has not said its name yet: nothing can be asked of it.
    const fn unknown(&self) -> bool {
        let stream = matches!(self.transport, Transport::WebSocket | Transport::Sse);
        stream && self.link.is_some() && self.stream.is_none()
    }

    const fn can_ask(&self) -> bool {
        match self.transport {
            Transport::WebSocket | Transport::Sse => self.link.is_some(),
            Transport::LongPoll | Transport::History => false,
        }
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

fn asking(reference: &str, room: &str, join: Option<&Option<String>>) -> String {
    let kind = if join.is_some() {
        "subscribe"
    } else {
        "unsubscribe"
    };
    let since = match join {
        Some(Some(cursor)) => format!(r#","since":"{cursor}""#),
        _ => String::new(),
    };
    format!(r#"{{"type":"{kind}","ref":"{reference}","room":"{room}"{since}}}"#)
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

/// What a publish answer says was appended.
fn published(post: &Post, status: u16, answer: &str) -> Vec<Entry> {
    let wrong = |wanted| {
        vec![Entry::Refused {
            wanted,
            answer: format!("{status} {answer}"),
        }]
    };
    let value: Value = serde_json::from_str(answer).unwrap_or_default();
    if status != 202 {
        return wrong("202 for a publish");
    }
    if post.events.len() == 1 && !post.spoilt && post.events[0].rooms.len() == 1 {
        return vec![one(post, &post.events[0], &value)];
    }
    let Some(results) = value["results"].as_array() else {
        return wrong("results");
    };
    let mut results = results.clone();
    if post.spoilt {
        if results.len() != 3 || results[1]["error"]["code"] != "reserved_event" {
            return wrong("three results, the second an error");
        }
        results.remove(1);
    }
    if results.len() != post.events.len() {
        return wrong("one result for each event");
    }
    post.events
        .iter()
        .zip(&results)
        .map(|(draft, result)| one(post, draft, result))
        .collect()
}

fn one(post: &Post, draft: &Draft, result: &Value) -> Entry {
    let rooms: Vec<String> = draft.rooms.iter().map(|&room| room.to_owned()).collect();
    let named = match &rooms[..] {
        [room] => result["room"] == room.as_str(),
        several => result["rooms"] == Value::from(several.to_vec()),
    };
    match result["id"].as_str() {
        Some(id) if named => Entry::Published(Published {
            id: id.to_owned(),
            rooms,
            event: draft.event(),
            data: draft.data(),
            from: post.sender.then(|| SENDER.to_owned()),
        }),
        _ => Entry::Refused {
            wanted: "an id and its rooms",
            answer: result.to_string(),
        },
    }
}
