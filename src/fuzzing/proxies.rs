//! What proxies say of their clients: headers of the PROXY protocol, and `Forwarded` with its kin.

use http::{HeaderMap, HeaderValue};

use crate::model::network::Proxies;
use crate::model::peer::Peer;
use crate::wire::forwarded::client;
use crate::wire::proxy_protocol::{Header, LONGEST, decode};

/// A proxy that is trusted, and a stranger whom it has heard.
const PROXY: &str = "10.0.0.1:80";
const STRANGER: &str = "203.0.113.7";

/// The beginning of a connection; and what a stranger has sent in front of what a proxy adds.
pub fn proxies(data: &[u8]) {
    assert_no_verdict_is_taken_back(data);
    if let Ok(sent) = HeaderValue::from_bytes(data) {
        assert_nobody_is_somebody_else(&sent);
    }
}

fn assert_no_verdict_is_taken_back(data: &[u8]) {
    let mut last = Ok(Header::Incomplete);
    for end in 0..=data.len() {
        let now = decode(&data[..end]);
        assert!(last == Ok(Header::Incomplete) || now == last);
        if let Ok(Header::Whole { length, .. }) = now {
            assert!(length <= end && length <= LONGEST);
        }
        assert!(end < LONGEST || now != Ok(Header::Incomplete));
        last = now;
    }
}

/// Whatever a stranger sends: it is known by its own address, or as the proxy that could not be understood.
fn assert_nobody_is_somebody_else(sent: &HeaderValue) {
    let trusted = Proxies::parse(["10.0.0.0/8"]).unwrap();
    let from = Peer::Tcp(PROXY.parse().unwrap());
    for (name, added) in [
        ("forwarded", format!("for={STRANGER}")),
        ("x-forwarded-for", STRANGER.to_owned()),
    ] {
        let whole = [sent.as_bytes(), b", ", added.as_bytes()].concat();
        let mut joined = HeaderMap::new();
        joined.append(name, HeaderValue::from_bytes(&whole).unwrap());
        let found = client(&joined, from, &trusted).peer.to_string();
        assert!(found == STRANGER || found == PROXY, "{found}");
        let mut apart = HeaderMap::new();
        apart.append(name, sent.clone());
        assert_eq!(client(&apart, Peer::Unix, &trusted).peer, Peer::Unix);
        let _ = client(&apart, from, &trusted);
        apart.append(name, added.parse().unwrap());
        let found = client(&apart, from, &trusted).peer.to_string();
        assert_eq!(found, STRANGER);
    }
}
