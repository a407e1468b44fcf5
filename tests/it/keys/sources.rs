//! Where keys come from: a file, a server that can be trusted, and servers that cannot.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{Does, Issuer, Key, counted, entry, fetches, gate, is, known, set, told};
use crate::support::tls::Certificate;
use crate::support::{Gate, api_key};

#[tokio::test]
async fn a_source_that_does_not_answer_well_changes_nothing_and_is_told_by_a_metric() {
    let (key, evil) = (Key::new("a"), Key::new("evil"));
    let (issuer, gate) = known(&[&key]).await;
    let other = Issuer::start(Does::Says("", set(&[&evil]))).await;
    let redirect: &'static str =
        Box::leak(format!("302 Found\r\nLocation: {}", other.url()).into_boxed_str());
    let secret = r#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","kid":"evil"}]}"#;
    let large = format!("{}{}", set(&[&evil]), " ".repeat(256 * 1024));
    let mut failures = 0;
    for does in [
        Does::Closes,
        Does::Refuses("500 Internal Server Error"),
        Does::Refuses("204 No Content"),
        Does::Refuses(redirect),
        Does::Says("", String::new()),
        Does::Says("", "<html>sign in</html>".to_owned()),
        Does::Says("", r#"{"keys":[]}"#.to_owned()),
        Does::Says("", secret.to_owned()),
        Does::Says("", large),
        Does::Floods,
    ] {
        let what = format!("{does:?}").chars().take(60).collect::<String>();
        issuer.does(does);
        // Whenever it is due: failures are tried again sooner.
        gate.hand.advance(Duration::from_secs(600));
        failures += 1;
        fetches(&gate, "failed", failures).await;
        counted(&gate, "gatecast_key_sources_down 1").await;
        assert_eq!(told(&gate, &key.token("ann")).await.status(), 200, "{what}");
        assert_eq!(
            told(&gate, &evil.token("eve")).await.status(),
            401,
            "{what}"
        );
    }
    assert_eq!(other.connections(), 0, "a redirect is not followed");
    let asked = issuer.connections();
    issuer.does(Does::Waits);
    gate.hand.advance(Duration::from_secs(600));
    // One that says nothing is given up after 5 s.
    gate.hasten(
        Duration::from_secs(1),
        fetches(&gate, "failed", failures + 1),
    )
    .await;
    assert_eq!(issuer.connections(), asked + 1);
    is(&told(&gate, &key.token("ann")).await, 200);

    issuer.publishes(&[&key]);
    gate.hand.advance(Duration::from_secs(600));
    counted(&gate, "gatecast_key_sources_down 0").await;
    is(&told(&gate, &key.token("ann")).await, 200);
}

#[tokio::test]
async fn keys_of_a_file_are_there_from_the_start_and_no_others_are() {
    let (a, b, other) = (Key::new("a"), Key::new("b"), Key::new("c"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), set(&[&a, &b])).unwrap();
    let gate = Gate::open("", &entry(&format!("jwks_file = {:?}", file.path()))).await;
    for key in [&a, &b] {
        is(&told(&gate, &key.token("ann")).await, 200);
    }
    let claims = serde_json::json!({"sub": "eve", "role": "member", "exp": 4_102_444_800_u64});
    for token in [
        other.token("eve"),
        other.token_of(&claims, "a"),
        a.token_of(&claims, "b"),
    ] {
        is(&told(&gate, &token).await, 401);
    }
    fetches(&gate, "ok", 0).await;
}

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(Certificate::new);

/// An issuer behind TLS.
async fn secure(does: Does) -> Issuer {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = std::fs::read(CERTIFICATE.path("key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE.pem.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(&key).unwrap(),
        )
        .unwrap();
    Issuer::over(Some(TlsAcceptor::from(Arc::new(config))), does).await
}

#[tokio::test]
async fn keys_come_over_tls_from_a_server_that_an_authority_vouches_for() {
    let key = Key::new("a");
    let issuer = secure(Does::Says("", set(&[&key]))).await;
    let entry = entry(&format!("jwks_url = \"{}\"", issuer.url()));
    let gate = Gate::within_program("", &entry, |settings| {
        settings.authorities = vec![CERTIFICATE.path("cert.pem").into()];
    })
    .await;
    fetches(&gate, "ok", 1).await;
    is(&told(&gate, &key.token("ann")).await, 200);
}

#[tokio::test]
async fn keys_of_a_server_that_nobody_vouches_for_are_not_taken() {
    let key = Key::new("a");
    let issuer = secure(Does::Says("", set(&[&key]))).await;
    let gate = gate(&issuer).await;
    counted(&gate, "gatecast_key_sources_down 1").await;
    is(&told(&gate, &key.token("ann")).await, 503);
    assert_eq!(issuer.requests().len(), 0, "nothing was said to it");
}

#[tokio::test]
async fn an_issuer_that_is_away_at_the_start_stops_neither_the_gateway_nor_others() {
    let (key, pem) = (Key::new("a"), api_key("other", "other-key", "member"));
    let issuer = Issuer::start(Does::Closes).await;
    let entry = entry(&format!("jwks_url = \"{}\"", issuer.url()));
    let gate = Gate::open("", &format!("{entry}{pem}")).await;
    counted(&gate, "gatecast_key_sources_down 1").await;
    let target = "/v1/rooms/open/events";
    let other = gate
        .request("GET", target, &[("X-API-Key", "other-key")], "")
        .await;
    is(&other, 200);
    is(&told(&gate, &key.token("ann")).await, 503);
    issuer.publishes(&[&key]);
    // After a second at the latest.
    gate.hand.advance(Duration::from_secs(1));
    counted(&gate, "gatecast_key_sources_down 0").await;
    is(&told(&gate, &key.token("ann")).await, 200);
}

#[tokio::test]
async fn a_gateway_stops_while_keys_are_being_fetched() {
    let issuer = Issuer::start(Does::Waits).await;
    let mut gate = gate(&issuer).await;
    let begun = async {
        while issuer.requests().is_empty() {
            crate::support::patiently(Duration::from_millis(1), std::future::pending::<()>()).await;
        }
    };
    crate::support::within("the fetch", begun).await;
    let late = gate.begin_stop().await;
    let late = crate::support::within("the stop", late).await.unwrap();
    assert_eq!(late, []);
}
