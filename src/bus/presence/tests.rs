//! The registry: its grace, its pages, its bounds.

mod naive;

use std::sync::Arc;
use std::time::Duration;

use super::registry::{AWAY, AWAY_IN_ALL, AWAY_OF_ONE, At, Registry, STEP};
use crate::bus::reader::Credit;
use crate::bus::{History, Policy, Settings};
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};

const ALL: Credit = Credit {
    events: usize::MAX,
    bytes: usize::MAX,
};
const GRACE: u64 = 2000;

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn key(name: &str) -> Principal {
    Principal::ApiKey(name.into())
}

fn token(issuer: &str, subject: &str) -> Principal {
    Principal::Subject {
        issuer: issuer.into(),
        subject: subject.into(),
    }
}

fn at(millis: u64) -> At {
    At {
        moment: Moment::from_origin(Duration::from_millis(millis)),
        unix: UnixMillis(millis),
    }
}

/// Rooms `t:…` are tracked, `z` is without a grace, and `s` is only if it is `said` so.
fn settings(said: bool) -> Settings {
    let tracked = |pattern: &str, grace: Option<u64>| {
        let policy = Policy {
            presence: grace.map(Duration::from_millis),
            ..Policy::of_history(History::ROOM)
        };
        (pattern.to_owned(), Arc::new(policy))
    };
    Settings {
        rooms: vec![
            tracked("t:*", Some(GRACE)),
            tracked("z", Some(0)),
            tracked("s", said.then_some(GRACE)),
        ],
        ..Settings::default()
    }
}

/// Three of them show the same name.
fn people() -> [Principal; 5] {
    [
        key("ann"),
        token("", "ann"),
        token("https://id.example", "ann"),
        Principal::Anonymous,
        key("zoe"),
    ]
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.configure(settings(true));
    registry
}

#[test]
fn whoever_is_back_within_the_grace_has_never_been_away() {
    let (mut registry, ann, t) = (registry(), key("ann"), room("t:0"));
    let life = registry.arrive(&t, &ann, at(1)).unwrap();
    registry.depart(&t, life, &ann, at(10));
    let back = registry.arrive(&t, &ann, at(9 + GRACE)).unwrap();
    assert_eq!(registry.take_news().len(), 1);
    registry.depart(&t, back, &ann, at(10 + GRACE));
    registry.expire(at(9 + 2 * GRACE).moment);
    assert_eq!(registry.take_news(), []);
    registry.expire(at(10 + 2 * GRACE).moment);
    let news = registry.take_news();
    assert_eq!(news[0].name.as_str(), "presence:leave");
    assert!(registry.is_empty());
}

#[test]
fn whoever_comes_back_at_the_end_of_the_grace_has_left_and_joins_again() {
    let (mut registry, ann, t) = (registry(), key("ann"), room("t:0"));
    let life = registry.arrive(&t, &ann, at(1)).unwrap();
    registry.depart(&t, life, &ann, at(10));
    registry.arrive(&t, &ann, at(10 + GRACE));
    let told: Vec<_> = registry
        .take_news()
        .into_iter()
        .map(|one| one.name)
        .collect();
    let told: Vec<_> = told.iter().map(|name| name.as_str()).collect();
    assert_eq!(told, ["presence:join", "presence:leave", "presence:join"]);
}

#[test]
fn a_herd_that_is_due_is_not_there_any_more_and_leaves_step_by_step_whoever_looks_or_comes_back() {
    let (mut registry, t) = (registry(), room("t:0"));
    for n in 0..1000 {
        let who = key(&format!("{n:03}"));
        let life = registry.arrive(&t, &who, at(1)).unwrap();
        registry.depart(&t, life, &who, at(1));
    }
    registry.arrive(&t, &key("zoe"), at(1)).unwrap();
    registry.take_news();
    let now = at(1 + GRACE);
    let page = registry.page(&t, None, ALL, now.moment).unwrap();
    let names: Vec<_> = page.members.iter().map(|one| &*one.who.principal).collect();
    assert_eq!((page.count, page.more, names), (1, false, vec!["zoe"]));
    assert_eq!(registry.take_news().len(), STEP);
    // It comes before many who left before it; they are still told of.
    registry.arrive(&t, &key("999"), now).unwrap();
    let news = registry.take_news();
    let told: Vec<_> = news.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(told, ["presence:leave", "presence:join"]);
    let mut left = 0;
    while registry.expire(now.moment) {
        let told = registry.take_news().len();
        assert!(told <= STEP);
        left += told;
    }
    left += registry.take_news().len();
    assert_eq!(left, 1000 - STEP - 1);
    assert_eq!(registry.members(), 2);
}

#[test]
fn all_of_one_name_are_on_one_page_and_the_pages_give_everybody_once() {
    let (mut registry, t) = (registry(), room("t:0"));
    for who in people().iter().chain(&[key("bob"), token("", "bob")]) {
        registry.arrive(&t, who, at(1));
    }
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    for most in [1, 1, 2, 9] {
        let credit = Credit {
            events: most,
            ..ALL
        };
        let page = registry.page(&t, after.as_deref(), credit, at(2).moment);
        let page = page.unwrap();
        assert_eq!(page.count, 7);
        seen.extend(page.members.iter().map(|one| one.who.to_data()));
        after = page.members.last().map(|one| one.who.principal.clone());
        assert_eq!(page.more, seen.len() < 7, "{seen:?}");
    }
    let whole = registry.page(&t, None, ALL, at(2).moment).unwrap();
    let all: Vec<_> = whole.members.iter().map(|one| one.who.to_data()).collect();
    assert_eq!(seen, all);
}

#[test]
fn a_page_ends_where_its_bytes_do_and_gives_one_whatever_its_size() {
    let (mut registry, t) = (registry(), room("t:0"));
    for n in 0..3 {
        registry.arrive(&t, &key(&format!("{n}{}", "x".repeat(500))), at(1));
    }
    let credit = Credit { bytes: 100, ..ALL };
    let page = registry.page(&t, None, credit, at(1).moment).unwrap();
    assert_eq!((page.members.len(), page.more), (1, true));
}

#[test]
fn beyond_the_bound_of_a_room_who_was_away_for_longest_has_left() {
    let (mut registry, t) = (registry(), room("t:0"));
    let last = AWAY as u64 + 2;
    for n in 0..=last {
        let who = key(&n.to_string());
        let life = registry.arrive(&t, &who, at(1)).unwrap();
        registry.depart(&t, life, &who, at(1 + n % 7));
    }
    let left: Vec<_> = registry
        .take_news()
        .into_iter()
        .filter(|one| one.name.as_str() == "presence:leave")
        .collect();
    assert_eq!(left.len(), 3);
    let page = registry.page(&t, None, ALL, at(9).moment).unwrap();
    assert_eq!(page.count, AWAY);
    // At one moment they leave in the order of their names.
    let first = left[0].data.as_str();
    assert_eq!(first, r#"{"principal":"0","kind":"api_key"}"#);
}

#[test]
fn beyond_the_bound_of_all_rooms_the_next_to_leave_has_left() {
    let mut registry = registry();
    let rooms = AWAY_IN_ALL / AWAY + 1;
    for n in 0..=AWAY_IN_ALL {
        let (who, t) = (key(&n.to_string()), room(&format!("t:{}", n % rooms)));
        let life = registry.arrive(&t, &who, at(n as u64 / 1000)).unwrap();
        registry.depart(&t, life, &who, at(n as u64 / 1000));
    }
    assert_eq!(registry.members(), AWAY_IN_ALL);
}

#[test]
fn one_that_goes_through_rooms_beyond_its_own_bound_has_no_grace_there_and_takes_nobody_elses() {
    let (mut registry, eve, zoe) = (registry(), key("eve"), key("zoe"));
    let go = |registry: &mut Registry, name: &str, who: &Principal| {
        let life = registry.arrive(&room(name), who, at(1)).unwrap();
        registry.depart(&room(name), life, who, at(1));
        let news = registry.take_news();
        news.iter().any(|one| one.name.as_str() == "presence:leave")
    };
    assert!(!go(&mut registry, "t:zoe", &zoe));
    let most = AWAY_OF_ONE;
    let has_left: Vec<_> = (0..most + 1000)
        .map(|n| go(&mut registry, &format!("t:{n}"), &eve))
        .collect();
    assert!(has_left[..most].iter().all(|has_left| !has_left));
    assert!(has_left[most..].iter().all(|has_left| *has_left));
    assert_eq!(registry.members(), most + 1);
    // Who is back in one of them may be away from another.
    registry.arrive(&room("t:0"), &eve, at(2)).unwrap();
    assert!(!go(&mut registry, "t:more", &eve));
    assert!(go(&mut registry, "t:beyond", &eve));
    assert!(!go(&mut registry, "t:zoe", &zoe));
}

#[test]
fn who_came_before_a_reload_that_forgot_them_takes_nobody_with_them() {
    let (mut registry, ann, s) = (registry(), key("ann"), room("s"));
    let before = registry.arrive(&s, &ann, at(1)).unwrap();
    registry.configure(settings(false));
    assert!(registry.arrive(&s, &ann, at(2)).is_none());
    registry.configure(settings(true));
    registry.arrive(&s, &ann, at(3)).unwrap();
    registry.depart(&s, before, &ann, at(4));
    let page = registry.page(&s, None, ALL, at(4 + GRACE).moment).unwrap();
    assert_eq!((page.count, page.members[0].streams), (1, 1));
}
