//! The examples of the document, the cases of the original's parser and of its test suite, and what none of them says.

mod attachments;
mod round_trips;
mod written;

use super::*;
use crate::model::code::{Code, Refusal};
use crate::model::json::Json;
use crate::model::time::Moment;

const LONGEST: usize = 10_000;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn list(texts: &[&str]) -> Vec<Json> {
    texts.iter().map(|text| json(text)).collect()
}

fn namespace(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn packet(name: &str, body: Body) -> Packet {
    let namespace = namespace(name);
    Packet { namespace, body }
}

fn event(name: &str, arguments: &[&str], id: Option<u64>) -> Body {
    Body::Event(Event {
        name: name.to_owned(),
        arguments: list(arguments),
        id,
    })
}

fn connect(auth: &str) -> Body {
    Body::Connect(Some(Auth(json(auth))))
}

fn ack(id: u64, arguments: &[&str]) -> Body {
    let arguments = list(arguments);
    Body::Ack { id, arguments }
}

/// A packet without attachments.
fn read(text: &str) -> Result<Packet, Fault> {
    let packet = Reassembler::new(LONGEST).text(text, Moment::default());
    packet.map(|packet| packet.expect("it announces nothing"))
}

#[test]
fn each_form_of_the_document_is_read() {
    for (text, name, body) in [
        ("0", "/", Body::Connect(None)),
        (r#"0{"token":"123"}"#, "/", connect(r#"{"token":"123"}"#)),
        ("0/admin,", "/admin", Body::Connect(None)),
        ("0/custom", "/custom", Body::Connect(None)),
        (
            r#"0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
            "/admin",
            connect(r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#),
        ),
        ("1", "/", Body::Disconnect),
        ("1/admin,", "/admin", Body::Disconnect),
        ("1/custom", "/custom", Body::Disconnect),
        (r#"2["foo"]"#, "/", event("foo", &[], None)),
        (r#"2/admin,["bar"]"#, "/admin", event("bar", &[], None)),
        (r#"212["foo"]"#, "/", event("foo", &[], Some(12))),
        (
            r#"2/test,1["a",1,{}]"#,
            "/test",
            event("a", &["1", "{}"], Some(1)),
        ),
        (r#"3/admin,13["bar"]"#, "/admin", ack(13, &[r#""bar""#])),
        ("312[]", "/", ack(12, &[])),
        (
            r#"4{"message":"Not authorized"}"#,
            "/",
            Body::ConnectError(json(r#"{"message":"Not authorized"}"#)),
        ),
        (
            r#"4"Unauthorized""#,
            "/",
            Body::ConnectError(json(r#""Unauthorized""#)),
        ),
        // Binary by its type alone.
        (r#"50-["hello"]"#, "/", event("hello", &[], None)),
        ("60-/a,7[1]", "/a", ack(7, &["1"])),
    ] {
        assert_eq!(read(text), Ok(packet(name, body)), "{text}");
    }
}

#[test]
fn the_main_namespace_may_be_named_and_a_name_ends_at_its_comma() {
    assert_eq!(read("0/"), Ok(packet("/", Body::Connect(None))));
    assert_eq!(read(r#"2/,["a"]"#), Ok(packet("/", event("a", &[], None))));
    assert_eq!(
        read(r#"2/a?b=1[],["x,y",","]"#),
        Ok(packet("/a?b=1[]", event("x,y", &[r#"",""#], None)))
    );
    // All of it is the name, and an event without a payload is none.
    assert_eq!(read(r#"2/custom["a"]"#), Err(Fault::NoEvent));
}

#[test]
fn what_an_event_is_told_with_keeps_its_tokens() {
    let text = r#"2["e", 1.0, 1e2 , 18446744073709551617,"\u00e9" , { "b":1, "a":1, "b":2 },"\ud800",null]"#;
    let kept = [
        "1.0",
        "1e2",
        "18446744073709551617",
        r#""\u00e9""#,
        r#"{"b":1,"a":1,"b":2}"#,
        r#""\ud800""#,
        "null",
    ];
    let Body::Event(event) = read(text).unwrap().body else {
        panic!("an event")
    };
    let arguments: Vec<_> = event.arguments.iter().map(Json::as_str).collect();
    assert_eq!(arguments, kept);
}

#[test]
fn a_name_is_a_text_or_a_whole_number() {
    for (name, meant) in [
        (r#""a b""#, "a b"),
        (r#""""#, ""),
        (r#""t\u0061b:join""#, "tab:join"),
        (r#""\ud83d""#, "\u{fffd}"),
        ("1", "1"),
        ("-7", "-7"),
        ("9007199254740991", "9007199254740991"),
    ] {
        assert_eq!(
            read(&format!("2[{name},1]")),
            Ok(packet("/", event(meant, &["1"], None))),
            "{name}"
        );
    }
    for wrong in [
        "1.0",
        "1e3",
        "-0",
        "9007199254740992",
        "true",
        "null",
        "{}",
        "[]",
    ] {
        assert_eq!(read(&format!("2[{wrong}]")), Err(Fault::NoEvent), "{wrong}");
    }
}

#[test]
fn the_librarys_own_names_are_nobodys_however_they_are_written() {
    for name in RESERVED {
        assert_eq!(read(&format!(r#"2["{name}"]"#)), Err(Fault::Reserved));
    }
    assert_eq!(read(r#"2["disconnect","123"]"#), Err(Fault::Reserved));
    assert_eq!(read(r#"2["conn\u0065ct"]"#), Err(Fault::Reserved));
    assert!(read(r#"2["Connect"]"#).is_ok());
}

#[test]
fn ids_are_whole_and_stand_where_they_belong() {
    let most = u64::MAX;
    assert_eq!(read(&format!("3{most}[]")), Ok(packet("/", ack(most, &[]))));
    assert_eq!(read("3007[]"), Ok(packet("/", ack(7, &[]))));
    for wrong in [
        "318446744073709551616[]",
        "3[]",
        "3/a,[]",
        "01",
        "012{}",
        "17",
        "1/a,7",
        r#"442{"message":"x"}"#,
    ] {
        assert_eq!(read(wrong), Err(Fault::Id), "{wrong}");
    }
}

#[test]
fn what_is_wrong_with_a_packet_is_named() {
    for (wrong, fault) in [
        ("", Fault::Type),
        ("abc", Fault::Type),
        ("999", Fault::Type),
        ("7", Fault::Type),
        ("٣[]", Fault::Type),
        (r#"0/admin,"invalid""#, Fault::NoObject),
        ("0[]", Fault::NoObject),
        ("0null", Fault::NoObject),
        ("0{", Fault::Syntax),
        ("0{} {}", Fault::Syntax),
        ("1/admin,{}", Fault::Disconnect),
        ("1 ", Fault::Disconnect),
        ("2", Fault::NoEvent),
        ("27", Fault::NoEvent),
        ("2[]", Fault::NoEvent),
        ("2{}", Fault::NoEvent),
        ("2/admin,{}", Fault::NoEvent),
        (r#"2"a""#, Fault::NoEvent),
        (r#"2/admin,"invalid"#, Fault::Syntax),
        (r#"2[{"toString":"foo"}]"#, Fault::NoEvent),
        (r#"2[true,"foo"]"#, Fault::NoEvent),
        (r#"2[null,"bar"]"#, Fault::NoEvent),
        (r#"2["a",]"#, Fault::Syntax),
        (r#"2["a""#, Fault::Syntax),
        (r#"2["a"]x"#, Fault::Syntax),
        (r#"2abc["a"]"#, Fault::Syntax),
        (r#"2-1["a"]"#, Fault::NoEvent),
        ("37", Fault::NoAck),
        ("37{}", Fault::NoAck),
        ("37[", Fault::Syntax),
        ("4", Fault::Syntax),
        ("4[]", Fault::NoError),
        ("47", Fault::Id),
        ("4true", Fault::NoError),
        ("5", Fault::Attachments),
        ("51", Fault::Attachments),
        ("5a-", Fault::Attachments),
        ("5-", Fault::Attachments),
        ("51.23-", Fault::Attachments),
        (r#"51e0-["a"]"#, Fault::Attachments),
        (r#"5+1-["a"]"#, Fault::Attachments),
        (r#"511-["a"]"#, Fault::TooManyAttachments),
        (
            r#"599999999999999999999999-["a"]"#,
            Fault::TooManyAttachments,
        ),
    ] {
        assert_eq!(read(wrong), Err(fault), "{wrong}");
    }
}

#[test]
fn a_namespace_is_short_and_plain() {
    let longest = format!("/{}", "x".repeat(255));
    assert_eq!(
        read(&format!("0{longest},")),
        Ok(packet(&longest, Body::Connect(None)))
    );
    for wrong in [&format!("0{longest}x"), "0/a\u{1e}1,", "0/a\nb", "0/\u{85}"] {
        assert_eq!(read(wrong), Err(Fault::Namespace), "{wrong:?}");
    }
    for wrong in ["", "admin", "/a,b"] {
        assert_eq!(Namespace::parse(wrong), Err(InvalidNamespace), "{wrong}");
    }
    assert!(Namespace::MAIN.is_main() && namespace("/").is_main());
    assert!(!namespace("//").is_main());
}

#[test]
fn size_depth_and_arguments_are_bounded() {
    let deep = |levels: usize| format!(r#"2["e",{}{}]"#, "[".repeat(levels), "]".repeat(levels));
    assert!(read(&deep(Json::MAX_DEPTH)).is_ok());
    assert_eq!(read(&deep(Json::MAX_DEPTH + 1)), Err(Fault::Depth));
    assert_eq!(read(&format!("2{}", "[".repeat(5000))), Err(Fault::Syntax));
    let many = |arguments: usize| format!(r#"2["e"{}]"#, ",1".repeat(arguments));
    assert!(read(&many(MAX_ARGUMENTS)).is_ok());
    assert_eq!(read(&many(MAX_ARGUMENTS + 1)), Err(Fault::TooManyArguments));
    let long = |bytes: usize| format!(r#"2["{}"]"#, "x".repeat(bytes - 5));
    assert!(read(&long(LONGEST)).is_ok());
    assert_eq!(
        read(&long(LONGEST + 1)),
        Err(Fault::TooLarge { bytes: LONGEST })
    );
}

#[test]
fn who_joins_says_who_it_is_and_nobody_is_shown_it() {
    let text = r#"0/a,{"token":"old","token":"s3cret","pid":7,"half":"\ud800","n":null}"#;
    let Body::Connect(Some(auth)) = read(text).unwrap().body else {
        panic!("somebody joins")
    };
    assert_eq!(auth.text("token").as_deref(), Some("s3cret"));
    for none in ["pid", "n", "half", "other"] {
        assert_eq!(auth.text(none), None, "{none}");
    }
    assert_eq!(auth.expose().as_str(), &text[4..]);
    assert_eq!(format!("{auth:?}"), "Auth(…)");
    assert!(!format!("{:?}", read(text)).contains("s3cret"));
}

#[test]
fn a_fault_is_told_by_a_code_and_a_sentence() {
    for (fault, code, message) in [
        (
            Fault::Reserved,
            Code::ReservedEvent,
            "this name of an event is the library's own",
        ),
        (
            Fault::TooLarge { bytes: 5 },
            Code::TooLarge,
            "a packet and its attachments have at most 5 bytes",
        ),
        (
            Fault::Late,
            Code::Timeout,
            "the attachments of a packet did not come in time",
        ),
        (
            Fault::Placeholder,
            Code::ProtocolError,
            r#"each attachment has one placeholder {"_placeholder":true,"num":n}, counted from 0"#,
        ),
    ] {
        assert_eq!(Refusal::from(fault), Refusal::new(code, message));
    }
}
