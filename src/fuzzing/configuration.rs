//! Whole configurations: a text is settings, or mistakes that a person can find and mend.

use std::ops::RangeInclusive;

use super::json::tokens;
use crate::auth::Authority;
use crate::config::{self, Mistake, Mistakes, Place};
use crate::server::Settings;

/// A TOML document; below a line `---`, variables of the environment, one `NAME=value` a line.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if names_files(text) {
        return;
    }
    let (toml, variables) = text.split_once("\n---\n").unwrap_or((text, ""));
    let environment: Vec<(String, String)> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match config::load(Some(toml), &environment) {
        Ok(settings) => assert_holds(&settings, toml, &environment),
        Err(mistakes) => assert_tells(&mistakes, toml, &environment),
    }
}

/// Whether a key of it may be one whose file would be opened: a fuzzer must not read whatever the machine has. An
/// escaped character could hide such a key.
fn names_files(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["_file", "\\u", "\\x"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// Whoever gets these settings asks no more whether they are sensible.
fn assert_holds(settings: &Settings, toml: &str, environment: &[(String, String)]) {
    assert!(Authority::new(settings.auth.clone()).is_ok());
    assert!(!settings.listen.is_empty() && settings.connections > 0);
    assert!(settings.session.silence > settings.session.heartbeat);
    assert!(!settings.session.heartbeat.is_zero());
    let limits = settings.auth.roles.values().map(|role| role.limits);
    for limits in limits {
        assert!(limits.event <= settings.service.body);
        assert!(limits.messages.count > 0 && !limits.messages.per.is_zero());
    }
    let rooms = settings.bus.rooms.iter();
    for (_, policy) in rooms.clone() {
        assert!(policy.state.keys > 0 && policy.state.bytes > 0);
        assert!(policy.deliver.window().is_none_or(|every| !every.is_zero()));
    }
    let rooms = rooms.map(|(_, policy)| &policy.history);
    for history in rooms.chain([&settings.bus.total]) {
        assert!(history.events > 0 && history.bytes > 0 && !history.age.is_zero());
    }
    let with_comment = format!("{toml}\n# a comment");
    let again = config::load(Some(&with_comment), environment).unwrap();
    assert_eq!(format!("{again:?}"), format!("{settings:?}"));
}

fn assert_tells(mistakes: &Mistakes, toml: &str, environment: &[(String, String)]) {
    assert!(mistakes.iter().count() > 0);
    mistakes
        .iter()
        .for_each(|mistake| assert_is_found(mistake, toml, environment));
    let lines = mistakes.iter().filter_map(|mistake| match &mistake.place {
        Place::File { line, .. } => Some(*line),
        Place::Variable(_) | Place::Whole => None,
    });
    assert!(lines.is_sorted());
    let shown = mistakes.to_string();
    for secret in secrets(toml) {
        // In a variable's name it is no secret, and shown as the key that it names: in small letters.
        let secret = secret.to_ascii_lowercase();
        let names = |(name, _): &(String, String)| name.to_ascii_lowercase().contains(&secret);
        let elsewhere = environment.iter().any(names);
        assert!(
            elsewhere || !shown.to_ascii_lowercase().contains(&secret),
            "{shown}"
        );
    }
}

fn assert_is_found(mistake: &Mistake, toml: &str, environment: &[(String, String)]) {
    assert!(!mistake.problem.is_empty());
    match &mistake.place {
        Place::File { line, column, .. } => {
            let text = toml.split('\n').nth(line - 1);
            let width = text.map(|text| text.chars().count());
            let columns: Option<RangeInclusive<usize>> = width.map(|width| 1..=width + 1);
            assert!(
                columns.is_some_and(|columns| columns.contains(column)),
                "{mistake}"
            );
        }
        Place::Variable(name) => {
            assert!(environment.iter().any(|(known, _)| known == name));
        }
        Place::Whole => {}
    }
}

/// The texts below a key `secret` that begin with `s3cret-` and stand nowhere else.
fn secrets(toml: &str) -> Vec<&str> {
    let tokens = tokens(toml);
    let texts = tokens.windows(3).filter_map(|window| match window {
        ["secret", "=", text] => text.strip_prefix('"')?.strip_suffix('"'),
        _ => None,
    });
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    texts
        .filter(|text| text.starts_with("s3cret-") && text.bytes().all(plain))
        .filter(|text| toml.matches(*text).count() == 1)
        .collect()
}
