//! Who has to leave.

use std::time::Duration;

use http::StatusCode;

use crate::model::code::{Code, Refusal};
use crate::model::id::StreamId;
use crate::service::{Response, Service, reply};
use crate::transport::shard::{Farewell, Filter, Shard};
use crate::wire::admin;

use super::streams::filter;
use super::{no_stream, ok, room};

/// The longest that a drain may be spread over.
const LONGEST: Duration = Duration::from_secs(3600);

impl Service {
    /// Ends streams at once, and for good.
    pub(super) async fn disconnect(&self, whom: admin::Whom) -> Result<Response, Refusal> {
        let says = [
            &whom.stream,
            &whom.principal,
            &whom.role,
            &whom.room,
            &whom.transport,
            &whom.dialect,
        ];
        if says.iter().all(|said| said.is_none()) {
            let message = "say who: at least one of stream, principal, role, room, transport and dialect; all of them leave by a drain";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        let filter = filter(&whom)?;
        // Those that were cut, and may come back as the same, do not.
        self.context.recovery.forget(&filter);
        let streams = self.dismiss(filter, Farewell::Disconnect).await?;
        Ok(ok(&admin::Count { streams }))
    }

    pub(super) async fn disconnect_one(&self, stream: StreamId) -> Result<Response, Refusal> {
        let filter = Filter {
            stream: Some(stream),
            ..Filter::default()
        };
        // One that was cut, and may come back as the same, does not.
        let cut = self.context.recovery.forget(&filter);
        match self.dismiss(filter, Farewell::Disconnect).await? + cut {
            0 => Err(no_stream()),
            _ => Ok(reply::empty(StatusCode::NO_CONTENT)),
        }
    }

    /// Sends streams away, to come back.
    pub(super) async fn drain(&self, asked: admin::Drain) -> Result<Response, Refusal> {
        let window = match asked.window_ms {
            Some(window) => Duration::from_millis(window).min(LONGEST),
            None => self.context.rules().drain_window,
        };
        let filter = match (asked.node, asked.role, asked.room) {
            (true, None, None) => {
                self.operations.stop()?;
                return Ok(reply::empty(StatusCode::ACCEPTED));
            }
            (false, Some(role), None) => Filter {
                role: Some(role),
                ..Filter::default()
            },
            (false, None, Some(name)) => Filter {
                room: Some(room(&name)?),
                ..Filter::default()
            },
            (true, ..) | (false, Some(_), Some(_)) | (false, None, None) => {
                let message = "say who: exactly one of `node: true`, `role` and `room`";
                return Err(Refusal::new(Code::BadRequest, message));
            }
        };
        let streams = self.dismiss(filter, Farewell::Drain(window)).await?;
        Ok(ok(&admin::Count { streams }))
    }

    async fn dismiss(&self, filter: Filter, farewell: Farewell) -> Result<usize, Refusal> {
        let asked = |shard: &Shard| shard.dismiss(filter.clone(), farewell);
        Ok(self.context.of_all_shards(asked).await?.into_iter().sum())
    }
}
