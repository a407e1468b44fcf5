//! What a client prefers: lists with weights (RFC 9110 §12.4.2).

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName};

use super::negotiate::tokens;

/// The members of the list `name`, each with its weight, from 0 ("not acceptable") to 1. Parameters other than the
/// weight are left out; a weight that cannot be read is none.
pub(super) fn weighted<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'a str, f32)> {
    tokens(headers, name).map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let what = parts.next().unwrap_or_default();
        let weight = parts.find_map(|parameter| {
            let value = parameter.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
            value.parse().ok()
        });
        (what, weight.unwrap_or(1.0))
    })
}

/// The weight of the first of `names` that the list `name` has; nothing if it has none of them.
pub(super) fn weight_of(headers: &HeaderMap, name: &HeaderName, names: &[&str]) -> Option<f32> {
    names.iter().find_map(|one| {
        weighted(headers, name)
            .find_map(|(what, weight)| what.eq_ignore_ascii_case(one).then_some(weight))
    })
}

/// Whether a client that reads metrics asks for OpenMetrics by name, and likes it no less than plain text.
#[must_use]
pub fn prefers_openmetrics(headers: &HeaderMap) -> bool {
    let openmetrics = weight_of(headers, &ACCEPT, &["application/openmetrics-text"]);
    let plain = weight_of(headers, &ACCEPT, &["text/plain", "text/*", "*/*"]);
    openmetrics.is_some_and(|weight| weight > 0.0 && weight >= plain.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_name_it_and_prefer_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (prometheus, true),
            ("application/openmetrics-text", true),
            ("Application/OpenMetrics-Text; q=1, */*", true),
            ("application/openmetrics-text;q=0.5, text/plain", false),
            ("application/openmetrics-text;q=0", false),
            ("*/*", false),
            ("text/html", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers_openmetrics(&headers), expected, "{accept}");
        }
        assert!(!prefers_openmetrics(&HeaderMap::new()));
    }
}
