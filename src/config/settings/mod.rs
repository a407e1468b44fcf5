//! From checked values to the settings of each layer, and what must hold between them.

mod auth;
mod edge;
mod hooks;
mod issuers;
mod listen;
mod log;
mod socketio;
mod tickets;

use std::path::PathBuf;
use std::time::Duration;

use super::node::Origin;
use super::source::Fault;
use super::units;
use super::values::{Said, Section, Values};
use crate::auth::Authority;
use crate::model::limits::{Addresses, Events, Limits, Rate};
use crate::model::timeouts::Timeouts;
use crate::server::Settings;
use crate::service::Cors;
use crate::telemetry::Format;
use crate::telemetry::audit::Destination;
use crate::wire::base_url::BaseUrl;
use crate::{service, session, telemetry};

/// The settings that `values` make, and what is wrong with them.
pub(super) fn build(values: &Values, base: PathBuf) -> (Settings, Vec<Fault>) {
    let mut build = Build {
        values,
        base,
        files: Vec::new(),
        faults: Vec::new(),
    };
    let settings = build.settings();
    let settings = Settings {
        files: std::mem::take(&mut build.files),
        ..settings
    };
    if build.faults.is_empty() {
        build.ask_authority(&settings);
    }
    (settings, build.faults)
}

struct Build<'a> {
    values: &'a Values,
    /// Where relative file names start.
    base: PathBuf,
    /// The files that were read.
    files: Vec<PathBuf>,
    faults: Vec<Fault>,
}

impl Build<'_> {
    fn settings(&mut self) -> Settings {
        let default = Settings::default();
        let section = self.values.section("limits");
        let limits = self.limits(&section, Limits::DEFAULT);
        let events = events(&section, &Events::new());
        let service = self.service(limits.event);
        let server = self.values.section("server");
        let drain = or(server.duration("drain"), default.drain);
        let auth = self.auth(limits, &events, service.body);
        let (listen, proxies) = (self.listen(default.listen), self.proxies(&server));
        Settings {
            proxy_protocol: self.proxy_protocol(&server, &listen, &proxies),
            listen,
            probes: self.own_listeners("metrics"),
            operators: self.own_listeners("admin"),
            proxies,
            memory: whole(self.values.section("limits").number("memory")).map(|said| said.value),
            resident: default.resident,
            tls: self.tls(),
            connections: or(self.count("limits", "connections"), default.connections),
            shards: self.count("server", "shards").map(|said| said.value),
            watch: default.watch,
            timeouts: timeouts(&server.below("timeouts")),
            lifetime: server.duration("lifetime").map(|said| said.value),
            drain,
            drain_window: self.drain_window(&server, drain, default.drain_window),
            addresses: addresses(&section),
            socketio: self.socketio(&auth.roles),
            auth,
            authorities: default.authorities,
            bus: self.bus(),
            session: self.session(&server, limits.messages),
            service,
            hooks: self.hooks(),
            telemetry: self.telemetry(),
            files: Vec::new(),
        }
    }

    /// What only the whole of `[auth]` and `[roles]` shows. Last, because it cannot tell the place.
    fn ask_authority(&mut self, settings: &Settings) {
        for why in Authority::new(settings.auth.clone())
            .err()
            .into_iter()
            .flatten()
        {
            self.faults.push(Fault {
                origin: None,
                show: false,
                problem: why,
                instead: None,
            });
        }
    }

    /// The limits of `section`, those of `outer` where it says nothing.
    fn limits(&mut self, section: &Section<'_>, outer: Limits) -> Limits {
        Limits {
            messages: or(section.rate("messages"), outer.messages),
            event: or(whole(section.number("event")), outer.event),
            rooms_per_stream: or(
                whole(section.number("rooms_per_stream")),
                outer.rooms_per_stream,
            ),
            requests: said(section.rate("requests")).or(outer.requests),
            publishes: said(section.rate("publishes")).or(outer.publishes),
            per_principal: count(section, "per_principal").or(outer.per_principal),
        }
    }

    fn service(&mut self, event: usize) -> service::Settings {
        let limits = self.values.section("limits");
        let body = or(
            whole(limits.number("body")),
            service::Settings::default().body,
        );
        self.event_within_body(&limits, event, body);
        service::Settings {
            cors: self.cors(),
            body,
            public_url: self.public_url(),
            hosts: self.hosts(),
            operators_elsewhere: self.values.section("admin").origin_of("listen").is_some(),
            ..service::Settings::default()
        }
    }

    /// An event that no request can carry is a limit that does not hold what it says.
    fn event_within_body(&mut self, limits: &Section<'_>, event: usize, body: usize) {
        if event <= body {
            return;
        }
        let sizes = |bytes: usize| units::show_size(u64::try_from(bytes).unwrap_or(u64::MAX));
        let problem = format!(
            "an event of {} does not fit into a body of {}",
            sizes(event),
            sizes(body)
        );
        let instead = "raise `limits.body`, or lower `limits.event`";
        let origin = limits
            .origin_of("event")
            .or_else(|| limits.origin_of("body"));
        self.open_fault(origin, problem, instead);
    }

    fn public_url(&self) -> Option<BaseUrl> {
        let text = self.values.section("server").text("public_url")?;
        BaseUrl::parse(&text.value).ok()
    }

    fn cors(&mut self) -> Cors {
        let section = self.values.section("cors");
        let origins = section
            .texts("origins")
            .map_or_else(Vec::new, |said| said.value);
        let credentials = or(section.flag("credentials"), false);
        if let Some((_, origin)) = origins.iter().find(|(text, _)| credentials && text == "*") {
            self.faults.push(
                Fault::new(
                    origin,
                    "`*` together with `cors.credentials` would let every page act as its visitor",
                )
                .instead("name the origins, or take `credentials` out"),
            );
        }
        Cors {
            origins: plain(origins),
            credentials,
        }
    }

    fn session(&mut self, server: &Section<'_>, messages: Rate) -> session::Settings {
        let default = session::Settings::default();
        let heartbeat = or(server.duration("heartbeat"), default.heartbeat);
        let silence = or(server.duration("silence"), default.silence);
        if silence <= heartbeat {
            let problem = format!(
                "a client may be silent for {}, but is only asked every {}",
                units::show_duration(silence),
                units::show_duration(heartbeat)
            );
            let instead =
                "make `server.silence` longer than `server.heartbeat`; four times is good";
            let origin = server
                .origin_of("silence")
                .or_else(|| server.origin_of("heartbeat"));
            self.open_fault(origin, problem, instead);
        }
        session::Settings {
            messages,
            heartbeat,
            silence,
            expiry_notice: or(server.duration("expiry_notice"), default.expiry_notice),
            ..default
        }
    }

    fn telemetry(&mut self) -> telemetry::Settings {
        let section = self.values.section("telemetry");
        let default = telemetry::Settings::default();
        let format = section
            .text("format")
            .map(|said| match said.value.as_str() {
                "json" => Format::Json,
                _ => Format::Text,
            });
        telemetry::Settings {
            format: format.unwrap_or(default.format),
            filter: or(section.text("filter"), default.filter),
            audit: section.text("audit").map(|said| match said.value.as_str() {
                "stderr" => Destination::Stderr,
                path => Destination::File(path.into()),
            }),
            otlp: otlp(&section.below("otlp")),
        }
    }

    /// The file that a key names.
    fn path(&mut self, said: &Said<String>) -> PathBuf {
        let path = self.base.join(&said.value);
        self.files.push(path.clone());
        path
    }

    fn count(&mut self, section: &str, key: &str) -> Option<Said<usize>> {
        whole(self.values.section(section).number(key))
    }

    /// A stream whose turn comes after the deadline would be cut.
    fn drain_window(
        &mut self,
        server: &Section<'_>,
        drain: Duration,
        default: Duration,
    ) -> Duration {
        let Some(Said { value, origin }) = server.duration("drain_window") else {
            return default.min(drain / 2);
        };
        if value > drain / 2 {
            let problem = format!(
                "{} is more than half of the {} that a stop may take: the streams whose turn comes last would be cut",
                units::show_duration(value),
                units::show_duration(drain)
            );
            let instead = "make it shorter, or `server.drain` longer";
            self.open_fault(Some(&origin), problem, instead);
        }
        value
    }

    /// A fault of a file that a key names.
    fn unreadable(&mut self, origin: &Origin, why: &std::io::Error) {
        let problem = format!("this file cannot be read: {why}");
        self.fault(
            Some(origin),
            problem,
            "name a file that the gateway may read",
        );
    }

    /// A fault of a value that may be shown.
    fn open_fault(&mut self, origin: Option<&Origin>, problem: impl Into<String>, instead: &str) {
        self.faults.push(Fault {
            origin: origin.cloned(),
            show: true,
            problem: problem.into(),
            instead: Some(instead.to_owned()),
        });
    }

    /// A fault of a value that may be, or may be meant as, a secret.
    fn fault(&mut self, origin: Option<&Origin>, problem: impl Into<String>, instead: &str) {
        self.open_fault(origin, problem, instead);
        self.faults
            .iter_mut()
            .last()
            .into_iter()
            .for_each(|fault| fault.show = false);
    }
}

fn otlp(section: &Section<'_>) -> Option<telemetry::spans::Settings> {
    let endpoint = section.text("endpoint");
    let percent = section.number("percent").map_or(100, |said| said.value);
    endpoint.map(|said| telemetry::spans::Settings {
        endpoint: said.value.trim_end_matches('/').to_owned(),
        percent: u8::try_from(percent).unwrap_or(100),
    })
}

fn timeouts(section: &Section<'_>) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        header: or(section.duration("header"), default.header),
        body: or(section.duration("body"), default.body),
        handshake: or(section.duration("handshake"), default.handshake),
        write_stall: or(section.duration("write_stall"), default.write_stall),
        idle: or(section.duration("idle"), default.idle),
    }
}

/// The names of `section` that have a rate of their own, and those of `outer` that it leaves out.
fn events(section: &Section<'_>, outer: &Events) -> Events {
    let mut events = outer.clone();
    events.extend(section.below("events").each_rate());
    events
}

fn addresses(section: &Section<'_>) -> Addresses {
    Addresses {
        per_ip: count(section, "per_ip"),
        handshakes: said(section.rate("handshakes")),
        failures: said(section.rate("failures")),
    }
}

/// A number that the table of keys keeps small.
fn count(section: &Section<'_>, key: &str) -> Option<u32> {
    said(section.number(key)).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn said<T>(said: Option<Said<T>>) -> Option<T> {
    said.map(|said| said.value)
}

fn or<T>(said: Option<Said<T>>, default: T) -> T {
    said.map_or(default, |said| said.value)
}

/// A number as this machine counts; what is beyond its memory is as good as the largest.
fn whole(said: Option<Said<u64>>) -> Option<Said<usize>> {
    said.map(|Said { value, origin }| Said {
        value: usize::try_from(value).unwrap_or(usize::MAX),
        origin,
    })
}

fn plain(texts: Vec<(String, Origin)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text).collect()
}
