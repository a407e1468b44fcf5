//! The door by chance, without a fuzzer.

use proptest::prelude::*;

use super::socketio;

/// Messages that come close to being packets.
fn any_messages() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1.0",
        "null",
        "true",
        r#""a""#,
        r#""connect""#,
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"num":1,"_placeholder":true}"#,
        r#"{"_placeholder":false,"num":1}"#,
        r#"{"_encoding":"base64","data":"AQID"}"#,
        r#"{"_encoding":"base64","data":"AQI"}"#,
        r#"{"_encoding":"base64","data":""}"#,
    ]);
    let value = leaf
        .prop_map(str::to_owned)
        .prop_recursive(3, 12, 3, |inner| {
            let array = prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(",")));
            let object = inner.prop_map(|value| format!(r#"{{"a":{value} }}"#));
            prop_oneof![array, object]
        });
    let list = prop::collection::vec(value, 0..3).prop_map(|items| match items.is_empty() {
        true => r#"["e"]"#.to_owned(),
        false => format!(r#"["e", {}]"#, items.join(" ,")),
    });
    let head = "4([0-4]|[56][0-2]-)(/[a-b]?,?)?[0-9]?";
    let text = (head, list).prop_map(|(head, list)| head + &list);
    let bytes = prop::sample::select(vec!["b", "bAQ==", "bAQID"]).prop_map(str::to_owned);
    let message = prop_oneof![3 => text, 2 => bytes];
    prop::collection::vec(message, 1..6).prop_map(|messages| messages.join("\u{1e}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_comes_close_to_a_packet_keeps_the_promises(messages in any_messages()) {
        socketio(messages.as_bytes());
    }
}
