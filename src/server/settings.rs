//! A whole gateway, as the configuration gives it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::limits::Addresses;
use crate::model::network::Proxies;
use crate::model::timeouts::Timeouts;
use crate::telemetry::process;
use crate::transport::socketio;
use crate::{auth, bus, hooks, service, session, telemetry};

use super::endpoint::{Address, Endpoint};
use super::tls::Tls;

/// How a shard's thread that hangs is told from one that works: in real time, whatever the gateway's clock says.
///
/// The configuration file has no key for it. The connections of a thread that hangs are ended, so the whole has to be
/// longer than anything that a thread does at a stretch, and than a busy machine lets it wait for its turn: the default
/// is, on any machine that can serve at all. Tests make it shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How often each thread says that it lives.
    pub beat: Duration,
    /// So many beats in a row that did not come, and it hangs. Fewer than 2 count as 2: a thread that beats a little
    /// later than it is looked at misses one now and then.
    pub missed: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(1),
            missed: 5,
        }
    }
}

/// A whole gateway, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: Vec<Endpoint>,
    /// Where metrics and health are read without a credential; nothing else is served there.
    pub probes: Vec<Endpoint>,
    /// Where operators see and do what they may, with a credential; nothing else is served there. On the listeners of
    /// clients, where there are none.
    pub operators: Vec<Endpoint>,
    /// Whose word is taken for who is behind them.
    pub proxies: Proxies,
    /// Where of `listen` each connection begins with a header of the PROXY protocol. Only from `proxies`: from anybody
    /// else a connection is closed there.
    pub proxy_protocol: Vec<Address>,
    /// The certificate of the endpoints that speak HTTPS.
    pub tls: Option<Tls>,
    /// Open connections in all.
    pub connections: usize,
    /// What one address may use.
    pub addresses: Addresses,
    /// The resident memory of this process, in bytes, above which new streams are refused.
    pub memory: Option<usize>,
    /// What tells it; the configuration file has no key for it, and tests have memory of their own.
    pub resident: fn() -> Option<u64>,
    /// Threads that connections live on; one for each processor where nothing is said.
    pub shards: Option<usize>,
    /// How one of them that hangs is noticed.
    pub watch: Watch,
    /// The steps of a connection.
    pub timeouts: Timeouts,
    /// How long a stream may last; each lasts four fifths of it at least, so that those of a herd do not end as one.
    pub lifetime: Option<Duration>,
    /// How long a drain may take.
    pub drain: Duration,
    /// Over how long a drain spreads the ends of the streams.
    pub drain_window: Duration,
    /// Keys, tokens, roles.
    pub auth: auth::Settings,
    /// Files (PEM) of authorities that vouch for servers which the gateway asks, besides the system's. The configuration
    /// file has no key for it: `SSL_CERT_FILE` and `SSL_CERT_DIR` say what the system's are.
    pub authorities: Vec<PathBuf>,
    /// What the log keeps.
    pub bus: bus::Settings,
    /// The times of a stream.
    pub session: session::Settings,
    /// What concerns each request.
    pub service: service::Settings,
    /// The backend that is asked and told.
    pub hooks: hooks::Settings,
    /// What is spoken of Socket.IO.
    pub socketio: socketio::Settings,
    /// Logs.
    pub telemetry: telemetry::Settings,
    /// The files that say all this: what they hold is looked at again and again.
    pub files: Vec<PathBuf>,
}

impl Default for Settings {
    /// The embedded default: 127.0.0.1:8080, memory log, nobody admitted.
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080)).into()],
            probes: Vec::new(),
            operators: Vec::new(),
            proxies: Proxies::default(),
            proxy_protocol: Vec::new(),
            tls: None,
            connections: super::descriptors::DEFAULT,
            addresses: Addresses::default(),
            memory: None,
            resident: || process::resident(process::Which::Own),
            shards: None,
            watch: Watch::default(),
            timeouts: Timeouts::default(),
            lifetime: None,
            drain: Duration::from_secs(10),
            drain_window: Duration::from_secs(1),
            auth: auth::Settings::default(),
            authorities: Vec::new(),
            bus: bus::Settings::default(),
            session: session::Settings::default(),
            service: service::Settings::default(),
            hooks: hooks::Settings::default(),
            socketio: socketio::Settings::default(),
            telemetry: telemetry::Settings::default(),
            files: Vec::new(),
        }
    }
}
