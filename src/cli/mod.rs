//! L7: the commands.
//!
//! Each ends with 0 (done), 1 (it failed: a mistake in the configuration, a port that is taken, …) or 2 (used
//! wrongly: an unknown option, a missing value). Results go to standard output, everything else to standard error.

pub mod bench;
pub mod check_config;
pub mod completions;
pub mod demo;
pub mod key;
pub mod man;
pub mod publish;
pub mod serve;
pub mod tail;
pub mod token;

mod backoff;
mod print;
pub mod remote;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory as _, Parser};

use crate::model::transport::Transport;
use crate::{config, server};

pub use print::settled;

/// One self-hosted edge gateway: an event is taken once and delivered over WebSocket, SSE and long-poll.
#[derive(Debug, Parser)]
#[command(
    name = "gatecast",
    version,
    after_help = "Example:\n  gatecast serve --config gatecast.toml\n\nEach command has help of its own: gatecast help serve"
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run the gateway until SIGTERM or Ctrl-C.
    Serve(serve::Args),
    /// Run the gateway with a feed of real data and keys made on the spot.
    Demo(demo::Args),
    /// Say what is wrong with a configuration, all at once.
    CheckConfig(check_config::Args),
    /// Sign a token with a secret of the configuration.
    Token(token::Args),
    /// Make an API key.
    Key(key::Args),
    /// Publish one event.
    Publish(publish::Args),
    /// Print the events of rooms as they come, and what was missed after each break.
    Tail(tail::Args),
    /// Measure a gateway, or another server, under the load of many clients.
    Bench(Box<bench::Args>),
    /// Print the completions of a shell.
    Completions(completions::Args),
    /// Print the manual, or write its pages.
    Man(man::Args),
}

/// The configuration that a command works on.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// The configuration file; without it the embedded default, with GATECAST__… of the environment over it.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The command that this process was started with. Help is printed, and wrong usage refused, right here.
#[must_use]
pub fn parse() -> Command {
    Line::parse().command
}

/// The whole command line, for those who describe it.
fn definition() -> clap::Command {
    Line::command()
}

impl Source {
    /// The checked settings; otherwise every mistake was told on standard error.
    fn load(&self) -> Result<server::Settings, ExitCode> {
        let environment = config::environment();
        let settings = match self.config.as_deref() {
            Some(file) => config::load_file(file, &environment),
            None => config::load(None, &environment),
        };
        settings.map_err(|mistakes| failed(&mistakes))
    }

    /// Reads the settings anew, or says every mistake; of the environment it takes what it was when the process started.
    /// Nothing where there is no file, because then nothing can change.
    fn anew(&self) -> Option<server::Source> {
        let (file, environment) = (self.config.clone()?, config::environment());
        Some(Arc::new(move || {
            config::load_file(&file, &environment).map_err(|mistakes| mistakes.to_string())
        }))
    }

    fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

/// The name of a transport: as possible values, so that help, completions and errors list them.
fn transport() -> impl TypedValueParser<Value = Transport> {
    PossibleValuesParser::new(Transport::ALL.map(Transport::as_str))
        .try_map(|text| Transport::parse(&text).ok_or("no transport"))
}

/// Says why, and ends with 1.
fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    print::complaint(why);
    ExitCode::FAILURE
}

/// Says what was used wrongly, as clap does, and ends with 2.
fn used_wrongly(why: &dyn std::fmt::Display) -> ExitCode {
    print::complaint(&format!("error: {why}"));
    ExitCode::from(2)
}

/// Runs a client, which has little to do at once, on this thread. What still blocks at the end, such as a write to a
/// pipe that nobody reads, is left behind.
fn on_this_thread(future: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(future);
            runtime.shutdown_background();
            exit
        }
        Err(why) => failed(&format!("nothing to run on: {why}")),
    }
}
