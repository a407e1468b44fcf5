//! `Sec-WebSocket-Extensions` (RFC 6455 §9.1).

use http::HeaderMap;
use http::header::SEC_WEBSOCKET_EXTENSIONS;

/// An extension as a client offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    /// Each with its value, if it has one.
    pub(super) parameters: Vec<(&'a str, Option<String>)>,
}

/// A header that does not conform to the grammar, which ends the handshake (§9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The extensions that a request offers, over all lines of the header, in the client's order of preference.
pub(super) fn offers(headers: &HeaderMap) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut offers = Vec::new();
    for line in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let mut rest = Rest(line.to_str().map_err(|_| Malformed)?);
        loop {
            // Members of a list may be empty (RFC 9110 §5.6.1.2).
            while rest.skip(',') {}
            if rest.0.is_empty() {
                break;
            }
            offers.push(rest.extension()?);
            if !rest.0.is_empty() && !rest.skip(',') {
                return Err(Malformed);
            }
        }
    }
    Ok(offers)
}

/// What of a line is still to be read. It never begins with white space.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Whether the next character was this one, which is then behind.
    fn skip(&mut self, next: char) -> bool {
        self.0 = self.0.trim_ascii_start();
        let found = self.0.strip_prefix(next);
        self.0 = found.unwrap_or(self.0).trim_ascii_start();
        found.is_some()
    }

    fn extension(&mut self) -> Result<Extension<'a>, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.skip(';') {
            let name = self.token()?;
            let value = self.skip('=').then(|| self.value()).transpose()?;
            parameters.push((name, value));
        }
        Ok(Extension { name, parameters })
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let end = self.0.bytes().position(|byte| !is_token(byte));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.trim_ascii_start();
        if token.is_empty() {
            return Err(Malformed);
        }
        Ok(token)
    }

    /// A token, or one in quotes (RFC 9110 §5.6.4).
    fn value(&mut self) -> Result<String, Malformed> {
        let Some(quoted) = self.0.strip_prefix('"') else {
            return self.token().map(str::to_owned);
        };
        let mut value = String::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next().ok_or(Malformed)? {
                '"' => break,
                '\\' => value.push(chars.next().ok_or(Malformed)?),
                plain => value.push(plain),
            }
        }
        self.0 = chars.as_str().trim_ascii_start();
        if value.is_empty() || !value.bytes().all(is_token) {
            return Err(Malformed);
        }
        Ok(value)
    }
}

/// RFC 9110 §5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `name;parameter=value`, with one space between offers.
    fn read(lines: &[&str]) -> Result<String, Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, line.parse().unwrap());
        }
        let offers = offers(&headers)?.into_iter().map(|offer| {
            let parameters = offer.parameters.into_iter().map(|(name, value)| {
                value.map_or_else(|| format!(";{name}"), |value| format!(";{name}={value}"))
            });
            offer.name.to_owned() + &parameters.collect::<String>()
        });
        Ok(offers.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn offers_are_read_in_their_order_over_all_lines() {
        for (lines, expected) in [
            (&[][..], ""),
            (&["foo"], "foo"),
            (&["foo, bar; baz=2"], "foo bar;baz=2"),
            (&["foo", "bar; baz=2"], "foo bar;baz=2"),
            (&["foo ;a = 1; b ,bar"], "foo;a=1;b bar"),
            (&[r#"foo; a="10"; b="1\0"; c="\c""#], "foo;a=10;b=10;c=c"),
            (&["", "foo,, ,bar,", " "], "foo bar"),
        ] {
            assert_eq!(read(lines), Ok(expected.to_owned()), "{lines:?}");
        }
    }

    #[test]
    fn what_is_not_the_grammar_is_malformed() {
        for line in [
            "foo bar",
            "foo;",
            "foo; =1",
            "foo; a=",
            "foo; a=1 2",
            "foo; a=\"1",
            "foo; a=\"1\\",
            "foo; a=\"\"",
            "foo; a=\"1 2\"",
            "foo; a=\"1\"2",
            "; a",
            "f\u{f6}o",
            "foo/bar",
            "foo, (bar)",
        ] {
            assert_eq!(read(&[line]), Err(Malformed), "{line}");
        }
    }
}
