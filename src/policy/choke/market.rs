//! Selling slots: how the bids of a peer's neighbours combine with the choker it has anyway.
//!
//! The white paper of BitTorrent Token (2019) has the choke round rank by "a combination of highest
//! eligible bid and most data received" and leaves the combination open; so it is a rule here. The
//! market takes its slots first, and the base choker decides about the others as if the winners
//! were not there and the slots they hold did not exist. As in the paper the optimistic slots are
//! no part of it, whatever the base choker does with them: they are how newcomers start.
//!
//! Law: as long as no bid is eligible the decision, and each draw from `luck`, is the base
//! choker's, for all rules but `PayOnly`. A token arm without money is barter to the byte.
//!
//! Where it is wrong: base chokers with a memory (`BitTyrant` …) do not see those that pay, and
//! learn nothing about them; `min_uploads` counts those served for nothing only.

use super::leecher::{self, optimistic_share, serve_optimistically};
use super::{Candidate, ChokeView, Choker, Choking, Decision, SeedChoker, Served, seeder};
use crate::policy::ask::Ask;
use crate::policy::auction::{self, Award, Bid, Format, Ties};
use crate::rng::{Stream, mix};
use crate::units::{Price, u32_of};
use smallvec::SmallVec;
use std::cmp::Reverse;

/// How bids and what was received decide about the regular slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Combine {
    /// Eligible bidders first, by bid, then by bytes received; the base choker fills what is left.
    Lexicographic,
    /// At most `paid` slots are sold; the others are the base choker's, and so is what is unsold.
    SlotSplit {
        /// Regular slots that are sold.
        paid: usize,
    },
    /// By score = w × bid ÷ highest bid + (1 − w) × received ÷ most received, with w in percent.
    /// Bids below the reserve and the gifts of snubbed neighbours count nothing; who scores nothing
    /// is left to the base choker.
    ///
    /// A winner that bid pays by the format: the highest losing bid but no more than its own, its
    /// own, or the posted price. Shares are equal whatever the format.
    Weighted {
        /// w, 1 to 100.
        bid_percent: u64,
    },
    /// No pay, no slot: all slots are sold, optimistic ones too, and what is unsold stays empty.
    PayOnly,
}

/// On which terms a provider sells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// How bids combine with barter.
    pub combine: Combine,
    /// Who wins and pays what.
    pub format: Format,
    /// Who goes first of those that are equal in what `combine` ranks by.
    pub ties: Ties,
    /// Reserve price, and how many slots are sold. If that is fewer than there are, the others are
    /// closed as soon as one is sold: who withholds slots does not give them away next door.
    pub ask: Ask,
}

/// The choker a peer runs anyway.
pub enum Base<'a> {
    /// Tit-for-tat.
    TitForTat(&'a Choking),
    /// Equal turns.
    EqualTurns,
    /// One of the seed chokers.
    Seed(&'a Choking),
    /// A choker with a memory, shipped or of the library's user.
    Own(&'a mut dyn Choker),
}

impl Base<'_> {
    /// Decides without a market.
    pub fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        match self {
            Self::TitForTat(rules) => leecher::tit_for_tat(view, rules, luck, decision),
            Self::EqualTurns => leecher::equal_turns(view, luck, decision),
            Self::Seed(rules) => seeder::seed(view, rules, luck, decision),
            Self::Own(choker) => choker.choose(view, luck, decision),
        }
    }

    /// The rules of its optimistic slots, if those have a clock of their own.
    fn clock(&self) -> Option<&Choking> {
        match self {
            Self::TitForTat(rules) => rules.optimistic_clock.then_some(rules),
            Self::Seed(rules) => {
                (rules.optimistic_clock && rules.seed != SeedChoker::MostRecent).then_some(rules)
            }
            Self::EqualTurns | Self::Own(_) => None,
        }
    }

    /// Slots that are outside the auction.
    fn optimistic(&self, view: &ChokeView<'_>) -> usize {
        match self.clock() {
            Some(rules) => optimistic_share(view, rules, &[]).0,
            None => view.optimistic_slots.min(view.slots),
        }
    }
}

/// How many slots can be sold: what an asker is shown.
pub fn for_sale(view: &ChokeView<'_>, combine: Combine, base: &Base<'_>) -> usize {
    let regular = || view.slots - base.optimistic(view);
    match combine {
        Combine::Lexicographic | Combine::Weighted { .. } => regular(),
        Combine::SlotSplit { paid } => regular().min(paid),
        Combine::PayOnly => view.slots,
    }
}

/// Decides whom to serve, and what each pays.
///
/// # Panics
/// If `decision` is not empty.
pub fn choose(
    view: &ChokeView<'_>,
    terms: &Terms,
    base: &mut Base<'_>,
    luck: &mut Stream,
    decision: &mut Decision,
) {
    assert!(decision.served.is_empty(), "a decision begins empty");
    let for_sale = for_sale(view, terms.combine, base);
    let ask = Ask { slots: terms.ask.slots.min(for_sale), ..terms.ask };
    if let Some(bid) = common_bid(view, terms, (for_sale, ask)) {
        base.choose(&ChokeView { bids: &[], ..*view }, luck, decision);
        charge(terms, (bid, ask), view.candidates.len(), decision);
        return;
    }
    let awards = awards(view, terms, ask, luck);
    if terms.combine == Combine::PayOnly {
        decision.served.extend(awards.iter().map(|award| paid(award, award.weight)));
        decision.open = decision.served.len();
        return;
    }
    if awards.is_empty() {
        base.choose(view, luck, decision);
        return;
    }
    let withheld = withheld(terms, (for_sale, ask), &awards);
    let sold = awards.len().min(ask.slots);
    serve_the_rest(view, [sold, withheld], &awards, (base, luck), decision);
    add_awards(&awards, sold, decision);
    debug_assert!(each_once(decision), "a neighbour holds one slot");
}

/// What is known of the interested neighbours that a view does not list.
pub struct Others<B, A> {
    /// None of them bids more.
    pub highest: Price,
    /// What the best of them bids.
    pub best: B,
    /// How many there are, if all of them bid this.
    pub alike: A,
}

/// The same where `view` lists only the interested neighbours that are served or gave something of
/// late, the optimistic slots do not pass on, and the base choker is tit-for-tat. Gives false if
/// others must be looked at too: one of them might win a slot, or an optimistic slot is free.
///
/// Law: where it gives true, the decision and each draw from `luck` are those of [`choose`] with
/// everybody listed.
pub fn choose_among_dealers(
    view: &ChokeView<'_>,
    terms: &Terms,
    others: Others<impl FnOnce() -> Price, impl FnOnce(Price) -> Option<usize>>,
    (rules, luck): (&Choking, &mut Stream),
    decision: &mut Decision,
) -> bool {
    assert!(decision.served.is_empty(), "a decision begins empty");
    let is_ranked = matches!(terms.combine, Combine::Lexicographic | Combine::SlotSplit { .. });
    if !is_ranked || rules.optimistic_clock {
        return false;
    }
    let for_sale = for_sale(view, terms.combine, &Base::TitForTat(rules));
    let ask = Ask { slots: terms.ask.slots.min(for_sale), ..terms.ask };
    if let Some(bid) = common_bid(view, terms, (for_sale, ask))
        && let Some(others) = (others.alike)(bid)
    {
        let rest = ChokeView { bids: &[], ..*view };
        let enough = leecher::tit_for_tat_among_dealers(&rest, rules, luck, decision);
        charge(terms, (bid, ask), view.candidates.len() + others, decision);
        return enough;
    }
    let mut awards = Awards::new();
    let draw = (terms.ties == Ties::Random).then(|| luck.bits());
    let (known, bid) = (known(view, terms), bid(view, terms, draw));
    let listed = (view.bids, known, bid);
    let others = (others.highest, others.best);
    if !auction::sell_among(terms.format, ask, listed, others, &mut awards) {
        return false;
    }
    let sold = awards.len().min(ask.slots);
    let withheld = withheld(terms, (for_sale, ask), &awards);
    let slots = view.slots - sold - withheld;
    let optimistic_slots = view.optimistic_slots.min(slots);
    let rest = ChokeView { slots, optimistic_slots, ..*view };
    decision.served.extend(awards.iter().map(|award| paid(award, 1)));
    let enough = leecher::tit_for_tat_among_dealers(&rest, rules, luck, decision);
    decision.served.drain(..awards.len());
    add_awards(&awards, sold, decision);
    enough
}

/// What everybody bids, where all bid the same and the base choker decides then.
fn common_bid(view: &ChokeView<'_>, terms: &Terms, (for_sale, ask): (usize, Ask)) -> Option<Price> {
    if terms.ties != Ties::Barter {
        return None;
    }
    // What the base choker does with the slots is not to be told from a sale of all of them.
    let is_plain = terms.combine == Combine::Lexicographic && ask.slots == for_sale;
    let is_ranked = matches!(terms.format, Format::Uniform | Format::FirstPrice);
    let bid = *view.bids.first().filter(|_| is_plain && is_ranked)?;
    let all = view.bids.iter().all(|&other| other == bid);
    (all && auction::is_eligible(bid, ask.reserve)).then_some(bid)
}

/// The base choker has decided among `n` that bid the same: those in regular slots pay.
fn charge(terms: &Terms, (bid, ask): (Price, Ask), n: usize, decision: &mut Decision) {
    let is_regular = |served: &Served| !served.optimistic;
    let regular = decision.served.iter().filter(|served| is_regular(served)).count();
    let nobody_lost = regular.min(ask.slots) == n;
    let price = if nobody_lost && terms.format == Format::Uniform { ask.reserve } else { bid };
    let winners = decision.served.iter_mut().filter(|served| is_regular(served));
    winners.take(ask.slots).for_each(|served| served.price = price);
}

/// Slots that are neither sold nor given away.
fn withheld(terms: &Terms, (for_sale, ask): (usize, Ask), awards: &[Award]) -> usize {
    match terms.combine {
        Combine::SlotSplit { .. } => 0,
        _ if awards.is_empty() => 0,
        _ => for_sale - ask.slots,
    }
}

/// The base choker decides about whoever won nothing and the slots that are left: those neither
/// `sold` nor `withheld`.
fn serve_the_rest(
    view: &ChokeView<'_>,
    [sold, withheld]: [usize; 2],
    awards: &[Award],
    (base, luck): (&mut Base<'_>, &mut Stream),
    decision: &mut Decision,
) {
    let won = |c: &Candidate| awards.iter().any(|award| award.slot == c.slot);
    // Whoever rises from an optimistic slot that has a clock is replaced at once, as in barter;
    // the base choker cannot know, as it does not see who rose.
    let rose = match base.clock() {
        Some(_) => view.candidates.iter().filter(|c| c.optimistic && won(c)).count(),
        None => 0,
    };
    let slots = (view.slots - sold - withheld).saturating_sub(rose);
    let optimistic_slots = view.optimistic_slots.saturating_sub(rose).min(slots);
    let rest = ChokeView { slots, optimistic_slots, ..*view };
    if let Base::TitForTat(rules) = base {
        // By far the most common, and it knows how to pass over those that are served.
        decision.served.extend(awards.iter().map(|award| paid(award, 1)));
        leecher::tit_for_tat(&rest, rules, luck, decision);
        if rose > 0 {
            serve_optimistically(&rest, rules, luck.bits(), rose, decision);
        }
        decision.served.drain(..awards.len());
    } else {
        serve_losers(&rest, rose, awards, (base, luck), decision);
    }
    decision.open = decision.open.saturating_add(rose);
}

/// The base choker decides about a copy of the view without the winners.
#[inline(never)]
fn serve_losers(
    rest: &ChokeView<'_>,
    rose: usize,
    awards: &[Award],
    (base, luck): (&mut Base<'_>, &mut Stream),
    decision: &mut Decision,
) {
    let (mut candidates, mut bids) = (Few::new(), Few::new());
    losers(rest, awards, &mut candidates, &mut bids);
    let rest = ChokeView { candidates: &candidates, bids: &bids, ..*rest };
    base.choose(&rest, luck, decision);
    if let Some(rules) = base.clock().filter(|_| rose > 0) {
        serve_optimistically(&rest, rules, luck.bits(), rose, decision);
    }
}

/// The candidates that won nothing, and what they bid, in the order of the view.
fn losers(
    view: &ChokeView<'_>,
    awards: &[Award],
    candidates: &mut Few<Candidate>,
    bids: &mut Few<Price>,
) {
    let place = |award: &Award| view.candidates.iter().position(|c| c.slot == award.slot);
    let mut winners: SmallVec<[usize; 16]> = awards.iter().filter_map(place).collect();
    winners.sort_unstable();
    let mut from = 0;
    for to in winners.into_iter().chain([view.candidates.len()]) {
        candidates.extend_from_slice(&view.candidates[from..to]);
        bids.extend_from_slice(view.bids.get(from..to).unwrap_or_default());
        from = to + 1;
    }
}

/// As many as a peer has neighbours, mostly: no allocation.
type Few<T> = SmallVec<[T; 64]>;

/// Who won what.
type Awards = SmallVec<[Award; 16]>;

/// Who wins what; empty if no bid is eligible, and then nothing is drawn.
fn awards(view: &ChokeView<'_>, terms: &Terms, ask: Ask, luck: &mut Stream) -> Awards {
    let mut awards = Awards::new();
    let any = || view.bids.iter().any(|&bid| auction::is_eligible(bid, ask.reserve));
    let draw = (terms.ties == Ties::Random && any()).then(|| luck.bits());
    let (known, bid) = (known(view, terms), bid(view, terms, draw));
    match terms.combine {
        Combine::Weighted { bid_percent } => {
            if any() {
                sell_by_score(view, (bid_percent, bid), (terms.format, ask), &mut awards);
            }
        }
        _ => auction::sell_listed(terms.format, ask, (view.bids, known, bid), &mut awards),
    }
    awards
}

/// Whether what was received has a say: it is the second key of the lexicographic rank, and else
/// breaks ties where holders stay.
fn gifts_count(terms: &Terms) -> bool {
    terms.ties.holder_stays() || terms.combine == Combine::Lexicographic
}

/// Whether the candidate at a position may have given something that counts, or hold a slot.
fn known(view: &ChokeView<'_>, terms: &Terms) -> impl Fn(usize) -> bool {
    let (gifts, holds) = (gifts_count(terms), terms.ties.holder_stays());
    move |at| {
        let c = &view.candidates[at];
        gifts && c.received > 0 || holds && c.unchoked
    }
}

/// The bid of the candidate at a position; `draw` where ties go by chance.
fn bid(view: &ChokeView<'_>, terms: &Terms, draw: Option<u64>) -> impl Fn(usize) -> Bid {
    let (gifts, holds) = (gifts_count(terms), terms.ties.holder_stays());
    move |at| {
        let c = &view.candidates[at];
        Bid {
            slot: c.slot,
            price: view.bid(at),
            received: if gifts { c.received } else { 0 },
            stays: holds && c.unchoked && !leecher::is_sated(c, view),
            turn: match draw {
                Some(salt) => mix(salt ^ u64::from(c.id.0)),
                // Who is served waits for nothing.
                None if c.unchoked && !holds => 0,
                None => c.waited.0,
            },
            id: c.id,
        }
    }
}

/// Millionths: the score of who bids most and gave most, with weights that add up to 100.
const WHOLE: u64 = 1_000_000;

/// Gives the slots to the best scores; some of the winners may have bid nothing.
#[inline(never)]
fn sell_by_score(
    view: &ChokeView<'_>,
    (bid_percent, tie): (u64, impl Fn(usize) -> Bid),
    (format, ask): (Format, Ask),
    awards: &mut impl Extend<Award>,
) {
    assert!((1..=100).contains(&bid_percent), "the weight of a bid is 1 to 100 percent");
    let bid = |at: usize| {
        Some(view.bid(at)).filter(|&bid| auction::is_eligible(bid, ask.reserve)).unwrap_or_default()
    };
    let gift = |c: &Candidate| if c.snubbed { 0 } else { c.received };
    let highest = (0..view.candidates.len()).map(bid).max().unwrap_or_default();
    let most = u128::from(view.candidates.iter().map(gift).max().unwrap_or(0).max(1));
    let score = |at: usize, c: &Candidate| {
        let given = u128::from(gift(c)) * u128::from(WHOLE) / most;
        let given = u64::try_from(given).expect("nobody gave more than who gave most");
        bid_percent * bid(at).millionths_of(highest) + (100 - bid_percent) * given
    };
    let mut ranked: Vec<_> = view.candidates.iter().enumerate().collect();
    ranked.retain(|&(at, c)| score(at, c) > 0);
    ranked.sort_by_cached_key(|&(at, c)| {
        let tie = tie(at);
        (Reverse((score(at, c), tie.received, tie.stays, tie.turn)), tie.id)
    });
    let n = ask.slots.min(ranked.len());
    let losing = ranked[n..].iter().map(|&(at, _)| bid(at)).max().unwrap_or_default();
    awards.extend(ranked[..n].iter().map(|&(at, c)| {
        let own = bid(at);
        let price = match format {
            Format::Uniform => losing.max(ask.reserve).min(own),
            Format::Posted => ask.reserve.min(own),
            Format::FirstPrice | Format::Proportional => own,
        };
        Award { slot: c.slot, price, weight: 1 }
    }));
}

/// Weights of slots are multiplied by this where the sold ones have unequal shares.
const FINE: u64 = 1000;

/// Adds the winners to what the base choker decided, each with the share of an average slot; where
/// their shares are unequal, they divide what `sold` average slots are worth.
fn add_awards(awards: &[Award], sold: usize, decision: &mut Decision) {
    let n = u64::from(u32_of(decision.served.len()));
    let total: u64 = decision.served.iter().map(|served| u64::from(served.weight)).sum();
    let average = total.checked_div(n).unwrap_or(1).max(1);
    let narrow = |weight: u64| u32::try_from(weight).unwrap_or(u32::MAX).max(1);
    let shares: u64 = awards.iter().map(|award| u64::from(award.weight)).sum();
    let equal = awards.iter().all(|award| award.weight == 1);
    if !equal {
        for served in &mut decision.served {
            served.weight = narrow(u64::from(served.weight) * FINE);
        }
    }
    decision.served.extend(awards.iter().map(|award| {
        let weight = if equal {
            average
        } else {
            let joint = u128::from(average * FINE) * u128::from(u32_of(sold));
            u64::try_from(joint * u128::from(award.weight) / u128::from(shares)).unwrap_or(u64::MAX)
        };
        paid(award, narrow(weight))
    }));
    decision.open = decision.open.saturating_add(awards.len());
}

fn paid(award: &Award, weight: u32) -> Served {
    Served { weight, price: award.price, ..Served::regular(award.slot) }
}

fn each_once(decision: &Decision) -> bool {
    let mut slots: Vec<u16> = decision.served.iter().map(|served| served.slot).collect();
    slots.sort_unstable();
    slots.windows(2).all(|pair| pair[0] != pair[1])
}

/// The clock of the optimistic slots strikes: they pass on, and whoever holds another slot keeps
/// it on the terms of `standing`, the decision of the last round.
pub fn pass_on_optimistic(
    view: &ChokeView<'_>,
    rules: &Choking,
    standing: &[Served],
    luck: &mut Stream,
    decision: &mut Decision,
) {
    leecher::pass_on_optimistic(view, rules, luck, decision);
    for served in decision.served.iter_mut().filter(|served| !served.optimistic) {
        let same = |s: &&Served| s.slot == served.slot && !s.optimistic;
        if let Some(before) = standing.iter().find(same) {
            (served.weight, served.price) = (before.weight, before.price);
        }
    }
}

/// The base choker, shown only those neighbours that are `admitted`: for a private tracker those
/// whose credit is positive, for a client that bans those without the extension the others.
///
/// With everybody admitted it is the base choker. With somebody shut out no place is left open
/// until the next run, as it would go to whoever becomes interested first.
pub fn serve_admitted(
    view: &ChokeView<'_>,
    admitted: &dyn Fn(u16) -> bool,
    base: &mut Base<'_>,
    luck: &mut Stream,
    decision: &mut Decision,
) {
    if view.candidates.iter().all(|c| admitted(c.slot)) {
        base.choose(view, luck, decision);
        return;
    }
    let inside = |&at: &usize| admitted(view.candidates[at].slot);
    let inside: Vec<usize> = (0..view.candidates.len()).filter(inside).collect();
    let candidates: Vec<Candidate> = inside.iter().map(|&at| view.candidates[at]).collect();
    let bids: Vec<Price> = inside.iter().map(|&at| view.bid(at)).collect();
    base.choose(&ChokeView { candidates: &candidates, bids: &bids, ..*view }, luck, decision);
    decision.open = decision.served.len();
}

#[cfg(test)]
mod tests;
