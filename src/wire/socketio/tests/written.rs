//! What is written, byte for byte.

use super::super::encoder;
use super::*;

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"4".to_vec();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn event_of(name: &str, arguments: &[&str]) -> (String, Vec<Vec<u8>>) {
    let arguments = list(arguments);
    let arguments: Vec<&Json> = arguments.iter().collect();
    let mut attachments = Vec::new();
    let text = text(|out| {
        attachments = encoder::event(out, &Namespace::MAIN, None, name, &arguments);
    });
    (text, attachments.iter().map(|one| one.to_vec()).collect())
}

#[test]
fn who_is_let_in_gets_its_names_and_who_is_not_gets_the_reason() {
    let custom = namespace("/custom");
    assert_eq!(
        text(|out| encoder::connect(out, &Namespace::MAIN, "wZX3oN0bSVIhsaknAAAI", None)),
        r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#
    );
    assert_eq!(
        text(|out| encoder::connect(out, &custom, "a", Some("b"))),
        r#"40/custom,{"sid":"a","pid":"b"}"#
    );
    assert_eq!(
        text(|out| {
            let random = namespace("/random");
            encoder::connect_error(out, &random, encoder::INVALID_NAMESPACE, None);
        }),
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    let data = json(r#"{"code":"unauthorized","retryable":false}"#);
    assert_eq!(
        text(|out| encoder::connect_error(out, &Namespace::MAIN, "a \"b\"\u{1e}", Some(&data))),
        r#"44{"message":"a \"b\"\u001e","data":{"code":"unauthorized","retryable":false}}"#
    );
}

#[test]
fn a_conversation_ends_with_or_without_a_name() {
    assert_eq!(text(|out| encoder::disconnect(out, &Namespace::MAIN)), "41");
    let admin = namespace("/admin");
    assert_eq!(text(|out| encoder::disconnect(out, &admin)), "41/admin,");
}

#[test]
fn an_event_is_told_with_its_data_and_what_else_belongs_to_it() {
    let told = |arguments: &[&str]| event_of("tab:updated", arguments).0;
    assert_eq!(told(&[]), r#"42["tab:updated"]"#);
    assert_eq!(told(&[r#"{"n":1.0}"#]), r#"42["tab:updated",{"n":1.0}]"#);
    // Data, what is known about it, and the cursor as offset.
    assert_eq!(
        told(&["null", r#"{"room":"a:b"}"#, r#""0abc-5""#]),
        r#"42["tab:updated",null,{"room":"a:b"},"0abc-5"]"#
    );
    let admin = namespace("/admin");
    let asked = text(|out| {
        let none = encoder::event(out, &admin, Some(13), "foo", &[]);
        assert!(none.is_empty());
    });
    assert_eq!(asked, r#"42/admin,13["foo"]"#);
    assert_eq!(event_of("a \"b\"", &[]).0, r#"42["a \"b\""]"#);
}

#[test]
fn an_ack_answers_under_the_id_that_was_given() {
    let answered = |id, arguments: &[&str]| {
        let arguments = list(arguments);
        let arguments: Vec<&Json> = arguments.iter().collect();
        text(|out| assert!(encoder::ack(out, &Namespace::MAIN, id, &arguments).is_empty()))
    };
    assert_eq!(
        answered(456, &["1", r#""2""#, r#"{"3":[false]}"#]),
        r#"43456[1,"2",{"3":[false]}]"#
    );
    assert_eq!(answered(u64::MAX, &[]), "4318446744073709551615[]");
}

#[test]
fn bytes_are_sent_as_attachments() {
    let bytes = |data: &str| format!(r#"{{"_encoding":"base64","data":"{data}"}}"#);
    let (text, attachments) = event_of("message-back", &[&bytes("AQID"), &bytes("BAUG")]);
    assert_eq!(
        text,
        r#"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    );
    assert_eq!(attachments, [[1, 2, 3], [4, 5, 6]]);
    let nested = format!(r#"{{"a":[{}],"b":1.0}}"#, bytes(""));
    let (text, attachments) = event_of("e", &["null", &nested]);
    assert_eq!(
        text,
        r#"451-["e",null,{"a":[{"_placeholder":true,"num":0}],"b":1.0}]"#
    );
    assert_eq!(attachments, [b""]);

    let arguments = list(&[&bytes("AQID"), &bytes("BAUG")]);
    let arguments: Vec<&Json> = arguments.iter().collect();
    let mut out = Vec::new();
    let attachments = encoder::ack(&mut out, &Namespace::MAIN, 789, &arguments);
    assert_eq!(attachments.len(), 2);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"62-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    );
}

#[test]
fn what_is_nearly_of_the_form_stays_as_it_is() {
    for plain in [
        r#"{"_encoding":"base64","data":"AQ"}"#,
        r#"{"_encoding":"base64","data":"A-_="}"#,
        r#"{"_encoding":"base64","data":"AQID\n"}"#,
        r#"{"_encoding":"base64","data":"AQID","x":1}"#,
        r#"{"_encoding":"base64","data":1}"#,
        r#"{"data":"AQID","_encoding":"base64"}"#,
        r#"{"_encoding":"hex","data":"0102"}"#,
        r#"{"x":1,"_encoding":"base64","data":"AQID"}"#,
        r#""{\"_encoding\":\"base64\",\"data\":\"AQID\"}""#,
        r#"["{","_encoding","base64"]"#,
    ] {
        let (text, attachments) = event_of("e", &[plain]);
        assert_eq!(text, format!(r#"42["e",{plain}]"#));
        assert_eq!(attachments, Vec::<Vec<u8>>::new(), "{plain}");
    }
    // Beside the real thing too, and without hiding it.
    let half = r#"[{"_encoding":"base64","data":"A"},{"_encoding":"base64","data":"AQID"}]"#;
    let (text, attachments) = event_of("e", &[half]);
    assert_eq!(
        text,
        r#"451-["e",[{"_encoding":"base64","data":"A"},{"_placeholder":true,"num":0}]]"#
    );
    assert_eq!(attachments, [[1, 2, 3]]);
}

#[test]
fn nothing_that_a_publisher_writes_is_taken_for_a_placeholder() {
    let bytes = r#"{"_encoding":"base64","data":"AQID"}"#;
    for forged in [
        r#"{"_placeholder":true,"num":9}"#,
        r#"[{"x":{"\u005fplaceholder":true}}]"#,
        r#"{"_placeholder":true,"num":0}"#,
    ] {
        let (text, attachments) = event_of("e", &[bytes, forged]);
        assert_eq!(text, format!(r#"42["e",{bytes},{forged}]"#));
        assert!(attachments.is_empty());
    }
    let (text, _) = event_of("e", &[bytes, r#"{"_placeholder":false,"num":9}"#]);
    assert!(text.starts_with("451-"), "{text}");
}

#[test]
fn more_bytes_than_a_client_takes_stay_text() {
    let bytes = r#"{"_encoding":"base64","data":"AQID"}"#;
    let (text, attachments) = event_of("e", &[bytes; MAX_ATTACHMENTS]);
    assert!(text.starts_with("4510-"), "{text}");
    assert_eq!(attachments.len(), MAX_ATTACHMENTS);
    let (text, attachments) = event_of("e", &[bytes; MAX_ATTACHMENTS + 1]);
    assert!(text.starts_with(r#"42["e",{"_encoding""#), "{text}");
    assert!(attachments.is_empty());
}
