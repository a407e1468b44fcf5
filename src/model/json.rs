//! JSON payloads that keep the publisher's own tokens.

use bytes::Bytes;
use serde_json::value::RawValue;

/// A valid JSON text without insignificant white space (RFC 8259 §2): one line, numbers and escapes as sent.
///
/// White space is all that is ever removed: `1.0`, `1e2` and `"\u00e9"` reach every client as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Bytes);

/// Why a text is no payload.
#[derive(Debug, PartialEq, Eq)]
pub enum InvalidJson {
    /// Not JSON; what the parser says, with its line and column.
    Syntax(String),
    /// Arrays and objects nested deeper than [`Json::MAX_DEPTH`].
    Depth,
}

impl Json {
    /// The deepest nesting: some parsers of the clients' languages stop at 128, and answers add some levels.
    pub const MAX_DEPTH: usize = 120;

    /// Checks `text` and removes its insignificant white space.
    ///
    /// # Errors
    /// `text` is no JSON, or nested too deeply.
    pub fn parse(text: &str) -> Result<Self, InvalidJson> {
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| InvalidJson::Syntax(error.to_string()))?;
        Self::from_raw(raw)
    }

    /// Takes over what a JSON parser has checked already.
    ///
    /// # Errors
    /// It is nested too deeply.
    pub fn from_raw(raw: &RawValue) -> Result<Self, InvalidJson> {
        let mut out = Vec::with_capacity(raw.get().len());
        let mut depth = 0_usize;
        let mut in_string = false;
        let mut escaped = false;
        for &byte in raw.get().as_bytes() {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                out.push(byte);
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => continue,
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            if depth > Self::MAX_DEPTH {
                return Err(InvalidJson::Depth);
            }
            out.push(byte);
        }
        // Without the room that the white space took: what the log counts is what it holds.
        Ok(Self(out.into_boxed_slice().into()))
    }

    /// The payload of an event that has none.
    #[must_use]
    pub const fn null() -> Self {
        Self(Bytes::from_static(b"null"))
    }

    /// `text` as a JSON string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self(
            serde_json::Value::from(text)
                .to_string()
                .into_bytes()
                .into_boxed_slice()
                .into(),
        )
    }

    /// The JSON of `value`: of a structure around payloads that were checked.
    #[must_use]
    pub fn around(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => Self(text.into_boxed_slice().into()),
            // Numbers, texts and checked JSON: there is nothing in it that could fail.
            Err(_) => Self::null(),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Checked when it was made; the fallback cannot be reached and keeps `unsafe` and panics out.
        std::str::from_utf8(&self.0).unwrap_or("null")
    }

    /// The text's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text of a JSON string (a lone surrogate, which JSON allows and UTF-8 does not, as U+FFFD), or
    /// nothing if this is no string.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        if !self.0.starts_with(b"\"") {
            return None;
        }
        Some(
            serde_json::from_str(self.as_str())
                .unwrap_or_else(|_| replace_lone_surrogates(self.as_str())),
        )
    }
}

/// Decodes a JSON string that holds escapes which are half a character, by way of UTF-16.
fn replace_lone_surrogates(json: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        let decoded = match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('u') => {
                    let hex: String = characters.by_ref().take(4).collect();
                    units.extend(u16::from_str_radix(&hex, 16));
                    continue;
                }
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(other) => other,
                None => break,
            },
            (plain, false) => plain,
        };
        units.extend_from_slice(decoded.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

impl std::fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(what) => write!(f, "not JSON: {what}"),
            Self::Depth => write!(f, "nested deeper than {} levels", Json::MAX_DEPTH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_insignificant_white_space_goes() {
        for (text, kept) in [
            (" { \"a\" : [ 1.0 , 1e2 ] }\r\n", "{\"a\":[1.0,1e2]}"),
            ("\" a \\\" b \\\\\" ", "\" a \\\" b \\\\\""),
            ("\"\\u00e9\"", "\"\\u00e9\""),
            ("null", "null"),
            ("18446744073709551617", "18446744073709551617"),
        ] {
            assert_eq!(Json::parse(text).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\":1}x",
            "\"a\nb\"",
            "nul",
            "[1,]",
            "\u{feff}1",
        ] {
            assert!(
                matches!(Json::parse(text), Err(InvalidJson::Syntax(_))),
                "{text:?}"
            );
        }
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(&deep(120)).is_ok());
        assert_eq!(Json::parse(&deep(121)), Err(InvalidJson::Depth));
        assert_eq!(Json::parse(&deep(1_000_000)), Err(InvalidJson::Depth));
    }

    #[test]
    fn a_string_gives_its_text_and_half_a_character_becomes_a_replacement() {
        let text = |json: &str| Json::parse(json).unwrap().to_text();
        assert_eq!(text("\"a\\nb\""), Some("a\nb".into()));
        assert_eq!(text("\"\\ud83d\\ude00\""), Some("😀".into()));
        assert_eq!(text("\"x\\ud83dy\\n\""), Some("x\u{fffd}y\n".into()));
        assert_eq!(text("\"\\ud83d\\ude00\\ud83d\""), Some("😀\u{fffd}".into()));
        assert_eq!(
            text("\"\\\\ud800 \\ud800\\\"\""),
            Some("\\ud800 \u{fffd}\"".into())
        );
        assert_eq!(text("[1]"), None);
    }
}
