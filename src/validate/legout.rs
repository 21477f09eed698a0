//! The clustering switch (Legout, Liogkas, Kohler and Zhang, SIGMETRICS 2007).
//!
//! Forty leechers of three speeds. With a fast seed, peers of a speed find each other and whoever
//! gives more is done sooner; with a slow seed all wait for the same pieces and finish together.
//! Both sides must hold: the switch is the result.

use super::crowd::{four_slots, mean, mean_time_s, three_classes, utilisation};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::ids::PeerId;
use crate::observe::{Observer, Outcome};
use crate::units::{SimTime, Span, f64_of};

pub(super) const CHECKS: &[Check] = &[Check {
    name: "legout-clustering",
    claim: "Peers of a speed cluster and givers are done sooner if the seed is fast; if it is \
            slow, all finish together.",
    source: "Legout, Liogkas, Kohler and Zhang, SIGMETRICS 2007, arXiv cs/0703107: set-up and \
             claims; the limits 200 and 50 kB/s and all sizes from an independent simulation",
    is_quick: true,
    run,
}];

/// Runs per seed rate.
const N_SEEDS: u64 = 5;
/// The fast class in the plan, and the slow one.
const FAST: std::ops::Range<usize> = 1..14;
const SLOW: std::ops::Range<usize> = 28..41;

/// Time that peers of one class unchoked peers of each, while both were leechers.
#[derive(Default)]
struct Served {
    /// By ordered pair: since when.
    since: std::collections::BTreeMap<(usize, usize), SimTime>,
    done: std::collections::BTreeSet<usize>,
    /// By class of the giver (0: fast, 1: slow): to the fast, to all.
    time: [[Span; 2]; 2],
}

impl Served {
    fn end(&mut self, at: SimTime, pair: (usize, usize)) {
        let Some(since) = self.since.remove(&pair) else { return };
        let giver = match pair.0 {
            p if FAST.contains(&p) => 0,
            p if SLOW.contains(&p) => 1,
            _ => return,
        };
        let span = at.since(since);
        self.time[giver][1] += span;
        if FAST.contains(&pair.1) {
            self.time[giver][0] += span;
        }
    }

    /// Share of the upload time of a class that goes to the fast.
    fn share(&self, giver: usize) -> f64 {
        f64_of(self.time[giver][0].0) / f64_of(self.time[giver][1].0)
    }
}

impl Observer for Served {
    fn unchoked(&mut self, at: SimTime, from: PeerId, to: PeerId, serving: bool) {
        let pair = (from.index(), to.index());
        if !serving {
            self.end(at, pair);
        } else if !self.done.contains(&pair.0) {
            self.since.insert(pair, at);
        }
    }
    fn completed(&mut self, at: SimTime, peer: PeerId) {
        self.done.insert(peer.index());
        let given: Vec<(usize, usize)> =
            self.since.keys().filter(|pair| pair.0 == peer.index()).copied().collect();
        for pair in given {
            self.end(at, pair);
        }
    }
}

/// What five runs say.
struct Arm {
    outcomes: Vec<Outcome>,
    /// Mean download times: fast, medium, slow.
    times_s: [f64; 3],
    /// Shares of upload time given to the fast, by the fast and by the slow.
    to_fast: [f64; 2],
}

fn arm(ctx: &Ctx<'_>, seed_upload: f64) -> Arm {
    let plan = three_classes(seed_upload, four_slots());
    let runs = ctx.seeds(N_SEEDS, |seed| {
        let mut served = Served::default();
        let outcome = run_lawfully(&plan, seed, &mut served);
        (outcome, [0, 1].map(|giver| served.share(giver)))
    });
    let to_fast = [0, 1].map(|giver| mean(runs.iter().map(|(_, shares)| shares[giver])));
    let outcomes: Vec<Outcome> = runs.into_iter().map(|(outcome, _)| outcome).collect();
    let times_s = [1, 2, 3].map(|class| mean_time_s(&outcomes, class));
    Arm { outcomes, times_s, to_fast }
}

/// Upload of the seed, then what another simulator had: means of the three classes, s.
const OTHERS: [(f64, [f64; 3]); 4] = [
    (50.0, [2856.0, 2849.0, 2857.0]),
    (100.0, [1368.0, 1402.0, 1478.0]),
    (200.0, [830.0, 1750.0, 3080.0]),
    (400.0, [740.0, 1690.0, 2525.0]),
];

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "13 leechers of 200, 14 of 50 and 13 of 20 KiB/s at once, 453 pieces of 256 KiB, three \
         regular slots and one optimistic, seed choke of mainline 4.0; peers leave when done; 5 \
         runs per seed rate. Shares are of unchoke time until the giver is done.",
    );
    let seeds: Vec<f64> = vec![25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 400.0];
    let arms = ctx.map(&seeds, |&seed_upload| arm(ctx, seed_upload));
    let of = |upload: f64| &arms[seeds.iter().position(|&at| at == upload).expect("is listed")];
    let (fast_seed, slow_seed) = (of(200.0), of(50.0));
    let [fast, medium, slow] = fast_seed.times_s;
    let what = "fast seed: share of the fast peers' upload time for the fast";
    findings.add(Line::at_least(what, fast_seed.to_fast[0], 0.5));
    findings.add(Line::at_most("fast seed: T fast ÷ T medium", fast / medium, 0.65));
    findings.add(Line::at_most("fast seed: T medium ÷ T slow", medium / slow, 0.75));
    let used = mean(fast_seed.outcomes.iter().map(utilisation));
    findings.add(Line::at_least("fast seed: use of the upload", used, 0.9));
    let all =
        (13.0 * (slow_seed.times_s[0] + slow_seed.times_s[2]) + 14.0 * slow_seed.times_s[1]) / 40.0;
    for (time, name) in slow_seed.times_s.iter().zip(["fast", "medium", "slow"]) {
        let what = format!("slow seed: T {name} ÷ T of all");
        findings.add(Line::near(&what, time / all, 1.0, 0.1));
    }
    let what = "slow seed: share of the fast peers' upload time for the fast";
    findings.add(Line::at_most(what, slow_seed.to_fast[0], 0.4));
    for (upload, times) in OTHERS {
        for ((name, other), got) in
            ["fast", "medium", "slow"].iter().zip(times).zip(of(upload).times_s)
        {
            let what = format!("T {name} at u_S = {upload} KiB/s, as another simulator had it");
            findings.add(Line::near_share(&what, got, other, 0.1).direction());
        }
    }
    let mut curves = Vec::new();
    for (class, name) in
        ["fast (200 KiB/s)", "medium (50 KiB/s)", "slow (20 KiB/s)"].iter().enumerate()
    {
        let other = OTHERS.iter().map(|(upload, times)| (*upload, times[class]));
        curves.push(Curve::theory(name, other.collect()));
        let ours = seeds.iter().zip(&arms).map(|(&upload, arm)| (upload, arm.times_s[class]));
        curves.push(Curve::simulation(name, ours.collect()));
    }
    findings.panels.push(Panel {
        title: "Mean download time by class (lines: an independent simulation)".into(),
        x: Axis::log("upload of the seed (KiB/s)"),
        y: Axis::linear("time (s)"),
        curves,
    });
    let share = |giver: usize, name: &str| {
        let points = seeds.iter().zip(&arms).map(|(&upload, arm)| (upload, arm.to_fast[giver]));
        Curve::simulation(name, points.collect())
    };
    findings.panels.push(Panel {
        title: "Share of upload time given to the fast".into(),
        x: Axis::log("upload of the seed (KiB/s)"),
        y: Axis::linear("share"),
        curves: vec![
            Curve::theory("blind to class: 1/3", vec![(25.0, 0.325), (400.0, 0.325)]),
            share(0, "given by the fast"),
            share(1, "given by the slow"),
        ],
    });
    findings
}
