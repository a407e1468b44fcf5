//! L3: the backend's webhooks. It is asked, and somebody waits for the answer (`connect`, `subscribe`, `message`), or
//! it is told, and nobody does (`disconnect`, `unsubscribe`).
//!
//! A question is asked once, and answered or refused within its hook's timeout, whatever the backend does. A notice is
//! told again until it was heard, in order for each stream, and given up when it is too old or there are too many.

mod breaker;
mod call;
mod caller;
mod consent;
mod failure;
pub mod forward;
mod notices;
mod settings;
pub mod sign;
pub mod url;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use tokio::runtime::Handle;

use crate::lifecycle::clock::Clock;
use crate::lifecycle::live::Live;
use crate::lifecycle::random;
use crate::lifecycle::tasks::Tasks;
use crate::model::code::{Code, Refusal};
use crate::model::event::EventName;
pub use crate::model::hook::Kind;
use crate::model::room::Room;
use crate::model::time::UnixMillis;
use crate::model::trace::TraceParent;
use crate::outbound::Client;
use crate::outbound::trust::Trust;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::metrics::labels::{Called, Told};
use crate::wire::hook::{
    Answered, Connect, Message, Misunderstood, Notice, Reply, Subscribe, Welcome,
};

use breaker::Shut;
use call::{Sent, Taken};
use caller::Caller;
pub use consent::{AT_ONCE, Consent, few_at_once};
use failure::Failure;
use notices::Notices;
pub use settings::{Hook, OnFailure, Pattern, Settings};
use sign::MessageId;

/// The hooks of one gateway. A clone shares them.
#[derive(Clone)]
pub struct Hooks(Option<Arc<Inner>>);

/// What they share.
struct Inner {
    clock: Clock,
    metrics: Arc<Metrics>,
    /// Files of authorities that are trusted besides the system's.
    authorities: Vec<PathBuf>,
    /// Made with the first hook: most gateways have none.
    client: OnceLock<Client>,
    callers: Live<Callers>,
    notices: Notices,
    /// Calls, notifications and connections. They are not the gateway's own: a connection that is kept for the next call
    /// would hold up a drain.
    tasks: Tasks,
    /// Where all of them run: on no thread that has streams, which could hang and take the connections along.
    home: Handle,
}

/// The hooks that there are now.
#[derive(Default)]
struct Callers {
    all: BTreeMap<Kind, Arc<Caller>>,
    /// The headers that any of them is shown.
    shown: Vec<HeaderName>,
}

/// How long a connection that nobody uses is kept. Servers that end such connections do so after 5 s or later; what is
/// sent in that very moment is lost, and no question is asked again.
const IDLE: Duration = Duration::from_secs(4);
/// The most that is read of an answer that may bring rooms, messages or events, in bytes.
const LARGE: usize = 1 << 20;
/// The most that is read of an answer that may bring nothing, in bytes.
const SMALL: usize = 64 << 10;

impl Hooks {
    /// No hooks, now or ever.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// The hooks that `settings` name. Servers are believed that the system's authorities vouch for, or those in these
    /// files. To be called on the runtime that calls shall run on.
    ///
    /// # Errors
    /// There are hooks, and a file of authorities cannot be read.
    pub fn new(
        settings: &Settings,
        authorities: Vec<PathBuf>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let inner = Arc::new(Inner {
            notices: Notices::new(clock.clone(), metrics.clone()),
            clock,
            metrics,
            authorities,
            client: OnceLock::new(),
            callers: Live::new(Callers::default()),
            tasks: Tasks::default(),
            home: Handle::current(),
        });
        inner.configure(settings)?;
        Ok(Self(Some(inner)))
    }

    /// Whether there is a hook of this kind. Cheap: it is asked for each stream.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.caller(kind).is_some()
    }

    /// Whether there is any hook at all.
    #[must_use]
    pub fn is_any(&self) -> bool {
        let inner = self.0.as_ref();
        inner.is_some_and(|inner| !inner.callers.now().all.is_empty())
    }

    /// Whether the `subscribe` hook is asked about `room`: there is one, and the room fits its patterns.
    #[must_use]
    pub fn asks_about(&self, room: &Room) -> bool {
        let caller = self.caller(Kind::Subscribe);
        caller.is_some_and(|(_, caller)| caller.hook.is_about(room.as_str()))
    }

    /// Whether the `message` hook takes messages that are called `event`: there is one, and the name fits its patterns.
    #[must_use]
    pub fn takes(&self, event: &EventName) -> bool {
        let caller = self.caller(Kind::Message);
        caller.is_some_and(|(_, caller)| caller.hook.is_about(event.as_str()))
    }

    /// What of the `headers` of a client's request any hook wants to see, for `About::headers`. Each hook is shown its
    /// own of them.
    #[must_use]
    pub fn forwarded(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let callers = self.0.as_ref().map(|inner| inner.callers.now());
        callers.map_or_else(Vec::new, |now| forward::forwarded(&now.shown, headers))
    }

    /// Asks whether a stream may be opened. Where there is no such hook, it may. Whoever does not wait for the answer ends
    /// the call. Only what was [`Consent::Given`] may be held to be so for a while.
    ///
    /// # Errors
    /// `refused`: the backend said no; `hook_failed`: it did not answer well in time, and the hook fails closed.
    pub async fn connect(&self, question: Connect) -> Result<(Welcome, Consent), Refusal> {
        let Some((inner, caller)) = self.caller(Kind::Connect) else {
            return Ok(<_>::default());
        };
        let trace = question.trace;
        let body = move |shown: &[HeaderName], ts| question.to_json(shown, ts);
        let answer = Expected(LARGE, Consent::to_connect);
        inner.ask(caller, trace, body, answer).await
    }

    /// Asks whether a stream may join a room. Where the hook is not asked about that room, it may. Only what was
    /// [`Consent::Given`] may be held to be so for a while.
    ///
    /// # Errors
    /// As [`Self::connect`]; the refusal names the room.
    pub async fn subscribe(&self, question: Subscribe) -> Result<Consent, Refusal> {
        let Some((inner, caller)) = self.caller(Kind::Subscribe) else {
            return Ok(Consent::Assumed);
        };
        let (trace, room) = (question.trace, question.room.clone());
        if !caller.hook.is_about(room.as_str()) {
            return Ok(Consent::Assumed);
        }
        let body = move |shown: &[HeaderName], ts| question.to_json(shown, ts);
        let answer = Expected(SMALL, Consent::to_subscribe);
        let asked = inner.ask(caller, trace, body, answer).await;
        asked.map_err(|refusal| refusal.room(room))
    }

    /// Asks what is to be done about a client's message.
    ///
    /// # Errors
    /// As [`Self::connect`]; and `hook_failed` where the hook does not take it (see [`Self::takes`]).
    pub async fn message(&self, question: Message) -> Result<Reply, Refusal> {
        let taken = self.caller(Kind::Message);
        let taken = taken.filter(|(_, caller)| caller.hook.is_about(question.event.as_str()));
        let Some((inner, caller)) = taken else {
            return Err(Refusal::new(
                Code::HookFailed,
                "the backend takes no such message",
            ));
        };
        let trace = question.trace;
        let body = move |shown: &[HeaderName], ts| question.to_json(shown, ts);
        let answer = Expected(LARGE, Reply::parse);
        inner.ask(caller, trace, body, answer).await
    }

    /// Tells what has happened, soon. It never waits; where there is no such hook nothing is done.
    pub fn notify(&self, notice: &Notice) {
        let to = match notice {
            Notice::Disconnect { .. } => Told::Disconnect,
            Notice::Unsubscribe { .. } => Told::Unsubscribe,
        };
        let Some((inner, caller)) = self.caller(notice.kind()) else {
            return;
        };
        let body = notice.to_json(caller.shown(), inner.clock.unix());
        match inner.notices.push(to, notice.stream(), body.into()) {
            Ok(first) => notices::begin(inner, first),
            Err(why) => caller.tell(&format_args!("a notification is given up: {why}")),
        }
    }

    /// From now on `settings` hold. A hook that is the same in them goes on as it is.
    ///
    /// # Errors
    /// As [`Self::new`]; nothing has changed.
    pub fn configure(&self, settings: &Settings) -> Result<(), String> {
        self.0
            .as_ref()
            .map_or(Ok(()), |inner| inner.configure(settings))
    }

    /// To be called once nothing happens any more that is to be told: what waits is told within `limit` of real time, and
    /// the rest is given up. How many notifications that are.
    pub async fn flush(&self, limit: Duration) -> usize {
        let Some(inner) = &self.0 else {
            return 0;
        };
        inner.notices.hurry();
        let callers = inner.callers.now();
        callers.all.values().for_each(|caller| caller.stir());
        let given_up = inner.notices.close(limit).await;
        inner.tasks.abort();
        given_up
    }

    fn caller(&self, kind: Kind) -> Option<(&Arc<Inner>, Arc<Caller>)> {
        let inner = self.0.as_ref()?;
        Some((inner, inner.caller(kind)?))
    }
}

/// How an answer is read: of so many bytes at most, in this way.
struct Expected<T>(usize, fn(&[u8]) -> Result<Answered<T>, Misunderstood>);

impl Inner {
    fn caller(&self, kind: Kind) -> Option<Arc<Caller>> {
        self.callers.now().all.get(&kind).cloned()
    }

    fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(&self.home, name, future);
    }

    fn configure(&self, settings: &Settings) -> Result<(), String> {
        let old = self.callers.now();
        let mut all = BTreeMap::new();
        for (kind, hook) in &settings.0 {
            let same = old.all.get(kind).filter(|caller| caller.hook == *hook);
            let caller = match same {
                Some(same) => same.clone(),
                None => self.made(*kind, hook)?,
            };
            all.insert(*kind, caller);
        }
        let mut shown: Vec<HeaderName> = Vec::new();
        for name in settings.0.values().flat_map(|hook| &hook.headers) {
            if !shown.contains(name) {
                shown.push(name.clone());
            }
        }
        for kind in old.all.keys().filter(|kind| !all.contains_key(*kind)) {
            self.metrics.hooks().breaker(*kind, false);
        }
        self.callers.replace(Callers { all, shown });
        // Whoever waits for an old one finds the new one.
        old.all.values().for_each(|caller| caller.stir());
        Ok(())
    }

    fn made(&self, kind: Kind, hook: &Hook) -> Result<Arc<Caller>, String> {
        let client = match self.client.get() {
            Some(client) => client.clone(),
            None => {
                let trust = Trust::with_files(&self.authorities)?;
                let client = Client::with_idle(&trust, self.clock.clone(), &self.tasks, IDLE);
                self.client.get_or_init(|| client).clone()
            }
        };
        let (clock, metrics) = (self.clock.clone(), self.metrics.clone());
        Ok(Caller::new(kind, hook.clone(), client, clock, metrics))
    }

    /// Asks, and makes a refusal of whatever is not a yes.
    async fn ask<T: Default + Send + 'static>(
        self: &Arc<Self>,
        caller: Arc<Caller>,
        trace: Option<TraceParent>,
        body: impl FnOnce(&[HeaderName], UnixMillis) -> String + Send + 'static,
        Expected(most, parse): Expected<T>,
    ) -> Result<T, Refusal> {
        let (clock, asked) = (self.clock.clone(), caller.clone());
        let asking = async move {
            let deadline = clock.now() + asked.hook.timeout;
            let turn = asked.turn(deadline).await?;
            let sent = Sent {
                id: &MessageId::random(),
                trace,
                body: body(asked.shown(), clock.unix()).into(),
            };
            let answer = turn.call(sent, Taken::Whole(most), deadline).await?;
            parse(&answer).map_err(Failure::Misunderstood)
        };
        let answer = self.tasks.ask(&self.home, "hook", asking).await;
        self.judge(&caller, answer.unwrap_or(Err(Failure::Stopping)))
    }

    fn judge<T: Default>(
        &self,
        caller: &Caller,
        answer: Result<Answered<T>, Failure>,
    ) -> Result<T, Refusal> {
        let called = |how| self.metrics.hooks().called(caller.kind, how);
        match answer {
            Ok(Answered::Yes(yes)) => {
                called(Called::Answered);
                Ok(yes)
            }
            Ok(Answered::No { code, message }) => {
                called(Called::Refused);
                Err(Refusal::new(Code::Refused, message).reason(code))
            }
            Err(failure) => {
                called(if failure.was_made() {
                    Called::Failed
                } else {
                    Called::NotMade
                });
                caller.tell_failure(&failure);
                match caller.hook.on_failure {
                    OnFailure::Open => Ok(T::default()),
                    OnFailure::Closed => Err(failed(caller.kind, &failure)),
                }
            }
        }
    }
}

/// What is told whoever waited in vain.
fn failed(kind: Kind, failure: &Failure) -> Refusal {
    let second = Duration::from_secs(1);
    let least = match failure {
        Failure::Shut(Shut::For(pause)) => second.max(*pause),
        Failure::Shut(Shut::Probed)
        | Failure::Crowded(_)
        | Failure::Stopping
        | Failure::None(_)
        | Failure::Status(..)
        | Failure::TooLarge(_)
        | Failure::Encoded
        | Failure::Misunderstood(_) => second,
    };
    let pause = random::between(least, least + 2 * second);
    Refusal::new(
        Code::HookFailed,
        "the backend was to be asked, and did not answer well in time",
    )
    .retry_after(pause)
    .operator(format!("hook {}: {failure}", kind.as_str()))
}
