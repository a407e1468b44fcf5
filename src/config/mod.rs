//! L7: the configuration, raw to checked.
//!
//! One TOML document and the environment over it are read against one table of keys. Every mistake is reported
//! at once, each with its place and what to write instead; nothing below this layer asks again whether a number is
//! sensible. No mistake repeats what may be a secret.

mod checks;
mod file;
mod keys;
mod kind;
mod mistake;
mod node;
mod overlay;
mod page;
mod path;
mod settings;
mod source;
mod suggest;
mod units;
mod values;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use mistake::{Mistake, Mistakes, Place};
pub use page::reference;

use crate::server::Settings;
use node::Node;
use source::{Fault, Source};

/// The settings that a TOML document (none: the embedded default) and `environment` over it describe. Of the
/// environment only names that begin with `GATECAST__` count. Relative file names start at the working directory.
///
/// # Errors
/// All mistakes at once.
pub fn load(toml: Option<&str>, environment: &[(String, String)]) -> Result<Settings, Mistakes> {
    read(None, toml.unwrap_or(""), PathBuf::new(), environment)
}

/// [`load`] of a file. Relative file names in it start at its directory.
///
/// # Errors
/// All mistakes at once; that the file cannot be read is one.
pub fn load_file(path: &Path, environment: &[(String, String)]) -> Result<Settings, Mistakes> {
    let name = path.display().to_string();
    let toml = file::read(path).map_err(|why| {
        Mistakes::new(vec![Mistake {
            place: Place::Whole,
            problem: format!("{name} cannot be read: {why}"),
            instead: Some("name a file that exists with --config".into()),
        }])
    })?;
    let base = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let mut settings = read(Some(&name), &toml, base, environment)?;
    settings.files.insert(0, path.to_path_buf());
    Ok(settings)
}

/// The variables of this process that [`load`] looks at. What is not UTF-8 comes with replacement characters, which
/// [`load`] refuses.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into(),
                value.to_string_lossy().into(),
            )
        })
        .filter(|(name, _): &(String, String)| name.starts_with(overlay::PREFIX))
        .collect()
}

/// A duration of the command line, written as in the configuration.
///
/// # Errors
/// Says what is wrong with `text`.
pub(crate) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    units::duration(text)
}

/// The name of a role or key on the command line, under the configuration's rule.
///
/// # Errors
/// Says what is wrong with `text`.
pub(crate) fn parse_name(text: &str) -> Result<String, String> {
    checks::name(text).map(|()| text.to_owned())
}

fn read(
    name: Option<&str>,
    toml: &str,
    base: PathBuf,
    environment: &[(String, String)],
) -> Result<Settings, Mistakes> {
    let document = DeTable::parse(toml).map_err(|error| {
        let origin = node::Origin::Span(error.span().unwrap_or(0..0));
        let fault = Fault::new(&origin, format!("this is not TOML: {}", error.message())).instead(
            "texts stand in quotes, tables in [brackets], each key once; see https://toml.io",
        );
        Mistakes::new(Source::opaque(name, toml).locate(vec![fault]))
    })?;
    let mut tree = Node::document(&document);
    let source = Source::new(name, toml, &tree);
    let mut faults = overlay::lay(&mut tree, environment);
    let (values, more) = walk::walk(&tree);
    faults.extend(more);
    let (settings, more) = settings::build(&values, base);
    faults.extend(more);
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(Mistakes::new(source.locate(faults)))
    }
}
