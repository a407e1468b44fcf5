//! What packets of Socket.IO say, read by the pages of its protocol and by ours of the dialect: its events are put back
//! into the envelopes that every other transport gives, byte for byte, so that the same checks hold.
//!
//! A client here is one that keeps to what the library keeps: of all that it is told, only events move its position.
//! Attachments are left out, because no script publishes bytes; and so are events that want to be confirmed.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::{Envelope, Item, message};

/// The names of events that are the gateway's own.
const OWN: [&str; 6] = ["gap", "state_begin", "state", "state_end", "bye", "error"];

/// The answer to a CONNECT.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connected {
    sid: String,
    pid: Option<String>,
}

/// What an event says of itself besides its payload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta<'a> {
    #[serde(borrow)]
    room: &'a RawValue,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    ts: &'a RawValue,
    #[serde(borrow)]
    from: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    of: Option<&'a RawValue>,
}

/// What a packet says.
pub(super) fn items(packet: &str) -> Result<Vec<Item>, String> {
    let wrong = |fault: &str| format!("{fault}: {packet}");
    let item = match packet.as_bytes() {
        [b'4', b'0', ..] => {
            let told: Connected = serde_json::from_str(&packet[2..])
                .map_err(|error| wrong(&format!("no answer to a CONNECT ({error})")))?;
            Item::Connected {
                stream: told.sid,
                pid: told.pid,
            }
        }
        [b'4', b'2', ..] => event(&packet[2..]).map_err(|fault| wrong(&fault))?,
        [b'4', b'3', ..] => ack(&packet[2..]).ok_or_else(|| wrong("an ack of another shape"))?,
        [b'4', b'4', ..] => refusal(&packet[2..]).ok_or_else(|| wrong("a refusal"))?,
        _ => return Err(wrong("a packet that nobody expects")),
    };
    Ok(vec![item])
}

fn event(arguments: &str) -> Result<Item, String> {
    let said: Vec<&RawValue> =
        serde_json::from_str(arguments).map_err(|error| format!("no event ({error})"))?;
    let name = said.first().map_or("", |name| name.get());
    let own = OWN.iter().any(|own| name == format!("\"{own}\""));
    match &said[..] {
        [_, fields] if own => {
            let fields = fields.get().strip_prefix('{').ok_or("no fields")?;
            message(&format!("{{\"type\":{name},{fields}"))
        }
        [_, data, meta, offset] if !own => {
            let offset = serde_json::from_str(offset.get());
            let offset: String = offset.map_err(|error| format!("no offset ({error})"))?;
            let text = envelope(name, data, meta)?;
            Ok(Item::Told { text, offset })
        }
        [_, data, meta] if !own => {
            let text = envelope(name, data, meta)?;
            match Envelope::parse(&text) {
                Ok(Envelope { id: None, .. }) => Ok(Item::Event(text)),
                _ => Err("an event of the log without an offset".to_owned()),
            }
        }
        _ => Err("an event with other arguments".to_owned()),
    }
}

/// The envelope of an event, of the very tokens that stood on the wire.
fn envelope(name: &str, data: &RawValue, meta: &RawValue) -> Result<String, String> {
    let Meta {
        room,
        id,
        ts,
        from,
        key,
        of,
    } = serde_json::from_str(meta.get()).map_err(|error| format!("no meta ({error})"))?;
    let members = [
        ("id", id),
        ("room", Some(room)),
        ("event", None),
        ("data", Some(data)),
        ("ts", Some(ts)),
        ("from", from),
        ("key", key),
        ("of", of),
    ];
    let mut text = String::new();
    for (member, value) in members {
        let value = match member {
            "event" => Some(name),
            _ => value.map(RawValue::get),
        };
        if let Some(value) = value {
            let first = if text.is_empty() { '{' } else { ',' };
            let _ = write!(text, r#"{first}"{member}":{value}"#);
        }
    }
    Ok(text + "}")
}

/// An ack with the number of what was asked: the room, or why not.
fn ack(text: &str) -> Option<Item> {
    let (number, arguments) = text.split_at(text.find('[')?);
    let reference = format!("ask-{}", number.parse::<usize>().ok()?);
    let said: Vec<Json> = serde_json::from_str(arguments).ok()?;
    let [Json::Object(answer)] = &said[..] else {
        return None;
    };
    match (answer.get("room"), answer.get("error")) {
        (Some(Json::String(_)), None) if answer.len() == 1 => Some(Item::Ack { reference }),
        (None, Some(error)) if answer.len() == 1 && error["message"].is_string() => {
            Some(Item::Error {
                reference: Some(reference),
                code: error["code"].as_str()?.to_owned(),
            })
        }
        _ => None,
    }
}

/// A CONNECT that is refused for good.
fn refusal(text: &str) -> Option<Item> {
    let error: Json = serde_json::from_str(text).ok()?;
    Some(Item::Refused {
        status: 0,
        code: error["data"]["code"].as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_becomes_its_envelope_token_by_token() {
        let said = r#"42["e",{"n":1.50e1,"s":"\u00e9"},{"room":"r:a","id":"x","ts":7,"from":"f","key":"\"k\"","of":["v","w"]},"x"]"#;
        let text = r#"{"id":"x","room":"r:a","event":"e","data":{"n":1.50e1,"s":"\u00e9"},"ts":7,"from":"f","key":"\"k\"","of":["v","w"]}"#;
        let told = Item::Told {
            text: text.to_owned(),
            offset: "x".to_owned(),
        };
        assert_eq!(items(said).unwrap(), [told]);
        let moment = r#"42["e",null,{"room":"r:a","ts":7}]"#;
        let text = r#"{"room":"r:a","event":"e","data":null,"ts":7}"#;
        assert_eq!(items(moment).unwrap(), [Item::Event(text.to_owned())]);
    }

    #[test]
    fn what_the_gateway_says_of_its_own_becomes_what_it_says_elsewhere() {
        for (said, item) in [
            (
                r#"42["bye",{"code":"slow","reconnect":true}]"#,
                Item::Bye("slow".to_owned()),
            ),
            (
                r#"437[{"room":"r:a"}]"#,
                Item::Ack {
                    reference: "ask-7".to_owned(),
                },
            ),
            (
                r#"437[{"error":{"code":"forbidden","message":"no","room":"s"}}]"#,
                Item::Error {
                    reference: Some("ask-7".to_owned()),
                    code: "forbidden".to_owned(),
                },
            ),
            (
                r#"40{"sid":"s","pid":"p"}"#,
                Item::Connected {
                    stream: "s".to_owned(),
                    pid: Some("p".to_owned()),
                },
            ),
        ] {
            assert_eq!(items(said).unwrap(), [item], "{said}");
        }
    }

    #[test]
    fn what_has_another_shape_is_told_apart() {
        for said in [
            "41",
            "2",
            r#"42["e",1]"#,
            r#"42["e",1,{"room":"r","id":"x","ts":1}]"#,
            r#"42["e",1,{"room":"r","ts":1},7]"#,
            r#"42["e",1,{"room":"r","ts":1,"more":1},"x"]"#,
            r#"42["gap",{"room":"r"}]"#,
            r#"431[{}]"#,
            r#"431[{"room":"r"},1]"#,
        ] {
            assert!(items(said).is_err(), "{said}");
        }
    }
}
