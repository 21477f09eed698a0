//! The token: what it must leave alone, what it conserves, and what it does where that can be
//! worked out.

use crate::swarms::{class, kib, plain, plan, s};
use std::num::NonZeroU32;
use std::sync::Arc;
use swarmecon::ledger::{GatewayRules, Outage, PricePath, Rest, ServiceRules, Supply};
use swarmecon::observe::{MoneyRecord, Outcome, Unobserved};
use swarmecon::policy::ask::{AskerSpec, Tatonnement};
use swarmecon::policy::auction::{Format, Ties};
use swarmecon::policy::bid::{AutoBid, BidderSpec, Insolvency};
use swarmecon::policy::choke::market::Combine;
use swarmecon::policy::stay::{Elastic, StayerSpec};
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::economy::{
    ChannelRules, ChannelScope, Credit, Economy, Funding, Token, Trade, Usd,
};
use swarmecon::swarm::plan::{
    Arrivals, Audit, ChokerSpec, DownloadDist, OptimisticOrder, Plan, Protocol, Role, Slots, Stay,
};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, MicroBtt, NanoUsd, Price, SimTime, Span};

/// The rules of the paper; a million BTT to give away.
pub fn token() -> Token {
    Token {
        combine: Combine::Lexicographic,
        format: Format::Uniform,
        ties: Ties::LongestWaiting,
        coin: MicroBtt(1),
        channels: ChannelRules {
            funding: Funding::Pieces(16),
            rest: Rest::Refund,
            refund_after: Span::ZERO,
            scope: ChannelScope::Torrent,
        },
        service: ServiceRules { latency: s(1.0), ..ServiceRules::default() },
        payment_loss: 0.0,
        payment_delay: Span::ZERO,
        exposure_pieces: 1,
        usd: Usd::Path(Arc::new(PricePath::constant(0.000_12).expect("a price"))),
        supply: Supply { promo: MicroBtt::from_btt(1e6), ..Supply::default() },
        airdrop: None,
        gateway: GatewayRules::default(),
    }
}

/// Users of the token's client with the default bidder.
pub fn users(adoption: f64) -> Trade {
    Trade { adoption, bidder: BidderSpec::Auto(AutoBid::PAPER), ..Trade::default() }
}

/// Those who stay ten minutes longer at most, an hour for each `reference` that an hour nets.
pub fn stayers(reference: NanoUsd) -> Trade {
    let elastic = Elastic {
        elasticity_percent: 100,
        reference_per_hour: reference,
        most: s(600.0),
        crowding_percent: 100,
    };
    Trade { stayer: StayerSpec::Elastic(elastic), ..users(0.8) }
}

/// Thirty leechers with asymmetric links, in two classes of which the first may trade, and a
/// seeder. They come over two minutes and stay for a while.
pub fn crowd(economy: Option<Economy>, trade: Trade) -> Plan {
    crowd_of(presets::mainline(), economy, trade)
}

/// The same of other clients.
fn crowd_of(rules: Protocol, economy: Option<Economy>, trade: Trade) -> Plan {
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, kib(60.0), &rules);
    let mut traders = class(Role::Leecher, 20, kib(30.0), &rules);
    traders.name = "traders".into();
    traders.arrivals = Arrivals::AtOnce { count: 20, at: SimTime::ZERO, spread: s(120.0) };
    traders.download = DownloadDist::TimesUpload(8.0);
    traders.stay = Stay::LingerExp(s(40.0));
    let mut others = traders.clone();
    others.name = "others".into();
    others.arrivals = Arrivals::AtOnce { count: 10, at: SimTime::ZERO, spread: s(120.0) };
    traders.trade = trade;
    let mut plan = plan(Bytes(4_000_001), Bytes(1 << 18), vec![seeder, traders, others]);
    (plan.economy, plan.sample) = (economy, s(50.0));
    plan
}

fn with_token(token: Token, trade: Trade) -> Plan {
    crowd(Some(Economy::Token(Box::new(token))), trade)
}

fn money(outcome: &Outcome) -> &MoneyRecord {
    outcome.money.as_ref().expect("there is money")
}

fn paid(outcome: &Outcome) -> u64 {
    money(outcome).wallets.iter().map(|wallet| wallet.spent.0).sum()
}

/// What is the same whether or not there is money.
fn without_money(outcome: &Outcome) -> Outcome {
    Outcome { money: None, ..outcome.clone() }
}

#[test]
fn a_token_without_money_is_barter_to_the_bit() {
    let formats = [Format::Uniform, Format::FirstPrice, Format::Posted, Format::Proportional];
    let combines = [
        Combine::Lexicographic,
        Combine::SlotSplit { paid: 2 },
        Combine::Weighted { bid_percent: 50 },
    ];
    let ties = [Ties::LongestWaiting, Ties::Random, Ties::HolderStays, Ties::Barter];
    let trade = Trade { gift: MicroBtt::ZERO, ..users(1.0) };
    // Each format meets each rule for ties.
    for seed in 1..5 {
        let barter = run(&crowd(None, trade.clone()), seed, &mut Unobserved);
        let rules = formats.into_iter().zip(combines.into_iter().cycle());
        for ((format, combine), ties) in
            rules.zip(ties.into_iter().cycle().skip(usize::try_from(seed).expect("small")))
        {
            let token = Token { format, combine, ties, ..token() };
            let outcome = run(&with_token(token, trade.clone()), seed, &mut Unobserved);
            assert_eq!(without_money(&outcome), barter, "{format:?}, {combine:?}, {ties:?}");
            assert_eq!(paid(&outcome), 0);
        }
    }
}

/// What a provider's risk changes about a client's send buffer it changes for those that pay.
#[test]
fn a_token_without_money_is_barter_to_the_bit_where_messages_wait() {
    let trade = Trade { gift: MicroBtt::ZERO, ..users(1.0) };
    for seed in 1..4 {
        let [barter, token] = [None, Some(Economy::Token(Box::new(token())))].map(|economy| {
            let case = crowd_of(presets::libtorrent(), economy, trade.clone());
            run(&case, seed, &mut Unobserved)
        });
        assert_eq!(without_money(&token), barter);
        assert_eq!(paid(&token), 0);
    }
}

/// Where all bid the same and ties go as in barter, money changes hands and nothing else changes:
/// no peer, no byte and no nanosecond.
#[test]
fn where_all_bid_alike_a_token_is_barter_with_payments() {
    let bidder = BidderSpec::Fixed(Price::from_btt_per_gib(20.0));
    let trade = Trade { bidder, ..users(1.0) };
    let service = ServiceRules { latency: Span::ZERO, ..ServiceRules::default() };
    for (seed, format) in [(1, Format::Uniform), (2, Format::FirstPrice), (3, Format::Uniform)] {
        let token = Token { ties: Ties::Barter, format, service: service.clone(), ..token() };
        let [barter, token] = [None, Some(Economy::Token(Box::new(token)))].map(|economy| {
            let mut plan = crowd(economy, trade.clone());
            plan.classes[2].trade = trade.clone();
            run(&plan, seed, &mut Unobserved)
        });
        assert_eq!(without_money(&token), barter, "{seed}");
        assert!(money(&token).counts.payments > 200, "{seed}: most of it is paid for");
    }
}

#[test]
fn every_law_of_money_holds_at_every_event() {
    let stays = stayers(NanoUsd(1_000));
    let fixed = BidderSpec::Fixed(Price::from_btt_per_gib(20.0));
    let plans = [
        with_token(token(), users(1.0)),
        with_token(token(), stays),
        with_token(
            Token { format: Format::FirstPrice, payment_loss: 0.3, ..token() },
            Trade { bidder: fixed.clone(), gift: MicroBtt(40_000), ..users(0.7) },
        ),
        with_token(
            Token {
                format: Format::Proportional,
                combine: Combine::PayOnly,
                ties: Ties::Random,
                ..token()
            },
            Trade { pays: false, ..users(0.5) },
        ),
        with_token(
            Token { combine: Combine::SlotSplit { paid: 1 }, ..token() },
            Trade { bans_others: true, asker: AskerSpec::Withhold, ..users(0.5) },
        ),
        with_token(
            Token { format: Format::Posted, ties: Ties::HolderStays, ..token() },
            Trade {
                asker: AskerSpec::Reserve(Price::from_btt_per_gib(5.0)),
                withdraws_at: Some(MicroBtt::from_btt(1.0)),
                ..users(1.0)
            },
        ),
    ];
    for (i, mut plan) in plans.into_iter().enumerate() {
        plan.audit = Audit::EveryEvent;
        plan.horizon = SimTime::from_secs(3000.0);
        let outcome = run(&plan, 7, &mut Unobserved);
        let money = money(&outcome);
        let sum = |of: &dyn Fn(&swarmecon::observe::WalletRecord) -> u64| -> u64 {
            money.wallets.iter().map(of).sum()
        };
        assert_eq!(sum(&|w| w.earned.0), sum(&|w| w.spent.0), "plan {i}: what one pays one earns");
        assert_eq!(sum(&|w| w.bought_bytes.0), sum(&|w| w.sold_bytes.0), "plan {i}");
        let sampled: u64 = money.samples.iter().map(|row| row.paid.0).sum();
        assert_eq!(sampled, sum(&|w| w.spent.0), "plan {i}: rows add up");
        assert!(i == 3 || sampled > 0, "plan {i}: somebody pays");
        for wallet in &money.wallets {
            assert!(wallet.trades || wallet.spent == MicroBtt::ZERO, "plan {i}: debited");
        }
    }
}

/// Every amount times two, the smallest coin, reserves and the limits of the gateway too: nothing
/// else changes, to the bit.
#[test]
fn money_is_neutral() {
    let per_gib = |n: u64| Price::new(MicroBtt(n * 50_000_000), Bytes(1 << 30));
    let askers: [fn(Price) -> AskerSpec; 3] = [
        |_| AskerSpec::Free,
        AskerSpec::Reserve,
        |start| AskerSpec::Tatonnement(Tatonnement::new(start, 20)),
    ];
    let mut withdrawals = 0;
    for (asker, format) in
        askers.into_iter().zip([Format::Uniform, Format::FirstPrice, Format::Posted])
    {
        let scaled = |n: u64| {
            let gateway = GatewayRules {
                least_withdrawal: MicroBtt(n * 1_000_000),
                daily_cap: MicroBtt(n * 60_000_000),
                ..GatewayRules::default()
            };
            let promo = MicroBtt(n * 1_000_000_000);
            let supply = Supply { promo, gateway: MicroBtt(n * 50_000_000), ..Supply::default() };
            let token = Token { coin: MicroBtt(n), supply, gateway, format, ..token() };
            let trade = Trade {
                gift: MicroBtt(n * 3_333_333),
                withdraws_at: Some(MicroBtt(n * 5_000_000)),
                asker: asker(per_gib(n)),
                ..users(0.9)
            };
            run(&with_token(token, trade), 4, &mut Unobserved)
        };
        let one = scaled(1);
        for n in [2, 1000] {
            let many = scaled(n);
            assert_eq!(without_money(&one), without_money(&many), "{format:?} ×{n}");
            // A price that is multiplied each round has no 64 bits left for a thousand.
            if n == 2 || !matches!(asker(per_gib(1)), AskerSpec::Tatonnement(_)) {
                assert_eq!(paid(&one) * n, paid(&many), "{format:?} ×{n}");
            }
        }
        assert!(paid(&one) > 0, "{format:?}");
        withdrawals += money(&one).counts.withdrawals;
    }
    assert!(withdrawals > 0, "the gateway has something to do");
}

/// With elasticity 0 the token reallocates: the users offer as much upload as without it.
#[test]
fn without_elasticity_nobody_stays_longer() {
    let unmoved = Elastic {
        elasticity_percent: 0,
        reference_per_hour: NanoUsd(1),
        most: s(1e6),
        crowding_percent: 100,
    };
    let trade = Trade { stayer: StayerSpec::Elastic(unmoved), ..users(1.0) };
    let moved = Trade {
        stayer: StayerSpec::Elastic(Elastic { elasticity_percent: 100, ..unmoved }),
        ..users(1.0)
    };
    let seeded = |outcome: &Outcome| -> Vec<u64> {
        let peers = outcome.peers.iter().filter(|peer| !peer.is_origin);
        peers.filter_map(|p| Some(p.departed?.since(p.completed?).0)).collect()
    };
    let mut barter = crowd(None, trade.clone());
    let mut token_plan = with_token(token(), trade);
    let mut elastic = with_token(token(), moved);
    for plan in [&mut barter, &mut token_plan, &mut elastic] {
        (plan.until_horizon, plan.horizon) = (true, SimTime::from_secs(4000.0));
    }
    let [a, b, c] = [barter, token_plan, elastic].map(|p| seeded(&run(&p, 3, &mut Unobserved)));
    assert_eq!(a, b, "who is paid leaves when it would without");
    assert_ne!(b, c, "and with elasticity it does not");
}

/// Providers without the token's client, and those that take no payments, do not look at bids: if
/// nobody else provides, bids change nothing at all.
#[test]
fn providers_without_the_client_ignore_bids() {
    let rich = Trade { gift: MicroBtt::from_btt(1000.0), ..users(1.0) };
    // Who has the client gives nothing, and who gives has another client.
    let takers = |economy, trade| {
        let mut plan = crowd(economy, trade);
        plan.classes[1].choker = ChokerSpec::Never;
        plan
    };
    let refusers = Trade { sells: false, ..rich.clone() };
    for (seed, trade, plan) in
        [(2, &rich, &takers as &dyn Fn(_, _) -> Plan), (3, &refusers, &crowd)]
    {
        let barter = run(&plan(None, trade.clone()), seed, &mut Unobserved);
        let economy = Some(Economy::Token(Box::new(token())));
        let outcome = run(&plan(economy, trade.clone()), seed, &mut Unobserved);
        assert_eq!(without_money(&outcome), barter);
        let money = money(&outcome);
        assert!(money.samples.iter().any(|row| row.median_bid > Price::ZERO), "they do bid");
        assert!(money.counts.tally.bids_posted > 20 && paid(&outcome) == 0, "for nothing");
    }
    let barter = run(&crowd(None, rich.clone()), 2, &mut Unobserved);
    let outcome = run(&with_token(token(), rich), 2, &mut Unobserved);
    assert_ne!(without_money(&outcome), barter, "while bids among those with the client do");
}

/// One slot, two bidders with 10 and 5 BTT: the richer is served and pays what the poorer offers,
/// all of it, as the poorer's offer does not move while it waits; then nobody competes with the
/// poorer, and it pays nothing.
#[test]
fn the_winner_pays_what_the_loser_offers() {
    let mut rules = plain();
    rules.choking.slots = Slots::Fixed(1);
    rules.choking.optimistic_slots = 0;
    let rules = Arc::new(rules);
    let user = |name: &str, btt| {
        let mut class = class(Role::Leecher, 1, kib(1.0), &rules);
        (class.name, class.choker) = (name.into(), ChokerSpec::Never);
        class.trade = Trade { gift: MicroBtt::from_btt(btt), ..users(1.0) };
        class
    };
    let mut seeder = class(Role::Seeder, 1, kib(64.0), &rules);
    seeder.trade = users(1.0);
    let content = Bytes(16 << 20);
    let mut plan =
        plan(content, Bytes(1 << 18), vec![seeder, user("rich", 10.0), user("poor", 5.0)]);
    plan.economy = Some(Economy::Token(Box::new(token())));
    plan.audit = Audit::EveryEvent;
    let outcome = run(&plan, 1, &mut Unobserved);
    let done = |i: usize| outcome.peers[i].completed.expect("finishes");
    assert!(done(1) < done(2), "the richer is first");
    let [_, rich, poor] = [0, 1, 2].map(|i| &money(&outcome).wallets[i]);
    assert_eq!(poor.spent, MicroBtt::ZERO, "nobody bids against it");
    // All but what came before the first round of the choker, which had no bids to go by.
    let for_free = Bytes(content.0 - rich.bought_bytes.0);
    assert!(for_free <= kib(64.0).bytes_in(rules.choking.rechoke), "{for_free:?}");
    let offer = Price::new(MicroBtt::from_btt(5.0), content);
    let exact = offer.of(rich.bought_bytes, MicroBtt(1));
    assert!(rich.spent <= exact && exact - rich.spent <= MicroBtt(64), "{rich:?}, {exact:?}");
    assert_eq!(money(&outcome).wallets[0].earned, rich.spent);
}

/// A grant that nobody can use up changes nothing; a small one shuts those out that only take.
#[test]
fn credit_shuts_out_who_only_takes() {
    let rules = |grant, counted_percent| Economy::Credit(Credit { grant, counted_percent });
    let mut barter = crowd(None, users(0.0));
    barter.classes[2].choker = ChokerSpec::Never;
    let with = |economy| Plan { economy: Some(economy), ..barter.clone() };
    let plain = run(&barter, 3, &mut Unobserved);
    for endless in [rules(Bytes(1 << 50), 100), rules(Bytes(1), 0)] {
        assert_eq!(run(&with(endless), 3, &mut Unobserved), plain, "nobody is shut out");
    }
    let strict = run(&with(rules(Bytes(1_000_000), 100)), 3, &mut Unobserved);
    for peer in strict.peers.iter().filter(|peer| peer.class.0 == 2) {
        // What is under way when the account is empty is finished: a run from each that serves it.
        assert!(
            peer.completed.is_none(),
            "who gives nothing gets no more than its grant: {peer:?}"
        );
        assert!(peer.downloaded < Bytes(2_500_000), "{peer:?}");
    }
    let done = |outcome: &Outcome| {
        outcome.peers.iter().filter(|p| p.class.0 == 1 && p.completed.is_some()).count()
    };
    assert!(done(&strict) > 0 && done(&plain) == 20, "who gives is served");
}

/// One wallet across swarms: nothing is created or lost, whatever the order of what happens, with
/// users who come and go and a server that is down for a while.
#[test]
fn every_law_of_money_holds_in_a_catalogue() {
    for (insolvency, outage) in
        [(Insolvency::ReserveByRemaining, 0.0), (Insolvency::PaperNaive, 900.0)]
    {
        let mut plan = super::catalogue::library(40, 300.0, &Arc::new(presets::mainline()));
        let outages = vec![Outage { start: SimTime::from_secs(1000.0), length: s(outage) }];
        let service = ServiceRules { latency: s(2.0), per_second: NonZeroU32::new(5), outages };
        // Few bid for a slot here: by the uniform price all would be for nothing.
        let token = Token { service, format: Format::FirstPrice, ..token() };
        plan.economy = Some(Economy::Token(Box::new(token)));
        plan.audit = Audit::EveryEvent;
        for class in &mut plan.classes {
            let rule = AutoBid { insolvency, ..AutoBid::PAPER };
            class.trade = Trade { bidder: BidderSpec::Auto(rule), ..users(0.9) };
        }
        let outcome = run(&plan, 11, &mut Unobserved);
        let counts = &money(&outcome).counts;
        assert!(counts.payments > 100, "{counts:?}");
        assert!(outage == 0.0 || counts.ledger_longest_wait >= s(outage / 2.0), "{counts:?}");
        let wallets = &money(&outcome).wallets;
        let earned_elsewhere = wallets.iter().filter(|w| w.earned > MicroBtt::ZERO).count();
        assert!(earned_elsewhere > 5, "users are paid for what they seed");
    }
}

/// The timeline is read, not made: how often a row is taken changes no bid, payment or withdrawal.
#[test]
fn taking_rows_moves_no_money() {
    let mut gateway = GatewayRules { least_withdrawal: MicroBtt::BTT, ..GatewayRules::default() };
    gateway.daily_cap = MicroBtt::from_btt(20.0);
    let supply = Supply { gateway: MicroBtt::from_btt(1e3), ..token().supply };
    let service = ServiceRules { latency: s(20.0), ..ServiceRules::default() };
    let token = Token { gateway, supply, service, ..token() };
    let trade = Trade { withdraws_at: Some(MicroBtt::from_btt(12.0)), ..users(1.0) };
    let sampled = |every| Plan { sample: s(every), ..with_token(token.clone(), trade.clone()) };
    let [often, seldom] = [7.0, 5000.0].map(|every| run(&sampled(every), 6, &mut Unobserved));
    assert_eq!(money(&often).wallets, money(&seldom).wallets);
    assert_eq!(money(&often).counts, money(&seldom).counts);
    assert_eq!(often.peers, seldom.peers);
    assert!(money(&often).counts.withdrawals > 0, "somebody withdraws");
}

/// Who has the client and switched payments off has no wallet: it is never debited, and if all do
/// it is barter.
#[test]
fn who_opts_out_is_never_debited() {
    let rule = |opt_out| Trade { opt_out, ..users(1.0) };
    let barter = run(&crowd(None, rule(1.0)), 5, &mut Unobserved);
    let nobody = run(&with_token(token(), rule(1.0)), 5, &mut Unobserved);
    assert_eq!(without_money(&nobody), barter, "nobody pays");
    let outcome = run(&with_token(token(), rule(0.4)), 5, &mut Unobserved);
    let wallets = &money(&outcome).wallets;
    let outside = outcome.peers.iter().filter(|peer| peer.is_adopter).map(|peer| peer.user);
    let outside: Vec<_> = outside.filter(|user| !wallets[user.index()].trades).collect();
    assert!((2..19).contains(&outside.len()), "{} of 20 opted out", outside.len());
    for user in outside {
        let wallet = &wallets[user.index()];
        assert_eq!(wallet.spent + wallet.gift + wallet.earned, MicroBtt::ZERO, "{wallet:?}");
    }
    assert!(paid(&outcome) > 0, "the others pay");
}

/// A newcomer without money gets a first piece even where everybody that provides sells, and more
/// bid than there are slots to sell: by the optimistic slots, which are not for sale. Where sellers
/// have none, it gets nothing.
#[test]
fn the_penniless_get_a_first_piece() {
    let crowd = |optimistic_slots| {
        let mut rules = presets::mainline();
        rules.choking.slots = Slots::Fixed(4);
        rules.choking.optimistic_slots = optimistic_slots;
        rules.choking.optimistic_order = OptimisticOrder::LongestWaiting;
        let mut plan = crowd_of(rules, Some(Economy::Token(Box::new(token()))), users(1.0));
        // All take nothing but at sellers: the origin, and in the second case the rich.
        plan.classes[0].trade = users(1.0);
        plan.classes[2].trade = Trade { gift: MicroBtt::ZERO, ..users(1.0) };
        plan.classes[2].choker = ChokerSpec::Never;
        // When they come all others bid: before, slots that nobody buys are given away.
        let at = SimTime::from_secs(150.0);
        plan.classes[2].arrivals = Arrivals::AtOnce { count: 10, at, spread: Span::ZERO };
        // Nobody is done by the end, so that there are always twenty who bid.
        (plan.content, plan.horizon) = (Bytes(128_000_001), SimTime::from_secs(1500.0));
        plan
    };
    for seed in 1..4 {
        for rich in [ChokerSpec::Never, ChokerSpec::TitForTat] {
            let started = |optimistic_slots| {
                let mut plan = crowd(optimistic_slots);
                plan.classes[1].choker = rich.clone();
                let outcome = run(&plan, seed, &mut Unobserved);
                assert!(outcome.peers.iter().all(|p| p.is_origin || p.completed.is_none()));
                let poor = outcome.peers.iter().filter(|peer| peer.class.0 == 2);
                poor.filter(|peer| peer.first_piece.is_some()).count()
            };
            assert_eq!(started(1), 10, "seed {seed}: all get a piece");
            let alone = matches!(rich, ChokerSpec::Never);
            assert!(!alone || started(0) == 0, "seed {seed}: that is by the optimistic slots");
        }
    }
}
