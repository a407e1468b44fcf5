//! Several arguments as one payload: `{"_arguments":[…]}`, without white space.
//!
//! An event of the log has one payload, and most events of clients have one argument. Whoever says more, or nothing, says
//! it to everybody else in this form; and what anybody publishes in this form arrives as arguments at clients of Socket.IO.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::packet::MAX_ARGUMENTS;
use crate::model::json::Json;

const HEAD: &str = r#"{"_arguments":["#;
const TAIL: &str = "]}";

/// The payload that says `arguments`.
#[must_use]
pub fn joined(arguments: &[Json]) -> Json {
    match arguments {
        // What is of this form by itself is wrapped once more, and so comes out as it went in.
        [only] if !only.as_str().starts_with(HEAD) => only.clone(),
        several => {
            let texts: Vec<_> = several.iter().map(Json::as_str).collect();
            let text = format!("{HEAD}{}{TAIL}", texts.join(","));
            Json::parse(&text).unwrap_or_else(|_| Json::null())
        }
    }
}

/// The arguments that `payload` says: itself, unless it is of this form.
#[must_use]
pub fn split(payload: &Json) -> Vec<Json> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Several<'a> {
        #[serde(borrow, rename = "_arguments")]
        arguments: Vec<&'a RawValue>,
    }
    let alone = || vec![payload.clone()];
    if !payload.as_str().starts_with(HEAD) {
        return alone();
    }
    match serde_json::from_str::<Several<'_>>(payload.as_str()) {
        Ok(Several { arguments }) if arguments.len() <= MAX_ARGUMENTS => {
            let each: Result<_, _> = arguments.into_iter().map(Json::from_raw).collect();
            each.unwrap_or_else(|_| alone())
        }
        Ok(_) | Err(_) => alone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn one_argument_is_the_payload_itself_and_others_are_a_list() {
        for (arguments, payload) in [
            (vec!["1"], "1"),
            (vec![], r#"{"_arguments":[]}"#),
            (vec!["1", r#""2""#], r#"{"_arguments":[1,"2"]}"#),
            (
                vec![r#"{"_arguments":[1]}"#],
                r#"{"_arguments":[{"_arguments":[1]}]}"#,
            ),
        ] {
            let arguments: Vec<_> = arguments.into_iter().map(json).collect();
            let joined = joined(&arguments);
            assert_eq!(joined.as_str(), payload);
            assert_eq!(split(&joined), arguments);
        }
    }

    #[test]
    fn what_is_nearly_of_the_form_stays_one_argument() {
        for payload in [
            r#"{"_arguments":1}"#,
            r#"{"_arguments":[1],"a":2}"#,
            r#"{"a":2,"_arguments":[1]}"#,
            "null",
        ] {
            assert_eq!(split(&json(payload)), [json(payload)]);
        }
        let many = format!(r#"{{"_arguments":[{}1]}}"#, "1,".repeat(MAX_ARGUMENTS));
        assert_eq!(split(&json(&many)).len(), 1);
    }
}
