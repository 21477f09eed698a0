//! Recorded downloads beside simulated ones: how far apart they are, and whether chance explains
//! it.
//!
//! Each run and each repetition gives one number per statistic; the table shows their means, so
//! that many simulated runs beside few recorded ones bias nothing. Where it is wrong: unfinished
//! peers are in neither side.

use super::grid::Design;
use super::pool::Results;
use super::stats::{self, Estimate};
use crate::rng::{Purpose, Stream, stream};
use crate::units::f64_of_len;
use std::collections::BTreeMap;

/// Times the labels of runs are drawn anew for the p-value.
const DRAWS: usize = 999;

/// Download times of one class by run (or repetition), each rising.
type Runs = Vec<Vec<f64>>;

/// Download times of one class on one side, simulated or recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct Side {
    /// Runs with at least one download.
    pub n_runs: usize,
    /// Downloads in all of them.
    pub n_downloads: usize,
    /// Mean, and its spread between runs.
    pub mean: Estimate,
    /// Means over runs of the run's minimum, 10 %, 50 %, 90 % quantile and maximum.
    pub quantiles: [Option<f64>; 5],
}

/// A class of an arm beside the recorded one.
#[derive(Clone, PartialEq, Debug)]
pub struct Beside {
    /// Position of the arm.
    pub arm: usize,
    /// Name of the class; `all` for all classes together that are recorded and in the arm.
    pub class: String,
    /// The simulated downloads.
    pub simulated: Side,
    /// The recorded downloads.
    pub recorded: Side,
    /// Kolmogorov–Smirnov distance of the pooled downloads: the largest gap between both
    /// distribution functions.
    pub ks_distance: Option<f64>,
    /// Share of random relabellings of runs as simulated or recorded with a distance at least as
    /// large: small when chance does not explain the gap.
    pub ks_p_value: Option<f64>,
}

/// The levels of `Side::quantiles`.
const LEVELS: [f64; 5] = [0.0, 0.1, 0.5, 0.9, 1.0];

/// Compares each arm with the recording; empty without one.
pub fn compare(results: &Results) -> Vec<Beside> {
    let design = &results.design;
    let classes = recorded_classes(design);
    let mut rows = Vec::new();
    for arm in 0..design.arms.len() {
        let has = |name: &&String| design.arms[arm].classes.iter().any(|own| own.name == **name);
        let shared: Vec<String> = classes.iter().filter(has).cloned().collect();
        if shared.len() > 1 {
            rows.push(beside(results, arm, "all", &shared));
        }
        for class in &classes {
            rows.push(beside(results, arm, class, std::slice::from_ref(class)));
        }
    }
    rows
}

/// Names of the recorded classes in order of first appearance.
pub fn recorded_classes(design: &Design) -> Vec<String> {
    let mut classes: Vec<String> = Vec::new();
    for row in &design.recorded {
        if !classes.contains(&row.class) {
            classes.push(row.class.clone());
        }
    }
    classes
}

fn beside(results: &Results, arm: usize, name: &str, classes: &[String]) -> Beside {
    let simulated = simulated_runs(results, arm, classes);
    let recorded = recorded_runs(&results.design, classes);
    let mut draws = relabelling_stream(results.design.seed, arm, name);
    let distance = ks_of_first(&simulated, &recorded);
    Beside {
        arm,
        class: name.to_owned(),
        simulated: Side::of(&simulated),
        recorded: Side::of(&recorded),
        ks_distance: distance,
        ks_p_value: distance.map(|d| p_value(&simulated, &recorded, d, &mut draws)),
    }
}

/// The stream of the relabelling: replicates are 32-bit entities of the same purpose, so entities
/// from 2³² on are free.
fn relabelling_stream(seed: u64, arm: usize, class: &str) -> Stream {
    let name = format!("{arm}/{class}");
    let hash = blake3::hash(name.as_bytes());
    let word = hash.as_bytes().iter().take(8).fold(0, |word, &byte| (word << 8) | u64::from(byte));
    stream(seed, Purpose::Swarm, word | (1 << 63))
}

fn simulated_runs(results: &Results, arm: usize, classes: &[String]) -> Runs {
    let names = &results.design.arms[arm].classes;
    let wanted = |index: &usize| classes.contains(&names[*index].name);
    let positions: Vec<usize> = (0..names.len()).filter(wanted).collect();
    let times = results.of_arm(arm).map(|run| {
        let of_classes = positions.iter().flat_map(|&index| run.download_times_s[index].clone());
        stats::sorted(of_classes.collect())
    });
    times.filter(|times| !times.is_empty()).collect()
}

fn recorded_runs(design: &Design, classes: &[String]) -> Runs {
    let mut by_repetition: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for row in design.recorded.iter().filter(|row| classes.contains(&row.class)) {
        by_repetition.entry(row.repetition).or_default().push(row.download_time_s);
    }
    by_repetition.into_values().map(stats::sorted).collect()
}

impl Side {
    fn of(runs: &Runs) -> Self {
        let means: Vec<f64> = runs.iter().filter_map(|run| stats::mean(run)).collect();
        let level = |p| {
            let values: Vec<f64> = runs.iter().filter_map(|run| stats::quantile(run, p)).collect();
            stats::mean(&values)
        };
        Self {
            n_runs: runs.len(),
            n_downloads: runs.iter().map(Vec::len).sum(),
            mean: Estimate::of(&means),
            quantiles: LEVELS.map(level),
        }
    }
}

/// All downloads in rising order, each with the position of its run.
fn pooled(runs: &[&[f64]]) -> Vec<(f64, usize)> {
    let mut all: Vec<(f64, usize)> = Vec::new();
    for (run, times) in runs.iter().enumerate() {
        all.extend(times.iter().map(|&time| (time, run)));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

/// The distance between the pooled downloads of the runs that `is_first` marks and the others;
/// `None` if a side is empty.
fn ks(pooled: &[(f64, usize)], is_first: &[bool]) -> Option<f64> {
    let n_first = pooled.iter().filter(|(_, run)| is_first[*run]).count();
    let n_other = pooled.len() - n_first;
    if n_first == 0 || n_other == 0 {
        return None;
    }
    let (mut first, mut other, mut gap) = (0, 0, 0.0_f64);
    for ties in pooled.chunk_by(|a, b| a.0 == b.0) {
        let of_first = ties.iter().filter(|(_, run)| is_first[*run]).count();
        first += of_first;
        other += ties.len() - of_first;
        let apart =
            f64_of_len(first) / f64_of_len(n_first) - f64_of_len(other) / f64_of_len(n_other);
        gap = gap.max(apart.abs());
    }
    Some(gap)
}

fn sides<'a>(simulated: &'a Runs, recorded: &'a Runs) -> (Vec<&'a [f64]>, Vec<bool>) {
    let runs = recorded.iter().chain(simulated).map(Vec::as_slice).collect::<Vec<_>>();
    let is_recorded = (0..runs.len()).map(|run| run < recorded.len()).collect();
    (runs, is_recorded)
}

fn ks_of_first(simulated: &Runs, recorded: &Runs) -> Option<f64> {
    let (runs, is_recorded) = sides(simulated, recorded);
    ks(&pooled(&runs), &is_recorded)
}

/// The permutation test over whole runs (runs, not downloads, are independent): the observed
/// labelling counts as one of the draws, so the value is never 0.
fn p_value(simulated: &Runs, recorded: &Runs, observed: f64, draws: &mut Stream) -> f64 {
    let (runs, mut is_recorded) = sides(simulated, recorded);
    let all = pooled(&runs);
    let mut as_large = 1;
    for _ in 0..DRAWS {
        draws.shuffle(&mut is_recorded);
        // A millionth of slack: equal gaps may differ in the last bits.
        if ks(&all, &is_recorded).is_some_and(|gap| gap >= observed - 1e-6) {
            as_large += 1;
        }
    }
    f64_of_len(as_large) / f64_of_len(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_by_hand() {
        let near = |a: &Runs, b: &Runs, want: f64| {
            let got = ks_of_first(a, b).expect("two sides");
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        };
        near(&vec![vec![1.0, 2.0, 3.0, 4.0]], &vec![vec![1.0, 2.0, 3.0, 4.0]], 0.0);
        near(&vec![vec![1.0, 2.0]], &vec![vec![3.0]], 1.0);
        // Steps at 1: 1/2 against 0; at 2 both 1/2 (ties move together); at 3: 1/2 against 1.
        near(&vec![vec![1.0], vec![4.0]], &vec![vec![2.0, 3.0]], 0.5);
        assert_eq!(ks_of_first(&vec![], &vec![vec![1.0]]), None);
    }

    #[test]
    fn chance_is_told_from_a_shift() {
        let runs = |shift: f64, salt: u64| -> Runs {
            let mut s = stream(5, Purpose::Swarm, salt);
            let run = |_| stats::sorted((0..20).map(|_| s.unit() + shift).collect());
            (0..8).map(run).collect()
        };
        let p = |a: &Runs, b: &Runs| {
            let d = ks_of_first(a, b).expect("two sides");
            p_value(a, b, d, &mut stream(1, Purpose::Swarm, 1 << 63))
        };
        assert!(p(&runs(0.0, 1), &runs(0.0, 2)) > 0.1);
        assert!(p(&runs(0.0, 1), &runs(0.6, 2)) <= 0.003);
    }
}
