//! The `gatecast` command: one line a subcommand.

use std::process::ExitCode;

use gatecast::cli::{Command, check_config, demo, key, parse, serve, token};

fn main() -> ExitCode {
    match parse() {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Key(args) => key::run(&args),
    }
}
