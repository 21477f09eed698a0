//! Chokers of leechers: tit-for-tat, and the one without incentives it is compared with.

use super::select::nth_element;
use super::{Candidate, ChokeView, Choking, Decision, OptimisticOrder, Served, TieOrder, tie};
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
    let optimistic = serve_best_givers(view, rules, salt, decision);
    serve_optimistically(view, rules, salt, optimistic, decision);
}

/// Tit-for-tat where `view` lists only the interested neighbours that are served or gave something
/// of late, and the optimistic slots do not pass on. Gives false if others must be looked at too:
/// an optimistic slot is free.
///
/// Law: where it gives true, the decision and each draw from `luck` are those of [`tit_for_tat`]
/// with everybody listed; whoever is in `decision` before has won its slot elsewhere here too. It
/// rests on the snub time: who gave nothing of late has no regular slot.
pub fn tit_for_tat_among_dealers(
    view: &ChokeView<'_>,
    rules: &Choking,
    luck: &mut Stream,
    decision: &mut Decision,
) -> bool {
    assert!(rules.snub.is_some() && !view.rotate, "others may have a claim");
    let salt = luck.bits();
    let optimistic = serve_best_givers(view, rules, salt, decision);
    let n_regular = decision.served.len();
    keep_optimistic(view, optimistic, decision);
    decision.served.len() == n_regular + optimistic
}

/// Gives the regular slots to those that gave most. Returns how many optimistic ones there are.
fn serve_best_givers(
    view: &ChokeView<'_>,
    rules: &Choking,
    salt: u64,
    decision: &mut Decision,
) -> usize {
    let sold = decision.served.len();
    let (reserved, given) = optimistic_share(view, rules, &decision.served);
    let regular = view.slots - reserved;
    let mut ranked: SmallVec<[_; 64]> = SmallVec::new();
    let candidates = if regular > 0 { view.candidates } else { &[] };
    let is_ranked = |c: &&Candidate| !c.snubbed && (sold == 0 || !holds(&decision.served, c.slot));
    ranked.extend(candidates.iter().filter(is_ranked).map(|c| {
        let sated = is_sated(c, view);
        let sent = if c.unchoked { c.sent_round } else { 0 };
        let luck = if rules.ties == TieOrder::InOrder { c.order.into() } else { tie(salt, c.slot) };
        (Reverse(c.received), sated, Reverse(sent), Reverse(c.waited), luck, c.slot)
    }));
    if rules.ties == TieOrder::InOrder {
        // Those of `sold` have slots of their own, which are none of `view`.
        nth_element(&mut ranked, view.slots, |a, b| a < b);
    } else if ranked.len() > regular && regular > 0 {
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
    optimistic
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
    let waiting = view.candidates.iter().filter(|c| view.rotate || !c.unchoked);
    let mut waiting: SmallVec<[_; 64]> =
        waiting.map(|c| (c.unchoked, Reverse(c.waited), tie(salt, c.slot), c.slot)).collect();
    if missing < waiting.len() {
        waiting.select_nth_unstable(missing);
        waiting.truncate(missing);
    }
    waiting.sort_unstable();
    decision.served.extend(waiting.iter().map(|&(.., slot)| Served::regular(slot)));
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
        keep_optimistic(view, n, decision);
    }
    // Where turns go by chance nobody waits, and a bid has no say.
    let bids_count =
        !view.bids.is_empty() && rules.optimistic_order == OptimisticOrder::LongestWaiting;
    while decision.served.len() < taken + n {
        let mut best: Option<(Claim, usize)> = None;
        for (at, c) in view.candidates.iter().enumerate() {
            let claim = claim((at, c), rules, [salt, view.salt]);
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

/// Those that hold an optimistic slot keep it, up to `n` of them, unless they are served already.
fn keep_optimistic(view: &ChokeView<'_>, n: usize, decision: &mut Decision) {
    let taken = decision.served.len();
    for c in view.candidates.iter().filter(|c| c.optimistic) {
        let served = decision.served[..taken].iter().any(|s| s.slot == c.slot);
        if !served && decision.served.len() < taken + n {
            decision.served.push(Served::optimistic(c.slot));
        }
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
fn claim((at, c): (usize, &Candidate), rules: &Choking, [salt, lasting]: [u64; 2]) -> Claim {
    match rules.optimistic_order {
        // libtorrent's queue knows of optimistic turns only: who never had one comes first, even if
        // it just lost a regular slot, then whose last one began longest ago; of equals, the same
        // at each run (in order: the first listed, `recalculate_optimistic_unchoke_slots`).
        OptimisticOrder::LongestWaiting => {
            let turn = match rules.ties {
                TieOrder::ByChance => tie(lasting, c.slot),
                TieOrder::InOrder => !(at as u64),
            };
            (!c.optimistic, c.since_turn.is_none(), c.since_turn.unwrap_or_default(), turn)
        }
        OptimisticOrder::Random => {
            let tries = if c.pieces == 0 { u64::from(rules.new_peer_weight) } else { 1 };
            let luck = (0..tries.max(1)).map(|k| tie(salt.wrapping_add(k << 16), c.slot)).max();
            (!c.optimistic, false, Span::ZERO, luck.unwrap_or(0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SeedChoker, fixtures};
    use super::*;
    use crate::rng::{Purpose, stream};

    fn mainline(min_uploads: u32) -> Choking {
        Choking { min_uploads, ..fixtures::rules(false, SeedChoker::MostRecent) }
    }

    fn view(candidates: &[Candidate], slots: usize) -> ChokeView<'_> {
        ChokeView { slots, ..fixtures::view(candidates) }
    }

    #[test]
    fn dealers_alone_decide_as_all_do() {
        let mut luck = stream(9, Purpose::Choke, 0);
        let mut enough = 0;
        for round in 0..400 {
            let n = luck.below(30);
            let all: Vec<Candidate> = (0..n)
                .map(|slot| {
                    let gave = [0, 0, 7, luck.bits() % 5][luck.below(4)];
                    let unchoked = luck.below(4) == 0;
                    Candidate {
                        slot: crate::units::u16_of(slot),
                        received: gave,
                        unchoked,
                        optimistic: unchoked && luck.below(3) == 0,
                        waited: Span(luck.bits() % 3),
                        snubbed: gave == 0 && luck.below(9) > 0,
                        ..Candidate::default()
                    }
                })
                .collect();
            // Who is not snubbed gave something of late.
            let deals = |c: &Candidate| c.unchoked || !c.snubbed;
            let dealers: Vec<Candidate> = all.iter().copied().filter(deals).collect();
            let rules = mainline(u32::try_from(round % 4).expect("below 4"));
            let (mut few, mut full) = (luck.clone(), luck.clone());
            let (mut among_few, mut among_all) = (Decision::default(), Decision::default());
            let slots = 1 + round % 6;
            if tit_for_tat_among_dealers(&view(&dealers, slots), &rules, &mut few, &mut among_few) {
                tit_for_tat(&view(&all, slots), &rules, &mut full, &mut among_all);
                assert_eq!(among_few.served, among_all.served, "round {round}");
                assert_eq!(among_few.open, among_all.open, "round {round}");
                assert_eq!(few.bits(), full.bits(), "as much luck is used");
                enough += 1;
            }
        }
        assert!((100..400).contains(&enough), "{enough} of 400 were decided among dealers");
    }
}
