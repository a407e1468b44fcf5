//! The raw tree against the table of keys: what is unknown, what is of the wrong type, and the values of the rest.

use super::checks;
use super::keys::{self, Key, Spot};
use super::node::{Content, Entry, Node, Origin};
use super::path::{Path, Step};
use super::source::Fault;
use super::suggest::nearest;
use super::values::Values;

/// Reads `root`; each fault is one mistake.
pub(super) fn walk(root: &Node) -> (Values, Vec<Fault>) {
    let mut walk = Walk {
        values: Values::default(),
        faults: Vec::new(),
    };
    walk.visit(&Path::default(), root);
    (walk.values, walk.faults)
}

struct Walk {
    values: Values,
    faults: Vec<Fault>,
}

impl Walk {
    fn visit(&mut self, path: &Path, node: &Node) {
        match (keys::find(path), &node.content) {
            (Spot::Key(key), _) => self.value(key, path, node),
            (Spot::Table, Content::Table(entries)) => {
                self.values.saw(path, &node.origin);
                entries.iter().for_each(|entry| self.entry(path, entry));
            }
            (Spot::List, Content::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(&path.child(Step::Index(index)), item);
                }
            }
            (Spot::Table | Spot::List, _) => self.faults.push(wrong_shape(path, node)),
            (Spot::Unknown, _) => {} // reported by name, in `entry`
        }
    }

    fn entry(&mut self, parent: &Path, entry: &Entry) {
        let path = parent.child(Step::Key(entry.name.clone()));
        if matches!(keys::find(&path), Spot::Unknown) {
            self.faults
                .push(unknown(parent, &path, &entry.name, &entry.origin));
            return;
        }
        if let Err(why) = named_well(parent, &entry.name) {
            self.faults
                .push(Fault::new(&entry.origin, format!("{:?} {why}", entry.name)));
        }
        self.visit(&path, &entry.node);
    }

    fn value(&mut self, key: &'static Key, path: &Path, node: &Node) {
        self.values.saw(path, &node.origin);
        match key.kind.read(node) {
            Ok(value) => self.values.put(path.clone(), value, &node.origin),
            Err(faults) => self.faults.extend(faults.into_iter().map(|fault| {
                let instead = match &fault.origin {
                    Some(Origin::Variable(_)) => {
                        format!("write {}={}", path.variable(), shell(key.example))
                    }
                    Some(Origin::Span(_)) | None => {
                        format!("write {} = {}", key.name(), key.example)
                    }
                };
                let problem = format!("`{path}` {}", fault.problem);
                Fault { problem, ..fault }
                    .shown(key.kind.is_open())
                    .instead(instead)
            })),
        }
    }
}

/// The mistake of a key that the table does not know.
pub(super) fn unknown(parent: &Path, path: &Path, name: &str, origin: &Origin) -> Fault {
    let siblings = keys::names_below(parent);
    let meant = nearest(name, siblings.iter().copied());
    let instead = match (meant, elsewhere(name), origin) {
        (Some(near), _, Origin::Variable(_)) => {
            let near = parent.child(Step::Key(near.into()));
            format!("did you mean {}?", near.variable())
        }
        (Some(near), _, Origin::Span(_)) => format!("did you mean `{near}`?"),
        (None, Some(key), _) => format!("did you mean `{}`?", key.path),
        (None, None, _) if siblings.is_empty() => "take it out".to_owned(),
        (None, None, _) => format!("known here: {}", siblings.join(", ")),
    };
    Fault::new(origin, format!("unknown key `{path}`")).instead(instead)
}

/// A key of exactly this name in another table.
fn elsewhere(name: &str) -> Option<&'static Key> {
    keys::KEYS.iter().find(|key| key.name() == name)
}

/// The rule for names that the operator chooses: of roles, of patterns, of namespaces, and of messages.
fn named_well(parent: &Path, name: &str) -> Result<(), String> {
    match parent.0.as_slice() {
        [Step::Key(table)] if table == "roles" => checks::name(name),
        [Step::Key(table)] if table == "hooks" => checks::hook(name),
        [Step::Key(table)] if table == "emit" => checks::event(name),
        [Step::Key(table)] if table == "rooms" => checks::history_pattern(name),
        [Step::Key(table), Step::Key(below)] if table == "socketio" && below == "namespaces" => {
            checks::namespace(name)
        }
        [Step::Key(table), _, _, Step::Key(below)] if table == "socketio" && below == "events" => {
            checks::socketio_event(name)
        }
        [.., Step::Key(table), Step::Key(below)] if table == "limits" && below == "events" => {
            checks::message_name(name)
        }
        _ => Ok(()),
    }
}

/// The mistake of a value where a table, or a list of tables, belongs.
fn wrong_shape(path: &Path, node: &Node) -> Fault {
    let list = matches!(keys::find(path), Spot::List);
    let shape = if list { "a list of tables" } else { "a table" };
    let instead = match (&node.origin, list) {
        (Origin::Variable(name), true) => {
            format!("write {name}__0__… for each key of its first entry")
        }
        (Origin::Variable(name), false) => format!("write {name}__… for each key of it"),
        (Origin::Span(_), true) => format!("write [[{path}]] above each entry"),
        (Origin::Span(_), false) => format!("write [{path}] and its keys below"),
    };
    Fault::new(
        &node.origin,
        format!("`{path}` is {shape}, not {}", node.kind_name()),
    )
    .shown(false)
    .instead(instead)
}

/// A value in TOML as a shell takes it.
pub(super) fn shell(toml: &str) -> String {
    let plain = toml.trim_matches('"');
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"-_./:".contains(&b);
    if plain.bytes().all(bare) {
        return plain.to_owned();
    }
    format!("'{}'", if toml.starts_with('[') { toml } else { plain })
}
