//! What went wrong, in words that say what to type instead.

use http::StatusCode;

use super::{Refused, Remote};
use crate::model::code::Code;
use crate::outbound::error::{Error, Fault};
use crate::wire::message::Refusal;

impl Remote {
    /// Why nothing was answered, and what would help.
    pub(in crate::cli) fn unanswered(&self, error: &Error) -> String {
        let server = self.base.authority();
        match &error.fault {
            Fault::Refused => format!(
                "nothing listens at {server}: is the gateway running? `gatecast serve` and `gatecast demo` start one; \
                 --url names another address"
            ),
            Fault::Unreachable => {
                format!("{server} cannot be reached ({error}); --url names another address")
            }
            Fault::UnknownIssuer => format!(
                "the certificate of {server} comes from an authority that is not trusted; --cacert FILE trusts the one \
                 in FILE"
            ),
            Fault::WrongName(names) => format!(
                "the certificate of {server} is not for that name, but for {}; write such a name in --url",
                names.join(", ")
            ),
            Fault::Certificate => format!("the certificate of {server} is not good: {error}"),
            Fault::NotTls => format!("{server} speaks no TLS; write http:// in --url"),
            Fault::NotHttp => format!(
                "{server} speaks no HTTP ({error}); if it speaks TLS, write https:// in --url"
            ),
            Fault::TimedOut => format!("{server}: {error}"),
            Fault::Broken | Fault::TooLarge => {
                format!("the answer of {server} is of no use: {error}")
            }
        }
    }

    /// Why the answer was no, and what would help.
    pub(in crate::cli) fn refused(&self, refused: &Refused) -> String {
        let Some(Refusal { code, message, .. }) = &refused.refusal else {
            return self.foreign(refused.status);
        };
        let said = match message.as_str() {
            "" => code.clone(),
            message => format!("{message} ({code})"),
        };
        match (refused.code(), &self.credential) {
            (Some(Code::Unauthorized | Code::Revoked | Code::AuthTimeout), Some(credential)) => {
                let (what, remedy) = credential.describe();
                format!("the gateway does not take {what}: {said}; {remedy}")
            }
            (Some(Code::Unauthorized | Code::AuthTimeout), None) => format!(
                "the gateway wants a credential ({code}): write --key-file FILE or --token-file FILE, or set \
                 GATECAST_KEY or GATECAST_TOKEN; `gatecast key` and `gatecast token` make one"
            ),
            (Some(Code::Forbidden), _) => format!(
                "{said}; what a role may do stands in the gateway's configuration, as `subscribe` and `publish` of \
                 [roles.…]"
            ),
            _ => said,
        }
    }

    fn foreign(&self, status: u16) -> String {
        let url = &self.base;
        let named = StatusCode::from_u16(status)
            .map_or_else(|_| status.to_string(), |status| status.to_string());
        match status {
            300..=399 => format!(
                "{url} answers {named} and leads elsewhere; write the address it leads to in --url"
            ),
            500..=599 => format!(
                "{url} answers {named}, and it is not gatecast that does: a proxy does not reach it"
            ),
            _ => format!("{url} answers {named}, and it is not gatecast that does; check --url"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::base_url::BaseUrl;

    fn refusal(code: &str, message: &str) -> Refusal {
        Refusal {
            code: code.into(),
            message: message.into(),
            ..Refusal::default()
        }
    }

    #[test]
    fn every_refusal_and_every_foreign_answer_says_what_to_do() {
        let remote = Remote {
            base: BaseUrl::parse("http://gate.example:8080").unwrap(),
            credential: None,
            authorities: Vec::new(),
        };
        for (status, refusal, says) in [
            (401, Some(refusal("unauthorized", "no")), "GATECAST_KEY"),
            (403, Some(refusal("forbidden", "no")), "[roles.…]"),
            (
                400,
                Some(refusal("invalid_room", "a room is …")),
                "a room is … (invalid_room)",
            ),
            (
                409,
                Some(refusal("of_a_later_version", "")),
                "of_a_later_version",
            ),
            (302, None, "leads elsewhere"),
            (502, None, "502 Bad Gateway"),
            (404, None, "check --url"),
        ] {
            let said = remote.refused(&Refused {
                status,
                refusal,
                retry_after: None,
            });
            assert!(said.contains(says), "{said}");
        }
    }
}
