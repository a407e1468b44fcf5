//! Runs a story against a gateway of its own, and says what differs from the page.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::connection::Connection;
use super::curl;
use super::pattern::Names;
use super::story::{Act, Step, Story};
use crate::support::{Gate, patiently};

/// Where a page and the gateway differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lie {
    pub(super) page: String,
    pub(super) line: usize,
    pub(super) expected: String,
    pub(super) got: String,
}

/// The stage of one story.
struct Stage {
    gate: Gate,
    names: Names,
    connections: BTreeMap<String, Connection>,
    /// Whether time was said to pass: then it goes on passing while the story waits, because the gateway may
    /// set its timers a moment after its bytes have arrived.
    passing: bool,
}

/// Plays `story` under `configuration`.
pub(super) async fn play(configuration: &str, story: &Story) -> Result<(), Lie> {
    let mut stage = Stage {
        gate: Gate::start(configuration).await,
        names: Names::default(),
        connections: BTreeMap::new(),
        passing: false,
    };
    let lie = |line: usize, (expected, got): (String, String)| Lie {
        page: story.page.clone(),
        line,
        expected,
        got,
    };
    for Step { line, act } in &story.steps {
        stage
            .act(act)
            .await
            .map_err(|difference| lie(*line, difference))?;
    }
    let last = story.steps.last().map_or(0, |step| step.line);
    for connection in std::mem::take(&mut stage.connections).into_values() {
        connection
            .leave()
            .await
            .map_err(|got| lie(last, ("nothing more".into(), got)))?;
    }
    Ok(())
}

impl Stage {
    /// Does what one line says; otherwise what was expected and what came instead.
    async fn act(&mut self, act: &Act) -> Result<(), (String, String)> {
        match act {
            Act::Run { name, command } => {
                self.passing = false;
                self.run(name, &self.names.fill(command))
                    .await
                    .map_err(|got| (command.clone(), got))
            }
            Act::Say { name, text } => {
                self.passing = false;
                let said = self.names.fill(text);
                match self.connections.get_mut(name) {
                    Some(connection) => connection.say(&said).await.map_err(|got| (said, got)),
                    None => Err((said, format!("no connection {name:?}"))),
                }
            }
            Act::Expect { name, text } => self.expect(name, text).await,
            Act::Pass(span) => {
                self.gate.hand.advance(*span);
                self.passing = true;
                Ok(())
            }
            Act::Restart => {
                self.gate.restart().await;
                Ok(())
            }
        }
    }

    async fn run(&mut self, name: &str, command: &str) -> Result<(), String> {
        if let Some(before) = self.connections.remove(name) {
            before
                .leave()
                .await
                .map_err(|got| format!("before this line, {got}"))?;
        }
        let curl = curl::parse(command)?;
        let whole = name.is_empty() && !curl.stream && !curl.websocket;
        let mut connection = Connection::open(self.gate.connect().await, curl).await;
        if whole {
            connection.read_whole().await?;
        }
        self.connections.insert(name.to_owned(), connection);
        Ok(())
    }

    async fn expect(&mut self, name: &str, text: &str) -> Result<(), (String, String)> {
        let known = self.names.fill(text);
        let Some(connection) = self.connections.get_mut(name) else {
            return Err((known, format!("no connection {name:?}")));
        };
        let line = connection.expect(text, &mut self.names);
        match wait(&self.gate, self.passing, line).await {
            Some(Ok(())) => Ok(()),
            Some(Err(got)) => Err((known, got)),
            None => Err((known, "nothing for 8 s".into())),
        }
    }
}

/// Waits in real time, with the clock going on if time was said to pass.
async fn wait<T>(gate: &Gate, passing: bool, done: impl Future<Output = T>) -> Option<T> {
    let mut done = pin!(done);
    for _ in 0..80 {
        let out = patiently(Duration::from_millis(100), done.as_mut()).await;
        if out.is_some() {
            return out;
        }
        if passing {
            gate.hand.advance(Duration::from_secs(1));
        }
    }
    None
}

impl std::fmt::Display for Lie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            page,
            line,
            expected,
            got,
        } = self;
        write!(
            f,
            "proto-docs/{page}:{line}\n  expected: {expected}\n  got:      {got}"
        )
    }
}
