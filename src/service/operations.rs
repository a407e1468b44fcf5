//! What only the whole gateway can do, asked for by a request.

use tokio::sync::{mpsc, oneshot};

use crate::model::code::{Code, Refusal};
use crate::wire::admin::Reloaded;

/// One such thing.
pub enum Operation {
    /// Read the configuration again.
    Reload(oneshot::Sender<Result<Reloaded, String>>),
    /// Stop, as by a signal.
    Stop,
}

/// Where it is asked.
#[derive(Clone)]
pub struct Operations(mpsc::Sender<Operation>);

/// Operations that may wait: who is in a hurry is told so.
const WAITING: usize = 8;

impl Operations {
    /// Where they are asked, and where they come.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Operation>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// `bad_configuration` with all its mistakes: nothing has changed. `unavailable`: others are waiting already, or
    /// nobody can do it.
    pub async fn reload(&self) -> Result<Reloaded, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.ask(Operation::Reload(reply))?;
        match answer.await {
            Ok(Ok(reloaded)) => Ok(reloaded),
            Ok(Err(mistakes)) => Err(Refusal::new(Code::BadConfiguration, mistakes)),
            Err(_) => Err(nobody()),
        }
    }

    /// Stops the gateway.
    ///
    /// # Errors
    /// `unavailable`, as above.
    pub fn stop(&self) -> Result<(), Refusal> {
        self.ask(Operation::Stop)
    }

    fn ask(&self, operation: Operation) -> Result<(), Refusal> {
        self.0.try_send(operation).map_err(|_| nobody())
    }
}

fn nobody() -> Refusal {
    let message =
        "the gateway cannot do this now: it is busy with another such request, or stopping";
    Refusal::new(Code::Unavailable, message)
}
