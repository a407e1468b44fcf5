//! Leaf: how the gateway speaks to its operator.

pub mod audit;
pub mod metrics;
pub mod process;
pub mod spans;
pub mod supervisor;

use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The form of a line.
    pub format: Format,
    /// The filter, as in `info` or `gatecast::transport=debug,info`.
    pub filter: String,
    /// Where the audit log goes, if there shall be one.
    pub audit: Option<audit::Destination>,
    /// Where spans go, if any shall.
    pub otlp: Option<spans::Settings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Text,
            filter: "info".into(),
            audit: None,
            otlp: None,
        }
    }
}

/// Sends the log lines of this process to standard error: standard output belongs to the commands.
///
/// # Errors
/// Says that the filter cannot be read, or that the process has a subscriber already.
pub fn init(settings: &Settings) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|why| why.to_string())?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        // Escapes are for a terminal; a file or a collector gets plain text.
        Format::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(lines.with_ansi(is_terminal)).try_init()
        }
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    }
    .map_err(|why| why.to_string())?;
    // There was none, or the subscriber could not have been set.
    let _ = FILTER.set(handle);
    Ok(())
}

/// The filter of this process, once its log lines have been sent somewhere.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// The filter of this process's log lines; nothing where the program that the gateway runs in has a subscriber of its
/// own.
#[must_use]
pub fn filter() -> Option<String> {
    FILTER.get()?.with_current(ToString::to_string).ok()
}

/// From now on `filter` says which lines are written. Nothing happens where the program that the gateway runs in has a
/// subscriber of its own.
///
/// # Errors
/// It cannot be read.
pub fn set_filter(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|why| why.to_string())?;
    match FILTER.get() {
        Some(handle) => handle.reload(filter).map_err(|why| why.to_string()),
        None => Ok(()),
    }
}

/// Whether `filter` can be read, so that a bad one is a mistake of the configuration.
///
/// # Errors
/// Says why not.
pub fn check_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter)
        .map(|_| ())
        .map_err(|why| why.to_string())
}
