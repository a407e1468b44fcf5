//! The `gatecast` command: one line a subcommand.

use std::process::ExitCode;

use gatecast::cli::{
    Command, bench, check_config, completions, demo, key, man, parse, publish, serve, settled,
    tail, token,
};

fn main() -> ExitCode {
    settled(match parse() {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Publish(args) => publish::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    })
}
