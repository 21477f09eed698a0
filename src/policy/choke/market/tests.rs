//! The market beside barter: no money, no difference; with money, who gets what.

use super::*;
use crate::ids::PeerId;
use crate::policy::choke::{BitTyrant, FairTorrent, OptimisticOrder, PropShare, fixtures};
use crate::rng::{Purpose, stream};
use crate::units::{Bytes, MicroBtt, Span};

mod ties;

const SEEDS: [SeedChoker; 5] = [
    SeedChoker::RoundRobin { quota_pieces: 20, tenure: Span(60_000_000_000) },
    SeedChoker::MostRecent,
    SeedChoker::FastestUpload,
    SeedChoker::AntiLeech,
    SeedChoker::Random,
];

const RULES: [Combine; 4] = [
    Combine::Lexicographic,
    Combine::SlotSplit { paid: 2 },
    Combine::Weighted { bid_percent: 60 },
    Combine::PayOnly,
];

const FORMATS: [Format; 4] =
    [Format::Uniform, Format::FirstPrice, Format::Posted, Format::Proportional];

fn price(micro: u64) -> Price {
    Price::new(MicroBtt(micro), Bytes(1000))
}

fn neighbour(slot: u16, received: u64) -> Candidate {
    Candidate {
        slot,
        id: PeerId(u32::from(slot)),
        received,
        received_round: received / 2,
        sent_round: 0,
        sent: 0,
        served_for: Span::ZERO,
        waited: Span::ZERO,
        order: 0,
        unchoked: false,
        optimistic: false,
        since_turn: None,
        serves_us: received > 0,
        snubbed: false,
        pieces: 10,
    }
}

/// Up to 12 neighbours in all states that occur; at most two hold optimistic slots.
fn neighbours(luck: &mut Stream) -> Vec<Candidate> {
    let n = u16::try_from(luck.below(13)).expect("below 13");
    let mut found: Vec<Candidate> = Vec::new();
    for slot in (0..n).map(|i| 2 * i) {
        let unchoked = luck.below(3) == 0;
        let held = found.iter().filter(|c| c.optimistic).count();
        let optimistic = unchoked && luck.below(3) == 0 && held < 2;
        found.push(Candidate {
            sent_round: u64::from(unchoked) * luck.bits() % 100_000,
            sent: u64::from(unchoked) * luck.bits() % 10_000_000,
            served_for: Span(u64::from(unchoked) * luck.bits() % 90_000_000_000),
            waited: Span(luck.bits() % 4 * 10_000_000_000),
            unchoked,
            optimistic,
            since_turn: (optimistic || luck.below(2) == 0).then(|| Span(luck.bits() % 9)),
            snubbed: luck.below(4) == 0,
            pieces: u16::try_from(luck.below(101)).expect("a hundred pieces"),
            ..neighbour(slot, luck.bits() % 4 * 50_000)
        });
    }
    found
}

fn view<'a>(candidates: &'a [Candidate], bids: &'a [Price]) -> ChokeView<'a> {
    ChokeView { bids, ..fixtures::view(candidates) }
}

/// A base choker that can be made anew in the same state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    TitForTat,
    EqualTurns,
    Seed,
    BitTyrant,
    PropShare,
    FairTorrent,
}

/// All chokers there are, with either set of rules.
fn kinds() -> Vec<(Kind, Choking)> {
    let mut found = Vec::new();
    for clock in [false, true] {
        found.extend(SEEDS.map(|seed| (Kind::Seed, fixtures::rules(clock, seed))));
        let own = [Kind::BitTyrant, Kind::PropShare, Kind::FairTorrent];
        let all = [Kind::TitForTat, Kind::EqualTurns].into_iter().chain(own);
        found.extend(all.map(|kind| (kind, fixtures::rules(clock, SEEDS[0]))));
    }
    found
}

/// What the base choker decides, in a market or (`None`) without; and the luck that is left.
fn decide(
    (kind, rules): &(Kind, Choking),
    view: &ChokeView<'_>,
    terms: Option<&Terms>,
) -> (Decision, Stream) {
    let mut own: Box<dyn Choker> = match kind {
        Kind::BitTyrant => Box::new(BitTyrant::default()),
        Kind::PropShare => Box::new(PropShare::default()),
        _ => Box::new(FairTorrent::default()),
    };
    for c in view.candidates {
        own.hear(c.slot, super::super::Passed { sent: c.sent, received: c.received });
    }
    let mut base = match kind {
        Kind::TitForTat => Base::TitForTat(rules),
        Kind::EqualTurns => Base::EqualTurns,
        Kind::Seed => Base::Seed(rules),
        Kind::BitTyrant | Kind::PropShare | Kind::FairTorrent => Base::Own(own.as_mut()),
    };
    let mut luck = stream(4, Purpose::Choke, 2);
    let mut decision = Decision::default();
    match terms {
        Some(terms) => choose(view, terms, &mut base, &mut luck, &mut decision),
        None => base.choose(view, &mut luck, &mut decision),
    }
    (decision, luck)
}

fn terms(combine: Combine, format: Format, ask: (u64, usize)) -> Terms {
    let ask = Ask { reserve: price(ask.0), slots: ask.1 };
    Terms { combine, format, ties: Ties::LongestWaiting, ask }
}

fn same(a: &Decision, b: &Decision) -> bool {
    a.served == b.served && a.open == b.open
}

fn slots(decision: &Decision) -> Vec<u16> {
    decision.served.iter().map(|served| served.slot).collect()
}

/// 60 peer sets, seed 1, for every choker, rule and format; bids that nobody made, that are
/// nothing, and that are below the reserve of a choker without optimistic slots by waiting.
#[test]
fn without_money_each_base_choker_decides_and_draws_as_if_there_were_no_market() {
    let mut luck = stream(1, Purpose::Choke, 0);
    for round in 0..60 {
        let candidates = neighbours(&mut luck);
        let nothing = vec![Price::ZERO; candidates.len()];
        let little = vec![price(3); candidates.len()];
        let rotate = round % 2 == 0;
        for base in &kinds() {
            let shown = ChokeView { rotate, timed: round % 3 > 0, ..view(&candidates, &[]) };
            let barter = decide(base, &shown, None);
            for combine in RULES.into_iter().filter(|&rule| rule != Combine::PayOnly) {
                for format in FORMATS {
                    let terms = terms(combine, format, (4, round % 7));
                    let cases = [&[][..], &nothing, &little];
                    let n = if base.1.optimistic_clock { 2 } else { 3 };
                    for bids in &cases[..n] {
                        let market = decide(base, &ChokeView { bids, ..shown }, Some(&terms));
                        assert!(same(&market.0, &barter.0), "{base:?} {terms:?} {market:?}");
                        assert_eq!(market.1, barter.1, "as many draws");
                    }
                }
            }
        }
    }
}

/// 400 peer sets, seed 12, with and without a clock, winners among all kinds of neighbours.
#[test]
fn tit_for_tat_passes_over_the_winners_as_if_they_were_not_there() {
    let mut luck = stream(12, Purpose::Choke, 0);
    for round in 0..400 {
        let candidates = neighbours(&mut luck);
        let bids: Vec<Price> = candidates.iter().map(|_| price(luck.bits() % 6)).collect();
        let rules = fixtures::rules(round % 2 == 0, SEEDS[0]);
        let shown = ChokeView { rotate: round % 3 == 0, ..view(&candidates, &bids) };
        let won = |c: &&Candidate| bids[usize::from(c.slot / 2)] > price(3);
        let award = |c: &Candidate| Award { slot: c.slot, price: price(3), weight: 1 };
        let awards: Vec<Award> = candidates.iter().filter(won).take(3).map(award).collect();
        let decide = |by_copy: bool| {
            let (mut base, mut luck) = (Base::TitForTat(&rules), stream(13, Purpose::Choke, round));
            let mut decision = Decision::default();
            if by_copy {
                let has_won = |c: &&Candidate| awards.iter().any(|award| award.slot == c.slot);
                let rise = candidates.iter().filter(|c| c.optimistic).filter(has_won).count();
                let rose = if rules.optimistic_clock { rise } else { 0 };
                let slots = (shown.slots - awards.len() - 1).saturating_sub(rose);
                let optimistic_slots = shown.optimistic_slots.saturating_sub(rose).min(slots);
                let rest = ChokeView { slots, optimistic_slots, ..shown };
                serve_losers(&rest, rose, &awards, (&mut base, &mut luck), &mut decision);
                decision.open = decision.open.saturating_add(rose);
            } else {
                let sides = (&mut base, &mut luck);
                serve_the_rest(&shown, [awards.len(), 1], &awards, sides, &mut decision);
            }
            (decision, luck)
        };
        let (here, copy) = (decide(false), decide(true));
        assert!(same(&here.0, &copy.0), "{candidates:?} {awards:?}: {here:?}, not {copy:?}");
        assert_eq!(here.1, copy.1, "as many draws");
    }
}

/// 60 peer sets, seed 2, most of whom bid, for every choker, rule and format.
#[test]
fn with_money_slots_are_kept_bids_are_not_exceeded_and_the_unit_does_not_matter() {
    let mut luck = stream(2, Purpose::Choke, 0);
    for round in 0..60 {
        let candidates = neighbours(&mut luck);
        let bids: Vec<Price> = candidates.iter().map(|_| price(luck.bits() % 6)).collect();
        let doubled: Vec<Price> = bids.iter().map(|bid| bid.times(2, 1)).collect();
        let reserve = round % 3;
        for base in &kinds() {
            for (combine, format) in RULES.iter().flat_map(|&r| FORMATS.map(|f| (r, f))) {
                let one = terms(combine, format, (reserve, 5));
                let got = decide(base, &view(&candidates, &bids), Some(&one)).0;
                check_slots_and_prices(base, &candidates, &bids, &one, &got);
                let two = terms(combine, format, (2 * reserve, 5));
                let mut again = decide(base, &view(&candidates, &doubled), Some(&two)).0;
                for served in &mut again.served {
                    served.price = served.price.times(1, 2);
                }
                assert!(same(&got, &again), "{base:?} {one:?}: {got:?}, doubled {again:?}");
            }
        }
    }
}

fn check_slots_and_prices(
    base: &(Kind, Choking),
    candidates: &[Candidate],
    bids: &[Price],
    terms: &Terms,
    got: &Decision,
) {
    let bid = |slot: u16| bids[usize::from(slot / 2)];
    for served in &got.served {
        assert!(candidates.iter().any(|c| c.slot == served.slot) && served.weight > 0);
        assert!(served.price <= bid(served.slot), "{base:?} {terms:?}: nobody pays above its bid");
        assert!(!served.optimistic || served.price.is_zero(), "optimistic slots are free");
    }
    let all_slots = !matches!(base.0, Kind::BitTyrant | Kind::PropShare);
    if all_slots && terms.format != Format::Proportional {
        assert!(got.served.len() <= 5, "{base:?} {terms:?}: {got:?}");
        assert!(got.open <= 5);
    }
    let fills = matches!(base.0, Kind::EqualTurns | Kind::FairTorrent)
        || base.0 == Kind::TitForTat && !base.1.optimistic_clock && base.1.snub.is_none();
    if fills && terms.combine != Combine::PayOnly {
        assert!(got.served.len() >= candidates.len().min(5), "no slot is idle while one waits");
    }
    let regular = |slot: u16| got.served.iter().any(|s| s.slot == slot && !s.optimistic);
    let highest = candidates.iter().map(|c| bid(c.slot)).max().unwrap_or_default();
    let top = candidates.iter().filter(|c| bid(c.slot) == highest);
    let eligible = auction::is_eligible(highest, terms.ask.reserve);
    let by_bid = matches!(terms.format, Format::Uniform | Format::FirstPrice)
        && !matches!(terms.combine, Combine::Weighted { .. });
    if eligible && by_bid {
        assert!(top.clone().any(|c| regular(c.slot)), "{terms:?}: a highest bidder is served");
    }
    if terms.combine == Combine::PayOnly {
        let pays = |slot| auction::is_eligible(bid(slot), terms.ask.reserve);
        assert!(got.served.iter().all(|s| pays(s.slot)), "no pay, no slot");
        assert_eq!(got.open, got.served.len(), "nor between rounds");
    }
}

/// Neighbours 0, 1, 2 … that gave and bid so much each; tit-for-tat with 4 + 1 slots.
fn served_by_tit_for_tat(gave: &[u64], bids: &[u64], terms: &Terms) -> Vec<(u16, bool, u64)> {
    let candidates: Vec<Candidate> = (0..).zip(gave).map(|(i, &r)| neighbour(i, r)).collect();
    let bids: Vec<Price> = bids.iter().map(|&bid| price(bid)).collect();
    let base = (Kind::TitForTat, fixtures::rules(false, SEEDS[0]));
    let (decision, _) = decide(&base, &view(&candidates, &bids), Some(terms));
    let of_1000 = |price: Price| price.of(Bytes(1000), MicroBtt(1)).0;
    let mut found: Vec<_> =
        decision.served.iter().map(|s| (s.slot, s.optimistic, of_1000(s.price))).collect();
    found.sort_unstable();
    found
}

#[test]
fn rules_by_hand() {
    let gave = [900, 800, 700, 600, 500, 400];
    let bids = [0, 0, 0, 5, 7, 9];
    let uniform = |combine, ask| terms(combine, Format::Uniform, ask);
    // The one optimistic slot goes to whoever is left, by chance: only the regular ones are told.
    let check = |terms: Terms, want: &[(u16, u64)]| {
        let found = served_by_tit_for_tat(&gave, &bids, &terms);
        let regular = found.iter().filter(|served| !served.1).map(|&(slot, _, p)| (slot, p));
        assert_eq!(regular.collect::<Vec<_>>(), want, "{terms:?}");
    };
    // All three bidders win one of four slots, for nothing; the best giver has the fourth.
    check(uniform(Combine::Lexicographic, (0, 9)), &[(0, 0), (3, 0), (4, 0), (5, 0)]);
    check(uniform(Combine::Lexicographic, (6, 9)), &[(0, 0), (1, 0), (4, 6), (5, 6)]);
    // Two slots withheld: of two sold each costs the third bid, and no third is given away.
    check(uniform(Combine::Lexicographic, (0, 2)), &[(4, 5), (5, 5)]);
    check(uniform(Combine::SlotSplit { paid: 1 }, (0, 9)), &[(0, 0), (1, 0), (2, 0), (5, 7)]);
    check(uniform(Combine::SlotSplit { paid: 2 }, (0, 9)), &[(0, 0), (1, 0), (4, 5), (5, 5)]);
    check(uniform(Combine::PayOnly, (0, 2)), &[(4, 5), (5, 5)]);
    check(terms(Combine::PayOnly, Format::FirstPrice, (6, 9)), &[(4, 7), (5, 9)]);
    // w = 50 %: 5 scores .50 + .22, 4 .39 + .28, 3 .28 + .33, 0 .50, 1 .44, 2 .39.
    let half = Combine::Weighted { bid_percent: 50 };
    check(uniform(half, (0, 2)), &[(4, 5), (5, 5)]);
    check(uniform(half, (0, 9)), &[(0, 0), (3, 0), (4, 0), (5, 0)]);
    // w = 1 %: who gave most is served, and who bid and lost sets no price for who did not bid.
    let hardly = Combine::Weighted { bid_percent: 1 };
    check(uniform(hardly, (0, 9)), &[(0, 0), (1, 0), (2, 0), (3, 5)]);
}

#[test]
fn bidders_get_the_share_of_an_average_slot_and_proportional_ones_divide_theirs() {
    let candidates: Vec<Candidate> = (0..6).map(|i| neighbour(i, 0)).collect();
    let bids = [10, 5, 5, 0, 0, 0].map(price);
    let base = (Kind::EqualTurns, fixtures::rules(false, SEEDS[0]));
    let weights = |format, slots| {
        let terms = terms(Combine::Lexicographic, format, (0, slots));
        let (decision, _) = decide(&base, &view(&candidates, &bids), Some(&terms));
        let mut found: Vec<_> = decision.served.iter().map(|s| (s.slot, s.weight)).collect();
        found.sort_unstable();
        let paid: Vec<u32> = found.iter().filter(|s| s.0 < 3).map(|s| s.1).collect();
        let free: Vec<u32> = found.iter().filter(|s| s.0 >= 3).map(|s| s.1).collect();
        (paid, free)
    };
    assert_eq!(weights(Format::Uniform, 4), (vec![1; 3], vec![1; 2]));
    // Three sold slots' worth of upload, 2 : 1 : 1, and two free slots.
    assert_eq!(weights(Format::Proportional, 4), (vec![1500, 750, 750], vec![1000; 2]));
    // Two sold slots' worth, two withheld, and the one that is not for sale.
    assert_eq!(weights(Format::Proportional, 2), (vec![1000, 500, 500], vec![1000]));
}

/// A slot in a market has a share of the upload whatever weights the base choker uses.
#[test]
fn who_pays_a_bittyrant_is_not_starved_by_its_weights() {
    let candidates: Vec<Candidate> = (0..4).map(|i| neighbour(i, 100_000)).collect();
    let bids = [9, 0, 0, 0].map(price);
    let base = (Kind::BitTyrant, fixtures::rules(false, SEEDS[0]));
    let terms = terms(Combine::Lexicographic, Format::Uniform, (0, 4));
    let (decision, _) = decide(&base, &view(&candidates, &bids), Some(&terms));
    let paid = decision.served.iter().find(|s| s.slot == 0).expect("the only bidder is served");
    let others = decision.served.iter().filter(|s| s.slot != 0).map(|s| s.weight);
    assert_eq!(Some(paid.weight), others.max(), "all prices are the start value");
}

/// A bid wins an optimistic slot against those who never had one either, not against those before
/// it in the queue, and not where turns go by chance.
#[test]
fn a_bid_breaks_ties_for_the_optimistic_slot_only() {
    let mut candidates: Vec<Candidate> = (0..6).map(|i| neighbour(i, 0)).collect();
    let bids = [0, 0, 0, 0, 0, 9].map(price);
    let mut rules = fixtures::rules(true, SEEDS[0]);
    let turn = |candidates: &[Candidate], rules: &Choking, bids: &[Price], draw| {
        let view = ChokeView { rotate: true, ..view(candidates, bids) };
        let (mut luck, mut decision) = (stream(draw, Purpose::Choke, 0), Decision::default());
        pass_on_optimistic(&view, rules, &[], &mut luck, &mut decision);
        assert!(decision.served.iter().all(|s| s.price.is_zero()));
        slots(&decision)
    };
    assert_eq!(turn(&candidates, &rules, &bids, 0), [5]);
    candidates[5].since_turn = Some(Span::from_secs(1000.0));
    assert_ne!(turn(&candidates, &rules, &bids, 0), [5], "the others never had a turn");
    for c in &mut candidates {
        c.since_turn = Some(Span::from_secs(1000.0));
    }
    candidates[2].since_turn = Some(Span::from_secs(1001.0));
    candidates[3].waited = Span::from_secs(2000.0);
    assert_eq!(turn(&candidates, &rules, &bids, 0), [2], "its turn was longest ago");
    rules.optimistic_order = OptimisticOrder::Random;
    for draw in 0..20 {
        let by_chance = turn(&candidates, &rules, &[], draw);
        assert_eq!(turn(&candidates, &rules, &bids, draw), by_chance, "a bid has no say");
    }
}

/// Neighbour 0 holds the optimistic slot and wins a sold one: another takes its place at once.
#[test]
fn who_rises_from_an_optimistic_slot_by_paying_is_replaced() {
    let mut candidates: Vec<Candidate> = (0..8).map(|i| neighbour(i, 0)).collect();
    (candidates[0].unchoked, candidates[0].optimistic) = (true, true);
    candidates[0].since_turn = Some(Span::ZERO);
    let bids = [9, 7, 0, 0, 0, 0, 0, 0].map(price);
    for seed in [SEEDS[0], SEEDS[2]] {
        for kind in [Kind::TitForTat, Kind::Seed] {
            let base = (kind, fixtures::rules(true, seed));
            let terms = terms(Combine::Lexicographic, Format::Uniform, (0, 9));
            let (decision, _) = decide(&base, &view(&candidates, &bids), Some(&terms));
            let optimistic = decision.served.iter().filter(|s| s.optimistic).count();
            assert_eq!((decision.served.len(), optimistic, decision.open), (5, 1, 5), "{kind:?}");
            let paid = |slot| decision.served.iter().any(|s| s.slot == slot && !s.optimistic);
            assert!(paid(0) && paid(1));
        }
    }
}

#[test]
fn prices_stand_while_the_optimistic_slot_passes_on() {
    let mut candidates: Vec<Candidate> = (0..4).map(|i| neighbour(i, 0)).collect();
    for c in &mut candidates[..3] {
        c.unchoked = true;
    }
    candidates[2].optimistic = true;
    let standing = [Served { weight: 7, price: price(5), ..Served::regular(0) }];
    let (mut luck, mut decision) = (stream(1, Purpose::Choke, 0), Decision::default());
    let rules = fixtures::rules(true, SEEDS[0]);
    let view = ChokeView { rotate: true, ..view(&candidates, &[]) };
    pass_on_optimistic(&view, &rules, &standing, &mut luck, &mut decision);
    assert_eq!(decision.served, [standing[0], Served::regular(1), Served::optimistic(3)]);
}

#[test]
fn only_the_admitted_are_served_and_if_all_are_it_is_the_base_choker() {
    let candidates: Vec<Candidate> = (0..8).map(|i| neighbour(i, 10 * u64::from(i))).collect();
    let rules = fixtures::rules(false, SEEDS[0]);
    let shown = view(&candidates, &[]);
    let run = |admitted: &dyn Fn(u16) -> bool| {
        let (mut luck, mut decision) = (stream(1, Purpose::Choke, 0), Decision::default());
        let mut base = Base::TitForTat(&rules);
        serve_admitted(&shown, admitted, &mut base, &mut luck, &mut decision);
        (decision, luck)
    };
    let credit = [5, -1, 0, 7, 2, -9, 1, 0];
    let (decision, _) = run(&|slot| credit[usize::from(slot)] > 0);
    let mut found = slots(&decision);
    found.sort_unstable();
    assert_eq!((found, decision.open), (vec![0, 3, 4, 6], 4));
    let (mut luck, mut barter) = (stream(1, Purpose::Choke, 0), Decision::default());
    Base::TitForTat(&rules).choose(&shown, &mut luck, &mut barter);
    let (all, drawn) = run(&|_| true);
    assert!(same(&all, &barter) && drawn == luck);
}
