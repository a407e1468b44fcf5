mod added;
mod sets;

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::auth::jwt::{self, Algorithm, Key};
use crate::model::limits::{Events, Limits};
use crate::model::room::Room;
use crate::model::transport::Transport;

const SECRET: &str = "a secret of the tests, 32 bytes or more";
pub(super) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn role(subscribe: &[&str], rooms: &[&str]) -> roles::Settings {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    roles::Settings {
        transports: vec![Transport::Sse, Transport::LongPoll],
        rooms: owned(rooms),
        subscribe: owned(subscribe),
        publish: owned(&["out:{sub}"]),
        presence: owned(&["display", "org:{org}:*"]),
        emit: Vec::new(),
        sender: false,
        admin: false,
        service: false,
        limits: Limits::DEFAULT,
        events: Events::new(),
    }
}

fn key(name: &str, text: &str, role: &str) -> api_key::Settings {
    api_key::Settings {
        name: name.to_owned(),
        sha256: vec![sha256(text)],
        role: role.to_owned(),
    }
}

pub(super) fn issuer() -> jwt::Settings {
    jwt::Settings {
        kid: None,
        algorithm: Algorithm::HS256,
        key: Key::Secret(Secret::new(SECRET)),
        audience: None,
        issuer: None,
        leeway: Duration::ZERO,
        max_age: None,
        role_claim: "role".to_owned(),
    }
}

pub(super) fn settings() -> Settings {
    let viewer = role(
        &["display", "org:{org}:*", "key:{key}"],
        &["display", "org:{org}:news"],
    );
    let admin = roles::Settings {
        admin: true,
        ..role(&["*"], &[])
    };
    Settings {
        anonymous: Some("viewer".to_owned()),
        query: Some("access_token".to_owned()),
        jwt: vec![issuer()],
        api_keys: vec![
            key("lobby", "gk_lobby", "viewer"),
            key("ops", "gk_ops", "admin"),
        ],
        roles: BTreeMap::from([("viewer".to_owned(), viewer), ("admin".to_owned(), admin)]),
        ..Settings::default()
    }
}

pub(super) fn token(claims: &Value) -> Credential {
    let token = jwt::sign(Algorithm::HS256, &Secret::new(SECRET), None, claims).unwrap();
    Credential::from_token(&token).unwrap()
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn mistakes(change: impl FnOnce(&mut Settings)) -> Vec<String> {
    let mut settings = settings();
    change(&mut settings);
    Authority::new(settings).unwrap_err()
}

#[test]
fn a_token_gives_the_rights_of_its_role_filled_with_its_claims() {
    let authority = Authority::new(settings()).unwrap();
    let claims = json!({"sub": "ann", "role": "viewer", "org": "acme", "exp": 1_800_000_060});
    let access = authority.identify(&token(&claims), NOW).unwrap();
    assert_eq!(access.principal.name(), "ann");
    assert_eq!(access.role.name, "viewer");
    assert_eq!(access.expires_at, Some(UnixMillis(1_800_000_060_000)));
    assert_eq!(access.rooms[..], [room("display"), room("org:acme:news")]);
    assert!(access.may_subscribe(&room("org:acme:unit:7")));
    assert!(!access.may_subscribe(&room("org:other:unit:7")));
    assert!(!access.may_subscribe(&room("out:ann")));
    assert!(access.may_publish(&room("out:ann")));
    assert!(!access.may_publish(&room("display")));
    assert!(access.may_use(Transport::Sse));
    assert!(!access.may_use(Transport::WebSocket));
    assert!(!access.is_admin());
}

#[test]
fn a_key_gives_the_same_rights_to_all_who_hold_it_and_they_never_end() {
    let authority = Authority::new(settings()).unwrap();
    let credential = Credential::from_token("gk_lobby").unwrap();
    let access = authority.identify(&credential, NOW).unwrap();
    assert_eq!(access.principal, Principal::ApiKey("lobby".into()));
    assert_eq!(access.expires_at, None);
    assert_eq!(access.rooms[..], [room("display")]);
    assert!(access.may_subscribe(&room("key:lobby")));
    assert!(access.may_publish(&room("out:lobby")));
    let again = authority.identify(&credential, NOW).unwrap();
    assert!(Arc::ptr_eq(&access, &again));
    let ops = Credential::from_token("gk_ops").unwrap();
    assert!(authority.identify(&ops, NOW).unwrap().is_admin());
}

#[test]
fn a_key_and_the_one_that_it_replaces_are_the_same_principal() {
    let mut all = settings();
    all.api_keys[0].sha256.push(sha256("gk_lobby_old"));
    let authority = Authority::new(all).unwrap();
    let known = |text: &str| authority.identify(&Credential::from_token(text).unwrap(), NOW);
    let (new, old) = (known("gk_lobby").unwrap(), known("gk_lobby_old").unwrap());
    assert_eq!(new.principal, old.principal);
    assert_eq!((&new.role.name, &new.rooms), (&old.role.name, &old.rooms));
    // Once it is replaced, whoever came with the old one is known no more.
    let after = Authority::new(settings()).unwrap();
    assert!(after.judge_anew(&new, NOW).is_ok());
    assert_eq!(
        after.judge_anew(&old, NOW).unwrap_err().code,
        Code::Unauthorized
    );
    let many = |hashes: &[&str]| {
        mistakes(|all| all.api_keys[0].sha256 = hashes.iter().map(|text| sha256(text)).collect())
    };
    for hashes in [&[][..], &["a", "b", "c"]] {
        let found = many(hashes);
        assert!(
            matches!(&*found, [one] if one.contains("write one, or two")),
            "{found:?}"
        );
    }
}

#[test]
fn a_client_without_credential_gets_the_anonymous_role_without_claims_or_nothing() {
    let authority = Authority::new(settings()).unwrap();
    let access = authority.anonymous().unwrap();
    assert_eq!(access.principal, Principal::Anonymous);
    assert_eq!(access.rooms[..], [room("display")]);
    assert!(!access.may_publish(&room("out:anonymous")));
    let closed = Authority::new(Settings::default()).unwrap();
    assert!(closed.anonymous().is_none());
    assert!(!closed.has_credentials());
    assert_eq!(closed.places(false).query, None);
    assert!(authority.has_credentials());
    assert_eq!(authority.places(false).query, Some("access_token"));
}

#[test]
fn a_credential_that_is_not_good_is_refused_and_not_repeated() {
    let authority = Authority::new(settings()).unwrap();
    let expired = json!({"sub": "ann", "role": "viewer", "exp": 1_800_000_000});
    let no_role = json!({"sub": "ann", "exp": 1_800_000_060});
    let unknown_role = json!({"sub": "ann", "role": "root", "exp": 1_800_000_060});
    let tables = [
        (
            Credential::from_token("gk_other").unwrap(),
            Code::Unauthorized,
        ),
        (
            Credential::from_token("not.a.token").unwrap(),
            Code::Unauthorized,
        ),
        (token(&expired), Code::Unauthorized),
        (token(&no_role), Code::Forbidden),
        (token(&unknown_role), Code::Forbidden),
    ];
    for (credential, code) in tables {
        let refusal = authority.identify(&credential, NOW).unwrap_err();
        assert_eq!(refusal.code, code);
        let (Credential::Token(secret)
        | Credential::ApiKey(secret)
        | Credential::Ticket(_, secret)) = &credential;
        assert!(!format!("{refusal:?}").contains(secret.expose()));
    }
    // A key is not tried as a token, nor a token as a key.
    let Credential::Token(good) =
        token(&json!({"sub": "a", "role": "viewer", "exp": 1_900_000_000}))
    else {
        panic!("three dotted parts are a token");
    };
    assert!(
        authority
            .identify(&Credential::Token(good.clone()), NOW)
            .is_ok()
    );
    assert!(authority.identify(&Credential::ApiKey(good), NOW).is_err());
    let key = Credential::Token(Secret::new("gk_lobby"));
    assert!(authority.identify(&key, NOW).is_err());
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_to_write() {
    for (found, says) in [
        (
            mistakes(|all| all.anonymous = Some("guest".to_owned())),
            "auth.anonymous: no role is named `guest`; write one of `admin`, `viewer`",
        ),
        (
            mistakes(|all| all.api_keys[1].role = "root".to_owned()),
            "auth.api_key[1].role: no role is named `root`",
        ),
        (
            mistakes(|all| all.api_keys[1].name = "lobby".to_owned()),
            "auth.api_key[1].name: `lobby` names another key",
        ),
        (
            mistakes(|all| all.api_keys[1].name = String::new()),
            "auth.api_key[1].name: empty",
        ),
        (
            mistakes(|all| all.api_keys[1].sha256 = vec![sha256("gk_lobby")]),
            "auth.api_key[1].sha256: another entry",
        ),
        (
            mistakes(|all| all.jwt[0].leeway = Duration::from_secs(3600)),
            "auth.jwt[0].leeway",
        ),
        (
            mistakes(|all| all.jwt.push(issuer())),
            "auth.jwt[1]: another entry",
        ),
    ] {
        assert!(
            matches!(&*found, [one] if one.starts_with(says)),
            "{says}: {found:?}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once_and_a_broken_role_is_not_called_unknown() {
    let found = mistakes(|all| {
        all.roles
            .insert("viewer".to_owned(), role(&["a b", "{x}*"], &["org:*"]));
        all.jwt[0].key = Key::Secret(Secret::new("short"));
        all.anonymous = Some("guest".to_owned());
    });
    let places = [
        "roles.viewer.rooms: ",
        "roles.viewer.subscribe: ",
        "roles.viewer.subscribe: ",
        "auth.anonymous: ",
        "auth.jwt[0]: ",
    ];
    assert_eq!(found.len(), places.len(), "{found:?}");
    for (mistake, place) in found.iter().zip(places) {
        assert!(mistake.starts_with(place), "{mistake}");
    }
}

#[test]
fn debug_shows_neither_keys_nor_their_hashes() {
    let shown = format!("{:?}", Authority::new(settings()).unwrap());
    assert_eq!(shown, "Authority { keys: 2, anonymous: true, .. }");
}

#[test]
fn a_companion_is_open_to_who_may_see_its_room_and_to_no_other_grant() {
    let mut all = settings();
    let nosy = roles::Settings {
        subscribe: vec!["*".into(), "_presence:*".into(), "_*".into()],
        publish: vec!["*".into(), "_presence:*".into(), "_presence:display".into()],
        presence: vec!["display".into()],
        ..role(&[], &[])
    };
    all.roles.insert("nosy".to_owned(), nosy);
    all.api_keys.push(key("nosy", "gk_nosy", "nosy"));
    let authority = Authority::new(all).unwrap();
    let access = authority
        .identify(&Credential::from_token("gk_nosy").unwrap(), NOW)
        .unwrap();
    for (name, subscribe, see) in [
        ("display", true, true),
        ("_presence:display", true, false),
        ("lobby", true, false),
        ("_presence:lobby", false, false),
        ("_presence:_presence:display", false, false),
        ("_canary", true, false),
    ] {
        let room = room(name);
        assert_eq!(access.may_subscribe(&room), subscribe, "{name}");
        assert_eq!(access.may_see(&room), see, "{name}");
        assert!(!name.starts_with("_presence:") || !access.may_publish(&room));
    }
    assert_eq!(access.sees(), ["display"]);
}

#[test]
fn the_rights_that_a_stream_holds_are_small() {
    // With its two counts 160, which is what the allocator takes.
    assert!(size_of::<Access>() <= 144, "{}", size_of::<Access>());
}

#[test]
fn whoever_is_judged_anew_has_what_the_present_configuration_gives() {
    let authority = |text: &str, anonymous: bool, secret: &str, room: &str| {
        let jwt = jwt::Settings {
            key: Key::Secret(Secret::new(secret)),
            ..issuer()
        };
        Authority::new(Settings {
            anonymous: anonymous.then(|| "viewer".to_owned()),
            jwt: vec![jwt],
            api_keys: vec![key("tv", text, "viewer")],
            roles: [("viewer".to_owned(), role(&[room], &[]))].into(),
            ..Settings::default()
        })
        .unwrap()
    };
    let before = authority("one", true, SECRET, "a");
    let claims = json!({"sub": "ann", "role": "viewer", "exp": NOW.0 / 1000 + 60});
    let token = jwt::sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap();
    let known = |credential| before.identify(&credential, NOW).unwrap();
    let held = [
        known(Credential::ApiKey(Secret::new("one"))),
        known(Credential::Token(Secret::new(token))),
        before.anonymous().unwrap(),
    ];
    let room = |name: &str| Room::parse(name).unwrap();

    let same = authority("one", true, SECRET, "b");
    for access in &held {
        let access = same.judge_anew(access, NOW).unwrap();
        assert!(access.may_subscribe(&room("b")) && !access.may_subscribe(&room("a")));
    }
    let rotated = authority("two", false, "another secret, of 32 bytes or more", "a");
    for access in &held {
        let refusal = rotated.judge_anew(access, NOW).unwrap_err();
        assert_eq!(refusal.code, Code::Unauthorized, "{access:?}");
    }
}
