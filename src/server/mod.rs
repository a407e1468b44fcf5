//! L6, the composition root: listen, accept, serve, drain.

mod accept;
mod connection;
mod io;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use crate::auth::Authority;
use crate::bus::Bus;
use crate::ingress::Ingress;
use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::Drain;
use crate::lifecycle::random;
use crate::lifecycle::tasks::Tasks;
use crate::model::limits::Limits;
use crate::model::position::Epoch;
use crate::service::{Patience, Service};
use crate::telemetry::metrics::Metrics;
use crate::transport::context::Context;
use crate::transport::registry::Registry;

pub use settings::{Settings, Timeouts};

/// A gateway that is listening. Dropping it ends its streams without waiting for them.
pub struct Gateway {
    addresses: Vec<SocketAddr>,
    drain: Drain,
    tasks: Tasks,
    clock: Clock,
    deadline: Duration,
}

/// The kernel's send buffer of one connection, in bytes: a reader that does not read costs this and no more,
/// where an automatic buffer grows to megabytes.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that wait in the kernel to be accepted: a herd is delayed, not refused.
const BACKLOG: u32 = 4096;
/// How long the end of a stream may take once it has been said.
const GOODBYE: Duration = Duration::from_secs(2);

impl Gateway {
    /// Opens the log, listens, and begins to serve.
    ///
    /// # Errors
    /// An address cannot be listened on, or the roles and keys do not fit together (which a checked
    /// configuration rules out).
    pub async fn start(settings: Settings, clock: Clock) -> std::io::Result<Self> {
        let (drain, draining) = Drain::new();
        let tasks = Tasks::default();
        let bus = Bus::memory(
            settings.bus,
            Epoch::from_random(random::bits()),
            clock.clone(),
        );
        let metrics = Metrics::new(clock.unix());
        let event_bytes = largest_event(&settings.auth);
        let authority = Authority::new(settings.auth)
            .map_err(|mistakes| std::io::Error::other(mistakes.join("\n")))?;
        let context = Arc::new(Context {
            ingress: Ingress::new(bus.clone(), clock.clone(), metrics.clone()),
            bus: bus.clone(),
            authority: Arc::new(authority),
            clock: clock.clone(),
            session: settings.session,
            event_bytes,
            goodbye: GOODBYE,
            streams: Registry::default(),
            draining: draining.clone(),
            tasks: tasks.clone(),
            metrics,
        });
        let Timeouts {
            body, handshake, ..
        } = settings.timeouts;
        let patience = Patience { body, handshake };
        let acceptor = Arc::new(accept::Acceptor {
            service: Service::new(context.clone(), settings.service, patience),
            context,
            timeouts: settings.timeouts,
            slots: accept::Slots::new(settings.connections),
        });
        let mut addresses = Vec::new();
        for address in settings.listen {
            let listener = listen(address)?;
            addresses.push(listener.local_addr()?);
            tasks.spawn("accept", acceptor.clone().run(listener));
        }
        let mut ended = draining;
        tasks.spawn("ages", async move {
            tokio::select! {
                () = bus.look_after_ages() => {}
                () = ended.begun() => {}
            }
        });
        Ok(Self {
            addresses,
            drain,
            tasks,
            clock,
            deadline: settings.drain,
        })
    }

    /// Where it listens, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops: nothing new is accepted, every stream ends in its own way, requests under way are finished.
    /// Returns how many of which tasks were late at the deadline, and were cut off.
    pub async fn drain(self) -> Vec<(&'static str, usize)> {
        self.drain.begin();
        match self.clock.timeout(self.deadline, self.tasks.ended()).await {
            Some(()) => Vec::new(),
            None => self.tasks.abort(),
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn largest_event(auth: &crate::auth::Settings) -> usize {
    let roles = auth.roles.values().map(|role| role.limits.event);
    roles.max().unwrap_or(Limits::DEFAULT.event)
}
