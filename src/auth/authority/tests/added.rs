//! What a backend adds to a credential.

use super::*;
use crate::auth::ticket::{self, Bound, Kind};
use crate::auth::{Added, emits};
use crate::model::event::EventName;

fn added(claims: Value, rooms: &[&str]) -> Arc<Added> {
    let Value::Object(claims) = claims else {
        panic!("{claims} is no set of claims")
    };
    Arc::new(Added {
        claims,
        rooms: rooms.iter().map(|name| room(name)).collect(),
    })
}

fn event(name: &str) -> EventName {
    EventName::parse(name).unwrap()
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

/// An authority whose one role reads `tab:{tab}` and `org:{org}`.
fn authority() -> Authority {
    let role = roles::Settings {
        emit: vec!["order".to_owned()],
        ..role(&["tab:{tab}", "org:{org}"], &["org:{org}"])
    };
    let order = emits::Settings {
        room: Some("kitchen:{tab}".to_owned()),
        event: None,
    };
    Authority::new(Settings {
        emit: [("order".to_owned(), order)].into(),
        tickets: ticket::Settings {
            secrets: vec![Secret::new("a secret for tickets, 32 bytes or so")],
            ..ticket::Settings::default()
        },
        jwt: vec![issuer()],
        api_keys: vec![key("tv", "one", "viewer")],
        roles: [("viewer".to_owned(), role)].into(),
        ..Settings::default()
    })
    .unwrap()
}

fn ann(authority: &Authority) -> Arc<Access> {
    authority.identify(&token(), NOW).unwrap()
}

fn token() -> Credential {
    let claims = json!({"sub": "ann", "role": "viewer", "org": "acme", "exp": NOW.0 / 1000 + 60});
    let token = jwt::sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap();
    Credential::Token(Secret::new(token))
}

#[test]
fn grants_and_rooms_are_made_of_the_claims_that_are_added_as_of_its_own() {
    let access = ann(&authority());
    assert!(!access.may_subscribe(&room("tab:7")));
    let more = access.with(added(json!({"tab": 7}), &[]));
    assert!(more.may_subscribe(&room("tab:7")) && more.may_subscribe(&room("org:acme")));
    assert_eq!(more.rooms[..], [room("org:acme")]);
    let other = more.with(added(json!({"org": "other"}), &[]));
    assert!(!other.may_subscribe(&room("tab:7")), "instead of it");
    assert_eq!(other.rooms[..], [room("org:other")]);
    assert_eq!(other.claims()["org"], "other");
    assert_eq!(access.claims()["org"], "acme");
}

#[test]
fn a_room_that_is_added_can_be_read_until_it_is_taken_back() {
    let access = ann(&authority()).with(added(json!({}), &["secret"]));
    assert!(access.may_subscribe(&room("secret")) && !access.may_publish(&room("secret")));
    assert_eq!(access.invited(), [room("secret")]);
    let more = access.with(added(json!({}), &["secret", "more"]));
    let less = more.without_room(&room("secret"));
    assert!(!less.may_subscribe(&room("secret")) && less.may_subscribe(&room("more")));
    assert!(less.may_subscribe(&room("org:acme")));
}

#[test]
fn what_was_added_is_kept_when_everybody_is_judged_anew() {
    let access = ann(&authority()).with(added(json!({"tab": 7}), &["secret"]));
    let other = authority();
    assert!(!other.made(&access));
    let anew = other.judge_anew(&access, NOW).unwrap();
    assert!(other.made(&anew));
    assert!(anew.may_subscribe(&room("tab:7")) && anew.may_subscribe(&room("secret")));
}

#[test]
fn claims_are_those_of_whatever_credential_it_is() {
    let authority = authority();
    let tv = Credential::ApiKey(Secret::new("one"));
    let tv = authority.identify(&tv, NOW).unwrap();
    assert_eq!(Value::from(tv.claims()), json!({"key": "tv", "sub": "tv"}));
    assert_eq!(ann(&authority).claims()["sub"], "ann");
}

#[test]
fn where_an_emit_goes_is_made_of_the_claims_that_are_added_too() {
    let access = ann(&authority());
    let to = |access: &Access| match access.target(&event("order")) {
        Some(emits::Target::Rooms(rooms, _)) => rooms.to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(to(&access), []);
    let more = access.with(added(json!({"tab": [7, 8]}), &[]));
    assert_eq!(to(&more), [room("kitchen:7"), room("kitchen:8")]);
    assert!(access.target(&event("other")).is_none());
}

#[test]
fn a_cookie_keeps_the_claims_that_emits_are_made_of() {
    let authority = authority();
    let claims =
        json!({"sub": "ann", "role": "viewer", "tab": 7, "x": 1, "exp": NOW.0 / 1000 + 60});
    let token = jwt::sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap();
    let token = Credential::Token(Secret::new(token));
    let cookie = authority.session(&token, None, NOW).unwrap().ticket;
    let access = authority
        .identify(&Credential::Ticket(Kind::Cookie, cookie), NOW)
        .unwrap();
    let Some(emits::Target::Rooms(rooms, _)) = access.target(&event("order")) else {
        panic!("it is mapped")
    };
    assert_eq!(rooms, [room("kitchen:7")]);
    let claims = access.claims();
    assert_eq!(
        (claims.get("tab"), claims.get("x")),
        (Some(&7.into()), None)
    );
}

#[test]
fn a_signed_url_emits_nothing_and_gets_rooms_that_are_added_but_no_claims() {
    let authority = authority();
    let to = Bound {
        base: "https://a.example".to_owned(),
        transport: Transport::Sse,
        rooms: vec![room("org:acme")],
    };
    let url = authority
        .signed_url(&token(), to, None, NOW)
        .unwrap()
        .ticket;
    let access = authority
        .identify(&Credential::Ticket(Kind::Url, url), NOW)
        .unwrap();
    assert!(!access.may_emit(&event("order")));
    let more = access.with(added(json!({"tab": 7}), &["secret"]));
    assert!(more.may_subscribe(&room("secret")) && more.may_subscribe(&room("org:acme")));
    assert!(!more.may_subscribe(&room("tab:7")));
    let less = more.without_room(&room("secret"));
    assert!(!less.may_subscribe(&room("secret")) && less.may_subscribe(&room("org:acme")));
}
