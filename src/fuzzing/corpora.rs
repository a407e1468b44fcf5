//! The committed corpora through the doors: what a fuzzer once found stays mended without one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A door by the name of its target, which is that of its corpus too.
type Door = (&'static str, fn(&[u8]));

const DOORS: [Door; 18] = [
    ("claims", super::claims),
    ("client_frames", super::client_frames),
    ("client_message", super::client_message),
    ("client_stream", super::client_stream),
    ("configuration", super::configuration),
    ("credentials", super::credentials),
    ("cursor", super::cursor),
    ("engineio", super::engineio),
    ("event_stream", super::event_stream),
    ("hook_answer", super::hook_answer),
    ("json", super::json),
    ("jwks", super::jwks),
    ("log", super::log),
    ("proxies", super::proxies),
    ("publish_body", super::publish_body),
    ("socketio", super::socketio),
    ("stream", super::stream),
    ("stream_request", super::stream_request),
];

#[test]
fn every_file_of_the_corpora_goes_through_its_door() {
    for (name, door) in DOORS {
        let files = files(&format!("corpus/{name}"));
        assert!(!files.is_empty(), "the corpus of {name} is empty");
        for file in files {
            // Shown where a door panics: the last one is the file.
            println!("{}", file.display());
            door(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_target_has_its_door_and_every_corpus_its_target() {
    let doors: BTreeSet<_> = DOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stems = |directory| -> BTreeSet<String> {
        let stem = |file: PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
        files(directory).into_iter().map(stem).collect()
    };
    assert_eq!(stems("fuzz_targets"), doors);
    assert_eq!(stems("corpus"), doors);
    assert!(stems("dictionaries").is_subset(&doors));
}

fn files(directory: &str) -> BTreeSet<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(directory);
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
