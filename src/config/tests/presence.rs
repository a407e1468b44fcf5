//! `rooms.PATTERN.presence`, and what companions keep.

use std::time::Duration;

use super::mistakes;
use crate::bus::Policy;
use crate::config::load;
use crate::model::room::Room;

fn policy(toml: &str, room: &str) -> Policy {
    let settings = load(Some(toml), &[]).unwrap();
    Policy::clone(&settings.bus.policy(&Room::parse(room).unwrap()))
}

#[test]
fn a_room_is_tracked_where_that_is_said_with_a_grace_of_ten_seconds_or_its_own() {
    let seconds = |toml: &str| policy(toml, "t:1").presence.map(|grace| grace.as_secs());
    assert_eq!(seconds(""), None);
    assert_eq!(seconds("[rooms.\"t:*\"]\npresence.track = true"), Some(10));
    assert_eq!(seconds("[rooms.\"t:*\"]\npresence.track = false"), None);
    let own = "[rooms.\"t:*\"]\npresence = { track = true, grace = \"30s\" }";
    assert_eq!(seconds(own), Some(30));
}

#[test]
fn what_is_not_said_of_companions_is_theirs_and_not_that_of_any_room() {
    let history = policy("[rooms.\"_presence:*\"]\nhistory.events = 7", "_presence:a").history;
    let hour = Duration::from_secs(3600);
    assert_eq!(
        (history.events, history.bytes, history.age),
        (7, 1 << 20, hour)
    );
}

#[test]
fn what_has_no_effect_is_a_mistake() {
    let told = mistakes(
        r#"
[rooms."a"]
presence.grace = "5s"
[rooms."_b:*"]
presence.track = true
"#,
    );
    assert_eq!(told.matches("has no effect here").count(), 2, "{told}");
    assert!(told.contains("write track = true beside it"), "{told}");
}
