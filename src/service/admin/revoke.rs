//! Which credentials do not hold any more.

use http::StatusCode;

use crate::bus::decrees::Revoked;
use crate::model::code::{Code, Refusal};
use crate::model::decree::{Decree, Revocation};
use crate::model::time::UnixMillis;
use crate::service::{Response, Service, reply};
use crate::transport::shard::Filter;
use crate::wire::{admin, poll};

use super::{Operator, ok, stream};

/// How long the end of one stream is kept in the log for that stream, in milliseconds: a client that takes little at a
/// time is behind, and must not have outlasted what ends it when it gets there.
const BEHIND: u64 = 24 * 60 * 60 * 1000;

impl Service {
    /// Appends a revocation.
    pub(super) async fn revoke(
        &self,
        by: &Operator<'_>,
        asked: admin::Revoke,
    ) -> Result<Response, Refusal> {
        let now = self.context.clock.unix();
        let until = asked.until.map(UnixMillis);
        if until.is_some_and(|until| until <= now) {
            let message = "`until` is over: what it revokes has ended by itself";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        let revocation = revocation(asked, now)?;
        // What a stream was opened with goes on, so that nothing is to be kept for those who come later; but its own
        // loop may come to it late.
        let until = match revocation {
            Revocation::Stream(_) => Some(UnixMillis(now.0.saturating_add(BEHIND))),
            Revocation::Token(_) | Revocation::Subject { .. } | Revocation::Key(_) => until,
        };
        if let Revocation::Stream(stream) = &revocation {
            let filter = Filter {
                stream: Some(*stream),
                ..Filter::default()
            };
            self.context.recovery.forget(&filter);
        }
        let id = self
            .context
            .bus
            .decree(Decree::Revoked(revocation.clone()), until)
            .await?;
        self.context.metrics.revoked(&revocation);
        self.audit_revocation(by.connection, &by.access, &revocation);
        let body = poll::to_json(&admin::Decreed { id });
        Ok(reply::json(StatusCode::ACCEPTED, body))
    }

    /// All that hold.
    pub(super) fn revocations(&self) -> Response {
        let held = self.context.bus.revocations();
        let revocations = held.into_iter().map(shown).collect();
        ok(&admin::Revocations { revocations })
    }
}

/// The one thing that is revoked.
fn revocation(asked: admin::Revoke, now: UnixMillis) -> Result<Revocation, Refusal> {
    let about_subject = asked.issuer.is_some() || asked.issued_before.is_some();
    match (asked.token_id, asked.subject, asked.key, asked.stream) {
        (Some(id), None, None, None) if !about_subject => Ok(Revocation::Token(id.into())),
        (None, Some(subject), None, None) => Ok(Revocation::Subject {
            subject: subject.into(),
            issuer: asked.issuer.map(Into::into),
            before: asked.issued_before.map_or(now, UnixMillis),
        }),
        (None, None, Some(key), None) if !about_subject => Ok(Revocation::Key(key.into())),
        (None, None, None, Some(name)) if !about_subject => stream(&name).map(Revocation::Stream),
        _ => {
            let message = "say what: exactly one of token_id, subject, key and stream; issuer and issued_before only with subject";
            Err(Refusal::new(Code::BadRequest, message))
        }
    }
}

fn shown(Revoked { revocation, until }: Revoked) -> admin::Revoked {
    let (until, shown) = (until.map(|until| until.0), admin::Revoked::default());
    match revocation {
        Revocation::Token(id) => admin::Revoked {
            token_id: Some(id.to_string()),
            until,
            ..shown
        },
        Revocation::Subject {
            subject,
            issuer,
            before,
        } => admin::Revoked {
            subject: Some(subject.to_string()),
            issuer: issuer.map(|issuer| issuer.to_string()),
            issued_before: Some(before.0),
            until,
            ..shown
        },
        Revocation::Key(key) => admin::Revoked {
            key: Some(key.to_string()),
            until,
            ..shown
        },
        // Nothing holds of it beyond its end.
        Revocation::Stream(_) => shown,
    }
}
