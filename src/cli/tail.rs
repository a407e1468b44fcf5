//! `gatecast tail`.

mod follow;
mod show;
mod source;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use super::print::{self, Output};
use super::remote::{Remote, room};
use super::serve::Stop;
use super::{failed, on_this_thread, transport};
use crate::lifecycle::clock::Clock;
use crate::lifecycle::tasks::Tasks;
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::wire::message::Message;
use follow::{Begin, End, Follow, Next, Told};
use source::{Reach, Source, Unopened};

/// How long a reader has to take what was being written when the command was told to end. One that reads needs
/// microseconds; a pager that waits for a key is not waited for.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What to follow.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast tail units alerts --since earliest --json --key-file tv.key\n\n\
    Without --transport it takes the best that works: WebSocket, then Server-Sent Events, then long-poll. A connection \
    that ends or falls silent is made again, from the last event on; what is missing then is told as a gap.\n\n\
    Ends with 0 on Ctrl-C and when the reader of its output goes, 1 when the gateway sends it away or is not there to \
    begin with, 2 when the command was used wrongly."
)]
pub struct Args {
    /// The rooms to follow; without any, those that the role has by default.
    #[arg(value_name = "ROOM", value_parser = room)]
    rooms: Vec<Room>,
    /// Go on after this cursor (any event's id is one), or begin with `earliest`: everything that is held.
    #[arg(long, value_name = "CURSOR|earliest", conflicts_with = "rewind")]
    since: Option<String>,
    /// Begin with the newest so many events of each room, 1 to 1000.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rewind: Option<u16>,
    /// The one transport to use.
    #[arg(long, value_name = "TRANSPORT", value_parser = transport())]
    transport: Option<Transport>,
    /// Print each event and each gap as one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Say nothing about connections; gaps and what ends the command are said all the same.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    on_this_thread(async {
        let clock = Clock::system();
        let client = args.remote.client(&clock, &Tasks::default());
        let (mut stop, client) = match (Stop::new(), client) {
            (Ok(stop), Ok(client)) => (stop, client),
            (Err(why), _) => return failed(&format!("signals cannot be awaited: {why}")),
            (_, Err(why)) => return failed(&why),
        };
        let reach = Reach {
            client,
            remote: &args.remote,
            clock,
        };
        let mut tail = Tail::new(args, reach);
        tokio::select! {
            biased;
            () = stop.asked() => tail.ended().await,
            () = print::reader_gone() => tail.ended().await,
            done = tail.run() => match done {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => failed(&why),
            },
        }
    })
}

/// A tail at work: it does what [`Follow`] says.
struct Tail<'a> {
    args: &'a Args,
    reach: Reach<'a>,
    follow: Follow,
    output: Output,
    /// How far goes what was printed: a reader that stopped reading has no more.
    printed: Option<String>,
    /// How far goes what is being printed.
    printing: Option<String>,
}

/// What a command that goes on for ever ends for.
enum Halt {
    /// Nobody reads any more what is printed.
    Gone,
    Failed(String),
    /// Only the connection has ended.
    Ended(End),
}

impl<'a> Tail<'a> {
    fn new(args: &'a Args, reach: Reach<'a>) -> Self {
        let rooms = args.rooms.iter().map(ToString::to_string).collect();
        let begin = match (&args.since, args.rewind) {
            (Some(since), _) => Begin::Since(since.clone()),
            (None, Some(count)) => Begin::Rewind(count),
            (None, None) => Begin::Now,
        };
        let one = args.transport.map(|one| [one]);
        let transports = one.as_ref().map_or(&Transport::ALL[..], |one| &one[..]);
        Self {
            args,
            reach,
            follow: Follow::new(rooms, begin, transports),
            output: Output::new(),
            printed: None,
            printing: None,
        }
    }

    /// Follows until nobody reads what it prints, or until it has to give up, which the error says.
    async fn run(&mut self) -> Result<(), String> {
        loop {
            let transport = self.follow.transport();
            let end = match self.stream().await {
                Halt::Gone => return Ok(()),
                Halt::Failed(why) => return Err(why),
                Halt::Ended(end) => end,
            };
            let why = show::end(&end, &self.args.remote);
            match self.follow.ended(end, self.reach.clock.now()) {
                Next::Connect => {
                    let other = self.follow.transport().as_str();
                    let this = transport.as_str();
                    self.note(&format!("no {this} here: {why}; trying {other}"));
                }
                Next::Wait(pause) => {
                    let pause = pause.roll();
                    self.note(&format!("{why}; again in {:.1} s", pause.as_secs_f64()));
                    self.reach.clock.sleep(pause).await;
                }
                Next::Stop(end) => return Err(show::end(&end, &self.args.remote)),
            }
        }
    }

    /// One connection, from its opening to its end.
    async fn stream(&mut self) -> Halt {
        let mut source = match Source::open(&self.reach, &self.follow).await {
            Ok(source) => source,
            Err(why) => return why.into(),
        };
        loop {
            let patience = self.follow.patience();
            let next = source.next(&self.reach, &mut self.follow);
            let messages = match self.reach.clock.timeout(patience, next).await {
                Some(Ok(messages)) => messages,
                Some(Err(why)) => return why.into(),
                None => return Halt::Ended(End::Silent),
            };
            if let Err(why) = self.print(messages).await {
                return why.into();
            }
        }
    }

    async fn print(&mut self, messages: Vec<Message>) -> io::Result<()> {
        let now = self.reach.clock.now();
        let mut lines = String::new();
        for message in messages {
            let line = match self.follow.heard(message, now) {
                Some(Told::Event(event)) => show::event(&event, self.args.json),
                Some(Told::Gap(gap)) if self.args.json => gap.to_json(),
                Some(Told::Gap(gap)) => {
                    // In its place among the events, where both go to one terminal.
                    self.output.write(&std::mem::take(&mut lines)).await?;
                    print::complaint(&show::gap(&gap));
                    continue;
                }
                Some(Told::Open(welcome)) => {
                    self.note(&show::open(self.follow.transport(), &welcome));
                    continue;
                }
                None => continue,
            };
            lines.push_str(&line);
            lines.push('\n');
        }
        self.printing = self.follow.cursor().map(str::to_owned);
        self.output.write(&lines).await?;
        self.printed = self.printing.take();
        Ok(())
    }

    /// Ended on purpose: says how to go on.
    async fn ended(&mut self) -> ExitCode {
        // A write that was cut short may be out already, for all that is known here.
        let last = self.output.write("");
        if let Some(Ok(())) = self.reach.clock.timeout(LAST_LINES, last).await {
            self.printed = self.printing.take().or(self.printed.take());
        }
        if let Some(cursor) = &self.printed {
            self.note(&format!("to go on from here: --since {cursor}"));
        }
        ExitCode::SUCCESS
    }

    fn note(&self, text: &str) {
        if !self.args.quiet {
            print::complaint(&text);
        }
    }
}

impl From<Unopened> for Halt {
    fn from(why: Unopened) -> Self {
        match why {
            Unopened::Ended(end) => Self::Ended(end),
            Unopened::Local(why) => Self::Failed(why),
        }
    }
}

impl From<io::Error> for Halt {
    fn from(why: io::Error) -> Self {
        if why.kind() == io::ErrorKind::BrokenPipe {
            return Self::Gone;
        }
        Self::Failed(format!("standard output cannot be written to: {why}"))
    }
}
