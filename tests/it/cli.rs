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

/// The words of a shell command; single quotes hold a word together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.trim().chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().expect("begins with one").push(c),
        }
    }
    words
}

#[test]
fn the_examples_of_the_help_name_files_keys_and_arms_that_exist() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let help = text(&swarmecon(project, &["run", "--help"]).stdout);
    let examples: Vec<_> =
        help.lines().filter_map(|line| line.trim().strip_prefix("swarmecon run ")).collect();
    assert!(examples.len() >= 4, "the examples were found: {help}");
    for example in examples {
        let words = words(example);
        let after = |flag: &str| -> Vec<&str> {
            let pairs = words.windows(2).filter(|pair| pair[0] == flag);
            pairs.map(|pair| pair[1].as_str()).collect()
        };
        let mut args = vec!["check", words[0].as_str()];
        for set in after("--set") {
            args.extend(["--set", set]);
        }
        let output = swarmecon(project, &args);
        assert_eq!(output.status.code(), Some(0), "{example}: {}", text(&output.stderr));
        let said = text(&output.stdout);
        let arms = said.split("arms: ").nth(1).and_then(|rest| rest.split(';').next());
        let arms: Vec<_> = arms.expect("check names the arms").split(", ").collect();
        for arm in after("--arm") {
            assert!(arms.contains(&arm), "{example}: no arm `{arm}` among {arms:?}");
        }
    }
}

#[test]
fn odd_scenarios_are_warned_of_by_check_and_by_run() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("odd.toml");
    let odd = "size_kib = 64\nhorizon_s = 60\n[classes.peer]\ncount = 2\n\
               upload_kib_per_s = 100\n";
    std::fs::write(&file, odd).expect("writable");
    let warning = "the first line does not ask a question";
    let checked = swarmecon(home.path(), &["check", "odd.toml"]);
    assert!(text(&checked.stdout).contains(warning), "{}", text(&checked.stdout));
    let ran = swarmecon(home.path(), &["run", "odd.toml", "--no-plots"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains(warning), "{}", text(&ran.stderr));
    assert!(text(&ran.stdout).contains(warning), "{}", text(&ran.stdout));
}

const SMALL: &str = "# Do ten people finish?\nsize_mib = 4\nhorizon_s = 600\n\
    [classes.seed]\nrole = \"seeder\"\ncount = 1\nupload_kib_per_s = 200\n\
    [classes.peer]\ncount = 10\nupload_kib_per_s = 100\n";

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().expect("readable");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_killed_run_leaves_the_previous_results_and_the_next_one_cleans_up() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("small.toml"), SMALL).expect("writable");
    let first = swarmecon(home.path(), &["run", "small.toml", "--no-plots"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let results = home.path().join("results");
    let manifest = || std::fs::read_to_string(results.join("small/manifest.toml")).expect("there");
    let before = manifest();

    let mut long = Command::new(env!("CARGO_BIN_EXE_swarmecon"))
        .args(["run", "small.toml", "--replicates", "100000", "--quiet"])
        .current_dir(home.path())
        .spawn()
        .expect("the program starts");
    // Under way once its rows reach the disk.
    let rows = results.join(".small.swarmecon-new/peers.csv");
    let is_under_way = || std::fs::metadata(&rows).is_ok_and(|meta| meta.len() > 0);
    for _ in 0..1000 {
        if is_under_way() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(is_under_way(), "the run has begun to write");
    long.kill().expect("it runs");
    long.wait().expect("it ends");
    assert_eq!(manifest(), before, "the previous results are intact");

    let next = swarmecon(home.path(), &["run", "small.toml", "--no-plots", "--seed", "2"]);
    assert_eq!(next.status.code(), Some(0), "{}", text(&next.stderr));
    assert_ne!(manifest(), before, "the next run replaces them");
    assert_eq!(names(&results), ["small"], "nothing else is left");
}

#[test]
fn arms_and_folders_that_do_not_fit_end_with_2() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("small.toml"), SMALL).expect("writable");
    std::fs::create_dir(home.path().join("mine")).expect("writable");
    std::fs::write(home.path().join("mine/thesis.tex"), "years of work").expect("writable");
    for (args, phrase) in [
        (["--arm", "nobody"], "no such arm; there are: default"),
        (["--out", "mine"], "holds files but no results"),
        (["--out", "small.toml"], "not a folder"),
        (["--set", "size_mib=-1"], "it must be above 0"),
        (["--set", "sizemib=1"], "unknown key"),
    ] {
        let output = swarmecon(home.path(), &[&["run", "small.toml"], &args[..]].concat());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
        assert!(complaint.contains(phrase), "{args:?}: {complaint}");
    }
    assert_eq!(names(&home.path().join("mine")), ["thesis.tex"]);
}

/// What a class earned is said where two trade.
#[test]
fn what_each_class_earns_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let out = home.path().join("farmers").display().to_string();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let args = ["run", "scenarios/btt_farmers.toml", "--replicates", "1", "--no-plots"];
    let short = ["--set", "size_mib=2", "--set", "horizon_s=900", "--out", &out];
    let output = swarmecon(project, &[&args[..], &short[..]].concat());
    let said = text(&output.stdout);
    let by_class = said.split("By class").nth(1).expect("two classes trade");
    let row = |name: &str| {
        let rows = by_class.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.into_iter().find(|row| row.starts_with(&["banning", name]));
        row.expect("a row")[2].parse::<f64>().expect("a number")
    };
    let summary = std::fs::read_to_string(Path::new(&out).join("summary.csv")).expect("written");
    for class in ["farmer", "peer"] {
        let start = format!("banning,{class},earned_mean,");
        let line = summary.lines().find(|line| line.starts_with(&start)).expect("a row");
        let mean: f64 = line.split(',').nth(5).expect("a mean").parse().expect("a number");
        assert!((row(class) - mean).abs() <= 0.001 * mean.max(1.0), "{class}: {line}");
    }
}
