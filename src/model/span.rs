//! Spans as people write them: `500ms`, `30s`, `12h`.

use std::time::Duration;

/// A span: a whole number and `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// Says what is wrong with `text`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let (count, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        "" => return Err("has no unit: add ms, s, m, h or d".into()),
        _ => return Err("has an unknown unit: durations are in ms, s, m, h or d".into()),
    };
    let millis = count.checked_mul(millis).ok_or("is too large")?;
    Ok(Duration::from_millis(millis))
}

/// A whole number and what stands behind it.
///
/// # Errors
/// There is no number, or it is too large.
pub fn split(text: &str) -> Result<(u64, &str), String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err("does not start with a whole number".into());
    }
    let count = digits.parse().map_err(|_| "is too large")?;
    Ok((count, unit))
}
