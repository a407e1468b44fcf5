//! L6, the composition root: listen, accept, serve, drain.

mod accept;
mod ahead;
mod channel;
mod connection;
mod embed;
pub mod endpoint;
mod guarded;
mod listener;
mod settings;
mod socket;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Authority;
use crate::bus::Bus;
use crate::ingress::{Ingress, Publisher};
use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::Drain;
use crate::lifecycle::random;
use crate::lifecycle::tasks::Tasks;
use crate::model::limits::Limits;
use crate::model::position::Epoch;
use crate::service::{Patience, Service};
use crate::transport::context::Context;
use crate::transport::registry::Registry;

use endpoint::{Address, Endpoint};
pub use settings::{Settings, Timeouts};

/// A gateway that is listening. Dropping it ends its streams without waiting for them.
pub struct Gateway {
    endpoints: Vec<Endpoint>,
    drain: Drain,
    tasks: Tasks,
    clock: Clock,
    deadline: Duration,
    publisher: Publisher,
}

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
        let event_bytes = largest_event(&settings.auth);
        let authority = Authority::new(settings.auth)
            .map_err(|mistakes| std::io::Error::other(mistakes.join("\n")))?;
        let context = Arc::new(Context {
            ingress: Ingress::new(bus.clone()),
            bus: bus.clone(),
            authority: Arc::new(authority),
            clock: clock.clone(),
            session: settings.session,
            event_bytes,
            goodbye: GOODBYE,
            write_stall: settings.timeouts.write_stall,
            streams: Registry::default(),
            draining: draining.clone(),
            drain_window: settings.drain_window,
            tasks: tasks.clone(),
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
        let publisher = acceptor.context.publisher();
        let endpoints = acceptor.listen(settings.listen, settings.tls.as_ref())?;
        let mut ended = draining;
        tasks.spawn("ages", async move {
            tokio::select! {
                () = bus.look_after_ages() => {}
                () = ended.begun() => {}
            }
        });
        Ok(Self {
            endpoints,
            drain,
            tasks,
            clock,
            deadline: settings.drain,
            publisher,
        })
    }

    /// Where it listens, in the order of the settings, with the ports that were chosen where any would do.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The TCP addresses among them.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.endpoints
            .iter()
            .filter_map(|endpoint| match endpoint.address {
                Address::Tcp(address) => Some(address),
                Address::Unix(_) => None,
            })
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

fn largest_event(auth: &crate::auth::Settings) -> usize {
    let roles = auth.roles.values().map(|role| role.limits.event);
    roles.max().unwrap_or(Limits::DEFAULT.event)
}
