//! Packets with attachments: what is put together, and what ends the connection.

use std::time::Duration;

use bytes::Bytes;

use super::*;

const TWO: &str =
    r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

fn at(seconds: u64) -> Moment {
    Moment::default() + Duration::from_secs(seconds)
}

/// A text and the bytes behind it.
fn fed(text: &str, attachments: &[&'static [u8]]) -> Result<Option<Packet>, Fault> {
    let mut reassembler = Reassembler::new(LONGEST);
    let mut packet = reassembler.text(text, at(5))?;
    for bytes in attachments {
        assert_eq!(packet, None, "it is not whole yet");
        packet = reassembler.binary(Bytes::from_static(bytes))?;
    }
    Ok(packet)
}

#[test]
fn attachments_take_the_place_of_their_placeholders() {
    let bytes = |data: &str| format!(r#"{{"_encoding":"base64","data":"{data}"}}"#);
    assert_eq!(
        fed(
            r#"51-["baz",{"_placeholder":true,"num":0}]"#,
            &[&[1, 2, 3, 4]]
        ),
        Ok(Some(packet("/", event("baz", &[&bytes("AQIDBA==")], None))))
    );
    assert_eq!(
        fed(TWO, &[&[1, 2], &[3, 4]]),
        Ok(Some(packet(
            "/admin",
            event("baz", &[&bytes("AQI="), &bytes("AwQ=")], None)
        )))
    );
    assert_eq!(
        fed(r#"61-15["bar",{"_placeholder":true,"num":0}]"#, &[b""]),
        Ok(Some(packet("/", ack(15, &[r#""bar""#, &bytes("")]))))
    );
    // Of any depth, in any order, with the members in any order, however their keys are written.
    let deep = r#"52-/deep,999["a",{ "a":"hi", "b":{"why":{"num":1,"_placeholder":true}}, "c":[[ {"\u005fplaceholder" : true,"n\u0075m":0} ],1.0]}]"#;
    let meant = format!(
        r#"{{"a":"hi","b":{{"why":{}}},"c":[[{}],1.0]}}"#,
        bytes("Ag=="),
        bytes("AQ==")
    );
    assert_eq!(
        fed(deep, &[&[1], &[2]]),
        Ok(Some(packet("/deep", event("a", &[&meant], Some(999)))))
    );
}

#[test]
fn what_only_looks_like_a_placeholder_is_left_alone() {
    for plain in [
        r#"{"_placeholder":false,"num":9}"#,
        r#"{"_placeholder":"true","num":9}"#,
        r#"{"_placeholder":{"x":true},"num":9}"#,
        r#""{\"_placeholder\":true,\"num\":9}""#,
        r#"["_placeholder",true,"num",9]"#,
        r#"{"num":9}"#,
    ] {
        let text = format!(r#"51-["e",{plain},{{"_placeholder":true,"num":0}}]"#);
        let Body::Event(event) = fed(&text, &[b"x"]).unwrap().unwrap().body else {
            panic!("an event")
        };
        assert_eq!(event.arguments[0].as_str(), plain);
    }
    // Nor is anything one where there are no attachments.
    let literal = r#"{"_placeholder":true,"num":0}"#;
    for kind in ["2", "50-"] {
        assert_eq!(
            fed(&format!(r#"{kind}["e",{literal}]"#), &[]),
            Ok(Some(packet("/", event("e", &[literal], None))))
        );
    }
}

#[test]
fn each_attachment_has_one_place_and_each_place_one_attachment() {
    for list in [
        r#"["hello"]"#,
        r#"["hello",{"_placeholder":true,"num":1}]"#,
        r#"["hello",{"_placeholder":true,"num":"splice"}]"#,
        r#"["hello",{"_placeholder":true,"num":-1}]"#,
        r#"["hello",{"_placeholder":true,"num":0.0}]"#,
        r#"["hello",{"_placeholder":true,"num":99999999999999999999}]"#,
        r#"["hello",{"_placeholder":true,"num":[0]}]"#,
        r#"["hello",{"_placeholder":true}]"#,
        r#"["hello",{"_placeholder":true,"num":0,"x":1}]"#,
        r#"["hello",{"_placeholder":true,"num":0,"num":0}]"#,
        r#"["hello",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
        r#"["hello",{"_placeholder":true,"num":{"_placeholder":true,"num":0}}]"#,
    ] {
        assert_eq!(
            fed(&format!("51-{list}"), &[]),
            Err(Fault::Placeholder),
            "{list}"
        );
    }
    let first = r#"["hello",{"_placeholder":true,"num":0}]"#;
    assert_eq!(fed(&format!("52-{first}"), &[]), Err(Fault::Placeholder));
    // The name of an event is no attachment.
    let name = r#"51-[{"_placeholder":true,"num":0}]"#;
    assert_eq!(fed(name, &[]), Err(Fault::NoEvent));
}

#[test]
fn ten_attachments_are_taken() {
    let places = |count: usize| -> String {
        let place = |number| format!(r#",{{"_placeholder":true,"num":{number}}}"#);
        (0..count).map(place).collect()
    };
    let text = format!(r#"510-["e"{}]"#, places(10));
    let Body::Event(event) = fed(&text, &[&b"x"[..]; 10]).unwrap().unwrap().body else {
        panic!("an event")
    };
    assert_eq!(event.arguments.len(), 10);
    let text = format!(r#"510-["e"{}]"#, places(11));
    assert_eq!(fed(&text, &[]), Err(Fault::Placeholder));
    let text = format!(r#"511-["e"{}]"#, places(11));
    assert_eq!(fed(&text, &[]), Err(Fault::TooManyAttachments));
}

#[test]
fn bytes_come_behind_their_packet_with_nothing_in_between() {
    let mut reassembler = Reassembler::new(LONGEST);
    assert_eq!(
        reassembler.binary(Bytes::from_static(b"world")),
        Err(Fault::Unannounced)
    );
    let mut reassembler = Reassembler::new(LONGEST);
    assert_eq!(reassembler.text(TWO, at(5)), Ok(None));
    assert_eq!(reassembler.binary(Bytes::new()), Ok(None));
    assert_eq!(
        reassembler.text(r#"2["hello"]"#, at(5)),
        Err(Fault::Interrupted)
    );
    // And that was the end.
    assert_eq!(reassembler.binary(Bytes::new()), Ok(None));
    assert_eq!(reassembler.text(r#"2["hello"]"#, at(5)), Ok(None));
    assert_eq!(reassembler.deadline(), None);
}

#[test]
fn one_packet_after_the_other_goes_through_the_same_reassembler() {
    let mut reassembler = Reassembler::new(LONGEST);
    for _ in 0..3 {
        assert_eq!(reassembler.text(TWO, at(5)), Ok(None));
        assert_eq!(reassembler.binary(Bytes::from_static(b"a")), Ok(None));
        let whole = reassembler.binary(Bytes::from_static(b"b"));
        assert!(matches!(whole, Ok(Some(_))), "{whole:?}");
        // The original waits for ever for the attachments of this one.
        for text in [r#"50-["hello"]"#, r#"2["hello"]"#] {
            let next = reassembler.text(text, at(5));
            assert_eq!(next, Ok(Some(packet("/", event("hello", &[], None)))));
        }
    }
}

#[test]
fn a_packet_and_its_attachments_share_one_bound() {
    let text = r#"52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let bytes = text.len() + 5;
    let fed = |sizes: [usize; 2]| {
        let mut reassembler = Reassembler::new(bytes);
        reassembler.text(text, at(5))?;
        reassembler.binary(vec![0; sizes[0]].into())?;
        reassembler.binary(vec![0; sizes[1]].into())
    };
    assert!(fed([2, 3]).is_ok());
    assert_eq!(fed([2, 4]), Err(Fault::TooLarge { bytes }));
    assert_eq!(fed([6, 0]), Err(Fault::TooLarge { bytes }));
}

#[test]
fn attachments_have_the_time_that_was_set_when_their_packet_came() {
    let mut reassembler = Reassembler::new(LONGEST);
    assert_eq!(
        (reassembler.deadline(), reassembler.check(at(100))),
        (None, Ok(()))
    );
    assert_eq!(reassembler.text(TWO, at(5)), Ok(None));
    assert_eq!(reassembler.deadline(), Some(at(5)));
    assert_eq!(reassembler.check(at(4)), Ok(()));
    // One of two gains no time.
    assert_eq!(reassembler.binary(Bytes::new()), Ok(None));
    assert_eq!(reassembler.deadline(), Some(at(5)));
    assert_eq!(reassembler.check(at(5)), Err(Fault::Late));
    assert_eq!(reassembler.check(at(6)), Ok(()), "it is told once");
    assert_eq!(reassembler.binary(Bytes::new()), Ok(None));

    let mut reassembler = Reassembler::new(LONGEST);
    assert!(
        reassembler
            .text(r#"51-["e",{"_placeholder":true,"num":0}]"#, at(5))
            .is_ok()
    );
    assert!(matches!(reassembler.binary(Bytes::new()), Ok(Some(_))));
    assert_eq!(
        (reassembler.deadline(), reassembler.check(at(100))),
        (None, Ok(()))
    );
}

#[test]
fn who_waits_for_nothing_holds_nothing() {
    assert!(size_of::<Reassembler>() <= 24);
}
