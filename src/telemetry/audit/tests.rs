//! What lines look like, and what becomes of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::model::code::{Code, Refusal};
use crate::model::decree::Revocation;
use crate::model::dialect::Dialect;
use crate::model::id::{Principal, StreamId};
use crate::model::peer::Peer;
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::telemetry::metrics::labels::{End, Route};
use crate::telemetry::metrics::{Format, Health, Log, Metrics};

const PAGE: &str = include_str!("../../../proto-docs/audit.md");

const ASKED: Asked = Asked {
    peer: Peer::Unix,
    request: 0xab,
};

fn line(event: &Event<'_>) -> String {
    Line::of(UnixMillis(0), Some(ASKED), event).to_json()
}

/// The line without what each has, whose fields the page on the audit log must name.
fn tail(event: &Event<'_>) -> String {
    let line = line(event);
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
    for (field, value) in fields {
        assert!(PAGE.contains(&format!("\n| `{field}` |")), "{field}");
        let name = value.as_str().unwrap_or_default();
        let is_named = PAGE.contains(&format!("\n| `{name}` |"));
        assert!(field != "event" || is_named, "{name}");
    }
    let head = r#"{"ts":"1970-01-01T00:00:00.000Z","target":"gatecast::audit","event":"#;
    let end = ",\"peer\":\"unix\",\"request_id\":\"00000000000000ab\"}\n";
    let rest = line
        .strip_prefix(head)
        .and_then(|rest| rest.strip_suffix(end));
    rest.unwrap_or_else(|| panic!("{line}")).to_owned()
}

fn at(directory: &tempfile::TempDir) -> (PathBuf, Audit, Writer, Arc<Metrics>) {
    let (path, metrics) = (
        directory.path().join("audit.jsonl"),
        Metrics::new(UnixMillis(0)),
    );
    let destination = Destination::File(path.clone());
    let now: Now = Arc::new(|| UnixMillis(0));
    let (audit, writer) = Audit::open(&destination, now, metrics.lines()).unwrap();
    (path, audit, writer.unwrap(), metrics)
}

fn record(audit: &Audit, subject: &str) {
    let event = Event::Admin {
        by: None,
        action: "purge",
        subject,
    };
    audit.record(None, &event);
}

/// Writes all that was recorded.
async fn write(audit: &Audit, writer: &mut std::pin::Pin<Box<impl Future<Output = ()>>>) {
    tokio::select! {
        () = audit.flush() => {}
        () = writer => panic!("the writer ended"),
    }
}

fn subjects(path: &std::path::Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["subject"].as_str().unwrap().to_owned()
    });
    lines.collect()
}

fn count(metrics: &Metrics, outcome: &str) -> String {
    let text = metrics.expose(Format::Prometheus, Log::default(), Health::default());
    let series = format!("gatecast_audit_lines_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap().to_owned()
}

#[test]
fn a_line_says_who_what_whence_and_by_which_request() {
    let (stream, transport, dialect) = (StreamId::from_random(1), Transport::Sse, Dialect::Native);
    let ann = Principal::Subject {
        issuer: "https://id.example".into(),
        subject: "ann\n".into(),
    };
    let who = Who {
        principal: &ann,
        role: "viewer",
    };
    let rooms: Vec<_> = (0..11)
        .map(|n| Room::parse(&format!("r{n}")).unwrap())
        .collect();
    let ann = r#""principal":"ann\n","principal_kind":"token","issuer":"https://id.example","role":"viewer""#;
    let named = r#""rooms":["r0","r1","r2","r3","r4","r5","r6","r7","r8","r9"],"rooms_count":11"#;
    let on = r#""stream":"000000000000000000000001","transport":"sse""#;
    assert_eq!(
        tail(&Event::StreamAccepted {
            stream,
            transport,
            dialect,
            who,
            rooms: &rooms
        }),
        format!("\"stream_accepted\",{on},{ann},{named}")
    );
    let (end, lasted) = (End::Code(Code::Slow), Duration::from_millis(1500));
    assert_eq!(
        tail(&Event::StreamEnded {
            stream,
            transport,
            dialect,
            who,
            end,
            lasted
        }),
        format!("\"stream_ended\",{on},{ann},\"reason\":\"slow\",\"lasted_ms\":1500")
    );
}

#[test]
fn a_refusal_shows_what_the_operator_may_know_and_its_limit_and_room() {
    let key = Principal::ApiKey("tv".into());
    let who = Some(Who {
        principal: &key,
        role: "display",
    });
    let refusal = Refusal::new(Code::Forbidden, "told")
        .operator("known")
        .room(Room::parse("r").unwrap());
    let (method, route) = ("GET", Route::Events);
    assert_eq!(
        tail(&Event::RequestRefused {
            who,
            method,
            route,
            refusal: &refusal
        }),
        r#""request_refused","principal":"tv","principal_kind":"api_key","role":"display","method":"GET","route":"/v1/rooms/{room}/events","code":"forbidden","reason":"known","room":"r""#
    );
    let refusal = Refusal::new(Code::RateLimited, "x".repeat(1000)).limit("messages");
    let shown = "x".repeat(256);
    assert_eq!(
        tail(&Event::PublishRefused {
            stream: None,
            who: None,
            refusal: &refusal,
            events: 2
        }),
        format!(
            r#""publish_refused","code":"rate_limited","reason":"{shown}","limit":"messages","events":2"#
        )
    );
    let why = Why::Ended(End::Code(Code::AuthTimeout));
    assert_eq!(
        tail(&Event::StreamRefused {
            stream: None,
            transport: Transport::WebSocket,
            dialect: Dialect::Native,
            who: None,
            why
        }),
        r#""stream_refused","transport":"websocket","code":"auth_timeout""#
    );
    let refusal = Refusal::new(Code::Unauthorized, "told");
    assert_eq!(
        tail(&Event::StreamRefused {
            stream: None,
            transport: Transport::LongPoll,
            dialect: Dialect::SocketIo,
            who: None,
            why: Why::Told(&refusal)
        }),
        r#""stream_refused","transport":"long-poll","dialect":"socketio","code":"unauthorized","reason":"told""#
    );
}

#[test]
fn what_operators_do_and_change_is_a_line_too() {
    let operator = Principal::ApiKey("ops".into());
    let by = Some(Who {
        principal: &operator,
        role: "operator",
    });
    let who = r#""principal":"ops","principal_kind":"api_key","role":"operator""#;
    let what = &Revocation::Subject {
        subject: "ann".into(),
        issuer: Some("https://id.example".into()),
        before: UnixMillis(7),
    };
    assert_eq!(
        tail(&Event::Revoked { by, what }),
        format!(
            r#""revoked",{who},"kind":"subject","name":"ann","of_issuer":"https://id.example""#
        )
    );
    assert_eq!(
        tail(&Event::Admin {
            by,
            action: "purge",
            subject: "r"
        }),
        format!(r#""admin",{who},"action":"purge","subject":"r""#)
    );
    let changed = Change::Applied {
        changed: &["tls".to_owned()],
        at_next_start: &[],
    };
    assert_eq!(
        tail(&Event::Configuration(changed)),
        r#""configuration","outcome":"applied","changed":["tls"],"at_next_start":[]"#
    );
    assert_eq!(
        tail(&Event::Configuration(Change::Refused)),
        r#""configuration","outcome":"refused""#
    );
}

#[tokio::test]
async fn the_file_is_its_owners_only_and_one_that_was_rotated_away_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (path, audit, writer, metrics) = at(&directory);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut writer = Box::pin(writer.run());
    record(&audit, "a");
    record(&audit, "b");
    write(&audit, &mut writer).await;
    let rotated = directory.path().join("audit.jsonl.1");
    fs::rename(&path, &rotated).unwrap();
    record(&audit, "c");
    write(&audit, &mut writer).await;
    assert_eq!(
        (subjects(&rotated), subjects(&path)),
        (vec!["a".into(), "b".into()], vec!["c".into()])
    );
    fs::remove_file(&path).unwrap();
    record(&audit, "d");
    write(&audit, &mut writer).await;
    assert_eq!(subjects(&path), ["d"]);
    assert_eq!(count(&metrics, "written"), "4");
}

#[tokio::test]
async fn an_earlier_file_is_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    for subject in ["a", "b"] {
        let (_, audit, writer, _) = at(&directory);
        record(&audit, subject);
        write(&audit, &mut Box::pin(writer.run())).await;
    }
    assert_eq!(subjects(&directory.path().join("audit.jsonl")), ["a", "b"]);
}

#[tokio::test]
async fn what_cannot_be_written_is_counted_and_what_can_be_later_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (path, audit, writer, metrics) = at(&directory);
    let mut writer = Box::pin(writer.run());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    record(&audit, "a");
    write(&audit, &mut writer).await;
    assert_eq!(
        (count(&metrics, "failed"), count(&metrics, "written")),
        ("1".into(), "0".into())
    );
    fs::remove_dir(&path).unwrap();
    record(&audit, "b");
    write(&audit, &mut writer).await;
    assert_eq!(subjects(&path), ["b"]);
}

#[tokio::test]
async fn who_records_does_not_wait_and_what_does_not_fit_is_dropped_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (path, audit, writer, metrics) = at(&directory);
    for _ in 0..16 * 1024 + 3 {
        record(&audit, "a");
    }
    assert_eq!(count(&metrics, "dropped"), "3");
    write(&audit, &mut Box::pin(writer.run())).await;
    assert_eq!(subjects(&path).len(), 16 * 1024);
}

#[tokio::test]
async fn where_nobody_writes_any_more_nobody_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let (_, audit, writer, metrics) = at(&directory);
    drop(writer);
    record(&audit, "a");
    audit.flush().await;
    assert_eq!(count(&metrics, "dropped"), "1");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let destination = Destination::File("/nowhere/audit.jsonl".into());
    let lines = Metrics::new(UnixMillis(0)).lines();
    let refused = Audit::open(&destination, Arc::new(|| UnixMillis(0)), lines);
    let said = refused.err().unwrap().to_string();
    assert!(said.contains("audit log /nowhere/audit.jsonl"), "{said}");
}
