//! Chokers of seeders: nobody gives to a seeder, so something else must rank.

use super::leecher::{optimistic_share, serve_optimistically};
use super::select::nth_element;
use super::{Candidate, ChokeView, Choking, Decision, SeedChoker, Served, TieOrder, tie};
use crate::rng::Stream;
use crate::units::Span;
use smallvec::SmallVec;
use std::cmp::Reverse;

/// Whom a seeder serves.
pub fn seed(view: &ChokeView<'_>, rules: &Choking, luck: &mut Stream, decision: &mut Decision) {
    let salt = luck.bits();
    decision.open = view.slots;
    if let SeedChoker::MostRecent = rules.seed {
        most_recent(view, salt, decision);
        return;
    }
    let (reserved, optimistic) = optimistic_share(view, rules, &[]);
    let regular = view.slots - reserved;
    let mut ranked: Vec<&Candidate> = view.candidates.iter().collect();
    let waiting = |c: &Candidate| (Reverse(c.waited), tie(salt, c.slot));
    let sent = |c: &Candidate| if c.unchoked { c.sent_round } else { 0 };
    match rules.seed {
        // A slot passes on after the quota and the tenure; of equals the fastest taker keeps it
        // (libtorrent `unchoke_compare_rr`).
        SeedChoker::RoundRobin { quota_pieces, tenure } => {
            let quota = u64::from(quota_pieces) * view.piece.0;
            let key = |c: &Candidate| (sated(c, quota, tenure), Reverse(sent(c)));
            match rules.ties {
                TieOrder::ByChance => ranked.sort_unstable_by_key(|c| (key(c), waiting(c))),
                TieOrder::InOrder => {
                    let key = |c: &Candidate| (key(c), Reverse(c.waited), c.order);
                    nth_element(&mut ranked, view.slots, |a, b| key(a) < key(b));
                }
            }
        }
        SeedChoker::FastestUpload => {
            ranked.sort_unstable_by_key(|c| (Reverse(c.sent_round), waiting(c)));
        }
        // Score: distance from half the content (libtorrent `unchoke_compare_anti_leech`).
        SeedChoker::AntiLeech => ranked.sort_unstable_by_key(|c| {
            let distance = (2 * usize::from(c.pieces)).abs_diff(view.pieces);
            (Reverse(distance), waiting(c))
        }),
        SeedChoker::Random => ranked.sort_unstable_by_key(|c| tie(salt, c.slot)),
        SeedChoker::MostRecent => unreachable!("handled above"),
    }
    decision.served.extend(ranked.iter().take(regular).map(|c| Served::regular(c.slot)));
    serve_optimistically(view, rules, salt, optimistic, decision);
}

/// Whether a neighbour has had its quota and its time.
fn sated(c: &Candidate, quota_bytes: u64, tenure: Span) -> bool {
    c.unchoked && c.sent > quota_bytes && c.served_for > tenure
}

/// Mainline 4.0 (`Choker.py`, `_rechoke_seed`): all but a few of the slots stay with the most
/// recently unchoked; the few are forced to pass on to whoever waited longest, so that about a
/// third of the slots change hands every 10 s.
fn most_recent(view: &ChokeView<'_>, salt: u64, decision: &mut Decision) {
    let per_period = view.slots.div_ceil(3);
    let third = usize::try_from(view.round % 3).expect("below 3");
    let forced = if view.timed { (per_period + third) / 3 } else { 0 };
    let mut kept: SmallVec<[&Candidate; 16]> =
        view.candidates.iter().filter(|c| c.unchoked).collect();
    let recent = |c: &Candidate| c.served_for.as_secs() < 30.0;
    kept.sort_unstable_by_key(|c| {
        let age = if recent(c) { c.served_for } else { Span::FOREVER };
        (age, Reverse(c.sent_round), tie(salt, c.slot))
    });
    kept.truncate(view.slots.saturating_sub(forced));
    decision.served.extend(kept.iter().map(|c| Served::regular(c.slot)));
    let free = view.slots.min(view.candidates.len()).saturating_sub(decision.served.len());
    if free > 0 {
        let waiting = view.candidates.iter().filter(|c| !c.unchoked);
        let mut waiting: SmallVec<[_; 64]> =
            waiting.map(|c| (Reverse(c.waited), tie(salt, c.slot), c.slot)).collect();
        waiting.sort_unstable();
        decision.served.extend(waiting.iter().take(free).map(|&(.., slot)| Served::regular(slot)));
    }
    // Nobody waits: whoever was not kept keeps its slot after all.
    let short = view.slots.saturating_sub(decision.served.len());
    for c in view.candidates.iter().filter(|c| c.unchoked) {
        if decision.served.len() < view.slots && short > 0 {
            let served = decision.served.iter().any(|s| s.slot == c.slot);
            if !served {
                decision.served.push(Served::regular(c.slot));
            }
        }
    }
}
