//! README.md keeps its word: its scenario files and its commands are run as they stand.
//!
//! A `toml` block is saved under the name in backticks above it; an `sh` block is run line by
//! line in a folder with the shipped scenarios. What cargo would build is built already.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Lines that are not for a test: they fetch, build or test what is under test here.
const NOT_RUN: [&str; 4] = ["git clone ", "cd ", "cargo test", "cargo install "];

/// A fenced block: its language, the line of text above it, its text.
struct Block<'a> {
    language: &'a str,
    above: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut open, mut above) = (Vec::new(), None::<Block<'_>>, "");
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                open = Some(Block { language: language.trim(), above, lines: Vec::new() });
            }
            (None, Some(block)) => block.lines.push(line),
            (None, None) if !line.trim().is_empty() => above = line,
            (None, None) => {}
        }
    }
    blocks
}

/// Runs a command line as a shell does, with `swarmecon` on the path.
fn shell(home: &Path, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_swarmecon"));
    let folder = program.parent().expect("a program lies in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let line = line.replace("cargo run --release -- ", "swarmecon ");
    Command::new("sh")
        .args(["-e", "-c", &line])
        .current_dir(home)
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()
        .expect("there is a shell")
}

/// Whether two lines have the same words and nearly the same numbers: an engine that changes a
/// little need not change the page. What follows ± is chance.
fn is_alike(one: &str, other: &str) -> bool {
    let words = |line: &str| -> Vec<String> {
        let all: Vec<&str> = line.split_whitespace().collect();
        let is_kept = |at: usize| at == 0 || all[at - 1] != "±";
        (0..all.len()).filter(|&at| is_kept(at)).map(|at| all[at].to_owned()).collect()
    };
    let (one, other) = (words(one), words(other));
    let near = |a: &str, b: &str| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 0.1 * a.abs().max(b.abs()),
        _ => a == b,
    };
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| near(a, b))
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("has a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}

#[test]
fn the_commands_of_the_readme_work_as_written() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(project.join("README.md")).expect("there is a README");
    let home = tempfile::tempdir().expect("a folder");
    copy_folder(&project.join("scenarios"), &home.path().join("scenarios"));
    let (mut n_run, mut said) = (0, String::new());
    for block in blocks(&page) {
        if block.language == "toml" {
            let name = block.above.split('`').nth(1).expect("the line above names the file");
            fs::write(home.path().join(name), block.lines.join("\n")).expect("writable");
        }
        if block.language != "sh" {
            continue;
        }
        for line in block.lines {
            let line = line.split(" #").next().unwrap_or_default().trim();
            let is_example = line.starts_with("cargo run --release --example ");
            if line.is_empty() || is_example || NOT_RUN.iter().any(|begin| line.starts_with(begin))
            {
                continue;
            }
            let output = shell(home.path(), line);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "`{line}`: {complaint}");
            said += &String::from_utf8_lossy(&output.stdout);
            n_run += 1;
        }
    }
    assert!(n_run >= 5, "only {n_run} commands were found");
    let shown = blocks(&page).into_iter().filter(|block| block.language == "text");
    for line in shown.flat_map(|block| block.lines).filter(|line| !line.is_empty()) {
        assert!(said.lines().any(|other| is_alike(line, other)), "nothing prints `{line}`");
    }
    let results = home.path().join("results/flash_crowd");
    for name in ["manifest.toml", "peers.csv", "comparison.csv", "download_times.png"] {
        assert!(results.join(name).exists(), "{name} was promised");
    }
}

#[test]
fn examples_that_the_readme_names_exist() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(project.join("README.md")).expect("there is a README");
    let mut n_found = 0;
    for rest in page.split("--example ").skip(1) {
        let name = rest.split_whitespace().next().unwrap_or_default();
        assert!(project.join(format!("examples/{name}.rs")).exists(), "no example {name}");
        n_found += 1;
    }
    assert!(n_found >= 3, "every example is named");
}

#[test]
fn commands_of_the_other_documents_name_scenarios_and_keys_that_exist() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut n_checked = 0;
    for page in ["docs/scenario.md", "docs/results.md", "results/README.md"] {
        let text = fs::read_to_string(project.join(page)).expect("readable");
        for block in blocks(&text).into_iter().filter(|block| block.language == "sh") {
            for line in block.lines {
                let line = line.replace("cargo run --release -- ", "swarmecon ");
                let output = shell(project, &line.replace("swarmecon run ", "swarmecon check "));
                let complaint = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{page}: `{line}`: {complaint}");
                n_checked += 1;
            }
        }
    }
    assert!(n_checked >= 4, "only {n_checked} commands were found");
}
