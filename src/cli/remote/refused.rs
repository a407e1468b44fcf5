//! A no: from the gateway, with a code of the table, or from something between it and here.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::model::code::{Advice, Code};
use crate::outbound::retry_after;
use crate::wire::message::Refusal;

/// An answer, or the end of a stream, that says no.
#[derive(Debug)]
pub(in crate::cli) struct Refused {
    /// The HTTP status; of a stream's end, the one that its code has in the table.
    pub(in crate::cli) status: u16,
    /// In the gateway's words; nothing where it was not the gateway that answered.
    pub(in crate::cli) refusal: Option<Refusal>,
    /// When to come back.
    pub(in crate::cli) retry_after: Option<Duration>,
}

impl Refused {
    /// The refusal that an HTTP answer is.
    pub(in crate::cli) fn by_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let refusal = Refusal::parse(body).ok();
        let told = refusal.as_ref().and_then(|refusal| refusal.retry_after);
        Self {
            status: status.as_u16(),
            refusal,
            retry_after: told.or_else(|| retry_after(headers)),
        }
    }

    /// The refusal that the gateway told as a message.
    pub(in crate::cli) fn by_message(refusal: Refusal) -> Self {
        let code = Code::parse(&refusal.code);
        Self {
            status: code.map_or(0, |code| code.row().status),
            retry_after: refusal.retry_after,
            refusal: Some(refusal),
        }
    }

    /// The row of the table, if this version has it.
    pub(in crate::cli) fn code(&self) -> Option<Code> {
        self.refusal
            .as_ref()
            .and_then(|refusal| Code::parse(&refusal.code))
    }

    /// What to do: as the gateway says, else as the table does, else as the status.
    pub(in crate::cli) fn advice(&self) -> Advice {
        let said = self.refusal.as_ref().and_then(|refusal| refusal.reconnect);
        match (said, self.code()) {
            (Some(true), _) => Advice::ComeBack,
            (Some(false), _) => Advice::StayAway,
            (None, Some(code)) => code.row().advice,
            (None, None) => Advice::of_status(self.status),
        }
    }
}
