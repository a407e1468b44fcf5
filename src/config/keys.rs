//! The one table of keys: what is read, what is documented, what a mistake suggests.

use super::checks;
use super::kind::Kind;
use super::path::{Path, Step};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;
const YEAR: u64 = 365 * DAY;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// What holds where a key is absent.
#[derive(Clone, Copy)]
pub(super) enum IfAbsent {
    /// This value, in TOML.
    Value(&'static str),
    /// What another key says.
    Of(&'static str),
    /// Nothing; what that means.
    Unset(&'static str),
    /// It may not be absent.
    Required,
}

/// One key.
pub(super) struct Key {
    /// Names joined by dots; `[]` is any entry of a list, a name in capitals any name.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) default: IfAbsent,
    /// A value in TOML.
    pub(super) example: &'static str,
    /// What it does.
    pub(super) meaning: &'static str,
}

/// What stands at a path.
pub(super) enum Spot {
    Key(&'static Key),
    Table,
    List,
    Unknown,
}

/// A segment of [`Key::path`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    Word(&'static str),
    Any,
    Item,
}

impl Key {
    /// Its path, taken apart.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> {
        self.path.split('.').flat_map(|part| {
            let (word, item) = match part.strip_suffix("[]") {
                Some(word) => (word, Some(Segment::Item)),
                None => (part, None),
            };
            let any = word.bytes().all(|b| b.is_ascii_uppercase());
            let word = if any {
                Segment::Any
            } else {
                Segment::Word(word)
            };
            std::iter::once(word).chain(item)
        })
    }

    /// Its last name.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }
}

/// What the table says of `path`.
pub(super) fn find(path: &Path) -> Spot {
    for key in KEYS {
        let mut segments = key.segments();
        if !path
            .0
            .iter()
            .all(|step| segments.next().is_some_and(|s| fits(s, step)))
        {
            continue;
        }
        return match segments.next() {
            None => Spot::Key(key),
            Some(Segment::Item) => Spot::List,
            Some(Segment::Word(_) | Segment::Any) => Spot::Table,
        };
    }
    Spot::Unknown
}

/// The names that may stand below `path`.
pub(super) fn names_below(path: &Path) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = KEYS
        .iter()
        .filter_map(|key| {
            let mut segments = key.segments();
            let below = path
                .0
                .iter()
                .all(|step| segments.next().is_some_and(|s| fits(s, step)));
            match segments.next().filter(|_| below) {
                Some(Segment::Word(word)) => Some(word),
                Some(Segment::Any | Segment::Item) | None => None,
            }
        })
        .collect();
    names.dedup();
    names
}

/// What to write for the key at `path`, which is absent.
pub(super) fn example(path: &Path) -> String {
    match find(path) {
        Spot::Key(key) => format!("write {} = {}", key.name(), key.example),
        Spot::Table | Spot::List | Spot::Unknown => String::new(),
    }
}

fn fits(segment: Segment, step: &Step) -> bool {
    match (segment, step) {
        (Segment::Word(word), Step::Key(key)) => word == key,
        (Segment::Any, Step::Key(_)) | (Segment::Item, Step::Index(_)) => true,
        (Segment::Word(_) | Segment::Any, Step::Index(_)) | (Segment::Item, Step::Key(_)) => false,
    }
}

const fn key(
    path: &'static str,
    kind: Kind,
    default: IfAbsent,
    example: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        example,
        meaning,
    }
}

use IfAbsent::{Of, Required, Unset, Value};

/// Every key that there is.
#[rustfmt::skip] // a table: one key, one paragraph
pub(super) static KEYS: &[Key] = &[
    key("listen", Kind::Endpoints, Value(r#""127.0.0.1:8080""#), r#"["0.0.0.0:8080", "unix:/run/gatecast.sock"]"#,
        "Where the gateway listens: in clear text, or over TLS where `tls` is given; `http://` or `https://` before an address says which. A Unix socket is always clear, and port 0 takes any free one."),
    key("tls.cert", Kind::File, Unset("no endpoint speaks HTTPS"), r#""fullchain.pem""#,
        "A PEM file with the certificate, and after it those that it is signed by. TLS 1.2 and 1.3, with HTTP/2 for the clients that offer it."),
    key("tls.key", Kind::File, Unset("no endpoint speaks HTTPS"), r#""privkey.pem""#,
        "A PEM file with the certificate's private key. Needed with `tls.cert`."),

    key("auth.anonymous", Kind::Text("the name of a role", checks::name), Unset("such a client is refused"), r#""viewer""#,
        "The role of a client without a credential. A credential that fails is never downgraded to it."),
    key("auth.query", Kind::Text("a parameter's name", checks::query), Unset("none is read"), r#""access_token""#,
        "The query parameter that may carry a token or key, for `EventSource`, which can set no header. URLs end up in logs: prefer headers, a session cookie or a signed URL."),
    key("auth.session.secret", Kind::Secret("a text of at least 32 bytes"), Unset("a random one, made when the process starts"), r#""…""#,
        "What signs the cookies and URLs that `POST /v1/session` gives. Nodes that share it take each other's, and a restart ends none; without it they are good at this process alone. Exactly one of `secret` and `secret_file`."),
    key("auth.session.secret_file", Kind::File, Unset("`secret`, or a random one"), r#""/run/secrets/session""#,
        "The file that holds it; one newline at its end is dropped."),
    key("auth.session.old_secret", Kind::Secret("a text of at least 32 bytes"), Unset("only `secret` counts"), r#""…""#,
        "The secret before this one: it signs nothing any more, and what it has signed is still taken. Leave it in until `auth.session.ttl` has passed since the change; leave it out at once if somebody else knows it."),
    key("auth.session.old_secret_file", Kind::File, Unset("`old_secret`"), r#""/run/secrets/session.old""#,
        "The file that holds that one."),
    key("auth.session.cookie", Kind::Text("a name of A-Z a-z 0-9 _ - .", checks::name), Value(r#""gatecast_session""#), r#""live""#,
        "The cookie's name. Over TLS `__Host-` stands before it, so that no other host of the domain can set it."),
    key("auth.session.ttl", Kind::Duration(SECOND, YEAR), Value(r#""12h""#), r#""30d""#,
        "How long a cookie is good, and how long a signed URL can be extended; never longer than its credential."),
    key("auth.session.renewable", Kind::Duration(SECOND, YEAR), Value(r#""30d""#), r#""7d""#,
        "How long a cookie can be renewed by itself, from when its credential was shown; then that has to be shown again. A copy of a cookie is good for no longer."),
    key("auth.session.url_ttl", Kind::Duration(SECOND, DAY), Value(r#""5m""#), r#""1m""#,
        "How long one signed URL is good, and the stream that it opened."),
    key("auth.jwt[].algorithm", Kind::Choice(&["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]),
        Required, r#""HS256""#,
        "The only algorithm that this entry takes, whatever a token's header says."),
    key("auth.jwt[].secret", Kind::Secret("a text of at least 32 bytes"), Unset("another of the six is there"), r#""…""#,
        "The shared secret of HS256, HS384 and HS512. Exactly one of `secret`, `secret_file`, `public_key`, `public_key_file`, `jwks_file` and `jwks_url`."),
    key("auth.jwt[].secret_file", Kind::File, Unset("another of the six is there"), r#""/run/secrets/jwt""#,
        "The file that holds the secret; one newline at its end is dropped."),
    key("auth.jwt[].public_key", Kind::Secret("a public key in PEM"), Unset("another of the six is there"), r#""""-----BEGIN PUBLIC KEY-----…""""#,
        "The public key (PEM, SPKI) of the RS, PS, ES and EdDSA algorithms."),
    key("auth.jwt[].public_key_file", Kind::File, Unset("another of the six is there"), r#""issuer.pem""#,
        "The file that holds the public key."),
    key("auth.jwt[].jwks_file", Kind::File, Unset("another of the six is there"), r#""keys.json""#,
        "A file with a set of keys (JWKS, RFC 7517), of which a token's `kid` chooses one. What no signature of `algorithm` is verified with is left out."),
    key("auth.jwt[].jwks_url", Kind::Text("an https:// URL, or an http:// one of this machine", checks::key_url), Unset("another of the six is there"), r#""https://id.example/.well-known/jwks.json""#,
        "Where the issuer publishes its set of keys. It is fetched at the start, in the background from then on, and when a token names a key that is not in it; while it cannot be, the keys that were fetched last stay. Not for the HS algorithms."),
    key("auth.jwt[].jwks_refresh", Kind::Duration(MINUTE, DAY), Value(r#""10m""#), r#""1h""#,
        "How often `jwks_url` is fetched, at the least: more often where its `Cache-Control: max-age` is shorter, down to once a minute."),
    key("auth.jwt[].kid", Kind::Text("a text", checks::visible), Unset("chosen by algorithm and issuer"), r#""2026-11""#,
        "Tokens whose header names this key id are verified by this entry. Not with a set, whose keys have their own."),
    key("auth.jwt[].audience", Kind::Text("a text", checks::visible), Unset("a token that has an `aud` is refused"), r#""gatecast""#,
        "What a token's `aud` must hold."),
    key("auth.jwt[].issuer", Kind::Text("a text", checks::visible), Unset("a token may have any issuer"), r#""https://id.example""#,
        "What a token's `iss` must be. Entries without one vouch for the same people: give each issuer its own, unless they are keys of one."),
    key("auth.jwt[].leeway", Kind::Duration(0, MINUTE), Value(r#""10s""#), r#""30s""#,
        "How far the clocks of issuer and gateway may differ."),
    key("auth.jwt[].max_age", Kind::Duration(SECOND, YEAR), Unset("only `exp` counts"), r#""12h""#,
        "How old a token may be, counted from its `iat`."),
    key("auth.jwt[].role_claim", Kind::Text("a text", checks::visible), Value(r#""role""#), r#""gatecast_role""#,
        "The claim that names the role. A token without it, or with an unknown role, is refused with 403."),
    key("auth.api_key[].name", Kind::Text("a name of A-Z a-z 0-9 _ - .", checks::name), Required, r#""lobby-tv""#,
        "Who the key's holder is: the principal in logs and in `from`."),
    key("auth.api_key[].sha256", Kind::Digests(2), Required, r#""9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08""#,
        "The SHA-256 of the key; the key itself is kept nowhere. `gatecast key NAME` makes a pair. Two in a list are both good, while one replaces the other."),
    key("auth.api_key[].role", Kind::Text("the name of a role", checks::name), Required, r#""display""#,
        "The role of the key's holder."),

    key("roles.NAME.transports", Kind::Choices(&["websocket", "sse", "long-poll"]), Value(r#"["websocket", "sse", "long-poll"]"#), r#"["sse", "long-poll"]"#,
        "The transports that the role may use, in order of preference."),
    key("roles.NAME.rooms", Kind::Texts("rooms, placeholders allowed", checks::room_template), Value("[]"), r#"["display", "org:{org}:news"]"#,
        "The rooms that a client gets which names none."),
    key("roles.NAME.subscribe", Kind::Texts("room patterns", checks::grant), Value("[]"), r#"["display", "org:{org}:*"]"#,
        "The rooms that the role may read: literal text, `{claim}` placeholders, and `*` as the last character for the rest."),
    key("roles.NAME.publish", Kind::Texts("room patterns", checks::grant), Value("[]"), r#"["org:{org}:chat"]"#,
        "The rooms that the role may publish to."),
    key("roles.NAME.presence", Kind::Texts("room patterns", checks::grant), Value("[]"), r#"["display", "org:{org}:*"]"#,
        "The rooms of which the role may see who is there, by a question and by what their companions `_presence:ROOM` tell. No pattern of `subscribe` opens a companion."),
    key("roles.NAME.emit", Kind::Texts("names of events, or beginnings of them and `*`", checks::emit), Value("[]"), r#"["checkin:*", "note:add"]"#,
        "What the role may tell the backend with `emit`: names of events, and `*` as the last character for the rest. [emit.md](emit.md) says what becomes of it."),
    key("roles.NAME.sender", Kind::Flag, Value("false"), "true",
        "Whether the role's events carry `from`, the principal of who published them."),
    key("roles.NAME.admin", Kind::Flag, Value("false"), "true",
        "Whether the role may purge rooms and use the routes of operators."),
    key("roles.NAME.service", Kind::Flag, Value("false"), "true",
        "Whether the role is the backend's: it may have streams join and leave rooms, end them, list them, and publish to one of them: [service.md](service.md)."),
    key("roles.NAME.limits.messages", Kind::Rate, Of("limits.messages"), r#""100/s""#,
        "The role's own `limits.messages`."),
    key("roles.NAME.limits.event", Kind::Size(16, 16 * MIB), Of("limits.event"), r#""256KiB""#,
        "The role's own `limits.event`."),
    key("roles.NAME.limits.rooms_per_stream", Kind::Count(1, 10_000), Of("limits.rooms_per_stream"), "500",
        "The role's own `limits.rooms_per_stream`."),
    key("roles.NAME.limits.requests", Kind::Rate, Of("limits.requests"), r#""100/s""#,
        "The role's own `limits.requests`."),
    key("roles.NAME.limits.publishes", Kind::Rate, Of("limits.publishes"), r#""10/s""#,
        "The role's own `limits.publishes`."),
    key("roles.NAME.limits.per_principal", Kind::Count(1, 10_000_000), Of("limits.per_principal"), "500",
        "The role's own `limits.per_principal`."),
    key("roles.NAME.limits.events.NAME", Kind::Rate, Of("limits.events.NAME"), r#""10/min""#,
        "The role's own `limits.events.NAME`. The names that the role leaves out keep the gateway's rate."),

    key("emit.NAME.room", Kind::Text("a room, placeholders allowed", checks::room_template), Unset("the client names the room, and needs a grant to publish to it"), r#""kitchen:{venue}""#,
        "Where what clients emit by this name is published, whether or not their role may publish there; placeholders are filled with the claims of who emits it. A name that has no table goes to the `message` hook."),
    key("emit.NAME.event", Kind::Text("the name of an event", checks::event), Unset("as it was emitted"), r#""order:placed""#,
        "What it is called there."),

    key("rooms.PATTERN.history.events", Kind::Count(1, 100_000_000), Value("1000"), "100",
        "How many events a room of this pattern keeps. The longest literal prefix wins, an exact name wins over a prefix. Companions (`_presence:…`) keep 1000 events, 1 MiB and 1 h where nothing is said."),
    key("rooms.PATTERN.history.age", Kind::Duration(SECOND, YEAR), Value(r#""1d""#), r#""1h""#,
        "How long it keeps them."),
    key("rooms.PATTERN.history.bytes", Kind::Size(1, TIB), Value(r#""4MiB""#), r#""1MiB""#,
        "How much memory it keeps them in, overhead included. Whichever bound is met first drops the oldest."),
    key("rooms.PATTERN.deliver.mode", Kind::Choice(&["all", "latest", "conflate", "batch"]), Value(r#""all""#), r#""conflate""#,
        "What readers are given: each event; the newest that there is when they read; once a window the newest of each key, or all of it as one event `<name>:batch`. [rooms.md](rooms.md) has the details."),
    key("rooms.PATTERN.deliver.key", Kind::Text("the name of a field", checks::visible), Unset("events without a `key` have the same"), r#""unit""#,
        "With `conflate`: the field of `data` whose value is the key of an event that was published without one."),
    key("rooms.PATTERN.deliver.every", Kind::Duration(10, 60 * MINUTE), Unset("a second"), r#""500ms""#,
        "With `conflate` and `batch`: how long a window is, from the first event in it."),
    key("rooms.PATTERN.overflow", Kind::Choice(&["gap", "disconnect"]), Value(r#""gap""#), r#""disconnect""#,
        "What becomes of an open stream that falls out of what is kept: it is told the gap and goes on, or is ended (`slow`) to come back."),
    key("rooms.PATTERN.state.keys", Kind::Count(1, 1_000_000), Value("1000"), "100",
        "How many retained values a room has."),
    key("rooms.PATTERN.state.bytes", Kind::Size(KIB, TIB), Value(r#""1MiB""#), r#""64KiB""#,
        "How much memory they take, overhead included. A value beyond either is refused (`state_full`)."),
    key("rooms.PATTERN.presence.track", Kind::Flag, Value("false"), "true",
        "Whether it is looked at who is in a room of this pattern, and told in its companion `_presence:ROOM`. Not for rooms of the gateway's own, nor where the companion's name would have more than 200 bytes."),
    key("rooms.PATTERN.presence.grace", Kind::Duration(0, 10 * MINUTE), Value(r#""10s""#), r#""30s""#,
        "How long somebody may be away before that is a leave: a network that drops for a moment is none."),

    key("hooks.HOOK.url", Kind::Secret("an https:// or http:// URL"), Required, r#""https://api.example/gatecast""#,
        "Where the backend's hook is; HOOK is `connect`, `subscribe`, `message`, `disconnect` or `unsubscribe`. Nothing else is called, whatever it answers. `http://` is for a network that nobody else is on: who can change what passes there can answer for the backend. [hooks.md](hooks.md) says what is sent, and what may be answered."),
    key("hooks.HOOK.secret", Kind::Secret("a text of 24 to 64 bytes, or `whsec_` and as many in base64"), Unset("`secret_file` is there"), r#""whsec_…""#,
        "What signs the requests (Standard Webhooks). Exactly one of `secret` and `secret_file`."),
    key("hooks.HOOK.secret_file", Kind::File, Unset("`secret` is there"), r#""/run/secrets/hooks""#,
        "The file that holds it; one newline at its end is dropped."),
    key("hooks.HOOK.old_secret", Kind::Secret("a text of 24 to 64 bytes, or `whsec_` and as many in base64"), Unset("one signature is sent"), r#""whsec_…""#,
        "The secret before this one: requests have a signature of each, until the backend knows the new one."),
    key("hooks.HOOK.old_secret_file", Kind::File, Unset("`old_secret`"), r#""/run/secrets/hooks.old""#,
        "The file that holds that one."),
    key("hooks.HOOK.timeout", Kind::Duration(10, 30 * SECOND), Value(r#""2s""#), r#""500ms""#,
        "How long one call may take, from the question to the whole answer, waiting for a place included."),
    key("hooks.HOOK.on_failure", Kind::Choice(&["closed", "open"]), Value(r#""closed""#), r#""open""#,
        "Of `connect` and `subscribe` only: what happens where the backend does not answer well in time. `closed`: `hook_failed`. `open`: as if there were no hook. A backend that says no is obeyed in any case."),
    key("hooks.HOOK.concurrency", Kind::Count(1, 10_000), Value("64"), "16",
        "Calls of this hook at the same time; more wait, within their timeout."),
    key("hooks.HOOK.headers", Kind::Texts("names of headers", checks::hook_header), Value("[]"), r#"["x-tenant"]"#,
        "The headers of a client's request that the hook is shown. None of those that carry credentials or concern the connection."),
    key("hooks.HOOK.rooms", Kind::Texts("rooms, or beginnings of them and `*`", checks::history_pattern), Unset("all rooms"), r#"["tab:*"]"#,
        "Of `subscribe` only: the rooms that it is asked about."),
    key("hooks.HOOK.events", Kind::Texts("event names, or beginnings of them and `*`", checks::event_pattern), Unset("all events"), r#"["note:*"]"#,
        "Of `message` only: the events that it takes."),

    key("socketio.enabled", Kind::Flag, Value("true"), "false",
        "Whether Socket.IO is spoken. [socketio.md](socketio.md) says what an app finds, and has an example."),
    key("socketio.path", Kind::Text("a path that begins and ends with `/`, of A-Z a-z 0-9 . _ ~ -", checks::socketio_path), Value(r#""/socket.io/""#), r#""/live/""#,
        "Where it is served: the `path` of the clients. None of the gateway's own paths, and nothing below them."),
    key("socketio.ping_interval", Kind::Duration(100, 10 * MINUTE), Value(r#""25s""#), r#""15s""#,
        "From a client's answer to one ping to the next ping. Stay below the idle timeout of every proxy on the way."),
    key("socketio.ping_timeout", Kind::Duration(100, 10 * MINUTE), Value(r#""20s""#), r#""10s""#,
        "How long a client may take to answer one."),
    key("socketio.max_payload", Kind::Count(KIB, 16 * MIB), Value("1000000"), "100000",
        "What a client may send in one piece, in bytes: a message with its attachments, or a body of polling."),
    key("socketio.connect_timeout", Kind::Duration(100, 10 * MINUTE), Value(r#""45s""#), r#""10s""#,
        "How long a connection may be without a namespace."),
    key("socketio.recovery", Kind::Duration(SECOND, DAY), Value(r#""2m""#), r#""10m""#,
        "How long a client that was cut may take to come back as the same, to a namespace with `recovery`."),
    key("socketio.auth.token", Kind::Secret("the name of a member, of A-Z a-z 0-9 _ - ."), Value(r#""token""#), r#""jwt""#,
        "The member of a client's `auth` that holds a token."),
    key("socketio.auth.api_key", Kind::Secret("the name of a member, of A-Z a-z 0-9 _ - ."), Value(r#""apiKey""#), r#""key""#,
        "The member that holds an API key. Another one than `socketio.auth.token`."),
    key("socketio.namespaces.NAME.roles", Kind::Texts("names of roles", checks::name), Unset("all roles"), r#"["admin"]"#,
        "The roles that may join the namespace, whose name begins with `/`. Where no namespace has a table there is `/`, for all; else there are those that have one."),
    key("socketio.namespaces.NAME.recovery", Kind::Flag, Value("false"), "true",
        "Whether a client that was cut may come back as the same, and is told what it missed. Each event then has a last argument more: how far the client is."),
    key("socketio.namespaces.NAME.meta", Kind::Flag, Value("false"), "true",
        "Whether each event has a second argument: its room, its id, and when it happened."),
    key("socketio.namespaces.NAME.events.NAME.subscribe", Kind::Text("a room, placeholders allowed", checks::spoken_room), Unset("it joins none"), r#""tab:{tabId}""#,
        "The room that a client joins by emitting this event. A placeholder is filled with the member of this name of the event's first argument, `{0}` with that argument itself, and else with a claim: whether it may join is asked as ever. Exactly one of `subscribe`, `unsubscribe` and `recover`."),
    key("socketio.namespaces.NAME.events.NAME.unsubscribe", Kind::Text("a room, placeholders allowed", checks::spoken_room), Unset("it leaves none"), r#""tab:{tabId}""#,
        "The room that a client leaves by it."),
    key("socketio.namespaces.NAME.events.NAME.recover", Kind::Flag, Value("false"), "true",
        "Whether a client that emits this is told what it missed in its rooms, since the event that it names (`lastEventId`)."),
    key("socketio.namespaces.NAME.events.NAME.answer", Kind::Text("the name of an event", checks::event), Unset("no event says that it is done; what was missed comes as it was"), r#""tab:joined""#,
        "The event that says that it has joined or left, with what it has said. With `recover`: the event that has what it missed, as a list, for each room."),
    key("socketio.namespaces.NAME.events.NAME.rewind", Kind::Count(1, 1000), Unset("only what is new is told"), "50",
        "With `subscribe`: how many of the room's newest events it is told first."),
    key("socketio.namespaces.NAME.events.NAME.backfill", Kind::Text("the name of an event", checks::event), Unset("each comes as it was"), r#""activity_backfill""#,
        "With `rewind`: the one event that they come as, with a list of what each was published with."),

    key("limits.connections", Kind::Count(1, 10_000_000), Value("20000"), "5000",
        "Open connections in all."),
    key("limits.memory", Kind::Size(MIB, TIB), Unset("new streams are let in, whatever the process has"), r#""1GiB""#,
        "The resident memory of the process above which new streams are refused (`overloaded`). Streams that are open go on, polls that have a cursor and publishes too. Looked at once a second, on Linux."),
    key("limits.messages", Kind::Rate, Value(r#""20/s""#), r#""120/min""#,
        "Client messages of one stream, with as many at once."),
    key("limits.event", Kind::Size(16, 16 * MIB), Value(r#""64KiB""#), r#""16KiB""#,
        "The payload of one event, as minified JSON. Not more than `limits.body`."),
    key("limits.body", Kind::Size(64, 64 * MIB), Value(r#""1MiB""#), r#""256KiB""#,
        "The body of one request."),
    key("limits.rooms_per_stream", Kind::Count(1, 10_000), Value("100"), "20",
        "The rooms of one stream, and of one event."),
    key("limits.per_ip", Kind::Count(1, 10_000_000), Unset("`limits.connections` is for all together"), "500",
        "Open connections of one peer address, and open streams (waiting polls among them) of one client's address. An IPv6 network of 64 bits is one address, a Unix socket is none. Who shares an address shares this: a building, a mobile network."),
    key("limits.handshakes", Kind::Rate, Unset("as fast as they come"), r#""50/s""#,
        "New connections of one peer address, and new WebSockets and event streams of one client's address, with as many at once. Addresses are those of `limits.per_ip`."),
    key("limits.failures", Kind::Rate, Unset("all are looked at"), r#""10/min""#,
        "Credentials from one client's address that are not good. Beyond them none from there is looked at until time has passed: nobody guesses keys. Addresses are those of `limits.per_ip`."),
    key("limits.requests", Kind::Rate, Unset("as fast as they come"), r#""50/s""#,
        "Requests of one principal, with as many at once: each publish, poll, message by POST, and each opening of a stream. Clients without a credential count by their address."),
    key("limits.per_principal", Kind::Count(1, 10_000_000), Unset("as many as there is room for"), "20",
        "Open streams of one principal, waiting polls among them. Clients without a credential count by their address."),
    key("limits.publishes", Kind::Rate, Unset("as fast as they come"), r#""100/s""#,
        "Events that one principal publishes to one room, with as many at once. Clients without a credential count by their address."),
    key("limits.events.NAME", Kind::Rate, Unset("`limits.messages` is for all names together"), r#""120/min""#,
        "Client messages of this name on one stream, with as many at once: an event's name, or a type (`subscribe`, `unsubscribe`, `publish`, `presence`, `auth`, `ping`). What is published by a request of its own counts by principal."),

    key("server.heartbeat", Kind::Duration(SECOND, 10 * MINUTE), Value(r#""15s""#), r#""25s""#,
        "After this long without a write a stream gets a heartbeat. Stay below the idle timeout of every proxy on the way."),
    key("server.silence", Kind::Duration(2 * SECOND, 60 * MINUTE), Value(r#""70s""#), r#""2m""#,
        "A WebSocket client that is silent for this long is closed. More than `server.heartbeat`."),
    key("server.expiry_notice", Kind::Duration(SECOND, 60 * MINUTE), Value(r#""30s""#), r#""2m""#,
        "This long before its credential ends a stream is told so (`token_expiring`), so that its client can renew it in place."),
    key("server.lifetime", Kind::Duration(MINUTE, YEAR), Unset("streams last as long as their clients and credentials"), r#""12h""#,
        "How long a stream may last. Each ends at a time of its own, after 80 to 100 % of this, is told `bye`, and comes back."),
    key("server.drain", Kind::Duration(0, 10 * MINUTE), Value(r#""10s""#), r#""25s""#,
        "How long an orderly stop may take. Stay below the grace of whoever stops the process."),
    key("server.drain_window", Kind::Duration(0, 10 * MINUTE), Value(r#""1s""#), r#""5s""#,
        "Over how long an orderly stop spreads the ends of the streams, so that their clients do not come back as one. Less than `server.drain`."),
    key("server.public_url", Kind::Text("an https:// or http:// URL without query", checks::public_url), Unset("the `Host` of each request"), r#""https://live.example""#,
        "Where clients reach the gateway, with the path of a proxy that serves it below one: the URLs of `/v1/negotiate` start with it, its pages are the gateway's own, and with `https://` the session cookie is `Secure`. Needed behind a proxy that ends the TLS."),
    key("server.hosts", Kind::Texts("host names, `*.` before one for all below it", checks::host), Unset("any"), r#"["live.example", "*.live.example"]"#,
        "The names that the gateway is reached by. A request for another `Host` is refused (421, `misdirected`), whatever its port; `/healthz` and `/readyz` answer to any."),
    key("server.trusted_proxies", Kind::Texts("networks, single addresses, or `unix`", checks::proxy), Unset("nobody is trusted"), r#"["10.0.0.0/8", "::1", "unix"]"#,
        "The proxies whose word is taken for who is behind them: `Forwarded`, or `X-Forwarded-For` and `X-Forwarded-Proto`. `unix` is whoever comes over a Unix socket. From anybody else these headers are not looked at."),
    key("server.proxy_protocol", Kind::Endpoints, Unset("connections begin with HTTP or TLS"), r#""127.0.0.1:8081""#,
        "The entries of `listen` at which each connection begins with a header of the PROXY protocol, version 1 or 2. It must come, from one of `server.trusted_proxies`; who is none of them is not served there."),
    key("server.shards", Kind::Count(1, 1024), Unset("one for each processor"), "2",
        "Threads that connections live on. A connection stays on one; a publish wakes each once."),
    key("server.timeouts.header", Kind::Duration(100, 10 * MINUTE), Value(r#""10s""#), r#""5s""#,
        "From the connection, or from the last answer on it, to a whole request head."),
    key("server.timeouts.body", Kind::Duration(100, 10 * MINUTE), Value(r#""30s""#), r#""10s""#,
        "From the head to the whole body."),
    key("server.timeouts.handshake", Kind::Duration(100, 10 * MINUTE), Value(r#""5s""#), r#""3s""#,
        "From the connection through the TLS handshake to the first byte of HTTP; and for a WebSocket handshake."),
    key("server.timeouts.write_stall", Kind::Duration(100, 10 * MINUTE), Value(r#""30s""#), r#""1m""#,
        "How long a client may take nothing of what is written to it."),
    key("server.timeouts.idle", Kind::Duration(SECOND, 60 * MINUTE), Value(r#""75s""#), r#""5m""#,
        "How long an HTTP/2 connection is kept on which nothing is under way. For HTTP/1.1 it is `server.timeouts.header`."),

    key("cors.origins", Kind::Texts("origins, or `*`", checks::origin), Value("[]"), r#"["https://app.example"]"#,
        "The pages of other origins that may use the gateway from a browser; WebSocket included."),
    key("cors.credentials", Kind::Flag, Value("false"), "true",
        "Whether pages of these origins may use the session cookie, and browsers send cookies along. Not together with `*`."),

    key("log.kind", Kind::Choice(&["memory"]), Value(r#""memory""#), r#""memory""#,
        "Where events are kept. `memory`: in this process, until it ends."),
    key("log.events", Kind::Count(1, 1_000_000_000), Value("1000000"), "100000",
        "Events of all rooms together."),
    key("log.bytes", Kind::Size(KIB, TIB), Value(r#""256MiB""#), r#""2GiB""#,
        "Memory of all rooms together."),
    key("log.state", Kind::Size(KIB, TIB), Value(r#""64MiB""#), r#""16MiB""#,
        "Memory of the retained values of all rooms together."),
    key("log.age", Kind::Duration(SECOND, YEAR), Value(r#""1d""#), r#""7d""#,
        "The age at which any event is dropped."),

    key("metrics.listen", Kind::Endpoints, Unset("`/metrics` takes a credential with `admin`"), r#""127.0.0.1:9090""#,
        "Where `/metrics`, `/healthz` and `/readyz` are read without a credential, and nothing else is: in clear text, unless it says `https://`. For an address that only operators reach."),

    key("admin.listen", Kind::Endpoints, Unset("`/v1/admin/…` is served where clients are"), r#""127.0.0.1:9091""#,
        "Where `/v1/admin/…`, `/metrics` and the probes are served, each with a credential of a role with `admin`; then the listeners of clients have no `/v1/admin/…`. In clear text, unless it says `https://`."),

    key("telemetry.format", Kind::Choice(&["text", "json"]), Value(r#""text""#), r#""json""#,
        "The form of log lines on standard error: for people, or one JSON object a line."),
    key("telemetry.filter", Kind::Text("a filter: levels, by module", checks::filter), Value(r#""info""#), r#""gatecast::transport=debug,info""#,
        "Which log lines are written."),
    key("telemetry.otlp.endpoint", Kind::Text("an https:// or http:// URL without query", checks::otlp), Unset("no spans are exported"), r#""http://127.0.0.1:4318""#,
        "The collector that gets a span of each request that publishes, by OTLP over HTTP: `/v1/traces` is added. Only in a gateway that was built with `--features otlp`; [metrics.md](metrics.md#traces) says what a span holds."),
    key("telemetry.otlp.percent", Kind::Count(1, 100), Value("100"), "10",
        "How many of a hundred traces that begin at the gateway are exported. One that began elsewhere is, if it was sampled there."),
    key("telemetry.audit", Kind::Text("`stderr`, or the absolute path of a file", checks::audit), Unset("no audit log is written"), r#""/var/log/gatecast/audit.jsonl""#,
        "Where the audit log goes: who was let in, who was refused, and who changed what, one JSON object a line. The file is made for its owner only, and begun anew when it was renamed or removed; [audit.md](audit.md) has the lines."),
];
