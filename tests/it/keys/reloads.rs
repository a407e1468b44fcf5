//! Keys and changes of the configuration.

use super::rotation::websocket;
use super::{Does, EVENT_STREAM, Issuer, Key, entry, fetches, gate, is, known, publish, set, told};
use crate::support::http::request;
use crate::support::websocket::WebSocket;
use crate::support::{Gate, KEY, api_key, sha256};

/// The configuration of [`gate`], with these entries instead.
fn toml(entries: &str) -> String {
    let operator = api_key("a", KEY.1, "a");
    format!(
        "[auth]\nquery = \"access_token\"\n{operator}[roles.a]\nsubscribe = [\"*\"]\npublish = [\"*\"]\nadmin = true\n{entries}"
    )
}

fn of(issuer: &Issuer) -> String {
    entry(&format!("jwks_url = \"{}\"", issuer.url()))
}

#[tokio::test]
async fn keys_that_were_fetched_outlive_a_change_of_the_configuration() {
    let key = Key::new("a");
    let (issuer, gate) = known(&[&key]).await;
    let mut socket = websocket(&gate, &key.token("ann")).await;
    issuer.does(Does::Closes);
    for name in ["one", "two"] {
        let more = api_key(name, &format!("the-key-of-{name}"), "member");
        let told_of = gate.reload(&toml(&format!("{}{more}", of(&issuer)))).await;
        assert_eq!(told_of.unwrap().changed, ["auth and roles"]);
        is(&told(&gate, &key.token("bob")).await, 200);
    }
    publish(&gate, "after").await;
    assert_eq!(socket.json().await["event"], "after");
    assert_eq!(issuer.connections(), 1, "nothing was fetched for it");
}

#[tokio::test]
async fn an_issuer_whose_keys_are_fetched_from_now_on_keeps_its_streams() {
    let key = Key::new("a");
    let issuer = Issuer::start(Does::Says("", set(&[&key]))).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), set(&[&key])).unwrap();
    let of_file = entry(&format!("jwks_file = {:?}", file.path()));
    let gate = Gate::open("[auth]\nquery = \"access_token\"\n", &of_file).await;
    let mut socket = websocket(&gate, &key.token("ann")).await;
    gate.reload(&toml(&of(&issuer))).await.unwrap();
    fetches(&gate, "ok", 1).await;
    publish(&gate, "after").await;
    assert_eq!(socket.json().await["event"], "after");
    is(&told(&gate, &key.token("bob")).await, 200);

    // And one that is not any more is not asked any more.
    gate.reload(&toml(&of_file)).await.unwrap();
    gate.hand.advance(std::time::Duration::from_secs(3600));
    is(&told(&gate, &key.token("bob")).await, 200);
    assert_eq!(issuer.connections(), 1);
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_and_ends_the_streams_of_keys_that_it_has_no_more() {
    let (old, kept, new) = (Key::new("1"), Key::new("2"), Key::new("3"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), set(&[&old, &kept])).unwrap();
    let of_file = entry(&format!("jwks_file = {:?}", file.path()));
    let gate = Gate::open("[auth]\nquery = \"access_token\"\n", &of_file).await;
    let mut leaving = websocket(&gate, &old.token("ann")).await;
    let mut staying = websocket(&gate, &kept.token("bob")).await;
    std::fs::write(file.path(), "no keys").unwrap();
    let mistakes = gate.reload(&toml(&of_file)).await.unwrap_err();
    assert!(mistakes.contains("jwks_file"), "{mistakes}");
    is(&told(&gate, &old.token("cy")).await, 200);
    std::fs::write(file.path(), set(&[&kept, &new])).unwrap();
    let told_of = gate.reload(&toml(&of_file)).await.unwrap();
    assert_eq!(told_of.changed, ["auth and roles"]);
    publish(&gate, "after").await;
    assert_eq!(leaving.closed().await.0, Some(3500));
    assert_eq!(staying.json().await["event"], "after");
    is(&told(&gate, &new.token("dee")).await, 200);
    // The same keys in another order are the same.
    std::fs::write(file.path(), set(&[&new, &kept])).unwrap();
    assert!(
        gate.reload(&toml(&of_file))
            .await
            .unwrap()
            .changed
            .is_empty()
    );
}

/// The entry of an API key of this name with these texts.
fn television(keys: &[&str]) -> String {
    let hashes: Vec<_> = keys
        .iter()
        .map(|key| format!("\"{}\"", sha256(key)))
        .collect();
    format!(
        "[[auth.api_key]]\nname = \"tv\"\nsha256 = [{}]\nrole = \"tv\"\n[roles.tv]\nsubscribe = [\"open\"]\n",
        hashes.join(", ")
    )
}

#[tokio::test]
async fn an_api_key_is_replaced_without_an_outage() {
    let gate = Gate::open("", &television(&["old"])).await;
    let tv = async |key: &'static str| {
        let headers = [("X-API-Key", key)];
        let socket = gate.connect().await;
        let socket = WebSocket::upgrade(socket, "/v1/stream?room=open", &headers).await;
        let mut socket = socket.ok().unwrap();
        assert_eq!(socket.json().await["principal"], "tv");
        socket
    };
    let mut first = tv("old").await;
    let both = toml(&television(&["new", "old"]));
    gate.reload(&both).await.unwrap();
    let mut second = tv("new").await;
    let third = [("X-API-Key", "old"), EVENT_STREAM];
    let mut sse = gate.connect().await;
    sse.send(request("GET", "/v1/stream?room=open", &third, ""))
        .await;
    let (_, mut body) = sse.open_body("GET").await;
    body.event("welcome").await;
    publish(&gate, "between").await;
    assert_eq!(first.json().await["event"], "between");
    assert_eq!(second.json().await["event"], "between");
    body.event("between").await;
    gate.reload(&toml(&television(&["new"]))).await.unwrap();
    publish(&gate, "after").await;
    assert_eq!(second.json().await["event"], "after");
    assert_eq!(first.json().await["code"], "unauthorized");
    assert_eq!(first.closed().await.0, Some(3500));
    let end = body.block().await.unwrap();
    assert!(end.contains("unauthorized"), "{end}");
}

#[tokio::test]
async fn a_configuration_of_before_does_not_let_in_who_is_not_there_any_more() {
    let (key, other) = (Key::new("a"), Key::new("b"));
    let (one, another) = (
        Issuer::start(Does::Says("", set(&[&key]))).await,
        Issuer::start(Does::Says("", set(&[&other]))).await,
    );
    let gate = gate(&one).await;
    fetches(&gate, "ok", 1).await;
    let mut socket = websocket(&gate, &key.token("ann")).await;
    gate.reload(&toml(&of(&another))).await.unwrap();
    assert_eq!(socket.closed().await.0, Some(3500));
    is(&told(&gate, &key.token("ann")).await, 401);
    is(&told(&gate, &other.token("ann")).await, 200);
}
