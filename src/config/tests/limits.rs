//! Limits by name: the gateway's, and a role's over them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::mistakes;
use crate::config::load;
use crate::model::limits::{Events, Rate};

fn a_minute(counts: &[(&str, u32)]) -> Events {
    let per = Duration::from_secs(60);
    let rates = counts.iter();
    rates
        .map(|(name, count)| ((*name).to_owned(), Rate { count: *count, per }))
        .collect()
}

#[test]
fn a_role_keeps_the_gateways_rates_of_the_names_that_it_leaves_out() {
    let toml = r#"
        [limits]
        events = { subscribe = "1/min", "a.b:c/d" = "2/min" }
        [roles.one]
        [roles.two.limits.events]
        "a.b:c/d" = "3/min"
        scan = "4/min"
    "#;
    let roles = load(Some(toml), &[]).unwrap().auth.roles;
    let events: BTreeMap<_, _> = roles
        .into_iter()
        .map(|(name, role)| (name, role.events))
        .collect();
    let (one, two) = (&events["one"], &events["two"]);
    assert_eq!(*one, a_minute(&[("subscribe", 1), ("a.b:c/d", 2)]));
    assert_eq!(
        *two,
        a_minute(&[("subscribe", 1), ("a.b:c/d", 3), ("scan", 4)])
    );
}

#[test]
fn a_variable_of_the_environment_sets_one_too() {
    let variable = (
        "GATECAST__LIMITS__EVENTS__SCAN".to_owned(),
        "5/min".to_owned(),
    );
    let roles = load(Some("[roles.one]"), &[variable]).unwrap().auth.roles;
    assert_eq!(roles["one"].events, a_minute(&[("scan", 5)]));
}

#[test]
fn a_name_that_no_client_can_send_is_a_mistake_wherever_it_stands() {
    for place in ["limits.events", "roles.one.limits.events"] {
        let told = mistakes(&format!("[{place}]\nwelcome = \"1/s\"\n"));
        assert!(
            told.contains("\"welcome\" is no name of an event"),
            "{told}"
        );
        let told = mistakes(&format!("[{place}]\nscan = \"often\"\n"));
        assert!(told.contains(&format!("{place}.scan")), "{told}");
    }
}
