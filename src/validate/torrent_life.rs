//! The life of a torrent: how long it lives (Guo et al., IMC 2005), how evenly pieces spread (Dale
//! and Liu 2007), and why equals do not finish alike (Murai et al. 2011).

use super::crowd::{class, completions_s, four_slots, mean, plan, s, with_rules};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::experiment::stats;
use crate::ids::{PeerId, PieceId};
use crate::observe::{Observer, Outcome};
use crate::policy::pick::PickOrder;
use crate::swarm::plan::{Arrivals, Plan, Role, Stay};
use crate::units::{SimTime, f64_of, f64_of_len};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "guo-lifetime",
        claim: "A torrent whose arrivals fade lives until they are rarer than departures, and the \
                last fail.",
        source: "Guo et al., IMC 2005, §4: lifetime τ ln(λ₀/γ) and failing share γ/λ₀ (recalled \
                 and derived: directions)",
        is_quick: false,
        run: lifetime,
    },
    Check {
        name: "piece-replication",
        claim: "Local rarest first keeps the numbers of copies of all pieces close together.",
        source: "Dale and Liu 2007: copies about normal with small variance in steady state; the \
                 bound 0.15 is ours",
        is_quick: true,
        run: replication,
    },
    Check {
        name: "stragglers",
        claim: "In a small swarm with a slow seed equal peers finish in bursts.",
        source: "Murai, Rocha, Figueiredo and de Souza e Silva 2011, arXiv 1102.3610",
        is_quick: true,
        run: stragglers,
    },
];

/// λ₀, τ, 1/γ.
const PEAK_PER_S: f64 = 0.2;
const TAU_S: f64 = 4_000.0;
const LINGER_S: f64 = 200.0;

/// Arrivals that fade away, finished peers that stay for a while, and an origin that leaves.
fn fading() -> Plan {
    let rules = Arc::new(four_slots());
    let mut origin = class(Role::Seeder, 1, 200.0, &rules);
    origin.stay = Stay::Linger(s(1_000.0));
    let mut leechers = class(Role::Leecher, 0, 200.0, &rules);
    let end = SimTime::from_secs(10.0 * TAU_S);
    let (from, until) = (SimTime::ZERO, end);
    leechers.arrivals = Arrivals::Decaying { per_s: PEAK_PER_S, tau: s(TAU_S), from, until };
    leechers.stay = Stay::LingerExp(s(LINGER_S));
    let mut plan = plan(16, vec![origin, leechers]);
    (plan.horizon, plan.until_horizon) = (end, true);
    plan
}

fn lifetime(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "λ₀ = 0.2/s, τ = 4000 s, 1/γ = 200 s: λ₀/γ = 40; 16 pieces, an origin that stays for \
         1000 s; 20 runs. The end of a run's life is the last time a whole copy was there. The \
         formula is a fluid's: it waits until one seeder is left on average. Seeders are a Poisson \
         number, and none is there now and then as soon as there are about three on average, so \
         torrents die earlier, near τ ln(λ₀/3γ) = 10 400 s, and more requests fail.",
    );
    let plan = fading();
    let outcomes = ctx.runs(&plan, 20);
    let theory = TAU_S * libm::log(PEAK_PER_S * LINGER_S);
    let end = |outcome: &Outcome| {
        let alive = outcome.samples.iter().rev().find(|row| row.rarest_copies > 0);
        alive.map_or(f64::NAN, |row| row.at.as_secs())
    };
    let life = mean(outcomes.iter().map(end));
    findings.add(Line::near_share("life, s, τ ln(λ₀/γ)", life, theory, 0.1).direction());
    let arrived = |outcome: &Outcome| f64_of_len(outcome.peers.len() - 1);
    let failed = |outcome: &Outcome| arrived(outcome) - f64_of_len(completions_s(outcome).len());
    let share = mean(outcomes.iter().map(|outcome| failed(outcome) / arrived(outcome)));
    let expected = 1.0 / (PEAK_PER_S * LINGER_S);
    findings.add(
        Line::near("share of requests that fail, γ/λ₀", share, expected, 0.1 * expected)
            .direction(),
    );
    let requests = mean(outcomes.iter().map(arrived));
    let earlier = TAU_S * libm::log(PEAK_PER_S * LINGER_S / 3.0);
    let what = "life, s, if it ends with three seeders on average (found afterwards)";
    findings.add(Line::near_share(what, life, earlier, 0.1).direction());
    findings.add(Line::near_share("requests in all, λ₀ τ", requests, PEAK_PER_S * TAU_S, 0.05));
    let seeders = |outcome: &Outcome| -> Vec<(f64, f64)> {
        let rows = outcome.samples.iter().step_by(20);
        rows.map(|row| (row.at.as_secs() / 3600.0, f64::from(row.leechers + row.seeders))).collect()
    };
    let rate = |hours: f64| PEAK_PER_S * LINGER_S * libm::exp(-hours * 3600.0 / TAU_S);
    let fluid = (0..=60).map(|i| f64_of(i) / 6.0).map(|hours| (hours, rate(hours).max(0.02)));
    findings.panels.push(Panel {
        title: "A torrent whose arrivals fade".into(),
        x: Axis::linear("time (h)"),
        y: Axis::linear("peers"),
        curves: vec![
            Curve::theory("seeders of the fluid, (λ₀/γ) e^(−t/τ)", fluid.collect()),
            Curve::trace("leechers and seeders, a run", seeders(&outcomes[0])),
        ],
    });
    findings
}

/// Copies of each piece among leechers, looked at now and then.
struct Copies {
    held: Vec<Vec<bool>>,
    of_piece: Vec<u32>,
    n_here: u32,
    /// Time, coefficient of variation over pieces, and mean copies per leecher.
    rows: Vec<(f64, f64, f64)>,
}

impl Copies {
    fn new(n_peers: usize, n_pieces: usize) -> Self {
        let held = vec![vec![false; n_pieces]; n_peers];
        Self { held, of_piece: vec![0; n_pieces], n_here: 0, rows: Vec::new() }
    }
}

impl Observer for Copies {
    fn joined(&mut self, _: SimTime, peer: PeerId) {
        self.n_here += u32::from(peer != PeerId(0));
    }
    fn piece_done(&mut self, _: SimTime, peer: PeerId, piece: PieceId) {
        self.held[peer.index()][piece.index()] = true;
        self.of_piece[piece.index()] += 1;
    }
    fn completed(&mut self, _: SimTime, peer: PeerId) {
        self.n_here -= 1;
        for (copies, held) in self.of_piece.iter_mut().zip(&self.held[peer.index()]) {
            *copies -= u32::from(*held);
        }
    }
    fn sampled(&mut self, sample: &crate::observe::Sample) {
        let copies: Vec<f64> = self.of_piece.iter().map(|&n| f64::from(n)).collect();
        if let (Some(mean), Some(sd)) = (stats::mean(&copies), stats::sd(&copies))
            && mean > 0.0
            && self.n_here > 0
        {
            self.rows.push((sample.at.as_secs(), sd / mean, mean / f64::from(self.n_here)));
        }
    }
}

/// Leechers that come as a Poisson process and leave when done: some 100 at a time.
fn steady(order: PickOrder) -> Plan {
    let rules = Arc::new(four_slots());
    let seeder = class(Role::Seeder, 1, 100.0, &rules);
    let mut leechers = class(Role::Leecher, 0, 50.0, &rules);
    let until = SimTime::from_secs(STEADY_END_S);
    leechers.arrivals = Arrivals::Poisson { per_s: 0.1, from: SimTime::ZERO, until };
    let mut plan = plan(200, vec![seeder, leechers]);
    (plan.horizon, plan.until_horizon) = (until, true);
    with_rules(plan, |rules| rules.requests.order = order)
}

/// A steady swarm is looked at from here on, to here.
const STEADY_FROM_S: f64 = 4_000.0;
const STEADY_END_S: f64 = 8_000.0;

fn variation(order: PickOrder, seed: u64) -> Vec<(f64, f64, f64)> {
    let plan = steady(order);
    let n_peers = run_lawfully(&plan, seed, &mut crate::observe::Unobserved).peers.len();
    let mut copies = Copies::new(n_peers, 200);
    run_lawfully(&plan, seed, &mut copies);
    copies.rows
}

fn replication(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Leechers of 50 KiB/s come at 0.1/s and leave when done, a seed of 100 KiB/s, 200 pieces: \
         about 100 leechers at a time. Over pieces: standard deviation ÷ mean of the number of \
         copies among leechers, mean over 4000 s to 8000 s of 5 runs. Each of n leechers holding \
         each piece with the chance of its progress would give about 1/√n = 0.1. In a flash crowd \
         (the crowd of the other checks, between the first copy and the first finisher) it was \
         0.35: there is no steady state, as the pieces that left the seed last are rare for long.",
    );
    let mut curves = Vec::new();
    let mut steady = Vec::new();
    for (order, name) in [(PickOrder::RarestFirst, "rarest first"), (PickOrder::Random, "random")] {
        let runs = ctx.seeds(5, |seed| variation(order, seed));
        let late = || runs.iter().flatten().filter(|row| row.0 >= STEADY_FROM_S);
        steady.push((mean(late().map(|row| row.1)), mean(late().map(|row| row.2))));
        let points = runs[0].iter().step_by(8).map(|row| (row.0, row.1));
        curves.push(Curve::trace(name, points.collect()));
    }
    let [(rarest, copies), (random, _)] = steady[..] else { unreachable!("there are two orders") };
    let what = "sd ÷ mean of copies in steady state, rarest first";
    findings.add(Line::at_most(what, rarest, 0.15));
    let ratio = rarest / random;
    findings.add(Line::at_most("the same ÷ that of random picking", ratio, 1.0).direction());
    let what = "mean copies ÷ leechers (a bit under half)";
    findings.add(Line::within(what, copies, [0.35, 0.5]).direction());
    curves.push(Curve::theory("bound 0.15", vec![(0.0, 0.15), (STEADY_END_S, 0.15)]));
    findings.panels.push(Panel {
        title: "How unequal the numbers of copies are in an open swarm".into(),
        x: Axis::linear("time (s)"),
        y: Axis::log("sd ÷ mean over pieces"),
        curves,
    });
    findings
}

/// A few equal peers that come one by one, and a seed of this upload.
fn trickle(seed_upload: f64) -> Plan {
    let rules = Arc::new(four_slots());
    let seeder = class(Role::Seeder, 1, seed_upload, &rules);
    let mut leechers = class(Role::Leecher, 0, 50.0, &rules);
    let until = SimTime::from_secs(40_000.0);
    leechers.arrivals = Arrivals::Poisson { per_s: 0.01, from: SimTime::ZERO, until };
    let mut plan = plan(64, vec![seeder, leechers]);
    (plan.horizon, plan.until_horizon) = (until, true);
    plan
}

/// Variance ÷ mean of the number of completions in windows of this length.
fn burstiness(outcome: &Outcome, window_s: f64) -> f64 {
    let n_windows = crate::units::floor_usize(38_000.0 / window_s);
    let mut counts = vec![0.0; n_windows];
    for at in completions_s(outcome) {
        if let Some(count) =
            counts.get_mut(crate::units::floor_usize((at - 2_000.0).max(-1.0) / window_s))
        {
            *count += f64::from(u8::from(at >= 2_000.0));
        }
    }
    let sd = stats::sd(&counts).unwrap_or(f64::NAN);
    sd * sd / mean(counts)
}

fn stragglers(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Leechers of 50 KiB/s come as a Poisson process of 0.01/s and leave when done, 64 pieces \
         (F/u = 328 s), 40 000 s, 5 runs per seed rate. Completions per window of 100 s: variance \
         ÷ mean is 1 for a Poisson process.",
    );
    let seeds = [20.0, 40.0, 80.0, 160.0, 640.0, 2560.0];
    let bursts = ctx.map(&seeds, |&seed_upload| {
        let outcomes = ctx.runs(&trickle(seed_upload), 5);
        let spread = outcomes.iter().map(|outcome| {
            let times = super::crowd::times_s(outcome, 1);
            stats::sd(&times).unwrap_or(f64::NAN) / mean(times)
        });
        [mean(outcomes.iter().map(|outcome| burstiness(outcome, 100.0))), mean(spread)]
    });
    let slow = bursts[1][0];
    findings.add(Line::at_least("variance ÷ mean of completions, u_S = 0.8 u", slow, 1.5));
    let fast = bursts[5][0];
    findings.add(Line::near("the same with a seed that needs no help", fast, 1.0, 0.2));
    let spread = bursts[1][1] / bursts[5][1];
    findings.add(
        Line::at_least("spread of download times, slow seed ÷ fast seed", spread, 1.0).direction(),
    );
    let ours = seeds.iter().zip(&bursts).map(|(&seed, burst)| (seed, burst[0]));
    findings.panels.push(Panel {
        title: "Completions in windows of 100 s".into(),
        x: Axis::log("upload of the seed (KiB/s)"),
        y: Axis::log("variance ÷ mean"),
        curves: vec![
            Curve::theory("Poisson departures", vec![(20.0, 1.0), (2560.0, 1.0)]),
            Curve::simulation("leechers of 50 KiB/s", ours.collect()),
        ],
    });
    findings
}
