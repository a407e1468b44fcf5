//! `[socketio]`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::auth::SpokenRoom;
use crate::model::event::EventName;
use crate::transport::socketio::Settings;
use crate::transport::socketio::settings::{Meaning, Space, Terms};
use crate::wire::socketio::Namespace;

/// The section of proto-docs/socketio.md, with other numbers than the defaults.
const SECTION: &str = r#"
[socketio]
path = "/live/io/"
ping_interval = "300ms"
ping_timeout = "200ms"
max_payload = 4096
connect_timeout = "5s"
recovery = "1h"
auth = { token = "jwt", api_key = "key" }

[socketio.namespaces."/"]
recovery = true
meta = true

[socketio.namespaces."/".events."tab:join"]
subscribe = "tab:{tabId}"
answer = "tab:joined"

[socketio.namespaces."/".events."tab:leave"]
unsubscribe = "tab:{tabId}"

[socketio.namespaces."/".events."subscribe_presence"]
subscribe = "presence"
rewind = 50
backfill = "activity_backfill"

[socketio.namespaces."/".events."recover"]
recover = true
answer = "recovery_events"

[socketio.namespaces."/admin"]
roles = ["admin"]

[roles.admin]
"#;

fn read(toml: &str) -> Settings {
    let settings = load(Some(toml), &[]);
    settings.unwrap_or_else(|why| panic!("{why}")).socketio
}

fn room(text: &str) -> SpokenRoom {
    SpokenRoom::parse(text).unwrap()
}

fn event(name: &str) -> Option<EventName> {
    Some(EventName::parse(name).unwrap())
}

/// What is `said` of an event of `/`, and no more.
fn of_event(said: &str) -> String {
    format!("[socketio.namespaces.\"/\".events.\"tab:join\"]\n{said}\n")
}

fn events(settings: &Settings) -> &BTreeMap<Box<str>, Meaning> {
    &settings.namespaces[&Namespace::MAIN].terms.events
}

/// What the events of [`SECTION`] mean.
fn meant() -> BTreeMap<Box<str>, Meaning> {
    let meant = [
        (
            "tab:join",
            Meaning::Subscribe {
                room: room("tab:{tabId}"),
                answer: event("tab:joined"),
                rewind: 0,
                backfill: None,
            },
        ),
        (
            "tab:leave",
            Meaning::Unsubscribe {
                room: room("tab:{tabId}"),
                answer: None,
            },
        ),
        (
            "subscribe_presence",
            Meaning::Subscribe {
                room: room("presence"),
                answer: None,
                rewind: 50,
                backfill: event("activity_backfill"),
            },
        ),
        (
            "recover",
            Meaning::Recover {
                answer: event("recovery_events"),
            },
        ),
    ];
    meant.map(|(name, meaning)| (name.into(), meaning)).into()
}

#[test]
fn the_section_of_the_page_is_read_to_what_it_means() {
    let main = Terms {
        roles: Vec::new(),
        recovery: true,
        meta: true,
        events: meant(),
    };
    let admin = Terms {
        roles: vec!["admin".into()],
        ..Terms::default()
    };
    let spaces = [
        Space::new(Namespace::MAIN, main),
        Space::new(Namespace::parse("/admin").unwrap(), admin),
    ];
    let expected = Settings {
        path: Some("/live/io/".into()),
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 4096,
        connect_timeout: Duration::from_secs(5),
        recovery: Duration::from_secs(3600),
        token: "jwt".into(),
        api_key: "key".into(),
        namespaces: spaces
            .map(|space| (space.name.clone(), Arc::new(space)))
            .into(),
    };
    assert_eq!(read(SECTION), expected);
}

#[test]
fn no_value_of_the_section_is_read_and_forgotten() {
    let document = DeTable::parse(SECTION).unwrap();
    let (values, faults) = walk::walk(&Node::document(&document));
    assert!(faults.is_empty(), "{faults:?}");
    let (_, faults) = settings::build(&values, PathBuf::new());
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(values.unused(), Vec::<String>::new());
}

#[test]
fn what_is_turned_off_is_served_nowhere_and_read_all_the_same() {
    let off = read("[socketio]\nenabled = false\npath = \"/live/\"\nrecovery = \"1m\"\n");
    assert_eq!((off.path, off.recovery), (None, Duration::from_secs(60)));
    let told = mistakes("[socketio]\nenabled = false\npath = \"/live\"\n");
    assert!(told.contains("begins and ends with `/`"), "{told}");
}

#[test]
fn without_a_table_of_namespaces_there_is_one_and_else_those_that_have_a_table() {
    let names = |toml: &str| -> Vec<String> {
        let spaces = read(toml).namespaces.into_keys();
        spaces.map(|name| name.as_str().to_owned()).collect()
    };
    assert_eq!(names("[socketio]\nrecovery = \"1m\""), ["/"]);
    assert_eq!(names("[socketio.namespaces.\"/admin\"]"), ["/admin"]);
    let both = "[socketio.namespaces]\n\"/\" = {}\n\"/b\" = { meta = true }";
    assert_eq!(names(both), ["/", "/b"]);
}

#[test]
fn an_event_that_says_what_it_does_not_do_may_say_what_it_does() {
    let settings = read(&of_event("recover = false\nunsubscribe = \"a\""));
    let leaves = Meaning::Unsubscribe {
        room: room("a"),
        answer: None,
    };
    assert_eq!(events(&settings)["tab:join"], leaves);
}

#[test]
fn the_environment_lies_over_namespaces_and_events_whatever_their_case() {
    let file = of_event("subscribe = \"tab:{tabId}\"").replace("tab:join", "Tab:Join");
    let environment = [
        ("GATECAST__SOCKETIO__PING_INTERVAL", "300ms"),
        ("GATECAST__SOCKETIO__AUTH__TOKEN", "jwt"),
        ("GATECAST__SOCKETIO__NAMESPACES__/__META", "true"),
        (
            "GATECAST__SOCKETIO__NAMESPACES__/__EVENTS__TAB:JOIN__REWIND",
            "5",
        ),
        ("GATECAST__SOCKETIO__NAMESPACES__/ADMIN__ROLES__0", "ops"),
        ("GATECAST__ROLES__OPS", "{}"),
    ];
    let settings = load(Some(&file), &variables(&environment))
        .unwrap()
        .socketio;
    assert_eq!(settings.ping_interval, Duration::from_millis(300));
    assert_eq!(&*settings.token, "jwt");
    assert!(settings.namespaces[&Namespace::MAIN].terms.meta);
    let joins = &events(&settings)["Tab:Join"];
    assert!(
        matches!(joins, Meaning::Subscribe { rewind: 5, .. }),
        "{joins:?}"
    );
    let admin = &settings.namespaces[&Namespace::parse("/admin").unwrap()];
    assert_eq!(admin.terms.roles, ["ops"]);
}

#[test]
fn a_name_that_no_variable_can_have_stands_in_the_value_of_its_table() {
    let value = r#"{ "/" = { events = { "TabJoin__now" = { subscribe = "a" } } } }"#;
    let variable = [("GATECAST__SOCKETIO__NAMESPACES", value)];
    let settings = load(None, &variables(&variable)).unwrap().socketio;
    assert!(events(&settings).contains_key("TabJoin__now"));
}

#[test]
fn every_mistake_of_the_section_is_told_at_once_with_its_place_and_what_to_write_instead() {
    insta::assert_snapshot!(mistakes(
        r#"
[roles.admin]
[socketio]
enabled = "yes"
path = "/v1/live/"
ping_interval = "99ms"
ping_timeout = "11m"
max_payload = 1023
connect_timeout = 45
recovery = "25h"
pingInterval = "25s"
auth = { token = "two words", api_key = "" }
[socketio.namespaces.admin]
roles = ["admn"]
[socketio.namespaces."/a,b"]
[socketio.namespaces."/"]
roles = []
metta = true
[socketio.namespaces."/".events.connect]
subscribe = "a"
[socketio.namespaces."/".events."two words"]
subscribe = "tab:*"
answer = "error"
rewind = 1001
[socketio.namespaces."/".events.nothing]
[socketio.namespaces."/".events.off]
recover = false
answer = "a"
[socketio.namespaces."/".events.several]
unsubscribe = "a"
subscribe = "a"
recover = true
[socketio.namespaces."/".events.leaves]
unsubscribe = "tab:{"
rewind = 50
backfill = "b"
[socketio.namespaces."/".events.alone]
subscribe = "a"
backfill = "b"
"#
    ));
}

#[test]
fn one_member_is_not_both_credentials_also_where_only_one_is_said() {
    for said in [
        "api_key = \"token\"",
        "token = \"apiKey\"",
        "token = \"a\"\napi_key = \"a\"",
    ] {
        let told = mistakes(&format!("[socketio.auth]\n{said}\n"));
        assert!(told.contains("cannot be a token and a key"), "{told}");
        assert!(told.ends_with("1 mistake in the configuration"), "{told}");
    }
}

#[test]
fn a_mistake_in_a_variable_of_the_section_names_it() {
    let told = mistakes_with(
        "",
        &[
            ("GATECAST__SOCKETIO__NAMESPACES__ADMIN__META", "true"),
            ("GATECAST__SOCKETIO__NAMESPACES__/__ROLES", "[\"ops\"]"),
            ("GATECAST__SOCKETIO__NAMESPACES__/__EVENTS__A__ANSWER", "b"),
            ("GATECAST__SOCKETIO__PING", "25s"),
        ],
    );
    insta::assert_snapshot!(told);
}
