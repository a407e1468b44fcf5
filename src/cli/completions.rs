//! `gatecast completions`.

use std::process::ExitCode;

use clap_complete::Shell;

use super::{definition, print};

/// For which shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast completions bash > /usr/share/bash-completion/completions/gatecast\n\n\
    zsh: a file `_gatecast` in a directory of $fpath; fish: ~/.config/fish/completions/gatecast.fish."
)]
pub struct Args {
    /// The shell.
    shell: Shell,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition(), "gatecast", &mut script);
    print::line(&String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}
