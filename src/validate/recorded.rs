//! Recorded swarms of a real client beside many simulated ones: distributions, not single runs.
//!
//! The recordings are those of `scenarios/real`: libtorrent 2.1.1 over loopback, four to 80
//! repetitions of a set-up. All but the first five were made to see what the model that had been
//! built on those before is worth elsewhere; the last eighteen were simulated first. Each is set
//! beside runs of the plan its scenario resolves to, with the peers in another order every time.
//! Both sides are measured alike: `watch` sees the simulated swarm as the clients were seen.
//!
//! Law: no parameter of the model was fitted to a recording, and no tolerance to a result.
//!
//! Where it is wrong: four repetitions say little about the spread between repetitions, and the
//! recordings are of small files over links without delay or loss.

mod chance;
#[cfg(test)]
mod connections;
mod data;
mod first_slots;
mod watch;

use super::crowd::{greatest, mean};
use super::finding::{Axis, Curve, Findings, Line, Panel, short};
use super::{Check, Ctx, run_lawfully};
use crate::experiment::stats;
use crate::swarm::plan::Plan;
use crate::units::f64_of_len;
use chance::{Chance, pooled, share_by};
use data::{
    CLASSES_AND_FREE_RIDERS, CROWD, FAR_APART, FAST_ARRIVALS, FEW_PEERS, LARGE_FILE, LATE_COMERS,
    LATE_FREE_RIDERS, LEAVERS, LINGERING_STREAM, LONG, MANY_FREE_RIDERS, MIXED_ARRIVALS,
    MIXED_LINKS, ONE_BY_ONE, OPEN_DOWNLINKS, S1, S2, S2Q, S4, S7, SHORT_STREAM, SLOW_SEED,
    SLOW_SEED_FREE_RIDERS, SLOW_SEED_LATE_COMERS, SLOW_SEED_LEAVERS, SMALL_PIECES, SPARSE_STREAM,
    STAYING_STREAMS, STREAM, SetUp, THIN_DOWNLINKS, THREE_SEEDS, TWO_STREAMS, Times, Values, WAVES,
};
use std::collections::BTreeMap;
use watch::{Seen, Watch};

const SOURCE: &str = "libtorrent 2.1.1, recorded over loopback (scenarios/real/data)";

pub(super) const CHECKS: &[Check] = &[
    Check {
        is_quick: true,
        ..recorded(
            "recorded-equal",
            "Twenty equal clients of libtorrent take as long as recorded, and get there alike.",
            |ctx| run(ctx, &S1),
        )
    },
    recorded(
        "recorded-classes",
        "Three upload classes of libtorrent take as long as recorded, and get there alike.",
        |ctx| run(ctx, &S2),
    ),
    recorded(
        "recorded-classes-long",
        "The same with twice the content and a choker three times as fast.",
        |ctx| run(ctx, &S2Q),
    ),
    recorded(
        "recorded-free-riders",
        "Contributors and free riders of libtorrent at a weak seed take as long as \
                recorded, and get there alike.",
        |ctx| run(ctx, &S4),
    ),
    recorded(
        "recorded-downlinks",
        "Clients of libtorrent whose download is the limit take as long as recorded, and \
                get there alike.",
        |ctx| run(ctx, &S7),
    ),
    first_slots::CHECK,
    recorded(
        "recorded-stream",
        "Clients of libtorrent that come one after another and leave when done take as long \
                as recorded, and get there alike.",
        |ctx| run(ctx, &STREAM),
    ),
    recorded(
        "recorded-leavers",
        "Two upload classes of libtorrent that leave when done take as long as recorded, \
                and get there alike.",
        |ctx| run(ctx, &LEAVERS),
    ),
    recorded(
        "recorded-crowd",
        "A crowd of clients of libtorrent takes as long over a short file as recorded, and \
                gets there alike.",
        |ctx| run(ctx, &CROWD),
    ),
    recorded(
        "recorded-long",
        "Few clients of libtorrent take as long over a longer file as recorded, and get \
                there alike.",
        |ctx| run(ctx, &LONG),
    ),
    recorded(
        "recorded-late-free-riders",
        "Free riders that come late to contributors of libtorrent take as long as recorded, \
                and so do these.",
        |ctx| run(ctx, &LATE_FREE_RIDERS),
    ),
    recorded(
        "recorded-late-comers",
        "Clients of libtorrent with fast uplinks that come late take as long as recorded, \
                and so do those that were there first.",
        |ctx| run(ctx, &LATE_COMERS),
    ),
    recorded(
        "recorded-mixed-arrivals",
        "Clients of libtorrent that come early, one by one, and late as free riders take as long \
                as recorded, and get there alike.",
        |ctx| run(ctx, &MIXED_ARRIVALS),
    ),
    recorded(
        "recorded-mixed-links",
        "A crowd of clients of libtorrent with three kinds of links takes as long as recorded, and \
                gets there alike.",
        |ctx| run(ctx, &MIXED_LINKS),
    ),
    recorded(
        "recorded-fast-arrivals",
        "Slow clients of libtorrent that fast ones join one by one take as long as recorded, and \
                so do those.",
        |ctx| run(ctx, &FAST_ARRIVALS),
    ),
    recorded(
        "recorded-two-streams",
        "Two streams of clients of libtorrent, of which the slower one lingers, take as long as \
                recorded, and get there alike.",
        |ctx| run(ctx, &TWO_STREAMS),
    ),
    recorded(
        "recorded-small-pieces",
        "A larger crowd of clients of libtorrent takes as long over smaller pieces as recorded, \
                and gets there alike.",
        |ctx| run(ctx, &SMALL_PIECES),
    ),
    recorded(
        "recorded-one-by-one",
        "Two dozen clients of libtorrent that come one by one and leave when done take \
                as long as recorded, and get there alike.",
        |ctx| run(ctx, &ONE_BY_ONE),
    ),
    recorded(
        "recorded-classes-and-free-riders",
        "Two classes of libtorrent and free riders take as long as recorded, and get \
                there alike.",
        |ctx| run(ctx, &CLASSES_AND_FREE_RIDERS),
    ),
    recorded(
        "recorded-large-file",
        "Few clients of libtorrent of two classes take as long over a large file as \
                recorded, and get there alike.",
        |ctx| run(ctx, &LARGE_FILE),
    ),
    recorded(
        "recorded-short-stream",
        "Clients of libtorrent that come in quick succession take as long over a short \
                file as recorded, and get there alike.",
        |ctx| run(ctx, &SHORT_STREAM),
    ),
    recorded(
        "recorded-slow-seed",
        "Clients of libtorrent that wait for a slow seed take as long as recorded, and \
                get there alike.",
        |ctx| run(ctx, &SLOW_SEED),
    ),
    recorded(
        "recorded-waves",
        "Three waves of clients of libtorrent take as long as recorded, and get there \
                alike.",
        |ctx| run(ctx, &WAVES),
    ),
    recorded(
        "recorded-three-seeds",
        "Two classes of libtorrent with three seeds take as long as recorded, and get \
                there alike.",
        |ctx| run(ctx, &THREE_SEEDS),
    ),
    recorded(
        "recorded-few-peers",
        "Five clients of libtorrent take as long as recorded, and get there alike.",
        |ctx| run(ctx, &FEW_PEERS),
    ),
    recorded(
        "recorded-slow-seed-free-riders",
        "Contributors and free riders of libtorrent that wait for a slow seed take as \
                long as recorded, and get there alike.",
        |ctx| run(ctx, &SLOW_SEED_FREE_RIDERS),
    ),
    recorded(
        "recorded-slow-seed-late-comers",
        "Clients of libtorrent that come late to others who wait for a slow seed take \
                as long as recorded, and so do these.",
        |ctx| run(ctx, &SLOW_SEED_LATE_COMERS),
    ),
    recorded(
        "recorded-thin-downlinks",
        "Clients of libtorrent of which half have thin downlinks take as long as \
                recorded, and get there alike.",
        |ctx| run(ctx, &THIN_DOWNLINKS),
    ),
    recorded(
        "recorded-slow-seed-leavers",
        "Two classes of libtorrent that wait for a slow seed and leave when done take \
                as long as recorded, and get there alike.",
        |ctx| run(ctx, &SLOW_SEED_LEAVERS),
    ),
    recorded(
        "recorded-lingering-stream",
        "Forty clients of libtorrent that come one by one and linger take as long as \
                recorded, and get there alike.",
        |ctx| run(ctx, &LINGERING_STREAM),
    ),
    recorded(
        "recorded-far-apart",
        "Clients of libtorrent with uplinks far apart take as long as recorded, and get \
                there alike.",
        |ctx| run(ctx, &FAR_APART),
    ),
    recorded(
        "recorded-open-downlinks",
        "Clients of libtorrent whose downlinks have no limit take as long as recorded, \
                and get there alike.",
        |ctx| run(ctx, &OPEN_DOWNLINKS),
    ),
    recorded(
        "recorded-sparse-stream",
        "Clients of libtorrent that hardly meet each other take as long as recorded, \
                and get there alike.",
        |ctx| run(ctx, &SPARSE_STREAM),
    ),
    recorded(
        "recorded-many-free-riders",
        "Contributors of libtorrent among twice as many free riders take as long as \
                recorded, and so do these.",
        |ctx| run(ctx, &MANY_FREE_RIDERS),
    ),
    recorded(
        "recorded-staying-streams",
        "Two streams of clients of libtorrent that stay take as long as recorded, and \
                get there alike.",
        |ctx| run(ctx, &STAYING_STREAMS),
    ),
];

/// A check that takes too long for the quick subset.
const fn recorded(name: &'static str, claim: &'static str, run: fn(&Ctx<'_>) -> Findings) -> Check {
    Check { name, claim, source: SOURCE, is_quick: false, run }
}

/// Simulated runs per recording.
const N_RUNS: u64 = 200;
/// Repetitions that tell how far apart repetitions are.
const TELLING: usize = 6;
/// All leechers together, where there are several classes.
const ALL: &str = "all";

/// One side of the comparison, run by run.
struct Side {
    /// Download times by class, and all together if there are several classes.
    times: BTreeMap<String, Times>,
    values: Values,
}

impl Side {
    fn new(mut times: BTreeMap<String, Times>, values: Values) -> Self {
        if times.len() > 1 {
            let n_runs = times.values().map(Vec::len).max().unwrap_or(0);
            let all =
                |run: usize| times.values().flat_map(|runs: &Times| runs[run].clone()).collect();
            let all: Times = (0..n_runs).map(all).collect();
            times.insert(ALL.to_owned(), all);
        }
        Self { times, values }
    }

    fn recorded(set_up: &SetUp) -> Self {
        Self::new(set_up.times(), set_up.values())
    }

    fn simulated(ctx: &Ctx<'_>, plan: &Plan, n_runs: u64) -> Self {
        let runs = ctx.seeds(n_runs, |seed| {
            let mut watch = Watch::default();
            let outcome = run_lawfully(plan, seed, &mut watch);
            let seen = Seen { plan, outcome: &outcome, watch: &watch };
            let mut values = Values::new();
            seen.note(&mut values);
            let times: Times = (0..plan.classes.len()).map(|class| seen.times_s(class)).collect();
            (times, values)
        });
        let (mut times, mut values) = (BTreeMap::<String, Times>::new(), Values::new());
        for (of_run, measured) in runs {
            for (class, of_class) in plan.classes.iter().zip(of_run) {
                if !of_class.is_empty() {
                    times.entry(class.name.clone()).or_default().push(of_class);
                }
            }
            for (key, value) in measured {
                values.entry(key).or_default().extend(value);
            }
        }
        Self::new(times, values)
    }

    /// Mean over runs.
    fn mean(&self, class: &str, measure: &str) -> f64 {
        let key = (class.to_owned(), measure.to_owned());
        mean(self.values.get(&key).into_iter().flatten().copied())
    }
}

/// The mean of each run.
fn run_means(runs: &Times) -> Vec<f64> {
    runs.iter().map(|run| mean(run.iter().copied())).collect()
}

fn run(ctx: &Ctx<'_>, set_up: &SetUp) -> Findings {
    let simulated = Side::simulated(ctx, &set_up.plan(), N_RUNS);
    compare(set_up, &simulated)
}

fn compare(set_up: &SetUp, simulated: &Side) -> Findings {
    let recorded = Side::recorded(set_up);
    let n = recorded.times.values().next().map_or(0, Vec::len);
    let mut findings = Findings::new(&format!(
        "scenarios/real/{}.toml: {N_RUNS} runs against {n} repetitions. Tolerance of a mean: 4 % \
         or two standard errors of the recorded one. p: the share of draws of {n} runs that are at \
         least as far from all runs (Kolmogorov, Smirnov) as the recordings are. Figures have the \
         band of 95 % of such draws.",
        set_up.name,
    ));
    for (class, entity) in recorded.times.keys().zip(0..) {
        let (real, model) = (&recorded.times[class], &simulated.times[class]);
        let chance = Chance::of(real, model, entity);
        time_lines(&mut findings, class, [real, model], &chance);
        if class != ALL {
            findings.panels.push(panel(class, [real, model], &chance));
        }
    }
    swarm_lines(&mut findings, &recorded, simulated);
    class_lines(&mut findings, &recorded, simulated);
    findings
}

/// Download times of a class.
fn time_lines(findings: &mut Findings, class: &str, sides: [&Times; 2], chance: &Chance) {
    let [real, model] = sides.map(run_means);
    let expected = mean(real.iter().copied());
    let deviation = stats::sd(&real).unwrap_or(f64::NAN);
    let error = deviation / f64_of_len(real.len()).sqrt();
    let what = format!("mean time of {class}, s");
    let tolerance = (0.04 * expected).max(2.0 * error);
    findings.add(Line::near(&what, mean(model.iter().copied()), expected, tolerance));
    let what = format!("times of {class}, KS distance {}: p", short(chance.distance));
    findings.add(Line::at_least(&what, chance.p_value, 0.01));
    if real.len() >= TELLING {
        let ratio = stats::sd(&model).unwrap_or(f64::NAN) / deviation;
        let what = format!("sd of run means of {class} ÷ recorded {} s", short(deviation));
        findings.add(Line::within(&what, ratio, [0.5, 2.0]));
    }
}

/// What belongs to the swarm as a whole.
fn swarm_lines(findings: &mut Findings, recorded: &Side, simulated: &Side) {
    for (measure, what, share) in [
        ("makespan_s", "last completion, s", 0.08),
        ("copy1_s", "last piece first held by a leecher, s", 0.15),
    ] {
        let [real, model] = [recorded, simulated].map(|side| side.mean(ALL, measure));
        findings.add(Line::near_share(what, model, real, share));
    }
    for (measure, what) in [("tenure_s_median", "median"), ("tenure_s_p90", "90 % quantile")] {
        let [real, model] = [recorded, simulated].map(|side| side.mean(ALL, measure));
        let what = format!("{what} of leechers' slot tenures ÷ recorded {} s", short(real));
        findings.add(Line::within(&what, model / real, [1.0 / 1.5, 1.5]));
    }
}

/// What belongs to a class.
fn class_lines(findings: &mut Findings, recorded: &Side, simulated: &Side) {
    for (measure, what, tolerance) in [
        ("upload_use", "upload used until the first is done", 0.05),
        ("redundant_share", "redundant share of the download", 0.02),
    ] {
        for (class, _) in recorded.values.keys().filter(|key| key.1 == measure) {
            let [real, model] = [recorded, simulated].map(|side| side.mean(class, measure));
            findings.add(Line::near(&format!("{what}, {class}"), model, real, tolerance));
        }
    }
    for class in recorded.times.keys().filter(|class| *class != ALL) {
        let shares = recorded
            .values
            .keys()
            .filter(|key| key.0 == *class && key.1.starts_with("share_from_"));
        let apart = greatest(shares.map(|(_, measure)| {
            let [real, model] = [recorded, simulated].map(|side| side.mean(class, measure));
            (model - real).abs()
        }));
        let what = format!("gifts to {class}: greatest |share of a class − recorded|");
        findings.add(Line::at_most(&what, apart, 0.08));
    }
}

/// Who is done by when, on both sides.
fn panel(class: &str, [real, model]: [&Times; 2], chance: &Chance) -> Panel {
    let curve = |runs: &Times| -> Vec<(f64, f64)> {
        let runs = pooled(runs);
        chance.band.iter().map(|&(x, _)| (x, share_by(&runs, x))).collect()
    };
    let low = chance.band.iter().map(|&(x, [low, _])| (x, low));
    let high = chance.band.iter().rev().map(|&(x, [_, high])| (x, high));
    Panel {
        title: format!("Downloads of {class}"),
        x: Axis::linear("time (s)"),
        y: Axis::linear("share done"),
        curves: vec![
            Curve::theory("recorded", curve(real)),
            Curve::trace("simulated", curve(model)),
            Curve::trace("95 % of as many simulated runs", low.chain(high).collect()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::crowd::{four_slots, with_rules};
    use super::*;
    use crate::experiment::Workers;

    fn failures(findings: &Findings) -> Vec<&str> {
        let failed = findings.lines.iter().filter(|line| line.is_failure());
        failed.map(|line| line.what.as_str()).collect()
    }

    #[test]
    fn a_recording_passes_beside_itself() {
        let findings = compare(&S2, &Side::recorded(&S2));
        assert_eq!(failures(&findings), [""; 0]);
        assert_eq!(findings.lines.len(), 26, "four groups of times, the swarm, three classes");
    }

    #[test]
    fn another_client_does_not_pass() {
        let workers = Workers::new(1).expect("a thread");
        let ctx = Ctx::new(&workers, &|| ());
        let mainline = with_rules(S1.plan(), |rules| *rules = four_slots());
        let findings = compare(&S1, &Side::simulated(&ctx, &mainline, 8));
        let failed = failures(&findings);
        let has = |start: &str| failed.iter().any(|what| what.starts_with(start));
        assert!(has("mean time of leecher") && has("times of leecher"), "{failed:?}");
        assert!(has("upload used until the first is done"), "{failed:?}");
    }
}
