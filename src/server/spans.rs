//! Spans for a collector: the requests that bring them there go out by our own client, on a thread of its own.

use std::io;

use crate::lifecycle::worker::Worker;
use crate::telemetry::spans::Spans;

use super::Settings;

/// What makes spans, and who sends them, where the settings name a collector.
#[cfg(not(feature = "otlp"))]
pub(super) fn start(settings: &Settings) -> io::Result<(Spans, Option<Worker>)> {
    match &settings.telemetry.otlp {
        None => Ok((Spans::off(), None)),
        Some(_) => Err(io::Error::other(
            "this gateway was built without otlp, and cannot export spans",
        )),
    }
}

#[cfg(feature = "otlp")]
pub(super) use exporting::start;

#[cfg(feature = "otlp")]
mod exporting {
    use std::time::Duration;

    use super::{Settings, Spans, Worker, io};
    use crate::lifecycle::clock::Clock;
    use crate::lifecycle::tasks::Tasks;
    use crate::outbound::Client;
    use crate::outbound::trust::Trust;
    use crate::telemetry::spans::{Exports, Send};

    /// How long the collector may take.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// The longest answer of a collector, in bytes: it says little.
    const ANSWER: usize = 64 * 1024;

    /// What makes spans, and who sends them, where the settings name a collector.
    ///
    /// # Errors
    /// Its URL is none, a file of authorities cannot be read, or there are no threads left.
    pub(in super::super) fn start(settings: &Settings) -> io::Result<(Spans, Option<Worker>)> {
        let Some(wanted) = &settings.telemetry.otlp else {
            return Ok((Spans::off(), None));
        };
        let trust = Trust::with_files(&settings.authorities).map_err(io::Error::other)?;
        let (spans, exports) = Spans::export(wanted)?;
        let worker = Worker::start("otlp".into(), send(trust, exports))?;
        Ok((spans, Some(worker)))
    }

    /// In real time, whatever the gateway's clock says: the collector is no part of it.
    async fn send(trust: Trust, mut exports: Exports) {
        let client = Client::new(&trust, Clock::system(), &Tasks::default());
        while let Some(Send { request, reply }) = exports.recv().await {
            let answer = client.fetch(request, PATIENCE, ANSWER).await;
            let answer = answer.map_err(|error| error.to_string());
            if let Err(error) = &answer {
                tracing::warn!(%error, "spans could not be exported");
            }
            // Nobody waits any more where the gateway has stopped.
            let _ = reply.send(answer);
        }
    }
}
