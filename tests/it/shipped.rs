//! Every shipped scenario runs: each arm once, with little content and a near horizon. What comes
//! out stands in `shipped/golden.txt`; `UPDATE_EXPECT=1 cargo test --test it shipped` writes it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use swarmecon::experiment::measure::check_laws;
use swarmecon::experiment::pool;
use swarmecon::observe::{Outcome, Unobserved, WalletRecord};
use swarmecon::report::table;
use swarmecon::swarm::plan::Plan;
use swarmecon::{scenario, swarm};

/// What makes a run short; with less content hardly anything is paid for.
const SHORT: [(&str, &str); 4] =
    [("size_mib", "24"), ("piece_kib", "256"), ("horizon_s", "3600"), ("sample_s", "30")];

/// Who comes slowly is waited for.
const HORIZON_S: [(&str, &str); 2] = [("btt_catalogue", "21600"), ("btt_thin_swarms", "7200")];

/// Where less than a dozen come, and how many.
const FEW_COME: [(&str, usize); 1] = [("few_peers", 5)];

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("scenarios are shipped");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// What came out, arm by arm.
const GOLDEN: &str = "tests/it/shipped/golden.txt";

/// What is told of a run: its events, and what moved between wallets.
fn told(name: &str, outcome: &Outcome) -> String {
    let (fingerprint, counters) = (outcome.fingerprint, outcome.counters);
    let mut line = format!("{name}: {fingerprint:016x}, {} pieces", counters.pieces);
    if let Some(money) = &outcome.money {
        let of = |what: fn(&WalletRecord) -> u64| money.wallets.iter().map(what).sum::<u64>();
        let (gifts, earned) = (of(|w| w.gift.0), of(|w| w.earned.0));
        let (withdrawn, kept) = (of(|w| w.withdrawn.0), of(|w| w.forfeited.0));
        let _ = write!(
            line,
            "; {} payments; µBTT: {gifts} given, {earned} earned, {withdrawn} withdrawn, {kept} \
             forfeited",
            money.counts.payments
        );
    }
    line + "\n"
}

/// Runs every arm once; in some arm somebody finishes. Gives what came out.
fn check(path: &Path) -> String {
    let mut sets = SHORT.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let slow = |(name, _): &&(&str, &str)| path.file_stem().is_some_and(|stem| stem == *name);
    if let Some((_, horizon_s)) = HORIZON_S.iter().find(slow) {
        (*horizon_s).clone_into(&mut sets[2].1);
    }
    let scenario = scenario::load(path, &sets).unwrap_or_else(|faults| panic!("{faults}"));
    let name = &scenario.name;
    let (mut n_completed, mut found) = (0, String::new());
    for arm in &scenario.arms {
        let outcome = swarm::run(&arm.plan, scenario.seed, &mut Unobserved);
        check_laws(&outcome).unwrap_or_else(|law| panic!("{name}, {}: {law}", arm.name));
        let leechers = || outcome.peers.iter().filter(|peer| !peer.is_origin);
        let least = FEW_COME.iter().find(|(few, _)| few == name).map_or(12, |&(_, n)| n);
        assert!(leechers().count() >= least, "{name}, {}: hardly anybody came", arm.name);
        n_completed += leechers().filter(|peer| peer.completed.is_some()).count();
        found += &told(&format!("{name}, {}", arm.name), &outcome);
    }
    assert!(n_completed > 0, "{name}: nobody finished in any arm");
    found
}

#[test]
fn shipped_scenarios_run() {
    let files = files("scenarios");
    assert!(files.len() >= 25, "too few scenarios are shipped");
    let found: String = files.iter().map(|path| check(path)).collect();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(GOLDEN, found).expect("writable");
        return;
    }
    let golden = std::fs::read_to_string(GOLDEN).expect("it is committed");
    assert_eq!(golden, found, "results have changed; the head of this file says what to do");
}

/// What a short run of two replicates prints.
fn printed(name: &str) -> String {
    let sets = SHORT.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let sets = [&sets[..], &[("replicates".to_owned(), "2".to_owned())]].concat();
    let path = format!("scenarios/{name}.toml");
    let scenario = scenario::load(Path::new(&path), &sets).unwrap_or_else(|f| panic!("{f}"));
    let runner = |plan: &Plan, seed| swarm::run(plan, seed, &mut Unobserved);
    let results = pool::run_all(&scenario, 2, runner, |_, _| Ok::<(), ()>(()));
    table::text(&results.expect("it runs"), &[])
}

/// Gifts of 10 BTT at 0.12 millidollars are worth 0.0012 USD each, whatever the swarm.
#[test]
fn what_scenarios_ask_is_printed() {
    let text = printed("btt_sybil");
    let words = "ten, sybil: breaks even where a further identity costs 0.00120 USD; a user gained \
                 0.0108 USD";
    assert!(text.contains(words), "{text}");
    let against = |text: &str, words: &str| {
        let line = text.lines().find(|line| line.starts_with(words)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{text}"))
    };
    let line = against(&text, "  ten, sybil against honest: download ");
    assert!(line.contains(" s (95 % interval ") && line.contains(", balance +"), "{line}");
    let text = printed("btt_hoarders");
    against(&text, "  hoard_80, hoarder against spender: download ");
    assert!(!text.contains("breaks even"), "nobody has two identities: {text}");
}

#[test]
fn scenarios_of_recorded_swarms_run() {
    let files = files("scenarios/real");
    assert!(files.len() >= 11, "too few recorded swarms");
    for path in files {
        check(&path);
    }
}
