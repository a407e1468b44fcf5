//! Enough of Rust's lexical rules to tell code from comments and literals.

/// Words, `::`, and single signs; comments, literals and lifetimes are left out.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = skip(rest);
        if skipped > 0 {
            rest = &rest[skipped..];
            continue;
        }
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            word => word,
        };
        out.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    out
}

/// How many bytes at the start of `rest` are white space, a comment, a literal or a lifetime.
fn skip(rest: &str) -> usize {
    if rest.starts_with(char::is_whitespace) {
        return rest.len() - rest.trim_start().len();
    }
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    for prefix in ["", "b", "c", "r", "br", "cr"] {
        let Some(after) = rest.strip_prefix(prefix) else {
            continue;
        };
        let hashes = after.len() - after.trim_start_matches('#').len();
        if !after[hashes..].starts_with('"') || (hashes > 0 && !prefix.ends_with('r')) {
            continue;
        }
        let start = prefix.len() + hashes + 1;
        return start
            + match prefix.ends_with('r') {
                true => {
                    let end = format!("\"{}", "#".repeat(hashes));
                    rest[start..].find(&end).unwrap() + end.len()
                }
                false => quoted(&rest[start..], '"'),
            };
    }
    match rest.strip_prefix("b'").or_else(|| rest.strip_prefix('\'')) {
        Some(after) => rest.len() - after.len() + character(after),
        None => 0,
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    loop {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            [_, ..] => at += 1,
            [] => return at,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// To the end of a literal that `end` closes.
fn quoted(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == end && !escaped {
            return at + end.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// A character literal after its quote, or a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
        _ => text
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len()),
    }
}
