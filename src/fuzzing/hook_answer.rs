//! What a backend answers.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::client_message::named_by;
use super::publish_body::{assert_is_well_formed, fields};
use crate::model::json::Json;
use crate::wire::hook::{
    Answered, Deed, KEPT_CLAIMS, MAX_LIST, MAX_ROOMS, Misunderstood, Reply, Welcome,
};

/// A body as an answer to each question: what is understood reads back as itself, a no is a no to whatever was asked, and
/// of what is not understood one line is said.
pub fn hook_answer(body: &[u8]) {
    let (welcome, admission) = (Welcome::parse(body), Answered::<()>::parse(body));
    let reply = Reply::parse(body);
    let refusals = [is_no(&welcome), is_no(&admission), is_no(&reply)];
    assert!(
        refusals == [refusals[0]; 3],
        "a no to one question is a no to all"
    );
    // What has the word and is no object with it is understood by nobody.
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body)
        && let Some(refuse) = fields.get("refuse")
    {
        assert_eq!(refusals[0], refuse.is_object());
        assert!(!matches!(welcome, Ok(Answered::Yes(_))));
    }
    well(admission, |()| {});
    well(welcome, |welcome| {
        let Ok(Answered::Yes(again)) = Welcome::parse(print_welcome(&welcome).as_bytes()) else {
            panic!("it does not read back");
        };
        assert_eq!(again, welcome);
    });
    well(reply, |reply| {
        let Ok(Answered::Yes(again)) = Reply::parse(print_reply(&reply).as_bytes()) else {
            panic!("it does not read back");
        };
        assert_eq!(again, reply);
    });
}

fn is_no<T>(answer: &Result<Answered<T>, Misunderstood>) -> bool {
    matches!(answer, Ok(Answered::No { .. }))
}

fn well<T>(answer: Result<Answered<T>, Misunderstood>, yes: impl FnOnce(T)) {
    match answer {
        Ok(Answered::Yes(value)) => yes(value),
        Ok(Answered::No { code, message }) => {
            assert_is_a_line(&message);
            let fine = |code: &str| (1..=64).contains(&code.len()) && code.is_ascii();
            assert!(code.as_deref().is_none_or(fine), "{code:?}");
        }
        Err(Misunderstood(why)) => assert_is_a_line(&why),
    }
}

fn assert_is_a_line(text: &str) {
    assert!((1..=super::SENTENCE).contains(&text.len()), "{text:?}");
    assert!(!text.contains(char::is_control), "{text:?}");
}

type Printed = BTreeMap<&'static str, Box<RawValue>>;

fn raw(json: &Json) -> Box<RawValue> {
    RawValue::from_string(json.as_str().to_owned()).unwrap()
}

fn print_welcome(welcome: &Welcome) -> String {
    assert!(welcome.rooms.len() <= MAX_ROOMS && welcome.first.len() <= MAX_LIST);
    let kept = KEPT_CLAIMS.iter();
    assert!(
        kept.into_iter()
            .all(|name| !welcome.claims.contains_key(*name))
    );
    let first = welcome.first.iter().map(|one| {
        let name = to_raw_value(one.event.as_str()).unwrap();
        Printed::from([("event", name), ("data", raw(&one.data))])
    });
    let printed = Printed::from([
        ("rooms", to_raw_value(&welcome.rooms).unwrap()),
        ("claims", to_raw_value(&welcome.claims).unwrap()),
        ("first", to_raw_value(&first.collect::<Vec<_>>()).unwrap()),
    ]);
    serde_json::to_string(&printed).unwrap()
}

fn print_reply(reply: &Reply) -> String {
    assert!(reply.deeds.len() <= MAX_LIST);
    let deeds: Vec<_> = reply.deeds.iter().map(print_deed).collect();
    let mut printed = Printed::from([("do", to_raw_value(&deeds).unwrap())]);
    printed.extend(reply.ack.as_ref().map(|ack| ("ack", raw(ack))));
    serde_json::to_string(&printed).unwrap()
}

fn print_deed(deed: &Deed) -> Printed {
    let (kind, whom, room) = match deed {
        Deed::Publish(offer) => {
            assert_is_well_formed(offer);
            let mut printed = fields(offer);
            printed.insert("type", to_raw_value("publish").unwrap());
            return printed;
        }
        Deed::Join { whom, room } => ("join", whom, Some(room)),
        Deed::Leave { whom, room } => ("leave", whom, Some(room)),
        Deed::Disconnect { whom } => ("disconnect", whom, None),
    };
    let mut printed = Printed::from([("type", to_raw_value(kind).unwrap())]);
    printed.extend(room.map(|room| ("room", to_raw_value(room).unwrap())));
    printed.extend(whom.as_ref().map(named_by));
    printed
}
