//! Publishes a timeline, from inside the gateway's own process.

use std::iter::Peekable;
use std::time::Duration;

use serde_json::value::RawValue;

use super::feed::{Due, Timeline};
use crate::ingress;
use crate::lifecycle::clock::Clock;

/// What is published before anybody is invited, so that a page shows a day from its first moment on.
const HEAD_START: Duration = Duration::from_secs(24 * 3600);

/// A feed under way.
pub(super) struct Publisher {
    log: ingress::Publisher,
    timeline: Peekable<Timeline>,
}

impl Publisher {
    /// Publishes the head start.
    pub(super) async fn start(log: ingress::Publisher, timeline: Timeline) -> Result<Self, String> {
        let timeline = timeline.peekable();
        let mut publisher = Self { log, timeline };
        while let Some(due) = publisher.timeline.next_if(|due| due.at <= HEAD_START) {
            publisher.publish(&due).await?;
        }
        Ok(publisher)
    }

    /// Publishes what follows, `speed` times as fast as it was recorded; returns only with the reason why it cannot.
    pub(super) async fn run(mut self, speed: u32, clock: &Clock) -> String {
        let start = clock.now();
        while let Some(due) = self.timeline.next() {
            let at = start + due.at.saturating_sub(HEAD_START) / speed;
            clock.sleep_until(at).await;
            if let Err(why) = self.publish(&due).await {
                return why;
            }
        }
        "it is over".into()
    }

    /// With the numbers as they were recorded.
    async fn publish(&self, due: &Due) -> Result<(), String> {
        let data: &RawValue = serde_json::from_str(due.data).map_err(|why| why.to_string())?;
        let published = self.log.publish(&[due.room], due.event, &data).await;
        published
            .map(drop)
            .map_err(|refusal| refusal.message.into())
    }
}
