//! Refusals over HTTP: problem details (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;

use crate::model::code::Refusal;
use crate::model::room::Room;

use super::client::Ref;
use super::control::millis;

/// The media type.
pub const CONTENT_TYPE: &str = "application/problem+json";

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<&'a Room>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The body that tells `refusal`; `reference` names the client message that it answers.
#[must_use]
pub fn to_json(refusal: &Refusal, reference: Option<&Ref>) -> String {
    let row = refusal.code.row();
    let problem = Problem {
        r#type: "about:blank",
        title: row.title,
        status: row.status,
        detail: &refusal.message,
        code: row.text,
        reference,
        room: refusal.room.as_ref(),
        limit: refusal.limit_key(),
        retry_after_ms: refusal.retry_after.map(millis),
        reason: refusal.reason.as_deref(),
    };
    serde_json::to_string(&problem).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Code;

    #[test]
    fn a_problem_names_its_code_and_its_limit() {
        let refusal = Refusal::new(Code::TooLarge, "the body is larger than 1 MiB").limit("body");
        assert_eq!(
            to_json(&refusal, None),
            r#"{"type":"about:blank","title":"Too large","status":413,"detail":"the body is larger than 1 MiB","code":"too_large","limit":"body"}"#
        );
    }

    #[test]
    fn a_backends_no_has_its_own_words() {
        let refusal = Refusal::new(Code::Refused, "not your tab").reason(Some("tab".into()));
        assert_eq!(
            to_json(&refusal, None),
            r#"{"type":"about:blank","title":"The backend said no","status":403,"detail":"not your tab","code":"refused","reason":"tab"}"#
        );
    }
}
