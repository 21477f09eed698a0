//! Every shipped scenario runs: each arm once, with little content and a near horizon.

use std::path::{Path, PathBuf};
use swarmecon::experiment::measure::check_laws;
use swarmecon::observe::Unobserved;
use swarmecon::{scenario, swarm};

/// What makes a run short: a 64th of the content or less, in pieces as much smaller.
const SHORT: [(&str, &str); 4] =
    [("size_mib", "1"), ("piece_kib", "32"), ("horizon_s", "900"), ("sample_s", "30")];

/// Who comes slowly is waited for.
const HORIZON_S: [(&str, &str); 4] = [
    ("btt_catalogue", "21600"),
    ("btt_price_crash", "1800"),
    ("btt_thin_swarms", "7200"),
    ("btt_well_seeded", "1800"),
];

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("scenarios are shipped");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// Runs every arm once; in some arm somebody finishes.
fn check(path: &Path) {
    let mut sets = SHORT.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let slow = |(name, _): &&(&str, &str)| path.file_stem().is_some_and(|stem| stem == *name);
    if let Some((_, horizon_s)) = HORIZON_S.iter().find(slow) {
        (*horizon_s).clone_into(&mut sets[2].1);
    }
    let scenario = scenario::load(path, &sets).unwrap_or_else(|faults| panic!("{faults}"));
    let name = &scenario.name;
    let mut n_completed = 0;
    for arm in &scenario.arms {
        let outcome = swarm::run(&arm.plan, scenario.seed, &mut Unobserved);
        check_laws(&outcome).unwrap_or_else(|law| panic!("{name}, {}: {law}", arm.name));
        let leechers = || outcome.peers.iter().filter(|peer| !peer.is_origin);
        assert!(leechers().count() >= 12, "{name}, {}: hardly anybody came", arm.name);
        n_completed += leechers().filter(|peer| peer.completed.is_some()).count();
    }
    assert!(n_completed > 0, "{name}: nobody finished in any arm");
}

#[test]
fn shipped_scenarios_run() {
    let files = files("scenarios");
    assert!(files.len() >= 25, "too few scenarios are shipped");
    for path in files {
        check(&path);
    }
}

#[test]
fn scenarios_of_recorded_swarms_run() {
    let files = files("scenarios/real");
    assert!(files.len() >= 11, "too few recorded swarms");
    for path in files {
        check(&path);
    }
}
