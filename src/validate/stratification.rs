//! Stratification (Gai, Mathieu, de Montgolfier and Reynier, ICDCS 2007).
//!
//! Where everybody prefers faster partners and has b slots, there is one stable matching; on a
//! complete graph with equal b it is cliques of b + 1 peers of consecutive ranks: the fastest and
//! its b successors choose each other, and so on. The swarm plays it with content that does not
//! run out; one optimistic slot keeps looking, so the time in one's own clique ± 1 is counted. So
//! do rounds without a swarm, in which rates are exact: the limit of what the choker can reach.

use super::crowd::{class, four_slots, mean, plan, s};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::ids::PeerId;
use crate::observe::Unobserved;
use crate::policy::choke::{
    Candidate, ChokeView, Choker, ChokerFactory, Choking, Decision, tit_for_tat,
};
use crate::rng::{Purpose, Stream, stream};
use crate::swarm::plan::{ChokerSpec, Plan, RateDist, Role};
use crate::units::{SimTime, f64_of, f64_of_len, floor_u64, u16_of};
use std::sync::{Arc, Mutex};

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

/// Regular slots given by each rank to each other one, counted at the regular rounds from the start
/// of the count on: a round is a tenth of a minute, so this is time.
#[derive(Debug)]
struct Dealings {
    given: Vec<Vec<u64>>,
}

impl Default for Dealings {
    fn default() -> Self {
        Self { given: vec![vec![0; N]; N] }
    }
}

impl Dealings {
    /// Share of the regular slots that goes to one's own clique or the next one.
    fn near_home(&self) -> f64 {
        let (mut near, mut all) = (0, 0);
        for (p, given) in self.given.iter().enumerate() {
            for (q, n) in given.iter().enumerate() {
                all += n;
                near += if is_near(p, q) { *n } else { 0 };
            }
        }
        f64_of(near) / f64_of(all)
    }

    /// Mean rank of those that a peer gives regular slots to.
    fn mean_partner(&self, p: usize) -> f64 {
        let total: u64 = self.given[p].iter().sum();
        let ranks = self.given[p].iter().enumerate().map(|(q, n)| f64_of_len(q) * f64_of(*n));
        ranks.sum::<f64>() / f64_of(total)
    }
}

/// Whether two ranks are of one clique or of neighbouring ones.
fn is_near(p: usize, q: usize) -> bool {
    (p / CLIQUE).abs_diff(q / CLIQUE) <= 1
}

/// The production tit-for-tat, watched: who an unchoke does not say is regular, so it is asked.
struct Watched {
    rules: Choking,
    seen: Arc<Mutex<Dealings>>,
}

impl ChokerFactory for Watched {
    fn name(&self) -> String {
        "tit-for-tat, watched".into()
    }

    fn make(&self) -> Box<dyn Choker> {
        Box::new(Watcher { rules: self.rules.clone(), seen: Arc::clone(&self.seen) })
    }
}

struct Watcher {
    rules: Choking,
    seen: Arc<Mutex<Dealings>>,
}

impl Choker for Watcher {
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        tit_for_tat(view, &self.rules, luck, decision);
        if !view.timed || f64_of(view.round) * self.rules.rechoke.as_secs() < FROM_S {
            return;
        }
        let by_upload = |rank: &usize| super::crowd::kib(upload(*rank)) == view.upload;
        let Some(p) = (0..N).find(by_upload) else { return };
        let mut seen = self.seen.lock().expect("one run, one thread");
        for served in decision.served.iter().filter(|served| !served.optimistic) {
            let c = view.candidates.iter().find(|c| c.slot == served.slot);
            // The seeder is peer 0 and never interested.
            seen.given[p][c.expect("a candidate").id.index() - 1] += 1;
        }
    }
}

/// One run of the swarm.
fn in_swarm(seed: u64) -> Dealings {
    let seen = Arc::new(Mutex::new(Dealings::default()));
    let mut plan = lasting();
    let rules = plan.classes[1].protocol.choking.clone();
    plan.classes[1].choker =
        ChokerSpec::Custom(Arc::new(Watched { rules, seen: Arc::clone(&seen) }));
    run_lawfully(&plan, seed, &mut Unobserved);
    drop(plan);
    Arc::into_inner(seen).and_then(|seen| seen.into_inner().ok()).expect("the run is over")
}

/// The same game without a swarm: in turn, in a new order each round, everybody asks the production
/// choker whom to serve, and gives each of those a quarter of its upload for the next ten seconds.
struct Rounds {
    /// What each gave each other one in its last two turns, bytes.
    gave: Vec<Vec<[u64; 2]>>,
    /// Turns since each last gave to each other one.
    idle: Vec<Vec<u32>>,
    optimistic: Vec<Vec<bool>>,
    served: Vec<Vec<bool>>,
}

impl Rounds {
    /// Nobody gives anything; or everybody gives to its clique.
    fn new(in_cliques: bool) -> Self {
        let square = |of: &dyn Fn(usize, usize) -> bool| -> Vec<Vec<bool>> {
            (0..N).map(|p| (0..N).map(|q| of(p, q)).collect()).collect()
        };
        let home = |p: usize, q: usize| in_cliques && p != q && p / CLIQUE == q / CLIQUE;
        let bytes = |p: usize, q: usize| if home(p, q) { [Self::gift(p); 2] } else { [0; 2] };
        Self {
            gave: (0..N).map(|p| (0..N).map(|q| bytes(p, q)).collect()).collect(),
            idle: (0..N)
                .map(|p| (0..N).map(|q| if home(p, q) { 0 } else { 9 }).collect())
                .collect(),
            optimistic: square(&|_, _| false),
            served: square(&home),
        }
    }

    /// A quarter of a peer's upload for ten seconds.
    fn gift(p: usize) -> u64 {
        super::crowd::kib(upload(p)).bytes_in(s(10.0)).0 / CLIQUE as u64
    }

    /// The turn of `p`; gives those it serves in regular slots.
    fn turn(&mut self, p: usize, round: u64, rules: &Choking, luck: &mut Stream) -> Vec<usize> {
        let candidates: Vec<Candidate> = (0..N)
            .filter(|&q| q != p)
            .map(|q| Candidate {
                slot: u16_of(q),
                id: PeerId::from_index(q),
                received: self.gave[q][p].iter().sum(),
                received_round: self.gave[q][p][1],
                unchoked: self.served[p][q],
                optimistic: self.optimistic[p][q],
                serves_us: self.served[q][p],
                snubbed: self.idle[q][p] > 3,
                ..Candidate::default()
            })
            .collect();
        let view = ChokeView {
            candidates: &candidates,
            bids: &[],
            slots: CLIQUE - 1 + rules.optimistic_slots as usize,
            optimistic_slots: rules.optimistic_slots as usize,
            rotate: (round + p as u64).is_multiple_of(3),
            timed: true,
            round,
            elapsed: s(10.0),
            upload: super::crowd::kib(upload(p)),
            pieces: 8000,
            piece: crate::units::Bytes::from_kib(256),
            salt: 0,
        };
        let mut decision = Decision::default();
        tit_for_tat(&view, rules, luck, &mut decision);
        for q in 0..N {
            let served = decision.served.iter().find(|served| usize::from(served.slot) == q);
            self.served[p][q] = served.is_some();
            self.optimistic[p][q] = served.is_some_and(|served| served.optimistic);
            let gift = if served.is_some() { Self::gift(p) } else { 0 };
            self.gave[p][q] = [self.gave[p][q][1], gift];
            self.idle[p][q] = if served.is_some() { 0 } else { self.idle[p][q] + 1 };
        }
        let regular = decision.served.iter().filter(|served| !served.optimistic);
        regular.map(|served| usize::from(served.slot)).collect()
    }

    /// As long as the swarm, counted as it is.
    fn play(mut self, rules: &Choking, seed: u64) -> Dealings {
        let mut luck = stream(seed, Purpose::Workload, 7);
        let mut seen = Dealings::default();
        let mut order: Vec<usize> = (0..N).collect();
        for round in 0..floor_u64(END_S / 10.0) {
            luck.shuffle(&mut order);
            for &p in &order {
                for q in self.turn(p, round, rules, &mut luck) {
                    if f64_of(round) * 10.0 >= FROM_S {
                        seen.given[p][q] += 1;
                    }
                }
            }
        }
        seen
    }
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
         lasts; from 600 s to 2400 s, 5 runs; slots are counted at regular rounds, by asking the \
         choker which are regular. The stable matching is six cliques of four; with optimistic \
         slots frozen it stays to the end. With them the share falls short, and so it does without \
         a swarm: where everybody in turn asks the production choker and gives each whom it \
         serves a quarter of its upload, with exact rates and nothing to wait for, as much time \
         goes elsewhere. Somebody is always given one more slot by chance, often by somebody \
         faster, and serves it in return, which takes a part of three regular ones. Lines below \
         the criterion were added when it had failed.",
    );
    let runs = ctx.seeds(5, in_swarm);
    let rules = lasting().classes[1].protocol.choking.clone();
    let frozen = Choking { optimistic_slots: 0, min_uploads: 0, ..rules.clone() };
    let still = Rounds::new(true).play(&frozen, 1);
    let at_home = (0..N).flat_map(|p| (0..N).map(move |q| (p, q)));
    let kept = at_home.filter(|&(p, q)| p != q && p / CLIQUE == q / CLIQUE);
    let whole = floor_u64((END_S - FROM_S) / 10.0);
    let n_kept = kept.clone().filter(|&(p, q)| still.given[p][q] == whole).count();
    let what = "pairs of the stable matching that hold to the end, optimistic slots frozen";
    findings.add(Line::all(what, n_kept, kept.count()));
    let share = mean(runs.iter().map(Dealings::near_home));
    let what = "regular unchoke time in the own clique ± 1";
    findings.add(Line::at_least(what, share, 0.8));
    let ideal = mean(ctx.seeds(5, |seed| Rounds::new(false).play(&rules, seed).near_home()));
    let what = "the same ÷ that of rounds without a swarm (added afterwards)";
    findings.add(Line::near(what, share / ideal, 1.0, 0.05).direction());
    // Of 23 others, those of the own clique and the next ones: what a blind choker would give.
    let n_near = |p: usize| (0..N).filter(|&q| q != p && is_near(p, q)).count();
    let blind = mean((0..N).map(|p| f64_of_len(n_near(p)) / f64_of_len(N - 1)));
    let what = "the same ÷ that of a choker blind to rank (bound set afterwards)";
    findings.add(Line::at_least(what, share / blind, 1.5).direction());
    let mut points = Vec::new();
    for p in 0..N {
        let ranks = runs.iter().map(|run| run.mean_partner(p));
        points.push((f64_of_len(p), mean(ranks)));
    }
    let what = "correlation of own rank and mean rank of partners (bound set afterwards)";
    findings.add(Line::at_least(what, correlation(&points), 0.9).direction());
    let theory = (0..N).map(|p| {
        let home = (0..N).filter(|&q| q != p && q / CLIQUE == p / CLIQUE).map(f64_of_len);
        (f64_of_len(p), mean(home))
    });
    let played = ctx.seeds(5, |seed| Rounds::new(false).play(&rules, seed));
    let played =
        (0..N).map(|p| (f64_of_len(p), mean(played.iter().map(|run| run.mean_partner(p)))));
    findings.panels.push(Panel {
        title: "Mean rank of those with its regular slots".into(),
        x: Axis::linear("rank of the peer (0: fastest)"),
        y: Axis::linear("mean rank of its partners"),
        curves: vec![
            Curve::theory("cliques of four", theory.collect()),
            Curve::simulation("rounds without a swarm, 3 + 1 slots", played.collect()),
            Curve::simulation("mainline, 3 + 1 slots", points),
        ],
    });
    findings
}
