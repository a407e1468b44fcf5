//! Who to be: a key or a token, from the command line, a file, or the environment.
//!
//! The command line is visible to everybody on a machine, so files and the environment are there as well. What is
//! written on the command line, a file's name included, goes before the environment.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

use crate::model::secret::Secret;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Every way in which a credential can be given; the first of them that is there on a command line.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Written {
    /// The API key to come with. Others on this machine can read a command line: better GATECAST_KEY or --key-file.
    #[arg(long, value_name = "KEY", env = "GATECAST_KEY", hide_env_values = true, value_parser = secret)]
    key: Option<Secret>,
    /// A file that holds the API key.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The token (JWT) to come with. Better GATECAST_TOKEN or --token-file.
    #[arg(long, value_name = "TOKEN", env = "GATECAST_TOKEN", hide_env_values = true, value_parser = secret)]
    token: Option<Secret>,
    /// A file that holds the token. It is read for each connection, so that a fresh one counts.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// The one that counts.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    kind: Kind,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Key,
    Token,
}

#[derive(Clone, Debug)]
enum Place {
    Here(Secret),
    File(PathBuf),
}

/// Never fails: clap repeats a value that it refuses.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

impl Credential {
    /// The one credential that was given, if any was.
    ///
    /// # Errors
    /// There are two of them, and nothing says which one counts.
    pub(super) fn choose(written: &Written, matches: &ArgMatches) -> Result<Option<Self>, String> {
        let named = |name, credential: Option<Self>| {
            let source = matches.value_source(name)?;
            credential.map(|credential| (source, credential))
        };
        let here = |kind, secret: &Option<Secret>| {
            let secret = secret.clone().filter(|secret| !secret.expose().is_empty());
            secret.map(|secret| Self {
                kind,
                place: Place::Here(secret),
            })
        };
        let file = |kind, path: &Option<PathBuf>| {
            let place = Place::File(path.clone()?);
            Some(Self { kind, place })
        };
        let given: Vec<_> = [
            named("key", here(Kind::Key, &written.key)),
            named("key_file", file(Kind::Key, &written.key_file)),
            named("token", here(Kind::Token, &written.token)),
            named("token_file", file(Kind::Token, &written.token_file)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let from = |wanted| {
            let from = given.iter().filter(move |(source, _)| *source == wanted);
            from.map(|(_, credential)| credential.clone())
                .collect::<Vec<_>>()
        };
        let typed = one(from(ValueSource::CommandLine))
            .ok_or("give one of --key, --key-file, --token and --token-file, not several")?;
        if typed.is_some() {
            return Ok(typed);
        }
        one(from(ValueSource::EnvVariable)).ok_or_else(|| {
            "GATECAST_KEY and GATECAST_TOKEN are both set: unset one, or write --key-file or --token-file".into()
        })
    }

    /// What it is, where it came from, and how to get another one.
    pub(super) fn describe(&self) -> (String, &'static str) {
        let (noun, option, remedy) = match self.kind {
            Kind::Key => (
                "API key",
                "--key or GATECAST_KEY",
                "`gatecast key NAME --role ROLE` makes one, with the block for the gateway's configuration",
            ),
            Kind::Token => (
                "token",
                "--token or GATECAST_TOKEN",
                "`gatecast token --config FILE --sub NAME --role ROLE` signs one",
            ),
        };
        let from = match &self.place {
            Place::Here(_) => option.to_owned(),
            Place::File(path) => path.display().to_string(),
        };
        (format!("the {noun} of {from}"), remedy)
    }

    /// The header that carries it.
    ///
    /// # Errors
    /// The file cannot be read, or what it holds cannot stand in a header.
    pub(super) fn header(&self) -> Result<(HeaderName, HeaderValue), String> {
        let secret = match &self.place {
            Place::Here(secret) => secret.clone(),
            Place::File(path) => read(path)?,
        };
        let (name, text) = match self.kind {
            Kind::Key => (API_KEY, secret.expose().to_owned()),
            Kind::Token => (AUTHORIZATION, format!("Bearer {}", secret.expose())),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| "the credential holds a character that no header may carry".to_owned())?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// Nothing, or the only one; `None` for several.
fn one(mut all: Vec<Credential>) -> Option<Option<Credential>> {
    let last = all.pop();
    all.is_empty().then_some(last)
}

fn read(path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| format!("the credential in {} cannot be read: {why}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} holds no credential", path.display())),
        text => Ok(Secret::new(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches as _};

    fn choose(arguments: &[&str]) -> Result<Option<Credential>, String> {
        let command = Written::augment_args(clap::Command::new("x").no_binary_name(true));
        let matches = command
            .mut_args(|arg| arg.env(None))
            .get_matches_from(arguments);
        Credential::choose(&Written::from_arg_matches(&matches).unwrap(), &matches)
    }

    #[test]
    fn a_key_and_a_token_have_headers_of_their_own_that_no_log_shows() {
        for (arguments, name, text) in [
            (["--key", "abc"], "x-api-key", "abc"),
            (["--token", "a.b.c"], "authorization", "Bearer a.b.c"),
        ] {
            let (header, value) = choose(&arguments).unwrap().unwrap().header().unwrap();
            assert_eq!((header.as_str(), value.to_str().unwrap()), (name, text));
            assert_eq!(format!("{value:?}"), "Sensitive");
        }
    }

    #[test]
    fn a_file_is_read_each_time_and_without_its_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let credential = choose(&["--token-file", path]).unwrap().unwrap();
        assert!(
            credential
                .header()
                .unwrap_err()
                .contains("holds no credential")
        );
        for token in ["one", "two"] {
            std::fs::write(file.path(), format!("{token}\n")).unwrap();
            let (_, value) = credential.header().unwrap();
            assert_eq!(value.to_str().unwrap(), format!("Bearer {token}"));
        }
    }

    #[test]
    fn several_are_refused_and_none_is_fine() {
        assert!(choose(&[]).unwrap().is_none());
        assert!(choose(&["--key", "a", "--token", "b"]).is_err());
        assert!(choose(&["--key", "a", "--key-file", "b"]).is_err());
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_without_being_shown() {
        let credential = choose(&["--key", "hid\nden"]).unwrap().unwrap();
        assert!(!credential.header().unwrap_err().contains("hid"));
        assert!(!format!("{credential:?}").contains("hid"));
    }
}
