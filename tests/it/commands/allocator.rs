//! The allocator's options are in the binary; it takes them from a symbol, and says nothing when there is none.

use super::gatecast;

#[test]
fn the_allocator_runs_with_the_options_that_were_compiled_in() {
    let mut command = gatecast(&["key", "tv", "--role", "display"]);
    // Behind whatever is compiled in; prints all options as the process ends.
    let output = command
        .env("_RJEM_MALLOC_CONF", "stats_print:true")
        .output();
    let printed = String::from_utf8(output.unwrap().stderr).unwrap();
    for option in [
        "opt.background_thread: true (background_thread: true)",
        "opt.dirty_decay_ms: 1000 ",
        "opt.muzzy_decay_ms: 0 ",
        "opt.narenas: 4\n",
    ] {
        assert!(printed.contains(option), "{option} is not in:\n{printed}");
    }
}
