//! The page on security claims what tests hold: each claim names them, and they exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names of all tests, by their functions; and the scripts that are steps of `tests/run`.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for directory in ["src", "tests"] {
        collect(&root().join(directory), &mut names);
    }
    let steps = fs::read_to_string(root().join("tests/run")).unwrap();
    let steps = steps.lines().filter_map(|line| line.strip_prefix("step_"));
    names.extend(steps.filter_map(|rest| Some(format!("tests/run {}", rest.split_once('(')?.0))));
    names
}

fn collect(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What npm and pip have installed.
            if !path.ends_with("node_modules") && !path.ends_with(".venv") {
                collect(&path, names);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names_of = |line: &str| {
                let rest = line.trim_start().trim_start_matches("async ");
                let name = rest.strip_prefix("fn ")?;
                let end = name.find(['(', '<']).unwrap_or(name.len());
                Some(name[..end].to_owned())
            };
            names.extend(text.lines().filter_map(names_of));
        }
    }
}

/// The tests that a row of a table names in its last cell, and the claim in its first.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let named = cells.last()?.split('`').skip(1).step_by(2);
        Some((
            cells.first()?.to_string(),
            named.map(str::to_owned).collect(),
        ))
    })
    .collect()
}

#[test]
fn every_claim_of_the_page_on_security_names_a_test_that_exists() {
    let page = fs::read_to_string(root().join("proto-docs/security.md")).unwrap();
    let (tests, mut claims) = (tests(), 0);
    for (claim, named) in rows(&page) {
        if claim == "claim" || claim == "threat" {
            continue;
        }
        claims += 1;
        assert!(!named.is_empty(), "nothing holds that {claim}");
        for name in named {
            assert!(tests.contains(&name), "{claim}: there is no test {name}");
        }
    }
    assert!(claims > 30, "{claims}");
}

#[test]
fn a_claim_without_a_test_is_seen() {
    let page = "| claim | held by |\n|---|---|\n| a | `one`, `two` |\n| b | nothing |\n";
    let rows = rows(page);
    assert_eq!(rows[1], ("a".into(), vec!["one".into(), "two".into()]));
    assert_eq!(rows[2], ("b".into(), Vec::new()));
}
