//! `gatecast demo`: the embedded default with a feed of real data, keys made on the spot, and a page that shows it.

mod certificate;
mod feed;
mod publisher;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use super::serve::{self, Stop};
use super::{failed, print};
use crate::auth::api_key;
use crate::config;
use crate::lifecycle::clock::Clock;
use crate::server::endpoint::{Address, Endpoint, Scheme};
use crate::server::{Gateway, Settings};
use feed::Timeline;
use publisher::Publisher;

/// How to show it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  gatecast demo --listen 127.0.0.1:8080 --speed 600\n  gatecast demo --tls\n\nCtrl-C ends it. Nothing is kept: the next run makes new keys."
)]
pub struct Args {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How many times faster than it was recorded the feed runs, 1 to 100000.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    speed: u32,
    /// Speak HTTPS and HTTP/2, with a certificate made on the spot that nobody vouches for.
    #[arg(long)]
    tls: bool,
}

/// The page at `/`.
const PAGE: &str = include_str!("../../examples/display.html");

/// What the keys made on the spot may do.
const CONFIGURATION: &str = r#"
[auth]
query = "access_token"              # EventSource can set no header

[[auth.api_key]]
name = "demo-display"
role = "display"

[[auth.api_key]]
name = "demo-backend"
role = "backend"

[roles.display]
rooms = ["quakes", "station"]
subscribe = ["quakes", "station"]

[roles.backend]
subscribe = ["quakes", "station"]
publish = ["quakes", "station"]

[telemetry]
filter = "warn"
"#;

/// The keys, as their holders send them.
struct Keys {
    display: String,
    backend: String,
}

/// Runs it.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match prepare(args) {
        Ok((settings, keys)) => {
            let show = show(settings.clone(), &keys, args.speed);
            serve::on_runtime(&settings.telemetry, show)
        }
        Err(why) => failed(&why),
    }
}

fn prepare(args: &Args) -> Result<(Settings, Keys), String> {
    let (display, display_hash) = mint()?;
    let (backend, backend_hash) = mint()?;
    let overlay = [display_hash, backend_hash]
        .into_iter()
        .enumerate()
        .map(|(place, hash)| (format!("GATECAST__AUTH__API_KEY__{place}__SHA256"), hash))
        .collect::<Vec<_>>();
    let mut settings =
        config::load(Some(CONFIGURATION), &overlay).map_err(|mistakes| mistakes.to_string())?;
    let (scheme, tls) = match args.tls {
        true => (Scheme::Https, Some(certificate::make(args.listen.ip())?)),
        false => (Scheme::Http, None),
    };
    let address = Address::Tcp(args.listen);
    settings.listen = vec![Endpoint { address, scheme }];
    settings.tls = tls;
    settings.service.page = Some(PAGE);
    Ok((settings, Keys { display, backend }))
}

fn mint() -> Result<(String, String), String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|why| format!("the system gives no random bytes: {why}"))?;
    Ok(api_key::mint(random))
}

/// Serves and publishes until a signal, then drains.
async fn show(settings: Settings, keys: &Keys, speed: u32) -> ExitCode {
    let mut stop = match Stop::new() {
        Ok(stop) => stop,
        Err(why) => return failed(&format!("signals cannot be awaited: {why}")),
    };
    let clock = Clock::system();
    let gateway = match Gateway::start(settings, clock.clone()).await {
        Ok(gateway) => gateway,
        Err(why) => return failed(&taken(&why)),
    };
    let Some(site) = Site::of(&gateway) else {
        return failed(&"nothing to listen on");
    };
    let publisher = match Publisher::start(gateway.publisher(), Timeline::recorded()).await {
        Ok(publisher) => publisher,
        Err(why) => return failed(&format!("the feed cannot begin: {why}")),
    };
    invitation(site, keys, speed)
        .iter()
        .for_each(|line| print::line(line));
    tokio::select! {
        () = stop.asked() => serve::end(gateway, stop).await,
        why = publisher.run(speed, &clock) => failed(&format!("the feed broke off: {why}")),
    }
}

fn taken(why: &std::io::Error) -> String {
    format!(
        "{why}\nTake another port: add `--listen 127.0.0.1:8081`, or `--listen 127.0.0.1:0` for any free one."
    )
}

/// The address as a client on this machine reaches it.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, address.port())
}

/// Where it is reached.
#[derive(Clone, Copy)]
struct Site {
    address: SocketAddr,
    scheme: Scheme,
}

impl Site {
    fn of(gateway: &Gateway) -> Option<Self> {
        let address = gateway.addresses().next().map(reachable)?;
        let scheme = gateway.endpoints().first()?.scheme;
        Some(Self { address, scheme })
    }
}

/// Where to look, and what to type in a second terminal. This is the one place that prints keys: they were made
/// for this run and die with it.
fn invitation(Site { address, scheme }: Site, keys: &Keys, speed: u32) -> Vec<String> {
    let Keys { display, backend } = keys;
    // Nobody vouches for the certificate: `-k` takes it all the same.
    let (curl, ws) = match scheme {
        Scheme::Http => ("curl", "ws"),
        Scheme::Https => ("curl -k", "wss"),
    };
    let read = format!("{curl} -H 'X-API-Key: {display}'");
    let stream = format!("{address}/v1/stream?rewind=2");
    vec![
        format!(
            "A week of earthquakes and a year of one weather station, {speed} times as fast as they happened.\n"
        ),
        "The display page, for a browser:".into(),
        format!("  {scheme}://{address}/#key={display}\n"),
        "The same events, from a second terminal:".into(),
        format!("  SSE        {read} -N -H 'Accept: text/event-stream' '{scheme}://{stream}'"),
        format!(
            "  long-poll  {read} '{scheme}://{stream}'    # then again with &since= and its cursor"
        ),
        format!(
            "  WebSocket  {read} -N '{ws}://{stream}'    # curl 8.11 or newer, or any WebSocket client"
        ),
        format!(
            "  history    {read} '{scheme}://{address}/v1/rooms/quakes/events?limit=2&reverse=1'"
        ),
        format!(
            "  publish    {curl} -H 'X-API-Key: {backend}' -d '{{\"event\": \"quake\", \"data\": {{\"mag\": 9.9, \"place\": \
             \"Your desk\"}}}}' '{scheme}://{address}/v1/rooms/quakes/events'\n"
        ),
        "Every id is a cursor: put it into &since= on any of the three. Ctrl-C ends the demo."
            .into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_keys_of_its_own_and_the_page() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let args = Args {
            listen,
            speed: 600,
            tls: false,
        };
        let (settings, one) = prepare(&args).unwrap();
        let (_, other) = prepare(&args).unwrap();
        assert_eq!(settings.listen, [listen.into()]);
        assert_eq!(settings.auth.api_keys.len(), 2);
        assert!(settings.service.page.is_some());
        let all = [&one.display, &one.backend, &other.display, &other.backend];
        for (place, key) in all.iter().enumerate() {
            assert!(!all[..place].contains(key), "{place}");
        }
    }

    #[test]
    fn an_address_that_means_all_is_shown_as_one_that_can_be_typed() {
        for (bound, shown) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:8080", "192.0.2.1:8080"),
        ] {
            let (bound, shown): (SocketAddr, SocketAddr) =
                (bound.parse().unwrap(), shown.parse().unwrap());
            assert_eq!(reachable(bound), shown);
        }
    }

    #[test]
    fn only_the_publishing_line_shows_the_publishing_key() {
        let keys = Keys {
            display: "gk_read".into(),
            backend: "gk_write".into(),
        };
        let site = Site {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            scheme: Scheme::Http,
        };
        let lines = invitation(site, &keys, 600);
        let writing: Vec<_> = lines.iter().filter(|l| l.contains("gk_write")).collect();
        assert_eq!(writing.len(), 1);
        assert!(
            writing[0]
                .contains(r#"{"event": "quake", "data": {"mag": 9.9, "place": "Your desk"}}"#)
        );
        assert!(!writing[0].contains("gk_read"));
    }
}
