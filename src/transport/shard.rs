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
mod loan;
mod member;
mod mux;
mod orders;
mod poll;
mod prepared;
mod round;
mod stream;
mod sweep;
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
use super::engineio::door::Offered;
use super::granted::{Granted, Grantee, Native};
use super::long_poll::{Style, Waiting};
pub use loan::{Lent, Loan};
pub use mux::Arrival;
use orders::Order;
pub use orders::{Farewell, Filter, Seen};
pub use poll::Parked;
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
    /// A session; with its connection and what goes before it, where a WebSocket carries it.
    Session(Box<Arrival>, Option<(Box<dyn Io>, Vec<u8>)>, Guest),
}

/// A stream that was granted, with its connection.
struct Adopted {
    io: Box<dyn Io>,
    native: Native,
    /// What goes before it: the response's head.
    head: Vec<u8>,
}

/// A poll that waits, with the connection that it is lent.
struct Borrowed {
    loan: Loan,
    waiting: Box<Waiting>,
    style: Style,
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

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shard")
    }
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

    /// Gives the shard the connection of what was granted; `head` is written first.
    pub fn adopt(&self, io: Box<dyn Io>, granted: Granted, head: Vec<u8>) {
        match granted.to {
            Grantee::Stream(native) => {
                let guest = self.guest(native.format.transport());
                let adopted = Box::new(Adopted { io, native, head });
                self.come(Newcomer::Stream(adopted, guest));
            }
            Grantee::Session(arrival) => {
                let guest = self.guest(Transport::WebSocket);
                self.come(Newcomer::Session(
                    Box::new(arrival),
                    Some((io, head)),
                    guest,
                ));
            }
            Grantee::Carrier(door) => {
                let offered = Offered { io, head };
                let taken = match door {
                    Some(door) => door.offer(offered),
                    None => Err(offered),
                };
                if let Err(offered) = taken {
                    mux::turn_away(&self.context, offered);
                }
            }
        }
    }

    /// Lends a connection to what waits: to the shard, or to the session that has something to say.
    pub fn borrow(&self, loan: Loan, parked: Parked) {
        let (waiting, style) = match parked {
            Parked::Poll { waiting, style } => (waiting, style),
            Parked::Session(claim) => {
                if let Err(late) = claim.lend(loan) {
                    mux::too_late(&self.context, late);
                }
                return;
            }
        };
        let (guest, borrowed) = (
            self.guest(Transport::LongPoll),
            Borrowed {
                loan,
                waiting,
                style,
            },
        );
        self.come(Newcomer::Poll(borrowed, guest));
    }

    /// Gives the shard a session that requests carry.
    pub fn host(&self, arrival: Arrival) {
        let guest = self.guest(Transport::LongPoll);
        self.come(Newcomer::Session(Box::new(arrival), None, guest));
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
