//! `gatecast key`.

use std::process::ExitCode;

use super::{failed, print};
use crate::auth::api_key;
use crate::config;

/// Whose key.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast key lobby-tv --role display\n\nThe key is shown once and kept nowhere; the configuration holds its SHA-256 only.\nTo replace a key, put the new hash beside the old one in its entry, sha256 = [\"new…\", \"old…\"], and take the\nold one out when nobody uses it any more."
)]
pub struct Args {
    /// Who holds the key: the principal in logs.
    #[arg(value_parser = config::parse_name)]
    name: String,
    /// The role of the holder, a [roles.…] of the configuration.
    #[arg(long, value_parser = config::parse_name)]
    role: String,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let mut random = [0; 32];
    if let Err(why) = getrandom::fill(&mut random) {
        return failed(&format!("the system gives no random bytes: {why}"));
    }
    let (key, sha256) = api_key::mint(random);
    let Args { name, role } = args;
    print::line(&format!(
        "The key, shown this once:\n\n{key}\n\nFor the configuration:\n\n\
         [[auth.api_key]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\nrole = \"{role}\""
    ));
    ExitCode::SUCCESS
}
