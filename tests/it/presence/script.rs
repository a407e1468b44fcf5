//! Random scripts: clients of few principals that drop, come back on other transports, poll, say later who they are,
//! renew, leave and join; beside them a naive model and a reader of the companion. At each quiet point all three agree.

use std::collections::BTreeMap;

use h2::client::ResponseFuture;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{
    ANN, COMPANION, EVENT_STREAM, GRACE, HOST, JOIN, LEAVE, ROOM, gate, joins_and_leaves, pass,
    poll, sse, stream, token, told, until_there, websocket,
};
use crate::support::Gate;
use crate::support::http::{Body, request};
use crate::support::http2::{Http2, Streamed};
use crate::support::socket::Socket;
use crate::support::websocket::WebSocket;

/// Name and kind.
type Who = (&'static str, &'static str);

const KEY_ANN: Who = ("ann", "api_key");
const USER_ANN: Who = ("ann", "token");
const BOB: Who = ("bob", "token");
const NOBODY: Who = ("anonymous", "anonymous");
const PEOPLE: [Who; 4] = [KEY_ANN, USER_ANN, BOB, NOBODY];

/// How long a poll may wait, in seconds.
const WAIT: u64 = 55;

#[allow(dead_code, reason = "what it holds is open as long as it is held")]
enum Link {
    WebSocket(WebSocket),
    Sse(Body),
    Sse2(Http2, Streamed),
    Poll(Socket),
    Poll2(Http2, ResponseFuture),
}

struct Client {
    who: Who,
    link: Link,
    is_in: bool,
    since: u64,
}

/// Who is there, by the words of the page.
#[derive(Default)]
struct Naive {
    now: u64,
    /// Streams, and when the last one went.
    there: BTreeMap<Who, (u64, u64)>,
    told: Vec<(&'static str, Who)>,
}

impl Naive {
    fn come(&mut self, who: Who) {
        if !self.there.contains_key(&who) {
            self.told.push((JOIN, who));
        }
        self.there.entry(who).or_default().0 += 1;
    }

    fn go(&mut self, who: Who) {
        let (streams, gone) = self.there.get_mut(&who).unwrap();
        (*streams, *gone) = (*streams - 1, self.now);
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        let is_over = |(streams, gone): &(u64, u64)| *streams == 0 && gone + GRACE <= self.now;
        let mut over: Vec<_> = self
            .there
            .iter()
            .filter(|(_, state)| is_over(state))
            .map(|(who, (_, gone))| (*gone, *who))
            .collect();
        over.sort_unstable();
        for (_, who) in over {
            self.there.remove(&who);
            self.told.push((LEAVE, who));
        }
    }
}

/// Numbers that look like chance, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

struct World {
    gate: Gate,
    dice: Dice,
    naive: Naive,
    clients: Vec<Client>,
    /// What the reader has read of the companion, and up to where.
    read: Vec<(String, String)>,
    cursor: String,
    tokens: BTreeMap<Who, String>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let gate = gate().await;
        let cursor = poll(&gate, COMPANION, &[HOST]).await;
        let tokens = [USER_ANN, BOB]
            .map(|who| (who, token(&gate, who.0, "guest")))
            .into();
        Self {
            gate,
            dice: Dice(seed),
            naive: Naive::default(),
            clients: Vec::new(),
            read: Vec::new(),
            cursor,
            tokens,
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0..=5 => self.open().await,
            6..=9 => self.drop_one(),
            10 => self.touch().await,
            11 => self.say_who(NOBODY).await,
            12 => self.say_who(BOB).await,
            13..=14 => self.turn().await,
            15 => self.publish().await,
            _ => self.pass(),
        }
        self.agrees().await;
    }

    fn header(&self, who: Who) -> Vec<(&'static str, String)> {
        match who {
            NOBODY => Vec::new(),
            KEY_ANN => vec![(ANN.0, ANN.1.to_owned())],
            _ => vec![("authorization", format!("Bearer {}", self.tokens[&who]))],
        }
    }

    async fn open(&mut self) {
        let who = PEOPLE[self.dice.roll(PEOPLE.len())];
        let header = self.header(who);
        let headers: Vec<_> = header.iter().map(|(name, text)| (*name, &**text)).collect();
        let waits = format!(
            "{}&since={}&wait={WAIT}",
            stream(&[ROOM]),
            self.head().await
        );
        let link = match self.dice.roll(5) {
            0 => Link::WebSocket(websocket(&self.gate, &[ROOM], &headers).await),
            1 => Link::Sse(sse(&self.gate, &[ROOM], &headers).await.0),
            2 => {
                let mut http2 = self.http2().await;
                let all: Vec<_> = headers.iter().chain([&EVENT_STREAM]).copied().collect();
                let mut sse = http2.open("GET", &stream(&[ROOM]), &all, None).await;
                sse.block().await.unwrap();
                Link::Sse2(http2, sse)
            }
            3 => {
                let mut socket = self.gate.connect().await;
                socket.send(request("GET", &waits, &headers, "")).await;
                Link::Poll(socket)
            }
            _ => {
                let mut http2 = self.http2().await;
                let answer = http2.send("GET", &waits, &headers, None).await;
                Link::Poll2(http2, answer)
            }
        };
        self.naive.come(who);
        self.clients.push(Client {
            who,
            link,
            is_in: true,
            since: self.naive.now,
        });
    }

    /// Where the log ends: what is published later answers a poll from there.
    async fn head(&self) -> String {
        let target = format!("/v1/rooms/{COMPANION}/events?limit=1000");
        let page = self.gate.request("GET", &target, &[HOST], "").await;
        page.json()["cursor"].as_str().unwrap().to_owned()
    }

    async fn http2(&self) -> Http2 {
        Http2::on(TcpStream::connect(self.gate.address()).await.unwrap()).await
    }

    fn drop_one(&mut self) {
        if !self.clients.is_empty() {
            let place = self.dice.roll(self.clients.len());
            self.leave(place);
        }
    }

    fn leave(&mut self, place: usize) {
        let client = self.clients.swap_remove(place);
        if client.is_in {
            self.naive.go(client.who);
        }
    }

    async fn touch(&mut self) {
        let who = PEOPLE[self.dice.roll(PEOPLE.len())];
        let header = self.header(who);
        let headers: Vec<_> = header.iter().map(|(name, text)| (*name, &**text)).collect();
        poll(&self.gate, ROOM, &headers).await;
        self.naive.come(who);
        self.naive.go(who);
    }

    /// A WebSocket of `own` says that it is Bob.
    async fn say_who(&mut self, own: Who) {
        let auth = json!({"type": "auth", "ref": 1, "token": self.tokens[&BOB]});
        for client in &mut self.clients {
            if let Link::WebSocket(socket) = &mut client.link
                && client.who == own
            {
                socket.say(&auth.to_string()).await;
                acknowledged(socket).await;
                if client.is_in {
                    self.naive.come(BOB);
                    self.naive.go(own);
                }
                client.who = BOB;
                return;
            }
        }
    }

    /// A WebSocket leaves the room, or joins it again.
    async fn turn(&mut self) {
        let roll = self.dice.roll(8);
        let is_socket = |client: &&mut Client| matches!(client.link, Link::WebSocket(_));
        let Some(client) = self.clients.iter_mut().filter(is_socket).nth(roll) else {
            return;
        };
        let Link::WebSocket(socket) = &mut client.link else {
            return;
        };
        let (kind, since) = match (client.is_in, roll % 2) {
            (true, _) => ("unsubscribe", None),
            (false, 0) => ("subscribe", None),
            (false, _) => ("subscribe", Some("earliest")),
        };
        let mut message = json!({"type": kind, "ref": 2, "room": ROOM});
        if let Some(since) = since {
            message["since"] = since.into();
        }
        socket.say(&message.to_string()).await;
        acknowledged(socket).await;
        client.is_in = !client.is_in;
        if client.is_in {
            self.naive.come(client.who);
        } else {
            self.naive.go(client.who);
        }
    }

    /// What is published answers the polls that wait.
    async fn publish(&mut self) {
        let target = format!("/v1/rooms/{ROOM}/events");
        let body = r#"{"event": "e"}"#;
        let answer = self.gate.request("POST", &target, &[HOST], body).await;
        assert_eq!(answer.status(), 202);
        let mut place = 0;
        while let Some(client) = self.clients.get_mut(place) {
            match &mut client.link {
                Link::Poll(socket) => assert_eq!(socket.answer("GET").await.status(), 200),
                Link::Poll2(_, answer) => assert_eq!(answer.await.unwrap().status(), 200),
                Link::WebSocket(_) | Link::Sse(_) | Link::Sse2(..) => {
                    place += 1;
                    continue;
                }
            }
            self.leave(place);
        }
    }

    /// Time passes, but not so much that a poll would be answered for it: its grace would begin at a time of its own.
    fn pass(&mut self) {
        let seconds = [1, GRACE / 2, GRACE - 1, GRACE, GRACE + 3][self.dice.roll(5)];
        let end = self.naive.now + seconds;
        let waits_too_long = |client: &Client| {
            let is_poll = matches!(client.link, Link::Poll(_) | Link::Poll2(..));
            is_poll && client.since + WAIT <= end
        };
        if self.clients.iter().any(waits_too_long) {
            return;
        }
        self.naive.pass(seconds);
        pass(&self.gate, seconds);
    }

    /// A quiet point: the question, the companion and the model say the same.
    async fn agrees(&mut self) {
        let there = self.naive.there.iter();
        let expected: Vec<_> = there
            .map(|((name, kind), (streams, _))| (*name, *kind, *streams))
            .collect();
        until_there(&self.gate, &expected).await;
        let own: Vec<_> = self
            .naive
            .told
            .iter()
            .map(|(event, (name, kind))| (*event, format!("{kind} {name}")))
            .collect();
        let own: Vec<_> = own.iter().map(|(event, who)| (*event, &**who)).collect();
        let told = told(&self.gate).await;
        assert_eq!(joins_and_leaves(&told), own);
        self.read_on().await;
        assert_eq!(self.read, told);
        let mut replayed: Vec<_> = Vec::new();
        for (event, who) in &self.read {
            match &**event {
                JOIN => replayed.push(who.clone()),
                _ => replayed.retain(|one| one != who),
            }
        }
        let mut expected: Vec<_> = expected
            .iter()
            .map(|(name, kind, _)| format!("{kind} {name}"))
            .collect();
        replayed.sort();
        expected.sort();
        assert_eq!(replayed, expected);
    }

    /// The reader polls on from where it was.
    async fn read_on(&mut self) {
        let target = format!("{}&since={}&wait=0", stream(&[COMPANION]), self.cursor);
        let answer = self.gate.request("GET", &target, &[HOST], "").await.json();
        assert_eq!(
            (&answer["gaps"], &answer["more"]),
            (&json!([]), &json!(false))
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for event in answer["events"].as_array().unwrap() {
            let data = &event["data"];
            let who = format!("{} {}", text(&data["kind"]), text(&data["principal"]));
            self.read.push((text(&event["event"]), who));
        }
        self.cursor = text(&answer["cursor"]);
    }
}

/// Reads on until a message was carried out.
async fn acknowledged(socket: &mut WebSocket) {
    loop {
        let message = socket.json().await;
        assert_ne!(message["type"], "error", "{message}");
        if message["type"] == "ack" {
            return;
        }
    }
}

async fn run(seed: u64) {
    let mut world = World::new(seed).await;
    for _ in 0..60 {
        world.step().await;
    }
    while !world.clients.is_empty() {
        world.leave(0);
    }
    world.agrees().await;
    world.naive.pass(GRACE);
    pass(&world.gate, GRACE);
    world.agrees().await;
    assert!(world.naive.there.is_empty());
    // Else nothing has been shown.
    let told = &world.naive.told;
    let leaves = told.iter().filter(|(event, _)| *event == LEAVE).count();
    assert!(leaves > 5 && leaves * 2 == told.len(), "{told:?}");
}

#[tokio::test]
async fn clients_come_and_go_by_chance_and_all_who_look_agree_1() {
    for seed in 1..=4 {
        run(seed).await;
    }
}

#[tokio::test]
async fn clients_come_and_go_by_chance_and_all_who_look_agree_2() {
    for seed in 101..=104 {
        run(seed).await;
    }
}
