//! The commands from outside: what they print, where, and how they end.

#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
mod allocator;
mod bench;
mod edge;
mod pages;
mod publish;
mod reload;
mod running;
mod serve;
mod site;
mod successor;
mod tail;
mod tickets;

use std::io::Read as _;
use std::process::{Command, Output, Stdio};

use gatecast::auth::Authority;
use gatecast::auth::credentials::Credential;
use gatecast::config;
use gatecast::lifecycle::clock::Clock;

use crate::support::secrets;

const SECRET: &str = "correct-horse-battery-staple-0123456789";

/// `gatecast`, away from whatever configures the machine of the test.
fn gatecast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatecast"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GATECAST")) {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    ended(gatecast(arguments).output().unwrap())
}

fn ended(output: Output) -> (i32, String, String) {
    secrets::WATCH.search("standard error", &output.stderr);
    secrets::nothing_was_shown();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A file that holds `toml`, as long as the directory lives.
fn file(toml: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatecast.toml");
    std::fs::write(&path, toml).unwrap();
    secrets::watch(toml);
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

fn site() -> String {
    format!(
        "listen = \"127.0.0.1:0\"\n[roles.viewer]\nsubscribe = [\"org:{{org}}:*\"]\n\
         [[auth.jwt]]\nalgorithm = \"HS256\"\nkid = \"a\"\nsecret = \"{SECRET}\"\nrole_claim = \"gate\"\naudience = \"gatecast\"\n"
    )
}

#[test]
fn each_command_prints_help_with_an_example() {
    for command in pages::commands() {
        let (code, out, _) = run(&[&command, "--help"]);
        assert_eq!(code, 0, "{command}");
        let example = format!("Example:\n  gatecast {command}");
        assert!(out.contains(&example), "{out}");
        assert!(!out.contains("[env: GATECAST_KEY="), "{out}");
    }
    let (code, out, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("Example:\n  gatecast serve"), "{out}");
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_was_wrong_on_standard_error() {
    for (arguments, says) in [
        (&["serv"][..], "serve"),
        (&[], "Usage"),
        (&["serve", "--confg", "x"], "--config"),
        (&["key", "lobby-tv"], "--role"),
        (&["key", "lobby tv", "--role", "display"], "is no name"),
        (&["publish"], "<ROOM[,ROOM]>"),
        (&["publish", "units,,alerts", "1"], "1 to 200 bytes"),
        (
            &["publish", "units", "1", "--event", "welcome"],
            "'welcome'",
        ),
        (&["publish", "units", "hello"], "--text"),
        (
            &["publish", "units", "1", "--key", "a", "--token", "b"],
            "not several",
        ),
        (
            &["publish", "units", "1", "--url", "ws://gate.example"],
            "http:// instead of ws://",
        ),
        (&["tail", "units", "--transport", "pigeon"], "long-poll"),
        (
            &["tail", "units", "--since", "earliest", "--rewind", "5"],
            "--rewind",
        ),
        (
            &["tail", "units", "--url", "gate.example"],
            "starts with https:// or http://",
        ),
        (
            &[
                "token",
                "--sub",
                "ann",
                "--role",
                "viewer",
                "--expires",
                "1",
            ],
            "has no unit",
        ),
        (
            &[
                "token", "--sub", "ann", "--role", "viewer", "--claim", "org",
            ],
            "NAME=VALUE",
        ),
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
}

#[test]
fn check_config_says_ok_and_what_would_run() {
    let (_directory, path) = file(&site());
    let (code, out, err) = run(&["check-config", "--config", &path]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "ok\nlisten:    http://127.0.0.1:0\nroles:     viewer\napi keys:  0\nissuers:   HS256\nanonymous: refused\n"
    );
}

#[test]
fn check_config_tells_every_mistake_of_file_and_environment_and_ends_with_1() {
    let (_directory, path) = file(&format!(
        "{}\n[limits]\nconections = 5\nevent = \"64\"\nbody = true\n",
        site()
    ));
    let output = gatecast(&["check-config", "--config", &path])
        .env("GATECAST__SERVER__DRAIN", "soon")
        .output()
        .unwrap();
    let (code, out, err) = ended(output);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains(&format!("{path}:12:1: unknown key `limits.conections`")),
        "{err}"
    );
    assert!(
        err.contains(&format!("{path}:14:8: `limits.body` takes a size")),
        "{err}"
    );
    assert!(
        err.contains("GATECAST__SERVER__DRAIN: `server.drain`"),
        "{err}"
    );
    assert!(err.contains("3 mistakes"), "{err}");
    assert!(!err.contains(SECRET), "{err}");
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    for command in ["check-config", "serve"] {
        let (code, _, err) = run(&[command, "--config", "/does/not/exist.toml"]);
        assert_eq!(code, 1);
        assert!(err.contains("/does/not/exist.toml cannot be read"), "{err}");
    }
}

#[test]
fn check_config_prints_the_list_of_keys() {
    let (code, out, _) = run(&["check-config", "--keys"]);
    assert_eq!(code, 0);
    assert_eq!(out.trim_end(), config::reference().trim_end());
}

#[test]
fn a_token_is_signed_that_the_same_configuration_accepts() {
    let (_directory, path) = file(&site());
    let (code, out, err) = run(&[
        "token",
        "--config",
        &path,
        "--sub",
        "ann",
        "--role",
        "viewer",
        "--claim",
        "org=acme",
        "--claim",
        "exp=1",
        "--expires",
        "2h",
    ]);
    assert_eq!((code, err.as_str()), (0, ""));
    let settings = config::load(Some(&site()), &[]).unwrap();
    let authority = Authority::new(settings.auth).unwrap();
    let credential = Credential::from_token(out.trim_end()).unwrap();
    let now = Clock::system().unix();
    let access = authority.identify(&credential, now).unwrap();
    assert_eq!(access.role.name, "viewer");
    let room = gatecast::model::room::Room::parse("org:acme:unit").unwrap();
    assert!(access.may_subscribe(&room));
    let left = access.expires_at.unwrap().since(now);
    assert!((7100..=7200).contains(&left.as_secs()), "{left:?}");
}

#[test]
fn a_token_that_cannot_be_made_is_refused_without_showing_a_secret() {
    let keyless = "[roles.viewer]\n".to_owned();
    let two = format!(
        "{}[[auth.jwt]]\nalgorithm = \"HS512\"\nkid = \"b\"\nsecret = \"{SECRET}\"\n",
        site()
    );
    for (toml, more, says) in [
        (
            &keyless,
            &["--role", "viewer"][..],
            "no [[auth.jwt]] has a secret",
        ),
        (&site(), &["--role", "admin"], "no role \"admin\""),
        (
            &site(),
            &["--role", "viewer", "--kid", "z"],
            "of this key id",
        ),
        (&two, &["--role", "viewer"], "choose one with --kid"),
    ] {
        let (_directory, path) = file(toml);
        let mut arguments = vec!["token", "--config", &path, "--sub", "ann"];
        arguments.extend(more);
        let (code, out, err) = run(&arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{says}");
        assert!(err.contains(says), "{err}");
        assert!(!err.contains(SECRET), "{err}");
    }
}

#[test]
fn a_key_is_made_with_the_block_that_admits_it() {
    let (code, out, err) = run(&["key", "lobby-tv", "--role", "display"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let key = out.lines().find(|line| line.starts_with("gk_")).unwrap();
    let (_, block) = out.split_once("[[auth.api_key]]").unwrap();
    assert!(!block.contains(key), "the key itself is not in the block");
    let toml = format!("[[auth.api_key]]{block}\n[roles.display]\n");
    let settings = config::load(Some(&toml), &[]).unwrap();
    let authority = Authority::new(settings.auth).unwrap();
    let credential = Credential::from_token(key).unwrap();
    let access = authority
        .identify(&credential, Clock::system().unix())
        .unwrap();
    assert_eq!(access.role.name, "display");
    let (_, second, _) = run(&["key", "lobby-tv", "--role", "display"]);
    assert_ne!(out, second);
}

#[test]
fn a_key_for_a_reader_who_went_away_is_no_crash() {
    let mut child = gatecast(&["check-config", "--keys"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(child.wait().unwrap().code().is_some());
    assert_eq!(said, "");
}

#[test]
fn what_could_not_be_written_is_told_and_the_command_has_failed() {
    for arguments in [
        &["key", "tv", "--role", "display"][..],
        &["check-config", "--keys"],
        &["completions", "bash"],
        &["man"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let (code, _, err) = ended(gatecast(arguments).stdout(full).output().unwrap());
        assert_eq!(code, 1, "{arguments:?}");
        assert!(err.contains("No space left"), "{arguments:?}: {err}");
    }
}
