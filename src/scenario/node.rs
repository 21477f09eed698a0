//! A TOML text as a tree that knows where each key and value was written.
//!
//! Law: merging keeps places, so a fault in a merged tree points at the line that made it.

use super::fault::{Check, Place};
use toml::de::{DeTable, DeValue};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What a user can write.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
    Date,
}

/// One `key = value`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

/// Tables that state one thing in one of several ways: another way replaces the first.
const CHOICES: [&str; 9] = [
    "upload_kib_per_s",
    "download_kib_per_s",
    "arrivals",
    "stay",
    "seed_choker",
    "combine",
    "usd_per_btt",
    "bidder",
    "asker",
];
/// Keys that say the same thing in several ways: the one written last holds.
const RIVALS: [&[&str]; 3] = [
    &["size_mib", "size_kib", "size_bytes"],
    &["count", "share"],
    &["torrents", "torrents_csv", "each"],
];

impl Node {
    /// The entries of a table; none if it is something else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of that name.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The value of that name.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|e| &e.node)
    }

    /// The node at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// What kind of value this is, with its article.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Date => "a date",
        }
    }

    /// Lays `over` on top: tables merge, everything else is replaced.
    pub fn merge(&mut self, over: &Node) {
        let (Value::Table(base), Value::Table(entries)) = (&mut self.value, &over.value) else {
            *self = over.clone();
            return;
        };
        for entry in entries {
            for rivals in RIVALS.iter().filter(|r| r.contains(&entry.key.as_str())) {
                base.retain(|b| {
                    b.key == entry.key
                        || !rivals.contains(&b.key.as_str())
                        || entries.iter().any(|e| e.key == b.key)
                });
            }
            let Some(old) = base.iter_mut().find(|b| b.key == entry.key) else {
                base.push(entry.clone());
                continue;
            };
            old.place = entry.place.clone();
            if CHOICES.contains(&entry.key.as_str()) && !same_way(&old.node, &entry.node) {
                old.node = entry.node.clone();
            } else {
                old.node.merge(&entry.node);
            }
        }
    }
}

/// Whether two choices are the same variant, so that their details may merge.
fn same_way(a: &Node, b: &Node) -> bool {
    a.entries().len() == 1 && b.entries().len() == 1 && a.entries()[0].key == b.entries()[0].key
}

/// Reads a whole text; syntax errors go to `check` and what could be read is returned.
pub(super) fn parse(check: &mut Check, source: usize) -> Node {
    let text = check.source(source).text.clone();
    let (table, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        check.syntax(&Place::new(source, span), syntax_message(error.message()));
    }
    let place = Place::new(source, 0..0);
    Node { value: Value::Table(entries_of(table.get_ref(), source, 0)), place }
}

/// Reads one value, as given to `--set` from byte `offset` of its source on.
pub(super) fn parse_value(check: &mut Check, source: usize, offset: usize) -> Option<Node> {
    let text = check.source(source).text[offset..].to_owned();
    let bare = text.trim();
    match DeValue::parse(bare) {
        Ok(value) => {
            let indent = offset + text.len() - text.trim_start().len();
            Some(node_of(value.get_ref(), value.span(), source, indent))
        }
        Err(_) if is_word(bare) => {
            let place = Place::new(source, offset..offset + text.len());
            Some(Node { value: Value::Text(bare.to_owned()), place })
        }
        Err(error) => {
            let place = Place::new(source, offset..offset + text.len());
            check.syntax(&place, syntax_message(error.message()));
            None
        }
    }
}

/// A bare word, which shells leave of a quoted one.
pub(super) fn is_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Our own wording: lower case and on one line.
fn syntax_message(message: &str) -> String {
    let one_line = message.lines().map(str::trim).collect::<Vec<_>>().join(", ");
    format!("this is not TOML: {one_line}")
}

fn entries_of(table: &DeTable<'_>, source: usize, shift: usize) -> Vec<Entry> {
    table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            place: moved(source, key.span(), shift),
            node: node_of(value.get_ref(), value.span(), source, shift),
        })
        .collect()
}

fn node_of(value: &DeValue<'_>, span: std::ops::Range<usize>, source: usize, shift: usize) -> Node {
    let place = moved(source, span, shift);
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(int) => {
            let digits = int.as_str().replace('_', "");
            i64::from_str_radix(&digits, int.radix())
                .map_or(Value::Float(f64::INFINITY), Value::Int)
        }
        DeValue::Float(float) => {
            Value::Float(float.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
        }
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(
            items.iter().map(|i| node_of(i.get_ref(), i.span(), source, shift)).collect(),
        ),
        DeValue::Table(table) => Value::Table(entries_of(table, source, shift)),
    };
    Node { value, place }
}

fn moved(source: usize, span: std::ops::Range<usize>, shift: usize) -> Place {
    Place::new(source, span.start + shift..span.end + shift)
}

/// The tree `a.b.c = node`, as `--set a.b.c=…` means it.
pub(super) fn nest(path: &[String], node: Node, place: &Place) -> Node {
    path.iter().rev().fold(node, |inner, key| Node {
        value: Value::Table(vec![Entry { key: key.clone(), place: place.clone(), node: inner }]),
        place: place.clone(),
    })
}
