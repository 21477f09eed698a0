//! Every way to write a scenario wrong, with the exact text its author sees.
//!
//! `bad/NAME.toml` is the scenario, `bad/NAME.txt` the expected text; lines `# --set a.b=value`
//! at its top are overrides. `UPDATE_EXPECT=1 cargo test bad_scenarios` writes the texts anew:
//! read the difference before it is committed.

use std::path::{Path, PathBuf};
use swarmecon::scenario;

const FOLDER: &str = "tests/it/bad";

/// All scenarios of the folder by name.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(FOLDER)
        .expect("tests run at the root of the package")
        .map(|entry| Path::new(FOLDER).join(entry.expect("the folder is readable").file_name()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

/// The overrides a file asks for in its first lines.
fn overrides(text: &str) -> Vec<(String, String)> {
    text.lines()
        .map_while(|line| line.strip_prefix("# --set "))
        .map(|set| {
            let (key, value) = set.split_once('=').expect("an override has a value");
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

#[test]
fn each_bad_scenario_gives_its_exact_message() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let faults = match scenario::load(&path, &overrides(&text)) {
            Ok(_) => "no fault was found\n".to_owned(),
            Err(faults) => format!("{faults}\n"),
        };
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &faults).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != faults {
            wrong.push(format!("{}:\n{faults}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn no_bad_scenario_passes_and_every_fault_says_where_and_what_instead() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return; // The texts are being written by the other test.
    }
    for path in files() {
        let text = std::fs::read_to_string(path.with_extension("txt")).unwrap();
        let count = text.lines().filter(|line| line.starts_with("error: ")).count();
        assert!(count > 0, "{} passes", path.display());
        for (mark, why) in [("-->", "a place"), ("help: ", "what to write instead")] {
            let found = text.lines().filter(|line| line.contains(mark)).count();
            assert!(found >= count, "{}: a fault lacks {why}", path.display());
        }
        for line in text.lines().filter_map(|line| line.strip_prefix("error: ")) {
            assert!(!line.ends_with('.'), "a message ends without full stop: {line}");
            let first = line.chars().next().unwrap();
            assert!(!first.is_uppercase(), "a message begins in lower case: {line}");
        }
    }
}

#[test]
fn there_are_many_kinds_of_bad_scenarios() {
    assert!(files().len() >= 90);
}
