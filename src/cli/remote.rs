//! The gateway that a command talks to: where it is, who to be there, and whom to trust that it is the one.

mod advice;
mod credential;
mod refused;

use std::path::PathBuf;

use bytes::Bytes;
use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches};
use http::{Method, Request, Uri};

use crate::lifecycle::clock::Clock;
use crate::lifecycle::tasks::Tasks;
use crate::model::room::Room;
use crate::outbound::Client;
use crate::outbound::trust::Trust;
use crate::wire::base_url::{BaseUrl, InvalidBaseUrl};

use credential::Credential;
pub(super) use refused::Refused;

/// Where the gateway is, and who to be there.
#[derive(Debug)]
pub struct Remote {
    base: BaseUrl,
    credential: Option<Credential>,
    authorities: Vec<PathBuf>,
}

/// A room of the command line.
pub(super) fn room(text: &str) -> Result<Room, String> {
    Room::parse(text).map_err(|why| why.to_string())
}

/// What is written of it. The credential stands apart, because the command line goes before the environment.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway")]
#[group(skip)]
struct Written {
    /// The gateway's address, http:// or https://, with a path if it is served under one.
    #[arg(
        long,
        value_name = "URL",
        env = "GATECAST_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,
    #[command(flatten)]
    credential: credential::Written,
    /// Trust the authorities in this PEM file too, besides the system's. May be repeated.
    #[arg(long = "cacert", value_name = "FILE")]
    authorities: Vec<PathBuf>,
}

impl Remote {
    /// A client that trusts what this names.
    ///
    /// # Errors
    /// A file of authorities cannot be used.
    pub(super) fn client(&self, clock: &Clock, tasks: &Tasks) -> Result<Client, String> {
        Ok(Client::new(&self.trust()?, clock.clone(), tasks))
    }

    /// Whom this trusts to be the gateway.
    ///
    /// # Errors
    /// A file of authorities cannot be used.
    pub(super) fn trust(&self) -> Result<Trust, String> {
        Trust::with_files(&self.authorities)
    }

    /// A request of this gateway for `path` (and query), by whoever the credential says. A credential in a file is
    /// read each time, so that a new one counts.
    ///
    /// # Errors
    /// The credential cannot be read, or cannot stand in a header.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Request<Bytes>, String> {
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        *request.uri_mut() = self.uri(path).map_err(|why| why.to_string())?;
        if let Some(credential) = &self.credential {
            let (name, value) = credential.header()?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    /// Whether the gateway is told who asks.
    pub(super) const fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    fn uri(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{path}", self.base).parse()
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.base.fmt(f)
    }
}

impl FromArgMatches for Remote {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let written = Written::from_arg_matches(matches)?;
        Ok(Self {
            base: base(&written.url).map_err(misused)?,
            credential: Credential::choose(&written.credential, matches).map_err(misused)?,
            authorities: written.authorities,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Remote {
    fn augment_args(command: clap::Command) -> clap::Command {
        Written::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Written::augment_args_for_update(command)
    }
}

fn misused(why: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, why)
}

/// Checks a gateway's address. What is wrong is said without it: it may hold what nobody should see.
fn base(url: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(url).map_err(|why| match (why, url.split_once("://")) {
        (InvalidBaseUrl::Scheme, Some(("ws", _))) => websocket("http", "ws"),
        (InvalidBaseUrl::Scheme, Some(("wss", _))) => websocket("https", "wss"),
        (InvalidBaseUrl::Scheme, _) => format!("--url: {why}, as in http://127.0.0.1:8080"),
        (InvalidBaseUrl::Authority, _) => {
            format!("--url: {why}; who you are goes into --key-file or --token-file")
        }
        (InvalidBaseUrl::Query, _) => {
            format!("--url: {why}; rooms and cursors have arguments of their own")
        }
        (InvalidBaseUrl::Path, _) => format!("--url: {why}"),
    })
}

fn websocket(instead: &str, of: &str) -> String {
    format!(
        "--url takes {instead}:// instead of {of}://; `tail --transport websocket` makes a WebSocket of it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        Remote {
            base: base(url).unwrap(),
            credential: None,
            authorities: Vec::new(),
        }
    }

    #[test]
    fn a_path_of_the_address_stands_before_all_others() {
        for (url, path, uri) in [
            (
                "http://127.0.0.1:8080",
                "/v1/publish",
                "http://127.0.0.1:8080/v1/publish",
            ),
            (
                "https://gate.example/",
                "/v1/stream?room=a",
                "https://gate.example/v1/stream?room=a",
            ),
            (
                "https://x.example/gate/",
                "/v1/publish",
                "https://x.example/gate/v1/publish",
            ),
        ] {
            assert_eq!(remote(url).uri(path).unwrap(), uri);
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_says_what_to_write_and_not_what_was_written() {
        for (url, says) in [
            ("127.0.0.1:8080", "starts with https:// or http://"),
            ("localhost", "starts with https:// or http://"),
            ("ws://hidden.example", "http:// instead of ws://"),
            ("wss://hidden.example", "https:// instead of wss://"),
            ("ftp://hidden.example", "starts with https:// or http://"),
            (
                "http://ann:hidden@gate.example",
                "--key-file or --token-file",
            ),
            (
                "https://gate.example/?access_token=hidden",
                "before a query",
            ),
            ("http://[hidden", "a host and perhaps a port"),
        ] {
            let why = base(url).unwrap_err();
            assert!(why.contains(says), "{url}: {why}");
            assert!(!why.contains("hidden"), "{why}");
        }
    }
}
