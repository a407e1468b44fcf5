//! The `gatecast` command: one line a subcommand.

use std::process::ExitCode;

use gatecast::cli::{
    Command, bench, check_config, completions, demo, key, man, parse, publish, serve, settled,
    tail, token,
};

/// It gives memory back: after a herd of clients has gone, others keep what the herd took.
#[cfg(all(feature = "jemalloc", any(target_os = "linux", target_os = "macos")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Freed pages go back to the system within a second, by a thread of the allocator's, and not only when something is
/// allocated next. Four arenas, because each keeps pages of its own. `_RJEM_MALLOC_CONF` in the environment wins.
///
/// Not on musl nor macOS: jemalloc has no such thread there, and does not start when it is asked for one.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "the allocator reads its options before main, from a symbol of this name and type (jemalloc(3), TUNING)"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static ALLOCATOR_OPTIONS: &[u8; 70] =
    b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:4\0";

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
