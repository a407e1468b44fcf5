//! The pages of proto-docs are run: each transcript on them is played against a real gateway with the
//! configuration that proto-docs/README.md shows. A page that lies fails here, by page and line.

mod backend;
mod connection;
mod curl;
mod errors;
mod links;
mod pattern;
mod play;
mod security;
mod story;
mod words;

use std::path::PathBuf;

use self::play::play;
use self::story::Story;

/// The pages that tell stories.
const PAGES: [&str; 18] = [
    "README.md",
    "access.md",
    "confirm.md",
    "cursors-and-gaps.md",
    "emit.md",
    "errors.md",
    "http.md",
    "limits.md",
    "long-poll.md",
    "metrics.md",
    "negotiate.md",
    "operating.md",
    "presence.md",
    "rooms.md",
    "service.md",
    "socketio.md",
    "sse.md",
    "websocket.md",
];

/// The pages that have none: one describes the code, one lines that a unit test compares, one is run by tests/clients behind
/// real proxies, two are made by tests/clients/compat and tests/conformance, what one shows is compared with what is sent in tests/it/hooks,
/// the units of one are for tests/clients, the
/// others are checked against the table of the configuration's keys and against the commands' own help.
const STILL: [&str; 11] = [
    "architecture.md",
    "audit.md",
    "behind-a-proxy.md",
    "clients.md",
    "command-line.md",
    "conformance.md",
    "configuration.md",
    "hooks.md",
    "performance.md",
    "restarts.md",
    "security.md",
];

#[tokio::test]
async fn the_overview_tells_the_truth() {
    tell("README.md").await;
}

#[tokio::test]
async fn the_page_on_access_tells_the_truth() {
    tell("access.md").await;
}

#[tokio::test]
async fn the_page_on_operating_tells_the_truth() {
    tell("operating.md").await;
}

#[tokio::test]
async fn the_page_on_http_tells_the_truth() {
    tell("http.md").await;
}

#[tokio::test]
async fn the_page_on_websocket_tells_the_truth() {
    tell("websocket.md").await;
}

#[tokio::test]
async fn the_page_on_sse_tells_the_truth() {
    tell("sse.md").await;
}

#[tokio::test]
async fn the_page_on_long_poll_tells_the_truth() {
    tell("long-poll.md").await;
}

#[tokio::test]
async fn the_page_on_negotiating_tells_the_truth() {
    tell("negotiate.md").await;
}

#[tokio::test]
async fn the_page_on_cursors_and_gaps_tells_the_truth() {
    tell("cursors-and-gaps.md").await;
}

#[tokio::test]
async fn the_page_on_errors_tells_the_truth() {
    tell("errors.md").await;
}

#[tokio::test]
async fn the_page_on_metrics_tells_the_truth() {
    tell("metrics.md").await;
}

#[tokio::test]
async fn the_page_on_presence_tells_the_truth() {
    let own = page("presence.md");
    let rooms = story::block(&own, "toml").unwrap();
    tell_with("presence.md", &format!("{}\n{rooms}", configuration())).await;
}

#[tokio::test]
async fn the_page_on_limits_tells_the_truth() {
    let own = page("limits.md");
    let limits = story::block(&own, "toml").unwrap();
    tell_with("limits.md", &format!("{}\n{limits}", configuration())).await;
}

#[tokio::test]
async fn the_page_on_rooms_tells_the_truth() {
    let own = page("rooms.md");
    let rooms = story::block(&own, "toml").unwrap();
    tell_with("rooms.md", &format!("{}\n{rooms}", configuration())).await;
}

#[tokio::test]
async fn the_page_on_confirming_tells_the_truth() {
    tell("confirm.md").await;
}

#[tokio::test]
async fn the_page_on_a_backends_own_connection_tells_the_truth() {
    let own = page("service.md");
    let service = story::block(&own, "toml").unwrap();
    tell_with("service.md", &format!("{}\n{service}", configuration())).await;
}

#[tokio::test]
async fn the_page_on_emits_tells_the_truth() {
    let own = page("emit.md");
    let own = story::block(&own, "toml").unwrap();
    let own = own.replace("127.0.0.1:9000", &backend::start().await);
    tell_with("emit.md", &format!("{}\n{own}", configuration())).await;
}

#[test]
fn every_page_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && !STILL.contains(&name.as_str()))
        .collect();
    found.sort();
    assert_eq!(found, PAGES);
}

#[tokio::test]
async fn a_page_that_lies_is_named_with_its_line() {
    for (lie, line, got) in [
        ("$ curl localhost:8080/healthz\n< not this\n", 3, "ok"),
        (
            "$ curl localhost:8080/healthz\n",
            2,
            "there was more than the page shows: ok",
        ),
        ("$ curl localhost:8080/nowhere\n", 2, "status 404"),
        (
            "$ curl -i localhost:8080/healthz\n< HTTP/1.1 404 Not Found\n",
            3,
            "HTTP/1.1 200 OK",
        ),
        (
            "$ curl -i localhost:8080/healthz\n< X-Not-There: …\n",
            3,
            "no header X-Not-There",
        ),
        (
            "$ curl localhost:8080/healthz\n< ok\n< more\n",
            4,
            "(the end)",
        ),
        ("ws> hello\n", 2, "no connection \"ws\""),
        ("$ wget localhost:8080/\n", 2, "not a curl command"),
    ] {
        let page = format!("```transcript\n{lie}```\n");
        let stories = story::read("lie.md", &page).unwrap();
        let found = play(&configuration(), &stories[0]).await.unwrap_err();
        assert_eq!((found.page.as_str(), found.line), ("lie.md", line), "{lie}");
        assert!(found.got.contains(got), "{found}");
    }
}

/// Plays every story of a page, and fails with all that is wrong.
async fn tell(name: &str) {
    tell_with(name, &configuration()).await;
}

async fn tell_with(name: &str, configuration: &str) {
    let stories: Vec<Story> = story::read(name, &page(name)).unwrap();
    assert!(!stories.is_empty(), "{name} tells nothing");
    let mut lies = Vec::new();
    for story in &stories {
        if let Err(lie) = play(configuration, story).await {
            lies.push(lie.to_string());
        }
    }
    assert!(
        lies.is_empty(),
        "{} of {} stories lie\n{}",
        lies.len(),
        stories.len(),
        lies.join("\n")
    );
}

/// The configuration that proto-docs/README.md shows.
fn configuration() -> String {
    let overview = page("README.md");
    story::block(&overview, "toml").unwrap().to_owned()
}

fn page(name: &str) -> String {
    let path = directory().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("proto-docs")
}
