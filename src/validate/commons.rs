//! What people give where nobody makes them: the threshold of generosity, and tokens that stay even
//! where the poorer of two serves.

use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::experiment::stats;
use crate::market::{generosity, two_choices};
use crate::units::f64_of;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "generosity",
        claim: "Below a threshold of generosity nobody contributes; above it nearly all do.",
        source: "Feldman, Papadimitriou, Chuang and Stoica, PINS 2004: the set-up is from memory, \
                 the fixed point follows from it",
        is_quick: true,
        run: threshold,
    },
    Check {
        name: "two-choices",
        claim: "Token balances drift apart if anybody serves, and stay if the poorer of two does.",
        source: "Ashlagi, Kerimov and Tamuz, Power of two in token systems (abstract); sizes from \
                 an independent simulation",
        is_quick: true,
        run: two_choice,
    },
];

fn threshold(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "10 000 agents with generosities uniform in [0, θ), who contribute while 1 ÷ (share that \
         contributes) is below theirs; 5 draws. For infinitely many the share is the larger root \
         of x = 1 − 1/(θ x); there is none below θ = 4.",
    );
    let share = |most: f64| {
        let draws = ctx.seeds(5, |seed| generosity::contributors(10_000, most, seed));
        stats::mean(&draws).unwrap_or(f64::NAN)
    };
    for most in [5.0, 8.0, 10.0] {
        let what = format!("share that contributes, θ = {most}");
        findings.add(Line::near(&what, share(most), generosity::limit(most), 0.03));
    }
    findings.add(Line::near("share that contributes, θ = 3.9", share(3.9), 0.0, 0.0));
    let grid = (30..=120).map(|i| f64::from(i) / 10.0);
    let ours = (6..=24).map(|i| f64::from(i) / 2.0);
    findings.panels.push(Panel {
        title: "Who contributes".into(),
        x: Axis::linear("greatest generosity θ"),
        y: Axis::linear("share that contributes"),
        curves: vec![
            Curve::theory(
                "fixed point",
                grid.map(|most| (most, generosity::limit(most))).collect(),
            ),
            Curve::simulation("10 000 agents", ours.map(|most| (most, share(most))).collect()),
        ],
    });
    findings
}

/// Requests after which balances are looked at.
const AFTER: [u64; 5] = [200_000, 400_000, 600_000, 800_000, 1_000_000];

fn two_choice(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "200 agents, debts allowed, a million requests on the production ledger; the poorest of d \
         random others serves. Standard deviation of balances, mean of 5 runs: with d = 1 it grows \
         like the root of time, by 2.24 from 200 000 to 1 000 000 requests.",
    );
    let spread = |choices: usize| -> Vec<f64> {
        let runs = ctx.seeds(5, |seed| two_choices::balances(200, choices, &AFTER, seed));
        let at = |i: usize| {
            let spreads: Vec<f64> = runs.iter().filter_map(|run| stats::sd(&run[i])).collect();
            stats::mean(&spreads).unwrap_or(f64::NAN)
        };
        (0..AFTER.len()).map(at).collect()
    };
    let (one, two) = (spread(1), spread(2));
    let last = AFTER.len() - 1;
    let growth = |spread: &[f64]| spread[last] / spread[0];
    findings.add(Line::within("d = 1: growth of the spread", growth(&one), [1.5, 3.0]));
    findings.add(Line::within("d = 2: growth of the spread", growth(&two), [0.7, 1.4]));
    findings.add(Line::at_most("d = 2: spread at the end, coins", two[last], 5.0));
    let curve = |spread: &[f64]| AFTER.iter().zip(spread).map(|(&t, &y)| (f64_of(t), y)).collect();
    let root = AFTER.iter().map(|&t| (f64_of(t), one[0] * (f64_of(t) / f64_of(AFTER[0])).sqrt()));
    findings.panels.push(Panel {
        title: "Spread of balances".into(),
        x: Axis::log("requests"),
        y: Axis::log("standard deviation (coins)"),
        curves: vec![
            Curve::theory("root of time", root.collect()),
            Curve::simulation("anybody serves", curve(&one)),
            Curve::simulation("the poorer of two serves", curve(&two)),
        ],
    });
    findings
}
