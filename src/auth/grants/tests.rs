use proptest::prelude::*;
use serde_json::json;

use super::*;

fn claims(value: Value) -> Map<String, Value> {
    let Value::Object(claims) = value else {
        panic!("{value} is no set of claims");
    };
    claims
}

fn grants(patterns: &[&str], with: Value) -> Grants {
    let patterns: Vec<String> = patterns.iter().map(|&one| one.to_owned()).collect();
    Patterns::parse(&patterns).unwrap().grants(&claims(with))
}

fn allows(pattern: &str, with: Value, room: &str) -> bool {
    grants(&[pattern], with).cover(Room::parse(room).unwrap().as_str())
}

#[test]
fn literal_text_and_a_star_for_the_rest() {
    for (pattern, room, expected) in [
        ("display", "display", true),
        ("display", "display:1", false),
        ("display", "displa", false),
        ("org:acme:*", "org:acme:unit", true),
        ("org:acme:*", "org:acme:unit:7", true),
        ("org:acme:*", "org:acme", false),
        ("org:acme:*", "org:acme2:unit", false),
        ("sensor-*", "sensor-1", true),
        ("sensor-*", "sensor-1:north", true),
        ("sensor-*", "sensor-", false),
        ("*", "anything:at:all", true),
        ("*", "users:1", true),
        ("*", "user", true),
        ("*", "user:ann", false),
        ("*", "_gateway", false),
        ("user:*", "user:ann", true),
        ("_gateway:*", "_gateway:canary", true),
    ] {
        assert_eq!(
            allows(pattern, json!({}), room),
            expected,
            "{pattern} {room}"
        );
    }
}

#[test]
fn claims_fill_placeholders_one_part_each() {
    for (pattern, with, room, expected) in [
        ("user:{sub}", json!({"sub": "ann"}), "user:ann", true),
        ("user:{sub}", json!({"sub": "ann"}), "user:anna", false),
        ("user:{sub}", json!({"sub": "a@b.c"}), "user:a~40b.c", true),
        ("user:{sub}", json!({"sub": "a:b"}), "user:a~3Ab", true),
        ("user:{sub}", json!({"sub": "a~3Ab"}), "user:a~3Ab", false),
        ("user:{sub}", json!({"sub": "a~3Ab"}), "user:a~7E3Ab", true),
        ("user:{sub}", json!({"sub": "ü"}), "user:~C3~BC", true),
        ("user:{sub}", json!({"sub": "a\n"}), "user:a~0A", true),
        ("user:{sub}", json!({"sub": "*"}), "user:ann", false),
        ("user:{sub}", json!({"sub": "*"}), "user:~2A", true),
        (
            "user:{sub}",
            json!({"sub": "{sub}"}),
            "user:~7Bsub~7D",
            true,
        ),
        ("user:{sub}", json!({"sub": "..."}), "user:...", true),
        ("n:{n}", json!({"n": 7}), "n:7", true),
        ("n:{n}", json!({"n": -7}), "n:-7", true),
        ("n:{n}", json!({"n": true}), "n:true", true),
        ("n:{n}:x", json!({"n": [1, "b", null]}), "n:1:x", true),
        ("n:{n}:x", json!({"n": [1, "b", null]}), "n:b:x", true),
        ("o:{a.b}", json!({"a": {"b": "c"}}), "o:c", true),
        ("o:{a.b}", json!({"a.b": "d", "a": {"b": "c"}}), "o:d", true),
        (
            "o:{https://x.example/o}",
            json!({"https://x.example/o": "c"}),
            "o:c",
            true,
        ),
        (
            "{org}:{team}:*",
            json!({"org": "a", "team": ["b", "c"]}),
            "a:c:1",
            true,
        ),
    ] {
        assert_eq!(
            allows(pattern, with.clone(), room),
            expected,
            "{pattern} {with} {room}"
        );
    }
}

#[test]
fn claims_that_name_no_part_grant_nothing() {
    for (pattern, with) in [
        ("user:{sub}", json!({})),
        ("user:{sub}", json!({"sub": ""})),
        ("user:{sub}", json!({"sub": "."})),
        ("user:{sub}:*", json!({"sub": ".."})),
        ("user:{sub}", json!({"sub": null})),
        ("user:{sub}", json!({"sub": {"a": 1}})),
        ("user:{sub}", json!({"sub": 1.5})),
        ("user:{sub}", json!({"sub": []})),
        ("user:{sub}", json!({"sub": [[], {}, null, "", 0.5]})),
        ("user:{sub}", json!({"sub": "x".repeat(200)})),
        ("user:{sub.x}", json!({"sub": "ann"})),
        ("{ns}:*", json!({"ns": "_gateway"})),
        ("{ns}", json!({"ns": "_"})),
        ("{ns}:*", json!({"ns": "user"})),
        ("us{ns}:*", json!({"ns": "er"})),
        ("{ns}:{sub}", json!({"ns": "user", "sub": "ann"})),
        ("{a}:{b}", json!({"a": "x"})),
    ] {
        assert!(
            grants(&[pattern], with.clone()).0.is_empty(),
            "{pattern} {with}"
        );
    }
}

#[test]
fn a_list_of_patterns_gives_at_most_sixty_four_grants_by_claims_and_all_literal_ones() {
    let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let with = json!({"a": many, "b": many});
    assert_eq!(grants(&["a:{a}"], with.clone()).0.len(), 64);
    assert_eq!(grants(&["a:{a}:{b}"], with.clone()).0.len(), 64);
    let both = grants(&["a:{a}", "b:{b}", "last"], with);
    assert_eq!(both.0.len(), 65);
    assert!(both.cover(Room::parse("a:63").unwrap().as_str()));
    assert!(!both.cover(Room::parse("a:64").unwrap().as_str()));
    assert!(both.cover(Room::parse("last").unwrap().as_str()));
}

#[test]
fn patterns_without_placeholders_are_shared_by_all_clients_of_a_role() {
    let patterns = Patterns::parse(&["a".to_owned(), "b:*".to_owned()]).unwrap();
    let (one, other) = (patterns.grants(&Map::new()), patterns.grants(&Map::new()));
    assert!(Arc::ptr_eq(&one.0, &other.0));
}

#[test]
fn default_rooms_are_filled_and_each_named_once() {
    let templates = ["display", "org:{org}", "display"].map(str::to_owned);
    let patterns = Patterns::parse(&templates).unwrap();
    let rooms = patterns.rooms(&claims(json!({"org": ["a", "b", "a", ""]})));
    let names: Vec<&str> = rooms.iter().map(Room::as_str).collect();
    assert_eq!(names, ["display", "org:a", "org:b"]);
}

#[test]
fn a_wrong_pattern_is_told_what_to_write_instead() {
    for (pattern, says) in [
        ("", "matches no room"),
        ("a b", "matches no room"),
        ("a::*", "matches no room"),
        ("a:", "matches no room"),
        ("..:*", "matches no room"),
        ("org:{org", "does not close"),
        ("org:}", "did not open"),
        ("org:{}", "names no claim"),
        ("org:{{org}}", "names no claim"),
        ("org:*:unit", "write it last"),
        ("org:**", "write it last"),
        ("user:{sub}*", "write `:*` after it"),
        ("user:{sub}-*", "write `:*` after it"),
        ("{a}{b}", "put `:` between"),
        ("{a}-{b}:*", "put `:` between"),
    ] {
        let mistake = check_pattern(pattern).unwrap_err();
        assert!(mistake.contains(says), "{pattern}: {mistake}");
    }
    assert!(
        check_room_template("org:*")
            .unwrap_err()
            .contains("name the room")
    );
    assert!(check_room_template("org:{org}").is_ok());
    let both = Patterns::parse(&["a b".to_owned(), "c".to_owned(), "{".to_owned()]);
    assert_eq!(both.unwrap_err().len(), 2);
}

/// The escape, written from the sentence of the specification and the other way round: which claim a part names.
fn unescape(part: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), part.bytes());
    while let Some(byte) = rest.next() {
        if byte == b'~' {
            let hex = [rest.next()?, rest.next()?];
            let hex = std::str::from_utf8(&hex).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

/// Claims as an attacker would choose them.
fn claim() -> impl Strategy<Value = String> {
    prop_oneof!["[a:~3A.*_{}-]{0,6}", ".{0,12}", any::<String>()]
}

/// Rooms that lie close to what those claims make.
fn room() -> impl Strategy<Value = String> {
    prop_oneof!["org(:[a~3A._-]{1,6}){1,3}", "[a-z_~:.]{1,12}"]
}

proptest! {
    #[test]
    fn nothing_crosses_a_tenant(org in claim(), room in room()) {
        let grants = grants(&["org:{org}:*"], json!({"org": org}));
        let Ok(room) = Room::parse(&room) else { return Ok(()) };
        if grants.cover(room.as_str()) {
            let parts: Vec<&str> = room.as_str().split(':').collect();
            prop_assert!(parts.len() >= 3 && parts[0] == "org", "{} by {:?}", room, org);
            prop_assert_eq!(unescape(parts[1]), Some(org.into_bytes()));
        }
    }

    #[test]
    fn each_tenant_reaches_its_own_rooms_and_no_other_tenant_does(one in claim(), other in claim()) {
        let own = grants(&["org:{org}:*"], json!({"org": one}));
        let Some(grant) = own.0.first() else { return Ok(()) };
        let room = Room::parse(&format!("{}unit:7", grant.text));
        let Ok(room) = room else { return Ok(()) };
        prop_assert!(own.cover(room.as_str()));
        let theirs = grants(&["org:{org}:*"], json!({"org": other}));
        prop_assert_eq!(theirs.cover(room.as_str()), one == other);
    }

    #[test]
    fn a_claim_opens_neither_internal_rooms_nor_those_of_users(ns in claim(), room in "(_[a-z]{0,3}|user|us)(:[a-z]{1,3}){0,2}") {
        let Ok(room) = Room::parse(&room) else { return Ok(()) };
        let grants = grants(&["{ns}", "{ns}:*", "*"], json!({"ns": ns}));
        if room.is_internal() || room.as_str().starts_with("user:") {
            prop_assert!(!grants.cover(room.as_str()), "{} by {:?}", room, ns);
        }
    }

    #[test]
    fn checking_a_pattern_never_panics_and_what_passes_can_be_filled(pattern in prop_oneof!["[a-z:{}*._~]{0,12}", any::<String>()]) {
        if check_pattern(&pattern).is_ok() {
            grants(&[&pattern], json!({"a": "x"}));
        }
    }
}
