//! `[hooks.…]`.

use std::time::Duration;

use super::*;
use crate::hooks::{Kind, OnFailure};

const LEAST: &str =
    "url = \"https://api.example/gatecast\"\nsecret = \"correct-horse-battery-staple\"\n";

#[test]
fn a_hook_that_says_no_more_than_it_must_fails_closed_after_two_seconds() {
    let settings = load(Some(&format!("[hooks.connect]\n{LEAST}")), &[]).unwrap();
    let hook = &settings.hooks.0[&Kind::Connect];
    assert_eq!(hook.url.to_string(), "https://api.example/gatecast");
    assert_eq!(
        (hook.timeout, hook.concurrency),
        (Duration::from_secs(2), 64)
    );
    assert_eq!(hook.on_failure, OnFailure::Closed);
    assert_eq!(hook.keys.len(), 1);
    assert!(hook.headers.is_empty() && hook.only.is_empty());
}

#[test]
fn each_hook_has_its_own_keys() {
    let old = "old_secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
    let toml = format!(
        "[hooks.subscribe]\n{LEAST}{old}timeout = \"500ms\"\non_failure = \"open\"\nconcurrency = 5\nheaders = [\"X-Tenant\"]\nrooms = [\"tab:*\"]\n\
         [hooks.message]\n{LEAST}events = [\"note:*\"]\n[hooks.unsubscribe]\n{LEAST}"
    );
    let hooks = load(Some(&toml), &[]).unwrap().hooks.0;
    assert_eq!(
        hooks.keys().copied().collect::<Vec<_>>(),
        [Kind::Subscribe, Kind::Message, Kind::Unsubscribe]
    );
    let subscribe = &hooks[&Kind::Subscribe];
    assert_eq!((subscribe.keys.len(), subscribe.concurrency), (2, 5));
    assert_eq!(subscribe.timeout, Duration::from_millis(500));
    assert_eq!(subscribe.on_failure, OnFailure::Open);
    assert_eq!(subscribe.headers, ["x-tenant"]);
    assert!(subscribe.is_about("tab:7") && !subscribe.is_about("lobby"));
    let message = &hooks[&Kind::Message];
    assert!(message.is_about("note:add") && !message.is_about("checkin"));
}

#[test]
fn a_secret_may_come_from_a_file_whose_change_is_noticed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "correct-horse-battery-staple\n").unwrap();
    let path = file.path().to_str().unwrap();
    let toml = format!("[hooks.connect]\nurl = \"http://api:3000\"\nsecret_file = {path:?}\n");
    let settings = load(Some(&toml), &[]).unwrap();
    assert_eq!(settings.files, [file.path()]);
    let inline = load(Some(&format!("[hooks.connect]\n{LEAST}")), &[]).unwrap();
    let keys = |settings: &Settings| settings.hooks.0[&Kind::Connect].keys.clone();
    assert_eq!(keys(&settings), keys(&inline));
}

#[test]
fn what_a_hook_cannot_be_is_told_with_its_place_and_without_secrets() {
    let said = mistakes(
        r#"
[hooks.conect]
url = "https://api.example/"
[hooks.connect]
url = "https://ann:hunter2@api.example/"
secret = "too-short-hunter2"
rooms = ["a"]
headers = ["Authorization", "x-tenant"]
[hooks.subscribe]
secret = "correct-horse-battery-staple"
secret_file = "/does/not/exist"
timeout = "31s"
events = ["a"]
[hooks.message]
url = "ftp://api.example/"
secret = "whsec_hunter2 is not base64 at all!"
on_failure = "open"
events = ["welcome"]
[hooks.disconnect]
url = "https://api.example/#here"
old_secret = "correct-horse-battery-staple"
on_failure = "never"
concurrency = 0
"#,
    );
    assert!(
        !said.contains("hunter2") && !said.contains("horse"),
        "{said}"
    );
    insta::assert_snapshot!(said);
}
