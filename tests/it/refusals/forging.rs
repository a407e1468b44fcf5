//! No event can forge a line of an event stream, whatever its name or payload.

use super::{BACKEND, EVENT_STREAM, PUBLISH, READER, Witness, gate, refused};
use crate::support::http;

/// Line ends of every kind, a forged field after each.
const PAYLOAD: &str =
    "a\nevent: forged\nid: forged\n\ndata: x\rretry: 1\r\n\r\nevent: forged\n\n\u{2028}\u{85}end";

/// How a browser splits an event stream into fields (WHATWG HTML §9.2.6): by CRLF, LF and CR.
fn fields(stream: &str) -> Vec<(String, String)> {
    let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
    let field = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (
            name.to_owned(),
            value.strip_prefix(' ').unwrap_or(value).to_owned(),
        )
    };
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(field)
        .collect()
}

#[tokio::test]
async fn a_name_with_a_line_end_is_refused_on_every_door() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let mut socket = super::websocket(&gate, "/v1/stream?room=org:a", BACKEND).await;
    for (json, url) in [
        (r"a\ndata: x", "a%0Adata:%20x"),
        (r"a\rid: x", "a%0Did:%20x"),
        (r"a\r\n\r\n", "a%0D%0A%0D%0A"),
        (r"a\u0000", "a%00"),
        (r"a\u2028b", "a%E2%80%A8b"),
        (r"a\u0085b", "a%C2%85b"),
    ] {
        let body = format!(r#"{{"event":"{json}","data":1}}"#);
        let answer = gate.request("POST", PUBLISH, &[BACKEND], &body).await;
        refused(&answer, 400, "invalid_event", json);
        let target = format!("{PUBLISH}?event={url}");
        let answer = gate.request("POST", &target, &[BACKEND], "text").await;
        refused(&answer, 400, "invalid_event", url);
        let body = format!(r#"{{"events":[{{"room":"open","event":"{json}"}}]}}"#);
        let answer = gate.request("POST", "/v1/publish", &[BACKEND], &body).await;
        assert_eq!(
            answer.json()["results"][0]["error"]["code"],
            "invalid_event",
            "{json}"
        );
        socket
            .say(&format!(
                r#"{{"type":"publish","ref":1,"room":"open","event":"{json}"}}"#
            ))
            .await;
        assert_eq!(socket.json().await["code"], "invalid_event", "{json}");
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_payload_with_line_ends_stays_one_event_as_envelope_and_raw() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let target = "/v1/rooms/org:a/events?event=note";
    let headers = [BACKEND, ("Content-Type", "text/plain; charset=utf-8")];
    let published = gate.request("POST", target, &headers, PAYLOAD).await;
    let id = published.json()["id"].as_str().unwrap().to_owned();

    for option in ["", "&data=raw"] {
        let target = format!("/v1/stream?room=org:a&since=earliest{option}");
        let mut socket = gate.connect().await;
        socket
            .send(http::request("GET", &target, &[READER, EVENT_STREAM], ""))
            .await;
        let (_, mut body) = socket.open_body("GET").await;
        body.event("welcome").await;
        let block = body.block().await.unwrap();
        let fields = fields(&block);
        let of = |name: &str| {
            fields
                .iter()
                .filter(|(have, _)| have == name)
                .map(|(_, value)| value.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("event"), ["note"], "{block:?}");
        assert_eq!(of("id"), [id.as_str()], "{block:?}");
        assert_eq!(of("retry"), Vec::<String>::new(), "{block:?}");
        assert_eq!(fields.len(), 2 + of("data").len(), "{block:?}");
        let data = of("data").join("\n");
        let text = match option {
            "" => serde_json::from_str::<serde_json::Value>(&data).unwrap()["data"]
                .as_str()
                .unwrap()
                .to_owned(),
            _ => data,
        };
        let expected = match option {
            "" => PAYLOAD.to_owned(),
            _ => PAYLOAD.replace("\r\n", "\n").replace('\r', "\n"),
        };
        assert_eq!(text, expected);
    }
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_raw_payload_that_is_no_string_stays_on_one_line() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let body = "{\"event\":\"e\",\"data\":{\n\"a\":\r\n\"x\\ny\"\n}}";
    let published = gate
        .request("POST", "/v1/rooms/org:a/events", &[BACKEND], body)
        .await;
    assert_eq!(published.status(), 202);
    let mut socket = gate.connect().await;
    let target = "/v1/stream?room=org:a&since=earliest&data=raw";
    socket
        .send(http::request("GET", target, &[READER, EVENT_STREAM], ""))
        .await;
    let (_, mut body) = socket.open_body("GET").await;
    let block = body.event("e").await;
    assert!(block.contains("\ndata: {\"a\":\"x\\ny\"}\n"), "{block:?}");
    witness.is_served(&gate).await;
}

#[tokio::test]
async fn a_senders_name_cannot_forge_anything_either() {
    let gate = gate().await;
    let mut witness = Witness::join(&gate).await;
    let name = "quote\"\r\ndata: x\n\n";
    let bearer = format!("Bearer {}", super::credentials::author(name));
    let headers = [("Authorization", bearer.as_str())];
    let answer = gate
        .request("POST", PUBLISH, &headers, r#"{"event":"e"}"#)
        .await;
    assert_eq!(answer.status(), 202, "{}", answer.text());
    let block = witness.body.event("e").await;
    assert_eq!(fields(&block).len(), 3, "{block:?}");
    let data = block
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .unwrap();
    let envelope: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(envelope["from"], name);
    witness.is_served(&gate).await;
}
