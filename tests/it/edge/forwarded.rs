//! `Forwarded` and `X-Forwarded-For`: from proxies that are trusted, and from nobody else.

use super::{asked, tells_who};
use crate::support::{Gate, KEY};

const TRUSTED: &str = "server.trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n";

async fn said(first: &str, headers: &[(&str, &str)]) -> String {
    let gate = Gate::within_program(first, "", tells_who).await;
    asked(&mut gate.connect().await, headers).await.unwrap()
}

#[tokio::test]
async fn the_client_is_whom_a_trusted_proxy_names() {
    for (headers, expected) in [
        (
            &[("X-Forwarded-For", "1.1.1.1, 203.0.113.7, 10.0.0.2")][..],
            "203.0.113.7",
        ),
        (
            &[("Forwarded", "for=\"[2001:db8::7]:4711\";proto=https")],
            "[2001:db8::7]:4711",
        ),
        (
            &[
                ("Forwarded", "for=203.0.113.7"),
                ("X-Forwarded-For", "203.0.113.7"),
            ],
            "203.0.113.7",
        ),
        (
            &[
                ("X-Forwarded-For", "203.0.113.7"),
                ("X-Forwarded-For", "10.0.0.2"),
            ],
            "203.0.113.7",
        ),
    ] {
        assert_eq!(said(TRUSTED, headers).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_header_that_the_proxy_does_not_write_and_lets_pass_makes_nobody_somebody_else() {
    for headers in [
        [
            ("Forwarded", "for=203.0.113.7"),
            ("X-Forwarded-For", "1.1.1.1"),
        ],
        [
            ("Forwarded", "for=1.1.1.1"),
            ("X-Forwarded-For", "203.0.113.7"),
        ],
    ] {
        let peer = said(TRUSTED, &headers).await;
        assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let headers = [
        ("X-Forwarded-For", "203.0.113.7"),
        ("Forwarded", "for=203.0.113.7"),
    ];
    for first in ["", "server.trusted_proxies = [\"10.0.0.0/8\", \"unix\"]\n"] {
        let peer = said(first, &headers).await;
        assert!(peer.starts_with("127.0.0.1:"), "{first}: {peer}");
    }
}

#[tokio::test]
async fn each_request_of_a_connection_has_a_client_of_its_own() {
    let gate = Gate::within_program(TRUSTED, "", tells_who).await;
    let mut socket = gate.connect().await;
    for client in ["203.0.113.7", "203.0.113.8"] {
        let told = asked(&mut socket, &[("X-Forwarded-For", client)]).await;
        assert_eq!(told.as_deref(), Some(client));
    }
    let own = asked(&mut socket, &[]).await.unwrap();
    assert!(own.starts_with("127.0.0.1:"), "{own}");
}

#[tokio::test]
async fn urls_are_those_of_the_connection_that_the_client_has_with_a_trusted_proxy() {
    for (first, starts) in [(TRUSTED, "https://"), ("", "http://")] {
        let gate = Gate::open(first, "").await;
        let headers = [
            KEY,
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-For", "203.0.113.7"),
        ];
        let answer = gate.request("GET", "/v1/negotiate", &headers, "").await;
        let json = answer.json();
        let url = json["transports"][1]["url"].as_str().unwrap();
        assert!(url.starts_with(starts), "{url}");
    }
}

#[tokio::test]
async fn a_reload_changes_whom_the_gateway_trusts_on_connections_that_are_open() {
    let gate = Gate::within_program("", "", tells_who).await;
    let mut socket = gate.connect().await;
    let headers = [("X-Forwarded-For", "203.0.113.7")];
    let itself = asked(&mut socket, &headers).await.unwrap();
    assert!(itself.starts_with("127.0.0.1:"), "{itself}");
    let toml = format!("{TRUSTED}{}", gate.toml());
    assert_eq!(gate.reload(&toml).await.unwrap().changed, ["server"]);
    let told = asked(&mut socket, &headers).await;
    assert_eq!(told.as_deref(), Some("203.0.113.7"));
}
