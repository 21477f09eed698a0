//! Optimal broadcast with equal uploads (Mundinger, Weber and Weiss, Journal of Scheduling 2008).
//!
//! A server and N users, each of whom uploads the whole file in unit time, in M parts: the least
//! makespan is 1 + ⌊log₂ N⌋/M. Two sides are checked: every run of the swarm stays above, and an
//! omniscient scheduler reaches it exactly. The scheduler searches all schedules in which a part
//! comes from one uploader at a time; its best one is then carried out on the kernel's queue.

use super::crowd::{completions_s, content_kib, flash_crowd, four_slots, mean, n_pieces};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::kernel::queue::Queue;
use crate::scenario::presets;
use crate::swarm::plan::{Arrivals, ChokerSpec, Plan, Stay};
use crate::units::{NS_PER_S, SimTime, Span, f64_of_len};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CHECKS: &[Check] = &[Check {
    name: "mundinger",
    claim: "With equal uploads the last of N is done no earlier than (1 + ⌊log₂ N⌋/M) F/u, and \
            an omniscient scheduler reaches it.",
    source: "Mundinger, Weber and Weiss, Journal of Scheduling 11 (2008), arXiv cs/0606110",
    is_quick: true,
    run,
}];

/// Users and parts of the small cases, and the rounds they need.
const SMALL: [(usize, usize, usize); 11] = [
    (2, 1, 2),
    (3, 1, 2),
    (4, 1, 3),
    (5, 1, 3),
    (1, 2, 2),
    (2, 2, 3),
    (3, 2, 3),
    (4, 2, 4),
    (5, 2, 4),
    (2, 3, 4),
    (3, 3, 4),
];

/// ⌊log₂ n⌋.
fn log2(n: usize) -> usize {
    n.ilog2() as usize
}

/// The least makespan in units of F/u.
fn least_makespan(n: usize, parts: usize) -> f64 {
    1.0 + f64_of_len(log2(n)) / f64_of_len(parts)
}

/// One upload: from the server (0) or a user (1 …) to a user, and which part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Upload {
    from: usize,
    to: usize,
    part: usize,
}

/// Who has which parts: a set of bits per user.
type Held = Vec<u8>;

/// What can be held after one round, each with the uploads that lead there. Users are equal, so
/// states are sorted; uploads name users by their place before the round.
fn after_a_round(held: &Held, parts: usize) -> BTreeMap<Held, Vec<Upload>> {
    let mut reached = BTreeMap::from([(held.clone(), Vec::new())]);
    for from in 0..=held.len() {
        let has = if from == 0 { (1 << parts) - 1 } else { held[from - 1] };
        let mut further = BTreeMap::new();
        for (state, uploads) in &reached {
            let mut is_idle = true;
            for to in 1..=held.len() {
                for part in (0..parts).filter(|part| (has & !state[to - 1]) >> part & 1 == 1) {
                    let mut next = state.clone();
                    next[to - 1] |= 1 << part;
                    let mut with = uploads.clone();
                    with.push(Upload { from, to, part });
                    further.entry(next).or_insert(with);
                    is_idle = false;
                }
            }
            // To send something useful is never worse than to send nothing.
            if is_idle {
                further.entry(state.clone()).or_insert_with(|| uploads.clone());
            }
        }
        reached = further;
    }
    reached
}

/// The fewest rounds in which all users have all parts, and the uploads of each round.
fn best_schedule(n: usize, parts: usize) -> Vec<Vec<Upload>> {
    let everything = vec![(1_u8 << parts) - 1; n];
    let mut frontier: BTreeMap<Held, Vec<Vec<Upload>>> = BTreeMap::from([(vec![0; n], vec![])]);
    let mut seen: BTreeSet<Held> = BTreeSet::new();
    loop {
        let mut next = BTreeMap::new();
        for (held, rounds) in &frontier {
            for (state, uploads) in after_a_round(held, parts) {
                let order = sorted_order(&state);
                let state: Held = order.iter().map(|&user| state[user]).collect();
                if !seen.insert(state.clone()) {
                    continue;
                }
                let mut rounds = rounds.clone();
                rounds.push(uploads);
                // The next round names users by their new places: remember the old names.
                next.insert(state, renamed(rounds, &order));
            }
        }
        if let Some(rounds) = next.remove(&everything) {
            return rounds;
        }
        frontier = next;
    }
}

/// The users in order of what they hold.
fn sorted_order(state: &Held) -> Vec<usize> {
    let mut order: Vec<usize> = (0..state.len()).collect();
    order.sort_by_key(|&user| state[user]);
    order
}

/// All rounds so far with the names that users have in the new order.
fn renamed(mut rounds: Vec<Vec<Upload>>, order: &[usize]) -> Vec<Vec<Upload>> {
    let place = |old: usize| {
        let at = order.iter().position(|&user| user + 1 == old);
        at.map_or(0, |at| at + 1)
    };
    for upload in rounds.iter_mut().flatten() {
        (upload.from, upload.to) = (place(upload.from), place(upload.to));
    }
    rounds
}

/// Carries a schedule out on the kernel's queue: each upload takes 1/M of a second and ends as an
/// event. The time when all have everything.
///
/// # Panics
/// When somebody sends what it does not have, or two things at a time.
fn carried_out(n: usize, parts: usize, rounds: &[Vec<Upload>]) -> SimTime {
    let step = Span(NS_PER_S / parts as u64);
    let mut queue = Queue::new();
    let mut held = vec![0_u8; n + 1];
    held[0] = (1 << parts) - 1;
    for (round, uploads) in rounds.iter().enumerate() {
        let ends = SimTime::ZERO + step.times(round as u64 + 1);
        let mut senders: Vec<usize> = uploads.iter().map(|upload| upload.from).collect();
        senders.sort_unstable();
        senders.dedup();
        assert_eq!(senders.len(), uploads.len(), "one upload at a time");
        for upload in uploads {
            queue.push(ends, *upload);
        }
    }
    let mut before = (SimTime::ZERO, held.clone());
    while let Some((at, Upload { from, to, part })) = queue.pop() {
        if at > before.0 {
            before = (at, held.clone());
        }
        assert!(before.1[from] >> part & 1 == 1, "nobody sends what it does not have");
        held[to] |= 1 << part;
        if held.iter().all(|parts_of| *parts_of == held[0]) {
            return at;
        }
    }
    SimTime::NEVER
}

/// A crowd in which everybody, the seeder included, has the same upload and stays.
fn equals(n: u32, pieces: u64, choker: &ChokerSpec, is_plain: bool) -> Plan {
    let mut plan = flash_crowd(n, pieces, super::crowd::UPLOAD, four_slots());
    if !is_plain {
        let rules = std::sync::Arc::new(presets::libtorrent());
        plan.classes.iter_mut().for_each(|class| class.protocol = rules.clone());
    }
    plan.classes[1].arrivals = Arrivals::AtOnce { count: n, at: SimTime::ZERO, spread: Span::ZERO };
    (plan.classes[1].stay, plan.classes[1].choker) = (Stay::Forever, choker.clone());
    plan
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "The eleven small cases are (N, M) = (2..5, 1), (1..5, 2), (2..3, 3). Swarms: N = 3 to \
         150, 4 to 256 pieces, tit-for-tat and equal turns, both presets, 3 runs each. The \
         theorem lets a part come from one uploader at a time; peers of a swarm may share one.",
    );
    let exact = ctx.map(&SMALL, |&(n, parts, rounds)| {
        let best = best_schedule(n, parts);
        let took = carried_out(n, parts, &best);
        let step = NS_PER_S / parts as u64;
        let is_theory = rounds == parts + log2(n) && best.len() == rounds;
        is_theory && took == SimTime(step * rounds as u64)
    });
    let n_exact = exact.iter().filter(|hit| **hit).count();
    findings.add(Line::all("small cases where the oracle takes M + ⌊log₂ N⌋ rounds", n_exact, 11));
    let mut plans = Vec::new();
    for (n, pieces) in [(3, 4), (7, 8), (8, 8), (30, 32), (100, 256), (150, 64)] {
        for choker in [ChokerSpec::TitForTat, ChokerSpec::EqualTurns] {
            plans.push(equals(n, pieces, &choker, true));
            plans.push(equals(n, pieces, &choker, false));
        }
    }
    let ratios = ctx.map(&plans, |plan| {
        let ratio = |times: &[f64]| {
            let parts = n_pieces(plan);
            let best = least_makespan(times.len(), parts) * content_kib(plan);
            times.last().map_or(f64::NAN, |last| last * super::crowd::UPLOAD / best)
        };
        ctx.runs(plan, 3).iter().map(|outcome| ratio(&completions_s(outcome))).collect::<Vec<_>>()
    });
    let flat: Vec<f64> = ratios.iter().flatten().copied().collect();
    let n_above = flat.iter().filter(|ratio| **ratio >= 1.0).count();
    findings.add(Line::all(
        "runs whose last finisher is not before the optimum",
        n_above,
        flat.len(),
    ));
    findings.panels.push(panel(ctx));
    findings
}

/// The makespan of 256 pieces against the number of users.
fn panel(ctx: &Ctx<'_>) -> Panel {
    let crowds = [5_u32, 10, 20, 50, 100, 200];
    let swarm = ctx.map(&crowds, |&n| {
        let plan = equals(n, 256, &ChokerSpec::TitForTat, true);
        let unit = content_kib(&plan) / super::crowd::UPLOAD;
        let last = |times: Vec<f64>| times.last().map_or(f64::NAN, |last| last / unit);
        let runs = ctx.runs(&plan, 3);
        (f64::from(n), mean(runs.iter().map(|outcome| last(completions_s(outcome)))))
    });
    let theory = (5..=200).map(|n| (f64_of_len(n), least_makespan(n, 256)));
    Panel {
        title: "Last of N finishers, everybody with the same upload, 256 pieces".into(),
        x: Axis::log("users N"),
        y: Axis::linear("makespan (F/u)"),
        curves: vec![
            Curve::theory("optimum 1 + floor(log₂ N)/256", theory.collect()),
            Curve::simulation("mainline, a seed with the upload of a leecher", swarm),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_what_is_known_by_hand() {
        // One part: the number of holders can double each round, the server included.
        for (n, rounds) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
            assert_eq!(best_schedule(n, 1).len(), rounds, "{n} users");
        }
        // One user: the server sends its parts one after the other.
        assert_eq!(best_schedule(1, 3).len(), 3);
    }

    #[test]
    fn golden_values_of_the_formula() {
        assert!((least_makespan(100, 256) - 1.0234).abs() < 5e-5);
        assert!((least_makespan(1000, 400) - 1.0225).abs() < 5e-5);
    }
}
