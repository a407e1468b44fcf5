//! Payloads: only insignificant white space goes.

use crate::model::json::{InvalidJson, Json};

/// Text that may be JSON, and the same text as a JSON string.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Json::parse(text) {
        Ok(json) => assert_keeps_tokens(&json, text),
        Err(InvalidJson::Depth) => assert!(depth(text) > Json::MAX_DEPTH),
        Err(InvalidJson::Syntax(what)) => {
            assert!(!what.is_empty());
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err());
        }
    }
    let string = Json::string(text);
    assert_keeps_tokens(&string, string.as_str());
    assert_eq!(string.to_text().as_deref(), Some(text));
}

fn assert_keeps_tokens(json: &Json, text: &str) {
    let kept = tokens(json.as_str());
    assert_eq!(kept, tokens(text));
    assert_eq!(kept.concat(), json.as_str(), "nothing stands between them");
    assert!(!json.as_str().contains(['\r', '\n']), "it is one line");
    assert!(depth(text) <= Json::MAX_DEPTH);
    assert_eq!(Json::parse(json.as_str()).as_ref(), Ok(json));
    match serde_json::from_str::<String>(text) {
        Ok(string) => assert_eq!(json.to_text(), Some(string)),
        // A lone surrogate, or no string at all.
        Err(_) => assert_eq!(json.to_text().is_some(), json.as_str().starts_with('"')),
    }
}

/// The tokens of a JSON text (RFC 8259 §2), told apart by their ends alone.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(WHITE);
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '{' | '}' | '[' | ']' | ':' | ',' => 1,
            '"' => string_end(rest),
            _ => rest.find(ENDS).unwrap_or(rest.len()),
        };
        let (token, more) = rest.split_at(end);
        tokens.push(token);
        rest = more.trim_start_matches(WHITE);
    }
    tokens
}

const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];
const ENDS: [char; 11] = ['{', '}', '[', ']', ':', ',', '"', ' ', '\t', '\r', '\n'];

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    let closing = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |place| place + 2)
}

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens(text) {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
