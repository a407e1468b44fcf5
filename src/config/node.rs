//! The raw configuration: what TOML and the environment say, each value with where it was said.
//!
//! There is no `Debug` here: a tree may hold secrets.

use std::ops::Range;

use super::path::Step;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a key or value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Bytes of the file.
    Span(Range<usize>),
    /// An environment variable, by its name.
    Variable(String),
}

/// One value.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone)]
pub(super) enum Content {
    Table(Vec<Entry>),
    Array(Vec<Node>),
    Text(String),
    /// `None`: beyond 128 bits.
    Integer(Option<i128>),
    Float,
    Flag(bool),
    Date,
}

/// A key of a table and its value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) node: Node,
}

impl Node {
    /// The tree of a parsed TOML document.
    pub(super) fn document(table: &Spanned<DeTable<'_>>) -> Self {
        let origin = Origin::Span(table.span());
        Self {
            content: Content::Table(entries(table.get_ref(), &Origin::Span)),
            origin,
        }
    }

    /// The value of the environment variable `name`, read as TOML; `None` where it is not TOML.
    pub(super) fn from_variable(name: &str, value: &str) -> Option<Self> {
        let parsed = DeValue::parse(value).ok()?;
        Some(convert(&parsed, &|_| Origin::Variable(name.to_owned())))
    }

    /// What a mistake calls it.
    pub(super) fn kind_name(&self) -> &'static str {
        match self.content {
            Content::Table(_) => "a table",
            Content::Array(_) => "a list",
            Content::Text(_) => "a text",
            Content::Integer(_) => "an integer",
            Content::Float => "a floating-point number",
            Content::Flag(_) => "a boolean",
            Content::Date => "a date",
        }
    }

    /// What stands one `step` down.
    pub(super) fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.content, step) {
            (Content::Table(entries), Step::Key(name)) => entries
                .iter()
                .find(|entry| entry.name == *name)
                .map(|entry| &entry.node),
            (Content::Array(items), Step::Index(index)) => items.get(*index),
            (_, _) => None,
        }
    }

    /// The spans of all values that are neither table nor list: what may hold a secret.
    pub(super) fn leaves(&self, into: &mut Vec<Range<usize>>) {
        match (&self.content, &self.origin) {
            (Content::Table(entries), _) => entries.iter().for_each(|e| e.node.leaves(into)),
            (Content::Array(items), _) => items.iter().for_each(|item| item.leaves(into)),
            (_, Origin::Span(span)) => into.push(span.clone()),
            (_, Origin::Variable(_)) => {}
        }
    }
}

type Place<'a> = &'a dyn Fn(Range<usize>) -> Origin;

fn entries(table: &DeTable<'_>, place: Place<'_>) -> Vec<Entry> {
    table
        .iter()
        .map(|(key, value)| Entry {
            name: key.get_ref().to_string(),
            origin: place(key.span()),
            node: convert(value, place),
        })
        .collect()
}

fn convert(value: &Spanned<DeValue<'_>>, place: Place<'_>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(digits) => {
            Content::Integer(i128::from_str_radix(digits.as_str(), digits.radix()).ok())
        }
        DeValue::Float(_) => Content::Float,
        DeValue::Boolean(flag) => Content::Flag(*flag),
        DeValue::Datetime(_) => Content::Date,
        DeValue::Array(items) => {
            Content::Array(items.iter().map(|item| convert(item, place)).collect())
        }
        DeValue::Table(table) => Content::Table(entries(table, place)),
    };
    Node {
        origin: place(value.span()),
        content,
    }
}
