//! Stratification (Gai, Mathieu, de Montgolfier and Reynier, ICDCS 2007).
//!
//! Where everybody prefers faster partners and has b slots, there is one stable matching; on a
//! complete graph with equal b it is cliques of b + 1 peers of consecutive ranks: the fastest and
//! its b successors choose each other, and so on. The swarm plays it with content that does not
//! run out; one optimistic slot keeps looking, so the time in one's own clique ± 1 is counted.

use super::crowd::{class, four_slots, mean, plan, s};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::swarm::plan::{Plan, RateDist, Role};
use crate::units::{SimTime, Span, f64_of, f64_of_len};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "stratification",
    claim: "Under tit-for-tat peers trade with those of their own rank.",
    source: "Gai, Mathieu, de Montgolfier and Reynier, ICDCS 2007, arXiv cs/0612130: existence; \
             cliques of b + 1 on a complete graph by a greedy argument",
    is_quick: false,
    run,
}];

/// Leechers, and how many are in a clique: three regular slots and oneself.
const N: usize = 24;
const CLIQUE: usize = 4;
/// Uploads of ranks 0, 1, …, in KiB/s: each is 7 % below the one before.
const FASTEST: f64 = 400.0;
const STEP: f64 = 0.93;
/// Counted from here to the end.
const FROM_S: f64 = 600.0;
const END_S: f64 = 2400.0;

/// The upload of a rank.
fn upload(rank: usize) -> f64 {
    FASTEST * libm::pow(STEP, f64_of_len(rank))
}

/// Content that lasts: the fastest would need far longer than the run.
fn lasting() -> Plan {
    let mut rules = four_slots();
    rules.requests.random_first = 0;
    let rules = Arc::new(rules);
    // A seed fast enough that everybody always has something the others lack.
    let seeder = class(Role::Seeder, 1, 4000.0, &rules);
    let count = u32::try_from(N).expect("few peers");
    let mut leechers = class(Role::Leecher, count, 0.0, &rules);
    let uploads = (0..N).map(|rank| super::crowd::kib(upload(rank)));
    leechers.upload = RateDist::PerPeer(uploads.collect());
    let mut plan = plan(8000, vec![seeder, leechers]);
    (plan.horizon, plan.sample) = (SimTime::from_secs(END_S), s(100.0));
    plan
}

/// Time each leecher unchoked each other, by pair of ranks.
#[derive(Default)]
struct Dealings {
    since: BTreeMap<(usize, usize), SimTime>,
    time: BTreeMap<(usize, usize), Span>,
}

impl Dealings {
    fn end(&mut self, at: SimTime, pair: (usize, usize)) {
        if let Some(since) = self.since.remove(&pair) {
            let from = SimTime::from_secs(FROM_S);
            *self.time.entry(pair).or_default() += at.max(from).since(since.max(from));
        }
    }
}

impl Observer for Dealings {
    fn unchoked(&mut self, at: SimTime, from: PeerId, to: PeerId, serving: bool) {
        let (Some(p), Some(q)) = (from.index().checked_sub(1), to.index().checked_sub(1)) else {
            return;
        };
        if serving {
            self.since.insert((p, q), at);
        } else {
            self.end(at, (p, q));
        }
    }
}

/// For each leecher, the time it gave its three most-served partners, by rank of the partner.
fn favourites(dealings: &Dealings) -> Vec<Vec<(usize, f64)>> {
    (0..N)
        .map(|p| {
            let given = |q: usize| dealings.time.get(&(p, q)).copied().unwrap_or_default();
            (0..N).filter(|&q| q != p).map(|q| (q, f64_of(given(q).0) / 1e9)).collect()
        })
        .collect()
}

/// Share of the regular unchoke time that goes to one's own clique or the next one.
///
/// An unchoke does not say whether it is optimistic. One of four slots is, and its time is spread
/// over all: so much is expected near home by chance, and taken off both sides.
fn share_near_home(dealings: &Dealings) -> f64 {
    let (mut near, mut all) = (0.0, 0.0);
    for (p, given) in favourites(dealings).iter().enumerate() {
        let total: f64 = given.iter().map(|row| row.1).sum();
        let optimistic = total / f64_of_len(CLIQUE) / f64_of_len(N - 1);
        for &(q, seconds) in given {
            let regular = seconds - optimistic;
            all += regular;
            if (p / CLIQUE).abs_diff(q / CLIQUE) <= 1 {
                near += regular;
            }
        }
    }
    near / all
}

/// Pearson's, of x and y.
fn correlation(points: &[(f64, f64)]) -> f64 {
    let (mx, my) = (mean(points.iter().map(|p| p.0)), mean(points.iter().map(|p| p.1)));
    let product = |of: fn(f64, f64) -> f64| mean(points.iter().map(|(x, y)| of(x - mx, y - my)));
    product(|x, y| x * y) / libm::sqrt(product(|x, _| x * x) * product(|_, y| y * y))
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "24 leechers, each with 7 % less upload than the one before (400 to 75 KiB/s), three \
         regular slots and one optimistic, everybody knows everybody, a fast seed, content that \
         lasts; from 600 s to 2400 s, 5 runs. The stable matching is six cliques of four. The \
         share an optimistic slot gives everybody alike is taken off. It falls \
         short: somebody is always given one more slot by chance, often by somebody faster, and \
         serves it in return, which takes a part of the three regular ones. The other two lines \
         were added when that was known.",
    );
    let plan = lasting();
    let runs = ctx.seeds(5, |seed| {
        let mut dealings = Dealings::default();
        let outcome = run_lawfully(&plan, seed, &mut dealings);
        let open: Vec<(usize, usize)> = dealings.since.keys().copied().collect();
        for pair in open {
            dealings.end(outcome.end, pair);
        }
        dealings
    });
    let share = mean(runs.iter().map(share_near_home));
    let what = "regular unchoke time in the own clique ± 1";
    findings.add(Line::at_least(what, share, 0.8));
    // Of 23 others, those of the own clique and the next ones: what a blind choker would give.
    let n_near =
        |p: usize| (0..N).filter(|&q| q != p && (p / CLIQUE).abs_diff(q / CLIQUE) <= 1).count();
    let blind = mean((0..N).map(|p| f64_of_len(n_near(p)) / f64_of_len(N - 1)));
    let what = "the same ÷ that of a choker blind to rank (bound set afterwards)";
    findings.add(Line::at_least(what, share / blind, 1.5).direction());
    let mut points = Vec::new();
    for p in 0..N {
        let ranks = runs.iter().map(|run| {
            let given = &favourites(run)[p];
            let total: f64 = given.iter().map(|row| row.1).sum();
            given.iter().map(|(q, seconds)| f64_of_len(*q) * seconds).sum::<f64>() / total
        });
        points.push((f64_of_len(p), mean(ranks)));
    }
    let what = "correlation of own rank and mean rank of partners (bound set afterwards)";
    findings.add(Line::at_least(what, correlation(&points), 0.9).direction());
    let theory = (0..N).map(|p| {
        let home: Vec<usize> = (0..N).filter(|&q| q != p && q / CLIQUE == p / CLIQUE).collect();
        let regular = mean(home.iter().map(|&q| f64_of_len(q)));
        let anybody = mean((0..N).filter(|&q| q != p).map(f64_of_len));
        (f64_of_len(p), 0.75 * regular + 0.25 * anybody)
    });
    findings.panels.push(Panel {
        title: "Mean rank of those a peer serves".into(),
        x: Axis::linear("rank of the peer (0: fastest)"),
        y: Axis::linear("mean rank of its partners"),
        curves: vec![
            Curve::theory("cliques of four, a quarter of the time anybody", theory.collect()),
            Curve::simulation("mainline, 3 + 1 slots", points),
        ],
    });
    findings
}
