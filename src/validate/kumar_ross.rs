//! The smallest possible distribution time (Kumar and Ross, `HotWeb` 2006).
//!
//! The paper bounds the last of N finishers, all present from the start. The same two arguments
//! bound every one: each piece must leave the seed once, and k copies must be uploaded by
//! somebody, so `t_(k)` ≥ max(F/`u_S`, k F/(`u_S` + Σu)); and no download beats F/d of its link.
//! Both hold for any protocol, so the engine is held to them without tolerance, in whole numbers.

use super::crowd::{
    completions_s, content_kib, flash_crowd, four_slots, greatest, mean, reference, s,
    three_classes, utilisation, with_choker,
};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::observe::Outcome;
use crate::scenario::presets;
use crate::swarm::plan::{ChokerSpec, DownloadDist, Plan, RateDist, Stay};
use crate::units::{f64_of, f64_of_len};

pub(super) const CHECKS: &[Check] = &[Check {
    name: "kumar-ross",
    claim: "No finisher beats the smallest distribution time, and a well-seeded swarm comes near.",
    source: "Kumar and Ross, HotWeb 2006: T ≥ max{F/u_S, F/d_min, N F/(u_S + Σu)}; for the k-th \
             finisher by the same argument",
    is_quick: true,
    run,
}];

/// Runs per swarm.
const N_SEEDS: u64 = 5;

/// Swarms of many kinds; the bound must hold in all of them.
fn swarms() -> Vec<Plan> {
    let mut plans: Vec<Plan> = [25.0, 50.0, 200.0, 800.0].map(reference).to_vec();
    plans.push(flash_crowd(100, 256, 200.0, presets::libtorrent()));
    plans.push(three_classes(200.0, four_slots()));
    for choker in [ChokerSpec::EqualTurns, ChokerSpec::FairTorrent, ChokerSpec::BitTyrant] {
        plans.push(with_choker(three_classes(200.0, presets::mainline()), &choker));
    }
    let mut lingering = flash_crowd(60, 64, 100.0, presets::mainline());
    lingering.classes[1].stay = Stay::LingerExp(s(300.0));
    lingering.classes[1].upload = RateDist::Pareto { minimum: 20.0, shape: 1.2 };
    lingering.classes[1].download = DownloadDist::TimesUpload(2.0);
    plans.push(lingering);
    plans
}

/// The slowest possible time of `k` copies over links of `rate`, in ns; rounded up.
fn earliest_ns(content: u128, rate: u128) -> u128 {
    if rate == 0 { u128::MAX } else { (content << 40).div_ceil(rate) }
}

/// How many completions beat a bound, of how many; and the least ratio of time to bound.
struct Held {
    n_beaten: usize,
    n: usize,
    closest: f64,
}

/// Completions against the bounds, in nanoseconds.
fn held(outcome: &Outcome) -> Held {
    let content = u128::from(outcome.torrents[0].content.0);
    let upload = |seeds_only: bool| -> u128 {
        let counted = outcome.peers.iter().filter(|p| p.is_origin || !seeds_only);
        counted.map(|p| u128::from(p.upload.0)).sum()
    };
    let (from_seeds, everybody) = (earliest_ns(content, upload(true)), upload(false));
    let mut done: Vec<u64> = outcome
        .peers
        .iter()
        .filter(|p| !p.is_origin)
        .filter_map(|p| p.completed.map(|at| at.0))
        .collect();
    done.sort_unstable();
    let mut held = Held { n_beaten: 0, n: 0, closest: f64::INFINITY };
    for (k, &at) in (1..).zip(&done) {
        let bound = from_seeds.max(earliest_ns(k * content, everybody));
        held.n_beaten += usize::from(u128::from(at) < bound);
        held.n += 1;
        let bound = u64::try_from(bound).map_or(f64::INFINITY, f64_of);
        held.closest = held.closest.min(f64_of(at) / bound);
    }
    for peer in outcome.peers.iter().filter(|p| !p.is_origin) {
        let Some(at) = peer.completed else { continue };
        let own = earliest_ns(content, u128::from(peer.download.0));
        held.n_beaten += usize::from(u128::from(at.since(peer.arrival).0) < own);
        held.n += 1;
    }
    held
}

/// The bound of every k, in seconds.
fn bound_s(plan: &Plan, seed_upload: f64, n: usize) -> Vec<(f64, f64)> {
    let everybody = seed_upload + f64_of_len(n) * super::crowd::UPLOAD;
    let content = content_kib(plan);
    let at = |k: usize| (content / seed_upload).max(f64_of_len(k) * content / everybody);
    (1..=n).map(|k| (f64_of_len(k), at(k))).collect()
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Ten swarms (homogeneous with four seed rates, both presets, three classes with four \
         chokers, unequal links with limited downloads and lingering seeders), 5 runs each; how \
         near the bound one comes is measured with 100 leechers of 50 KiB/s, 256 pieces, a seed \
         of 200 KiB/s and everybody knowing everybody.",
    );
    let plans = swarms();
    let outcomes = ctx.map(&plans, |plan| ctx.runs(plan, N_SEEDS));
    let all: Vec<Held> = outcomes.iter().flatten().map(held).collect();
    let (n, n_beaten) =
        all.iter().fold((0, 0), |(n, beaten), one| (n + one.n, beaten + one.n_beaten));
    findings.add(Line::all("completions that keep every bound, of all", n - n_beaten, n));
    let closest = all.iter().map(|one| one.closest).fold(f64::INFINITY, f64::min);
    findings.add(Line::at_least("least t_(k) ÷ bound over all k and runs", closest, 1.0));
    let near = &outcomes[2];
    let bound = bound_s(&plans[2], 200.0, 100)[99].1;
    let last = |outcome: &Outcome| completions_s(outcome).last().map_or(f64::NAN, |t| t / bound);
    let worst = greatest(near.iter().map(last));
    findings.add(Line::within("greatest max T ÷ bound of 5 runs, u_S = 4 u", worst, [1.0, 1.3]));
    let used = mean(near.iter().map(utilisation));
    findings.add(Line::at_least("mean use of the upload, u_S = 4 u", used, 0.9));
    let mut curves = Vec::new();
    for (which, seed_upload) in [(1, 50.0), (2, 200.0)] {
        let name = format!("u_S = {seed_upload} KiB/s");
        curves.push(Curve::theory(&name, bound_s(&plans[which], seed_upload, 100)));
        let done = completions_s(&outcomes[which][0]);
        let points = done.iter().enumerate().map(|(k, &at)| (f64_of_len(k + 1), at));
        curves.push(Curve::simulation(&name, points.collect()));
    }
    findings.panels.push(Panel {
        title: "When the k-th of 100 leechers is done: least possible, and a run".into(),
        x: Axis::linear("k-th finisher"),
        y: Axis::linear("time (s)"),
        curves,
    });
    findings
}
