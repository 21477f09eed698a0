//! The fluid model of an open swarm (Qiu and Srikant, SIGCOMM 2004).
//!
//! Leechers arrive at rate λ and leave as seeders at rate γ; with μ = u/F, c = d/F and the share η
//! of their upload that leechers can use, x' = λ − min{c x, μ(η x + y)} in steady state. A seed of
//! rate `u_0` that never leaves adds `u_0`/F to what is served, which gives
//! T = max{1/c, (1/η)(1/μ − 1/γ − `u_0`/(u λ))}. η is fitted once, at 1/γ = 0.
//!
//! Where the theory is wrong: min is a sharp corner, which a real swarm rounds.

use super::crowd::{class, four_slots, mean, plan, s};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::observe::Outcome;
use crate::swarm::plan::{Arrivals, DownloadDist, Plan, Role, Stay};
use crate::units::{SimTime, f64_of, f64_of_len};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "qiu-srikant",
    claim: "Download times in steady state follow the fluid model below and above the knee.",
    source: "Qiu and Srikant, SIGCOMM 2004, §3, with an origin seed added to the service rate",
    is_quick: false,
    run,
}];

/// Upload of leechers and of the origin seed, KiB/s.
const UPLOAD: f64 = 64.0;
/// Pieces: 32 MiB.
const PIECES: u64 = 128;
/// F/u.
const UPLOAD_S: f64 = 512.0;
/// F/d, as d = 4 u.
const DOWNLOAD_S: f64 = 128.0;
/// Arrivals per second.
const ARRIVALS: f64 = 0.1;
/// A run ends here; peers count that arrive after the start-up.
const END_S: f64 = 30_000.0;
/// The swarm is in steady state from here on: ten times the longest download.
const WARM_S: f64 = 5_000.0;
/// Runs per point.
const N_SEEDS: u64 = 5;

/// The model's download time in seconds.
fn fluid_s(eta: f64, linger_s: f64, arrivals: f64) -> f64 {
    let rest = UPLOAD_S - linger_s - 1.0 / arrivals;
    DOWNLOAD_S.max(rest / eta)
}

fn open_swarm(arrivals: f64, linger_s: f64) -> Plan {
    let mut rules = four_slots();
    // As the client comes: here everybody cannot know everybody, as all come and go.
    rules.overlay = crate::scenario::presets::mainline().overlay;
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, UPLOAD, &rules);
    let mut leechers = class(Role::Leecher, 0, UPLOAD, &rules);
    leechers.download = DownloadDist::TimesUpload(4.0);
    let until = SimTime::from_secs(END_S);
    leechers.arrivals = Arrivals::Poisson { per_s: arrivals, from: SimTime::ZERO, until };
    leechers.stay = if linger_s > 0.0 { Stay::LingerExp(s(linger_s)) } else { Stay::Leave };
    let mut plan = plan(PIECES, vec![seeder, leechers]);
    (plan.horizon, plan.until_horizon) = (until, true);
    plan
}

/// What a run says of its steady state.
#[derive(Clone, Copy, Debug)]
struct Steady {
    /// Mean download time.
    time_s: f64,
    /// Mean number of leechers.
    leechers: f64,
    /// Arrivals per second, as they were.
    arrivals: f64,
}

fn steady(outcome: &Outcome) -> Steady {
    let is_counted = |at: SimTime| (WARM_S..END_S - 2_000.0).contains(&at.as_secs());
    let counted: Vec<_> =
        outcome.peers.iter().filter(|p| !p.is_origin && is_counted(p.arrival)).collect();
    let times = counted.iter().map(|p| p.leeching.as_secs());
    let rows = || outcome.samples.iter().filter(|row| is_counted(row.at));
    Steady {
        time_s: mean(times),
        leechers: mean(rows().map(|row| f64::from(row.leechers))),
        arrivals: f64_of_len(counted.len()) / (END_S - 2_000.0 - WARM_S),
    }
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "u = 64 KiB/s, d = 4 u, 128 pieces (1/μ = 512 s, 1/c = 128 s), an origin seed of 64 \
         KiB/s, Poisson arrivals of 0.1/s for 30 000 s, 5 runs per point, peers that arrive \
         between 5 000 and 28 000 s. Between 0.4/μ and 2/μ the corner of the model is rounded, so \
         only a range is expected there.",
    );
    let stays = [0.0, 64.0, 128.0, 192.0, 256.0, 320.0, 384.0, 448.0, 512.0, 768.0, 1024.0, 1536.0];
    let points = ctx.map(&stays, |&linger_s| {
        let runs = ctx.runs(&open_swarm(ARRIVALS, linger_s), N_SEEDS);
        runs.iter().map(steady).collect::<Vec<Steady>>()
    });
    let time_of = |runs: &[Steady]| mean(runs.iter().map(|run| run.time_s));
    let eta = (UPLOAD_S - 1.0 / ARRIVALS) / time_of(&points[0]);
    findings.add(Line::at_least("η fitted at 1/γ = 0, 128 pieces", eta, 0.9));
    let mut knee = (f64::NEG_INFINITY, 0.0);
    for (&linger_s, runs) in stays.iter().zip(&points).skip(1) {
        let ratio = time_of(runs) / fluid_s(eta, linger_s, ARRIVALS);
        if ratio > knee.0 {
            knee = (ratio, linger_s);
        }
        let what = format!("T ÷ T of the fluid at 1/γ = {linger_s} s");
        let is_smooth = linger_s <= 0.4 * UPLOAD_S || linger_s >= 2.0 * UPLOAD_S;
        findings.add(if is_smooth {
            Line::near(&what, ratio, 1.0, 0.08)
        } else {
            Line::within(&what, ratio, [1.0, 1.5])
        });
    }
    findings.add(Line::near("1/γ of the greatest ratio, in s (knee: 374)", knee.1, 384.0, 1.0));
    for (which, at) in [(0, "1/γ = 0"), (4, "1/γ = 256 s"), (10, "1/γ = 1024 s")] {
        let little =
            mean(points[which].iter().map(|run| run.leechers / (run.arrivals * run.time_s)));
        findings.add(Line::near(&format!("x ÷ λT (Little's law) at {at}"), little, 1.0, 0.02));
    }
    let rates = [0.05, 0.1, 0.2, 0.4];
    let by_rate = ctx.map(&rates, |&per_s| {
        let runs = ctx.runs(&open_swarm(per_s, 256.0), N_SEEDS);
        mean(runs.iter().map(|outcome| steady(outcome).time_s))
    });
    for (pair, rates) in by_rate.windows(2).zip(rates.windows(2)) {
        let what = format!("T(λ = {}) ÷ T(λ = {}) at 1/γ = 256 s", rates[1], rates[0]);
        findings.add(Line::near(&what, pair[1] / pair[0], 1.0, 0.05));
    }
    let theory = (0..=154).map(|i| f64_of(i) * 10.0).map(|x| (x, fluid_s(eta, x, ARRIVALS)));
    let simulated = stays.iter().zip(&points).map(|(&x, runs)| (x, time_of(runs)));
    findings.panels.push(Panel {
        title: "Download time against how long finished peers stay".into(),
        x: Axis::linear("mean stay as a seeder 1/γ (s)"),
        y: Axis::linear("mean download time (s)"),
        curves: vec![
            Curve::theory(&format!("fluid model, η = {eta:.3}"), theory.collect()),
            Curve::simulation("mainline, four slots", simulated.collect()),
        ],
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without an origin seed, as λ goes to infinity: F = 64 MiB, u = 64 KiB/s in the original
    /// units is twice ours.
    #[test]
    fn golden_values_of_the_fluid() {
        for (linger_s, want) in [(0.0, 512.0), (64.0, 448.0), (256.0, 256.0), (384.0, 128.0)] {
            assert!((fluid_s(1.0, linger_s, 1e12) - want).abs() < 1e-6);
        }
        assert!((fluid_s(0.9, 64.0, 1e12) - 497.78).abs() < 0.01);
    }
}
