//! A pattern as it is configured, and what claims make of it.

use serde_json::{Map, Value};

use super::claims::{lookup, texts};
use crate::model::room::Room;

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Claim(Box<str>),
}

/// A pattern: checked once, filled for each client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    segments: Vec<Segment>,
    open: bool,
    /// Whether a claim has a say in the first part, which tells whose room it is.
    claim_leads: bool,
}

impl Template {
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let (body, open) = match pattern.strip_suffix('*') {
            Some(body) => (body, true),
            None => (pattern, false),
        };
        let segments = segments(pattern, body)?;
        let shape = shape(&segments);
        check(pattern, &shape, open)?;
        Ok(Self {
            segments,
            open,
            claim_leads: shape
                .split(':')
                .next()
                .is_some_and(|part| part.contains('{')),
        })
    }

    /// Whether `*` ends it.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it has no placeholder.
    pub(super) fn is_fixed(&self) -> bool {
        self.segments
            .iter()
            .all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// The claims that its placeholders name.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Claim(name) => Some(&**name),
            Segment::Literal(_) => None,
        })
    }

    /// The texts that stand before `*`, or the rooms; at most `most` of them where it has a placeholder.
    pub(super) fn fill(&self, claims: &Map<String, Value>, most: usize) -> Vec<String> {
        let mut filled = vec![String::new()];
        for segment in &self.segments {
            filled = match segment {
                Segment::Literal(text) => filled.iter().map(|start| start.clone() + text).collect(),
                Segment::Claim(name) => {
                    let texts = texts(lookup(claims, name), most);
                    let ends = |start: String| texts.iter().map(move |end| start.clone() + end);
                    filled.into_iter().flat_map(ends).take(most).collect()
                }
            };
        }
        filled.retain(|text| self.is_granted(text));
        filled
    }

    /// Whether `text`, which claims made, is (the start of) a room that claims may open. Only the operator's
    /// own words open the gateway's rooms (`_…`) and another user's (`user:…`).
    fn is_granted(&self, text: &str) -> bool {
        let first_is_claim = matches!(self.segments.first(), Some(Segment::Claim(_)));
        let internal = first_is_claim && text.starts_with('_');
        let user = self.claim_leads && text.split(':').next() == Some("user");
        !internal && !user && Room::parse(&shortest(text, self.open)).is_ok()
    }
}

/// The pattern with `{` for each placeholder, whatever its name holds.
fn shape(segments: &[Segment]) -> String {
    let parts = segments.iter().map(|segment| match segment {
        Segment::Literal(text) => text,
        Segment::Claim(_) => "{",
    });
    parts.collect()
}

/// The shortest room that `text` opens.
fn shortest(text: &str, open: bool) -> String {
    let rest = if open { "x" } else { "" };
    format!("{text}{rest}")
}

/// A claim must have its part to itself, apart from literal text: where two claims share one, `{a}-{b}`,
/// or `*` follows a claim, `{a}*`, the values of one tenant could spell the room of another.
fn check(pattern: &str, shape: &str, open: bool) -> Result<(), String> {
    Room::parse(&shortest(&shape.replace('{', "x"), open)).map_err(|why| {
        format!("`{pattern}` matches no room: {why}; write it like `org:{{org}}:*`")
    })?;
    if shape.split(':').any(|part| part.matches('{').count() > 1) {
        return Err(format!(
            "`{pattern}` has two placeholders in one part, which lets one claim borrow from the other; put `:` between them"
        ));
    }
    let last = shape.rsplit(':').next().unwrap_or_default();
    if open && last.contains('{') {
        return Err(format!(
            "`{pattern}` has `*` in the part of a placeholder, so `ann` would open the rooms of `anna`; write `:*` after it"
        ));
    }
    Ok(())
}

fn segments(pattern: &str, body: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = body;
    while let Some((literal, after)) = rest.split_once('{') {
        literal_into(&mut segments, pattern, literal)?;
        let Some((name, after)) = after.split_once('}') else {
            return Err(format!(
                "`{pattern}` opens a placeholder and does not close it; write `{{claim}}`"
            ));
        };
        if name.is_empty() || name.contains(['{', '*']) {
            return Err(format!(
                "`{pattern}` has a placeholder that names no claim; write it like `{{sub}}`"
            ));
        }
        segments.push(Segment::Claim(name.into()));
        rest = after;
    }
    literal_into(&mut segments, pattern, rest)?;
    Ok(segments)
}

fn literal_into(segments: &mut Vec<Segment>, pattern: &str, text: &str) -> Result<(), String> {
    if text.contains('*') {
        return Err(format!(
            "`{pattern}` has `*` before its end; `*` stands for the whole rest, so write it last, or name the part"
        ));
    }
    if text.contains('}') {
        return Err(format!(
            "`{pattern}` closes a placeholder that it did not open; write `{{claim}}`"
        ));
    }
    if !text.is_empty() {
        segments.push(Segment::Literal(text.into()));
    }
    Ok(())
}
