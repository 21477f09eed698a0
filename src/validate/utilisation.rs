//! How much of the upload is used (Bharambe, Herley and Padmanabhan, INFOCOM 2006).
//!
//! The paper finds utilisation above 90 % over a wide range of swarm sizes, and lower where the
//! content has few pieces, as then a peer has nothing to give for a large part of its life.

use super::crowd::{flash_crowd, four_slots, mean, utilisation};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::scenario::presets;
use crate::swarm::plan::Slots;
use crate::units::f64_of;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "utilisation",
    claim: "Peers use more of their upload the more pieces there are, and as much in a large \
            swarm as in a small one.",
    source: "Bharambe, Herley and Padmanabhan, INFOCOM 2006 (MSR-TR-2005-03): directions; sizes \
             from an independent piece-level simulation",
    is_quick: false,
    run,
}];

/// Pieces of 256 KiB, and the utilisation another simulator had.
const PIECES: [(u64, f64); 6] =
    [(8, 0.19), (32, 0.63), (64, 0.78), (128, 0.87), (256, 0.93), (512, 0.965)];
/// Leechers.
const PEERS: [u32; 4] = [50, 100, 200, 400];

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Leechers of 50 KiB/s, a seed of 200 KiB/s, four slots; payload sent ÷ capacity present \
         until four fifths are done. Against pieces: N = 100, everybody knows everybody, 5 runs. \
         Against N: 256 pieces, at most 80 neighbours as the client has it, 3 runs. What is not \
         used is lost at the start, while few have anything to give: 130 s for 50 leechers, 300 s \
         for 400 of which each knows 80; after that 99.9 % of the upload is in use.",
    );
    let by_pieces = ctx.map(&PIECES, |&(pieces, _)| {
        let plan = flash_crowd(100, pieces, 200.0, four_slots());
        mean(ctx.runs(&plan, 5).iter().map(utilisation))
    });
    let rises = by_pieces.windows(2).filter(|pair| pair[0] < pair[1]).count();
    findings.add(Line::all("steps of P at which utilisation rises", rises, PIECES.len() - 1));
    findings.add(Line::at_most("utilisation with 8 pieces", by_pieces[0], 0.40));
    for (which, least) in [(2, 0.70), (4, 0.90), (5, 0.94)] {
        let what = format!("utilisation with {} pieces", PIECES[which].0);
        findings.add(Line::at_least(&what, by_pieces[which], least));
    }
    for (&(pieces, other), got) in PIECES.iter().zip(&by_pieces).skip(2) {
        let what = format!("utilisation with {pieces} pieces, as another simulator had it");
        findings.add(Line::near(&what, *got, other, 0.05).direction());
    }
    let by_peers = ctx.map(&PEERS, |&n| {
        let mut rules = presets::mainline();
        rules.choking.slots = Slots::Fixed(4);
        mean(ctx.runs(&flash_crowd(n, 256, 200.0, rules), 3).iter().map(utilisation))
    });
    let spread = (by_peers[3] - by_peers[0]).abs();
    findings.add(Line::at_most(
        "|utilisation at N = 400 − at N = 50|, 80 neighbours",
        spread,
        0.05,
    ));
    let meshed = ctx.map(&PEERS, |&n| {
        mean(ctx.runs(&flash_crowd(n, 256, 200.0, four_slots()), 3).iter().map(utilisation))
    });
    let spread = (meshed[3] - meshed[0]).abs();
    let what = "the same where everybody knows everybody (added afterwards)";
    findings.add(Line::at_most(what, spread, 0.05).direction());
    let other = PIECES.map(|(pieces, used)| (f64_of(pieces), used)).to_vec();
    let ours = PIECES.iter().zip(&by_pieces).map(|((pieces, _), used)| (f64_of(*pieces), *used));
    findings.panels.push(Panel {
        title: "Against pieces, 100 leechers".into(),
        x: Axis::log("pieces of 256 KiB"),
        y: Axis::linear("share of the upload in use"),
        curves: vec![
            Curve::theory("an independent piece-level simulation", other),
            Curve::simulation("mainline, four slots", ours.collect()),
        ],
    });
    let of = |used: &[f64]| PEERS.iter().map(|n| f64::from(*n)).zip(used.iter().copied()).collect();
    findings.panels.push(Panel {
        title: "Against leechers, 256 pieces".into(),
        x: Axis::log("leechers"),
        y: Axis::linear("share of the upload in use"),
        curves: vec![
            Curve::theory("above 90 % (Bharambe et al.)", vec![(50.0, 0.9), (400.0, 0.9)]),
            Curve::simulation("at most 80 neighbours", of(&by_peers)),
            Curve::simulation("everybody knows everybody", of(&meshed)),
        ],
    });
    findings
}
