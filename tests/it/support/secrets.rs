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
use tracing_subscriber::filter::LevelFilter;

/// A part of a secret that is as good as all of it, in bytes: any so many in a row.
const PART: usize = 12;
/// What is shorter than this could be any word.
const WORD: usize = 8;

/// What is searched for, and what was found.
pub(crate) struct Watch {
    needles: RwLock<Needles>,
    found: Mutex<Vec<String>>,
    searched: AtomicU64,
}

struct Needles {
    known: HashSet<String>,
    /// Whether any part begins with these two bytes: most places need no more than this.
    begins: Box<[bool]>,
    parts: HashSet<[u8; PART]>,
    /// Secrets that are shorter than a part, found as whole words.
    words: HashSet<Vec<u8>>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            needles: RwLock::new(Needles {
                known: HashSet::new(),
                begins: vec![false; 1 << 16].into(),
                parts: HashSet::new(),
                words: HashSet::new(),
            }),
            found: Mutex::default(),
            searched: AtomicU64::new(0),
        }
    }

    /// From now on `secret` may occur nowhere, nor any part of it, as it is, in hexadecimal or in Base64. The first part of
    /// a token says only how it is signed.
    pub(crate) fn keep(&self, secret: &str) {
        let is_known = |needles: &Needles| needles.known.contains(secret);
        if secret.len() < WORD || is_known(&self.needles.read().unwrap()) {
            return;
        }
        let mut needles = self.needles.write().unwrap();
        needles.known.insert(secret.to_owned());
        let hidden = match secret.split_once('.') {
            Some((head, rest)) if head.starts_with("eyJ") => rest,
            _ => secret,
        };
        needles.add(hidden.as_bytes());
        needles.add(STANDARD_NO_PAD.encode(hidden).as_bytes());
        needles.add(URL_SAFE_NO_PAD.encode(hidden).as_bytes());
        let hexadecimal: String = hidden.bytes().map(|byte| format!("{byte:02x}")).collect();
        needles.add(hexadecimal.as_bytes());
    }

    /// Searches what was said at `place`.
    pub(crate) fn search(&self, place: &str, said: &[u8]) {
        self.searched
            .fetch_add(said.len() as u64, Ordering::Relaxed);
        let found = self.needles.read().unwrap().find(said);
        if let Some(at) = found {
            let text = |from: usize, to: usize| {
                let bytes = &said[from.min(said.len())..to.min(said.len())];
                String::from_utf8_lossy(bytes).into_owned()
            };
            let (before, part, after) = (
                text(at.saturating_sub(80), at),
                text(at, at + PART),
                text(at + PART, at + 80),
            );
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

impl Needles {
    fn add(&mut self, secret: &[u8]) {
        if secret.len() < PART {
            self.words.insert(secret.to_vec());
        }
        // A row of the same letters is nobody's secret.
        let is_varied = |part: &&[u8; PART]| part.iter().collect::<HashSet<_>>().len() > 4;
        let parts = secret.array_windows::<PART>();
        for part in parts.filter(is_varied) {
            self.begins[begin(part)] = true;
            self.parts.insert(*part);
        }
    }

    fn find(&self, said: &[u8]) -> Option<usize> {
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
            .with_max_level(LevelFilter::TRACE)
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
    for (before, ends) in [
        ("\nauthorization: bearer ", "\r\n"),
        ("\nx-api-key: ", "\r\n"),
        ("bearer.", "\r\n, "),
        ("access_token=", "\r\n& "),
        ("\"token\":\"", "\""),
        ("\"token\": \"", "\""),
    ] {
        for (at, _) in lower.match_indices(before) {
            let Some(rest) = text.get(at + before.len()..) else {
                continue;
            };
            let end = rest.find(|c| ends.contains(c)).unwrap_or(rest.len());
            watch.keep(&rest[..end]);
        }
    }
}
