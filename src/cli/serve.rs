//! `gatecast serve`.

use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{failed, print};
use crate::lifecycle::clock::Clock;
use crate::server::inherited::Inherited;
use crate::server::{Gateway, Settings, Source};
use crate::telemetry::{self, supervisor};

/// What to serve.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast serve --config gatecast.toml\n\nSIGTERM and Ctrl-C end every stream in its own way, within server.drain; a second one ends at once. SIGHUP reads the file again, as does a change of it or of a file that it names: no stream is cut that is still allowed, and a file with a mistake changes nothing."
)]
pub struct Args {
    #[command(flatten)]
    source: super::Source,
}

/// Runs it until a signal ends it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match args.source.load() {
        Ok(settings) => {
            hint(&settings, args);
            serve(settings, args.source.anew())
        }
        Err(exit) => exit,
    }
}

/// A gateway that admits nobody is a safe default and a puzzling one.
fn hint(settings: &Settings, args: &Args) {
    let auth = &settings.auth;
    if auth.anonymous.is_none() && auth.jwt.is_empty() && auth.api_keys.is_empty() {
        let whose = match args.source.file() {
            Some(file) => file.display().to_string(),
            None => "the embedded default".to_owned(),
        };
        print::complaint(&format!(
            "hint: {whose} has no credential, so every client is refused. `gatecast key NAME --role ROLE` makes an \
             API key; `gatecast demo` runs with keys made on the spot."
        ));
    }
}

/// Serves until a signal, then drains.
fn serve(settings: Settings, anew: Option<Source>) -> ExitCode {
    match Inherited::from_environment() {
        Ok(inherited) => on_runtime(
            &settings.telemetry.clone(),
            until_signal(inherited, settings, anew),
        ),
        Err(why) => failed(&why),
    }
}

/// Runs `future` to its end, with its log lines on standard error.
pub(super) fn on_runtime(
    telemetry: &telemetry::Settings,
    future: impl Future<Output = ExitCode>,
) -> ExitCode {
    if let Err(why) = telemetry::init(telemetry) {
        return failed(&why);
    }
    // A connection is a file descriptor, and the limit that a shell gives by default is 1024 of them.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(future),
        Err(why) => failed(&format!("no threads to run on: {why}")),
    }
}

async fn until_signal(inherited: Inherited, settings: Settings, anew: Option<Source>) -> ExitCode {
    // Before the sockets: whoever sees the port open may send a signal.
    let signals = Stop::new().and_then(|stop| Ok((stop, signal(SignalKind::hangup())?)));
    let (mut stop, mut hangup) = match signals {
        Ok(signals) => signals,
        Err(why) => return failed(&format!("signals cannot be awaited: {why}")),
    };
    let gateway = match Gateway::start_on(inherited, settings, Clock::system(), anew).await {
        Ok(gateway) => gateway,
        Err(why) => {
            return failed(&format!(
                "{why}; the addresses stand in `listen` (GATECAST__LISTEN) and in `metrics.listen`"
            ));
        }
    };
    for endpoint in gateway.endpoints() {
        print::line(&format!("listening on {endpoint}"));
    }
    for endpoint in gateway.probes() {
        print::line(&format!("metrics on {endpoint}"));
    }
    for endpoint in gateway.operators() {
        print::line(&format!("operators on {endpoint}"));
    }
    supervisor::ready();
    loop {
        tokio::select! {
            () = stop.asked() => break,
            () = gateway.asked_to_stop() => break,
            // What came of it is logged, with each mistake in its line.
            _ = hangup.recv() => tokio::select! {
                // A file that never ends to be read keeps nobody from stopping.
                () = stop.asked() => break,
                _ = gateway.reload() => {}
            },
        }
    }
    supervisor::stopping();
    end(gateway, stop).await
}

/// Ends `gateway` in order, unless a second signal is in a hurry.
pub(super) async fn end(gateway: Gateway, mut stop: Stop) -> ExitCode {
    tracing::info!("stopping: streams are ended; a second signal ends at once");
    tokio::select! {
        late = gateway.drain() => {
            if late.is_empty() {
                tracing::info!("stopped: every stream has ended in its own way, every request was finished");
            }
            for (name, count) in late {
                tracing::warn!(name, count, "late: cut off at the deadline");
            }
            ExitCode::SUCCESS
        }
        () = stop.asked() => failed(&"ended at once, by a second signal"),
    }
}

/// What asks a process to end: SIGTERM from whoever started it, SIGINT from the keyboard.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
