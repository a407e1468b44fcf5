//! By which names the gateway is reached (RFC 9110 §7.2): a page that has its own name point here must not talk to the
//! gateway as if it were of its site.

use http::Request;
use http::header::HOST;

use crate::model::code::{Code, Refusal};
use crate::model::host::HostPattern;

use super::route::Route;

/// Refuses a request for another host. Who asks for health is told nothing that such a page could use, and load
/// balancers ask by address.
///
/// # Errors
/// `misdirected` (RFC 9110 §15.5.20): a name that is none of `hosts`, or no name.
pub(super) fn check<B>(
    hosts: &[HostPattern],
    route: Result<&Route, &Refusal>,
    request: &Request<B>,
) -> Result<(), Refusal> {
    if hosts.is_empty() || matches!(route, Ok(Route::Health | Route::Ready)) {
        return Ok(());
    }
    // Two that differ are refused before; a target that names a host goes before `Host` (RFC 9112 §3.2.2).
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    let mut named = [target, host].into_iter().flatten().peekable();
    let is_named = named.peek().is_some();
    if is_named && named.all(|name| hosts.iter().any(|one| one.fits(name))) {
        return Ok(());
    }
    let shown: String = target
        .or(host)
        .unwrap_or_default()
        .chars()
        .take(100)
        .collect();
    let refusal = Refusal::new(Code::Misdirected, "the gateway is not reached by this name");
    Err(refusal.operator(format!("Host {shown:?} is none of server.hosts")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(uri: &str, host: Option<&str>) -> bool {
        let hosts = ["live.example", "*.wall.example"].map(|one| HostPattern::parse(one).unwrap());
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(()).unwrap();
        let route = Route::of(request.uri().path());
        let passes = |hosts| check(hosts, route.as_ref(), &request).is_ok();
        assert!(passes(&[]), "without names, any will do");
        passes(&hosts)
    }

    #[test]
    fn each_name_that_a_request_has_is_one_of_the_gateways() {
        assert!(passes("/v1/stream", Some("live.example:8443")));
        assert!(passes("/nowhere", Some("a.wall.example")));
        assert!(passes("http://live.example/v1/stream", None));
        assert!(passes(
            "http://live.example/v1/stream",
            Some("live.example")
        ));
        for (uri, host) in [
            ("/v1/stream", Some("evil.example")),
            ("/v1/stream", Some("127.0.0.1:8080")),
            ("/v1/stream", Some("")),
            ("/v1/stream", None),
            ("/metrics", Some("evil.example")),
            ("/nowhere", Some("evil.example")),
            ("http://evil.example/v1/stream", Some("live.example")),
            ("http://live.example/v1/stream", Some("evil.example")),
        ] {
            assert!(!passes(uri, host), "{uri} {host:?}");
        }
    }

    #[test]
    fn health_is_asked_for_by_any_name() {
        assert!(passes("/healthz", Some("10.0.0.7")) && passes("/readyz", None));
    }
}
