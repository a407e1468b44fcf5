//! The layers of the crate point one way: this reads every import of `src/` and fails on one that points up or
//! sideways, on a room that is not in the table, and on what may occur nowhere.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on says so and stops"
)]

#[path = "architecture/page.rs"]
mod page;
#[path = "architecture/tokens.rs"]
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tokens::tokens;

/// What a room may import.
enum May {
    Only(&'static [&'static str]),
    /// Every room that stands before it in the table.
    Above,
}

use May::{Above, Only};

/// Each room of `src/`, and the rooms that it may import. A room need not exist yet.
const TABLE: [(&str, May); 17] = [
    ("sync", Only(&[])),
    ("model", Only(&[])),
    ("lifecycle", Only(&["model"])),
    ("telemetry", Only(&["model"])),
    ("outbound", Only(&["model", "lifecycle"])),
    ("wire", Only(&["model"])),
    ("auth", Only(&["model"])),
    ("limit", Only(&["model"])),
    (
        "bus",
        Only(&["model", "wire", "telemetry", "lifecycle", "sync"]),
    ),
    (
        "ingress",
        Only(&[
            "model",
            "wire",
            "lifecycle",
            "telemetry",
            "auth",
            "limit",
            "bus",
        ]),
    ),
    (
        "hooks",
        Only(&["model", "wire", "lifecycle", "telemetry", "outbound"]),
    ),
    ("session", Only(&["model", "wire", "auth", "limit", "bus"])),
    ("transport", Above),
    ("service", Above),
    ("server", Above),
    ("config", Above),
    ("cli", Above),
];

/// The files at the top that see everything.
const ROOTS: [&str; 3] = ["lib", "main", "fuzzing"];

#[test]
fn every_import_points_down() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let text = fs::read_to_string(&path).unwrap();
        wrong.extend(
            complaints(&module_of(&path), &text)
                .into_iter()
                .map(|what| format!("{}: {what}", path.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_import_that_points_up_or_sideways_is_found_however_it_is_written() {
    for (module, text, found) in [
        (
            "model::room",
            "use crate::bus::log::Log;",
            "model imports bus",
        ),
        (
            "wire::sse",
            "use crate::{model::room::Room, auth};",
            "wire imports auth",
        ),
        (
            "wire::sse",
            "use crate::{model::{room::Room, event}, bus::{self, Log}};",
            "wire imports bus",
        ),
        (
            "auth::jwt",
            "fn f() -> crate::limit::Bucket { todo() }",
            "auth imports limit",
        ),
        ("limit", "use super::auth::jwt;", "limit imports auth"),
        (
            "limit::bucket",
            "use super::super::bus as b;",
            "limit imports bus",
        ),
        (
            "limit::bucket",
            "mod tests { use super::super::super::bus; }",
            "limit imports bus",
        ),
        (
            "transport::sse",
            "pub(in crate::service) fn f() {}",
            "transport imports service",
        ),
        ("session", "use crate::*;", "session imports everything"),
        (
            "bus::log",
            "macro_rules! m { () => { $crate::server::start() } }",
            "bus imports server",
        ),
        ("attic", "", "attic is not in the table"),
    ] {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        assert_eq!(complaints(&module, text), [found], "{text}");
    }
}

#[test]
fn what_looks_like_an_import_and_points_down_or_is_none_passes() {
    for (module, text) in [
        (
            "bus::log",
            "use crate::model::{room::Room, event::Event}; use super::wake;",
        ),
        (
            "wire::sse",
            "// use crate::bus;\n/* crate::bus /* crate::auth */ */ fn f() {}",
        ),
        (
            "wire::sse",
            "const A: &str = \"crate::bus\"; const B: &str = r#\"crate::bus \" crate::auth\"#;",
        ),
        (
            "wire::sse",
            "const C: [char; 2] = ['\"', '\\'']; fn f<'a>(x: &'a str) { crate::model::id::f(x) }",
        ),
        (
            "wire",
            "mod tests { use super::*; use crate::model::room; }",
        ),
        (
            "wire::sse",
            "pub(crate) fn f() {} use std::crate_like::bus; use super::bus;",
        ),
        ("main", "use gatecast::cli; fn main() { cli::run() }"),
    ] {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        assert_eq!(complaints(&module, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn unsafe_code_and_unfinished_work_occur_nowhere() {
    let mut wrong = Vec::new();
    for path in sources("src")
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("examples"))
        .chain(sources("benches"))
        .chain(sources("fuzz/fuzz_targets"))
    {
        let tokens = tokens(&fs::read_to_string(&path).unwrap());
        let found = forbidden(&tokens)
            .filter(|what| !(path == root().join("src/main.rs") && what == EXPORT));
        wrong.extend(found.map(|what| format!("{}: {what}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_may_not_occur_is_found_in_code_and_not_in_texts() {
    for (text, count) in [
        ("unsafe { f() }", 1),
        ("#[unsafe(export_name = \"f\")] fn f() {}", 1),
        ("#[ignore] fn f() {}", 1),
        ("#[ignore = \"slow\"] fn f() {}", 1),
        ("fn f() { todo!() } fn g() { unimplemented!(\"x\") }", 2),
        (
            "// unsafe todo!\nconst A: &str = \"todo!() unsafe #[ignore]\"; fn ignore() {}",
            0,
        ),
        ("#![forbid(unsafe_code)]", 0),
    ] {
        assert_eq!(forbidden(&tokens(text)).count(), count, "{text}");
    }
}

/// What is wrong with the imports of one file, once for each room.
fn complaints(module: &[String], text: &str) -> Vec<String> {
    let room = module[0].as_str();
    if ROOTS.contains(&room) {
        return Vec::new();
    }
    let Some(allowed) = allowed(room) else {
        return vec![format!("{room} is not in the table")];
    };
    let targets: BTreeSet<String> = imports(module, &tokens(text)).into_iter().collect();
    targets
        .into_iter()
        .filter(|target| target != room && !allowed.contains(&target.as_str()))
        .map(|target| format!("{room} imports {target}"))
        .collect()
}

fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let at = TABLE.iter().position(|(name, _)| *name == room)?;
    Some(match TABLE[at].1 {
        Only(rooms) => rooms.to_vec(),
        Above => TABLE[..at].iter().map(|(name, _)| *name).collect(),
    })
}

/// The top-level rooms that the paths in `tokens` lead to.
fn imports(module: &[String], tokens: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    // For each open brace: whether it is an inline module's, in which `super` means one step less.
    let mut braces: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => braces.push(at >= 2 && tokens[at - 2] == "mod"),
            "}" => {
                braces.pop();
            }
            "crate" | "super" if at == 0 || tokens[at - 1] != "::" => {
                let depth = module.len() + braces.iter().filter(|&&inline| inline).count();
                let mut paths = Vec::new();
                at = tree(tokens, at, &mut Vec::new(), &mut paths);
                found.extend(paths.iter().filter_map(|path| target(depth, path)));
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads a path, or a tree of them in braces, and returns where it ends.
fn tree(
    tokens: &[String],
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let mark = prefix.len();
    let get = |at: usize| tokens.get(at).map_or("", String::as_str);
    loop {
        if get(at) == "{" {
            at += 1;
            while !matches!(get(at), "}" | "") {
                at = tree(tokens, at, prefix, paths);
                while !matches!(get(at), "," | "}" | "") {
                    at += 1;
                }
                at += usize::from(get(at) == ",");
            }
            at += 1;
            break;
        }
        prefix.push(get(at).to_owned());
        at += 1;
        if get(at) != "::" {
            paths.push(prefix.clone());
            break;
        }
        at += 1;
    }
    prefix.truncate(mark);
    at
}

/// The top-level room that `path` names, seen from a module `depth` levels below the root; `everything` for a glob.
fn target(depth: usize, path: &[String]) -> Option<String> {
    let supers = path
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    let rest = match path.first()?.as_str() {
        "crate" => &path[1..],
        _ if supers >= depth => &path[supers..],
        _ => return None,
    };
    match rest.first()?.as_str() {
        "*" => Some("everything".into()),
        "self" => None,
        room => Some(room.into()),
    }
}

/// The binary has one: the allocator's options.
const EXPORT: &str = "unsafe(export_name)";

fn forbidden(tokens: &[String]) -> impl Iterator<Item = String> {
    let at = |index: usize| tokens.get(index).map_or("", String::as_str);
    (0..tokens.len()).filter_map(
        move |index| match (at(index), at(index + 1), at(index + 2)) {
            ("unsafe", "(", "export_name") => Some(EXPORT.into()),
            ("unsafe", ..) => Some("unsafe".into()),
            ("#", "[", "ignore") => Some("#[ignore]".into()),
            (name @ ("todo" | "unimplemented"), "!", _) => Some(format!("{name}!")),
            _ => None,
        },
    )
}

/// Every Rust file below a directory of the crate; none if there is no such directory.
fn sources(directory: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// The module path of a file of `src/`: `["bus", "log"]` for `src/bus/log.rs`.
fn module_of(path: &Path) -> Vec<String> {
    let inside = path
        .strip_prefix(root().join("src"))
        .unwrap()
        .with_extension("");
    let mut module: Vec<String> = inside
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// The rooms that exist: directories and files at the top of `src/`, without the roots.
fn top_level() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("src")).unwrap();
    let stems = entries.map(|entry| {
        entry
            .unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    });
    stems
        .filter(|stem| !ROOTS.contains(&stem.as_str()))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
