//! `gatecast demo`.

use std::process::ExitCode;

use super::serve;
use crate::server;

/// How to show it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  gatecast demo")]
pub struct Args {}

/// Runs it.
#[must_use]
pub fn run(_args: &Args) -> ExitCode {
    serve::serve(server::Settings::default())
}
