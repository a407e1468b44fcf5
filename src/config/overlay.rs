//! The environment over the file: `GATECAST__LIMITS__CONNECTIONS=5`.
//!
//! Two underscores go one table down; entries of lists are counted from 0. A value is TOML where it reads as TOML of
//! the kind that the key takes, and otherwise a text as it stands.

use super::keys::{self, Spot};
use super::node::{Content, Entry, Node, Origin};
use super::path::{Path, Step};
use super::source::Fault;
use super::walk;

/// What each variable of ours begins with. One underscore would meet what Kubernetes sets for a service `gatecast`.
pub(super) const PREFIX: &str = "GATECAST__";

/// Lays the variables of `environment` that carry [`PREFIX`] over `root`.
pub(super) fn lay(root: &mut Node, environment: &[(String, String)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut ours: Vec<Variable<'_>> = Vec::new();
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        match resolve(root, name, rest) {
            Ok(path) => ours.push(Variable { path, name, value }),
            Err(fault) => faults.push(fault),
        }
    }
    // Tables come before what is set in them, and entry 2 before entry 10.
    ours.sort_by(|a, b| a.path.cmp(&b.path));
    for variable in ours {
        match variable.node() {
            Ok(node) => faults.extend(variable.set(root, 0, node).err()),
            Err(fault) => faults.push(fault),
        }
    }
    faults
}

struct Variable<'a> {
    path: Path,
    name: &'a str,
    value: &'a str,
}

/// The path that a variable's name means, the file's own spelling of chosen names first.
fn resolve(root: &Node, name: &str, rest: &str) -> Result<Path, Fault> {
    let origin = Origin::Variable(name.to_owned());
    let mut path = Path::default();
    let mut node = Some(root);
    for part in rest.split("__") {
        let index = part.parse::<usize>().ok().filter(|_| takes_index(&path));
        let step = match (index, node.map(|node| &node.content)) {
            (Some(index), _) => Step::Index(index),
            (None, Some(Content::Table(entries))) => Step::Key(spelling(entries, part)),
            (None, _) => Step::Key(part.to_ascii_lowercase()),
        };
        let next = path.child(step.clone());
        let known = !matches!(keys::find(&next), Spot::Unknown) || is_entry(&path, &step);
        if !known || part.is_empty() {
            let part = part.to_ascii_lowercase();
            return Err(walk::unknown(&path, &next, &part, &origin));
        }
        node = node.and_then(|node| node.child(&step));
        path = next;
    }
    Ok(path)
}

fn takes_index(path: &Path) -> bool {
    match keys::find(path) {
        Spot::List => true,
        Spot::Key(key) => key.kind.is_list(),
        Spot::Table | Spot::Unknown => false,
    }
}

/// Whether `step` is an entry of the list of texts at `path`.
fn is_entry(path: &Path, step: &Step) -> bool {
    matches!(step, Step::Index(_)) && takes_index(path)
}

fn spelling(entries: &[Entry], part: &str) -> String {
    entries
        .iter()
        .find(|entry| entry.name.eq_ignore_ascii_case(part))
        .map_or_else(|| part.to_ascii_lowercase(), |entry| entry.name.clone())
}

impl Variable<'_> {
    fn origin(&self) -> Origin {
        Origin::Variable(self.name.to_owned())
    }

    /// The value: TOML of the wanted kind, else a text.
    fn node(&self) -> Result<Node, Fault> {
        if self.value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(Fault::new(&self.origin(), "is not UTF-8"));
        }
        let toml = Node::from_variable(self.name, self.value);
        let fitting = toml.filter(|node| match (keys::find(&self.path), &node.content) {
            (Spot::Key(key), _) => key.kind.fits(node),
            (Spot::Table, Content::Table(_)) | (Spot::List, Content::Array(_)) => true,
            (Spot::Unknown, Content::Text(_)) => true, // an entry of a list of texts
            (Spot::Table | Spot::List | Spot::Unknown, _) => false,
        });
        Ok(fitting.unwrap_or_else(|| Node {
            origin: self.origin(),
            content: Content::Text(self.value.to_owned()),
        }))
    }

    /// Puts `value` into `node`, which stands `depth` steps down.
    fn set(&self, node: &mut Node, depth: usize, value: Node) -> Result<(), Fault> {
        match self.path.0.get(depth) {
            None => *node = value,
            Some(Step::Key(name)) => {
                let Content::Table(entries) = &mut node.content else {
                    return Ok(()); // of the wrong type already, which is reported there
                };
                match entries.iter_mut().find(|entry| entry.name == *name) {
                    Some(entry) => self.set(&mut entry.node, depth + 1, value)?,
                    None => {
                        let mut node = self.empty(depth + 1);
                        self.set(&mut node, depth + 1, value)?;
                        entries.push(Entry {
                            name: name.clone(),
                            origin: self.origin(),
                            node,
                        });
                    }
                }
            }
            Some(Step::Index(index)) => {
                if let Content::Text(_) = node.content {
                    let first = node.clone(); // `listen` may be one text: it is the first entry
                    node.content = Content::Array(vec![first]);
                }
                let Content::Array(items) = &mut node.content else {
                    return Ok(());
                };
                if *index > items.len() {
                    let problem = format!("sets entry {index} of a list that has {}", items.len());
                    return Err(Fault::new(&self.origin(), problem)
                        .instead("count entries from 0, without a hole"));
                }
                if *index == items.len() {
                    items.push(self.empty(depth + 1));
                }
                self.set(&mut items[*index], depth + 1, value)?;
            }
        }
        Ok(())
    }

    /// What a new node is before the rest of the path is laid into it.
    fn empty(&self, depth: usize) -> Node {
        let content = match self.path.0.get(depth) {
            Some(Step::Index(_)) => Content::Array(Vec::new()),
            Some(Step::Key(_)) | None => Content::Table(Vec::new()),
        };
        Node {
            origin: self.origin(),
            content,
        }
    }
}
