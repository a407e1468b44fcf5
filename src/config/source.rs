//! From a place in the tree to a line that can be shown: with line, column and carets, without secrets.

use std::ops::Range;

use super::mistake::{Mistake, Place};
use super::node::{Node, Origin};

/// A mistake as the checks find it: at an origin, not yet at a line.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) origin: Option<Origin>,
    /// Whether the bytes at the origin may be shown: a key always, a value only where it cannot be secret.
    pub(super) show: bool,
    pub(super) problem: String,
    pub(super) instead: Option<String>,
}

impl Fault {
    /// A fault of what may be shown.
    pub(super) fn new(origin: &Origin, problem: impl Into<String>) -> Self {
        Self {
            origin: Some(origin.clone()),
            show: true,
            problem: problem.into(),
            instead: None,
        }
    }

    /// … with what to write instead.
    pub(super) fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = Some(instead.into());
        self
    }

    /// … of what may be secret unless `show`.
    pub(super) fn shown(mut self, show: bool) -> Self {
        self.show = show;
        self
    }
}

/// The text of a configuration file.
pub(super) struct Source<'a> {
    name: Option<&'a str>,
    text: &'a str,
    /// What may hold secrets; without it nothing is shown.
    values: Option<Vec<Range<usize>>>,
}

impl<'a> Source<'a> {
    /// The text that `tree` was read from.
    pub(super) fn new(name: Option<&'a str>, text: &'a str, tree: &Node) -> Self {
        let mut values = Vec::new();
        tree.leaves(&mut values);
        Self {
            name,
            text,
            values: Some(values),
        }
    }

    /// A text that is no TOML, so that nobody knows what on a line is a key and what a secret: no line of it is
    /// shown.
    pub(super) fn opaque(name: Option<&'a str>, text: &'a str) -> Self {
        Self {
            name,
            text,
            values: None,
        }
    }

    /// `faults` in the order of the file.
    pub(super) fn locate(&self, mut faults: Vec<Fault>) -> Vec<Mistake> {
        faults.sort_by_key(|fault| match &fault.origin {
            Some(Origin::Span(span)) => (0, span.start, String::new()),
            Some(Origin::Variable(name)) => (1, 0, name.clone()),
            None => (2, 0, String::new()),
        });
        faults
            .into_iter()
            .map(|fault| self.mistake(fault))
            .collect()
    }

    fn mistake(&self, fault: Fault) -> Mistake {
        let place = match fault.origin {
            Some(Origin::Span(span)) => self.place(&span, fault.show),
            Some(Origin::Variable(name)) => Place::Variable(name),
            None => Place::Whole,
        };
        Mistake {
            place,
            problem: fault.problem,
            instead: fault.instead,
        }
    }

    fn place(&self, span: &Range<usize>, show: bool) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Place::File {
            name: self.name.map(str::to_owned),
            line,
            column: before[start..].chars().count() + 1,
            excerpt: self.excerpt(start, line, span, show),
        }
    }

    /// The line with its values masked (the one at `span` stays if it may be shown), and carets below `span`.
    fn excerpt(
        &self,
        start: usize,
        line: usize,
        span: &Range<usize>,
        show: bool,
    ) -> Option<String> {
        let values = self.values.as_deref()?;
        let is_value = |at| values.iter().any(|value| value.contains(&at));
        let (mut shown, mut carets) = (String::new(), String::new());
        for (at, c) in self.text[start..].char_indices() {
            let at = start + at;
            let masked = !(show && span.contains(&at)) && is_value(at);
            if matches!(c, '\n' | '\r') || (c == '#' && !masked) {
                // The end of the line, or a comment, which may say anything; also one that a missing quote has made
                // part of the value.
                break;
            }
            if masked && shown.ends_with('…') {
                continue; // not even the length
            }
            shown.push(if masked {
                '…'
            } else if c.is_control() {
                ' '
            } else {
                c
            });
            let under = span.contains(&at) || (span.is_empty() && at == span.start);
            carets.push(if under { '^' } else { ' ' });
        }
        let carets = carets.trim_end();
        if carets.is_empty() {
            return None;
        }
        let gutter = line.to_string();
        let blank = " ".repeat(gutter.len());
        Some(format!(
            "  {gutter} | {}\n  {blank} | {carets}",
            shown.trim_end()
        ))
    }
}
