//! `gatecast token`.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Source, failed, print};
use crate::auth::{self, jwt};
use crate::config;
use crate::lifecycle::clock::Clock;

/// What the token says.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast token --config gatecast.toml --sub ann --role viewer --claim org=acme --expires 1h\n\nOnly HS256, HS384 and HS512 can sign here: the private keys of the others stay with their issuer."
)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Sign with the [[auth.jwt]] of this key id; needed where several have a secret.
    #[arg(long)]
    kid: Option<String>,
    /// Who the token is for.
    #[arg(long)]
    sub: String,
    /// The role of who holds it.
    #[arg(long)]
    role: String,
    /// A further claim, as NAME=VALUE; the value is JSON if it reads as JSON, else a text. May be repeated.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parse_claim)]
    claims: Vec<(String, Value)>,
    /// How long it is good: 90s, 15m, 1h, 7d.
    #[arg(long, default_value = "1h", value_parser = config::parse_duration)]
    expires: Duration,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let settings = match args.source.load() {
        Ok(settings) => settings.auth,
        Err(exit) => return exit,
    };
    match sign(args, &settings) {
        Ok(token) => {
            print::line(&token);
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

fn sign(args: &Args, settings: &auth::Settings) -> Result<String, String> {
    if !settings.roles.contains_key(&args.role) {
        let known: Vec<&str> = settings.roles.keys().map(String::as_str).collect();
        return Err(format!(
            "the configuration has no role {:?}; it has: {}",
            args.role,
            known.join(", ")
        ));
    }
    let (issuer, secret) = issuer(args.kid.as_deref(), &settings.jwt)?;
    let claims = Value::Object(claims(args, issuer));
    jwt::sign(issuer.algorithm, secret, issuer.kid.as_deref(), &claims)
        .map_err(|why| why.to_string())
}

/// The one issuer whose secret is known here and that fits `kid`.
fn issuer<'a>(
    kid: Option<&str>,
    issuers: &'a [jwt::Settings],
) -> Result<(&'a jwt::Settings, &'a crate::model::secret::Secret), String> {
    let mut fitting = issuers
        .iter()
        .filter(|issuer| kid.is_none() || issuer.kid.as_deref() == kid)
        .filter_map(|issuer| match &issuer.key {
            jwt::Key::Secret(secret) => Some((issuer, secret)),
            // A secret of a set is for its issuer to sign with.
            jwt::Key::PublicPem(_) | jwt::Key::Set(_) | jwt::Key::Url { .. } => None,
        });
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err("several [[auth.jwt]] have a secret; choose one with --kid".into())
        }
        (None, _) => Err(match kid {
            Some(_) => "no [[auth.jwt]] of this key id has a secret".into(),
            None => "no [[auth.jwt]] has a secret to sign with; add one with algorithm = \"HS256\""
                .into(),
        }),
    }
}

/// What the gateway will check comes last, so that no `--claim` can make a token that it refuses.
fn claims(args: &Args, issuer: &jwt::Settings) -> Map<String, Value> {
    let now = Clock::system().unix().0 / 1000;
    let mut claims: Map<String, Value> = args.claims.iter().cloned().collect();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("sub", args.sub.as_str().into());
    put(&issuer.role_claim, args.role.as_str().into());
    put("iat", now.into());
    put("exp", now.saturating_add(args.expires.as_secs()).into());
    if let Some(audience) = &issuer.audience {
        put("aud", audience.as_str().into());
    }
    if let Some(name) = &issuer.issuer {
        put("iss", name.as_str().into());
    }
    claims
}

fn parse_claim(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((name.to_owned(), value))
        }
        Some(_) | None => Err("write NAME=VALUE, such as org=acme".into()),
    }
}
