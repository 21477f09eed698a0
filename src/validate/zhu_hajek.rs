//! The missing piece syndrome (Hajek and Zhu 2010; Zhu and Hajek, IEEE T-IT 2012).
//!
//! When nearly all peers lack the same piece (the *one club*), whoever gets it from the seed is
//! complete and leaves. The club shrinks only as fast as the seed and those it completes hand the
//! piece out: dN/dt = λ − U/(1 − μ/γ), whatever order pieces are picked in; stable for every λ if
//! finished peers stay longer than they need to hand out one piece (γ ≤ μ).
//!
//! In contact mode the rate is checked, in the full protocol its sign only: there the seed serves
//! several peers at once, and a piece takes time. The club of the full protocol is made by a first
//! seeder that leaves after fifteen and a half of sixteen pieces.

use super::contact::{Contact, Picker, population};
use super::crowd::{class, greatest, least, mean, plan, s, with_rules};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::observe::{Sample, Unobserved};
use crate::policy::pick::PickOrder;
use crate::scenario::presets;
use crate::swarm::plan::{Arrivals, Plan, Role, Slots, Stay};
use crate::units::SimTime;
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "zhu-hajek-contact",
        claim: "In random contact the club that lacks one piece changes by λ − U/(1 − μ/γ), for \
                rarest-first and random picking alike.",
        source: "Hajek and Zhu 2010, arXiv 1002.3493; Zhu and Hajek, IEEE Transactions on \
                 Information Theory 58(7), 2012, arXiv 1110.2753",
        is_quick: false,
        run: contact,
    },
    Check {
        name: "zhu-hajek-swarm",
        claim: "In the full protocol, too, the club grows above and shrinks below λ = u_S ÷ piece.",
        source: "sign of the drift in Hajek and Zhu 2010, arXiv 1002.3493",
        is_quick: true,
        run: in_swarm,
    },
];

/// How long contact runs last; the slope is that of the second half.
const END_S: f64 = 1500.0;
/// Peers in the club at the start.
const CLUB: usize = 2000;

/// K, λ, U, μ, γ, and how many runs: as many as make the standard error of the slope less than a
/// third of the tolerance.
const SETS: [(usize, f64, f64, f64, f64, u64); 5] = [
    (4, 1.0, 1.0, 1.0, 2.0, 20),
    (4, 3.0, 1.0, 1.0, 2.0, 10),
    (4, 0.5, 1.0, 1.0, f64::INFINITY, 20),
    (4, 2.0, 1.0, 1.0, f64::INFINITY, 10),
    (8, 3.0, 0.5, 1.0, 1.5, 10),
];

fn rules(set: usize, picker: Picker) -> Contact {
    let (pieces, arrivals, seed, contacts, departures, _) = SETS[set];
    Contact { pieces, arrivals, seed, contacts, departures, picker }
}

fn name(picker: Picker) -> &'static str {
    match picker {
        Picker::Random => "random",
        Picker::Rarest => "rarest first",
    }
}

/// A rate in a text.
fn or_infinite(rate: f64) -> String {
    if rate.is_finite() { rate.to_string() } else { "∞".to_owned() }
}

/// λ − U/(1 − μ/γ).
fn drift(rules: Contact) -> f64 {
    rules.arrivals - rules.seed / (1.0 - rules.contacts / rules.departures)
}

/// Mean slope from the middle of runs to their end.
fn slope(runs: &[Vec<(f64, f64)>]) -> f64 {
    mean(runs.iter().map(|run| {
        let (from, to) = (run[run.len() / 2], run[run.len() - 1]);
        (to.1 - from.1) / (to.0 - from.0)
    }))
}

fn contact(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "A workload on the kernel's queue and the named random streams: no protocol, one piece \
         per contact. 2000 peers lack piece 0 at the start; slope over the second half of 1500 s, \
         mean of 10 or 20 runs. γ < μ: 3000 peers lack it, 3 runs per picker. From empty: second \
         half of 4000 s, 5 runs.",
    );
    let pickers = [Picker::Random, Picker::Rarest];
    let cases: Vec<(usize, Picker)> =
        (0..SETS.len()).flat_map(|set| pickers.map(|picker| (set, picker))).collect();
    let runs = ctx.map(&cases, |&(set, picker)| {
        ctx.seeds(SETS[set].5, |seed| population(rules(set, picker), CLUB, [15.0, END_S], seed))
    });
    let mut curves = Vec::new();
    for (&(set, picker), runs) in cases.iter().zip(&runs) {
        let (pieces, arrivals, seed, contacts, departures, _) = SETS[set];
        let theory = drift(rules(set, picker));
        let what = format!(
            "dN/dt at K = {pieces}, λ = {arrivals}, U = {seed}, μ = {contacts}, γ = {}, {}",
            or_infinite(departures),
            name(picker)
        );
        findings.add(Line::near(&what, slope(runs), theory, 0.1 * arrivals));
        let start = f64::from(2000);
        let stays = or_infinite(departures);
        let label = format!("K = {pieces}, λ = {arrivals}, U = {seed}, γ = {stays}");
        if picker == Picker::Rarest {
            let line = [0.0, END_S].map(|t| (t, (start + theory * t).max(0.0)));
            curves.push(Curve::theory(&label, line.to_vec()));
            let every_tenth = runs[0].iter().copied().step_by(10);
            curves.push(Curve::simulation(&label, every_tenth.collect()));
        }
    }
    let collapsing = ctx.map(&pickers, |&picker| {
        let rules = Contact {
            pieces: 4,
            arrivals: 10.0,
            seed: 0.2,
            contacts: 1.0,
            departures: 0.8,
            picker,
        };
        greatest(ctx.seeds(3, |seed| {
            population(rules, 3000, [15.0, END_S], seed).last().map_or(f64::NAN, |at| at.1)
        }))
    });
    for (picker, last) in pickers.iter().zip(collapsing) {
        let what = format!("N at the end ÷ N at the start, γ = 0.8 < μ, λ = 10, {}", name(*picker));
        findings.add(Line::at_most(&what, last / 3000.0, 0.1));
    }
    for line in from_empty(ctx) {
        findings.add(line);
    }
    findings.panels.push(Panel {
        title: "A club of 2000 that lacks one piece (random contact, rarest first)".into(),
        x: Axis::linear("time (s)"),
        y: Axis::linear("peers"),
        curves,
    });
    findings
}

/// Without a club at the start, a quarter below and above the threshold λ = U/(1 − μ/γ) = 2.
fn from_empty(ctx: &Ctx<'_>) -> Vec<Line> {
    let rates = [1.5, 2.5];
    let runs = ctx.map(&rates, |&arrivals| {
        let rules = Contact {
            pieces: 4,
            arrivals,
            seed: 1.0,
            contacts: 1.0,
            departures: 2.0,
            picker: Picker::Random,
        };
        ctx.seeds(5, |seed| population(rules, 0, [20.0, 4_000.0], seed))
    });
    let late = runs[0].iter().flat_map(|run| &run[run.len() / 2..]);
    let below = mean(late.map(|row| row.1));
    let what = "from empty, threshold 2, λ = 1.5: mean N (another simulator: 20 to 22)";
    vec![
        Line::within(what, below, [15.0, 30.0]),
        Line::near("from empty, threshold 2, λ = 2.5: dN/dt", slope(&runs[1]), 0.5, 0.25),
    ]
}

/// Upload of the seed that comes to the rescue, KiB/s: one piece takes 4 s.
const RESCUE: f64 = 64.0;
/// The rescue arrives, and so do new leechers.
const RESCUE_S: f64 = 800.0;
/// Until this time.
const SWARM_END_S: f64 = 3000.0;

/// 500 leechers that are stranded with 15 of 16 pieces, and then a seed and `per_s` newcomers.
fn stranded(per_s: f64, order: PickOrder) -> Plan {
    let mut rules = presets::mainline();
    rules.choking.slots = Slots::Fixed(4);
    rules.requests.random_first = 0;
    let rules = Arc::new(rules);
    let from = SimTime::from_secs(RESCUE_S);
    let mut first = class(Role::Seeder, 1, RESCUE, &rules);
    // Its only taker gets 15 pieces, the sixteenth is cut short; others come when it has gone.
    first.stay = Stay::Linger(s(15.5 * 4.0));
    // A seed that looks for takers as often as it loses them.
    let mut eager = (*rules).clone();
    eager.overlay.rerequest = s(30.0);
    let mut rescue = class(Role::Seeder, 1, RESCUE, &Arc::new(eager));
    rescue.arrivals = Arrivals::At(vec![from]);
    let mut club = class(Role::Leecher, 0, RESCUE, &rules);
    let arrivals = (0..500).map(|i| if i == 0 { SimTime(1) } else { SimTime::from_secs(70.0) });
    club.arrivals = Arrivals::At(arrivals.collect());
    let mut newcomers = class(Role::Leecher, 0, RESCUE, &rules);
    newcomers.arrivals = Arrivals::Poisson { per_s, from, until: SimTime::from_secs(SWARM_END_S) };
    let later = with_rules(plan(16, vec![rescue, newcomers]), |rules| {
        rules.requests.order = order;
    });
    let mut plan = plan(16, vec![first, club]);
    plan.classes.extend(later.classes);
    (plan.horizon, plan.until_horizon) = (SimTime::from_secs(SWARM_END_S), true);
    plan
}

/// Peers without the whole content, over time.
fn population_of(samples: &[Sample]) -> Vec<(f64, f64)> {
    samples.iter().map(|row| (row.at.as_secs(), f64::from(row.leechers))).collect()
}

fn in_swarm(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "500 leechers of 64 KiB/s hold 15 of 16 pieces of 256 KiB when a seed of 64 KiB/s \
         arrives at 800 s: u_S ÷ piece = 0.25/s. Peers leave when done. Slope of the number of \
         leechers from 1000 s to 3000 s, 5 runs per arm. The sign is checked, not the size, \
         which depends on how busy the seed is. This seed asks the tracker every 30 s; with \
         mainline's 300 s its neighbours are done and gone in between, and it is idle.",
    );
    let cases = [0.125, 0.375]
        .map(|per_s| [PickOrder::RarestFirst, PickOrder::Random].map(|order| (per_s, order)));
    let mut curves = Vec::new();
    let mut club_pieces = Vec::new();
    for (per_s, order) in cases.concat() {
        let runs = ctx
            .seeds(5, |seed| run_lawfully(&stranded(per_s, order), seed, &mut Unobserved).samples);
        let slopes: Vec<f64> = runs
            .iter()
            .map(|samples| {
                let rows = population_of(samples);
                let from = rows.iter().find(|row| row.0 >= 1000.0).copied().unwrap_or_default();
                let to = rows.last().copied().unwrap_or_default();
                (to.1 - from.1) / (to.0 - from.0)
            })
            .collect();
        let name = if order == PickOrder::Random { "random" } else { "rarest first" };
        let what = format!("dN/dt in the full protocol, λ = {per_s}, {name} (threshold 0.25)");
        let got = mean(slopes.iter().copied());
        findings.add(if per_s < 0.25 {
            Line::at_most(&what, got, 0.0)
        } else {
            Line::at_least(&what, got, 0.0)
        });
        for samples in &runs {
            let late = samples.iter().filter(|row| row.at.as_secs() >= 1000.0);
            club_pieces.extend(late.map(|row| row.mean_progress));
        }
        if order == PickOrder::RarestFirst {
            let label = format!("λ = {per_s}");
            let start =
                population_of(&runs[0]).iter().find(|row| row.0 >= RESCUE_S).map_or(0.0, |r| r.1);
            let end = start + (per_s - 0.25) * (SWARM_END_S - RESCUE_S);
            curves.push(Curve::theory(&label, vec![(RESCUE_S, start), (SWARM_END_S, end)]));
            let thin = population_of(&runs[0]).into_iter().step_by(10);
            curves.push(Curve::simulation(&label, thin.collect()));
        }
    }
    let share = least(club_pieces);
    findings.add(Line::at_least("least mean progress of leechers after 1000 s", share, 0.8));
    findings.panels.push(Panel {
        title: "500 leechers that lack one piece, and a seed from 800 s on (full protocol)".into(),
        x: Axis::linear("time (s)"),
        y: Axis::linear("leechers"),
        curves,
    });
    findings
}
