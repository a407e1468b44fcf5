//! The commands from outside: what they print, where, and how they end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use gatecast::auth::Authority;
use gatecast::auth::credentials::Credential;
use gatecast::config;
use gatecast::lifecycle::clock::Clock;

const SECRET: &str = "correct-horse-battery-staple-0123456789";

/// `gatecast`, away from whatever configures the machine of the test.
fn gatecast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatecast"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GATECAST__")) {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    ended(gatecast(arguments).output().unwrap())
}

fn ended(output: Output) -> (i32, String, String) {
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
    for command in ["serve", "demo", "check-config", "token", "key"] {
        let (code, out, _) = run(&[command, "--help"]);
        assert_eq!(code, 0, "{command}");
        assert!(
            out.contains(&format!("Example:\n  gatecast {command}")),
            "{out}"
        );
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
        "ok\nlisten:    127.0.0.1:0\nroles:     viewer\napi keys:  0\nissuers:   HS256\nanonymous: refused\n"
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

/// A gateway that runs, and is killed when the test ends without ending it.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Where it listens: its first line.
    fn address(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        address.unwrap_or_else(|| panic!("{line:?}")).to_owned()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// The next line on standard error.
    fn says(&mut self) -> String {
        let mut line = String::new();
        self.err.read_line(&mut line).unwrap();
        line
    }

    /// How it ended, and what else it said on standard error.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.err.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_says_where_it_listens_and_ends_in_order_on_sigterm_and_on_ctrl_c() {
    for signal in ["TERM", "INT"] {
        let (_directory, path) = file(&site());
        let mut gateway = Running::start(gatecast(&["serve", "--config", &path]));
        let address = gateway.address();
        let mut socket = std::net::TcpStream::connect(&address).unwrap();
        socket
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        gateway.signal(signal);
        let (code, said) = gateway.ended();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("stopping"), "{said}");
        assert!(!said.contains(SECRET), "{said}");
    }
}

#[test]
fn serve_without_a_credential_says_how_to_make_one() {
    let mut command = gatecast(&["serve"]);
    command.env("GATECAST__LISTEN", "127.0.0.1:0");
    let mut gateway = Running::start(command);
    gateway.address();
    gateway.signal("TERM");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(0));
    assert!(
        said.contains("hint: the embedded default has no credential"),
        "{said}"
    );
    assert!(said.contains("gatecast key NAME --role ROLE"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_change() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = gatecast(&["serve"]);
    command.env("GATECAST__LISTEN", &address);
    let mut gateway = Running::start(command);
    let mut line = String::new();
    gateway.out.read_line(&mut line).unwrap();
    assert_eq!(line, "", "it does not claim to listen");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(1));
    assert!(
        said.contains(&address) && said.contains("GATECAST__LISTEN"),
        "{said}"
    );
}

/// A gateway with `drain` as its deadline, and a publish that will not end: the gateway has asked for the body.
fn with_a_request_under_way(drain: &str) -> (tempfile::TempDir, Running, std::net::TcpStream) {
    let (key, sha256) = gatecast::auth::api_key::mint([7; 32]);
    let (directory, path) = file(&format!(
        "listen = \"127.0.0.1:0\"\nserver.drain = \"{drain}\"\nserver.timeouts.body = \"10m\"\n\
         [roles.backend]\npublish = [\"*\"]\n\
         [[auth.api_key]]\nname = \"backend\"\nsha256 = \"{sha256}\"\nrole = \"backend\"\n"
    ));
    let mut gateway = Running::start(gatecast(&["serve", "--config", &path]));
    let mut socket = std::net::TcpStream::connect(gateway.address()).unwrap();
    let head = format!(
        "POST /v1/rooms/a/events HTTP/1.1\r\nHost: gate\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(&socket).read_line(&mut answer).unwrap();
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n");
    (directory, gateway, socket)
}

#[test]
fn a_second_signal_ends_at_once_what_an_orderly_stop_still_waits_for() {
    let (_directory, mut gateway, _socket) = with_a_request_under_way("10m");
    gateway.signal("TERM");
    assert!(gateway.says().contains("stopping"));
    gateway.signal("TERM");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(1));
    assert!(said.contains("second signal"), "{said}");
}

#[test]
fn an_orderly_stop_ends_at_its_deadline_and_says_what_it_cut_off() {
    let (_directory, mut gateway, _socket) = with_a_request_under_way("50ms");
    gateway.signal("INT");
    let (code, said) = gateway.ended();
    assert_eq!(code, Some(0));
    assert!(said.contains("cut off at the deadline"), "{said}");
}

#[test]
fn log_lines_are_json_where_the_configuration_says_so() {
    let (_directory, path) = file(&format!("{}[telemetry]\nformat = \"json\"\n", site()));
    let mut gateway = Running::start(gatecast(&["serve", "--config", &path]));
    gateway.address();
    gateway.signal("TERM");
    let (_, said) = gateway.ended();
    assert!(!said.is_empty());
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
}
