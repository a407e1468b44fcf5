//! Whole configurations, good and bad.

mod hooks;
mod limits;
mod presence;
mod sets;
mod slips;
mod socketio;

use std::time::Duration;

use super::*;
use crate::model::transport::Transport;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

fn mistakes(toml: &str) -> String {
    mistakes_with(toml, &[])
}

fn mistakes_with(toml: &str, environment: &[(&str, &str)]) -> String {
    match load(Some(toml), &variables(environment)) {
        Ok(_) => "no mistake".into(),
        Err(mistakes) => mistakes.to_string(),
    }
}

const SECRET: &str = "correct-horse-battery-staple-0123456789";

#[test]
fn without_a_file_the_embedded_default_runs() {
    let settings = load(None, &[]).unwrap();
    assert_eq!(
        format!("{settings:?}"),
        format!("{:?}", Settings::default())
    );
}

#[test]
fn the_defaults_of_the_table_are_the_defaults_of_the_code() {
    let mut toml = String::new();
    for key in keys::KEYS {
        if let keys::IfAbsent::Value(value) = key.default
            && key
                .segments()
                .all(|segment| matches!(segment, keys::Segment::Word(_)))
        {
            toml += &format!("{} = {value}\n", key.path);
        }
    }
    let settings = load(Some(&toml), &[]).unwrap();
    assert_eq!(
        format!("{settings:?}"),
        format!("{:?}", Settings::default())
    );
}

#[test]
fn the_defaults_inside_roles_rooms_and_issuers_are_what_an_empty_entry_gets() {
    let least = format!(
        "[roles.NAME]\n[rooms.PATTERN.history]\n[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n[hooks.connect]\nurl = \"http://a\"\nsecret = \"{SECRET}\"\n[socketio.namespaces.\"/\".events.NAME]\nsubscribe = \"a\"\n"
    );
    let mut environment = Vec::new();
    for key in keys::KEYS {
        if let keys::IfAbsent::Value(value) = key.default
            && !key
                .segments()
                .all(|segment| matches!(segment, keys::Segment::Word(_)))
        {
            let path = key
                .path
                .replace("[]", ".0")
                .replace("namespaces.NAME", "namespaces./")
                .replace('.', "__")
                .replace("HOOK", "connect")
                .to_uppercase();
            environment.push((format!("GATECAST__{path}"), value.to_owned()));
        }
    }
    assert!(environment.len() > 8);
    let said = load(Some(&least), &environment).unwrap();
    let silent = load(Some(&least), &[]).unwrap();
    assert_eq!(format!("{said:?}"), format!("{silent:?}"));
}

/// Its one key that has an effect by itself is a mistake in a build that cannot do it.
const OTLP: &str = "telemetry.otlp";

#[cfg(feature = "otlp")]
#[test]
fn a_collector_is_named_with_how_much_it_gets() {
    let toml = "telemetry.otlp = { endpoint = \"http://[::1]:4318/\", percent = 5 }\n";
    let telemetry = load(Some(toml), &[]).unwrap().telemetry;
    let otlp = telemetry.otlp.unwrap();
    assert_eq!((&*otlp.endpoint, otlp.percent), ("http://[::1]:4318", 5));
    let said = mistakes("telemetry.otlp.endpoint = \"127.0.0.1:4318\"\n");
    assert!(said.contains("is no URL of a collector"), "{said}");
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_that_cannot_export_spans_says_so() {
    let said = mistakes("telemetry.otlp = { endpoint = \"http://127.0.0.1:4318\" }\n");
    assert!(said.contains("was built without otlp"), "{said}");
}

#[test]
fn each_example_is_taken_and_has_an_effect() {
    // A role, because limits are those of roles.
    let default = format!("{:?}", load(Some("[roles.other]"), &[]).unwrap());
    for key in keys::KEYS {
        let table = key
            .path
            .strip_suffix(key.name())
            .unwrap()
            .trim_end_matches('.');
        let (head, entry) = match table.split_once("[]") {
            Some((list, _)) => (format!("[[{list}]]"), true),
            None if table.is_empty() => (String::new(), false),
            None => (
                format!("[{}]", table.replace("HOOK", "connect"))
                    .replace("namespaces.NAME", "namespaces.\"/\""),
                table == "hooks.HOOK" || table.ends_with(".events.NAME"),
            ),
        };
        let toml = format!("{head}\n{} = {}\n[roles.other]\n", key.name(), key.example);
        let document = DeTable::parse(&toml).unwrap();
        let (values, faults) = walk::walk(&Node::document(&document));
        let is_wrong = key.path == "telemetry.otlp.endpoint" && !cfg!(feature = "otlp");
        assert_eq!(!faults.is_empty(), is_wrong, "{}: {faults:?}", key.path);
        let (settings, _) = settings::build(&values, PathBuf::new());
        // An entry of a list, a hook, or what an event means is whole only with its other keys; the only kind of log that
        // there is is the default; the file of a secret is not there.
        let is_absent = key.path.starts_with("auth.session.") && key.name().ends_with("_file");
        if !entry && key.path != "log.kind" && !key.path.starts_with(OTLP) && !is_absent {
            assert_eq!(values.unused(), Vec::<String>::new());
            assert_ne!(format!("{settings:?}"), default, "{}", key.path);
        }
    }
}

#[test]
fn each_key_of_an_issuer_and_of_an_api_key_is_used() {
    for list in ["auth.jwt[].", "auth.api_key[]."] {
        let mut toml = format!("[[{}]]\n", list.trim_end_matches("[]."));
        for key in keys::KEYS.iter().filter(|key| key.path.starts_with(list)) {
            match key.name() {
                "secret" => toml += &format!("secret = \"{SECRET}\"\n"),
                "secret_file" | "public_key" | "public_key_file" | "jwks_file" | "jwks_url" => {}
                name => toml += &format!("{name} = {}\n", key.example),
            }
        }
        let document = DeTable::parse(&toml).unwrap();
        let (values, _) = walk::walk(&Node::document(&document));
        let (settings, _) = settings::build(&values, PathBuf::new());
        assert_eq!(settings.auth.jwt.len() + settings.auth.api_keys.len(), 1);
        assert_eq!(values.unused(), Vec::<String>::new());
    }
}

#[test]
fn a_whole_site_is_read() {
    let settings = load(
        Some(&format!(
            r#"
listen = ["127.0.0.1:0", "[::1]:0"]
[auth]
anonymous = "viewer"
query = "access_token"
[[auth.jwt]]
algorithm = "HS256"
secret = "{SECRET}"
audience = "gatecast"
max_age = "12h"
[[auth.api_key]]
name = "lobby-tv"
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
role = "display"
[roles.viewer]
subscribe = ["news"]
[roles.display]
transports = ["sse", "long-poll"]
rooms = ["display"]
subscribe = ["display", "org:{{org}}:*"]
limits = {{ messages = "5/s" }}
[rooms."sensor:*"]
history = {{ events = 10, age = "1h", bytes = "1MiB" }}
[limits]
event = "32KiB"
[server]
heartbeat = "20s"
timeouts = {{ header = "3s" }}
"#
        )),
        &[],
    )
    .unwrap();
    let shown = format!("{settings:#?}");
    assert!(!shown.contains(SECRET));
    assert_eq!(settings.listen.len(), 2);
    assert_eq!(settings.auth.query.as_deref(), Some("access_token"));
    let issuer = &settings.auth.jwt[0];
    assert_eq!(issuer.audience.as_deref(), Some("gatecast"));
    assert_eq!(issuer.max_age, Some(Duration::from_secs(12 * 3600)));
    assert_eq!(settings.auth.api_keys[0].sha256[0][..2], [0x9f, 0x86]);
    let display = &settings.auth.roles["display"];
    assert_eq!(display.transports, [Transport::Sse, Transport::LongPoll]);
    assert_eq!(display.limits.messages.count, 5);
    assert_eq!(display.limits.event, 32 * 1024, "inherited from [limits]");
    assert_eq!(settings.auth.roles["viewer"].transports, Transport::ALL);
    let (pattern, policy) = &settings.bus.rooms[0];
    let history = policy.history;
    assert_eq!((pattern.as_str(), history.events), ("sensor:*", 10));
    assert_eq!(
        (history.bytes, history.age),
        (1 << 20, Duration::from_secs(3600))
    );
    assert_eq!(settings.session.heartbeat, Duration::from_secs(20));
    assert_eq!(settings.timeouts.header, Duration::from_secs(3));
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place_and_what_to_write_instead() {
    insta::assert_snapshot!(mistakes(
        r#"
listen = "localhost:8080"
webhooks = {}
[auth]
anonymous = "viewr"
[roles.viewer]
transports = ["sse", "ssse", "sse"]
subscribe = "news"
[roles."a b"]
[limits]
conections = 5
event = true        # a comment may say anything
body = "64kb"
messages = "20"
rooms_per_stream = 0
[server]
heartbeat = "15"
drain = "1h"
silence = 70
[rooms."org:{org}:*"]
history = { events = -1, deliver = "all" }
[cors]
origins = ["https://a.example/", "*"]
credentials = true
[log]
kind = "disk"
[telemetry]
filter = "gatecast=loud"
"#
    ));
}

#[test]
fn what_holds_between_keys_is_checked() {
    insta::assert_snapshot!(mistakes(
        r#"
[limits]
body = "32KiB"
[server]
heartbeat = "90s"
[cors]
origins = ["*"]
credentials = true
[roles.big]
limits = { event = "2MiB" }
[[auth.api_key]]
name = "a"
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
role = "big"
[[auth.api_key]]
name = "a"
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
role = "small"
[[auth.api_key]]
"#
    ));
}

#[test]
fn the_secret_of_sessions_stands_once_and_cannot_be_guessed() {
    insta::assert_snapshot!(mistakes(
        r#"
[auth]
query = "ticket"
[auth.session]
secret = "short"
secret_file = "/does/not/exist"
old_secret_file = "/does/not/exist"
cookie = "two words"
ttl = "1m"
url_ttl = "2m"
"#
    ));
    insta::assert_snapshot!(mistakes(
        r#"
[auth.session]
old_secret = "correct-horse-battery-staple-0123456789"
"#
    ));
}

#[test]
fn a_session_is_signed_with_the_new_secret_and_verified_with_the_old_one_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let toml = format!(
        "[auth.session]\nsecret = \"another-{SECRET}\"\nold_secret_file = {path:?}\nttl = \"1h\"\n"
    );
    let settings = load(Some(&toml), &[]).unwrap().auth.tickets;
    let secrets: Vec<_> = settings.secrets.iter().map(|one| one.expose()).collect();
    assert_eq!(secrets, [&format!("another-{SECRET}"), SECRET]);
    assert_eq!(settings.ttl, std::time::Duration::from_secs(3600));
}

#[test]
fn the_proxy_protocol_is_spoken_where_the_gateway_listens_and_by_somebody() {
    insta::assert_snapshot!(mistakes(
        r#"
listen = ["127.0.0.1:8080", "unix:/run/gatecast.sock"]
[server]
proxy_protocol = ["127.0.0.1:8081", "https://127.0.0.1:8080"]
hosts = ["https://live.example"]
"#
    ));
    let settings = super::load(
        Some("server = { proxy_protocol = \"127.0.0.1:8080\", trusted_proxies = [\"::1\"] }"),
        &[],
    );
    let expected = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
    assert_eq!(
        settings.unwrap().proxy_protocol,
        [crate::server::endpoint::Address::Tcp(expected)]
    );
}

#[test]
fn a_token_issuer_needs_exactly_one_key_that_fits_its_algorithm() {
    insta::assert_snapshot!(mistakes(
        r#"
[[auth.jwt]]
secret = "correct-horse-battery-staple-0123456789"
[[auth.jwt]]
algorithm = "HS256"
[[auth.jwt]]
algorithm = "RS256"
secret = "correct-horse-battery-staple-0123456789"
[[auth.jwt]]
algorithm = "HS256"
kid = "a"
secret = "short"
[[auth.jwt]]
algorithm = "HS256"
kid = "b"
secret = "correct-horse-battery-staple-0123456789"
secret_file = "/does/not/exist"
[[auth.jwt]]
algorithm = "HS256"
kid = "c"
secret_file = "/does/not/exist"
[[auth.jwt]]
algorithm = "ES256"
public_key = "-----BEGIN PRIVATE KEY-----"
[[auth.jwt]]
algorithm = "HS265"
secret = "correct-horse-battery-staple-0123456789"
"#
    ));
}

#[test]
fn no_mistake_repeats_a_secret_wherever_it_was_written() {
    let hidden = "hidden-value";
    for toml in [
        format!("[[auth.jwt]]\nsecret = \"{hidden}\""),
        format!("[[auth.jwt]]\nsecrt = \"{hidden}\""),
        format!("[[auth.jwt]]\nsecret = \"{hidden}"),
        format!("[[auth.jwt]]\nsecret = {hidden}"),
        format!("[[auth.jwt]]\nsecret_file = \"{hidden}\""),
        format!("[[auth.jwt]]\nsecret = [\"{hidden}\"]"),
        format!("[[auth.jwt]]\nsecret = {{ value = \"{hidden}\" }}"),
        format!("[[auth.jwt]]\nsecret = \"\"\"\n{hidden}\"\"\""),
        format!("[auth]\njwt = [{{ algorithm = \"HS265\", secret = \"{hidden}\" }}]"),
        format!("[auth]\njwt = \"{hidden}\""),
        format!("[auth]\njwt = [\"{hidden}\"]"),
        format!("auth = \"{hidden}\""),
        format!("[[auth.jwt]]\nalgorithm = \"x\" # {hidden}"),
        format!("[[auth.jwt]]\nalgorithm = \"x # {hidden}\""),
        format!("[[auth.api_key]]\nsha256 = \"{hidden}\""),
        format!("[[auth.jwt]]\nalgorithm = \"HS256\"\npublic_key = \"{hidden}\""),
        format!("[socketio.auth]\ntoken = \"{hidden} {hidden}\""),
        format!("[socketio.auth]\ntoken = \"{hidden}\"\napi_key = \"{hidden}\""),
        format!("[limits]\nevent = \"\"\"\n1\"\"\"\nx = {{ a = 1, b = \"{hidden}\" }}"),
    ] {
        let text = mistakes(&toml);
        assert_ne!(text, "no mistake", "{toml}");
        assert!(!text.contains(hidden), "{toml}\n{text}");
    }
    for name in [
        "AUTH__JWT__0__SECRET",
        "AUTH__JWT__0__SECRT",
        "AUTH__JWT",
        "AUTH__API_KEY__0__SHA256",
        "AUTH__JWT__7__SECRET",
    ] {
        let text = mistakes_with("", &[(&format!("GATECAST__{name}"), hidden)]);
        assert_ne!(text, "no mistake", "{name}");
        assert!(!text.contains(hidden), "{name}\n{text}");
    }
}

#[test]
fn a_text_that_is_no_toml_is_one_mistake_with_line_and_column() {
    insta::assert_snapshot!(mistakes(
        "listen = \"127.0.0.1:80\"\n[limits]\nevent = 64KiB\n"
    ));
}

#[test]
fn the_environment_lies_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\n[roles.Display]\nrooms = [\"a\"]\n[rooms.\"sensor:*\".history]\nevents = 5\n";
    let settings = load(
        Some(file),
        &variables(&[
            ("PATH", "/bin"),
            ("GATECAST_SERVICE_HOST", "10.0.0.1"),
            // Out of order, as environments are: an entry before the one below it, a key before its table.
            ("GATECAST__LISTEN__2", "127.0.0.1:3"),
            ("GATECAST__LISTEN__1", "127.0.0.1:2"),
            ("GATECAST__ROLES__OTHER__SENDER", "true"),
            ("GATECAST__LIMITS__CONNECTIONS", "5"),
            ("GATECAST__LIMITS__EVENT", "16KiB"),
            ("GATECAST__LIMITS__BODY", "\"128KiB\""),
            ("GATECAST__ROLES__DISPLAY__ROOMS__0", "b"),
            ("GATECAST__ROLES__DISPLAY__SUBSCRIBE", "[\"x\", \"y\"]"),
            ("GATECAST__ROLES__DISPLAY__SENDER", "true"),
            ("GATECAST__ROLES__OTHER", "{ publish = [\"p\"] }"),
            ("GATECAST__AUTH__API_KEY__0__NAME", "12"),
            ("GATECAST__AUTH__API_KEY__0__SHA256", &"ab".repeat(32)),
            ("GATECAST__AUTH__API_KEY__0__ROLE", "other"),
            ("GATECAST__ROOMS__SENSOR:*__HISTORY__EVENTS", "7"),
        ]),
    )
    .unwrap();
    let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
    let all = [
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
        "http://127.0.0.1:3",
    ];
    assert_eq!(listen, all);
    assert_eq!(settings.connections, 5);
    assert_eq!(settings.service.body, 128 * 1024);
    let display = &settings.auth.roles["Display"];
    assert_eq!(display.rooms, ["b"]);
    assert_eq!(display.subscribe, ["x", "y"]);
    assert_eq!(display.limits.event, 16 * 1024);
    assert!(display.sender);
    assert_eq!(settings.auth.roles["other"].publish, ["p"]);
    assert!(settings.auth.roles["other"].sender);
    assert_eq!(settings.auth.api_keys[0].name, "12");
    assert_eq!(settings.auth.api_keys[0].sha256, [[0xab; 32]]);
    assert_eq!(settings.bus.rooms[0].1.history.events, 7);
}

#[test]
fn a_mistake_in_the_environment_names_its_variable() {
    insta::assert_snapshot!(mistakes_with(
        "",
        &[
            ("GATECAST__LIMITS__CONECTIONS", "5"),
            ("GATECAST__LIMITS__CONNECTIONS", "many"),
            ("GATECAST__LIMITS__EVENT__MAX", "5"),
            ("GATECAST__LOG", "5"),
            ("GATECAST__AUTH__JWT", "5"),
            ("GATECAST__LISTEN__1", "127.0.0.1:80"),
            ("GATECAST__CORS__ORIGINS", "https://a.example"),
            ("GATECAST__ROLES__X__SUBSCRIBE__0", ""),
            ("GATECAST__HEARTBEAT", "15s"),
            ("GATECAST__", "15s"),
            ("GATECAST__SERVER__DRAIN", "\u{FFFD}"),
        ]
    ));
}

#[test]
fn a_secret_may_come_from_a_file_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let file = directory.path().join("gatecast.toml");
    std::fs::write(
        &file,
        "[[auth.jwt]]\nalgorithm = \"HS256\"\nsecret_file = \"secret\"\n",
    )
    .unwrap();
    let settings = load_file(&file, &[]).unwrap();
    assert!(
        matches!(&settings.auth.jwt[0].key, crate::auth::jwt::Key::Secret(secret) if secret.expose() == SECRET)
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let text = load_file(Path::new("/does/not/exist.toml"), &[])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("/does/not/exist.toml cannot be read"),
        "{text}"
    );
}
