//! A client on a row of polls, over one connection as long as the server keeps it.

use super::book::{Book, value};
use super::connection::{Connection, Scratch};
use super::plan::Plan;
use super::refused;

/// The largest answer, in bytes.
const MOST: usize = 16 << 20;

/// The next poll.
pub(super) struct Polls<'g> {
    plan: &'g Plan,
    scratch: &'g Scratch,
    connection: Option<Connection>,
    cursor: Option<String>,
}

impl<'g> Polls<'g> {
    pub(super) fn new(plan: &'g Plan, scratch: &'g Scratch) -> Self {
        Self {
            plan,
            scratch,
            connection: None,
            cursor: plan.since.clone(),
        }
    }

    /// Polls once. The error is why no other follows.
    pub(super) async fn step(&mut self, book: &mut Book<'_>) -> Result<(), String> {
        let request = self.plan.get(self.cursor.as_deref(), None)?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let opened = Connection::open(&self.plan.stream.dialer).await;
                opened.map_err(|why| refused::connection(&why))?
            }
        };
        let answer = connection.exchange(self.scratch, &request, MOST).await;
        let (head, body, is_kept) = answer.map_err(|why| refused::connection(&why))?;
        if is_kept {
            self.connection = Some(connection);
        }
        if head.status != http::StatusCode::OK {
            return Err(refused::answer(&head, &body));
        }
        let cursor = value(&body, r#"{"cursor":""#);
        self.cursor = Some(cursor.ok_or_else(|| "no answer of a poll".to_owned())?);
        book.opened();
        book.text(&body);
        book.code().cloned().map_or(Ok(()), Err)
    }
}
