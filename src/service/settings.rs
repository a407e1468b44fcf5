//! What concerns each request.

use crate::model::host::HostPattern;
use crate::wire::base_url::BaseUrl;

use super::Fallback;

/// Which pages of other origins may use the gateway from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins as browsers send them (`https://app.example`); never `*` together with `credentials`.
    pub origins: Vec<String>,
    /// Whether browsers may send cookies and HTTP credentials along.
    pub credentials: bool,
}

/// What concerns each request.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The allow-list of origins.
    pub cors: Cors,
    /// The largest request body, in bytes.
    pub body: usize,
    /// Where clients reach the gateway, where that is not the `Host` that they send.
    pub public_url: Option<BaseUrl>,
    /// The names that the gateway is reached by; any where there are none.
    pub hosts: Vec<HostPattern>,
    /// Whether operators have a listener of their own, and so find nothing on those of the clients.
    pub operators_elsewhere: bool,
    /// The page at `/`, if there is one.
    pub page: Option<&'static str>,
    /// What answers the paths that are not the gateway's, in a program that has routes of its own.
    pub fallback: Option<Fallback>,
    /// Whether a WebSocket at `/v1/stream?echo=1` gets each of its messages back, text or binary, and nothing else: what
    /// conformance suites talk to. Its credential comes with its request, if one is needed. Without this `echo` means
    /// nothing, and the configuration has no key for it: only a program that is the object of such a suite says it.
    pub echo: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cors: Cors::default(),
            body: 1 << 20,
            public_url: None,
            hosts: Vec::new(),
            operators_elsewhere: false,
            page: None,
            fallback: None,
            echo: false,
        }
    }
}
