//! L6, the composition root: listen, accept, serve, drain.

mod accept;
mod ahead;
mod announced;
mod channel;
mod connection;
mod descriptors;
mod desk;
mod drained;
mod embed;
pub mod endpoint;
mod guarded;
mod held;
mod http1;
mod http2;
pub mod inherited;
mod keys;
mod listener;
pub mod reload;
mod settings;
mod shards;
mod socket;
mod spans;
mod tenants;
pub mod tls;
mod tunnel;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio_rustls::TlsAcceptor;

use crate::auth::Authority;
use crate::auth::jwt::KeySets;
use crate::bus::Bus;
use crate::hooks::Hooks;
use crate::ingress::Ingress;
use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::{Drain, Draining};
use crate::lifecycle::hanging::Hanging;
use crate::lifecycle::live::Live;
use crate::lifecycle::random;
use crate::lifecycle::tasks::Tasks;
use crate::lifecycle::worker::Worker;
use crate::limit::Limiter;
use crate::limit::seldom::Seldom;
use crate::model::limits::Limits;
use crate::model::position::Epoch;
use crate::service::{Audience, Operation, Operations, Service};
use crate::session;
use crate::telemetry::audit::{Audit, Writer};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::spans::Spans;
use crate::transport::agreed::Agreed;
use crate::transport::ceiling::Ceiling;
use crate::transport::context::{Context, Rules};
use crate::transport::directory::Directory;
use crate::transport::engineio::sessions::Sessions;
use crate::transport::registry::Registry;
use crate::transport::socketio::recovery::Recovery;
use crate::wire::admin::Reloaded;

use accept::{Acceptor, Slots};
use endpoint::{Address, Endpoint};
use inherited::Inherited;
use keys::Keeper;
pub use reload::Source;
use reload::{EVERY, Reloader};
pub use settings::{Settings, Watch};
use shards::Shards;
use tls::Tls;

/// A gateway that is listening. Dropping it ends its streams without waiting for them.
pub struct Gateway {
    endpoints: Vec<Endpoint>,
    probes: Vec<Endpoint>,
    operators: Vec<Endpoint>,
    drain: Drain,
    context: Arc<Context>,
    operations: Operations,
    stopping: Arc<Notify>,
    /// Writes what is recorded.
    _auditor: Option<Worker>,
    /// Sends spans.
    _exporter: Option<Worker>,
    _shards: Arc<Shards>,
}

/// How long the end of a stream may take once it has been said.
const GOODBYE: Duration = Duration::from_secs(2);

/// Open connections of operators: clients leave them room, and they leave clients theirs.
const OPERATORS: usize = 64;

impl Gateway {
    /// Opens the log, listens, and begins to serve.
    ///
    /// # Errors
    /// An address cannot be listened on, or the roles and keys do not fit together (which a checked
    /// configuration rules out).
    pub async fn start(settings: Settings, clock: Clock) -> std::io::Result<Self> {
        Self::start_from(settings, clock, None).await
    }

    /// The same, where the settings can be read again: [`Self::reload`] does, and so does a change of one of their files.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_from(
        settings: Settings,
        clock: Clock,
        source: Option<Source>,
    ) -> std::io::Result<Self> {
        Self::start_on(Inherited::default(), settings, clock, source).await
    }

    /// The same on sockets that are open already, each where the settings name its address; it opens the others.
    ///
    /// # Errors
    /// As [`Self::start`]; and a socket that is for none of the addresses.
    pub async fn start_on(
        mut inherited: Inherited,
        settings: Settings,
        clock: Clock,
        source: Option<Source>,
    ) -> std::io::Result<Self> {
        let all = settings.listen.iter().chain(&settings.probes);
        inherited.check(all.chain(&settings.operators))?;
        let (drain, draining) = Drain::new();
        let tls = tls_acceptor(&settings)?.map(|tls| Arc::new(Live::new(tls)));
        let sets = KeySets::default();
        let (spans, exporter) = spans::start(&settings)?;
        let (context, writer) = context(&settings, &sets, clock, draining, spans)?;
        let context = Arc::new(context);
        let writes = |writer: Writer| Worker::start("audit".into(), writer.run());
        let auditor = writer.map(writes).transpose()?;
        let keys = Keeper::new(context.clone(), sets, settings.authorities.clone());
        keys.follow(&settings.auth)?;
        let shards = Arc::new(Shards::start(settings.shards, settings.watch, &context)?);
        let (operations, asked) = Operations::new();
        let service = Service::new(
            context.clone(),
            settings.service.clone(),
            operations.clone(),
        );
        let service = Arc::new(service);
        let acceptors = acceptors(&settings, &service, &context, &shards);
        let endpoints =
            acceptors
                .clients
                .listen(&mut inherited, settings.listen.clone(), tls.as_ref())?;
        let operators =
            acceptors
                .operators
                .listen(&mut inherited, settings.operators.clone(), tls.as_ref())?;
        let probes =
            acceptors
                .probes
                .listen(&mut inherited, settings.probes.clone(), tls.as_ref())?;
        keep_time(&context);
        watch(&context, &shards);
        let stopping = Arc::new(Notify::new());
        let reloader = Reloader::new(source, settings, context.clone(), service, tls, keys);
        operate(asked, reloader, stopping.clone());
        Ok(Self {
            endpoints,
            probes,
            operators,
            drain,
            context,
            operations,
            stopping,
            _auditor: auditor,
            _exporter: exporter,
            _shards: shards,
        })
    }

    /// Where it listens, in the order of the settings, with the ports that were chosen where any would do.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Where metrics and health are read, likewise.
    #[must_use]
    pub fn probes(&self) -> &[Endpoint] {
        &self.probes
    }

    /// Where operators are, if they have a place of their own, likewise.
    #[must_use]
    pub fn operators(&self) -> &[Endpoint] {
        &self.operators
    }

    /// The TCP addresses among the endpoints.
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
        // What waits for the end of its window is delivered before anybody leaves.
        self.context.bus.close();
        self.drain.begin();
        let (tasks, deadline) = (&self.context.tasks, self.context.rules().drain);
        let clock = &self.context.clock;
        let began = clock.now();
        let late = match clock.timeout(deadline, tasks.ended()).await {
            Some(()) => Vec::new(),
            None => tasks.abort(),
        };
        // In real time: a backend, a disk and a collector have no other, and one that does not answer is not waited for.
        let left = deadline.saturating_sub(clock.now().since(began));
        let untold = self.context.hooks.flush(left.max(GOODBYE)).await;
        if untold > 0 {
            tracing::warn!(untold, "the backend was not told all that happened");
        }
        let clock = Clock::system();
        clock.timeout(GOODBYE, self.context.audit.flush()).await;
        let spans = self.context.spans.clone();
        let flushed = tasks.compute("spans", move || spans.flush());
        clock.timeout(GOODBYE, flushed).await;
        late
    }

    /// Reads the configuration again, and lets it hold; no stream is cut that is still allowed.
    ///
    /// # Errors
    /// All that is wrong with it, in one text, and nothing has changed; also where there is none to be read again.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        let outcome = self.operations.reload().await;
        outcome.map_err(|refusal| refusal.message.into())
    }

    /// Returns once an operator has asked the gateway to stop.
    pub async fn asked_to_stop(&self) {
        self.stopping.notified().await;
    }
}

fn tls_acceptor(settings: &Settings) -> std::io::Result<Option<TlsAcceptor>> {
    settings.tls.as_ref().map(Tls::acceptor).transpose()
}

/// What all streams share: the log, the way into it, who may what.
fn context(
    settings: &Settings,
    sets: &KeySets,
    clock: Clock,
    draining: Draining,
    spans: Spans,
) -> std::io::Result<(Context, Option<Writer>)> {
    let epoch = Epoch::from_random(random::bits());
    let bus = Bus::memory(settings.bus.clone(), epoch, clock.clone());
    let metrics = Metrics::new(clock.unix());
    let (audit, writer) = audit(settings, &clock, &metrics)?;
    let hooks = Hooks::new(
        &settings.hooks,
        settings.authorities.clone(),
        clock.clone(),
        metrics.clone(),
    )
    .map_err(std::io::Error::other)?;
    let limiter = Arc::<Limiter>::default();
    let context = Context {
        ingress: Ingress::new(
            bus.clone(),
            clock.clone(),
            metrics.clone(),
            limiter.clone(),
            draining.clone(),
        ),
        bus,
        clock,
        rules: Live::new(rules(settings, sets, &limiter)?),
        limiter,
        goodbye: GOODBYE,
        streams: Registry::default(),
        shards: Directory::default(),
        draining,
        ceiling: Ceiling::new(settings.resident),
        hanging: Hanging::default(),
        tasks: Tasks::default(),
        metrics,
        audit,
        spans,
        hooks,
        agreed: Agreed::default(),
        sessions: Sessions::new(settings.connections),
        recovery: Recovery::default(),
    };
    Ok((context, writer))
}

/// The audit log, and who writes it.
fn audit(
    settings: &Settings,
    clock: &Clock,
    metrics: &Metrics,
) -> std::io::Result<(Audit, Option<Writer>)> {
    let Some(destination) = &settings.telemetry.audit else {
        return Ok((Audit::off(), None));
    };
    let clock = clock.clone();
    let now = Arc::new(move || clock.unix());
    Audit::open(destination, now, metrics.lines())
}

/// What a reload may change, with the keys that were fetched before it.
fn rules(settings: &Settings, sets: &KeySets, limiter: &Arc<Limiter>) -> std::io::Result<Rules> {
    let authority = Authority::with_key_sets(with_secret(settings.auth.clone()), sets)
        .map_err(|mistakes| std::io::Error::other(mistakes.join("\n")))?;
    Ok(Rules {
        authority: Arc::new(authority),
        session: Arc::new(session::Settings {
            limiter: limiter.clone(),
            ..settings.session.clone()
        }),
        addresses: settings.addresses,
        event_bytes: largest_event(&settings.auth),
        timeouts: settings.timeouts,
        lifetime: settings.lifetime,
        drain: settings.drain,
        drain_window: settings.drain_window,
        memory: settings.memory,
        proxies: settings.proxies.clone(),
        socketio: Arc::new(settings.socketio.clone()),
    })
}

/// Without a secret of the operator's, tickets are signed with the process's own: they work at once, and end with it.
fn with_secret(mut auth: crate::auth::Settings) -> crate::auth::Settings {
    let tickets = &mut auth.tickets;
    tickets.alone = tickets.secrets.is_empty();
    if tickets.alone {
        tickets.secrets.push(random::own_secret().clone());
    }
    auth
}

/// Who takes connections, for each audience.
struct Acceptors {
    clients: Arc<Acceptor>,
    probes: Arc<Acceptor>,
    operators: Arc<Acceptor>,
}

fn acceptors(
    settings: &Settings,
    service: &Arc<Service>,
    context: &Arc<Context>,
    shards: &Arc<Shards>,
) -> Acceptors {
    let connections = descriptors::connections(settings.connections, shards.count());
    let acceptor = |audience, connections, proxy_protocol| {
        Arc::new(Acceptor {
            audience,
            proxy_protocol,
            strangers: Seldom::default(),
            service: service.clone(),
            context: context.clone(),
            slots: Slots::new(connections),
            shards: shards.clone(),
        })
    };
    Acceptors {
        clients: acceptor(
            Audience::Clients,
            connections,
            settings.proxy_protocol.clone(),
        ),
        probes: acceptor(Audience::Probes, OPERATORS, Vec::new()),
        operators: acceptor(Audience::Operators, OPERATORS, Vec::new()),
    }
}

/// Rooms that nobody touches grow old too, and windows end.
fn keep_time(context: &Context) {
    let (bus, mut ended) = (context.bus.clone(), context.draining.clone());
    context.tasks.spawn("time", async move {
        tokio::select! {
            () = bus.clone().look_after_ages() => {}
            () = bus.keep_time() => {}
            () = ended.begun() => {}
        }
    });
}

/// Carries out what operators ask of the whole gateway, one thing after another, and looks at the files of its
/// configuration.
fn operate(mut asked: Receiver<Operation>, mut reloader: Reloader, stopping: Arc<Notify>) {
    let context = reloader.context.clone();
    let mut ended = context.draining.clone();
    context.tasks.clone().spawn("operations", async move {
        loop {
            let operation = tokio::select! {
                () = ended.begun() => return,
                () = context.clock.sleep(EVERY) => None,
                operation = asked.recv() => match operation {
                    None => return,
                    operation => operation,
                },
            };
            match operation {
                None => reloader.look().await,
                // Whoever asked may have given up.
                Some(Operation::Reload(reply)) => _ = reply.send(reloader.reload().await),
                Some(Operation::Stop) => stopping.notify_one(),
            }
        }
    });
}

/// A thread that hangs cannot say so by itself.
fn watch(context: &Context, shards: &Arc<Shards>) {
    let (shards, mut ended) = (shards.clone(), context.draining.clone());
    context.tasks.spawn("watch", async move {
        tokio::select! {
            () = shards.watch() => {}
            () = ended.begun() => {}
        }
    });
}

fn largest_event(auth: &crate::auth::Settings) -> usize {
    let roles = auth.roles.values().map(|role| role.limits.event);
    roles.max().unwrap_or(Limits::DEFAULT.event)
}
