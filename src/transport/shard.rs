//! A shard: the loop that writes. Each connection lives on one shard's thread, and each stream in its loop.
//!
//! A publish wakes the loop once, however many of its streams are in the room. The loop reads once for all streams that
//! are at the same place, encodes once for all of the same format, and writes all that has queued up for a socket in one
//! write. A socket that would block keeps its cursor and the bytes that it is in the middle of, and is called again when
//! it takes them.

mod ear;
mod ending;
mod flash;
mod form;
mod member;
mod orders;
mod poll;
mod prepared;
mod round;
mod stream;
mod timers;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::unconstrained;

use crate::bus::wake::Roster;
use crate::lifecycle::tasks::Guest;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::telemetry::metrics::Pulse;

use super::context::Context;
use super::granted::Granted;
use orders::Order;
pub use orders::{Farewell, Filter, Seen};
pub use poll::{Lent, Parked};
use round::Members;

/// The bytes of a connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One shard, for whoever gives it streams, and polls that wait.
pub struct Shard {
    context: Arc<Context>,
    roster: Arc<Roster>,
    /// With when they came.
    newcomers: Mutex<Vec<(Moment, Newcomer)>>,
    pulse: Arc<Pulse>,
    orders: Mutex<Vec<Order>>,
}

/// Who comes into the loop. A drain waits for a guest from the moment that its request is answered.
enum Newcomer {
    Stream(Box<Adopted>, Guest),
    Poll(Borrowed, Guest),
}

/// A stream that was granted, with its connection.
struct Adopted {
    io: Box<dyn Io>,
    granted: Granted,
    /// What goes before it: the response's head.
    head: Vec<u8>,
}

/// A poll that waits, with the connection that it is lent.
struct Borrowed {
    lent: Box<dyn Lent>,
    parked: Parked,
    /// The beginning of its answer's head.
    head: Box<[u8]>,
    /// Whether no request follows.
    closes: bool,
}

/// When a member of the loop has its turns, but for what calls it.
#[derive(Debug, Default)]
struct Schedule {
    /// When it is to leave, once the gateway drains.
    leaves: Option<Moment>,
    /// When the loop looks at it, at the latest.
    armed: Option<Moment>,
    /// Whether it is on the list of those with news.
    is_listed: bool,
}

impl Shard {
    /// A shard whose loop is still to be run.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Arc<Self> {
        let roster = Arc::new(Roster::default());
        context.bus.enlist(roster.clone());
        let shard = Arc::new(Self {
            pulse: context.metrics.shard(),
            context,
            roster,
            newcomers: Mutex::default(),
            orders: Mutex::default(),
        });
        shard.context.shards.enter(&shard);
        shard
    }

    /// Gives the shard a stream that was granted, and its connection; `head` is written first.
    pub fn adopt(&self, io: Box<dyn Io>, granted: Granted, head: Vec<u8>) {
        let guest = self.guest(granted.format.transport());
        let adopted = Box::new(Adopted { io, granted, head });
        self.come(Newcomer::Stream(adopted, guest));
    }

    /// Lends the shard a connection for a poll that waits. `head` is the beginning of its answer's head; the connection is
    /// given back behind the answer, unless it `closes`.
    pub fn borrow(&self, lent: Box<dyn Lent>, parked: Parked, head: Vec<u8>, closes: bool) {
        let (head, guest) = (head.into(), self.guest(Transport::LongPoll));
        let borrowed = Borrowed {
            lent,
            parked,
            head,
            closes,
        };
        self.come(Newcomer::Poll(borrowed, guest));
    }

    fn guest(&self, transport: Transport) -> Guest {
        self.context.tasks.guest(transport)
    }

    fn come(&self, newcomer: Newcomer) {
        let mut waiting = self.newcomers();
        waiting.push((self.context.clock.now(), newcomer));
        self.pulse.waiting(waiting.len());
        drop(waiting);
        self.roster.wake();
    }

    /// Of those that wait where a thread hangs, nobody keeps what was given up: there are as many as operators ask at once.
    fn order(&self, order: Order) {
        let mut orders = lock(&self.orders);
        orders.retain(Order::is_awaited);
        orders.push(order);
        drop(orders);
        self.roster.wake();
    }

    /// The loop, for ever, on the thread that the connections live on.
    pub async fn run(self: Arc<Self>) {
        let mut members = Members::new(self);
        // It gives others their turns by itself. tokio's budget is for one stream: when it ran out, the sockets of all
        // that come later in the round would look blocked.
        unconstrained(poll_fn(|cx| members.round(cx))).await
    }

    /// Where what is said of it is counted.
    #[must_use]
    pub const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    fn newcomers(&self) -> MutexGuard<'_, Vec<(Moment, Newcomer)>> {
        lock(&self.newcomers)
    }

    fn take_orders(&self) -> Vec<Order> {
        let mut orders = std::mem::take(&mut *lock(&self.orders));
        orders.retain(Order::is_awaited);
        orders
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
