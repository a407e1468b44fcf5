//! The two text formats that Prometheus reads.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, version 0.0.4: what everything reads.
    Prometheus,
    /// OpenMetrics 1.0.0: what Prometheus asks for.
    OpenMetrics,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The text of everything in `registry`.
pub(super) fn expose(registry: &Registry, format: Format) -> String {
    let mut text = String::new();
    // Writing to a string does not fail, and the encoder has no errors of its own.
    let _ = encode(&mut text, registry);
    match format {
        Format::OpenMetrics => text,
        Format::Prometheus => to_prometheus(&text),
    }
}

/// OpenMetrics, the library's only text format, as Prometheus text: there a family has the name of its samples
/// (`_total`, `_info`), an info is a gauge, and units and the end have no lines.
fn to_prometheus(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                _ => ("", kind),
            };
            let words = help.split_once(' ').map_or("", |(_, words)| words);
            out.extend(["# HELP ", name, suffix, " ", words, "\n"]);
            out.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            out.extend([line, "\n"]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_the_name_of_its_samples_in_prometheus_text() {
        let text = "# HELP a_bytes Bytes given.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\na_bytes_total 1\n\
                    # HELP b What runs.\n# TYPE b info\nb_info{version=\"1\"} 1\n\
                    # HELP c Now.\n# TYPE c gauge\nc 2\n\
                    # HELP d Sizes.\n# TYPE d histogram\nd_sum 3\nd_count 1\nd_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let expected = "# HELP a_bytes_total Bytes given.\n# TYPE a_bytes_total counter\na_bytes_total 1\n\
                        # HELP b_info What runs.\n# TYPE b_info gauge\nb_info{version=\"1\"} 1\n\
                        # HELP c Now.\n# TYPE c gauge\nc 2\n\
                        # HELP d Sizes.\n# TYPE d histogram\nd_sum 3\nd_count 1\nd_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(to_prometheus(text), expected);
    }
}
