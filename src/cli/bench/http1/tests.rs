//! Each answer whole, byte by byte and cut anywhere: the pieces make no difference.

use super::*;
use proptest::prelude::*;

#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: Option<u16>,
    content: Vec<u8>,
    whole: bool,
    kept: bool,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Read, Malformed> {
    let (mut answer, mut all) = (Answer::default(), Vec::new());
    for piece in pieces {
        answer.push(piece, &mut |content| all.extend_from_slice(content))?;
    }
    Ok(Read {
        status: answer.head().map(|head| head.status.as_u16()),
        content: all,
        whole: answer.is_whole(),
        kept: answer.keeps_the_connection(),
    })
}

/// What `stream` says, whole and byte by byte.
fn says(stream: &str) -> Result<Read, Malformed> {
    let whole = read([stream.as_bytes()]);
    assert_eq!(read(stream.as_bytes().chunks(1)), whole, "{stream:?}");
    whole
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n9\r\n, \
                       world! \r\n0\r\nx: y\r\n\r\n";

#[test]
fn each_framing_gives_the_content_and_says_where_it_ends() {
    for (stream, status, content, whole, kept) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            200,
            "hello",
            true,
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            200,
            "hell",
            false,
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nhi",
            200,
            "hi",
            true,
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false, false),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true, true),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
            202,
            "",
            true,
            true,
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}2",
            101,
            "\u{1}2",
            false,
            false,
        ),
        (CHUNKED, 200, "hello, world! ", true, true),
    ] {
        let read = says(stream).unwrap();
        let expected = Read {
            status: Some(status),
            content: content.into(),
            whole,
            kept,
        };
        assert_eq!(read, expected, "{stream:?}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    for stream in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
    ] {
        assert_eq!(says(stream), Err(Malformed), "{stream:?}");
    }
}

#[test]
fn a_request_names_its_host_and_the_length_of_its_content() {
    let with = Request::post("http://gate.example:8080/v1/x?y=1")
        .header("x-api-key", "abc")
        .body(Bytes::from("hi"))
        .unwrap();
    assert_eq!(
        String::from_utf8(request(&with)).unwrap(),
        "POST /v1/x?y=1 HTTP/1.1\r\nHost: gate.example:8080\r\nContent-Length: 2\r\nx-api-key: abc\r\n\r\nhi"
    );
    let without = Request::get("http://gate.example")
        .body(Bytes::new())
        .unwrap();
    assert_eq!(
        String::from_utf8(request(&without)).unwrap(),
        "GET / HTTP/1.1\r\nHost: gate.example\r\n\r\n"
    );
}

proptest! {
    #[test]
    fn the_pieces_that_a_body_arrives_in_make_no_difference(cuts in prop::collection::vec(1_usize..30, 0..40)) {
        let (mut pieces, mut rest) = (Vec::new(), CHUNKED.as_bytes());
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(read(pieces), read([CHUNKED.as_bytes()]));
    }
}
