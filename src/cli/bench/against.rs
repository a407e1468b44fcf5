//! A server of another kind, to be measured with the same load.

use http::{HeaderName, HeaderValue, Uri};

use crate::model::transport::Transport;

/// Where its streams are, where it takes publishes, and what it wants to hear.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Another server")]
#[group(skip)]
pub(super) struct Against {
    /// Measure another server: the address of its streams (http, https, ws or wss), over sse or websocket.
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(super) against: Option<Uri>,
    /// Where it takes publishes, by POST.
    #[arg(long, value_name = "URL", value_parser = url, requires = "against")]
    pub(super) publish_to: Option<Uri>,
    /// What to publish there; the payload takes the place of {MARK}.
    #[arg(long, value_name = "TEXT", default_value = "{MARK}", value_parser = body, requires = "against")]
    pub(super) publish_body: String,
    /// A header of each stream's request. May be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header, requires = "against")]
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// A header of each publish. May be repeated.
    #[arg(long = "publish-header", value_name = "NAME: VALUE", value_parser = header, requires = "against")]
    pub(super) publish_headers: Vec<(HeaderName, HeaderValue)>,
    /// What a WebSocket says when it is open (Socket.IO: 40). May be repeated.
    #[arg(long, value_name = "TEXT", requires = "against")]
    pub(super) hello: Vec<String>,
    /// A text message of a WebSocket, and how it is answered (Engine.IO: 2=3).
    #[arg(long, value_name = "TEXT=TEXT", value_parser = answer, requires = "against")]
    pub(super) answer: Option<(String, String)>,
}

impl Against {
    /// What no single option shows.
    pub(super) fn check(&self, transport: Transport, idle: bool) -> Result<(), &'static str> {
        if self.against.is_none() {
            return Ok(());
        }
        if transport == Transport::LongPoll {
            return Err(
                "--against takes --transport sse or websocket: each server polls in its own way",
            );
        }
        if self.publish_to.is_none() && !idle {
            return Err("--against needs --publish-to URL, or --idle");
        }
        Ok(())
    }
}

fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|_| "it is no URL".to_owned())?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https" | "ws" | "wss"), Some(_)) => Ok(url),
        _ => Err("it starts with http://, https://, ws:// or wss:// and a host".into()),
    }
}

fn body(text: &str) -> Result<String, String> {
    if text.contains("{MARK}") {
        return Ok(text.to_owned());
    }
    Err("it needs {MARK}, by which deliveries are known".into())
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    let name = name
        .trim()
        .parse()
        .map_err(|_| "that is no name of a header")?;
    let value = HeaderValue::from_str(value.trim());
    Ok((name, value.map_err(|_| "that is no value of a header")?))
}

fn answer(text: &str) -> Result<(String, String), String> {
    let (asked, reply) = text.split_once('=').ok_or("write TEXT=TEXT, as in 2=3")?;
    Ok((asked.to_owned(), reply.to_owned()))
}
