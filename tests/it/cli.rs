//! The command line as a shell sees it: exit codes, what goes where.

use std::path::Path;
use std::process::{Command, Output};

fn swarmecon(home: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_swarmecon");
    Command::new(program).args(args).current_dir(home).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// Exit code, and a phrase on standard error.
fn check(args: &[&str], code: i32, phrase: &str) {
    let home = tempfile::tempdir().expect("a folder");
    let output = swarmecon(home.path(), args);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {complaint}");
    assert!(complaint.contains(phrase), "{args:?} says: {complaint}");
    assert!(output.stdout.is_empty(), "{args:?}: complaints go to standard error");
    let left: Vec<_> = home.path().read_dir().expect("readable").collect();
    assert!(left.is_empty(), "{args:?} leaves {left:?}");
}

#[test]
fn faults_of_the_user_end_with_2() {
    check(&[], 2, "Usage: swarmecon");
    check(&["fly"], 2, "unrecognized subcommand 'fly'");
    check(&["run"], 2, "<FILE>");
    check(&["run", "x.toml", "--replicates", "0"], 2, "--replicates");
    check(&["run", "x.toml", "--seed=-1"], 2, "--seed");
    check(&["run", "x.toml", "--threads", "many"], 2, "--threads");
    check(&["run", "x.toml", "--set", "seed"], 2, "write KEY=VALUE");
    check(&["run", "x.toml", "--set", "=3"], 2, "the key before `=` is missing");
    check(&["run", "missing.toml"], 2, "missing.toml");
    check(&["check", "missing.toml", "gone.toml"], 2, "2 of 2 scenario files have faults");
    check(&["plot", "nowhere"], 2, "nowhere");
}

#[test]
fn help_is_worth_reading_and_ends_with_0() {
    let home = tempfile::tempdir().expect("a folder");
    for (args, phrases) in [
        (vec!["--help"], vec!["run", "check", "plot", "Exit codes", "byte for byte"]),
        (
            vec!["run", "--help"],
            vec![
                "--out <DIR>",
                "--seed <N>",
                "--replicates <N>",
                "--threads <N>",
                "--arm <NAME>",
                "--set <KEY=VALUE>",
                "--no-plots",
                "--quiet",
                "Examples:",
                "docs/results.md",
            ],
        ),
        (vec!["check", "--help"], vec!["what to write instead", "exit code 2"]),
        (vec!["plot", "--help"], vec!["Reads the CSV files"]),
        (vec!["--version"], vec![env!("CARGO_PKG_VERSION")]),
    ] {
        let output = swarmecon(home.path(), &args);
        let answer = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        for phrase in phrases {
            assert!(answer.contains(phrase), "{args:?} does not say `{phrase}`: {answer}");
        }
        assert!(answer.lines().all(|line| line.chars().count() <= 100), "{args:?} is too wide");
    }
}
