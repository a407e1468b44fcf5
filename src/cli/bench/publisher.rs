//! Publishes the events of a run, one after the other over one connection: so their order is known.

use std::time::Duration;

use super::connection::{Connection, Scratch};
use super::http1::Head;
use super::mark::{Mark, Marks};
use super::plan::Publication;
use super::refused;
use super::tally::{Reasons, Spans};
use crate::cli::remote::Refused;
use crate::lifecycle::clock::Clock;
use crate::model::code::Advice;
use crate::outbound::error::{Error, Fault};

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const MOST: usize = 1 << 20;

/// A publisher at work.
pub(super) struct Publisher {
    publication: Publication,
    marks: Marks,
    clock: Clock,
    scratch: Scratch,
    connection: Option<Connection>,
    pub(super) told: Told,
}

/// What became of what it published.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The number of the next event: so many were taken, those in doubt among them.
    pub(super) next: u32,
    /// Numbers of events of which no answer told whether they were taken.
    pub(super) in_doubt: Vec<u32>,
    pub(super) refused: Reasons,
    /// From the request to its answer.
    pub(super) answers: Spans,
}

impl Publisher {
    pub(super) fn new(publication: Publication, marks: Marks, clock: Clock) -> Self {
        Self {
            publication,
            marks,
            clock,
            scratch: Scratch::default(),
            connection: None,
            told: Told::default(),
        }
    }

    /// Publishes an event without a mark, to see whether it may; the answer.
    ///
    /// # Errors
    /// It may not, or nobody is there.
    pub(super) async fn probe(&mut self) -> Result<Vec<u8>, Result<Refused, Error>> {
        let request = self.publication.with("gatecast bench");
        match self.exchange(&request).await {
            Ok((head, body)) if head.status.is_success() => Ok(body),
            Ok((head, body)) => Err(Ok(Refused::by_answer(head.status, &head.headers, &body))),
            Err(why) => Err(Err(why)),
        }
    }

    /// Publishes the next event. A number whose event was refused is used again.
    ///
    /// # Errors
    /// It was refused, and would be again.
    pub(super) async fn publish(&mut self) -> Result<(), Refused> {
        let sent = self.clock.now();
        let seq = self.told.next;
        let mark = Mark { seq, sent };
        let request = self.publication.request(&self.marks, mark);
        let answer = self.exchange(&request).await;
        let told = &mut self.told;
        match answer {
            Ok((head, _)) if head.status.is_success() => {
                told.next += 1;
                told.answers.record(self.clock.now().since(sent));
            }
            Ok((head, body)) => {
                *told
                    .refused
                    .entry(refused::answer(&head, &body))
                    .or_default() += 1;
                let refused = Refused::by_answer(head.status, &head.headers, &body);
                if refused.advice() != Advice::ComeBack {
                    return Err(refused);
                }
            }
            Err(why) => {
                *told.refused.entry(refused::connection(&why)).or_default() += 1;
                if why.fault.reached() {
                    told.in_doubt.push(seq);
                    told.next += 1;
                }
            }
        }
        Ok(())
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<(Head, Vec<u8>), Error> {
        let connection = self.connection.take();
        let (target, scratch) = (&self.publication.target, &self.scratch);
        let exchange = async {
            let mut connection = match connection {
                Some(connection) => connection,
                None => Connection::open(&target.dialer).await?,
            };
            let (head, body, kept) = connection.exchange(scratch, request, MOST).await?;
            Ok((head, body, kept.then_some(connection)))
        };
        let late = || Error::new(Fault::TimedOut, format!("no answer within {WITHIN:?}"));
        let answer = self.clock.timeout(WITHIN, exchange).await;
        let (head, body, connection) = answer.unwrap_or_else(|| Err(late()))?;
        self.connection = connection;
        Ok((head, body))
    }
}
