//! Chokers of leechers: tit-for-tat, and the one without incentives it is compared with.

use super::{Candidate, ChokeView, Choking, Decision, OptimisticOrder, Served, tie};
use crate::rng::Stream;
use crate::units::{NS_PER_S, Span};
use smallvec::SmallVec;
use std::cmp::Reverse;

/// Tit-for-tat (Cohen 2003, §3; BEP 3): the best givers get the regular slots, and one or more
/// optimistic slots go to others regardless, so that newcomers and better partners are found.
///
/// Ties are broken as libtorrent does (`choker.cpp`): whoever has not had its quota yet, whoever
/// took most in the last round, whoever waited longest; then at random. Neighbours that gave
/// nothing for the snub time get no regular slot (mainline `Choker.py`).
///
/// Whoever is in `decision` before has won its slot elsewhere: it is passed over, and its slot is
/// none of those of `view`.
pub fn tit_for_tat(
    view: &ChokeView<'_>,
    rules: &Choking,
    luck: &mut Stream,
    decision: &mut Decision,
) {
    let salt = luck.bits();
    let sold = decision.served.len();
    let (reserved, given) = optimistic_share(view, rules, &decision.served);
    let regular = view.slots - reserved;
    let mut ranked: SmallVec<[_; 64]> = SmallVec::new();
    let candidates = if regular > 0 { view.candidates } else { &[] };
    let is_ranked = |c: &&Candidate| !c.snubbed && (sold == 0 || !holds(&decision.served, c.slot));
    ranked.extend(candidates.iter().filter(is_ranked).map(|c| {
        let sated = is_sated(c, view);
        let sent = if c.unchoked { c.sent_round } else { 0 };
        (Reverse(c.received), sated, Reverse(sent), Reverse(c.waited), tie(salt, c.slot), c.slot)
    }));
    if ranked.len() > regular && regular > 0 {
        ranked.select_nth_unstable(regular - 1);
    }
    ranked.truncate(regular);
    decision.served.extend(ranked.iter().map(|&(.., slot)| Served::regular(slot)));
    let n_regular = decision.served.len() - sold;
    let optimistic =
        given.max((rules.min_uploads as usize).saturating_sub(n_regular)).min(view.slots);
    decision.open = match rules.snub {
        Some(_) => (n_regular + optimistic).min(view.slots),
        None => view.slots,
    };
    serve_optimistically(view, rules, salt, optimistic, decision);
}

/// Whether the neighbour in `slot` is served.
fn holds(served: &[Served], slot: u16) -> bool {
    served.iter().any(|s| s.slot == slot)
}

/// Whether a neighbour that is served has had its quota: 20 pieces and a minute (libtorrent
/// `unchoke_compare_rr`).
pub(super) fn is_sated(c: &Candidate, view: &ChokeView<'_>) -> bool {
    c.unchoked && c.sent > 20 * view.piece.0 && c.served_for > Span(60 * NS_PER_S)
}

/// Serves whoever waited longest, regardless of what it gave.
pub fn equal_turns(view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
    let salt = luck.bits();
    decision.open = view.slots;
    if !view.rotate {
        let kept = view.candidates.iter().filter(|c| c.unchoked).take(view.slots);
        decision.served.extend(kept.map(|c| Served::regular(c.slot)));
    }
    let missing = view.slots.saturating_sub(decision.served.len());
    let mut waiting: Vec<&Candidate> =
        view.candidates.iter().filter(|c| view.rotate || !c.unchoked).collect();
    waiting.sort_unstable_by_key(|c| (c.unchoked, Reverse(c.waited), tie(salt, c.slot)));
    decision.served.extend(waiting.iter().take(missing).map(|c| Served::regular(c.slot)));
}

/// How many slots a run of the choker keeps from regular use, and how many of them it gives.
///
/// With a clock of their own those that are held stay as they are, and whoever rises to a regular
/// slot is replaced; where nobody holds one the place stays empty until the clock strikes
/// (libtorrent `recalculate_unchoke_slots`). Those of `sold` have others.
pub(super) fn optimistic_share(
    view: &ChokeView<'_>,
    rules: &Choking,
    sold: &[Served],
) -> (usize, usize) {
    let most = view.optimistic_slots.min(view.slots);
    if !rules.optimistic_clock {
        return (most, most);
    }
    match view.candidates.iter().filter(|c| c.optimistic && !holds(sold, c.slot)).count() {
        0 => (most, 0),
        held => (held.min(view.slots), held.min(view.slots)),
    }
}

/// The clock of the optimistic slots strikes: they pass on, the others stay as they are
/// (libtorrent `recalculate_optimistic_unchoke_slots`).
pub fn pass_on_optimistic(
    view: &ChokeView<'_>,
    rules: &Choking,
    luck: &mut Stream,
    decision: &mut Decision,
) {
    let salt = luck.bits();
    decision.open = view.slots;
    let others = view.candidates.iter().filter(|c| c.unchoked && !c.optimistic);
    decision.served.extend(others.map(|c| Served::regular(c.slot)));
    serve_optimistically(view, rules, salt, view.optimistic_slots, decision);
}

/// Fills `n` optimistic slots with neighbours not served yet.
pub(super) fn serve_optimistically(
    view: &ChokeView<'_>,
    rules: &Choking,
    salt: u64,
    n: usize,
    decision: &mut Decision,
) {
    let taken = decision.served.len();
    if !view.rotate {
        for c in view.candidates.iter().filter(|c| c.optimistic) {
            let served = decision.served[..taken].iter().any(|s| s.slot == c.slot);
            if !served && decision.served.len() < taken + n {
                decision.served.push(Served::optimistic(c.slot));
            }
        }
    }
    // Where turns go by chance nobody waits, and a bid has no say.
    let bids_count =
        !view.bids.is_empty() && rules.optimistic_order == OptimisticOrder::LongestWaiting;
    while decision.served.len() < taken + n {
        let mut best: Option<(Claim, usize)> = None;
        for (at, c) in view.candidates.iter().enumerate() {
            let claim = claim(c, rules, [salt, view.salt]);
            // Most candidates lose to the best so far: whether they are served already is asked
            // only of those that would win.
            let wins = |most: (Claim, usize)| {
                if bids_count { beats(view, (claim, at), most) } else { claim > most.0 }
            };
            if best.is_none_or(wins) && !decision.served.iter().any(|s| s.slot == c.slot) {
                best = Some((claim, at));
            }
        }
        let Some((_, at)) = best else { break };
        decision.served.push(Served::optimistic(view.candidates[at].slot));
    }
}

/// How good a claim a candidate has to the next optimistic slot: the largest wins.
type Claim = (bool, bool, Span, u64);

/// Whether the first claim is better than the second, where bids count; each with the position of
/// its candidate.
///
/// A bid breaks ties between those who waited as long, in practice those who never had a turn, and
/// has no other say here (white paper of BitTorrent Token, 2019, on optimistic slots).
fn beats(view: &ChokeView<'_>, ours: (Claim, usize), theirs: (Claim, usize)) -> bool {
    let key = |((not_last, first_turn, waited, luck), at): (Claim, usize)| {
        (not_last, first_turn, waited, view.bid(at), luck)
    };
    key(ours) > key(theirs)
}

/// A neighbour that just held an optimistic slot goes last.
fn claim(c: &Candidate, rules: &Choking, [salt, lasting]: [u64; 2]) -> Claim {
    match rules.optimistic_order {
        // libtorrent's queue knows of optimistic turns only: who never had one comes first, even if
        // it just lost a regular slot; of those, the same at each run.
        OptimisticOrder::LongestWaiting => {
            let waited = if c.had_turn { c.waited } else { Span::ZERO };
            (!c.optimistic, !c.had_turn, waited, tie(lasting, c.slot))
        }
        OptimisticOrder::Random => {
            let tries = if c.pieces == 0 { u64::from(rules.new_peer_weight) } else { 1 };
            let luck = (0..tries.max(1)).map(|k| tie(salt.wrapping_add(k << 16), c.slot)).max();
            (!c.optimistic, false, Span::ZERO, luck.unwrap_or(0))
        }
    }
}
