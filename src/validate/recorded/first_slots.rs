//! Who holds the seed's first four slots decides much of a run: does it in the simulator, and by
//! as much?
//!
//! A seed's slots are taken first come, first served and are kept for a minute. What slow peers and
//! free riders hold there is hardly passed on. Each repetition is set beside those simulated runs
//! whose first slots went to the same classes; which those are, a short look at the first seconds
//! of a run tells.
//!
//! Where it is wrong: the recordings give one to three runs per way of filling the slots.

use super::super::crowd::mean;
use super::super::finding::{Axis, Curve, Findings, Line, Panel};
use super::super::{Check, Ctx, run_lawfully};
use super::SOURCE;
use super::chance::N_DRAWS;
use super::data::{Lucky, S2, S2Q, S4, SetUp};
use super::watch::{Seen, Watch};
use crate::experiment::stats;
use crate::rng::{Purpose, stream};
use crate::swarm::plan::{Plan, Role};
use crate::units::{SimTime, f64_of_len};
use std::collections::BTreeMap;

pub(super) const CHECK: Check = Check {
    name: "recorded-first-slots",
    claim: "Whose peers hold the seed's first slots moves a simulated run as it moved the \
            recorded ones.",
    source: SOURCE,
    is_quick: false,
    run,
};

/// Runs whose first seconds are looked at, per set-up.
const N_LOOKS: u64 = 20_000;
/// Runs that are made in full, per way of filling the slots.
const N_EACH: usize = 100;
/// A look ends here, in seconds: after the last sample that counts.
const LOOK_S: f64 = 3.5;

/// The set-ups, and whose peers make good use of a seed's slot.
const SET_UPS: [(SetUp, &str); 3] = [(S2, "fast"), (S2Q, "fast"), (S4, "contributor")];

/// Mean download times of simulated runs, by who held the first slots.
type ByLuck = BTreeMap<String, Vec<f64>>;

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Each repetition, also of those in which peers were started in the order of their \
         classes, against the mean of up to 100 simulated runs with as many peers of each class \
         in the seed's first four slots, found among 20 000. Slope: least squares of the recorded \
         means over the simulated ones; the tolerance, two of its standard errors, is ours. p: \
         share of draws whose slope is at least as far from 1; a draw has a simulated run with \
         the same first slots in place of each repetition. The mean of the runs is set against \
         one to three repetitions: 4 % or two standard errors of so many runs.",
    );
    for (set_up, good) in SET_UPS {
        let simulated = simulated(ctx, &set_up.plan(), &set_up.luck());
        judge(&mut findings, &set_up, good, &simulated);
    }
    findings
}

/// Runs with the luck of each repetition.
fn simulated(ctx: &Ctx<'_>, plan: &Plan, recorded: &[Lucky]) -> ByLuck {
    let short = Plan { horizon: SimTime::from_secs(LOOK_S), ..plan.clone() };
    let looks = ctx.seeds(N_LOOKS, |seed| look(&short, seed).0);
    let mut seeds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (luck, seed) in looks.iter().zip(1..) {
        if recorded.iter().any(|run| run.first_slots == *luck) {
            seeds.entry(luck).or_default().push(seed);
        }
    }
    let of_luck = |(luck, seeds): (&str, Vec<u64>)| {
        let seeds = &seeds[..seeds.len().min(N_EACH)];
        let means = ctx.map(seeds, |&seed| {
            let (seen, mean_time_s) = look(plan, seed);
            assert_eq!(seen, luck, "a longer horizon changes nothing before");
            mean_time_s
        });
        (luck.to_owned(), means)
    };
    seeds.into_iter().map(of_luck).collect()
}

/// Who held the first slots, and the mean download time in seconds.
fn look(plan: &Plan, seed: u64) -> (String, f64) {
    let mut watch = Watch::default();
    let outcome = run_lawfully(plan, seed, &mut watch);
    let seen = Seen { plan, outcome: &outcome, watch: &watch };
    let leechers = plan.classes.iter().map(|class| class.role == Role::Leecher);
    let classes = leechers.enumerate().filter(|(_, leeches)| *leeches);
    (seen.first_slots(), mean(classes.flat_map(|(class, _)| seen.times_s(class))))
}

fn judge(findings: &mut Findings, set_up: &SetUp, good: &str, simulated: &ByLuck) {
    let (recorded, name) = (set_up.luck(), set_up.name);
    let simulated_mean = |luck: &str| mean(simulated.get(luck).into_iter().flatten().copied());
    let mut by_count: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let mut by_luck: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for run in &recorded {
        by_luck.entry(&run.first_slots).or_default().push(run.mean_time_s);
    }
    for &luck in by_luck.keys() {
        by_count.entry(count(luck, good)).or_default().push(simulated_mean(luck));
    }
    let levels: Vec<f64> = by_count.into_values().map(mean).collect();
    let falling = levels.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let what = format!("{name}: steps to more {good} peers that shorten the simulated mean");
    findings.add(Line::all(&what, falling, levels.len() - 1));
    let points: Vec<(f64, f64)> =
        recorded.iter().map(|run| (simulated_mean(&run.first_slots), run.mean_time_s)).collect();
    let (slope, error) = slope(&points);
    let what = format!("{name}: recorded s per simulated s, {} repetitions", points.len());
    findings.add(Line::near(&what, slope, 1.0, 2.0 * error));
    let p_value = chance_of_slope(&recorded, simulated, (slope - 1.0).abs());
    let what = format!("{name}: p of that slope (added afterwards)");
    findings.add(Line::at_least(&what, p_value, 0.01).direction());
    for (luck, real) in &by_luck {
        let means = simulated.get(*luck).map_or(&[][..], Vec::as_slice);
        let expected = mean(real.iter().copied());
        let error = stats::sd(means).unwrap_or(f64::NAN) / f64_of_len(real.len()).sqrt();
        let what = format!("{name}: mean time, s, of {} runs with {luck}", means.len());
        let tolerance = (0.04 * expected).max(2.0 * error);
        let line = Line::near(&what, simulated_mean(luck), expected, tolerance);
        findings.add(line.direction());
    }
    findings.panels.push(panel(name, points));
}

/// Share of draws whose slope is at least so far from 1, when each repetition is a simulated run of
/// the same luck: how far would as many runs of a perfect model be?
fn chance_of_slope(recorded: &[Lucky], simulated: &ByLuck, apart: f64) -> f64 {
    let mut random = stream(1, Purpose::Workload, 0);
    let mut draw = || {
        let points: Vec<(f64, f64)> = recorded
            .iter()
            .filter_map(|run| simulated.get(&run.first_slots))
            .map(|runs| (mean(runs.iter().copied()), runs[random.below(runs.len())]))
            .collect();
        slope(&points).0
    };
    let as_far = (0..N_DRAWS).filter(|_| (draw() - 1.0).abs() >= apart).count();
    f64_of_len(as_far) / f64_of_len(N_DRAWS)
}

/// How many peers of a class there are in `fast:1 medium:2 slow:1`.
fn count(luck: &str, class: &str) -> u32 {
    let held = luck.split(' ').filter_map(|part| part.split_once(':'));
    held.filter(|(name, _)| *name == class).filter_map(|(_, n)| n.parse::<u32>().ok()).sum()
}

/// The least-squares slope of y over x, and its standard error.
fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let centre = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
    let moved = || points.iter().map(|p| (p.0 - centre.0, p.1 - centre.1));
    let width: f64 = moved().map(|(x, _)| x * x).sum();
    let slope = moved().map(|(x, y)| x * y).sum::<f64>() / width;
    let left: f64 = moved().map(|(x, y)| (y - slope * x) * (y - slope * x)).sum();
    let freedom = f64_of_len(points.len()) - 2.0;
    (slope, (left / freedom / width).sqrt())
}

fn panel(name: &str, points: Vec<(f64, f64)>) -> Panel {
    let xs = stats::sorted(points.iter().map(|p| p.0).collect());
    let ends = [xs.first(), xs.last()].into_iter().flatten();
    Panel {
        title: format!("Mean times of {name}, by first slots"),
        x: Axis::linear("simulated with the same first slots (s)"),
        y: Axis::linear("recorded (s)"),
        curves: vec![
            Curve::theory("recorded = simulated", ends.map(|&x| (x, x)).collect()),
            Curve::simulation("a recorded repetition", points),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_by_hand() {
        assert_eq!(slope(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]), (2.0, 0.0));
        // Residuals 1/2, −1, 1/2 with one degree of freedom, over a width of 2: √(1.5 ÷ 1 ÷ 2).
        let (got, error) = slope(&[(1.0, 3.0), (2.0, 2.0), (3.0, 4.0)]);
        assert!((got - 0.5).abs() < 1e-12, "{got}");
        assert!((error - 0.75_f64.sqrt()).abs() < 1e-12, "{error}");
    }

    #[test]
    fn peers_of_a_class_are_counted() {
        assert_eq!(count("fast:1 medium:2 slow:1", "medium"), 2);
        assert_eq!(count("medium:3 slow:1", "fast"), 0);
    }
}
