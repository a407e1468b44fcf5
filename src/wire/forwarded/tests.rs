use proptest::prelude::*;

use super::*;

fn proxies() -> Proxies {
    Proxies::parse(["10.0.0.0/8", "fd00::/8", "unix"]).unwrap()
}

/// Whom a request with these headers is from, where it came from a trusted proxy.
fn of(headers: &[(&'static str, &str)]) -> (String, Option<bool>) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let proxy = Peer::Tcp("10.0.0.1:5000".parse().unwrap());
    let client = client(&map, proxy, &proxies());
    (client.peer.to_string(), client.secure)
}

fn peer(name: &'static str, value: &str) -> String {
    of(&[(name, value)]).0
}

#[test]
fn the_client_is_the_rightmost_that_is_not_trusted() {
    for (list, expected) in [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7:4711"),
        ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("1.1.1.1,203.0.113.7 , 10.2.0.1,10.3.0.1", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:80, fd00::1", "[2001:db8::7]:80"),
        ("10.2.0.1, 10.3.0.1", "10.2.0.1"),
        ("203.0.113.7, ,", "203.0.113.7"),
        ("", "10.0.0.1:5000"),
    ] {
        assert_eq!(peer("x-forwarded-for", list), expected, "{list:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_walk_where_it_was() {
    for (list, expected) in [
        ("unknown", "10.0.0.1:5000"),
        ("203.0.113.7, unknown", "10.0.0.1:5000"),
        ("203.0.113.7, x, 10.2.0.1", "10.2.0.1"),
        ("203.0.113.7:99999", "10.0.0.1:5000"),
        ("203.0.113.7:+80", "10.0.0.1:5000"),
        ("203.0.113.7:", "10.0.0.1:5000"),
        ("[203.0.113.7]", "10.0.0.1:5000"),
        ("[2001:db8::7]x", "10.0.0.1:5000"),
        ("203.0.113", "10.0.0.1:5000"),
    ] {
        assert_eq!(peer("x-forwarded-for", list), expected, "{list:?}");
    }
}

#[test]
fn forwarded_is_read_with_its_quotes_ports_and_made_up_names() {
    for (line, expected) in [
        ("for=203.0.113.7", "203.0.113.7"),
        ("For=\"203.0.113.7:4711\"", "203.0.113.7:4711"),
        ("for=203.0.113.7:4711", "203.0.113.7:4711"),
        ("for=\"[2001:db8::7]\"", "2001:db8::7"),
        ("for=\"[2001:db8::7]:_x\";by=10.0.0.1", "2001:db8::7"),
        (
            "proto=https;for=203.0.113.7;host=\"a,b;c=d\"",
            "203.0.113.7",
        ),
        (
            "for=1.1.1.1, for=203.0.113.7;proto=http, for=10.2.0.1",
            "203.0.113.7",
        ),
        (" for=203.0.113.7 ; by=x , for=10.2.0.1 ", "203.0.113.7"),
        ("for=\"203.0.113.\\7\"", "203.0.113.7"),
        (",,for=203.0.113.7;,", "203.0.113.7"),
        ("for=203.0.113.7, for=unknown", "10.0.0.1:5000"),
        ("for=203.0.113.7, for=_hidden, for=10.2.0.1", "10.2.0.1"),
        ("for=203.0.113.7, by=10.2.0.1", "10.0.0.1:5000"),
    ] {
        assert_eq!(peer("forwarded", line), expected, "{line:?}");
    }
}

#[test]
fn a_stranger_who_opens_a_quote_swallows_nothing_of_what_the_proxy_adds() {
    // What a client sent, and behind it what a proxy appends on the same line.
    for sent in [
        "for=\"",
        "for=\"1.1.1.1",
        "host=\"",
        "x",
        "for=\"\\",
        "for=\"a\"b",
        "for=1.1.1.1;x",
    ] {
        for added in [
            "for=203.0.113.7",
            "for=\"[2001:db8::7]:80\";proto=\"https\"",
        ] {
            let line = format!("{sent}, {added}");
            assert_eq!(peer("forwarded", &line), "10.0.0.1:5000", "{line}");
        }
        let lines = [("forwarded", sent), ("forwarded", "for=203.0.113.7")];
        assert_eq!(of(&lines).0, "203.0.113.7", "{sent} on a line of its own");
    }
    for line in [
        "for=1.1.1.1;for=2.2.2.2",
        "for=",
        "=1.1.1.1;",
        "for",
        "for=1.1.1.1 x",
    ] {
        assert_eq!(
            of(&[("forwarded", "for=8.8.8.8"), ("forwarded", line)]).0,
            "10.0.0.1:5000",
            "{line}"
        );
    }
}

#[test]
fn a_stranger_who_sends_what_is_no_text_hides_nothing_of_what_the_proxy_adds() {
    let of = |bytes: &[u8]| {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(bytes).unwrap());
        let proxy = Peer::Tcp("10.0.0.1:5000".parse().unwrap());
        client(&headers, proxy, &proxies()).peer.to_string()
    };
    assert_eq!(of(b"\xff, 203.0.113.7"), "203.0.113.7");
    assert_eq!(of(b"\xff"), "10.0.0.1:5000");
    assert_eq!(of(b"1.1.1.1, \xff, 10.2.0.1"), "10.2.0.1");
}

#[test]
fn of_two_headers_that_differ_neither_counts() {
    let itself = ("10.0.0.1:5000".to_owned(), None);
    for (new, old, expected) in [
        ("for=203.0.113.7", "203.0.113.7", "203.0.113.7"),
        (
            "for=\"203.0.113.7:80\"",
            "1.1.1.1, 203.0.113.7",
            "203.0.113.7:80",
        ),
        ("for=1.1.1.1", "203.0.113.7", &itself.0),
        ("for=203.0.113.7", "1.1.1.1", &itself.0),
        ("for=unknown", "203.0.113.7", &itself.0),
        ("for=203.0.113.7", "", "203.0.113.7"),
    ] {
        let both = [("forwarded", new), ("x-forwarded-for", old)];
        assert_eq!(of(&both).0, expected, "{new} {old}");
    }
    let secure = [
        ("forwarded", "for=203.0.113.7"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(of(&secure), ("203.0.113.7".into(), None));
    let differ = [
        ("forwarded", "for=1.1.1.1;proto=https"),
        ("x-forwarded-for", "203.0.113.7"),
    ];
    assert_eq!(of(&differ), itself);
}

#[test]
fn whether_the_client_spoke_tls_is_said_of_its_own_connection() {
    let x = |list, proto| of(&[("x-forwarded-for", list), ("x-forwarded-proto", proto)]).1;
    assert_eq!(x("203.0.113.7", "https"), Some(true));
    assert_eq!(x("203.0.113.7", "http"), Some(false));
    assert_eq!(x("203.0.113.7", "gopher"), None);
    assert_eq!(x("203.0.113.7, 10.2.0.1", "https"), Some(true));
    assert_eq!(
        x("1.1.1.1, 203.0.113.7, 10.2.0.1", "ws, https, http"),
        Some(true)
    );
    assert_eq!(of(&[("x-forwarded-proto", "WSS")]).1, Some(true));
    let forwarded = |line| of(&[("forwarded", line)]).1;
    assert_eq!(
        forwarded("for=203.0.113.7;proto=https, for=10.2.0.1;proto=http"),
        Some(true)
    );
    assert_eq!(
        forwarded("for=1.1.1.1;proto=https, for=203.0.113.7;proto=http"),
        Some(false)
    );
    assert_eq!(forwarded("for=unknown;proto=https"), Some(true));
    assert_eq!(
        forwarded("for=203.0.113.7, for=10.2.0.1;proto=https"),
        Some(true)
    );
}

#[test]
fn from_whoever_is_not_trusted_nothing_is_taken() {
    let mut headers = HeaderMap::new();
    for name in ["forwarded", "x-forwarded-for"] {
        headers.append(name, HeaderValue::from_static("for=1.1.1.1;proto=https"));
    }
    headers.append("x-forwarded-proto", HeaderValue::from_static("https"));
    let stranger = Peer::Tcp("203.0.113.7:5000".parse().unwrap());
    for (from, proxies) in [(stranger, proxies()), (Peer::Unix, Proxies::default())] {
        let found = client(&headers, from, &proxies);
        assert_eq!(
            found,
            Client {
                peer: from,
                secure: None
            }
        );
    }
}

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("for=".to_owned()),
        Just("proto=https".to_owned()),
        Just("10.2.0.1".to_owned()),
        Just("203.0.113.7:80".to_owned()),
        Just("\"[fd00::1]\"".to_owned()),
        "[\",;=\\\\ \t:\\[\\]a-f0-9_]{0,4}",
    ];
    prop::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

proptest! {
    /// However the left of what a proxy adds looks: behind one that is not trusted nothing is found.
    #[test]
    fn what_stands_left_of_a_stranger_changes_nothing(left in text(), apart: bool) {
        for (name, added) in [("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "203.0.113.7")] {
            let joined = format!("{left}, {added}");
            let found = if apart {
                of(&[(name, &left), (name, added)])
            } else {
                of(&[(name, &joined)])
            };
            let swallowed = name == "forwarded" && !apart && forwarded(&joined).is_none();
            prop_assert_eq!(found.0, if swallowed { "10.0.0.1:5000" } else { "203.0.113.7" });
        }
    }

    #[test]
    fn an_address_reads_as_it_is_written(ip: u128, v4: bool, port: u16) {
        let ip: IpAddr = if v4 {
            IpAddr::V4(u32::try_from(ip >> 96).unwrap().into())
        } else {
            IpAddr::V6(ip.into())
        };
        let whole = SocketAddr::from((ip, port));
        prop_assert_eq!(address(&whole.to_string()), Some(whole));
        prop_assert_eq!(address(&ip.to_string()), Some((ip, 0).into()));
    }
}
