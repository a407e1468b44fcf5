//! proto-docs/architecture.md against the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{allowed, root, top_level};

fn page() -> String {
    fs::read_to_string(root().join("proto-docs/architecture.md")).unwrap()
}

#[test]
fn it_names_every_room_and_what_each_may_import() {
    let page = page();
    let mut above: BTreeSet<&str> = BTreeSet::new();
    let mut named = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| `src/")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let room = cells[0].trim_matches('`').strip_prefix("src/").unwrap();
        let said: BTreeSet<&str> = match cells[3] {
            "nothing" => BTreeSet::new(),
            "all above" => above.clone(),
            list => list.split(", ").collect(),
        };
        let exists = |name: &&str| top_level().contains(*name);
        let may: BTreeSet<&str> = allowed(room).unwrap().into_iter().filter(exists).collect();
        assert_eq!(said, may, "what the page says that {room} may import");
        above.insert(room);
        named.insert(room.to_owned());
    }
    assert_eq!(named, top_level(), "the rooms that the page names");
}

#[test]
fn every_file_and_module_that_it_names_exists() {
    let page = page();
    let named: Vec<&str> = quoted(&page).filter(|name| is_place(name)).collect();
    assert!(named.len() > 30, "{named:?}");
    let missing: Vec<&str> = named.into_iter().filter(|name| !exists(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn what_does_not_exist_is_seen() {
    for (name, there) in [
        ("model::code", true),
        ("auth::grants", true),
        ("model::codes", false),
        ("src/sync", true),
        ("src/server/mod.rs", true),
        ("tests/walk", false),
    ] {
        assert!(is_place(name) && exists(name) == there, "{name}");
    }
    assert!(!is_place("Debug"));
}

/// What stands between back quotes.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

fn is_place(name: &str) -> bool {
    name.contains("::") || name.contains('/')
}

/// A path from the root (without `.rs` where a room is meant), or a module of the crate.
fn exists(name: &str) -> bool {
    let path = if name.contains("::") {
        Path::new("src").join(name.replace("::", "/"))
    } else {
        Path::new(name).to_owned()
    };
    let path = root().join(path);
    path.exists() || path.with_extension("rs").exists()
}
