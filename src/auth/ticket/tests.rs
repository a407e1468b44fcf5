//! The codec alone: what was not made here, or not for this, says nothing.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "a secret of the tests, 32 bytes or more";

fn press(secrets: &[&str]) -> Press {
    let secrets: Vec<_> = secrets.iter().copied().map(Secret::new).collect();
    Press::new(&secrets)
}

fn seal(press: &Press, parts: &[&[u8]]) -> Seal {
    press.seals(parts)[0]
}

fn payload(press: &Press, kind: Kind) -> Payload {
    let claims = json!({"sub": "ann", "org": ["a/b", "acme"], "exp": 4_102_444_800_u64});
    let url = Url {
        to: Bound {
            base: "https://live.example".into(),
            transport: Transport::Sse,
            rooms: vec![Room::parse("org:acme:ops").unwrap()],
        },
        role: "member".into(),
        last: UnixMillis(3_000),
    };
    Payload {
        by: seal(press, &[b"key", b"lobby"]),
        claims: claims.as_object().unwrap().clone(),
        at: UnixMillis(1_000),
        last: None,
        end: UnixMillis(2_000),
        url: (kind == Kind::Url).then_some(url),
    }
}

fn printed(press: &Press, kind: Kind) -> (Payload, Secret) {
    let payload = payload(press, kind);
    let ticket = press.print(kind, &payload).unwrap();
    (payload, ticket)
}

#[test]
fn a_ticket_says_again_what_it_was_made_of_and_is_no_token() {
    let press = press(&[SECRET]);
    for kind in [Kind::Cookie, Kind::Url] {
        let (payload, ticket) = printed(&press, kind);
        assert_eq!(press.read(kind, &ticket), Some(payload));
        assert_eq!(ticket.expose().split('.').count(), 2);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(ticket.expose().bytes().all(plain));
        assert!(!format!("{ticket:?}").contains(ticket.expose()));
    }
}

#[test]
fn a_ticket_for_one_use_is_none_for_the_other() {
    let press = press(&[SECRET]);
    let (_, cookie) = printed(&press, Kind::Cookie);
    let (_, url) = printed(&press, Kind::Url);
    assert_eq!(press.read(Kind::Url, &cookie), None);
    assert_eq!(press.read(Kind::Cookie, &url), None);
    // Nor where the payload itself says otherwise than its use.
    let odd = press
        .print(Kind::Cookie, &payload(&press, Kind::Url))
        .unwrap();
    assert_eq!(press.read(Kind::Cookie, &odd), None);
}

#[test]
fn any_byte_that_is_another_and_any_end_that_is_missing_makes_it_none() {
    let press = press(&[SECRET]);
    for kind in [Kind::Cookie, Kind::Url] {
        let (_, ticket) = printed(&press, kind);
        let ticket = ticket.expose();
        for at in 0..ticket.len() {
            for other in ["A", "B", ".", "-"] {
                let changed = [&ticket[..at], other, &ticket[at + 1..]].concat();
                if changed != ticket {
                    assert_eq!(
                        press.read(kind, &Secret::new(changed)),
                        None,
                        "{at} {other}"
                    );
                }
            }
            let shorter = Secret::new(&ticket[..at]);
            assert_eq!(press.read(kind, &shorter), None, "the first {at}");
            let later = Secret::new(&ticket[at + 1..]);
            assert_eq!(press.read(kind, &later), None, "from {at}");
        }
        for more in ["A", ".", "=", ".AAAA"] {
            let longer = Secret::new(format!("{ticket}{more}"));
            assert_eq!(press.read(kind, &longer), None, "{more}");
        }
    }
}

#[test]
fn the_first_secret_signs_and_each_of_them_verifies() {
    let (old, both) = (
        press(&[SECRET]),
        press(&["another, of 32 bytes or more....", SECRET]),
    );
    let new = press(&["another, of 32 bytes or more...."]);
    let (payload, ticket) = printed(&old, Kind::Cookie);
    assert_eq!(both.read(Kind::Cookie, &ticket), Some(payload));
    assert_eq!(new.read(Kind::Cookie, &ticket), None);
    let (payload, ticket) = printed(&both, Kind::Cookie);
    assert_eq!(new.read(Kind::Cookie, &ticket), Some(payload));
    assert_eq!(old.read(Kind::Cookie, &ticket), None);
}

#[test]
fn without_a_secret_nothing_is_made_and_nothing_is_known() {
    let (some, none) = (press(&[SECRET]), press(&[]));
    let (payload, ticket) = printed(&some, Kind::Cookie);
    assert!(none.print(Kind::Cookie, &payload).is_none());
    assert_eq!(none.read(Kind::Cookie, &ticket), None);
    assert_eq!(none.seals(&[]), []);
}

#[test]
fn a_seal_is_of_its_parts_in_their_order_and_of_its_secret() {
    let (one, other) = (
        press(&[SECRET]),
        press(&["another, of 32 bytes or more...."]),
    );
    let all = [
        seal(&one, &[b"key", b"ab", b"c"]),
        seal(&one, &[b"key", b"a", b"bc"]),
        seal(&one, &[b"key", b"abc"]),
        seal(&one, &[b"key", b"c", b"ab"]),
        seal(&other, &[b"key", b"ab", b"c"]),
    ];
    let distinct: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(all[0], seal(&one, &[b"key", b"ab", b"c"]));
}

#[test]
fn the_mac_is_that_of_the_standard() {
    // python3 -c 'import hmac,base64; print(base64.urlsafe_b64encode(hmac.digest(b"a secret of the tests, 32 bytes or more",
    //   b"gatecast ticket cookie\0e30", "sha256")))'
    let message = signed(Kind::Cookie, "e30");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&key, &message));
    assert_eq!(mac, MAC_OF_AN_EMPTY_OBJECT);
}

const MAC_OF_AN_EMPTY_OBJECT: &str = "n5FlIaVz0OljjGj_wcFdLPc_ssrmdjEU6bounLUxBfQ";

proptest! {
    #[test]
    fn whatever_else_is_shown_says_nothing(text in "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,80}){0,3}") {
        let press = press(&[SECRET]);
        prop_assert_eq!(press.read(Kind::Cookie, &Secret::new(&*text)), None);
        prop_assert_eq!(press.read(Kind::Url, &Secret::new(text)), None);
    }

    #[test]
    fn claims_come_back_as_they_were(sub in ".{1,40}", number in any::<i64>(), list in prop::collection::vec(".{0,8}", 0..5)) {
        let press = press(&[SECRET]);
        let mut payload = payload(&press, Kind::Cookie);
        let claims = json!({"sub": sub, "n": number, "deep": {"list": list}});
        payload.claims = claims.as_object().unwrap().clone();
        let ticket = press.print(Kind::Cookie, &payload).unwrap();
        prop_assert_eq!(press.read(Kind::Cookie, &ticket), Some(payload));
    }
}
