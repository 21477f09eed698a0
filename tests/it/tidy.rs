//! The order of the house, as tests: who may import whom, how long a file may be, which words are
//! kept to which rooms, and that the documents follow the code. Works on text; see
//! docs/architecture.md for the reasons.

use std::fs;
use std::path::{Path, PathBuf};

/// Room by room, what it may import; units and ids are free to all. `cli`, `main` and `lib` may
/// import everything.
const ROOMS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("ids", &[]),
    ("rng", &[]),
    ("kernel", &[]),
    ("torrent", &[]),
    ("net", &[]),
    ("ledger", &[]),
    ("policy", &["rng", "torrent"]),
    ("observe", &[]),
    ("swarm", &["kernel", "rng", "torrent", "net", "ledger", "policy", "observe"]),
    ("market", &["kernel", "rng", "ledger", "policy", "observe"]),
    ("scenario", &["swarm", "market", "policy", "net", "ledger", "torrent", "rng"]),
    ("experiment", &["scenario", "swarm", "market", "policy", "observe", "rng"]),
    (
        "validate",
        &[
            "scenario",
            "experiment",
            "swarm",
            "market",
            "observe",
            "kernel",
            "rng",
            "policy",
            "torrent",
        ],
    ),
    ("report", &["observe", "experiment", "scenario", "validate"]),
    ("plot", &["report"]),
    ("cli", EVERYTHING),
    ("main", EVERYTHING),
    ("lib", EVERYTHING),
];

/// Stands for all rooms in [`ROOMS`].
const EVERYTHING: &[&str] = &["*"];

/// Words of code outside tests, and the only rooms that may use them.
const WORDS: &[(&str, &[&str])] = &[
    ("HashMap", &[]),
    ("HashSet", &[]),
    ("SystemTime", &[]),
    ("Instant", &["cli"]),
    ("rayon", &["experiment"]),
    ("thread::", &["experiment"]),
    ("thread_local!", &[]),
    ("fs::", &["report", "plot", "scenario", "cli"]),
    ("std::fs", &["report", "plot", "scenario", "cli"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    (".unwrap()", &[]),
];

/// Lines of a file.
const LONGEST_FILE: usize = 600;
/// Characters of a line.
const LONGEST_LINE: usize = 100;

/// A source file.
struct Source {
    /// Relative to the project, for messages.
    name: String,
    room: String,
    text: String,
    /// The lines before its test module; none if the whole file is tests.
    code_lines: usize,
}

impl Source {
    /// The lines outside tests, numbered from 1, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take(self.code_lines).enumerate();
        lines.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this extension, in order of name.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder of the project can be read").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name_of(path: &Path) -> String {
    let relative = path.strip_prefix(root()).expect("lies in the project");
    relative.display().to_string().replace('\\', "/")
}

fn source(path: &Path) -> Source {
    let name = name_of(path);
    let text = read(path);
    let room = name.trim_start_matches("src/").trim_end_matches(".rs");
    let room = room.split('/').next().unwrap_or_default().to_owned();
    let lines: Vec<&str> = text.lines().collect();
    let tests =
        lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "));
    let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
    let code_lines = if is_test { 0 } else { tests.unwrap_or(lines.len()) };
    Source { name, room, text, code_lines }
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> =
        files(&root().join("src"), "rs").iter().map(|path| source(path)).collect();
    assert!(sources.len() > 10, "the sources were found");
    sources
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` occurs in `line` as a whole: not as a part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let open_before = !word.starts_with(is_word);
    let open_after = !word.ends_with(is_word);
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        (open_before || !before.is_some_and(is_word)) && (open_after || !after.is_some_and(is_word))
    })
}

/// The names right after each `crate::` (or `swarmecon::`), with those in braces.
fn imports(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for prefix in ["crate::", "swarmecon::"] {
        for (at, _) in code.match_indices(prefix) {
            if code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                names.extend(firsts(group));
            } else {
                names.push(rest.chars().take_while(|&c| is_word(c)).collect());
            }
        }
    }
    names
}

/// The first name of each member of a `{…}` group, whose brace is already open.
fn firsts(group: &str) -> Vec<String> {
    let (mut depth, mut name, mut done, mut names) = (1, String::new(), false, Vec::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.push(std::mem::take(&mut name));
            done = false;
        } else if depth == 1 && is_word(c) && !done {
            name.push(c);
        } else if !name.is_empty() {
            done = true;
        }
        if depth == 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn imports_are_read_in_every_form() {
    let code = "use crate::units::Span; pub(crate) fn f() -> crate::ids::PeerId\n\
                use crate::{rng::{a, b}, net::share as s,\n ledger}; use swarmecon::cli;";
    let expected = ["units", "ids", "rng", "net", "ledger", "cli"];
    assert_eq!(imports(code), expected);
}

#[test]
fn words_are_found_whole() {
    assert!(has_word("let a: Instant = b;", "Instant"));
    assert!(!has_word("let a: Instantly = b;", "Instant"));
    assert!(has_word("a.unwrap()", ".unwrap()"));
    assert!(!has_word("offs::x", "fs::"));
}

#[test]
fn rooms_import_only_what_their_row_allows() {
    let mut faults = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            faults.push(format!("{}: `{}` is no room", source.name, source.room));
            continue;
        };
        let code: Vec<&str> = source.code().map(|(_, line)| line).collect();
        for name in imports(&code.join("\n")) {
            let free = ["units", "ids"].contains(&name.as_str()) || name == source.room;
            let known = ROOMS.iter().any(|(room, _)| *room == name);
            if !known {
                let what = format!("{}: crate::{name} is no room", source.name);
                faults.push(what);
            } else if !free && *allowed != EVERYTHING && !allowed.contains(&name.as_str()) {
                let room = &source.room;
                faults.push(format!("{}: {room} must not import {name}", source.name));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn words_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for source in sources() {
        for (at, line) in source.code() {
            for (word, rooms) in WORDS {
                if has_word(line, word) && !rooms.contains(&source.room.as_str()) {
                    faults.push(format!("{}:{at}: `{word}` is not for here", source.name));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut faults = Vec::new();
    let folders =
        ["tests/it", "benches", "examples"].map(|folder| files(&root().join(folder), "rs"));
    let others = folders.iter().flatten().map(|path| source(path));
    for source in sources().into_iter().chain(others) {
        let name = &source.name;
        if !source.text.starts_with("//! ") {
            faults.push(format!("{name}: begins without a `//!` header"));
        }
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            faults.push(format!("{name}: {lines} lines; {LONGEST_FILE} are allowed"));
        }
        for (at, line) in source.text.lines().enumerate() {
            if line.chars().count() > LONGEST_LINE {
                faults.push(format!("{name}:{}: over {LONGEST_LINE} columns", at + 1));
            }
        }
    }
    assert_none(&faults);
}

/// The fields of all structs in `code` that derive `Deserialize`.
fn keys(code: &str) -> Vec<&str> {
    let (mut derived, mut inside, mut keys) = (false, false, Vec::new());
    for line in code.lines() {
        if line.starts_with("#[derive(") {
            derived = has_word(line, "Deserialize");
        } else if derived && has_word(line, "struct") && line.ends_with('{') {
            (inside, derived) = (true, false);
        } else if line.starts_with('}') || has_word(line, "enum") {
            (inside, derived) = (false, false);
        } else if inside
            && !line.trim().starts_with(['/', '#'])
            && let Some((field, _)) = line.trim().split_once(':')
        {
            let field = field.rsplit(' ').next().unwrap_or_default();
            let field = field.trim_start_matches("r#");
            if !field.is_empty() && field.chars().all(is_word) {
                keys.push(field);
            }
        }
    }
    keys
}

#[test]
fn keys_are_the_fields_of_what_is_read() {
    let code = "#[derive(Clone, Deserialize)]\npub struct A {\n    /// Rate: fast.\n    \
                pub rate_s: f64,\n    #[serde(default = \"x::y\")]\n    r#type: B,\n}\n\
                #[derive(Clone)]\nstruct C {\n    no: u8,\n}\n";
    assert_eq!(keys(code), ["rate_s", "type"]);
}

/// The text literals of a line that read like a key or a choice: `rechoke_s`, `tit-for-tat`.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('"').skip(1).step_by(2);
    quoted.filter(|text| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        text.contains(['_', '-'])
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(plain)
    })
}

#[test]
fn literals_that_read_like_keys_are_found() {
    let line = r#"count(check, "max_neighbours", "tit-for-tat", "no key_at_all", "piece", "-x")"#;
    let found: Vec<&str> = literals(line).collect();
    assert_eq!(found, ["max_neighbours", "tit-for-tat"]);
}

/// Keys come from structs (`file.rs`, if there is one) and from the literals of the reading code.
#[test]
fn every_scenario_key_is_documented() {
    let page = root().join("docs/scenario.md");
    if !page.exists() {
        return;
    }
    let page = read(&page);
    let documented = |key: &str| page.lines().any(|line| has_word(line, key));
    let mut faults = Vec::new();
    for source in sources() {
        if source.room != "scenario" {
            continue;
        }
        let mut wanted: Vec<&str> = source.code().flat_map(|(_, line)| literals(line)).collect();
        if source.name.ends_with("/file.rs") {
            wanted.extend(keys(&source.text));
        }
        let missing = wanted.into_iter().filter(|key| !documented(key));
        faults
            .extend(missing.map(|key| format!("{}: docs/scenario.md lacks `{key}`", source.name)));
    }
    assert_none(&faults);
}

/// The targets of the links `[…](target)` outside code blocks.
fn links(page: &str) -> Vec<&str> {
    let (mut in_code, mut links) = (false, Vec::new());
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let ends = line.split("](").skip(1);
            links.extend(ends.filter_map(|rest| rest.split([')', ' ']).next()));
        }
    }
    links
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    let mut pages = files(&root().join("docs"), "md");
    pages.extend(["README.md", "results/README.md"].map(|page| root().join(page)));
    for page in pages {
        let text = read(&page);
        let folder = page.parent().expect("a page lies in a folder");
        for link in links(&text) {
            let target = link.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !outside && !folder.join(target).exists() {
                let page = name_of(&page);
                faults.push(format!("{page}: the link to {link} leads nowhere"));
            }
        }
    }
    assert_none(&faults);
}
