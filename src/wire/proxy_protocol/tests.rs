use proptest::prelude::*;

use super::*;

const COMMAND: u8 = 0x21;

/// A header of version 2.
fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

fn addition(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind][..], &length, value].concat()
}

/// `192.0.2.1:4711` to `192.0.2.2:443`.
const IPV4: &[u8] = &[192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 1, 0xbb];

fn whole(bytes: &[u8]) -> (usize, Option<String>) {
    match decode(bytes) {
        Ok(Header::Whole { length, client }) => (length, client.map(|one| one.to_string())),
        other => panic!("{other:?} of {bytes:?}"),
    }
}

fn why_not(bytes: &[u8]) -> String {
    decode(bytes).unwrap_err().to_string()
}

#[test]
fn a_line_names_its_client() {
    for (line, client) in [
        (
            "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n",
            Some("192.0.2.1:4711"),
        ),
        (
            "PROXY TCP6 2001:db8::1 ::1 4711 443\r\n",
            Some("[2001:db8::1]:4711"),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff:f…f 65535 65535\r\n", None),
    ] {
        let bytes = format!("{line}GET / HTTP/1.1\r\n");
        let expected = (line.len(), client.map(str::to_owned));
        assert_eq!(whole(bytes.as_bytes()), expected, "{line:?}");
    }
}

#[test]
fn a_line_that_says_anything_else_is_none() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 4711 443\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n",
        "PROXY TCP4 ::1 ::1 4711 443\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 4711 443\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 04711 443\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +4711 443\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 4711 65536\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 4711 443\r\n",
        "PROXY tcp4 192.0.2.1 192.0.2.2 4711 443\r\n",
        "PROXY \r\n",
    ] {
        assert!(decode(line.as_bytes()).is_err(), "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 16));
    assert_eq!(long.len(), LONGEST_LINE);
    assert_eq!(whole(long.as_bytes()), (LONGEST_LINE, None));
    let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LONGEST_LINE - 15));
    assert!(why_not(longer.as_bytes()).contains("without end"));
}

#[test]
fn version_2_names_its_client_too_and_what_follows_the_addresses_is_skipped() {
    let more = addition(0x02, b"live.example");
    let with_more = [IPV4, &more].concat();
    let bytes = [header(COMMAND, 0x11, &with_more), b"GET".to_vec()].concat();
    assert_eq!(whole(&bytes), (16 + 12 + 15, Some("192.0.2.1:4711".into())));
    let mut ipv6 = [0; 36];
    (ipv6[15], ipv6[32], ipv6[33]) = (1, 1, 2);
    assert_eq!(
        whole(&header(COMMAND, 0x21, &ipv6)),
        (52, Some("[::1]:258".into()))
    );
}

#[test]
fn a_connection_of_the_proxys_own_and_one_without_an_address_name_nobody() {
    for (command, family, length) in [
        (0x20, 0x11, 12),
        (0x20, 0x00, 0),
        // A health check of the proxy's, whose family is to be ignored.
        (0x20, 0x11, 0),
        (0x20, 0x21, 7),
        (COMMAND, 0x00, 100),
        (COMMAND, 0x12, 12),
        (COMMAND, 0x22, 36),
        (COMMAND, 0x31, 216),
    ] {
        let bytes = header(command, family, &vec![0; length]);
        assert_eq!(whole(&bytes), (16 + length, None), "{command:x} {family:x}");
    }
}

#[test]
fn version_2_with_anything_else_is_no_header() {
    for (bytes, why) in [
        (header(0x11, 0x11, IPV4), "version"),
        (header(0x22, 0x11, IPV4), "command"),
        (header(COMMAND, 0x11, &IPV4[..11]), "without its addresses"),
        (header(COMMAND, 0x21, &[0; 35]), "without its addresses"),
        (header(COMMAND, 0x31, IPV4), "without its addresses"),
        (header(COMMAND, 0x11, &[IPV4, &[4]].concat()), "cut"),
        (
            header(COMMAND, 0x11, &[IPV4, &[4, 0, 9, 1]].concat()),
            "cut",
        ),
        (header(COMMAND, 0x11, &[0; LONGEST]), "too long"),
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), "no PROXY"),
    ] {
        let said = why_not(&bytes);
        assert!(said.contains(why), "{said}, and not {why}");
    }
}

#[test]
fn a_checksum_is_held_to() {
    assert_eq!(
        crc32c(b"123456789"),
        0xE306_9283,
        "the check value of CRC-32C"
    );
    let with = |sum: u32| {
        header(
            COMMAND,
            0x11,
            &[IPV4, &addition(CHECKSUM, &sum.to_be_bytes())].concat(),
        )
    };
    let right = crc32c(&with(0));
    assert_eq!(whole(&with(right)).1.as_deref(), Some("192.0.2.1:4711"));
    assert!(why_not(&with(right ^ 1)).contains("checksum"));
    let short = header(
        COMMAND,
        0x11,
        &[IPV4, &addition(CHECKSUM, &[0; 3])].concat(),
    );
    assert!(why_not(&short).contains("checksum"));
}

fn any_header() -> impl Strategy<Value = Vec<u8>> {
    let line =
        (any::<SocketAddr>(), any::<SocketAddr>(), any::<bool>()).prop_map(|(from, to, known)| {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            let (a, b, c, d) = (from.ip(), to.ip(), from.port(), to.port());
            let line = format!("PROXY {family} {a} {b} {c} {d}\r\n");
            let fits = from.is_ipv4() == to.is_ipv4();
            if known && fits {
                line
            } else {
                "PROXY UNKNOWN\r\n".to_owned()
            }
            .into_bytes()
        });
    let more = prop::collection::vec((4_u8.., prop::collection::vec(any::<u8>(), 0..20)), 0..4);
    let binary = (0x20_u8..=0x21, any::<[u8; 36]>(), 0_usize..3, more).prop_map(
        |(command, ends, kind, more)| {
            let (family, length) = [(0x11, 12), (0x21, 36), (0x00, 0)][kind];
            let more: Vec<u8> = more
                .iter()
                .flat_map(|(kind, value)| addition(*kind, value))
                .collect();
            header(command, family, &[&ends[..length], &more].concat())
        },
    );
    prop_oneof![line, binary]
}

proptest! {
    #[test]
    fn a_header_in_pieces_is_incomplete_until_it_is_whole_and_what_follows_changes_nothing(
        header in any_header(), behind in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let found = decode(&header);
        let is_whole = matches!(found, Ok(Header::Whole { length, .. }) if length == header.len());
        prop_assert!(is_whole, "{:?}", found);
        for end in 0..header.len() {
            prop_assert_eq!(decode(&header[..end]), Ok(Header::Incomplete), "{}", end);
        }
        prop_assert_eq!(decode(&[&header[..], &behind].concat()), found);
    }

    /// What was refused stays refused, and what was a header stays that one, whatever comes.
    #[test]
    fn no_verdict_is_taken_back(bytes in prop::collection::vec(any::<u8>(), 0..60), start in 0_usize..3) {
        let start = [&b""[..], SIGNATURE, WORD][start];
        let bytes = [start, &bytes].concat();
        let mut last = Ok(Header::Incomplete);
        for end in 0..=bytes.len() {
            let now = decode(&bytes[..end]);
            prop_assert!(last == Ok(Header::Incomplete) || now == last, "{:?} and then {:?}", last, now);
            last = now;
        }
    }
}
