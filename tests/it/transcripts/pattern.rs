//! What a page expects: literal text, `…` for anything, `<name>` for an id that is the same wherever it stands.

use std::collections::BTreeMap;

/// The ids that a story has seen so far, by the names it gave them.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

/// A piece of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    Anything,
    Name(&'a str),
}

impl Names {
    /// Whether `text` is what `pattern` says; the names seen for the first time are then known.
    pub(super) fn agree(&mut self, pattern: &str, text: &str) -> bool {
        let pieces = pieces(pattern);
        match follow(&pieces, text, self.clone()) {
            Some(names) => {
                *self = names;
                true
            }
            None => false,
        }
    }

    /// `text` with every `<name>` that is known replaced by its value.
    pub(super) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("<{name}>"), value)
        })
    }

    /// Knows `value` under `name`: if both are new, or belong together already. Two names are two ids.
    fn bind(mut self, name: &str, value: &str) -> Option<Self> {
        match self.0.get(name) {
            Some(known) => (known == value).then_some(self),
            None if self.0.values().any(|known| known == value) => None,
            None => {
                self.0.insert(name.to_owned(), value.to_owned());
                Some(self)
            }
        }
    }
}

fn pieces(mut pattern: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    while !pattern.is_empty() {
        if let Some(rest) = pattern.strip_prefix('…') {
            out.push(Piece::Anything);
            pattern = rest;
        } else if let Some((name, rest)) = name(pattern) {
            out.push(Piece::Name(name));
            pattern = rest;
        } else {
            let special = |(at, c): &(usize, char)| *at > 0 && matches!(c, '…' | '<');
            let end = pattern.char_indices().find(special);
            let (literal, rest) = pattern.split_at(end.map_or(pattern.len(), |(at, _)| at));
            out.push(Piece::Literal(literal));
            pattern = rest;
        }
    }
    out
}

/// `<name>` at the start of `pattern`, and what follows.
fn name(pattern: &str) -> Option<(&str, &str)> {
    let (name, rest) = pattern.strip_prefix('<')?.split_once('>')?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (!name.is_empty() && name.bytes().all(plain)).then_some((name, rest))
}

/// The names known after `pieces` have matched the whole of `text`.
fn follow(pieces: &[Piece<'_>], text: &str, names: Names) -> Option<Names> {
    let Some((first, rest)) = pieces.split_first() else {
        return text.is_empty().then_some(names);
    };
    match first {
        Piece::Literal(literal) => follow(rest, text.strip_prefix(literal)?, names),
        Piece::Anything => text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .find_map(|at| follow(rest, &text[at..], names.clone())),
        Piece::Name(name) => {
            let of_id = |b: &u8| b.is_ascii_alphanumeric() || b"._~-".contains(b);
            let longest = text.bytes().take_while(of_id).count();
            (1..=longest).rev().find_map(|length| {
                let names = names.clone().bind(name, &text[..length])?;
                follow(rest, &text[length..], names)
            })
        }
    }
}

#[test]
fn a_pattern_is_literal_but_for_anything_and_names() {
    for (pattern, text, agrees) in [
        ("", "", true),
        ("a", "a", true),
        ("a", "ab", false),
        ("…", "", true),
        ("a…c", "abbc", true),
        ("a…c", "abbd", false),
        ("{\"id\":\"<id1>\",…}", "{\"id\":\"x-1\",\"b\":2}", true),
        ("<id1> <id1>", "x x", true),
        ("<id1> <id1>", "x y", false),
        ("<id1> <id2>", "x y", true),
        ("<id1> <id2>", "x x", false),
        ("a < b <i>", "a < b c", true),
    ] {
        let got = Names::default().agree(pattern, text);
        assert_eq!(got, agrees, "{pattern:?} against {text:?}");
    }
}

#[test]
fn a_name_is_known_from_the_line_that_matched_and_not_from_one_that_did_not() {
    let mut names = Names::default();
    assert!(!names.agree("<id1>!", "wrong"));
    assert!(names.agree("id: <id1>", "id: right"));
    assert!(!names.agree("id: <id1>", "id: other"));
    assert_eq!(names.fill("?since=<id1>&x=<id2>"), "?since=right&x=<id2>");
}
