//! Who wins of those that bid the same, and that it takes no look at those nobody deals with.

use super::*;

#[test]
fn where_the_holder_stays_it_keeps_its_slot_against_equals_until_it_has_had_its_quota() {
    let minutes = |n| Span::from_secs(60.0 * n);
    let holds =
        |sent, served_for| Candidate { unchoked: true, sent, served_for, ..neighbour(0, 0) };
    let waits = Candidate { waited: minutes(5.0), ..neighbour(1, 0) };
    let quota = 20 * 256 * 1024;
    for (sent, served_for, winner) in [
        (0, Span::ZERO, 0),
        (quota + 1, minutes(1.0), 0),
        (quota, minutes(9.0), 0),
        (quota + 1, minutes(1.1), 1),
    ] {
        let candidates = [holds(sent, served_for), waits];
        let bids = [price(5), price(5)];
        let terms = Terms {
            combine: Combine::PayOnly,
            format: Format::Uniform,
            ties: Ties::HolderStays,
            ask: Ask { reserve: Price::ZERO, slots: 1 },
        };
        let (mut luck, mut decision) = (stream(1, Purpose::Choke, 0), Decision::default());
        choose(&view(&candidates, &bids), &terms, &mut Base::EqualTurns, &mut luck, &mut decision);
        let served: Vec<u16> = decision.served.iter().map(|s| s.slot).collect();
        assert_eq!(served, [winner], "{sent} bytes in {served_for:?}");
    }
}

/// Six that bid the same for two slots, among them one that gave most, the last that was unchoked
/// and one that is served: who wins under which rule.
#[test]
fn of_equal_bids_the_rule_of_ties_says_who_wins() {
    let mut candidates: Vec<Candidate> = (0..6).map(|i| neighbour(i, 0)).collect();
    for (c, seconds) in candidates.iter_mut().zip([5.0, 9.0, 9.0, 1.0, 90.0, 9.0]) {
        c.waited = Span::from_secs(seconds);
    }
    candidates[3].received = 1000;
    candidates[4].unchoked = true;
    candidates[1].id = PeerId(7);
    let bids = [price(5); 6];
    let won = |ties, combine, seed| {
        let ask = Ask { reserve: Price::ZERO, slots: 2 };
        let terms = Terms { combine, format: Format::Uniform, ties, ask };
        let shown = view(&candidates, &bids);
        let mut luck = stream(seed, Purpose::Choke, 0);
        let awards = awards(&shown, &terms, ask, &mut luck);
        awards.iter().map(|award| award.slot).collect::<Vec<_>>()
    };
    // Nine seconds each for 1, 2 and 5, of whom 2 and 5 have the lowest ids; 4 is served.
    for combine in [Combine::PayOnly, Combine::SlotSplit { paid: 2 }] {
        assert_eq!(won(Ties::LongestWaiting, combine, 1), [2, 5], "{combine:?}");
    }
    let by_bid_alone = Combine::Weighted { bid_percent: 100 };
    assert_eq!(won(Ties::LongestWaiting, by_bid_alone, 1), [2, 5]);
    // The lexicographic rank looks at bids, then at what was received: 3 does not tie.
    assert_eq!(won(Ties::LongestWaiting, Combine::Lexicographic, 1), [3, 2]);
    for combine in RULES.into_iter().filter(|rule| !matches!(rule, Combine::Weighted { .. })) {
        assert_eq!(won(Ties::HolderStays, combine, 1), [3, 4], "{combine:?}");
    }
    let mut winners: Vec<u16> =
        (0..100).flat_map(|seed| won(Ties::Random, Combine::PayOnly, seed)).collect();
    for slot in 0..6 {
        let n = winners.iter().filter(|&&winner| winner == slot).count();
        assert!((15..=55).contains(&n), "{slot} won {n} of 100 times; 33 on average");
    }
    winners.truncate(2);
    assert_eq!(winners, won(Ties::Random, Combine::PayOnly, 0), "the same draw, the same winners");
}

/// Where all bid the same and ties go as in barter the base choker decides, and its regular slots
/// are paid for; one other bid, and the market ranks again. 600 views; seed 23.
#[test]
fn of_equal_bids_the_base_choker_chooses_and_those_it_serves_pay() {
    let mut luck = stream(23, Purpose::Choke, 0);
    let mut differ = 0;
    for round in 0..600 {
        let (candidates, _): (Vec<_>, Vec<_>) = with_dealers(&mut luck).into_iter().unzip();
        let mut bids = vec![price(5); candidates.len()];
        let rules = fixtures::rules(round % 2 == 0, SeedChoker::MostRecent);
        let ask = Ask { reserve: price([0, 4][luck.below(2)]), slots: 9 };
        let format = [Format::Uniform, Format::FirstPrice][luck.below(2)];
        let terms = Terms { combine: Combine::Lexicographic, format, ties: Ties::Barter, ask };
        let slots = 2 + luck.below(4);
        let decide = |bids: &[Price], sells: bool| {
            let seen = ChokeView { slots, ..view(&candidates, bids) };
            let (mut luck, mut decision) = (luck.clone(), Decision::default());
            let mut base = Base::TitForTat(&rules);
            if sells {
                choose(&seen, &terms, &mut base, &mut luck, &mut decision);
            } else {
                base.choose(&ChokeView { bids: &[], ..seen }, &mut luck, &mut decision);
            }
            (decision, luck.bits())
        };
        let (mut barter, token) = (decide(&bids, false), decide(&bids, true));
        let n_regular = barter.0.served.iter().filter(|served| !served.optimistic).count();
        let all_won = n_regular == candidates.len() && format == Format::Uniform;
        for served in barter.0.served.iter_mut().filter(|served| !served.optimistic) {
            served.price = if all_won { ask.reserve } else { price(5) };
        }
        assert_eq!(token.0.served, barter.0.served, "round {round}");
        assert_eq!((token.0.open, token.1), (barter.0.open, barter.1), "round {round}");
        let seen = ChokeView { slots, ..view(&candidates, &bids) };
        let sells = for_sale(&seen, terms.combine, &Base::TitForTat(&rules)) > 0;
        if sells && candidates.len() > 1 {
            bids[0] = price(6);
            let regular = |served: &&Served| !served.optimistic && served.slot == 0;
            let wins = decide(&bids, true).0.served.iter().any(|served| regular(&served));
            assert!(wins, "round {round}: who bids more is served");
            differ += usize::from(!barter.0.served.iter().any(|served| regular(&served)));
        }
    }
    assert!(differ > 100, "{differ}: barter alone serves others");
}

/// Up to 30 neighbours of a provider, whether it deals with each, and what they bid. Few differ, so
/// that ties abound.
fn with_dealers(luck: &mut Stream) -> Vec<(Candidate, Price)> {
    let n = u16::try_from(luck.below(30)).expect("below 30");
    let bidder = |slot| {
        let received = [0, 0, 7, luck.bits() % 5][luck.below(4)];
        let unchoked = luck.below(4) == 0;
        let candidate = Candidate {
            unchoked,
            optimistic: unchoked && luck.below(3) == 0,
            waited: Span(luck.bits() % 3),
            snubbed: received == 0 && luck.below(9) > 0,
            ..neighbour(slot, received)
        };
        (candidate, price([0, 4, 4, 5][luck.below(4)]))
    };
    (0..n).map(bidder).collect()
}

/// 4000 views; seed 17. Who is not snubbed gave something of late, and nobody bids more than is
/// said, which is the highest bid or above it.
#[test]
fn dealers_alone_sell_as_all_do() {
    let mut luck = stream(17, Purpose::Choke, 0);
    let mut enough = 0;
    for round in 0..4000 {
        let mut all = with_dealers(&mut luck);
        if luck.below(3) == 0 {
            for (_, bid) in &mut all {
                *bid = price(5);
            }
        }
        let deals = |(c, _): &&(Candidate, Price)| c.unchoked || !c.snubbed;
        let (few, few_bids): (Vec<_>, Vec<_>) = all.iter().filter(deals).copied().unzip();
        let (others, other_bids): (Vec<_>, Vec<_>) =
            all.iter().filter(|one| !deals(one)).copied().unzip();
        assert!(others.iter().all(|c: &Candidate| c.received == 0), "they gave nothing");
        let (candidates, bids): (Vec<_>, Vec<_>) = all.iter().copied().unzip();
        let mut rules = fixtures::rules(false, SeedChoker::MostRecent);
        rules.min_uploads = u32::try_from(round % 4).expect("below 4");
        let ask = Ask { reserve: price([0, 0, 4, 5][luck.below(4)]), slots: 1 + luck.below(5) };
        let ties = [Ties::LongestWaiting, Ties::Random, Ties::HolderStays, Ties::Barter];
        let ties = ties[luck.below(4)];
        // Others are left to all.
        let (combine, format) = (RULES[luck.below(2)], FORMATS[luck.below(2)]);
        let terms = Terms { combine, format, ties, ask };
        let slots = 1 + round % 6;
        let best = other_bids.iter().copied().max().unwrap_or_default();
        let highest = best.max(price([0, 4, 5, 6][luck.below(4)]));
        let (mut lucky, mut full) = (luck.clone(), luck.clone());
        let (mut among_few, mut among_all) = (Decision::default(), Decision::default());
        let seen = ChokeView { slots, ..view(&few, &few_bids) };
        let alike = |bid| other_bids.iter().all(|&other| other == bid).then_some(other_bids.len());
        let others = Others { highest, best: || best, alike };
        if choose_among_dealers(&seen, &terms, others, (&rules, &mut lucky), &mut among_few) {
            let seen = ChokeView { slots, ..view(&candidates, &bids) };
            let base = &mut Base::TitForTat(&rules);
            choose(&seen, &terms, base, &mut full, &mut among_all);
            assert_eq!(among_few.served, among_all.served, "round {round}: {terms:?}");
            assert_eq!(among_few.open, among_all.open, "round {round}");
            assert_eq!(lucky.bits(), full.bits(), "as much luck is used");
            enough += 1;
        }
    }
    assert!((400..2000).contains(&enough), "{enough} of 4000 were decided among dealers");
}
