//! Numbers with units, as people write them: `15s`, `64KiB`, `20/s`.

use std::time::Duration;

use crate::model::limits::Rate;
pub(super) use crate::model::span::parse as duration;
use crate::model::span::split;

/// A size in bytes: a whole number and `B`, `KiB`, `MiB`, `GiB` (powers of 1024), `kB`, `MB`, `GB`
/// (powers of 1000), or no unit.
///
/// # Errors
/// Says what is wrong with `text`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (count, unit) = split(text)?;
    let bytes = match unit {
        "" | "B" => 1,
        "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("has an unknown unit: sizes are in B, KiB, MiB, GiB, kB, MB or GB".into()),
    };
    Ok(count.checked_mul(bytes).ok_or("is too large")?)
}

/// A rate: how many, `/`, and `s`, `min` or `h`.
///
/// # Errors
/// Says what is wrong with `text`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let (count, per) = text
        .split_once('/')
        .ok_or("has no `/`: a rate is so many in so long")?;
    let seconds = match per {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return Err("has an unknown unit: rates are per s, min or h".into()),
    };
    match count.parse() {
        Ok(0) => Err("allows nothing: the smallest rate is 1".into()),
        Ok(count) => Ok(Rate {
            count,
            per: Duration::from_secs(seconds),
        }),
        Err(_) => Err("does not start with a whole number below 4294967296".into()),
    }
}

/// `span` as [`duration`] reads it.
pub(super) fn show_duration(span: Duration) -> String {
    let millis = span.as_millis();
    [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ]
    .into_iter()
    .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit))
    .map_or_else(
        || {
            if millis == 0 {
                "0s".into()
            } else {
                format!("{millis}ms")
            }
        },
        |(unit, name)| format!("{}{name}", millis / unit),
    )
}

/// `bytes` as [`size`] reads it.
pub(super) fn show_size(bytes: u64) -> String {
    [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes}B"),
            |(unit, name)| format!("{}{name}", bytes / unit),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, millis) in [
            ("250ms", 250),
            ("0s", 0),
            ("15s", 15_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        for text in [
            "",
            "s",
            "15",
            "15 s",
            "1.5s",
            "-1s",
            "15S",
            "15min",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_unless_a_unit_says_more() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("64KiB", 65_536),
            ("1MiB", 1 << 20),
            ("2GiB", 2 << 30),
            ("3kB", 3000),
            ("4MB", 4_000_000),
            ("5GB", 5_000_000_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
            assert_eq!(size(&show_size(bytes)), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "KiB",
            "64 KiB",
            "64kib",
            "64K",
            "-1",
            "1.5MiB",
            "99999999999GiB",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_so_many_in_so_long() {
        for (text, count, seconds) in [("20/s", 20, 1), ("120/min", 120, 60), ("10/h", 10, 3600)] {
            let per = Duration::from_secs(seconds);
            assert_eq!(rate(text), Ok(Rate { count, per }), "{text}");
        }
        for text in [
            "",
            "20",
            "/s",
            "20/",
            "20/m",
            "20/S",
            "0/s",
            "-1/s",
            "20/ s",
            "4294967296/s",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
