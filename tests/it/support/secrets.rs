//! No credential in anything that the gateway says: every log line down to `trace`, every line of the audit log, every
//! panic, every byte of an answer, and the standard error of every command that a test runs are searched for every
//! credential that a test has made known or sent.
//!
//! Nobody need remember to do so. The secrets of a configuration are made known by whoever starts a gateway, and those
//! that are sent by the client that sends them.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tracing_subscriber::EnvFilter;

/// A part of a secret that is as good as all of it, in bytes: any so many in a row.
const PART: usize = 12;
/// What is shorter than this could be any word.
pub(crate) const WORD: usize = 8;

/// What is logged: all that there is, but for h2's own notes on each frame, which would be most of it. Without them the
/// suite takes half the time; with them it shows nothing either.
const LEVELS: &str = "trace,h2=debug";

/// What is searched for, and what was found.
pub(crate) struct Watch {
    /// What may occur nowhere.
    secrets: RwLock<Needles>,
    /// What the gateway gives out in its answers, and says nowhere else: cookies and signed URLs.
    given: RwLock<Needles>,
    found: Mutex<Vec<String>>,
    searched: AtomicU64,
}

#[derive(Default)]
struct Needles {
    known: HashSet<String>,
    /// Whether any part begins with these two bytes: most places need no more than this. Empty where there is none.
    begins: Vec<bool>,
    parts: HashSet<[u8; PART]>,
    /// Secrets that are shorter than a part, found as whole words.
    words: HashSet<Vec<u8>>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            secrets: RwLock::default(),
            given: RwLock::default(),
            found: Mutex::default(),
            searched: AtomicU64::new(0),
        }
    }

    /// From now on `secret` may occur nowhere, nor any part of it, as it is, in hexadecimal or in Base64. What stands before
    /// the signature of a token, a cookie or a signed URL may be in another one that is given out.
    pub(crate) fn keep(&self, secret: &str) {
        keep(&self.secrets, secret);
    }

    /// The same for what the gateway itself gives out: it may occur nowhere but in answers.
    pub(crate) fn keep_given(&self, secret: &str) {
        keep(&self.given, secret);
    }

    /// Searches what was said at `place`.
    pub(crate) fn search(&self, place: &str, said: &[u8]) {
        self.search_for(&self.given, place, said);
        self.search_for(&self.secrets, place, said);
    }

    /// Searches what was said in an answer.
    pub(crate) fn search_answer(&self, said: &[u8]) {
        self.search_for(&self.secrets, "an answer", said);
    }

    fn search_for(&self, needles: &RwLock<Needles>, place: &str, said: &[u8]) {
        self.searched
            .fetch_add(said.len() as u64, Ordering::Relaxed);
        let found = needles.read().unwrap().find(said);
        if let Some(at) = found {
            let text = |from: usize, to: usize| {
                let bytes = &said[from.min(said.len())..to.min(said.len())];
                String::from_utf8_lossy(bytes).into_owned()
            };
            let before = text(at.saturating_sub(80), at);
            let (part, after) = (text(at, at + PART), text(at + PART, at + 80));
            let told = format!("{place} shows a credential: {before}>>{part}<<{after}");
            self.lock().push(told);
        }
    }

    /// How many bytes were searched so far.
    pub(crate) fn searched(&self) -> u64 {
        self.searched.load(Ordering::Relaxed)
    }

    /// What was found since this was asked last.
    pub(crate) fn found(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(needles: &RwLock<Needles>, secret: &str) {
    if secret.len() < WORD || needles.read().unwrap().known.contains(secret) {
        return;
    }
    let mut needles = needles.write().unwrap();
    needles.known.insert(secret.to_owned());
    let hidden = match secret.rsplit_once('.') {
        Some((head, signature)) if head.starts_with("eyJ") => signature,
        _ => secret,
    };
    needles.add(hidden.as_bytes());
    needles.add(STANDARD_NO_PAD.encode(hidden).as_bytes());
    needles.add(URL_SAFE_NO_PAD.encode(hidden).as_bytes());
    let hexadecimal: String = hidden.bytes().map(|byte| format!("{byte:02x}")).collect();
    needles.add(hexadecimal.as_bytes());
}

impl Needles {
    fn add(&mut self, secret: &[u8]) {
        if secret.len() < PART {
            self.words.insert(secret.to_vec());
        }
        // A row of the same letters is nobody's secret.
        let is_varied = |part: &&[u8; PART]| part.iter().collect::<HashSet<_>>().len() > 4;
        let parts = secret.array_windows::<PART>();
        self.begins.resize(1 << 16, false);
        for part in parts.filter(is_varied) {
            self.begins[begin(part)] = true;
            self.parts.insert(*part);
        }
    }

    fn find(&self, said: &[u8]) -> Option<usize> {
        if self.begins.is_empty() {
            return None;
        }
        let mut parts = said.array_windows::<PART>();
        let part = parts.position(|part| self.begins[begin(part)] && self.parts.contains(part));
        part.or_else(|| self.find_word(said))
    }

    fn find_word(&self, said: &[u8]) -> Option<usize> {
        let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(byte);
        let mut at = 0;
        for word in said.split(|byte| !is_inside(byte)) {
            if (WORD..PART).contains(&word.len()) && self.words.contains(word) {
                return Some(at);
            }
            at += word.len() + 1;
        }
        None
    }
}

fn begin(part: &[u8; PART]) -> usize {
    usize::from(u16::from_le_bytes([part[0], part[1]]))
}

/// The one that all tests of this process share.
pub(crate) static WATCH: LazyLock<Watch> = LazyLock::new(Watch::new);

/// Watches whatever is logged and whoever panics in this process, and keeps the secrets of the configuration `toml`.
pub(crate) fn watch(toml: &str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(LEVELS))
            .with_ansi(false)
            .with_writer(|| Sink(&WATCH))
            .init();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A test's own panic may show what it likes.
            if panic
                .location()
                .is_some_and(|at| at.file().starts_with("src/"))
            {
                WATCH.search("a panic", panic.to_string().as_bytes());
            }
            before(panic);
        }));
    });
    let table: toml::Table = toml.parse().unwrap_or_default();
    keep_all(&WATCH, &toml::Value::Table(table));
}

/// Fails the test if anything was found; not where it has failed already.
pub(crate) fn nothing_was_shown() {
    let found = WATCH.found();
    if !std::thread::panicking() {
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// Whatever is logged.
pub(crate) struct Sink<'a>(pub(crate) &'a Watch);

impl io::Write for Sink<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.search("a log line", line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the secrets of a configuration: what stands under `secret`, and in the files that it names for secrets and
/// private keys.
fn keep_all(watch: &Watch, value: &toml::Value) {
    if let Some(all) = value.as_array() {
        all.iter().for_each(|one| keep_all(watch, one));
    }
    for (key, value) in value.as_table().into_iter().flatten() {
        match (key.as_str(), value.as_str()) {
            ("secret", Some(secret)) => watch.keep(secret),
            ("secret_file" | "key", Some(path)) => {
                let file = std::fs::read_to_string(path).unwrap_or_default();
                let lines = file.lines().filter(|line| !line.starts_with("-----"));
                lines.for_each(|line| watch.keep(line));
            }
            _ => keep_all(watch, value),
        }
    }
}

/// Keeps the credentials in what a client sends: in the headers and the target of a request, or in a message.
pub(crate) fn keep_sent(watch: &Watch, sent: &[u8]) {
    let text = String::from_utf8_lossy(sent);
    let lower = text.to_ascii_lowercase();
    let secrets = [
        ("\nauthorization: bearer ", "\r\n"),
        ("\nx-api-key: ", "\r\n"),
        ("bearer.", "\r\n, "),
        ("access_token=", "\r\n& "),
        ("\"token\":\"", "\""),
        ("\"token\": \"", "\""),
    ];
    let given = [("ticket=", "\r\n& "), ("gatecast_session=", "\r\n; ")];
    let all = secrets.iter().map(|place| (place, &watch.secrets));
    for ((before, ends), needles) in all.chain(given.iter().map(|place| (place, &watch.given))) {
        for (at, _) in lower.match_indices(before) {
            let Some(rest) = text.get(at + before.len()..) else {
                continue;
            };
            let end = rest.find(|c| ends.contains(c)).unwrap_or(rest.len());
            keep(needles, &rest[..end]);
        }
    }
}
