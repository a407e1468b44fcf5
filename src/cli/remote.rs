//! The gateway that a command talks to: where it is, who to be there, and whom to trust that it is the one.

mod advice;
mod credential;

use std::path::PathBuf;

use bytes::Bytes;
use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};

use crate::lifecycle::clock::Clock;
use crate::lifecycle::tasks::Tasks;
use crate::outbound::Client;
use crate::outbound::trust::Trust;

use credential::Credential;

/// Where the gateway is, and who to be there.
#[derive(Debug)]
pub struct Remote {
    base: Uri,
    credential: Option<Credential>,
    authorities: Vec<PathBuf>,
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
        let trust = Trust::with_files(&self.authorities)?;
        Ok(Client::new(&trust, clock.clone(), tasks.clone()))
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

    fn uri(&self, path: &str) -> Result<Uri, http::Error> {
        let mut parts = self.base.clone().into_parts();
        let prefix = self.base.path().trim_end_matches('/');
        parts.path_and_query = Some(PathAndQuery::try_from(format!("{prefix}{path}"))?);
        Ok(Uri::from_parts(parts)?)
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
fn base(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|why| {
        format!("--url is no URL ({why}); write http://HOST:PORT or https://HOST")
    })?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some("ws") => return Err("--url takes http:// instead of ws://; `tail --transport websocket` makes a WebSocket of it".into()),
        Some("wss") => return Err("--url takes https:// instead of wss://; `tail --transport websocket` makes a WebSocket of it".into()),
        Some(other) => return Err(format!("--url begins with http:// or https://, not with {other}:")),
        None => return Err("--url begins with http:// or https://, as in http://127.0.0.1:8080".into()),
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err("--url takes no user and password; write --key or --token".into());
    }
    if uri.query().is_some() {
        return Err(
            "--url ends before any `?`: rooms, cursors and credentials have options of their own"
                .into(),
        );
    }
    Ok(uri)
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
            ("127.0.0.1:8080", "begins with http:// or https://"),
            ("localhost", "begins with http:// or https://"),
            ("ws://hidden.example", "http:// instead of ws://"),
            ("wss://hidden.example", "https:// instead of wss://"),
            ("ftp://hidden.example", "not with ftp:"),
            ("http://ann:hidden@gate.example", "--key or --token"),
            (
                "https://gate.example/?access_token=hidden",
                "before any `?`",
            ),
            ("http://[hidden", "is no URL"),
        ] {
            let why = base(url).unwrap_err();
            assert!(why.contains(says), "{url}: {why}");
            assert!(!why.contains("hidden"), "{why}");
        }
    }
}
