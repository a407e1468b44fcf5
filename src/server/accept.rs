//! Accepting connections, as many as there is room for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::lifecycle::live::Live;
use crate::limit::address as limit;
use crate::limit::counts::Counted;
use crate::limit::seldom::Seldom;
use crate::model::code::{Code, Refusal};
use crate::model::peer::Peer;
use crate::service::{Audience, Service};
use crate::telemetry::metrics::{Open, labels};
use crate::transport::context::{Context, come_back};
use crate::transport::limits::in_time;

use super::connection::Accepted;
use super::endpoint::{Address, Endpoint, Scheme};
use super::inherited::Inherited;
use super::listener::Listener;
use super::shards::Shards;
use super::socket::Raw;

/// What the listeners of one gateway share that are for the same audience.
pub(super) struct Acceptor {
    pub(super) audience: Audience,
    /// Where each connection begins with a header of the PROXY protocol.
    pub(super) proxy_protocol: Vec<Address>,
    /// Who was turned away there of late.
    pub(super) strangers: Seldom,
    pub(super) service: Arc<Service>,
    pub(super) context: Arc<Context>,
    pub(super) slots: Slots,
    pub(super) shards: Arc<Shards>,
}

/// Connections beyond the limit that are still accepted, only to be told so. Beyond these the kernel's queue
/// holds them: delay costs us nothing, and refuses nobody who can wait.
pub(super) const SURPLUS: usize = 64;
/// How long to leave a listener alone that cannot accept, for want of file descriptors mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// What is spoken on a connection before HTTP.
pub(super) struct Speech {
    /// TLS, if any.
    pub(super) tls: Option<TlsAcceptor>,
    /// Whether a header of the PROXY protocol comes first of all.
    pub(super) announced: bool,
}

/// The room that is left.
pub(super) struct Slots {
    regular: Arc<Semaphore>,
    surplus: Arc<Semaphore>,
    crowd: Arc<Semaphore>,
}

/// A connection's place among those allowed, and in the counts of them.
pub(super) struct Place {
    _permit: Permit,
    _counted: Open,
    /// In a box, because there is mostly none: 8 bytes more, and the allocator takes 32 for each connection.
    _of_address: Option<Box<Counted>>,
}

/// Why a connection is one too many, where it is.
type Surplus = Option<Arc<Refusal>>;

/// One of those that a semaphore gives, in half the bytes of tokio's own: it is always a single one.
struct Permit(Arc<Semaphore>);

impl Permit {
    fn of(permit: OwnedSemaphorePermit) -> Self {
        let semaphore = permit.semaphore().clone();
        permit.forget();
        Self(semaphore)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Slots {
    pub(super) fn new(connections: usize) -> Self {
        let regular = connections.min(Semaphore::MAX_PERMITS);
        Self {
            regular: Arc::new(Semaphore::new(regular)),
            surplus: Arc::new(Semaphore::new(SURPLUS)),
            crowd: Arc::new(Semaphore::new(SURPLUS)),
        }
    }

    /// A place for one more connection, and whether it is one too many.
    async fn take(&self) -> Option<(OwnedSemaphorePermit, Surplus)> {
        if let Ok(permit) = self.regular.clone().try_acquire_owned() {
            return Some((permit, None));
        }
        tokio::select! {
            biased;
            permit = self.surplus.clone().acquire_owned() => Some((permit.ok()?, Some(full()))),
            permit = self.regular.clone().acquire_owned() => Some((permit.ok()?, None)),
        }
    }

    /// A place for a connection that is only told `refusal`, if there is one at once: those of one address shall make
    /// nobody else wait.
    fn crowded(&self, refusal: Refusal) -> Option<(OwnedSemaphorePermit, Surplus)> {
        let permit = self.crowd.clone().try_acquire_owned().ok()?;
        Some((permit, Some(Arc::new(in_time(refusal)))))
    }
}

impl Acceptor {
    /// Listens on each endpoint and begins to accept; gives where it listens in fact.
    pub(super) fn listen(
        self: Arc<Self>,
        inherited: &mut Inherited,
        endpoints: Vec<Endpoint>,
        secure: Option<&Arc<Live<TlsAcceptor>>>,
    ) -> io::Result<Vec<Endpoint>> {
        let begin = |Endpoint { address, scheme }: Endpoint| {
            let tls = match scheme {
                Scheme::Http => None,
                Scheme::Https => Some(secure.cloned().ok_or_else(no_certificate)?),
            };
            let wanted = Endpoint { address, scheme };
            let announced = self.proxy_protocol.contains(&wanted.address);
            let listener = match inherited.take(&wanted.address) {
                Some(socket) => Listener::inherit(socket, &wanted.address),
                None => Listener::bind(&wanted.address),
            };
            let listener = listener.map_err(|why| {
                io::Error::new(why.kind(), format!("cannot listen on {wanted}: {why}"))
            })?;
            let address = listener.address()?;
            self.context
                .tasks
                .spawn("accept", self.clone().run(listener, tls, announced));
            Ok(Endpoint { address, scheme })
        };
        endpoints.into_iter().map(begin).collect()
    }

    /// Accepts until the gateway drains; TLS is spoken where `tls` is given, after a header of the PROXY protocol where
    /// the connections are `announced`.
    async fn run(
        self: Arc<Self>,
        listener: Listener,
        tls: Option<Arc<Live<TlsAcceptor>>>,
        announced: bool,
    ) {
        let mut draining = self.context.draining.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = draining.begun() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((raw, peer)) => {
                    // With the certificate of the day.
                    let tls = tls.as_ref().map(|live| TlsAcceptor::clone(&live.now()));
                    let speech = Speech { tls, announced };
                    let counted = match self.counted(peer) {
                        Ok(counted) => counted,
                        Err(refused) => {
                            self.turn_away(raw, peer, speech, refused);
                            continue;
                        }
                    };
                    let place = tokio::select! {
                        place = self.slots.take() => place,
                        () = draining.begun() => None,
                    };
                    let Some((permit, surplus)) = place else {
                        return;
                    };
                    let place = self.place(permit, counted, self.kind(peer, &speech));
                    self.settle(raw, peer, speech, place, surplus);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    self.context.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    /// What its connections count as.
    const fn kind(&self, peer: Peer, speech: &Speech) -> labels::Listener {
        match (self.audience, peer, &speech.tls) {
            (Audience::Probes | Audience::Operators, _, _) => labels::Listener::Operators,
            (Audience::Clients, Peer::Unix, _) => labels::Listener::Unix,
            (Audience::Clients, Peer::Tcp(_), Some(_)) => labels::Listener::Https,
            (Audience::Clients, Peer::Tcp(_), None) => labels::Listener::Http,
        }
    }

    fn place(
        &self,
        permit: OwnedSemaphorePermit,
        of_address: Option<Counted>,
        listener: labels::Listener,
    ) -> Place {
        Place {
            _permit: Permit::of(permit),
            _counted: self.context.metrics.connect(listener),
            _of_address: of_address.map(Box::new),
        }
    }

    /// Counts a connection for the address that it comes from. Operators' count for nobody: they have a listener of their
    /// own. Those of a proxy that speaks for its clients do not either: they count by the streams that they open.
    fn counted(&self, peer: Peer) -> Result<Option<Counted>, Refusal> {
        let rules = self.context.rules();
        match limit::Address::of_peer(peer) {
            Some(address) if self.audience == Audience::Clients && !rules.proxies.trust(&peer) => {
                let now = self.context.clock.now();
                self.context.limiter.connect(address, &rules.addresses, now)
            }
            _ => Ok(None),
        }
    }

    /// A connection that its address has too many of: it is told so, or ended at once where many are being told. Over TLS
    /// nobody is told that connections come too fast: to tell it costs the handshake that the limit is to save.
    fn turn_away(self: &Arc<Self>, raw: Raw, peer: Peer, speech: Speech, refusal: Refusal) {
        let is_told = speech.tls.is_none() || refusal.limit != Some("handshakes");
        let place = is_told
            .then(|| self.slots.crowded(refusal.clone()))
            .flatten();
        match place {
            Some((permit, surplus)) => {
                let place = self.place(permit, None, self.kind(peer, &speech));
                self.settle(raw, peer, speech, place, surplus);
            }
            None => {
                self.context.metrics.limited(&refusal);
                tracing::debug!(%peer, limit = refusal.limit, "connection ended: too many of its address");
            }
        }
    }

    /// Gives a connection its home; where no thread would serve it, its end: its client comes back, or goes elsewhere.
    fn settle(
        self: &Arc<Self>,
        raw: Raw,
        peer: Peer,
        speech: Speech,
        place: Place,
        surplus: Surplus,
    ) {
        let Some(home) = self.shards.next() else {
            return tracing::debug!(%peer, "every shard hangs: connection not opened");
        };
        let socket = match home.open(raw) {
            Ok(socket) => socket,
            Err(error) => return tracing::debug!(%peer, %error, "connection not opened"),
        };
        let accepted = Accepted {
            shard: home.shard.clone(),
            socket,
            peer,
            speech,
            place,
            surplus,
        };
        let serving = self.clone().serve(accepted);
        self.context
            .tasks
            .spawn_at(&home.worker, "connection", serving);
    }
}

/// The refusal of a connection that is one too many.
fn full() -> Arc<Refusal> {
    Arc::new(
        Refusal::new(Code::Overloaded, "too many connections")
            .limit("connections")
            .retry_after(come_back()),
    )
}

fn no_certificate() -> io::Error {
    io::Error::other("an endpoint speaks HTTPS, and there is no certificate")
}
