//! proto-docs/openapi.json against the tables of the code. That the running gateway answers as it says is for
//! tests/clients/openapi.py, which has a validator of schemas.

use std::collections::{BTreeMap, BTreeSet};

use gatecast::model::code::{Advice, Code};
use gatecast::model::dialect::Dialect;
use gatecast::model::event::RESERVED_NAMES;
use gatecast::model::transport::Transport;
use serde_json::Value;

use crate::support::Gate;

/// What is told at the end of a stream or on it, and never as a status.
const ON_STREAMS_ONLY: [Code; 6] = [
    Code::Slow,
    Code::SessionExpired,
    Code::AuthTimeout,
    Code::Disconnected,
    Code::UnsupportedData,
    Code::ProtocolError,
];

fn text() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-docs/openapi.json");
    std::fs::read_to_string(path).unwrap()
}

fn document() -> Value {
    serde_json::from_str(&text()).unwrap()
}

#[test]
fn the_document_has_every_refusal_with_its_status_its_close_code_and_what_to_do() {
    let expected: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            let row = code.row();
            let advice = match row.advice {
                Advice::ComeBack => "come back",
                Advice::StayAway => "stay away",
                Advice::Mend => "mend",
            };
            let close = row.close.map_or(Value::Null, Value::from);
            (row.text.to_owned(), row.status, close, advice.to_owned())
        })
        .collect();
    let document = document();
    let rows = document["components"]["schemas"]["Code"]["oneOf"].as_array();
    let listed: Vec<_> = rows
        .unwrap()
        .iter()
        .map(|row| {
            let word = |key: &str| row[key].as_str().unwrap().to_owned();
            let status = row["x-status"].as_u64().unwrap();
            (
                word("const"),
                status.try_into().unwrap(),
                row["x-close"].clone(),
                word("x-advice"),
            )
        })
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn each_refusal_is_listed_under_its_own_status_and_none_is_forgotten() {
    let document = document();
    let mut answered = BTreeSet::new();
    let known: BTreeMap<&str, u16> = Code::ALL
        .iter()
        .map(|code| (code.as_str(), code.row().status))
        .collect();
    for problem in problems(&document) {
        let status = problem["status"]["const"].as_u64().unwrap();
        for code in problem["code"]["enum"].as_array().unwrap() {
            let code = code.as_str().unwrap();
            assert_eq!(
                known.get(code).copied().map(u64::from),
                Some(status),
                "{code}"
            );
            answered.insert(code);
        }
    }
    let expected: BTreeSet<&str> = Code::ALL
        .iter()
        .filter(|code| !ON_STREAMS_ONLY.contains(code))
        .map(|code| code.as_str())
        .collect();
    assert_eq!(answered, expected);
}

#[test]
fn each_answer_stands_under_the_status_that_its_problem_has() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let responses = operation["responses"].as_object().into_iter().flatten();
            for (status, response) in responses {
                let name = response["$ref"]
                    .as_str()
                    .and_then(|to| to.rsplit('/').next());
                let response =
                    name.map_or(response, |name| &document["components"]["responses"][name]);
                for problem in problems(response) {
                    assert_eq!(problem["status"]["const"].to_string(), *status, "{path}");
                }
            }
        }
    }
}

#[test]
fn the_event_names_that_the_document_refuses_are_those_that_the_protocol_keeps() {
    let document = document();
    let refused = &document["components"]["schemas"]["EventName"]["not"]["anyOf"][0]["enum"];
    assert_eq!(*refused, Value::from(RESERVED_NAMES.to_vec()));
}

#[test]
fn the_transports_and_dialects_of_the_document_are_those_that_are_spoken() {
    let document = document();
    let listed = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    let transports = Transport::ALL.map(Transport::as_str).to_vec();
    assert_eq!(listed("Transport"), Value::from(transports));
    let dialects = Dialect::ALL.map(Dialect::as_str).to_vec();
    assert_eq!(listed("Dialect"), Value::from(dialects));
}

#[test]
fn no_query_parameter_of_the_document_can_be_configured_to_carry_credentials() {
    let document = document();
    let mut names = BTreeSet::new();
    walk(&document, &mut |value| {
        if value["in"] == "query" && value["schema"].is_object() {
            names.insert(value["name"].as_str().unwrap().to_owned());
        }
    });
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let toml = format!("[auth]\nquery = \"{name}\"\n");
        let taken = gatecast::config::load(Some(&toml), &[]);
        assert!(
            taken.is_err(),
            "`{name}` is a parameter of the gateway's own"
        );
    }
}

#[test]
fn the_page_on_http_lists_every_route() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-docs/http.md");
    let page = std::fs::read_to_string(path).unwrap();
    let table: String = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for (path, item) in document()["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        for method in
            methods.filter(|one| !matches!(one.as_str(), "parameters" | "head" | "options"))
        {
            let route = format!("`{} {path}", method.to_uppercase());
            assert!(table.contains(&route), "{route}");
        }
    }
}

#[tokio::test]
async fn the_gateway_serves_the_document_to_everybody() {
    let gate = Gate::start("").await;
    let answer = gate.request("GET", "/v1/openapi.json", &[], "").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text(), text());
    let page = [("Origin", "https://app.example")];
    let head = gate.request("HEAD", "/v1/openapi.json", &page, "").await;
    assert_eq!((head.status(), head.text()), (200, ""));
}

/// The properties of every problem below `value`.
fn problems(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    walk(value, &mut |value| {
        let properties = &value["properties"];
        if properties["status"]["const"].is_u64() {
            found.push(properties);
        }
    });
    found
}

fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
