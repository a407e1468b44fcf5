//! Leaf: how the gateway speaks to its operator.

pub mod audit;
pub mod metrics;
pub mod process;
pub mod supervisor;

use tracing_subscriber::EnvFilter;

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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Text,
            filter: "info".into(),
            audit: None,
        }
    }
}

/// Sends the log lines of this process to standard error: standard output belongs to the commands.
///
/// # Errors
/// Says that the filter cannot be read, or that the process has a subscriber already.
pub fn init(settings: &Settings) -> Result<(), String> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|why| why.to_string())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.format {
        // Escapes are for a terminal; a file or a collector gets plain text.
        Format::Text => lines
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(|why| why.to_string())
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
