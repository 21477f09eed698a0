//! `swarmecon validate`: what holds of the quick subset, and what the command says and writes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use swarmecon::cli::validate::{Options, execute};
use swarmecon::validate::{self, Check, Ctx, Findings, Line};

fn swarmecon(home: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_swarmecon");
    let args = [&["validate"], args].concat();
    Command::new(program).args(args).current_dir(home).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn quick() -> Vec<Check> {
    validate::chosen(&validate::all(), &[], true).expect("nothing is named")
}

#[test]
fn the_quick_subset_holds() {
    let mut said = Vec::new();
    let done = execute(&quick(), &Options::default(), &mut said);
    let said = text(&said);
    assert!(done.is_ok() && !said.contains("FAIL"), "{said}");
    assert!(quick().len() >= 8 && said.contains("kumar-ross"), "{said}");
    let gate = said.lines().find(|line| line.contains("mean time of leecher, s"));
    assert!(gate.is_some_and(|line| line.contains("141.6")), "the recorded mean: {said}");
}

/// A check that expects what is not so.
fn wrong(_: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new("Two is at most one.");
    findings.add(Line::at_most("two", 2.0, 1.0));
    findings
}

fn off(ctx: &Ctx<'_>) -> Findings {
    let mut findings = wrong(ctx);
    findings.lines = findings.lines.into_iter().map(Line::direction).collect();
    findings
}

#[test]
fn a_gate_that_fails_ends_with_1_and_a_direction_does_not() {
    let check = |run| Check { name: "made-up", claim: "x.", source: "y", is_quick: true, run };
    let mut said = Vec::new();
    let failure = execute(&[check(wrong)], &Options::default(), &mut said).expect_err("it fails");
    assert_eq!(failure.exit_code(), 1);
    let said = text(&said);
    assert!(said.contains("FAIL  gate") && said.contains("0 of 1 gates"), "{said}");
    let mut said = Vec::new();
    assert!(execute(&[check(off)], &Options::default(), &mut said).is_ok());
    assert!(text(&said).contains("off  direction"), "{}", text(&said));
}

#[test]
fn the_list_names_every_check_and_a_wrong_name_ends_with_2() {
    let home = tempfile::tempdir().expect("a folder");
    let listed = swarmecon(home.path(), &["--list"]);
    assert_eq!(listed.status.code(), Some(0));
    let answer = text(&listed.stdout);
    for check in validate::all() {
        assert!(answer.lines().any(|line| line.starts_with(check.name)), "{}", check.name);
    }
    for (args, phrase) in [
        (vec!["--only", "nobody"], "--only nobody: no such check; there are: invariants, "),
        (vec!["--quick", "--only", "qiu-srikant"], "--quick leaves nothing of --only qiu-srikant"),
        (vec!["--page", "x.md"], "--out"),
        (vec!["--threads", "many"], "--threads"),
    ] {
        let output = swarmecon(home.path(), &args);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
        assert!(complaint.contains(phrase) && output.stdout.is_empty(), "{args:?}: {complaint}");
    }
    assert_eq!(home.path().read_dir().expect("readable").count(), 0, "nothing is left");
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let content = fs::read(entry.path()).expect("readable");
            (entry.file_name().to_string_lossy().into_owned(), content)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_folder_is_the_same_for_any_number_of_threads_and_the_page_keeps_what_is_above() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("docs")).expect("writable");
    let page = home.path().join("docs/page.md");
    fs::write(&page, "# Mine\n\nWords.\n\n<!-- made by swarmecon -->\nold\n").expect("writable");
    for threads in ["1", "3"] {
        let out = format!("results/{threads}");
        let args = ["--only", "bittyrant-sampler", "--only", "super-seeding", "--threads", threads];
        let output = swarmecon(
            home.path(),
            &[&args[..], &["--out", &out, "--page", "docs/page.md"]].concat(),
        );
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let one = files(&home.path().join("results/1"));
    assert_eq!(one, files(&home.path().join("results/3")));
    let names: Vec<&str> = one.iter().map(|file| file.0.as_str()).collect();
    let figures = ["bittyrant-sampler.png", "bittyrant-sampler.svg"];
    let tables = ["README.md", "checks.csv", "curves.csv", "manifest.toml"];
    assert!(figures.iter().chain(&tables).all(|name| names.contains(name)), "{names:?}");
    let page = fs::read_to_string(page).expect("readable");
    assert!(page.starts_with("# Mine\n\nWords.\n\n<!-- made by swarmecon -->\n"), "{page}");
    assert!(page.contains("](../results/3/bittyrant-sampler.svg)"), "{page}");
    assert!(!page.contains("\nold\n"), "{page}");
}

#[test]
fn a_folder_of_somebody_else_is_refused_before_anything_runs() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("mine")).expect("writable");
    fs::write(home.path().join("mine/thesis.tex"), "years of work").expect("writable");
    let output = swarmecon(home.path(), &["--quick", "--out", "mine"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("holds files but no results"));
}

#[test]
fn a_page_that_is_not_there_is_made_and_one_that_cannot_be_is_refused_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let args = ["--only", "kumar-ross", "--out", "r", "--page"];
    let done = swarmecon(home.path(), &[&args[..], &["new.md"]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    let page = fs::read_to_string(home.path().join("new.md")).expect("it was made");
    assert!(page.starts_with("# Validation\n") && page.contains("## kumar-ross"), "{page}");
    assert!(page.contains("](r/kumar-ross.svg)"), "{page}");
    fs::remove_dir_all(home.path().join("r")).expect("it was made");
    for (page, why) in [("no/page.md", "folder cannot be used"), (".", "it is a folder")] {
        let done = swarmecon(home.path(), &[&args[..], &[page]].concat());
        assert_eq!(done.status.code(), Some(2), "{page}");
        assert!(text(&done.stderr).contains(why), "{}", text(&done.stderr));
        assert!(!home.path().join("r").exists(), "nothing was run");
    }
}
