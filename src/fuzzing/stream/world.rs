//! A gateway in the small: its log, its clock, and a few clients that come back with what they know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::connection::{Connection, Sent};
use super::ledger::Ledger;
use super::record::{Record, number, position, text};
use super::who::{AUTHORITY, Who};
use crate::auth::Access;
use crate::bus::Bus;
use crate::bus::naive::{epoch, name, settings};
use crate::bus::rooms::Delivery;
use crate::bus::wake::Roster;
use crate::fuzzing::assert_tells_why;
use crate::ingress::Ingress;
use crate::lifecycle::clock::{Clock, Hand};
use crate::lifecycle::drain::{Drain, Draining};
use crate::lifecycle::hanging::Hanging;
use crate::lifecycle::live::Live;
use crate::lifecycle::tasks::Tasks;
use crate::limit::Held;
use crate::model::dialect::Dialect;
use crate::model::event::{EventName, NewEvent};
use crate::model::id::StreamId;
use crate::model::json::Json;
use crate::model::limits::{Addresses, Limits};
use crate::model::peer::Peer;
use crate::model::position::Position;
use crate::model::start::Start;
use crate::model::time::UnixMillis;
use crate::model::timeouts::Timeouts;
use crate::model::transport::Transport;
use crate::session::Session;
use crate::session::admission::{Opening, admit};
use crate::telemetry::audit::Audit;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::labels::HttpVersion;
use crate::telemetry::spans::Spans;
use crate::transport::context::{Context, Rules};
use crate::transport::directory::Directory;
use crate::transport::engine::Engine;
use crate::transport::granted::Caller;
use crate::transport::registry::Registry;
use crate::transport::wishes::Wishes;

pub(super) const CLIENTS: usize = 3;

/// Everything that happens, happens here.
pub(super) struct World {
    context: Arc<Context>,
    hand: Hand,
    drain: Drain,
    record: Record,
    clients: [Client; CLIENTS],
    age: usize,
}

/// A client: what it remembers from one connection to the next.
#[derive(Default)]
struct Client {
    connection: Option<Connection>,
    cursor: Option<Position>,
    rooms: BTreeSet<usize>,
}

/// How a client begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// With what it remembers.
    Resume,
    /// Anew, from here.
    From(Start),
    /// Anew, as a WebSocket that first must say who it is.
    Silent,
}

impl World {
    pub(super) fn new() -> Self {
        let (clock, hand) = Clock::manual();
        let (drain, draining) = Drain::new();
        let bus = Bus::memory(settings(), epoch(), clock.clone());
        Self {
            context: Arc::new(context(bus, clock, draining)),
            hand,
            drain,
            record: Record::new(),
            clients: Default::default(),
            age: 0,
        }
    }

    /// How much has happened.
    pub(super) const fn ages(&self) -> usize {
        self.age
    }

    pub(super) fn unix(&self) -> UnixMillis {
        self.context.clock.unix()
    }

    /// A name that no message has yet.
    pub(super) fn reference(&self) -> i64 {
        i64::try_from(self.age).unwrap()
    }

    /// A backend publishes.
    pub(super) fn publish(&mut self, rooms: Vec<usize>, size: usize) {
        let new = NewEvent::new(
            rooms.iter().map(|&room| name(room)).collect(),
            EventName::parse("e").unwrap(),
            Json::string(&text(size)),
        );
        let published = self.context.bus.publish(new, None).now_or_never();
        self.record.publish(rooms, size, self.unix());
        let published = published.unwrap().unwrap();
        assert_eq!(published.position, Some(position(self.record.head())));
    }

    pub(super) fn purge(&mut self, room: usize) {
        self.context.bus.purge(&name(room));
        self.record.purge(room);
    }

    pub(super) fn advance(&mut self, span: Duration) {
        self.hand.advance(span);
        self.record.advance(self.context.clock.now());
    }

    pub(super) fn drain(&mut self) {
        self.drain.begin();
    }

    /// The connection of `client` breaks; what it has not received is lost to it.
    pub(super) fn cut(&mut self, client: usize) {
        self.clients[client].connection = None;
    }

    /// The client takes the next things from its wire.
    pub(super) fn receive(&mut self, client: usize, count: usize) {
        self.clients[client].receive(count);
    }

    pub(super) fn send(&mut self, client: usize, sent: Sent) {
        if let Some(connection) = &mut self.clients[client].connection {
            connection.send(sent);
        }
    }

    /// Lets every connection go on.
    pub(super) fn pump(&mut self) {
        self.age += 1;
        let connections = self.clients.iter_mut();
        for connection in connections.filter_map(|client| client.connection.as_mut()) {
            connection.pump(&mut self.record);
        }
    }

    pub(super) fn connect(
        &mut self,
        client: usize,
        transport: Transport,
        who: Who,
        begin: Begin,
        named: Option<Vec<usize>>,
    ) {
        self.cut(client);
        let client = &mut self.clients[client];
        let (start, rooms) = match (begin, client.cursor) {
            (Begin::Resume, Some(cursor)) => (Start::At(cursor), client.rooms.clone()),
            (Begin::Resume | Begin::Silent, _) => (Start::Now, BTreeSet::new()),
            (Begin::From(start), _) => (start, BTreeSet::new()),
        };
        let rooms = match named {
            Some(named) if rooms.is_empty() => named.into_iter().collect(),
            Some(_) | None => rooms,
        };
        let opening = Opening {
            transport,
            dialect: Dialect::Native,
            rooms: rooms.iter().map(|&room| name(room)).collect(),
            start,
            keeps: None,
        };
        client.rooms = rooms;
        client.cursor = start.position();
        let silent = matches!(begin, Begin::Silent) && transport == Transport::WebSocket;
        let stream = StreamId::from_random(self.age as u128);
        let (context, ledger) = (self.context.clone(), Ledger::new(start));
        client.connection = if silent {
            let times = context.rules().session.clone();
            let session = Session::waiting(stream, times, opening, context.now());
            let engine = engine(context.clone(), session, transport);
            Some(Connection::new(context, engine, ledger))
        } else {
            let access = who.access(&context.rules().authority, context.clock.unix());
            access.and_then(|access| {
                admitted(context, stream, access, &opening, ledger, &self.record)
            })
        };
    }

    /// Nothing happens any more but what is under way: in the end each client has everything, or was told. After a
    /// heartbeat its cursor stands where the log does.
    pub(super) fn settle(&mut self) {
        self.rest();
        self.advance(self.context.rules().session.heartbeat);
        self.rest();
        let head = position(self.record.head());
        for client in &self.clients {
            if let Some(connection) = &client.connection {
                connection.assert_settled();
                assert!(connection.has_ended() || client.cursor == Some(head));
            }
        }
    }

    fn rest(&mut self) {
        for _ in 0..ROUNDS {
            self.pump();
            let clients = self.clients.iter_mut();
            if clients
                .map(|client| client.receive(usize::MAX))
                .sum::<usize>()
                == 0
            {
                return;
            }
        }
        panic!("it does not come to rest");
    }
}

/// So many rounds of writing and reading are enough for whatever can be under way.
const ROUNDS: usize = 2000;

impl Client {
    fn receive(&mut self, count: usize) -> usize {
        let Some(connection) = &mut self.connection else {
            return 0;
        };
        let mut received = 0;
        while received < count
            && let Some(told) = connection.receive()
        {
            self.cursor = told.cursor.or(self.cursor);
            self.rooms = told.rooms;
            received += 1;
        }
        received
    }
}

fn admitted(
    context: Arc<Context>,
    stream: StreamId,
    access: Arc<Access>,
    opening: &Opening,
    ledger: Ledger,
    record: &Record,
) -> Option<Connection> {
    let admitted = match admit(&access, opening) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            assert_tells_why(&refusal);
            return None;
        }
    };
    for gap in &admitted.gaps {
        assert!(!access.may_subscribe(&gap.room), "{}", number(&gap.room));
    }
    let mut actions = Vec::new();
    let session = Session::admitted(
        stream,
        context.rules().session.clone(),
        access.clone(),
        opening,
        admitted,
        context.now(),
        &mut actions,
    );
    let engine = engine(context.clone(), session, opening.transport);
    let mut connection = Connection::new(context, engine, ledger);
    if opening.transport == Transport::Sse {
        connection.register(stream, access);
    }
    connection.start(actions, record);
    Some(connection)
}

/// A stream's engine, which counts like any other.
fn engine(context: Arc<Context>, session: Session, transport: Transport) -> Engine {
    let metrics = &context.metrics;
    let meter = metrics.open(transport, session.dialect(), HttpVersion::Http11);
    let seat = Arc::new(Roster::default()).seat();
    let caller = Caller {
        peer: Peer::Unix,
        request: 0,
        since: context.clock.now(),
        held: Held::default(),
        wishes: Wishes::default(),
        voice: None,
    };
    Engine::new(
        context,
        session,
        seat,
        Delivery::envelope_len,
        meter,
        Box::new(caller),
    )
}

fn context(bus: Bus, clock: Clock, draining: Draining) -> Context {
    let metrics = Metrics::new(clock.unix());
    Context {
        ingress: Ingress::new(
            bus.clone(),
            clock.clone(),
            metrics.clone(),
            Arc::default(),
            draining.clone(),
        ),
        metrics,
        audit: Audit::off(),
        spans: Spans::off(),
        hooks: crate::hooks::Hooks::off(),
        agreed: crate::transport::agreed::Agreed::default(),
        sessions: crate::transport::engineio::sessions::Sessions::new(0),
        recovery: crate::transport::socketio::recovery::Recovery::default(),
        bus,
        clock,
        rules: Live::new(Rules {
            authority: AUTHORITY.clone(),
            session: Arc::default(),
            addresses: Addresses::default(),
            event_bytes: Limits::DEFAULT.event,
            timeouts: Timeouts::default(),
            lifetime: None,
            drain: Duration::ZERO,
            drain_window: Duration::ZERO,
            memory: None,
            proxies: crate::model::network::Proxies::default(),
            socketio: Arc::default(),
        }),
        goodbye: Duration::from_secs(1),
        limiter: Arc::default(),
        streams: Registry::default(),
        shards: Directory::default(),
        draining,
        ceiling: crate::transport::ceiling::Ceiling::new(|| None),
        hanging: Hanging::default(),
        tasks: Tasks::default(),
    }
}
