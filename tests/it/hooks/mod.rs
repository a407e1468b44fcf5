//! The backend's hooks against a real server, which is slow, down, lying, huge, redirecting, resetting, or well.

mod answers;
pub(crate) mod backend;
mod crowd;
mod hostile;
mod notices;
mod page;
mod reloads;
mod rest;
mod secure;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatecast::hooks::sign::Key;
use gatecast::hooks::url::Url;
use gatecast::hooks::{Hook, Hooks, Kind, Settings};
use gatecast::lifecycle::clock::{Clock, Hand};
use gatecast::model::code::{Code, Refusal};
use gatecast::model::dialect::Dialect;
use gatecast::model::event::EventName;
use gatecast::model::id::StreamId;
use gatecast::model::json::Json;
use gatecast::model::room::Room;
use gatecast::model::secret::Secret;
use gatecast::model::transport::Transport;
use gatecast::telemetry::metrics::{Format, Health, Log, Metrics};
use gatecast::wire::hook::{About, Connect, Message, Notice, Subscribe};

use self::backend::Backend;
use crate::support::{hasten, patiently, secrets, within};

/// What requests are signed with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Hooks without the gateway around them, with a clock that the test moves.
struct Bench {
    hooks: Hooks,
    clock: Clock,
    hand: Hand,
    metrics: Arc<Metrics>,
}

impl Bench {
    fn new(hooks: &[(Kind, Hook)]) -> Self {
        Self::trusting(hooks, Vec::new())
    }

    fn trusting(hooks: &[(Kind, Hook)], authorities: Vec<PathBuf>) -> Self {
        secrets::WATCH.keep(SECRET);
        let (clock, hand) = Clock::manual();
        let metrics = Metrics::new(clock.unix());
        let settings = settings(hooks);
        let hooks = Hooks::new(&settings, authorities, clock.clone(), metrics.clone());
        Self {
            hooks: hooks.unwrap(),
            clock,
            hand,
            metrics,
        }
    }

    /// What `asked` gives, while time passes; and how much time that was.
    async fn in_time<T>(&self, asked: impl Future<Output = T>) -> (T, Duration) {
        let began = self.clock.now();
        let answer = hasten(&self.hand, Duration::from_millis(250), asked).await;
        (answer, self.clock.now().since(began))
    }

    /// What `asked` gives, while time passes once the backend has heard of it; and how much time that was.
    async fn heard_in_time<T>(
        &self,
        backend: &Backend,
        asked: impl Future<Output = T>,
    ) -> (T, Duration) {
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            biased;
            answer = &mut asked => return (answer, Duration::ZERO),
            _ = backend.was_asked(1) => {}
        }
        self.in_time(asked).await
    }

    /// What `done` gives, while time passes whenever no call is under way: none is late because the test is.
    async fn in_rest<T>(&self, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        within("what is to be told again", async {
            loop {
                if let Some(out) = patiently(Duration::from_millis(5), done.as_mut()).await {
                    return out;
                }
                if self.calls_in_flight() == 0 {
                    self.hand.advance(Duration::from_secs(5));
                }
            }
        })
        .await
    }

    fn calls_in_flight(&self) -> usize {
        let series = |kind: &Kind| format!("hook_calls_in_flight{{hook=\"{}\"}}", kind.as_str());
        let each = Kind::ALL.iter().map(|kind| self.counted(&series(kind)));
        each.map(|count| count as usize).sum()
    }

    /// The value of one series, without `gatecast_`.
    fn counted(&self, series: &str) -> f64 {
        let text = self
            .metrics
            .expose(Format::Prometheus, Log::default(), Health::default());
        let wanted = format!("gatecast_{series}");
        let line = text.lines().find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            (name == wanted).then(|| value.parse().unwrap())
        });
        line.unwrap_or_else(|| panic!("no {series}"))
    }

    fn calls(&self, hook: &str, outcome: &str) -> f64 {
        self.counted(&format!(
            "hook_calls_total{{hook=\"{hook}\",outcome=\"{outcome}\"}}"
        ))
    }

    /// Returns once a series has this value.
    async fn is(&self, series: &str, value: f64) {
        let waiting = async {
            while (self.counted(series) - value).abs() > 0.1 {
                patiently(Duration::from_millis(1), std::future::pending::<()>()).await;
            }
        };
        within(&format!("{series} = {value}"), waiting).await;
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        secrets::nothing_was_shown();
    }
}

fn settings(hooks: &[(Kind, Hook)]) -> Settings {
    Settings(hooks.iter().cloned().collect::<BTreeMap<_, _>>())
}

fn key(secret: &str) -> Key {
    Key::parse(&Secret::new(secret)).unwrap()
}

/// A hook there.
fn hook(url: &str) -> Hook {
    Hook::new(Url::parse(url).unwrap(), key(SECRET))
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn about(stream: u128) -> Arc<About> {
    let claims = serde_json::json!({"org": "acme"});
    Arc::new(About {
        stream: Some(StreamId::from_random(stream)),
        principal: "ann".into(),
        role: "member".into(),
        transport: Transport::Sse,
        dialect: Dialect::Native,
        claims: claims.as_object().unwrap().clone(),
        headers: vec![("x-tenant".into(), "acme".into())],
    })
}

fn connect() -> Connect {
    Connect {
        about: about(1),
        rooms: vec![room("lobby")],
        resumes: false,
        says: None,
        trace: None,
    }
}

fn subscribe(name: &str) -> Subscribe {
    Subscribe {
        about: about(1),
        room: room(name),
        trace: None,
    }
}

fn message(event: &str) -> Message {
    Message {
        about: about(1),
        event: EventName::parse(event).unwrap(),
        room: None,
        data: Json::parse("{\"n\":1.0}").unwrap(),
        trace: None,
    }
}

fn ended(stream: u128) -> Notice {
    Notice::Disconnect {
        about: about(stream),
        code: "client",
        rooms: vec![room("lobby")],
    }
}

fn left(stream: u128, name: &str) -> Notice {
    Notice::Unsubscribe {
        about: about(stream),
        room: room(name),
    }
}

/// A refusal because the backend has not answered.
fn failed(refusal: &Refusal) {
    assert_eq!(refusal.code, Code::HookFailed, "{refusal}");
    assert!(
        refusal
            .retry_after
            .is_some_and(|pause| pause >= Duration::from_secs(1))
    );
    assert!(!refusal.message.contains("127.0.0.1"), "{refusal}");
}
