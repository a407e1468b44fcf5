//! `gatecast man`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_mangen::Man;

use super::{definition, failed, print};

/// Where to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  gatecast man /usr/share/man/man1\n\n\
    Without a directory, all pages one after the other: gatecast man | man -l -")]
pub struct Args {
    /// The directory to write into, one page for each command: gatecast.1, gatecast-serve.1, …
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let done = match &args.directory {
        Some(directory) => write(directory),
        None => print_all(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&format!("the pages cannot be written: {why}")),
    }
}

fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for page in pages() {
        page.generate_to(directory)?;
    }
    Ok(())
}

fn print_all() -> io::Result<()> {
    let mut text = Vec::new();
    for page in pages() {
        page.render(&mut text)?;
    }
    print::line(&String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

/// The page of the whole, and one for each command.
fn pages() -> Vec<Man> {
    let mut whole = definition().disable_help_subcommand(true);
    whole.build();
    let page = |command| Man::new(command).source(concat!("gatecast ", env!("CARGO_PKG_VERSION")));
    let commands: Vec<_> = whole.get_subcommands().cloned().map(page).collect();
    std::iter::once(page(whole.clone()))
        .chain(commands)
        .collect()
}
