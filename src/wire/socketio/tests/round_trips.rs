//! What is written is read, whatever it is, and whatever comes is taken or refused.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::encoder;
use super::*;

/// JSON with bytes in it, with what nearly are bytes, and what nearly are placeholders.
fn any_json() -> impl Strategy<Value = String> {
    let bytes = "[A-Za-z0-9+/]{4}{0,2}"
        .prop_map(|data: String| format!(r#"{{"_encoding":"base64","data":"{data}"}}"#));
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.0".to_owned()),
        Just("-1e400".to_owned()),
        Just(r#""\ud800\"{""#.to_owned()),
        Just(r#"{"_placeholder":false,"num":3}"#.to_owned()),
        "\\PC{0,6}".prop_map(|text: String| serde_json::to_string(&text).unwrap()),
        bytes,
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let array = prop::collection::vec(inner.clone(), 0..4)
            .prop_map(|items| format!("[{}]", items.join(",")));
        let object = prop::collection::vec(("[a-c_]", inner), 0..4).prop_map(|members| {
            let member = |(key, value): &(String, String)| format!(r#""{key}":{value}"#);
            let members: Vec<_> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        });
        prop_oneof![array, object]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let unreserved = |name: &String| !RESERVED.contains(&name.as_str());
    "\\PC{0,8}".prop_filter("the library's own", unreserved)
}

fn any_namespace() -> impl Strategy<Value = Namespace> {
    "/[^,\\p{Cc}]{0,8}".prop_map(|name: String| namespace(&name))
}

fn read_with(out: &[u8], attachments: Vec<Bytes>) -> Result<Option<Packet>, Fault> {
    let mut reassembler = Reassembler::new(LONGEST);
    let text = std::str::from_utf8(out).unwrap();
    let mut packet = reassembler.text(text, Moment::default())?;
    for bytes in attachments {
        assert_eq!(packet, None);
        packet = reassembler.binary(bytes)?;
    }
    Ok(packet)
}

proptest! {
    #[test]
    fn an_event_reads_back_token_for_token(
        space in any_namespace(), id in any::<Option<u64>>(), name in any_name(),
        arguments in prop::collection::vec(any_json(), 0..4),
    ) {
        let arguments: Vec<Json> = arguments.iter().map(|text| json(text)).collect();
        let mut out = Vec::new();
        let attachments = encoder::event(&mut out, &space, id, &name, &arguments.iter().collect::<Vec<_>>());
        let body = Body::Event(Event { name, arguments, id });
        prop_assert_eq!(read_with(&out, attachments), Ok(Some(Packet { namespace: space, body })));
    }

    #[test]
    fn an_ack_reads_back_token_for_token(
        space in any_namespace(), id in any::<u64>(), arguments in prop::collection::vec(any_json(), 0..4),
    ) {
        let arguments: Vec<Json> = arguments.iter().map(|text| json(text)).collect();
        let mut out = Vec::new();
        let attachments = encoder::ack(&mut out, &space, id, &arguments.iter().collect::<Vec<_>>());
        let body = Body::Ack { id, arguments };
        prop_assert_eq!(read_with(&out, attachments), Ok(Some(Packet { namespace: space, body })));
    }

    #[test]
    fn an_answer_to_a_client_that_joins_reads_back(
        space in any_namespace(), sid in "\\PC{0,8}", pid in prop::option::of("\\PC{0,8}"), message in ".{0,8}", data in prop::option::of(any_json()),
    ) {
        let mut out = Vec::new();
        encoder::connect(&mut out, &space, &sid, pid.as_deref());
        let Body::Connect(Some(told)) = read(std::str::from_utf8(&out).unwrap()).unwrap().body else {
            panic!("an answer")
        };
        prop_assert_eq!(told.text("sid"), Some(sid));
        prop_assert_eq!(told.text("pid"), pid);

        let mut out = Vec::new();
        let data = data.map(|text| json(&text));
        encoder::connect_error(&mut out, &space, &message, data.as_ref());
        let Body::ConnectError(told) = read(std::str::from_utf8(&out).unwrap()).unwrap().body else {
            panic!("a refusal")
        };
        let told = Auth(told);
        prop_assert_eq!(told.text("message"), Some(message));
        let text = told.expose().as_str();
        prop_assert_eq!(text.contains(r#","data":"#), data.is_some());
        let end = data.map(|data| format!("{}}}", data.as_str()));
        prop_assert!(end.is_none_or(|end| text.ends_with(&end)));
    }

    /// A text may be anything, and so may what comes behind it.
    #[test]
    fn whatever_comes_is_taken_or_refused(
        texts in prop::collection::vec("[0-6]{0,2}-?(/[a-z]?,?)?[0-9]{0,2}[\\[\\]{}\",:a_0-9]{0,12}", 1..4), bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut reassembler = Reassembler::new(LONGEST);
        let mut refused = false;
        for text in &texts {
            for read in [reassembler.text(text, Moment::default()), reassembler.binary(bytes.clone().into())] {
                prop_assert!(!refused || read == Ok(None));
                refused |= read.is_err();
            }
        }
    }
}
