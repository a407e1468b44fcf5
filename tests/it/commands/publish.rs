//! `gatecast publish`, against a gateway that runs.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;

use super::site::{BACKEND, Site, WALL, Way, way_to};
use super::{ended, gatecast};
use crate::support::tls::Certificate;

#[test]
fn an_event_is_published_as_it_was_written_and_its_id_printed() {
    let site = Site::start();
    let run = |arguments: &[&str]| ended(site.command(arguments).output().unwrap());
    let (code, id, err) = run(&["publish", "units", "{\"n\": 1.50}", "--event", "checkin"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(run(&["publish", "units", "--text", "7"]).0, 0);
    let (_, several, _) = run(&["publish", "units,alerts", "--json"]);
    assert!(
        several.ends_with("\"rooms\":[\"units\",\"alerts\"]}\n"),
        "{several}"
    );
    assert_eq!(run(&["publish", "units", "-5"]).0, 0);
    let held = site.held("units", 4);
    let id = id.trim_end();
    let event =
        format!(r#"{{"id":"{id}","room":"units","event":"checkin","data":{{"n":1.50}},"ts":"#);
    assert!(held[0].starts_with(&event), "{}", held[0]);
    assert!(
        held[1].contains(r#""event":"message","data":"7","#),
        "{}",
        held[1]
    );
    assert!(held[2].contains(r#""data":null,"#), "{}", held[2]);
    assert!(held[3].contains(r#""data":-5,"#), "{}", held[3]);
    assert_eq!(site.held("alerts", 1).len(), 1);
}

#[test]
fn a_payload_comes_from_standard_input_where_a_dash_says_so() {
    let site = Site::start();
    let mut command = site.command(&["publish", "units", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"[1,\n 2]\n")
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(site.held("units", 1)[0].contains(r#""data":[1,2],"#));
}

#[test]
fn the_same_idempotency_key_publishes_once_and_never_something_else() {
    let site = Site::start();
    let run = |data: &str| {
        let arguments = ["publish", "units", data, "--idempotency-key", "order-17"];
        ended(site.command(&arguments).output().unwrap())
    };
    assert_eq!(run("1"), run("1"));
    let (code, _, err) = run("2");
    assert_eq!(code, 1);
    assert!(err.contains("idempotency_conflict"), "{err}");
}

#[test]
fn a_lost_answer_is_asked_for_again_and_the_event_is_there_once() {
    let site = Site::start();
    let way = way_to(&site.address, |number, _| match number {
        0 => Way::KeepsTheAnswer,
        1 => Way::Answers(
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        _ => Way::Open,
    });
    let mut command = site.command(&["publish", "units", "1"]);
    let (code, id, err) = ended(
        command
            .env("GATECAST_URL", format!("http://{way}"))
            .output()
            .unwrap(),
    );
    assert_eq!((code, err.as_str()), (0, ""));
    let last = site.publish("units", "2");
    let held = site.held("units", 2);
    assert!(
        held[0].contains(id.trim_end()) && held[1].contains(&last),
        "{held:?}"
    );
}

#[test]
fn what_can_not_be_known_for_certain_is_said_with_the_key_that_makes_it_so() {
    let site = Site::start();
    let way = way_to(&site.address, |_, _| Way::KeepsTheAnswer);
    let mut command = site.command(&["publish", "units", "1", "--idempotency-key", "order-17"]);
    let (code, out, err) = ended(
        command
            .env("GATECAST_URL", format!("http://{way}"))
            .output()
            .unwrap(),
    );
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("may have been published") && err.contains("--idempotency-key order-17"),
        "{err}"
    );
}

#[test]
fn what_goes_wrong_says_what_to_do_and_shows_no_credential() {
    let site = Site::start();
    let nobody = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", free.local_addr().unwrap())
    };
    let (url, over_tls) = (site.url(), site.url().replace("http:", "https:"));
    for (url, key, says) in [
        (&nobody, BACKEND, "is the gateway running?"),
        (&over_tls, BACKEND, "write http:// in --url"),
        (&url, "", "GATECAST_KEY"),
        (
            &url,
            "not-a-key-of-anybody",
            "gatecast key NAME --role ROLE",
        ),
        (&url, WALL, "may not publish to units"),
    ] {
        let mut command = gatecast(&["publish", "units", "1"]);
        command.env("GATECAST_URL", url).env("GATECAST_KEY", key);
        let (code, out, err) = ended(command.output().unwrap());
        assert_eq!((code, out.as_str()), (1, ""), "{says}");
        assert!(err.contains(says), "{err}");
        assert!(key.is_empty() || !err.contains(key), "{err}");
    }
}

#[test]
fn a_certificate_is_believed_only_where_somebody_vouches_for_it_and_its_name() {
    let certificate = Certificate::new();
    let site = Site::over_tls(&certificate);
    let file = certificate.path("cert.pem");
    let (_, port) = site.address.rsplit_once(':').unwrap();
    let run = |host: &str, more: &[&str]| {
        let mut command = site.command(&["publish", "units", "1"]);
        command
            .args(more)
            .env("GATECAST_URL", format!("{host}:{port}"));
        ended(command.output().unwrap())
    };
    let (code, _, err) = run("https://localhost", &["--cacert", &file]);
    assert_eq!((code, err.as_str()), (0, ""));
    for (host, more, says) in [
        ("https://localhost", &[][..], "--cacert FILE"),
        ("https://0.0.0.0", &["--cacert", &file], "localhost"),
        ("http://localhost", &[], "https://"),
        (
            "https://localhost",
            &["--cacert", "/does/not/exist.pem"],
            "/does/not/exist.pem",
        ),
    ] {
        let (code, _, err) = run(host, more);
        assert_eq!(code, 1, "{says}");
        assert!(err.contains(says), "{host}: {err}");
    }
}
