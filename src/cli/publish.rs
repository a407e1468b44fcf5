//! `gatecast publish`.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Response};

use super::backoff::Backoff;
use super::remote::{Refused, Remote, room};
use super::{failed, on_this_thread, print, used_wrongly};
use crate::lifecycle::clock::Clock;
use crate::lifecycle::random;
use crate::lifecycle::tasks::Tasks;
use crate::model::code::Advice;
use crate::model::event::EventName;
use crate::model::json::{InvalidJson, Json};
use crate::model::room::Room;
use crate::outbound::Client;
use crate::outbound::error::{Error, Fault};
use crate::wire::publish::{self, Outcome};

/// What to publish, and where.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast publish units '{\"unit\": 7}' --event checkin --key-file backend.key\n\n\
    Prints the id of the event, from which any stream can go on. A connection that breaks off is no reason to publish \
    twice: the event goes with an idempotency key, and is sent again a few times.\n\n\
    Ends with 0 when the event is published, 1 when it is not, 2 when the command was used wrongly."
)]
pub struct Args {
    /// The room; several, joined by commas, share the one event.
    #[arg(value_name = "ROOM[,ROOM]", value_parser = rooms)]
    rooms: Rooms,
    /// The payload, as JSON; `-` reads it from standard input. Without it the payload is null.
    #[arg(allow_negative_numbers = true)]
    data: Option<String>,
    /// What happened: the event's name.
    #[arg(long, short, value_name = "NAME", default_value = "message", value_parser = event)]
    event: EventName,
    /// Take the payload as text, whatever it looks like.
    #[arg(long, requires = "data")]
    text: bool,
    /// Publish at most once under this key, however often the command is run; made up where it is missing.
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<String>,
    /// Print the whole answer, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How often the event is sent at most.
const ATTEMPTS: u32 = 5;
/// How long one attempt may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Who is told to wait longer than this gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest payload that is read, in bytes. What the gateway takes is its own to say, and less.
const MOST_READ: u64 = 64 << 20;
/// The largest answer, in bytes.
const MOST_ANSWERED: usize = 1 << 20;

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let data = match payload(args) {
        Ok(data) => data,
        Err(exit) => return exit,
    };
    let key = args.idempotency_key.clone();
    let publication = Publication {
        remote: &args.remote,
        key: key.unwrap_or_else(|| format!("{:032x}", random::wide_bits())),
        body: publish::to_json(&args.rooms.0, &args.event, &data),
    };
    on_this_thread(async {
        match publication.publish().await {
            Ok(done) if args.json => print::line(&done.json),
            Ok(done) => print::line(&done.result.unwrap_or_default()),
            Err(why) => return failed(&why),
        }
        ExitCode::SUCCESS
    })
}

/// One event on its way.
struct Publication<'a> {
    remote: &'a Remote,
    key: String,
    body: String,
}

/// Why one attempt came to nothing.
enum Failure {
    /// It could not even be tried.
    Local(String),
    Unanswered(Error),
    Refused(Refused),
}

impl Publication<'_> {
    async fn publish(&self) -> Result<Outcome, String> {
        let clock = Clock::system();
        let client = self.remote.client(&clock, &Tasks::default())?;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        let mut in_doubt = false;
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let failure = match self.attempt(&client).await {
                Ok(outcome) => return Ok(outcome),
                Err(failure) => failure,
            };
            in_doubt |= failure.is_in_doubt();
            if left == 0 || !failure.may_heal(in_doubt) {
                return Err(self.explain(&failure, in_doubt));
            }
            clock
                .sleep(backoff.pause(failure.retry_after()).roll())
                .await;
        }
    }

    async fn attempt(&self, client: &Client) -> Result<Outcome, Failure> {
        let mut request = self
            .remote
            .request(Method::POST, "/v1/publish", self.body.clone())
            .map_err(Failure::Local)?;
        let key =
            HeaderValue::from_str(&self.key).map_err(|why| Failure::Local(why.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(IDEMPOTENCY_KEY, key);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = client.fetch(request, WITHIN, MOST_ANSWERED).await;
        judge(&answer.map_err(Failure::Unanswered)?)
    }

    fn explain(&self, failure: &Failure, in_doubt: bool) -> String {
        let why = match failure {
            Failure::Local(why) => why.clone(),
            Failure::Unanswered(error) => self.remote.unanswered(error),
            Failure::Refused(refused) => self.remote.refused(refused),
        };
        let doubt = if in_doubt {
            format!(
                "\nThe event may have been published all the same. The same command with --idempotency-key {} does not \
                 publish it twice.",
                self.key
            )
        } else {
            String::new()
        };
        format!("not published: {why}{doubt}")
    }
}

/// Reads an answer.
fn judge(answer: &Response<bytes::Bytes>) -> Result<Outcome, Failure> {
    let refused = || Refused::by_answer(answer.status(), answer.headers(), answer.body());
    if !answer.status().is_success() {
        return Err(Failure::Refused(refused()));
    }
    let outcome = publish::outcome(answer.body()).map_err(|_| Failure::Refused(refused()))?;
    match &outcome.result {
        Ok(_) => Ok(outcome),
        Err(refusal) => Err(Failure::Refused(Refused::by_message(refusal.clone()))),
    }
}

impl Failure {
    /// Whether the event may have been published without an answer that says so.
    fn is_in_doubt(&self) -> bool {
        match self {
            Self::Unanswered(error) => error.fault.reached(),
            Self::Refused(refused) => refused.refusal.is_none() && refused.status >= 500,
            Self::Local(_) => false,
        }
    }

    /// Whether the same request may do better in a while. A gateway that was there a moment ago may be restarting; one
    /// that was never there is more likely somewhere else.
    fn may_heal(&self, was_there: bool) -> bool {
        match self {
            Self::Local(_) => false,
            Self::Unanswered(error) => match error.fault {
                Fault::TimedOut | Fault::Broken => true,
                Fault::Refused => was_there,
                Fault::Unreachable
                | Fault::UnknownIssuer
                | Fault::WrongName(_)
                | Fault::Certificate
                | Fault::NotTls
                | Fault::NotHttp
                | Fault::TooLarge => false,
            },
            Self::Refused(refused) => {
                refused.advice() == Advice::ComeBack
                    && refused.retry_after.is_none_or(|pause| pause <= PATIENCE)
            }
        }
    }

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after,
            Self::Unanswered(_) | Self::Local(_) => None,
        }
    }
}

/// The payload; an error has been told, and is how the command ends.
fn payload(args: &Args) -> Result<Json, ExitCode> {
    let Some(data) = &args.data else {
        return Ok(Json::null());
    };
    let text = if data == "-" {
        standard_input().map_err(|why| failed(&format!("standard input cannot be read: {why}")))?
    } else {
        data.clone()
    };
    if args.text {
        return Ok(Json::string(&text));
    }
    Json::parse(&text).map_err(|error| match error {
        InvalidJson::Syntax(why) => used_wrongly(&format!(
            "the payload is not JSON ({why}); with --text it is published as it stands"
        )),
        InvalidJson::Depth => used_wrongly(&"the payload is nested too deeply"),
    })
}

fn standard_input() -> Result<String, String> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(MOST_READ + 1);
    input
        .read_to_string(&mut text)
        .map_err(|why| why.to_string())?;
    if text.len() as u64 > MOST_READ {
        return Err(format!("it has more than {MOST_READ} bytes"));
    }
    Ok(text)
}

/// The rooms of one event.
#[derive(Clone, Debug)]
struct Rooms(Vec<Room>);

fn rooms(text: &str) -> Result<Rooms, String> {
    text.split(',')
        .map(room)
        .collect::<Result<_, _>>()
        .map(Rooms)
}

fn event(text: &str) -> Result<EventName, String> {
    EventName::parse(text).map_err(|why| why.to_string())
}

fn idempotency_key(text: &str) -> Result<String, String> {
    let visible = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    visible
        .then(|| text.to_owned())
        .ok_or_else(|| "write 1 to 255 visible ASCII characters".into())
}
