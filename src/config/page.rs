//! The table of keys as people read it: proto-docs/configuration.md and `gatecast check-config --keys`.

use super::keys::{IfAbsent, KEYS, Key};

/// Every key with what it takes, its default, an example and its meaning, in Markdown.
#[must_use]
pub fn reference() -> String {
    KEYS.iter().map(entry).collect()
}

fn entry(key: &Key) -> String {
    let default = match key.default {
        IfAbsent::Value(toml) => format!("`{toml}`"),
        IfAbsent::Of(path) => format!("that of `{path}`"),
        IfAbsent::Unset(meaning) => format!("none ({meaning})"),
        IfAbsent::Required => "none (required)".into(),
    };
    format!(
        "### `{}`\n\n{}\n\n- takes: {}\n- default: {default}\n- example: `{} = {}`\n\n",
        key.path,
        key.meaning,
        key.kind.describe(),
        key.name(),
        key.example,
    )
}
