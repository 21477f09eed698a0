//! Users who do not play by the rules of the token: providers that refuse payments or payers,
//! requesters that take and do not pay, providers that take the pay and stop, farmers of gifts.

use super::money::{crowd, token, users};
use crate::swarms::{Diary, News, class, kib, plain, plan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use swarmecon::experiment::{Design, Metric, Part, summary};
use swarmecon::ids::PeerId;
use swarmecon::observe::{MoneyRecord, Outcome, Unobserved};
use swarmecon::policy::auction::{Format, Ties};
use swarmecon::policy::bid::BidderSpec;
use swarmecon::policy::choke::market::Combine;
use swarmecon::scenario::{Arm, Scenario, presets};
use swarmecon::swarm::plan::economy::{Economy, Stall, Token, Trade};
use swarmecon::swarm::plan::{Arrivals, Audit, ChokerSpec, EndGame, Plan, Role, Slots, Stay};
use swarmecon::swarm::run;
use swarmecon::units::{BLOCK, Bytes, MicroBtt, NanoUsd, Price, SimTime, Span};

fn with_token(token: Token, trade: Trade) -> Plan {
    crowd(Some(Economy::Token(Box::new(token))), trade)
}

fn money(outcome: &Outcome) -> &MoneyRecord {
    outcome.money.as_ref().expect("there is money")
}

/// A provider that takes no payments serves as under barter, whatever is bid: where all do, bids
/// change nothing; where some do, those are never paid while they pay themselves.
#[test]
fn who_takes_no_payments_serves_as_under_barter() {
    let refuses = Trade { sells: false, ..users(1.0) };
    let barter = run(&crowd(None, refuses.clone()), 3, &mut Unobserved);
    let mut outcome = run(&with_token(token(), refuses.clone()), 3, &mut Unobserved);
    assert!(money(&outcome).counts.tally.bids_posted > 0, "they do bid");
    outcome.money = None;
    assert_eq!(outcome, barter);

    let mut mixed = with_token(token(), users(1.0));
    mixed.classes[2].trade = refuses;
    let outcome = run(&mixed, 3, &mut Unobserved);
    let of_class = |of: fn(&swarmecon::observe::WalletRecord) -> MicroBtt, class: u16| -> u64 {
        let own = money(&outcome).wallets.iter().filter(|wallet| wallet.class.0 == class);
        own.map(|wallet| of(wallet).0).sum()
    };
    assert_eq!(of_class(|wallet| wallet.earned, 2), 0, "nobody pays who takes no payments");
    assert!(of_class(|wallet| wallet.spent, 2) > 0, "but they pay others");
    assert!(of_class(|wallet| wallet.earned, 1) > 0, "who are paid");
}

/// Bytes from each peer to each other.
fn passed(diary: &Diary) -> BTreeMap<(PeerId, PeerId), u64> {
    let mut passed = BTreeMap::new();
    for (_, news) in &diary.entries {
        if let News::Moved(from, to, bytes) = *news {
            *passed.entry((from, to)).or_default() += bytes;
        }
    }
    passed
}

/// Who bans those that pay sends them nothing, is not banned for it, and without a token does as
/// everybody.
#[test]
fn who_bans_payers_serves_none_of_them() {
    let bans = |share| {
        let mut plan = with_token(token(), users(1.0));
        plan.classes[2].trade.bans_payers = share;
        plan
    };
    let served = |plan: &Plan| {
        let mut diary = Diary::default();
        let outcome = run(plan, 4, &mut diary);
        let class = |p: &PeerId| outcome.peers[p.index()].class.0;
        let rows = passed(&diary);
        let pairs = rows.into_iter().filter(|((from, to), _)| (class(from), class(to)) == (2, 1));
        pairs.map(|((from, _), _)| from).collect::<BTreeSet<_>>().len()
    };
    let n = [0.0, 0.5, 1.0].map(|share| served(&bans(share)));
    assert!(n[0] > n[1] && n[1] > 0, "a share of them bans: {n:?}");
    assert_eq!(n[2], 0, "all of them ban");
    let barter = |share| {
        let mut plan = bans(share);
        plan.economy = None;
        run(&plan, 4, &mut Unobserved)
    };
    assert_eq!(barter(1.0), barter(0.0), "without a token there is nobody to ban");
}

/// Take-and-stall: who never pays gets a piece and the block on its way from each connection at
/// most, and loses the slot.
#[test]
fn who_takes_and_does_not_pay_gains_a_piece_a_connection() {
    let piece = Bytes(1 << 18);
    let mut plan = with_token(token(), users(1.0));
    plan.classes[2].trade = Trade { pays: false, ..users(1.0) };
    plan.audit = Audit::EveryEvent;
    let outcome = run(&plan, 5, &mut Unobserved);
    let counts = &money(&outcome).counts;
    assert!(counts.unpaid_bytes_most > BLOCK, "somebody takes and does not pay: {counts:?}");
    assert!(counts.unpaid_bytes_most <= piece + BLOCK, "{counts:?}");
    assert!(counts.tally.strikes > 0, "and loses the slot");
    let (mut unpaid, mut taken, mut turned_away) = (Bytes::ZERO, Bytes::ZERO, 0);
    for (id, wallet) in money(&outcome).wallets.iter().enumerate() {
        unpaid += wallet.unpaid_bytes;
        let is_taker = wallet.class.0 == 2;
        let tally = wallet.tally;
        assert!(is_taker || tally.refused == 0, "only takers refuse to pay: {tally:?}");
        let of_payers = [tally.strikes, tally.no_money, tally.waiting, tally.operations];
        assert!(id > 0 || of_payers == [0; 4], "the seed takes nothing: {tally:?}");
        if is_taker {
            assert_eq!(wallet.spent, MicroBtt::ZERO);
            taken += wallet.unpaid_bytes;
            turned_away += tally.strikes;
        }
    }
    assert_eq!(unpaid, counts.unpaid_bytes, "the books of users add up to those of the run");
    assert!(turned_away * 2 > counts.tally.strikes, "it is mostly they who are turned away");
    assert!(taken.0 * 2 > unpaid.0, "most of it is theirs: {taken:?} of {unpaid:?}");
}

/// One slot, two that bid for it, and nobody else to serve.
fn one_seller(stalls: Stall) -> Plan {
    let mut rules = plain();
    rules.choking.slots = Slots::Fixed(1);
    rules.choking.optimistic_slots = 0;
    let rules = Arc::new(rules);
    let mut buyers = class(Role::Leecher, 2, kib(1.0), &rules);
    (buyers.choker, buyers.trade) = (ChokerSpec::Never, users(1.0));
    buyers.trade.bidder = BidderSpec::Fixed(Price::from_btt_per_gib(100.0));
    let mut seeder = class(Role::Seeder, 1, kib(64.0), &rules);
    seeder.trade = Trade { stalls, ..users(1.0) };
    let mut plan = plan(Bytes(8 << 20), Bytes(1 << 18), vec![seeder, buyers]);
    let token = Token { format: Format::FirstPrice, ..token() };
    plan.economy = Some(Economy::Token(Box::new(token)));
    (plan.audit, plan.horizon) = (Audit::EveryEvent, SimTime::from_secs(3000.0));
    plan
}

/// Six that bid the same for two slots of a seller. Where ties go to who waited longest, slots pass
/// on every round and all have a piece after the third; where the holder stays it has 20 pieces and
/// a minute first, and the last two wait until four have had theirs.
#[test]
fn of_equal_bids_who_waited_longest_is_served_unless_the_holder_stays() {
    let last_begins = |ties| {
        let mut plan = one_seller(Stall::Never);
        let mut rules = plain();
        (rules.choking.slots, rules.choking.optimistic_slots) = (Slots::Fixed(2), 0);
        rules.choking.rechoke = Span::from_secs(10.0);
        for class in &mut plan.classes {
            class.protocol = Arc::new(rules.clone());
        }
        plan.classes[1].arrivals =
            Arrivals::AtOnce { count: 6, at: SimTime::ZERO, spread: Span::ZERO };
        let combine = Combine::PayOnly;
        plan.economy = Some(Economy::Token(Box::new(Token { combine, ties, ..token() })));
        let outcome = run(&plan, 2, &mut Unobserved);
        let first = outcome.peers[1..].iter().map(|peer| peer.first_piece.expect("all begin"));
        first.max().expect("six").as_secs()
    };
    let [turns, holder] = [Ties::LongestWaiting, Ties::HolderStays].map(last_begins);
    // A slot is 32 KiB/s: 8 s for a piece, and 160 s for 20 of them.
    assert!(turns < 50.0, "three rounds and the first phase: {turns}");
    assert!(holder > 300.0, "two pairs had 20 pieces each before: {holder}");
}

/// Pay-and-stall: pay comes after the piece, so who stops when it is paid has sold a piece to each
/// customer, and what was on its way; it was paid for nothing that it did not deliver.
#[test]
fn who_takes_the_pay_and_stops_sells_a_piece_to_each_customer() {
    let sold = |stalls| {
        let outcome = run(&one_seller(stalls), 1, &mut Unobserved);
        let money = money(&outcome);
        let seller = &money.wallets[0];
        assert!(seller.sold_bytes <= outcome.peers[0].uploaded, "paid for what it delivered");
        (seller.sold_bytes, money.counts.tally.dropped)
    };
    let (honest, none) = sold(Stall::Never);
    let (stalled, dropped) = sold(Stall::Choke);
    assert_eq!((none, dropped), (0, 2));
    assert!(stalled > Bytes::ZERO && stalled.0 <= 2 * ((1 << 18) + 2 * BLOCK.0), "{stalled:?}");
    assert!(honest.0 > 8 * stalled.0, "while who goes on sells all: {honest:?}");
}

/// Pay-and-stall without a word: the one buyer of a seller waits for what it has asked for as long
/// as its client has patience, and gets everything in the end; told by a choke it asks again at
/// once. What is sold is the same.
#[test]
fn who_stalls_in_silence_keeps_its_customer_waiting_for_the_timeout() {
    let buy = |stalls, timeout_s: f64, end_game| {
        let mut plan = one_seller(stalls);
        plan.content = Bytes(8 << 18);
        plan.classes[1].arrivals =
            Arrivals::AtOnce { count: 1, at: SimTime::ZERO, spread: Span::ZERO };
        for class in &mut plan.classes {
            let requests = &mut Arc::make_mut(&mut class.protocol).requests;
            (requests.timeout, requests.end_game) = (Span::from_secs(timeout_s), end_game);
        }
        let outcome = run(&plan, 1, &mut Unobserved);
        let counts = &money(&outcome).counts;
        let done = outcome.peers[1].completed.expect("all comes in the end").as_secs();
        (done, counts.held_blocks, money(&outcome).wallets[0].sold_bytes)
    };
    for end_game in [EndGame::Off, EndGame::Shared] {
        // The content is 32 s of the seller's link.
        let (told, none, sold) = buy(Stall::Choke, 30.0, end_game);
        assert!(none == 0 && sold > Bytes::ZERO && told < 50.0, "{none} {sold:?} {told}");
        let [short, long] = [100.0, 250.0].map(|timeout_s| buy(Stall::Silent, timeout_s, end_game));
        for (done, held, also_sold) in [short, long] {
            // What it had asked for: 4 s of 64 KiB/s and two blocks more.
            assert!((1..=18).contains(&held), "{held}");
            assert!(done > told + 50.0, "{done}, told {told}");
            assert_eq!(also_sold, sold);
        }
        let more = long.0 - short.0;
        assert!((more - 150.0).abs() < 0.1, "{end_game:?}: it waits {more} s longer");
    }
}

/// With others to ask, what a silent seller holds up is asked of them in the end game; and a
/// connection that ends holds up nothing. Every law holds at every event.
#[test]
fn silence_breaks_no_law() {
    for seed in 1..4 {
        let mut plan = with_token(token(), users(1.0));
        plan.classes[2].trade = Trade { stalls: Stall::Silent, ..users(1.0) };
        plan.classes[2].stay = Stay::Linger(Span::from_secs(5.0));
        plan.audit = Audit::EveryEvent;
        let outcome = run(&plan, seed, &mut Unobserved);
        assert!(money(&outcome).counts.held_blocks > 0, "somebody waits");
        assert!(outcome.peers.iter().all(|peer| peer.completed.is_some() || peer.is_origin));
    }
}

/// The break-even of gift farming is what the gift of a further identity is worth: with a pool for
/// all of them the gift at the day's price, with an empty one less; it pays where identities are
/// cheaper.
#[test]
fn farming_gifts_breaks_even_at_the_worth_of_a_gift() {
    let farm = |promo: f64, cost: f64| {
        let mut token = token();
        token.supply.promo = MicroBtt::from_btt(promo);
        let identity_cost = NanoUsd::from_usd(cost);
        let mut plan = with_token(token, users(1.0));
        plan.classes[1].trade = Trade { identities: 5, identity_cost, ..users(1.0) };
        let arm = Arm { name: "farm".into(), plan, resolved: toml::Table::new() };
        let scenario = Scenario {
            name: "farm".into(),
            question: "What does a gift bring?".into(),
            seed: 1,
            replicates: 1,
            arms: vec![arm],
            baseline: 0,
            recorded: Vec::new(),
            warnings: Vec::new(),
        };
        let design = Design::of(&scenario);
        let cell = design.cells()[0];
        let outcome = run(&scenario.arms[0].plan, cell.seed, &mut Unobserved);
        let reduced = summary::reduce(&design, cell, &outcome).expect("lawful");
        let keys = design.arms[0].keys();
        [Metric::SybilBreakEven, Metric::SybilGainMean].map(|metric| {
            let at = keys.iter().position(|key| key.metric == metric && key.part == Part::WHOLE);
            reduced.values[at.expect("there are farmers")].expect("a number")
        })
    };
    // 10 BTT at $0.00012.
    let [break_even, gain] = farm(1e6, 0.000_2);
    assert!((break_even - 0.0012).abs() < 1e-12, "{break_even}");
    assert!((gain - 4.0 * (0.0012 - 0.0002)).abs() < 1e-12, "{gain}");
    let [_, loss] = farm(1e6, 0.002);
    assert!((loss - 4.0 * (0.0012 - 0.002)).abs() < 1e-12, "{loss}");
    // Of the 20 farmers the first three are given 150 BTT of 150, and the others nothing.
    let [drained, _] = farm(150.0, 0.0);
    assert!(drained > 0.0 && drained < 0.0012 * 3.0 / 20.0 + 1e-12, "{drained}");
}

/// Those without the client neither sell nor stall, whatever is written.
#[test]
fn who_has_no_client_has_no_habits_of_trade() {
    let plain = with_token(token(), users(0.5));
    let mut odd = plain.clone();
    (odd.classes[2].trade.stalls, odd.classes[2].trade.sells) = (Stall::Silent, false);
    assert_eq!(run(&odd, 9, &mut Unobserved), run(&plain, 9, &mut Unobserved));
}

/// What came of a run for free, before a slot was sold, is of that run and no other: with clients
/// whose blocks wait in buffers, too, at every event.
#[test]
fn what_came_for_free_is_of_the_run_under_way() {
    let mut plan = with_token(token(), users(0.8));
    let rules = Arc::new(presets::libtorrent());
    for class in &mut plan.classes {
        class.protocol = Arc::clone(&rules);
    }
    (plan.content, plan.audit) = (Bytes(8 << 20), Audit::EveryEvent);
    // A block came in that somebody else had sent meanwhile: the next one is not for free.
    let outcome = run(&plan, 9, &mut Unobserved);
    assert!(outcome.peers.iter().any(|peer| peer.wasted > Bytes::ZERO), "some come twice");
}
