//! Free riders (Cohen 2003, §3; Sirivianos, Park, Chen and Yang, IPTPS 2007).
//!
//! Tit-for-tat makes those wait that give nothing, at little cost to those that give; without it
//! they do not wait, nor where the seed is so slow that nobody has anything to trade. A free rider
//! that knows everybody collects so many optimistic unchokes that it need not wait either.

use super::crowd::{flash_crowd, mean, mean_time_s, reference, with_choker};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::scenario::presets;
use crate::swarm::plan::{Arrivals, ChokerSpec, Plan, Slots};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "free-riders",
        claim: "Tit-for-tat makes free riders wait, where there is something to trade.",
        source: "Cohen, P2PECON 2003, §3; sizes from an independent piece-level simulation",
        is_quick: false,
        run,
    },
    Check {
        name: "large-view",
        claim: "Free riders that connect to everybody are as fast as those that give.",
        source: "Sirivianos, Park, Chen and Yang, IPTPS 2007: on average faster than compliant \
                 clients while below 40 % of the leechers",
        is_quick: false,
        run: large_view,
    },
];

/// Some of the leechers of a crowd, as a class of their own that never uploads.
fn with_free_riders(mut plan: Plan, n: u32, choker: &ChokerSpec) -> Plan {
    plan = with_choker(plan, choker);
    let leechers = &mut plan.classes[1];
    let Arrivals::AtOnce { count, at, spread } = leechers.arrivals else {
        unreachable!("a flash crowd comes at once")
    };
    let mut riders = leechers.clone();
    leechers.arrivals = Arrivals::AtOnce { count: count - n, at, spread };
    riders.arrivals = Arrivals::AtOnce { count: n, at, spread };
    riders.choker = ChokerSpec::Never;
    plan.classes.push(riders);
    plan
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "100 leechers of 50 KiB/s of which some give nothing, 256 pieces, everybody knows \
         everybody, mainline with four slots, 5 runs per arm. No tit-for-tat: whoever waited \
         longest is served.",
    );
    let shares = [5, 10, 20, 30, 40];
    let arms = [
        ("tit-for-tat, u_S = 4 u", 200.0, ChokerSpec::TitForTat),
        ("no tit-for-tat, u_S = 4 u", 200.0, ChokerSpec::EqualTurns),
        ("tit-for-tat, u_S = u", 50.0, ChokerSpec::TitForTat),
    ];
    let alone = mean_time_s(&ctx.runs(&reference(200.0), 5), 1);
    let cells: Vec<(usize, u32)> =
        (0..arms.len()).flat_map(|arm| shares.map(|share| (arm, share))).collect();
    let times = ctx.map(&cells, |&(arm, share)| {
        let (_, seed_upload, choker) = &arms[arm];
        let plan = with_free_riders(reference(*seed_upload), share, choker);
        let outcomes = ctx.runs(&plan, 5);
        [1, 2].map(|class| mean_time_s(&outcomes, class))
    });
    let of = |arm: usize, share: u32| {
        let at = cells.iter().position(|cell| *cell == (arm, share));
        times[at.expect("is listed")]
    };
    let ratio = |[contributor, rider]: [f64; 2]| rider / contributor;
    let what = |arm: usize| format!("T free rider ÷ T contributor, 20 %, {}", arms[arm].0);
    findings.add(Line::at_least(&what(0), ratio(of(0, 20)), 2.0));
    let cost = of(0, 20)[0] / alone;
    findings.add(Line::at_most("T contributor ÷ T without free riders, 20 %", cost, 1.15));
    findings.add(Line::within(&what(1), ratio(of(1, 20)), [0.9, 1.1]));
    findings.add(Line::at_most(&what(2), ratio(of(2, 20)), 1.15));
    for (share, other) in [(10, 2.5), (20, 3.9), (40, 6.0)] {
        let what = format!("T free rider ÷ T contributor, {share} %, as another simulator had it");
        findings.add(Line::near_share(&what, ratio(of(0, share)), other, 0.2).direction());
    }
    let others = vec![(10.0, 2.5), (20.0, 3.9), (40.0, 6.0)];
    let mut curves = vec![Curve::theory("tit-for-tat, an independent simulation", others)];
    for (arm, (name, ..)) in arms.iter().enumerate() {
        let points = shares.map(|share| (f64::from(share), ratio(of(arm, share))));
        curves.push(Curve::simulation(name, points.to_vec()));
    }
    findings.panels.push(Panel {
        title: "How much longer free riders wait".into(),
        x: Axis::linear("free riders (% of leechers)"),
        y: Axis::linear("T free rider ÷ T contributor"),
        curves,
    });
    findings
}

/// 300 leechers of mainline's peer set, of which `n` give nothing and may know everybody.
fn exploited(n: u32, is_large: bool) -> Plan {
    let mut rules = presets::mainline();
    rules.choking.slots = Slots::Fixed(4);
    let mut plan =
        with_free_riders(flash_crowd(300, 256, 200.0, rules.clone()), n, &ChokerSpec::TitForTat);
    if is_large {
        presets::large_view(&mut rules.overlay);
        plan.classes[2].protocol = Arc::new(rules);
    }
    plan
}

fn large_view(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "300 leechers of 50 KiB/s, 256 pieces, a seed of 200 KiB/s, mainline with four slots and \
         at most 80 neighbours; free riders with a large view ask the tracker every 30 s for \
         everybody and connect to all. 5 runs per arm. The paper finds free riders faster below \
         40 %, here they are up to about 7 %; what makes the difference is not settled: only its \
         abstract was at hand, not its seeds and slots.",
    );
    let cells: Vec<(u32, bool)> =
        [15, 30, 60, 120].iter().flat_map(|&n| [(n, true), (n, false)]).collect();
    let ratios = ctx.map(&cells, |&(n, is_large)| {
        let outcomes = ctx.runs(&exploited(n, is_large), 5);
        mean_time_s(&outcomes, 2) / mean_time_s(&outcomes, 1)
    });
    let of = |cell: (u32, bool)| ratios[cells.iter().position(|c| *c == cell).expect("is listed")];
    let what = "T free rider ÷ T compliant, 10 %, large view";
    findings.add(Line::at_most(what, of((30, true)), 1.1));
    let gain = mean([15, 30, 60].map(|n| of((n, true)) / of((n, false))));
    findings.add(Line::at_most(
        "ratio with a large view ÷ without, mean of 5, 10, 20 %",
        gain,
        1.0,
    ));
    let at_20 = Line::at_most("T free rider ÷ T compliant, 20 %, large view", of((60, true)), 1.0);
    findings.add(at_20.direction());
    let at_40 =
        Line::at_least("T free rider ÷ T compliant, 40 %, large view", of((120, true)), 1.0);
    findings.add(at_40.direction());
    let curve = |is_large: bool, name| {
        let points = cells.iter().zip(&ratios).filter(|(cell, _)| cell.1 == is_large);
        let points = points.map(|((n, _), ratio)| (f64::from(*n) / 3.0, *ratio));
        Curve::simulation(name, points.collect())
    };
    findings.panels.push(Panel {
        title: "Free riders that know everybody".into(),
        x: Axis::linear("free riders (% of leechers)"),
        y: Axis::linear("T free rider ÷ T compliant"),
        curves: vec![
            Curve::theory("as fast as those that give", vec![(5.0, 1.0), (40.0, 1.0)]),
            curve(true, "large view"),
            curve(false, "80 neighbours"),
        ],
    });
    findings
}
