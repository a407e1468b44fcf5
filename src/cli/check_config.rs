//! `gatecast check-config`.

use std::process::ExitCode;

use super::{Source, print};
use crate::{config, server};

/// What to check.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast check-config --config gatecast.toml\n\nEnds with 0 and a summary, or with 1 and every mistake with its place and what to write instead."
)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Print every key with what it takes, its default and an example, in Markdown.
    #[arg(long, conflicts_with = "config")]
    keys: bool,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    if args.keys {
        print::line(&config::reference().trim_end());
        return ExitCode::SUCCESS;
    }
    match args.source.load() {
        Ok(settings) => {
            print::line(&"ok");
            summary(&settings).iter().for_each(|line| print::line(line));
            ExitCode::SUCCESS
        }
        Err(exit) => exit,
    }
}

/// What it would run: names and numbers, no secret and no hash.
fn summary(settings: &server::Settings) -> Vec<String> {
    let auth = &settings.auth;
    let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
    let roles: Vec<&str> = auth.roles.keys().map(String::as_str).collect();
    let issuers: Vec<&str> = auth.jwt.iter().map(|one| one.algorithm.as_str()).collect();
    vec![
        format!("listen:    {}", listen.join(", ")),
        format!("roles:     {}", or_none(&roles)),
        format!("api keys:  {}", auth.api_keys.len()),
        format!("issuers:   {}", or_none(&issuers)),
        format!(
            "anonymous: {}",
            auth.anonymous.as_deref().unwrap_or("refused")
        ),
    ]
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}
