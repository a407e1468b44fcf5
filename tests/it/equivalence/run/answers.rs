//! What the answers to publishes say.

use serde_json::Value;

use super::super::record::{Entry, Published};
use super::super::script::Draft;
use super::{Post, SENDER};

/// What a publish answer says was appended.
pub(super) fn published(post: &Post, status: u16, answer: &str) -> Vec<Entry> {
    let wrong = |wanted| {
        vec![Entry::Refused {
            wanted,
            answer: format!("{status} {answer}"),
        }]
    };
    let value: Value = serde_json::from_str(answer).unwrap_or_default();
    if status != 202 {
        return wrong("202 for a publish");
    }
    if post.events.len() == 1 && !post.spoilt && post.events[0].rooms.len() == 1 {
        return vec![one(post, &post.events[0], &value)];
    }
    let Some(results) = value["results"].as_array() else {
        return wrong("results");
    };
    let mut results = results.clone();
    if post.spoilt {
        if results.len() != 3 || results[1]["error"]["code"] != "reserved_event" {
            return wrong("three results, the second an error");
        }
        results.remove(1);
    }
    if results.len() != post.events.len() {
        return wrong("one result for each event");
    }
    post.events
        .iter()
        .zip(&results)
        .map(|(draft, result)| one(post, draft, result))
        .collect()
}

fn one(post: &Post, draft: &Draft, result: &Value) -> Entry {
    let rooms: Vec<String> = draft.rooms.iter().map(|&room| room.to_owned()).collect();
    let named = match &rooms[..] {
        [room] => result["room"] == room.as_str(),
        several => result["rooms"] == Value::from(several.to_vec()),
    };
    let published = |id: &str| Published {
        id: id.to_owned(),
        rooms,
        event: draft.event(),
        data: draft.data(),
        from: post.sender.then(|| SENDER.to_owned()),
        options: draft.options,
    };
    let volatile = draft.options.volatile;
    match result["id"].as_str() {
        Some(id) if named && !volatile => Entry::Published(published(id)),
        None if named && volatile && result.get("id").is_some_and(Value::is_null) => {
            Entry::Volatile(published(""))
        }
        _ => Entry::Refused {
            wanted: "an id and its rooms",
            answer: result.to_string(),
        },
    }
}
