//! proto-docs/hooks.md shows what is sent, and what is understood.

use std::sync::Arc;

use gatecast::hooks::Kind;
use gatecast::model::event::EventName;
use gatecast::model::id::StreamId;
use gatecast::model::json::Json;
use gatecast::model::time::UnixMillis;
use gatecast::wire::hook::{About, Answered, Connect, Message, Notice, Reply, Subscribe, Welcome};
use serde_json::Value;

use super::room;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-docs/hooks.md");
    std::fs::read_to_string(path).unwrap()
}

/// The blocks of JSON below a heading.
fn blocks(heading: &str) -> Vec<String> {
    let page = page();
    let (_, below) = page.split_once(&format!("\n### {heading}\n")).unwrap();
    let own = below.split("\n##").next().unwrap();
    let blocks = own.split("```json\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// The same text without what JSON does not see, in the same order.
fn plain(json: &str) -> String {
    Json::parse(json).unwrap().as_str().to_owned()
}

const NOW: UnixMillis = UnixMillis(1_764_324_000_123);

/// As the page has it.
fn about() -> Arc<About> {
    let mut own = (*super::about(1)).clone();
    own.stream = StreamId::from_client("5f0c1b7a90d2c4e83b6a1f27");
    Arc::new(own)
}

#[test]
fn the_bodies_on_the_page_are_those_that_are_sent() {
    let shown = [http::HeaderName::from_static("x-tenant")];
    let (trace, tab) = (None, room("tab:7"));
    let connect = Connect {
        about: about(),
        rooms: vec![room("lobby")],
        resumes: false,
        says: None,
        trace,
    };
    let subscribe = Subscribe {
        about: about(),
        room: tab.clone(),
        trace,
    };
    let message = Message {
        about: about(),
        event: EventName::parse("note:add").unwrap(),
        room: Some(tab.clone()),
        data: Json::parse(r#"{"text": "no onions"}"#).unwrap(),
        trace,
    };
    let ended = Notice::Disconnect {
        about: about(),
        code: "client",
        rooms: vec![room("lobby")],
    };
    let left = Notice::Unsubscribe {
        about: about(),
        room: tab,
    };
    for (hook, sent) in [
        ("connect", connect.to_json(&shown, NOW)),
        ("subscribe", subscribe.to_json(&[], NOW)),
        ("message", message.to_json(&[], NOW)),
        ("disconnect", ended.to_json(&[], NOW)),
        ("unsubscribe", left.to_json(&[], NOW)),
    ] {
        assert_eq!(plain(&blocks(hook)[0]), sent, "{hook}");
    }
}

#[test]
fn the_answers_on_the_page_are_understood_in_all_that_they_say() {
    let answer = |hook| blocks(hook)[1].clone();
    let Ok(Answered::Yes(welcome)) = Welcome::parse(answer("connect").as_bytes()) else {
        panic!("no welcome");
    };
    assert_eq!(
        (
            welcome.rooms.len(),
            welcome.claims.len(),
            welcome.first.len()
        ),
        (1, 1, 1)
    );
    let subscribed = Answered::<()>::parse(answer("subscribe").as_bytes());
    assert_eq!(subscribed, Ok(Answered::Yes(())));
    let Ok(Answered::Yes(reply)) = Reply::parse(answer("message").as_bytes()) else {
        panic!("no reply");
    };
    assert_eq!((reply.ack.is_some(), reply.deeds.len()), (true, 4));
    let page = page();
    let (_, no) = page.split_once("```json\n{\"refuse\"").unwrap();
    let no = format!("{{\"refuse\"{}", no.split("```").next().unwrap());
    let refused = Answered::<()>::parse(no.as_bytes()).unwrap();
    assert!(matches!(refused, Answered::No { code: Some(code), .. } if &*code == "not_your_tab"));
    let parsed: Value = serde_json::from_str(&no).unwrap();
    assert_eq!(parsed["refuse"]["message"], "that tab is not yours");
}

#[test]
fn the_configuration_on_the_page_has_no_mistakes() {
    let page = page();
    let (_, toml) = page.split_once("```toml\n").unwrap();
    let toml = toml.split("```").next().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "a secret of the page, in a file\n").unwrap();
    let toml = toml.replace("/run/secrets/hooks", file.path().to_str().unwrap());
    let settings = gatecast::config::load(Some(&toml), &[]).unwrap();
    let kinds: Vec<_> = settings.hooks.0.keys().copied().collect();
    assert_eq!(kinds, Kind::ALL[..4]);
}
