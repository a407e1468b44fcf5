//! Why a request has no answer.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;

/// What went wrong, as far as somebody could do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens at that address and port.
    Refused,
    /// The name is not known, or there is no way to the address.
    Unreachable,
    /// No authority that is trusted vouches for the server.
    UnknownIssuer,
    /// The server's certificate is for these names, and not for the one that was asked for.
    WrongName(Vec<String>),
    /// The server's certificate is not good for another reason, such as its dates.
    Certificate,
    /// What answered speaks no TLS.
    NotTls,
    /// What answered speaks no HTTP.
    NotHttp,
    /// No answer in time.
    TimedOut,
    /// The connection broke off; the request may have been carried out.
    Broken,
    /// The answer is larger than it may be.
    TooLarge,
}

/// A request without an answer: what went wrong, and in the words of whoever noticed.
#[derive(Debug)]
pub struct Error {
    /// What went wrong.
    pub fault: Fault,
    detail: String,
}

impl Error {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            fault,
            detail: detail.into(),
        }
    }
}

impl Fault {
    /// Whether a server was there, and is the one that was asked for.
    #[must_use]
    pub const fn reached(&self) -> bool {
        matches!(
            self,
            Self::NotHttp | Self::TimedOut | Self::Broken | Self::TooLarge
        )
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for Error {}

impl From<hyper::Error> for Error {
    fn from(error: hyper::Error) -> Self {
        Self::new(fault(&error, false), detail(&error))
    }
}

impl From<hyper_util::client::legacy::Error> for Error {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        Self::new(fault(&error, error.is_connect()), detail(&error))
    }
}

/// Of an attempt at a connection.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(fault(&error, true), detail(&error))
    }
}

fn fault(error: Cause<'_>, connecting: bool) -> Fault {
    chain(error).find_map(known).unwrap_or(if connecting {
        Fault::Unreachable
    } else {
        Fault::Broken
    })
}

/// What one cause says for certain.
fn known(cause: Cause<'_>) -> Option<Fault> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return tls_fault(tls);
    }
    if let Some(io) = cause.downcast_ref::<io::Error>() {
        return (io.kind() == io::ErrorKind::ConnectionRefused).then_some(Fault::Refused);
    }
    let http = cause.downcast_ref::<hyper::Error>()?;
    http.is_parse().then_some(Fault::NotHttp)
}

fn tls_fault(error: &rustls::Error) -> Option<Fault> {
    if let rustls::Error::InvalidCertificate(why) = error {
        return Some(certificate(why));
    }
    matches!(error, rustls::Error::InvalidMessage(_)).then_some(Fault::NotTls)
}

fn certificate(why: &CertificateError) -> Fault {
    if let CertificateError::NotValidForNameContext { presented, .. } = why {
        return Fault::WrongName(presented.clone());
    }
    if matches!(why, CertificateError::UnknownIssuer) {
        Fault::UnknownIssuer
    } else {
        Fault::Certificate
    }
}

/// An error and its causes, outermost first.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = Cause<'a>> {
    std::iter::successors(Some(error), |&error| cause(error))
}

type Cause<'a> = &'a (dyn StdError + 'static);

/// An `io::Error` around another error passes itself off as that one: its `source` is that one's source.
fn cause(error: Cause<'_>) -> Option<Cause<'_>> {
    let hidden = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match hidden {
        Some(hidden) => Some(hidden),
        None => error.source(),
    }
}

/// The innermost two causes, which say it best: the outer ones say "error trying to connect" and the like.
fn detail(error: Cause<'_>) -> String {
    let mut said: Vec<String> = chain(error).map(ToString::to_string).collect();
    said.dedup();
    said.split_off(said.len().saturating_sub(2)).join(": ")
}
