//! Why a client was not served, in a word or two: what is counted are equal reasons.

use super::http1::Head;
use crate::cli::remote::Refused;
use crate::outbound::error::{Error, Fault};

/// An answer that is not the wanted one: the gateway's code, or the status.
pub(super) fn answer(head: &Head, body: &[u8]) -> String {
    let refused = Refused::by_answer(head.status, &head.headers, body);
    match refused.refusal {
        Some(refusal) => refusal.code,
        None => head.status.as_u16().to_string(),
    }
}

/// A connection that was not made, or broke off.
pub(super) fn connection(why: &Error) -> String {
    match &why.fault {
        Fault::Refused => "connection refused".to_owned(),
        Fault::Unreachable => format!("not reached: {why}"),
        Fault::UnknownIssuer | Fault::WrongName(_) | Fault::Certificate => {
            format!("certificate: {why}")
        }
        Fault::NotTls => "no TLS".to_owned(),
        Fault::NotHttp => "no HTTP".to_owned(),
        Fault::TimedOut => TIMED_OUT.to_owned(),
        Fault::Broken => "broken off".to_owned(),
        Fault::TooLarge => "answer too large".to_owned(),
    }
}

/// There was no answer in time.
pub(super) const TIMED_OUT: &str = "timed out";
