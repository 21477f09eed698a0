//! From file to plan: what a user writes, checked and resolved.
//!
//! The road: `node` parses a text into a tree with places and merges arms and `--set` into it,
//! `file` reads the tree key by key, `build` makes the plan, `resolve` writes it out again.
//! `fault` gathers all that is wrong on the way. docs/scenario.md explains every key.

mod amount;
mod build;
mod catalogue;
mod check;
mod choices;
mod economy;
mod fault;
mod file;
mod node;
pub mod presets;
mod protocol;
mod resolve;
mod rows;
mod trade;

pub use fault::Faults;

use crate::swarm::plan::Plan;
use check::{Range, Table, name_is_good};
use fault::{Check, Place, nearest};
use node::{Entry, Node, Value};
use std::path::Path;

/// A scenario ready to run: one plan per arm, and how often each is run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Stem of the file: the name of the results folder.
    pub name: String,
    /// The first line of the file: what it asks.
    pub question: String,
    /// Seed of replicate 0; replicate r of every arm uses a seed derived from it and r.
    pub seed: u64,
    /// Runs per arm.
    pub replicates: u32,
    /// The arms, in the order of the file; at least one.
    pub arms: Vec<Arm>,
    /// Position of the arm the others are compared with.
    pub baseline: usize,
    /// Recorded swarms to put beside the simulated ones; empty if the file names none.
    pub recorded: Vec<Recorded>,
    /// What a colleague would remark before the run; no fault.
    pub warnings: Vec<String>,
}

/// A named variant of the scenario.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name in every result file.
    pub name: String,
    /// What the engine runs.
    pub plan: Plan,
    /// The plan as a person writes it, every default included: for the manifest and its hash.
    pub resolved: toml::Table,
}

/// One download of a recorded swarm.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    /// Repetition of the recording.
    pub repetition: u32,
    /// Class of the peer, as named in the scenario.
    pub class: String,
    /// Seconds from its start to its completion.
    pub download_time_s: f64,
}

/// Reads the scenario at `path`, with `overrides` of `a.b.c` by a TOML value laid on top.
///
/// # Errors
/// All faults of the file, its arms, its CSV files and the overrides at once.
pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Scenario, Faults> {
    let label = path.display().to_string();
    let unreadable = |why: String| {
        let mut check = Check::default();
        let source = check.add_source(label.clone(), String::new());
        let help = "name a scenario file, such as scenarios/flash_crowd.toml";
        check.fault(&Place::new(source, 0..0), why, help);
        check.finish().expect_err("a fault was just added")
    };
    let bytes = std::fs::read(path).map_err(|e| unreadable(cannot_read(&e)))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("the file is not UTF-8".into()))?;
    from_text(path, &text, overrides)
}

fn cannot_read(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => format!("cannot read the file: {kind}"),
    }
}

/// As [`load`], from a text; `path` gives the name, and where relative paths start.
///
/// # Errors
/// All faults of the text, its arms, its CSV files and the overrides at once.
pub fn from_text(
    path: &Path,
    text: &str,
    overrides: &[(String, String)],
) -> Result<Scenario, Faults> {
    read(Check::default(), path, text, overrides)
}

/// As [`from_text`] for a scenario that is part of a program: `file` is its name without a folder,
/// `beside` are the CSV files it names, with their texts.
///
/// # Errors
/// All faults of the text, its arms and its CSV files at once.
pub fn from_texts(file: &str, text: &str, beside: &[(&str, &str)]) -> Result<Scenario, Faults> {
    let mut check = Check::default();
    for (name, text) in beside {
        check.add_file(name.into(), text);
    }
    read(check, Path::new(file), text, &[])
}

fn read(
    mut check: Check,
    path: &Path,
    text: &str,
    overrides: &[(String, String)],
) -> Result<Scenario, Faults> {
    path.parent().unwrap_or(Path::new("")).clone_into(&mut check.dir);
    let source = check.add_source(path.display().to_string(), text.to_owned());
    let question = question(&mut check, text);
    let mut root = node::parse(&mut check, source);
    let sets = parse_overrides(&mut check, overrides);
    for set in &sets {
        root.merge(set);
    }
    let (seed, replicates) = numbers(&mut check, &root);
    let variants = arms_of(&mut check, &root, &sets);
    let baseline = baseline(&mut check, &root, &variants);
    let mut arms = Vec::new();
    for (name, tree) in variants {
        // A fault of one arm must not hide those of another, so all are read to the end.
        let file = file::read(&mut check, &tree);
        if let Some(plan) = build::plan(&mut check, file, &name) {
            let resolved = resolve::resolve(&plan);
            arms.push(Arm { name, plan, resolved });
        }
    }
    let recorded = recorded(&mut check, &root, &arms);
    let name = path.file_stem().map_or("scenario".into(), |s| s.to_string_lossy().into_owned());
    let warnings = check.finish()?;
    Ok(Scenario { name, question, seed, replicates, arms, baseline, recorded, warnings })
}

/// The first line, which should be a comment that asks something.
fn question(check: &mut Check, text: &str) -> String {
    let first = text.lines().next().unwrap_or("").trim();
    let question = first.strip_prefix('#').unwrap_or("").trim_start_matches('#').trim();
    if !question.contains('?') {
        check.warn("the first line does not ask a question: begin with `# what …?`".to_owned());
    }
    question.to_owned()
}

/// Every `--set` as a tree of its own.
fn parse_overrides(check: &mut Check, overrides: &[(String, String)]) -> Vec<Node> {
    let mut trees = Vec::new();
    for (key, value) in overrides {
        let source = check.add_source(format!("--set {key}"), format!("{key}={value}"));
        let place = Place::new(source, 0..key.len());
        let path: Vec<String> = key.split('.').map(|k| k.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            let message = format!("`{key}` is not a key");
            check.fault(&place, message, "write `--set a.b=value` with the names of the file");
            continue;
        }
        if let Some(node) = node::parse_value(check, source, key.len() + 1) {
            trees.push(node::nest(&path, node, &place));
        }
    }
    trees
}

/// `seed` and `replicates`.
fn numbers(check: &mut Check, root: &Node) -> (u64, u32) {
    let mut t = Table::open(check, root, &root.place, "");
    let replicates = t.whole(check, "replicates", Range::from(1.0, 1e6, "5")).unwrap_or(5);
    let seed = match t.get("seed").map(|n| (n, &n.value)) {
        None => 1,
        Some((_, Value::Int(seed))) if *seed >= 0 => seed.unsigned_abs(),
        Some((node, value)) => {
            let message = match value {
                Value::Int(seed) => format!("`seed` is {seed}; it must be at least 0"),
                _ => format!("`seed` is {}; it takes a whole number", node.kind()),
            };
            check.fault(&node.place, message, "write a whole number, for example `seed = 1`");
            1
        }
    };
    (seed, replicates)
}

/// Each arm with its complete tree; one called `default` if the file has none.
fn arms_of(check: &mut Check, root: &Node, sets: &[Node]) -> Vec<(String, Node)> {
    let Some(node) = root.get("arms").filter(|n| !n.entries().is_empty()) else {
        if let Some(node) = root.get("arms") {
            check.fault(&node.place, "`arms` names no arm", "write `[arms.NAME]`, or remove it");
        }
        return vec![("default".to_owned(), root.clone())];
    };
    let mut arms = Vec::new();
    for entry in node.entries() {
        check_arm(check, entry);
        let mut tree = root.clone();
        if matches!(entry.node.value, Value::Table(_)) {
            tree.merge(&entry.node);
        }
        // What the command line says holds in every arm.
        for set in sets.iter().filter(|s| s.get("arms").is_none()) {
            tree.merge(set);
        }
        arms.push((entry.key.clone(), tree));
    }
    arms
}

fn check_arm(check: &mut Check, entry: &Entry) {
    if !name_is_good(&entry.key) {
        let message = format!("`{}` cannot be the name of an arm", entry.key);
        check.fault(&entry.place, message, "use letters, digits, `_` and `-`");
    }
    let path = format!("arms.{}", entry.key);
    drop(Table::open(check, &entry.node, &entry.place, &path));
    for inner in entry.node.entries() {
        if file::WHOLE_FILE.contains(&inner.key.as_str()) {
            let message = format!("`{}` belongs to the whole file, not to an arm", inner.key);
            check.fault(&inner.place, message, "write it above the first table of the file");
        }
    }
}

/// Position of the arm the others are compared with.
fn baseline(check: &mut Check, root: &Node, arms: &[(String, Node)]) -> usize {
    let mut t = Table::open(check, root, &root.place, "");
    let Some(wanted) = t.text(check, "baseline") else { return 0 };
    let names: Vec<&str> = arms.iter().map(|(n, _)| n.as_str()).collect();
    names.iter().position(|n| *n == wanted).unwrap_or_else(|| {
        let help = match nearest(wanted, &names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the arms are {}", names.join(", ")),
        };
        let message = format!("`baseline` is \"{wanted}\", which is no arm");
        check.fault(&t.place_of("baseline"), message, help);
        0
    })
}

/// The recorded downloads beside the simulated ones.
fn recorded(check: &mut Check, root: &Node, arms: &[Arm]) -> Vec<Recorded> {
    let Some(node) = root.get("recorded_csv") else { return Vec::new() };
    let mut classes: Vec<String> = Vec::new();
    for class in arms.iter().flat_map(|a| &a.plan.classes) {
        if !classes.contains(&class.name) {
            classes.push(class.name.clone());
        }
    }
    // With a fault somewhere, not all classes may be known.
    let known = (check.n_faults() == 0).then_some(classes.as_slice());
    rows::recorded(check, node, known)
}
